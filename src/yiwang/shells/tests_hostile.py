"""What an ill-meaning or confused asker sends: nobody gets more than is theirs, nothing breaks, nothing is lost."""

import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Post
from yiwang.engines.registers import api as registers
from yiwang.engines.registers import feed, hooks, imports, machines
from yiwang.engines.registers.models import Hook, Import, WriteKey
from yiwang.engines.registers.tests_transfers import GOOD, RIVERS, River, errors, file, office, sent, written
from yiwang.kit import cells
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.fields import wrong_in_register
from yiwang.kit.registry import registry
from yiwang.platforms.identity import api as identity
from yiwang.platforms.identity import clients
from yiwang.platforms.identity.models import Account

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_rivers")]
NEW = {"code": "GD-1", "name": "九洲江", "kind": "river", "division": "廉江市", "length_km": "168.5"}


def river(**changes: str) -> Any:
    return registers.keep(SYSTEM, RIVERS, {**NEW, **changes})


@pytest.fixture
def browser() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(Account.objects.get(username="hezhangban"), backend="yiwang.platforms.identity.doors.AccountBackend")
    return client


DAYS = ["2026-02-30", "0001-01-01", "9999-12-31", "2026-13-01", "²", "x" * 200]
KEYS = ["WzFd", "W251bGwsMV0", "bnVsbA", "e30", "WyIyMDI2LTAxLTAxIiwgWzFdXQ", "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMCwxXQ", "W05hTixOYU5d", "é", "=", "W1tbW1tb" * 500, "WyJcdWQ4MDAiLDFd"]
BOXES = ["nan,nan,nan,nan", "inf,0,1,1", "1e400,1,2,3", "120,22,110,21", "1,2,3", "a,b,c,d", "-1e300,-1e300,1e300,1e300", ""]


@pytest.mark.parametrize("path", [
    *(f"calendar?month={m}" for m in ("2026-13", "0001-01", "9999-12", "2026", "²", "-1", "99999-01")), *(f"?after={k}" for k in KEYS), *(f"?order=name&after={k}" for k in KEYS),
    *(f"?order=changed_at&after={k}" for k in KEYS), *(f"features.geojson?bbox={b}" for b in BOXES), "?size=²", "?size=" + "9" * 5000, "?division=²", "?division=" + "9" * 30, "?kind=x&order=--name",
    "?q=" + "%27%3A%2A%26%21%28", "?q=%ED%A0%80", "?q=" + "a" * 5000, "export?q=" + "%E6%B2%B3" * 100, "export?division=nirgends", "²", "9" * 400, "-1", "?division=%00", "import/9" + "9" * 30,
])  # fmt: skip
def test_an_odd_address_is_answered(browser: Client, path: str) -> None:
    river()
    for register in ("river", "water-alert"):
        assert browser.get(f"/work/r/{register}/{path}").status_code < 500


@pytest.mark.parametrize("day", DAYS)
def test_an_odd_day_is_answered(browser: Client, day: str) -> None:
    one = river()
    for asked in ({"on": day}, {"at": day}, {"on": day, "at": day}):
        assert browser.get(f"/work/r/river/{one.pk}", asked).status_code < 500
    assert browser.get("/work/r/water-alert/", {"raised_at__from": day, "raised_at__to": day}).status_code < 500
    assert browser.post(f"/work/r/river/{one.pk}/edit", {**NEW, "name": "改", "revision": "1", "valid_from": day}).status_code < 500


@pytest.mark.parametrize(("path", "data"), [
    ("bulk", {"row": ["²"], "name": "x", "reason": "x"}), ("bulk", {"row": ["9" * 5000], "name": "x", "reason": "x"}), ("bulk", {"row": ["1"], "name": "x", "reason": "x"}), ("x/freeze", {"reason": "x"}),
    ("x/erase", {"reason": "x"}), (f"{'9' * 400}/freeze", {"reason": "x"}), ("x/reveal", {"reason": "x"}), ("views", {"name": "x", "parameters": "kind=" + "x" * 4000}), ("views", {"name": "x" * 5000, "parameters": "&&&==%"}),
    ("new", {**NEW, "division": "²"}), ("new", {**NEW, "division": "9" * 30}), ("new", {**NEW, "length_km": "NaN"}), ("new", {**NEW, "length_km": "1e999999"}), ("new", {**NEW, "length_km": "9" * 5000}),
    ("new", {**NEW, "name": "x" * 1_000_000}), ("new", {**NEW, "course": "[" * 5000}), ("new", {**NEW, "course": '{"type":"Point","coordinates":[NaN,1]}'}), ("new", {**NEW, "name": "\ud800"}),
    ("new", {**NEW, "course": '{"type":"MultiLineString","coordinates":[[[110,21,5],[111,22,6]]]}'}), ("new", {**NEW, "reason": "x" * 5000}), ("import", {"matching": "y" * 50}),
])  # fmt: skip
def test_an_odd_form_is_answered(browser: Client, path: str, data: dict[str, Any]) -> None:
    river(code="GD-0")
    more = {"file": io.BytesIO(file(GOOD).getvalue())} if path == "import" else {}
    if more:
        more["file"].name = "a.csv"
    try:
        assert browser.post(f"/work/r/river/{path}", {**data, **more}).status_code < 500
    except UnicodeEncodeError:
        pytest.skip("the test client itself cannot send it")


def test_a_form_without_the_revision_that_was_seen_overwrites_nothing(browser: Client) -> None:
    one = river()
    registers.change(SYSTEM, RIVERS, one.pk, {"name": "别人改的"}, revision=1)
    for seen in ({}, {"revision": ""}, {"revision": "²"}, {"revision": "9" * 5000}, {"revision": "1"}):
        assert browser.post(f"/work/r/river/{one.pk}/edit", {**NEW, "name": "盖掉", **seen}).status_code == 409
    assert River.objects.get(pk=one.pk).name == "别人改的"


def test_a_bulk_edit_says_which_row_and_does_not_touch_what_changed_since_it_was_ticked(browser: Client) -> None:
    one, two = river(), river(code="GD-2")
    page = browser.get("/work/r/river/").content.decode()
    assert f'value="{one.pk}-1"' in page, "the box says which revision was seen"
    registers.change(SYSTEM, RIVERS, two.pk, {"kind": "lake"}, revision=1)
    answer = browser.post("/work/r/river/bulk", {"row": [f"{one.pk}-1", f"{two.pk}-1"], "kind": "canal", "reason": "统一"})
    assert answer.status_code in {409, 422} and set(River.objects.values_list("kind", flat=True)) == {"river", "lake"}
    assert browser.post("/work/r/river/bulk", {"row": [f"{one.pk}-1", f"{two.pk}-2"], "kind": "canal", "reason": "统一"}).status_code == 302


def test_a_key_of_one_change_is_no_key_of_another() -> None:
    one, two = river(), river(code="GD-2")
    machine = Actor(client="water", name="水利一张图", scope=("register:river:write",))
    registers.change_once(machine, RIVERS, one.pk, {"name": "新名"}, revision=1, key="key-00000001")
    with pytest.raises(Conflict):
        registers.change_once(machine, RIVERS, two.pk, {"name": "新名"}, revision=1, key="key-00000001")
    assert River.objects.get(pk=two.pk).name == "九洲江"
    registers.keep_once(machine, RIVERS, {**NEW, "code": "GD-3"}, key="key-00000002")
    with pytest.raises(Conflict):
        registers.change_once(machine, RIVERS, one.pk, {**NEW, "code": "GD-3"}, revision=2, key="key-00000002")
    assert registers.change_once(machine, RIVERS, one.pk, {"name": "新名"}, revision=1, key="key-00000001").pk == one.pk, "the same again is the same"
    WriteKey.objects.update(at=timezone.now() - timedelta(days=100))
    machines.sweep()
    assert not WriteKey.objects.exists()


def test_who_follows_is_told_that_a_row_has_gone_and_nothing_else_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed._OldestRunning, "template", "9223372036854775807")
    one = river()
    follower = Actor(client="water", name="水利一张图", scope=("register:river",))
    before = registers.changes_since(follower, RIVERS)
    registers.change(SYSTEM, RIVERS, one.pk, {"name": "秘密"}, revision=1)
    registers.freeze(SYSTEM, RIVERS, one.pk, reason="停")
    told = registers.changes_since(follower, RIVERS, before.cursor)
    assert [(c.row, c.fields) for c in told.changes] == [(str(one.pk), {"standing": "frozen"})]
    registers.freeze(SYSTEM, RIVERS, one.pk, reason="恢复")
    again = registers.changes_since(follower, RIVERS, told.cursor)
    assert [(c.fields["standing"], c.fields["name"]) for c in again.changes] == [("live", "秘密")], "what was changed while it stood still was not told"


# --- files -------------------------------------------------------------------------------------------------------------------------------------


def test_an_import_touches_neither_frozen_rows_nor_rows_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db.models import Q

    one, two = river(), river(code="GD-2")
    registers.freeze(SYSTEM, RIVERS, one.pk, reason="停")
    monkeypatch.setattr(River, "visible_to", classmethod(lambda cls, actor: ~Q(code="GD-2")))
    source = sent(GOOD, ["GD-2", "抢来", "河流", "廉江市", "1"], ["GD-3", "新河", "河流", "廉江市", "1"], matching="update")
    found = errors(source)
    assert set(found) == {1, 2} and "停止处理" in found[1] and "管辖" in found[2]
    assert written(source, "good").written == 1 and set(River.objects.values_list("name", flat=True)) == {"九洲江", "新河"}
    assert River.objects.get(pk=two.pk).revision == 1


def test_an_import_names_only_rows_that_its_owner_may_see(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db.models import Q

    monkeypatch.setattr(RIVERS.model._meta.get_field("division").related_model, "visible_to", classmethod(lambda cls, actor: ~Q(name="雷州市")), raising=False)
    assert set(errors(sent(GOOD, ["GD-2", "x", "河流", "雷州市", "1"]))) == {2}


def test_whose_post_has_ended_writes_no_import() -> None:
    source, actor = sent(GOOD), office()
    post = Post.objects.get(pk=actor.seats[0].post)
    Post.objects.filter(pk=post.pk).update(roles=["clerk"])
    with pytest.raises(NotAllowed):
        registers.confirm(office(), source.pk, "good")
    Import.objects.filter(pk=source.pk).update(state="writing", mode="good", done=0)  # confirmed a moment before the post ended
    imports.run(source.pk)
    assert not River.objects.exists() and Import.objects.get(pk=source.pk).state == "checked"


def test_masked_values_do_not_overwrite_what_they_hide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A masked export, changed elsewhere and sent back."""
    one = river(name="九洲江大河")
    monkeypatch.setattr(cells, "is_personal", lambda model, path: path == "name")
    hidden = cells.mask("九洲江大河")
    source = sent(["GD-1", hidden, "湖泊", "廉江市", "168.5"], ["GD-2", hidden, "河流", "廉江市", "1"], matching="update")
    assert set(errors(source)) == {2} and "遮盖" in errors(source)[2]
    written(source, "good")
    kept = River.objects.get(pk=one.pk)
    assert (kept.name, kept.kind) == ("九洲江大河", "lake")


# --- hooks -------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [
    "http://127.0.0.1/x", "http://localhost:8000/", "http://[::1]/", "http://169.254.169.254/latest/meta-data", "http://0.0.0.0/", "http://[::ffff:127.0.0.1]/", "http://2130706433/", "http://224.0.0.1/", "ftp://x.example/",
    "http://user@x.example/", "http://", "http://[", "http://x.example:99999/", "http://" + "x" * 400,
])  # fmt: skip
def test_a_hook_leads_outside(address: str) -> None:
    with pytest.raises(Invalid):
        registers.ask_hook(Actor(client="water", name="水利一张图", scope=("register:river",)), RIVERS, address)


def test_a_name_that_leads_inside_by_now_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed._OldestRunning, "template", "9223372036854775807")
    river()
    hook = Hook.objects.create(client="water", register="river", url="http://localhost:1/x", approved_by="x")
    assert not hooks.tell(hook.pk)
    hook.refresh_from_db()
    assert hook.failures == 1 and "内部" in hook.problem


def test_a_system_that_is_shut_out_is_told_nothing_more() -> None:
    client, _ = identity.make_client(SYSTEM, code="water", name="水利一张图", organ=parties.organ_for("water_affairs", "440800000000").pk, scope=("register:river",))
    registers.ask_hook(Actor(client="water", name="水利一张图", scope=("register:river",)), RIVERS, "https://water.example/told")
    Hook.objects.update(approved_by="x")
    clients.close_client(SYSTEM, client.pk)
    assert not Hook.objects.filter(client="water").exists()


# --- machines ----------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [
    "[" * 50_000, '{"fields": ' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "}", json.dumps({"fields": {**NEW, "length_km": float("nan")}}), json.dumps({"fields": {**NEW, "name": "\ud800"}}),
    json.dumps({"fields": {**NEW, "name": "a\0b"}}), json.dumps({"fields": {**NEW, "name": ["x"], "division": {"a": 1}}}), json.dumps({"fields": {**NEW, "length_km": "9" * 5000}}), "null", "", "{",
    json.dumps({"fields": {**NEW, "length_km": 10**400}}), json.dumps({"fields": {**NEW, "course": {"type": "Point", "coordinates": ["\udfff", None]}}}), json.dumps({"fields": {**NEW, "name": "x" * 1_000_000}}),
])  # fmt: skip
def test_an_odd_body_is_answered(body: str) -> None:
    _, secret = identity.make_client(SYSTEM, code="water", name="水利一张图", organ=parties.organ_for("water_affairs", "440800000000").pk, scope=("register:river:write",))
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {identity.token('water', secret)}"})
    answer = client.post("/api/registers/river/rows", body.encode("utf-8", "surrogatepass"), content_type="application/json", headers={"Idempotency-Key": "key-00000001"})
    assert 400 <= answer.status_code < 500, answer.content[:300]


def test_what_has_no_revision_is_known_by_what_it_says() -> None:
    licence = registry().registers["licence-types"]
    row: Any = licence.model._default_manager.first()
    _, secret = identity.make_client(SYSTEM, code="water", name="水利一张图", organ=parties.organ_for("water_affairs", "440800000000").pk, scope=("register:licence-types",))
    client = Client(headers={"Authorization": f"Bearer {identity.token('water', secret)}"})
    path = f"/api/registers/licence-types/rows/{row.pk}"
    tag = client.get(path)["ETag"]
    assert client.get(path, headers={"If-None-Match": f'"x", W/{tag}'}).status_code == 304
    licence.model._default_manager.filter(pk=row.pk).update(name="改了名称")
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_what_is_masked_is_no_question_either() -> None:
    """Whoever sees 138****5678 must not find it by asking for each number."""
    petition = registry().registers["petition"]
    for asked in ({"filters": ("title",)}, {"sorts": ("title",)}, {"order": "title"}):
        assert any("title is personal" in wrong for wrong in wrong_in_register(replace(petition, **asked), set()))
