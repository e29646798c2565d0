"""A form sent twice is done once, and whoever sent it is told; a form that was refused may be sent again."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from tests.conformance.samples import Samples, browser, office_of, owner_of, person
from yiwang.kit.declare import Register
from yiwang.kit.registry import registry
from yiwang.shells import once

pytestmark = pytest.mark.django_db
FORMED = [r for r in registry().registers.values() if (r.fields or r.form) and r.editors]
SAID = "没有重复办理"
VIEWS = "/work/r/river/views"


def office() -> Client:
    return browser(person("河长办的人", "river-office", organ=office_of(registry().systems["river_chief"])))


def token(client: Client, address: str) -> str:
    """As the page that is open now carries it."""
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get(address).content.decode())
    assert found
    return found[1]


def told(client: Client, answer: Any) -> bool:
    return answer.status_code == 302 and SAID in client.get(answer["Location"]).content.decode()


@pytest.mark.parametrize("register", FORMED, ids=[r.code for r in FORMED])
def test_a_row_is_kept_once_however_often_its_form_is_sent(register: Register) -> None:
    client = browser(person(f"登记{register.code}", *register.editors, organ=office_of(owner_of(register))))
    given = Samples().given(register, 7) | {"reason": "登记"}
    address = f"/work/r/{register.code}/new"
    sent = {**given, "csrfmiddlewaretoken": token(client, address)}
    before = register.model._default_manager.count()
    first, second = client.post(address, sent), client.post(address, sent)
    assert first.status_code == 302, first.content.decode()[:2000]
    assert told(client, second) and second["Location"] == first["Location"]
    assert register.model._default_manager.count() == before + 1


def test_another_page_is_another_form() -> None:
    client = office()
    for number in range(2):
        answer = client.post(VIEWS, {"name": f"常用{number}", "parameters": "kind=river", "csrfmiddlewaretoken": token(client, "/work/r/river/")})
        assert answer.status_code == 302 and not told(client, answer)


def test_what_was_refused_may_be_sent_again() -> None:
    client = office()
    sent = {"name": "", "csrfmiddlewaretoken": token(client, "/work/r/river/new")}
    answers = [client.post("/work/r/river/new", sent) for _ in range(2)]
    assert [a.status_code for a in answers] == [422, 422] and SAID not in answers[1].content.decode()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(once, "PATIENCE", 0.2)
    yield


@pytest.mark.usefixtures("slow")
def test_a_form_whose_process_died_may_be_sent_again_by_who_was_told_to_look() -> None:
    """Its process may have died before or after what was asked was done: no machine can tell."""
    client = office()
    sent = {"name": "常用", "parameters": "kind=lake", "csrfmiddlewaretoken": token(client, "/work/r/river/")}
    assert client.post(VIEWS, sent).status_code == 302
    with connection.cursor() as cursor:
        cursor.execute("UPDATE sent_form SET answer = NULL, begun = now() - interval '2 minutes'")
    unsure = client.post(VIEWS, sent)
    assert unsure.status_code == 409 and "不能确定是否已经办理" in unsure.content.decode()
    again = client.post(VIEWS, sent)
    assert again.status_code == 302 and not told(client, again)


def test_a_second_press_while_the_first_is_refused_is_answered_as_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer of the first is lost with its page: the second brings what is wrong with the form, not that it waits."""
    client = office()
    sent = {"name": "", "csrfmiddlewaretoken": token(client, "/work/r/river/new")}
    client.post("/work/r/river/new", sent)
    digests: list[bytes] = []
    monkeypatch.setattr(once, "_end", lambda digest, location: digests.append(digest))
    client.post("/work/r/river/new", sent)  # is at work as long as nobody ends it
    monkeypatch.undo()
    monkeypatch.setattr("time.sleep", lambda seconds: once._end(digests[0], None))  # refused while the second waits
    second = client.post("/work/r/river/new", sent)
    assert second.status_code == 422


@pytest.mark.usefixtures("slow")
def test_while_the_first_is_at_work_a_second_is_told_to_wait() -> None:
    client = office()
    sent = {"name": "常用", "parameters": "kind=lake", "csrfmiddlewaretoken": token(client, "/work/r/river/")}
    client.post(VIEWS, sent)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE sent_form SET answer = NULL")
    waiting = client.post(VIEWS, sent)
    assert waiting.status_code == 409 and "正在办理，没有重复提交" in waiting.content.decode()


def test_the_same_name_with_another_file_is_another_form() -> None:
    client = office()
    page = token(client, "/work/r/river/import")
    head = "河湖编码,名称,类型,所属区划,长度（公里）"
    files = [SimpleUploadedFile("河湖.csv", f"{head}\nGD-{n},九洲江,河流,廉江市,168.5\n".encode()) for n in (1, 2, 2)]
    answers = [client.post("/work/r/river/import", {"file": file, "matching": "add", "csrfmiddlewaretoken": page}) for file in files]
    assert [a.status_code for a in answers] == [302, 302, 302]
    assert answers[0]["Location"] != answers[1]["Location"] == answers[2]["Location"]


def test_what_lies_longer_than_a_day_is_forgotten() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO sent_form (digest, begun, answer) VALUES ('a', now() - interval '2 days', '/'), ('b', now(), '/')")
        once.forget_old()
        cursor.execute("SELECT digest FROM sent_form WHERE digest IN ('a', 'b')")
        assert [bytes(row[0]) for row in cursor.fetchall()] == [b"b"]
