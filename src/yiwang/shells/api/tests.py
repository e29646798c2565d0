"""The interface of registers, shown on rivers: read by anybody where open, written by a granted system, retried, followed, told."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from django.test import Client as Browser

from yiwang.base.errors import NotAllowed
from yiwang.engines.parties import api as parties
from yiwang.engines.registers import api as registers
from yiwang.engines.registers import feed, hooks
from yiwang.engines.registers.models import Hook, Version
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.registry import registry
from yiwang.platforms.identity import api as identity

River: Any = registry().registers["river"].model
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_rivers")]
RIVERS = registry().registers["river"]
NEW = {"code": "GD-1", "name": "九洲江", "kind": "river", "division": "廉江市", "length_km": "168.5"}


class Machine:
    """An outside system with a token."""

    def __init__(self, *scope: str) -> None:
        organ = parties.organ_for("water_affairs", "440800000000").pk
        client, secret = identity.make_client(SYSTEM, code="water", name="水利一张图", organ=organ, scope=scope)
        self.actor = Actor(client=client.code, name=client.name, scope=scope)
        self.browser = Browser(headers={"Authorization": f"Bearer {identity.token('water', secret)}"})

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.browser.generic(method, f"/api/registers{path}", json.dumps(body) if body is not None else "", content_type="application/json", headers=given)


def add(machine: Machine, key: str = "key-00000001", **changes: str) -> Any:
    return machine.send("POST", "/river/rows", {"fields": {**NEW, **changes}}, Idempotency_Key=key)


def test_an_open_register_is_read_without_a_token_and_nothing_is_written() -> None:
    registers.keep(SYSTEM, RIVERS, NEW)
    anybody = Browser()
    found = anybody.get("/api/registers/river/rows?kind=river&q=九洲").json()
    assert [row["fields"]["name"] for row in found["items"]] == ["九洲江"] and found["next"] == ""
    assert anybody.get("/api/registers/licence-types/rows").status_code == 401
    assert anybody.post("/api/registers/river/rows", {"fields": NEW}, content_type="application/json", headers={"Idempotency-Key": "key-00000001"}).status_code == 401
    assert "river" in {r["code"] for r in anybody.get("/api/registers").json()}


def test_a_write_is_done_once_for_a_key() -> None:
    machine = Machine("register:river:write")
    first, again = add(machine), add(machine)
    assert (first.status_code, again.status_code) == (201, 200) and first.json()["id"] == again.json()["id"]
    assert add(machine, name="别的").status_code == 409, "the key was used for something else"
    assert River.objects.count() == 1
    wrong = add(machine, key="key-00000002", division="没有的县", length_km="x")
    assert wrong.status_code == 422 and set(wrong.json()["errors"]) >= {"division", "length_km"}
    assert set(machine.send("POST", "/river/rows", {"fields": {"nam": 1}}, Idempotency_Key="key-00000003").json()["errors"]) == {"nam"}


def test_who_may_only_read_does_not_write() -> None:
    reader = Machine("register:river")
    assert reader.send("GET", "/river/rows").status_code == 200 and add(reader).status_code == 403


def test_a_change_needs_what_was_seen() -> None:
    machine = Machine("register:river:write")
    made = add(machine)
    path = f"/river/rows/{made.json()['id']}"
    assert made["ETag"] == '"1"' and machine.send("GET", path, If_None_Match='"1"').status_code == 304
    changed = machine.send("PATCH", path, {"fields": {"name": "九洲江干流"}}, If_Match='"1"')
    assert changed.status_code == 200 and changed["ETag"] == '"2"'
    assert machine.send("PATCH", path, {"fields": {"name": "又改"}}, If_Match='"1"').status_code == 409
    assert machine.send("PATCH", path, {"fields": {"name": "又改"}}).status_code == 422, "nobody overwrites what they did not see"
    assert machine.send("GET", "/river/rows/5").status_code == 404


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's own transaction counts as ended, as it would be for a reader in another one."""
    monkeypatch.setattr(feed._OldestRunning, "template", "9223372036854775807")


def test_the_feed_goes_on_from_its_cursor(settled: None) -> None:
    machine = Machine("register:river:write")
    river = add(machine).json()["id"]
    first = machine.send("GET", "/river/changes").json()
    assert [c["row"] for c in first["changes"]] == [river] and first["changes"][0]["fields"]["name"] == "九洲江"
    assert machine.send("GET", f"/river/changes?cursor={first['cursor']}").json() == {"changes": [], "cursor": first["cursor"]}
    machine.send("PATCH", f"/river/rows/{river}", {"fields": {"name": "新名"}}, If_Match='"1"')
    assert [c["fields"] for c in machine.send("GET", f"/river/changes?cursor={first['cursor']}").json()["changes"]] == [{"name": "新名"}]
    assert machine.send("GET", "/river/changes?cursor=x").status_code == 422


def test_a_running_transaction_holds_the_feed_back() -> None:
    registers.keep(SYSTEM, RIVERS, NEW)
    assert Version.objects.exists() and registers.changes_since(SYSTEM, RIVERS).changes == [], "not before this very transaction has ended"


class Listener(BaseHTTPRequestHandler):
    got: ClassVar[list[tuple[dict[str, str], bytes]]] = []
    status: ClassVar[int] = 200

    def do_POST(self) -> None:  # the base class's name
        Listener.got.append(({k.lower(): v for k, v in self.headers.items()}, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(Listener.status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(hooks, "is_inside", lambda address: False)  # it listens on this very machine
    Listener.got.clear()
    Listener.status = 200
    server = HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/changes"
    server.shutdown()
    server.server_close()


def test_an_approved_hook_is_told_signed_and_goes_on_after_a_failure(settled: None, listener: str) -> None:
    machine = Machine("register:river:write")
    add(machine)
    asked = machine.send("POST", "/river/hooks", {"url": listener})
    assert asked.status_code == 201 and hooks.tell_all() == 0 and not Listener.got, "nothing before an administrator lets it"
    with pytest.raises(NotAllowed):
        registers.approve_hook(machine.actor, Hook.objects.get().pk)
    registers.approve_hook(identity.actor_of_account("sysadmin"), Hook.objects.get().pk)
    Listener.status = 500
    assert hooks.tell_all() == 0 and Hook.objects.get().failures == 1
    Listener.status = 200
    assert hooks.tell_all() == 1 and hooks.tell_all() == 0
    headers, body = Listener.got[-1]
    assert json.loads(body)["changes"][0]["fields"]["name"] == "九洲江"
    key = base64.b64decode(asked.json()["secret"].removeprefix("whsec_"))
    expected = hmac.new(key, f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(expected).decode()
    assert Listener.got[0][0]["webhook-id"] == headers["webhook-id"], "the same delivery again is recognised"
    assert machine.send("DELETE", f"/river/hooks/{asked.json()['id']}").status_code == 204 and not Hook.objects.exists()


def test_the_contract_names_every_register() -> None:
    paths = Browser().get("/api/openapi.json").json()["paths"]
    for code in registry().registers:
        assert f"/api/registers/{code}/rows" in paths and f"/api/registers/{code}/changes" in paths
    assert "If-Match" in json.dumps(paths["/api/registers/river/rows/{row}"])


def test_the_contract_says_what_each_register_holds_and_which_fields_are_personal() -> None:
    told = {tag["name"]: tag["description"] for tag in Browser().get("/api/openapi.json").json()["tags"]}
    assert set(told) == {f"register:{code}" for code in registry().registers}
    assert told["register:river"].startswith("河湖（互联网+河长制，无条件共享）") and "`division` " in told["register:river"] and "必填" in told["register:river"]
    for register in registry().registers.values():
        fields = {f.name for f in register.model._meta.concrete_fields}
        assert told[f"register:{register.code}"].count("个人信息，遮盖后返回") == len(fields & set(register.personal))
