"""The pages of drawn flows: what is refused is said on the page with its status, and no odd input is an error of ours."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.test import Client
from django.utils import timezone

from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Party
from yiwang.engines.procedures.api import flows
from yiwang.engines.procedures.models import FlowVersion
from yiwang.kit.actors import Actor
from yiwang.platforms.identity.models import Account

pytestmark = pytest.mark.django_db
NAME = "卢沐阳"


def editor() -> Actor:
    party = Party.objects.get(name=NAME)
    return parties.actor_for(party.pk, party.pk, party.name)


@pytest.fixture
def page() -> Client:
    client = Client()
    client.force_login(Account.objects.get(party__name=NAME), backend="yiwang.platforms.identity.doors.AccountBackend")
    return client


@pytest.fixture
def draft() -> FlowVersion:
    return flows.draft(editor(), procedure="promise")


def file(text: str) -> BytesIO:
    found = BytesIO(text.encode())
    found.name = "表.dmn"
    return found


def test_a_file_of_tables_that_is_refused_is_no_success(page: Client, draft: FlowVersion) -> None:
    """A redirect would be taken for done: sent once more, the same file would be called handed in already."""
    for sent, said in ((file("<a/>"), "不是 DMN"), (None, "请选择")):
        answer = page.post(f"/work/flows/{draft.pk}/import-tables", {"revision": "1", **({"dmn": sent} if sent else {})})
        assert answer.status_code == 422 and said in answer.content.decode()
    stale = page.post(f"/work/flows/{draft.pk}/import-tables", {"revision": "7", "dmn": file("<a/>")})
    assert stale.status_code == 409 and "没有导入" in stale.content.decode()


@pytest.mark.parametrize("on", ["2026-02-30", "今天", "", "²"])
def test_a_day_that_does_not_exist_is_asked_for_again(page: Client, draft: FlowVersion, on: str) -> None:
    answer = page.post(f"/work/flows/{draft.pk}/publish", {"on": on, "revision": "1"})
    assert answer.status_code == 422 and "施行日期" in answer.content.decode()


@pytest.mark.parametrize("number", ["²", "٣٤", "-1", "x", "", "9" * 5000])
def test_a_number_that_is_none_is_answered(page: Client, draft: FlowVersion, number: str) -> None:
    on = (timezone.localdate() + timedelta(days=1)).isoformat()
    assert page.post(f"/work/flows/{draft.pk}/publish", {"on": on, "revision": number}).status_code == 409
    begun = page.post(f"/work/flows/{draft.pk}/new-table", {"revision": "1", "name": "分办"})
    assert begun.status_code == 302
    assert page.post(begun["Location"], {"act": f"up:{number}", "rows": number, "in": "channel", "out": "result_1", "revision": number}).status_code == 200
    assert page.post(begun["Location"], {"act": "save", "rows": number, "in": "channel", "out": "result_1", "revision": number}).status_code == 409
