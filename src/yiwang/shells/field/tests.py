"""The phone's shell as the server gives it: what the app keeps, whose it is, what waits outside, and what a record that arrives is read as."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.staticfiles import finders
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.utils import timezone

from yiwang.base.errors import Invalid
from yiwang.kit import declare, fieldwork
from yiwang.kit.actors import NOBODY, Actor
from yiwang.kit.declare import Errand
from yiwang.kit.registry import registry
from yiwang.platforms.identity.models import Account
from yiwang.shells.field import app, pages

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[4]


def browser(username: str) -> Client:
    client = Client()
    client.force_login(Account.objects.get(username=username), backend="yiwang.platforms.identity.doors.AccountBackend")
    return client


def arrived(fields: dict[str, Any], **headers: str) -> Any:
    return RequestFactory().post("/field/x", fields, headers=headers)


def test_everything_the_app_keeps_exists_and_is_served() -> None:
    listed = Client().get("/field/precache.json").json()
    assert all(finders.find(name) for name in (*app.kept(), *app.SCRIPTS))
    assert {"/static/js/field.js", "/static/js/field-scan.js", "/static/yiwang.css", "/static/map-worker.js", "/field/offline"} <= set(listed["files"])
    for address in listed["files"]:
        if not address.startswith("/static/"):
            assert Client().get(address).status_code == 200, address


def test_the_worker_may_serve_the_whole_site_and_is_asked_for_anew() -> None:
    answer = Client().get("/field/worker.js")
    assert answer["Service-Worker-Allowed"] == "/" and answer["Cache-Control"] == "no-cache"
    assert answer["Content-Type"].startswith("text/javascript") and "script-src 'self'" in answer["Content-Security-Policy"]
    assert app.version() in answer.content.decode() and 'importScripts("/static/js/field-store.js")' in answer.content.decode()


def test_the_manifest_says_how_the_app_is_called_and_names_icons_that_exist() -> None:
    answer = Client().get("/field/manifest.webmanifest")
    manifest = json.loads(answer.content)
    assert answer["Content-Type"].startswith("application/manifest+json")
    assert manifest["short_name"] == "现场工作" and manifest["start_url"] == "/field/" and manifest["display"] == "standalone"
    assert {"any", "maskable"} == {icon["purpose"] for icon in manifest["icons"]}
    assert all(finders.find(icon["src"].removeprefix("/static/")) for icon in manifest["icons"])


def test_accounts_are_told_apart_and_not_named() -> None:
    first, second = (browser(name).get("/field/account").json() for name in ("hecha", "shichang"))
    assert first["account"] and second["account"] and first["account"] != second["account"] and first["token"]
    assert str(Account.objects.get(username="hecha").pk) not in first["account"]
    assert Client().get("/field/account").json()["account"] == "" == app.tag_of(NOBODY)


def test_what_is_personal_is_kept_by_no_cache_but_the_sealed_store() -> None:
    inspector = browser("hecha")
    for path in ("/field/", "/field/queue", "/field/account"):
        assert "no-store" in inspector.get(path)["Cache-Control"], path
    assert 'data-account=""' in Client().get("/field/offline").content.decode()  # kept for everybody, so it is nobody's


@pytest.mark.parametrize(("path", "citizen"), [("/field/", 403), ("/field/queue", 200)])
def test_the_tasks_are_for_officials_and_the_queue_for_whoever_has_one(path: str, citizen: int) -> None:
    """Who has left the last post must still be able to send what was recorded in office."""
    assert Client().get(path).status_code == 302
    assert browser("xiaofan").get(path).status_code == citizen
    assert browser("hecha").get(path).status_code == 200


def test_errands_of_all_systems_stand_the_soonest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    free = Errand(title="无期", page="/field/无期")
    late, soon = Errand(title="后", page="/field/后", due_at=now, place=(110.4, 21.2)), Errand(title="先", page="/field/先", due_at=now.replace(year=2020))
    systems = {"a": declare.System(code="a", name="", owner="", errands=lambda actor: [free, late]), "b": declare.System(code="b", name="", owner="", errands=lambda actor: [soon])}
    monkeypatch.setattr(pages, "registry", lambda: replace(registry(), systems=systems))
    page = browser("hecha").get("/field/").context["page"]
    assert [errand.title for errand in page.errands] == ["先", "后", "无期"] and page.placeless == 2
    feature = json.loads(page.shape)["features"][0]
    assert feature["geometry"]["coordinates"] == [110.4, 21.2] and feature["properties"]["link"] == "/field/后"


def test_the_console_leads_outside_only_whom_a_page_there_is_meant_for() -> None:
    assert 'href="/field/"' in browser("hecha").get("/work/").content.decode()
    assert 'href="/field/"' not in browser("pingjia").get("/work/").content.decode()


def test_nothing_to_do_says_what_will_come() -> None:
    assert pages.TodayPage([]).shape == ""
    assert "安排之后会出现在这里" in browser("hezhangban").get("/field/").content.decode()


def test_a_record_is_read_with_its_photographs_in_order() -> None:
    key = uuid4()
    photos = [SimpleUploadedFile(f"{n}.jpg", b"%d" % n) for n in (1, 2, 3)]
    about = ['{"taken_at": "2026-03-02T10:00:00+08:00", "place": [110.36, 21.27], "accuracy": 8}', "{}"]
    request = arrived({"key": str(key), "photos": photos, "photos_about": about})
    shots = fieldwork.shots_of(request, "photos")
    assert fieldwork.key_of(request) == key and [shot.content for shot in shots] == [b"1", b"2", b"3"]
    assert shots[0].place is not None and shots[0].place.coords == (110.36, 21.27) and shots[0].accuracy == 8 and shots[0].taken_at is not None
    assert shots[1].place is None and shots[2].taken_at is None  # of the third nothing is known: it came from a plain form
    assert fieldwork.key_of(arrived({}, X_Idempotency_Key=str(key))) == key
    assert fieldwork.content_of(request, "signature") == b""


def test_photographs_are_counted_and_weighed_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    request = arrived({"photos": [SimpleUploadedFile(f"{n}.jpg", b"12345") for n in range(2)]})
    monkeypatch.setattr(fieldwork, "_shot", lambda *args: pytest.fail("read"))
    with pytest.raises(Invalid, match="照片太多") as many:
        fieldwork.shots_of(request, "photos", most=1)
    assert many.value.fields == {"photos": "这里最多 1 张照片，现在有 2 张"}
    monkeypatch.setattr(fieldwork, "LARGEST", 4)
    with pytest.raises(Invalid, match="照片太大"):
        fieldwork.shots_of(request, "photos")
    with pytest.raises(Invalid, match="说明没有完整上传"):
        fieldwork.shots_of(arrived({"photos_about": "[" * 100_000}), "photos")


@pytest.mark.parametrize("text", ["110.3", "a,b", "200,21", "110,21,5"])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="位置"):
        fieldwork.place_of(text)
    with pytest.raises(Invalid, match="说明没有完整上传"):
        fieldwork.shots_of(arrived({"photos_about": "{"}), "photos")


def test_a_record_without_a_key_or_with_a_false_moment_is_refused() -> None:
    with pytest.raises(Invalid, match="缺少标识"):
        fieldwork.key_of(arrived({"key": "1"}))
    with pytest.raises(Invalid, match="时间"):
        fieldwork.moment_of("昨天")
    assert fieldwork.moment_of("") is None and fieldwork.place_of("") is None and fieldwork.metres_of("nan") is None


def test_the_queue_gets_json_and_a_plain_form_a_page() -> None:
    assert json.loads(fieldwork.taken(arrived({}, Accept="application/json"), to="/field/", words="好").content) == {"next": "/field/"}
    request = arrived({})
    request._messages = type("Flash", (), {"add": lambda *args, **more: None})()
    assert fieldwork.taken(request, to="/field/", words="好")["Location"] == "/field/"


def test_only_who_inspects_has_checks_to_do() -> None:
    errands = registry().systems["acceptance"].errands
    assert errands is not None and errands(Actor(name="别人")) == []


def test_the_page_of_the_documentation_runs() -> None:
    page = (ROOT / "docs/shells/field.md").read_text(encoding="utf-8")
    exec(page.split("```python")[1].split("```")[0], {})
