"""An authorised system submits and follows a case; whatever else is sent gets an answer of the contract (schemathesis); without a token nothing."""

import base64
import hashlib
import http.client
import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.config import SchemathesisConfig

from demo import people
from tests.city import ROOT, City
from tests.journeys.conftest import Person

MAKE = """
import django, sys; django.setup()
from yiwang.engines.parties import api as parties
from yiwang.kit.actors import SYSTEM
from yiwang.platforms.identity import api as identity
organ = parties.organ_for("market_regulation", "440802000000").pk
for code, rate in (("pos", 100000), ("other", 100000), ("slow", 3)):
    print(code, identity.make_client(SYSTEM, code=code, name="连锁餐饮系统", organ=organ, scope=["food_operation", "elderly_card_apply"], rate=rate)[1])
"""
PDF = b"%PDF-1.4\n%%EOF\n"
ELDER = {
    "key": "till-0001-0001", "item": "elderly_card_apply", "division": "440802001000",
    "applicant": {"name": "林海棠", "number": "44089919580312901X", "phone": "19911110000"},
    "situation": {"who": "self"}, "answers": {"name": "林海棠", "number": "44089919580312901X", "birth": "1958-03-12", "phone": "19911110000"},
    "materials": [{"code": "photo", "name": "照片.pdf", "content": base64.b64encode(PDF).decode()}],
}  # fmt: skip
RUOXI = {"name": "刘若溪", "number": people.number_of(date(1999, 5, 20), 906)}  # of the demo cast; too young for the card, so that the case waits for the window
YOUNG = {**ELDER, "applicant": {**RUOXI, "phone": ELDER["answers"]["phone"]}, "answers": {**RUOXI, "birth": "1999-05-20", "phone": ELDER["answers"]["phone"]}}
STRICT = SchemathesisConfig.from_dict({
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "413", "422"]},  # what a schema cannot say: check digits, scope, states
        "negative_data_rejection": {"expected-statuses": ["400", "401", "403", "404", "405", "409", "413", "415", "422"]},
    },
})  # fmt: skip


def call(city: City, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any, Any]:
    """Status, content (JSON or bytes) and headers."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(city.url + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, content, headers = answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as problem:
        status, content, headers = problem.code, problem.read(), problem.headers
    return status, json.loads(content) if "json" in headers["Content-Type"] else content, headers


@pytest.fixture(scope="module")
def secrets(city: City) -> dict[str, str]:
    done = subprocess.run([sys.executable, "-c", MAKE], cwd=ROOT, env=city.environment, check=True, capture_output=True, text=True)
    return dict(line.split() for line in done.stdout.strip().splitlines()[-3:])


@pytest.fixture(scope="module")
def tokens(city: City, secrets: dict[str, str]) -> Iterator[Callable[[str], str]]:
    def get(code: str) -> str:
        status, body, _ = call(city, "POST", "/api/oauth/token", {"client_id": code, "client_secret": secrets[code]})
        assert status == 200
        return str(body["access_token"])

    yield get


@pytest.fixture(scope="module")
def token(tokens: Callable[[str], str]) -> str:
    return tokens("pos")


def test_a_token_is_given_to_a_form_as_oauth_clients_send_it(city: City, secrets: dict[str, str]) -> None:
    form = urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": "pos", "client_secret": secrets["pos"]}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{city.url}/api/oauth/token", data=form), timeout=30) as answer:
        assert json.load(answer)["token_type"] == "Bearer"
    status, problem, headers = call(city, "POST", "/api/oauth/token", {"client_id": "pos", "client_secret": "wrong"})
    assert status == 401 and headers["WWW-Authenticate"] == "Bearer" and problem["type"] == "urn:yiwang:problem:sign-in-needed"


def test_submit_once_and_follow_to_the_sealed_paper(city: City, token: str, tokens: Callable[[str], str], person: Callable[..., Person]) -> None:
    status, item, _ = call(city, "GET", "/api/items/elderly_card_apply", token=token)
    assert status == 200 and {"name", "number", "birth"} <= set(item["form"]["properties"])

    status, case, headers = call(city, "POST", "/api/cases", ELDER, token)
    assert status == 201 and case["organ"] == "赤坎区中华街道办事处" and headers["Location"] == f"/api/cases/{case['id']}"
    again, same, _ = call(city, "POST", "/api/cases", ELDER, token)
    assert (again, same["id"]) == (200, case["id"])
    status, problem, _ = call(city, "POST", "/api/cases", {**ELDER, "answers": {**ELDER["answers"], "phone": "19911110009"}}, token)  # type: ignore[dict-item]
    assert status == 409 and "标识" in problem["detail"]

    status, events, _ = call(city, "GET", f"/api/cases/{case['id']}/events", token=token)
    assert status == 200 and events[0]["step"] == "submit"
    page, paper = person(), None
    for _ in range(60):  # made by a job after commit
        papers = call(city, "GET", f"/api/cases/{case['id']}/papers", token=token)[1]
        if papers:
            paper = papers[0]
            break
        page.page.wait_for_timeout(500)
    assert paper, "no paper was made"
    status, content, _ = call(city, "GET", f"/api/cases/{case['id']}/papers/{paper['id']}", token=token)
    assert status == 200 and content.startswith(b"%PDF") and hashlib.sha256(content).hexdigest() == paper["digest"]

    other = tokens("other")  # sees nothing of it
    for path in ("", "/events", "/papers", f"/papers/{paper['id']}"):
        assert call(city, "GET", f"/api/cases/{case['id']}{path}", token=other)[0] == 404
    assert call(city, "POST", f"/api/cases/{case['id']}/withdrawal", {"revision": 1, "reason": "不是我的"}, other)[0] == 404


def test_lists_page_by_key(city: City, token: str) -> None:
    for number in range(3):
        call(city, "POST", "/api/cases", {**ELDER, "key": f"page-0000-{number}"}, token)
    _, first, _ = call(city, "GET", "/api/cases?limit=2", token=token)
    _, second, _ = call(city, "GET", f"/api/cases?limit=2&after={first['next']}", token=token)
    assert len(first["cases"]) == 2 and not {c["id"] for c in first["cases"]} & {c["id"] for c in second["cases"]}
    assert call(city, "GET", "/api/cases?limit=0", token=token)[0] == 422


def test_refused(city: City, token: str, person: Callable[..., Person]) -> None:
    assert call(city, "POST", "/api/cases", ELDER)[0] == 401
    assert call(city, "POST", "/api/cases", {"nonsense": 1})[0] == 401  # who is nobody learns nothing about the form
    assert call(city, "POST", "/api/cases", ELDER, "false")[0] == 401
    assert call(city, "POST", "/api/cases", {**ELDER, "key": "till-0001-0002", "item": "road_dig"}, token)[0] in {403, 404}
    wrong = {**ELDER, "key": "till-0001-0003", "applicant": {"name": "林海棠", "number": "440899195803129011"}}
    status, problem, headers = call(city, "POST", "/api/cases", wrong, token)
    assert status == 422 and "number" in problem["errors"] and headers["Content-Type"].startswith("application/problem+json")
    status, problem, _ = call(city, "POST", "/api/cases", {**ELDER, "key": "x"}, token)
    assert status == 422 and "格式" in problem["errors"]["key"]
    assert call(city, "POST", "/api/cases", b"{", token)[:1] == (400,)
    assert _announced(city, token, 21_000_000) == 413
    status, _, headers = call(city, "DELETE", "/api/cases", token=token)
    assert status == 405 and "POST" in headers["Allow"] and headers["Content-Type"].startswith("application/problem+json")
    answer = person("haitang").page.request.get(f"{city.url}/api/cases")  # a person's session opens no machine's door
    assert answer.status == 403


def _announced(city: City, token: str, size: int) -> int:
    """The answer to a body that is only announced: too large is refused before it is sent."""
    connection = http.client.HTTPConnection("localhost", city.port, timeout=30)
    connection.putrequest("POST", "/api/cases")
    for name, value in (("Content-Type", "application/json"), ("Content-Length", str(size)), ("Authorization", f"Bearer {token}")):
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_materials_are_checked_as_for_a_person(city: City, token: str) -> None:
    material = {"code": "no-such-material", "name": "a.pdf", "content": base64.b64encode(PDF).decode()}
    status, problem, _ = call(city, "POST", "/api/cases", {**ELDER, "key": "till-0001-0010", "materials": [material]}, token)
    assert status == 422 and set(problem["errors"]) == {"material:no-such-material", "material:photo"}
    script = {"code": "photo", "name": "照片.png", "content": base64.b64encode(b"MZ\x90\x00").decode()}
    status, problem, _ = call(city, "POST", "/api/cases", {**ELDER, "key": "till-0001-0012", "materials": [script]}, token)
    assert status == 422 and "不支持" in problem["errors"]["material:photo"]
    status, problem, _ = call(city, "POST", "/api/cases", {**ELDER, "key": "till-0001-0011", "materials": [{**material, "content": "###"}]}, token)
    assert status == 422 and "BASE64" in problem["errors"]["material:no-such-material"]


def test_withdrawn_once_and_only_as_last_seen(city: City, token: str) -> None:
    _, case, _ = call(city, "POST", "/api/cases", {**YOUNG, "key": "till-0001-0020"}, token)
    path = f"/api/cases/{case['id']}/withdrawal"
    assert call(city, "POST", path, {"revision": case["revision"] + 7, "reason": "改到窗口办理"}, token)[0] == 409
    status, after, headers = call(city, "POST", path, {"revision": case["revision"], "reason": "改到窗口办理"}, token)
    assert status == 200 and after["outcome"] == "withdrawn" and headers["ETag"] == f'"{after["revision"]}"'
    assert call(city, "POST", path, {"revision": after["revision"], "reason": "再撤回一次"}, token)[0] == 409
    assert call(city, "POST", f"/api/cases/{case['id']}/correction", {"revision": after["revision"]}, token)[0] == 409


def test_above_its_rate_a_system_is_asked_to_wait(city: City, tokens: Callable[[str], str]) -> None:
    token = tokens("slow")
    answers = [call(city, "GET", "/api/cases", token=token) for _ in range(8)]  # more than two minutes' worth, should a minute end in between
    status, problem, headers = answers[-1]
    assert status == 429 and 0 < int(headers["Retry-After"]) <= 60 and "3 次" in problem["detail"]


def _schema(city: City) -> Any:
    return schemathesis.openapi.from_url(f"{city.url}/api/openapi.json", config=STRICT)


def test_whatever_is_sent_gets_an_answer_of_the_contract(city: City, token: str) -> None:
    """Every operation, valid and invalid input, all checks."""
    for found in _schema(city).get_all_operations():
        operation = found.ok()
        for mode in schemathesis.GenerationMode:

            def one(case: Any) -> None:
                case.call_and_validate(headers={"Authorization": f"Bearer {token}"})

            limits = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None, phases=[Phase.generate])
            try:
                limits(given(case=operation.as_strategy(generation_mode=mode))(one))()
            except Unsatisfiable:
                assert mode is schemathesis.GenerationMode.NEGATIVE  # nearly nothing is asked, so it cannot be asked wrongly


def test_cases_followed_by_their_links_keep_the_contract(city: City, token: str) -> None:
    class Following(_schema(city).as_state_machine()):  # type: ignore[misc]  # made at run time
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": {"Authorization": f"Bearer {token}"}}

    Following.run(settings=settings(max_examples=15, stateful_step_count=5, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None, phases=[Phase.generate]))


def test_the_document_is_openapi_31_with_examples(city: City) -> None:
    status, document, _ = call(city, "GET", "/api/openapi.json")
    assert status == 200 and document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"] and operation["description"] and operation["operationId"], (method, path)
            assert path == "/api/oauth/token" or operation["security"], (method, path)
            assert all("application/problem+json" in r["content"] for code, r in operation["responses"].items() if int(code) >= 400), (method, path)
    assert document["components"]["schemas"]["SubmissionIn"]["properties"]["key"]["examples"]
