"""An authorised system submits and follows a case; whatever else is sent gets a clear answer (schemathesis); without a token nothing."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from tests.city import ROOT, City

MAKE = """
import django, sys; django.setup()
from yiwang.engines.parties import api as parties
from yiwang.kit.actors import SYSTEM
from yiwang.platforms.identity import api as identity
organ = parties.organ_for("market_regulation", "440802000000").pk
print(identity.make_client(SYSTEM, code="pos", name="连锁餐饮系统", organ=organ, scope=["food_operation", "elderly_card_apply"])[1])
"""


def call(city: City, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(city.url + path, data=json.dumps(body).encode() if body is not None else None, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as problem:
        return problem.code, json.load(problem)


@pytest.fixture(scope="module")
def token(city: City) -> Iterator[str]:
    done = subprocess.run([sys.executable, "-c", MAKE], cwd=ROOT, env=city.environment, check=True, capture_output=True, text=True)
    status, body = call(city, "POST", "/api/oauth/token", {"client_id": "pos", "client_secret": done.stdout.strip().splitlines()[-1]})
    assert status == 200
    yield body["access_token"]


ELDER = {
    "key": "till-0001-0001", "item": "elderly_card_apply", "division": "440802001000",
    "applicant": {"name": "林海棠", "number": "44089919580312901X", "phone": "19911110000"},
    "situation": {"who": "self"}, "answers": {"name": "林海棠", "number": "44089919580312901X", "birth": "1958-03-12", "phone": "19911110000"},
}  # fmt: skip


def test_submit_once_and_follow(city: City, token: str) -> None:
    status, case = call(city, "POST", "/api/cases", ELDER, token)
    assert status == 201 and case["organ"] == "赤坎区中华街道办事处"
    again, same = call(city, "POST", "/api/cases", ELDER, token)
    assert (again, same["id"]) == (200, case["id"])
    status, events = call(city, "GET", f"/api/cases/{case['id']}/events", token=token)
    assert status == 200 and events[0]["step"] == "submit"


def test_refused(city: City, token: str) -> None:
    assert call(city, "POST", "/api/cases", ELDER)[0] == 401
    assert call(city, "POST", "/api/cases", ELDER, "false")[0] == 401
    status, problem = call(city, "POST", "/api/cases", {**ELDER, "key": "till-0001-0002", "item": "road_dig"}, token)
    assert status in {403, 422} and problem["detail"]
    status, problem = call(city, "POST", "/api/cases", {**ELDER, "key": "till-0001-0003", "applicant": {**ELDER["applicant"], "number": "440899195803129011"}}, token)
    assert status == 422 and "number" in problem["errors"]
    assert call(city, "POST", "/api/oauth/token", {"client_id": "pos", "client_secret": "wrong"})[0] == 401


def test_whatever_is_sent_gets_an_answer_of_the_contract(city: City, token: str) -> None:
    schema = schemathesis.openapi.from_url(f"{city.url}/api/openapi.json")
    for found in schema.get_all_operations():
        operation = found.ok()

        def one(case: Any) -> None:
            case.call_and_validate(headers={"Authorization": f"Bearer {token}"})

        limits = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
        limits(given(case=operation.as_strategy())(one))()
