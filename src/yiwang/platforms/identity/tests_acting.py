"""Acting for others: delegations given, used, withdrawn, expired; enterprises; whom one acts for now."""

from datetime import datetime, time, timedelta
from typing import Any
from unittest import mock

import pytest
from django.test import Client
from django.utils import timezone

from demo.people import number_of
from yiwang.base import identifiers
from yiwang.engines.audit.models import Entry
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Delegation, LegalEntity, Party
from yiwang.kit.registry import registry
from yiwang.platforms.identity.models import Account

pytestmark = pytest.mark.django_db
BACKEND = "yiwang.platforms.identity.doors.AccountBackend"
FIRM = "湛江望海餐饮店（演示）"


def person(username: str) -> Party:
    account = Account.objects.select_related("party").get(username=username)
    assert account.party is not None
    return account.party


def firm() -> Party:
    return Party.objects.get(name=FIRM)


def signed_in(username: str, acting_for: Party | None = None) -> Client:
    client = Client()
    client.force_login(Account.objects.get(username=username), BACKEND)
    if acting_for:
        assert client.post("/my/act-for", {"party": acting_for.pk}).status_code == 302
    return client


def delegate(client: Client, agent: str = "ruoxi", *, days: int = 30, item: str = "", **changes: Any) -> Any:
    who = person(agent)
    until = (timezone.localdate() + timedelta(days=days)).isoformat()
    return client.post("/my/delegations", {"agent_name": who.name, "agent_number": who.number, "until": until, "item": item, **changes})


def test_a_delegation_of_one_item_until_the_end_of_a_day() -> None:
    item = registry().registers["items"].model._default_manager.get(key="food_operation")
    assert delegate(signed_in("xiaofan", firm()), item=str(item), days=1).status_code == 302
    made = Delegation.objects.get(principal=firm(), agent=person("ruoxi"))
    assert made.scope == ["food_operation"]
    midnight = datetime.combine(timezone.localdate() + timedelta(days=2), time(), timezone.get_current_timezone())
    assert made.valid_to == midnight
    last = timezone.localdate() + timedelta(days=1)
    assert f"{last.year}年{last.month}月{last.day}日" in signed_in("xiaofan", firm()).get("/my/delegations").content.decode(), "the day that was chosen"
    for moment, live in ((midnight - timedelta(seconds=1), True), (midnight, False)):
        with mock.patch("yiwang.engines.parties.acting.timezone.now", return_value=moment):
            assert bool(parties.principals_of(person("ruoxi").pk)) is live


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"agent_name": "刘若川"}, "不相符"),
        ({"agent_number": "1"}, "不相符"),
        ({"until": "2020-01-01"}, "请选择以后的日期"),
        ({"until": "9999-12-31"}, "日期太远"),
        ({"until": ""}, "请选择日期"),
        ({"item": "没有的事项"}, "没有这个事项"),
    ],
)
def test_what_is_no_delegation(changes: dict[str, Any], said: str) -> None:
    before = Delegation.objects.count()
    answer = delegate(signed_in("haitang"), **changes)
    assert answer.status_code == 422 and said in answer.content.decode()
    assert Delegation.objects.count() == before


def test_not_to_oneself() -> None:
    assert "委托人本人" in delegate(signed_in("haitang"), "haitang").content.decode()


def test_names_cannot_be_tried_out_by_delegating() -> None:
    client = signed_in("haitang")
    for _ in range(20):
        assert delegate(client, agent_name="刘若川").status_code == 422
    assert delegate(client).status_code == 429


def test_whoever_is_only_declared_does_not_delegate() -> None:
    client = Client()
    client.post("/accounts/signup/", {
        "name": "程小满", "number": number_of(timezone.localdate().replace(year=1990, day=1), 555), "phone": "13800000001", "username": "xiaoman",
        "password1": "Shiyong-2026-mima", "password2": "Shiyong-2026-mima",
    })  # fmt: skip
    assert delegate(client).status_code == 403
    assert "需要先完成实名核验" in client.get("/my/delegations").content.decode()
    assert client.get("/my/enterprises").status_code == 403


def test_an_agent_acts_and_a_withdrawal_takes_effect_with_the_next_page() -> None:
    agent = signed_in("zhiqiu", firm())
    assert FIRM in agent.get("/my/cases").content.decode()
    given = Delegation.objects.get(principal=firm(), agent=person("zhiqiu"))
    assert signed_in("xiaofan", firm()).post(f"/my/delegations/{given.pk}/withdraw").status_code == 302
    refused = agent.get("/my/cases")
    assert refused.status_code == 403 and "到期或被撤回" in refused.content.decode()
    assert Entry.objects.filter(action="denied", account=Account.objects.get(username="zhiqiu").pk).exists()
    assert FIRM not in agent.get("/my/cases").content.decode(), "from then on as themselves"
    assert agent.post("/my/act-for", {"party": firm().pk}).status_code == 403


def test_an_agent_whose_time_is_over_is_refused_in_clear_words() -> None:
    answer = signed_in("nanxing").post("/my/act-for", {"party": firm().pk})
    assert answer.status_code == 403 and "委托可能已经到期或被撤回" in answer.content.decode()


@pytest.mark.parametrize("party", ["0", "-1", "²", "1" * 30, "x", " "])
def test_nobody_acts_for_what_does_not_exist(party: str) -> None:
    client = signed_in("haitang")
    assert client.post("/my/act-for", {"party": party}).status_code in (302, 403)
    assert "acting_for" not in client.session


def test_switching_is_on_the_record_and_takes_a_new_session_key() -> None:
    client = signed_in("zhiqiu")
    before = client.session.session_key
    client.post("/my/act-for", {"party": firm().pk})
    assert client.session.session_key != before
    client.post("/my/act-for", {"party": person("zhiqiu").pk})
    acts = Entry.objects.filter(action="act-for", account=Account.objects.get(username="zhiqiu").pk).order_by("at", "id")
    assert [entry.summary for entry in acts] == [f"切换为{FIRM}办事", "切换为本人办事"]


def test_an_agent_neither_gives_on_nor_sees_the_other_agents() -> None:
    agent = signed_in("zhiqiu", firm())
    page = agent.get("/my/delegations").content.decode()
    assert "代办人不能再委托他人" in page and "吴南星" not in page
    assert delegate(agent).status_code == 403
    assert "吴南星" in signed_in("xiaofan", firm()).get("/my/delegations").content.decode(), "its representative does"


def test_an_agent_can_lay_it_down_a_stranger_cannot_touch_it() -> None:
    given = Delegation.objects.get(principal=firm(), agent=person("zhiqiu"))
    assert signed_in("haitang").post(f"/my/delegations/{given.pk}/withdraw").status_code == 404
    assert signed_in("zhiqiu").post(f"/my/delegations/{given.pk}/withdraw").status_code == 302
    assert Delegation.objects.get(pk=given.pk).withdrawn_at is not None


def test_who_no_longer_represents_the_firm_acts_no_more() -> None:
    owner = signed_in("xiaofan", firm())
    LegalEntity.objects.filter(party=firm()).update(representative=person("haitang"))
    assert owner.get("/my/cases").status_code == 403
    assert [p.name for p in parties.principals_of(person("haitang").pk)] == [FIRM]


def test_an_enterprise_is_bound_by_its_representative_only() -> None:
    known = {"name": FIRM, "number": firm().number}
    refused = signed_in("haitang").post("/my/enterprises", known)
    assert refused.status_code == 422 and "请由法定代表人绑定" in refused.content.decode()
    assert signed_in("xiaofan").post("/my/enterprises", known).status_code == 302
    assert signed_in("xiaofan").post("/my/enterprises", {**known, "name": "别的店"}).status_code == 422
    fresh = {"name": "海棠小店", "number": identifiers.make_uscc(f"92{identifiers.INVENTED_REGION}", "M0000077")}
    haitang = signed_in("haitang")
    assert haitang.post("/my/enterprises", fresh).status_code == 302
    assert "海棠小店" in haitang.get("/my/enterprises").content.decode()
