"""Orders from a chief to those below, answered and closed by the right people; a post that changes hands with all that is open on it."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.messages.models import Message
from yiwang.engines.parties.models import Membership, Organisation, Party, Post
from yiwang.kit.access import restrict
from yiwang.kit.rowsecurity import acting
from yiwang.platforms.identity.models import Account
from yiwang.systems.governance.river_chief import chiefs, field, handing, orders
from yiwang.systems.governance.river_chief.models import ChiefOrder, HandOver, Reach, RiverProblem
from yiwang.systems.governance.river_chief.tests import actor, browser, citizen_report

pytestmark = pytest.mark.django_db
CHIEF, BELOW, OFFICE, HANDLER = "卢南渡", "莫知夏", "徐听雨", "梁书言"


@pytest.fixture
def town() -> Post:
    return Post.objects.get(organisation__key="town_government@440802001", title="镇级河长")


@pytest.fixture
def county() -> Post:
    return Post.objects.get(organisation__key="county_government@440802", title="区级河长")


def draft(**changes: Any) -> orders.Draft:
    given = {"kind": "order", "title": "汛前清障", "text": "逐段排查，清除障碍。", "due": timezone.localdate() + timedelta(days=10), **changes}
    return orders.Draft(**given)


def told(order: ChiefOrder, template: str) -> set[int]:
    return set(Message.objects.filter(template=template, key__contains=f":{order.pk}:").values_list("to", flat=True))


def test_an_order_is_numbered_sealed_answered_sent_back_and_closed(town: Post) -> None:
    made = orders.issue(actor(CHIEF), draft(receiver=town.pk))
    assert made.document.title == "河长令" and "河令〔" in made.document.number and made.document.organ_id == made.issuer.organisation_id
    assert told(made, "river-order") == {actor(BELOW).party}
    with pytest.raises(NotAllowed):
        orders.answer(actor(CHIEF), made.pk, "自己反馈")
    with pytest.raises(Conflict):
        orders.settle(actor(CHIEF), made.pk, passed=True, words="没有反馈就核销")
    with pytest.raises(Invalid):
        orders.answer(actor(BELOW), made.pk, " ")
    assert orders.answer(actor(BELOW), made.pk, "已清除").on_time is True
    with pytest.raises(NotAllowed):
        orders.settle(actor(BELOW), made.pk, passed=True, words="自己核销")
    back = orders.settle(actor(CHIEF), made.pk, passed=False, words="没有台账")
    assert (back.stage, back.returned, back.on_time) == ("issued", 1, True) and told(made, "river-order-returned") == {actor(BELOW).party}
    orders.answer(actor(BELOW), made.pk, "已补台账")
    closed = orders.settle(actor(CHIEF), made.pk, passed=True, words="同意")
    assert closed.stage == "closed" and closed.closed_at
    with pytest.raises(Conflict):
        orders.answer(actor(BELOW), made.pk, "再来")


def test_only_a_chief_above_gives_orders_and_only_within_their_place(town: Post, county: Post) -> None:
    office = Organisation.objects.get(key="water_affairs@440802")
    assert chiefs.rank(county.pk) == 1 and chiefs.rank(town.pk) == 2
    elsewhere = Reach.objects.filter(level="county", chief__isnull=False).exclude(division__code__startswith="440802").first()
    assert elsewhere and elsewhere.chief_id
    for who, wanted in ((BELOW, {"receiver": county.pk}), (BELOW, {"organ": office.pk}), (CHIEF, {"receiver": county.pk}), (CHIEF, {"receiver": elsewhere.chief_id}), (OFFICE, {"receiver": town.pk}), ("林海棠", {"receiver": town.pk})):
        with pytest.raises(NotAllowed):
            orders.issue(actor(who), draft(**wanted))
    for wrong in ({}, {"receiver": town.pk, "organ": office.pk}, {"receiver": town.pk, "due": timezone.localdate()}, {"receiver": town.pk, "text": ""}, {"receiver": town.pk, "kind": "x"}):
        with pytest.raises(Invalid):
            orders.issue(actor(CHIEF), draft(**wrong))


def test_an_office_answers_a_press_of_a_problem_and_lateness_is_told_once() -> None:
    problem = citizen_problem()
    office = Organisation.objects.get(key="water_affairs@440802")
    made = orders.issue(actor(CHIEF), draft(kind="press", organ=office.pk, problem=problem.pk))
    assert "河督〔" in made.document.number and told(made, "river-order") == {actor(HANDLER).party}
    with pytest.raises(NotFound):
        orders.answer(actor(BELOW), made.pk, "看不到")
    ChiefOrder.objects.filter(pk=made.pk).update(due=timezone.localdate() - timedelta(days=1))
    orders.tell_late(timezone.localdate())
    orders.tell_late(timezone.localdate())
    assert told(made, "river-order-late") == {actor(HANDLER).party, actor(CHIEF).party}
    assert orders.answer(actor(HANDLER), made.pk, "已截污").on_time is False


def citizen_problem() -> RiverProblem:
    report = citizen_report(Reach.objects.get(code="ZJ4408CK01Z1"), actor("林海棠"))
    return RiverProblem.objects.get(incident=report.incident)


def test_the_phone_says_three_things_of_ones_own_reach(town: Post) -> None:
    before = {f.reach.code: f for f in field.facts_of(actor(BELOW))}
    assert set(before) == {"ZJ4408CK01Z1"} and before["ZJ4408CK01Z1"].water is not None
    citizen_problem()
    orders.issue(actor(CHIEF), draft(receiver=town.pk))
    (now,) = field.facts_of(actor(BELOW))
    assert (now.problems, now.orders) == (before["ZJ4408CK01Z1"].problems + 1, before["ZJ4408CK01Z1"].orders + 1)
    assert "待反馈的河长令 1 份" in browser("zhenhezhang").get("/field/rivers").content.decode()
    assert field.facts_of(actor(HANDLER)) == []


def test_the_register_of_orders_costs_the_same_however_many_it_shows(town: Post) -> None:
    chief = browser("hezhang")

    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert chief.get("/work/r/chief-order/").status_code == 200
        return len(asked)

    orders.issue(actor(CHIEF), draft(receiver=town.pk))
    cost()
    one = cost()
    for number in range(3):
        orders.issue(actor(CHIEF), draft(receiver=town.pk, title=f"清障{number}"))
    assert cost() == one


def test_the_pages_of_an_order(town: Post) -> None:
    chief, below = browser("hezhang"), browser("zhenhezhang")
    sent = {"kind": "order", "to": f"post:{town.pk}", "title": "清理垃圾", "text": "三天内清理。", "due": str(timezone.localdate() + timedelta(days=3))}
    refused = chief.post("/work/river-orders/new", {**sent, "title": ""})
    assert refused.status_code == 422 and "三天内清理" in refused.content.decode()
    made = ChiefOrder.objects.get(pk=int(chief.post("/work/river-orders/new", sent)["Location"].rsplit("/", 1)[1]))
    assert "等您反馈" in below.get("/work/river-orders").content.decode()
    assert below.get(f"/work/river-orders/{made.pk}/paper").getvalue().startswith(b"%PDF")
    assert below.post(f"/work/river-orders/{made.pk}/answer", {"words": ""}).status_code == 422
    below.post(f"/work/river-orders/{made.pk}/answer", {"words": "清理完毕"})
    assert "清理完毕" in chief.get(f"/work/river-orders/{made.pk}").content.decode()
    chief.post(f"/work/river-orders/{made.pk}/settle", {"words": "同意", "passed": "1"})
    assert "已办结" in browser("hezhangban").get(f"/work/river-orders/{made.pk}").content.decode(), "the river office of the city sees it"
    stranger = browser("hedao")
    assert stranger.get(f"/work/river-orders/{made.pk}").status_code == 404 and stranger.get("/work/river-orders/new").status_code == 403


# --- hand-over ---------------------------------------------------------------------------------------------------------------------------------


def changed(post: Post, *, giver: str, taker: str, day: date) -> HandOver:
    Membership.objects.filter(post=post, party__name=giver).update(valid_to=day - timedelta(days=1))
    Membership.objects.create(post=post, party=Party.objects.get(name=taker), valid_from=day)
    handing.look(day)
    return HandOver.objects.get(post=post)


def test_what_is_open_passes_to_the_successor_and_both_sign(town: Post) -> None:
    problem, order = citizen_problem(), orders.issue(actor(CHIEF), draft(receiver=town.pk))
    today = timezone.localdate()
    made = changed(town, giver=BELOW, taker="刘若溪", day=today)
    assert handing.look(today) == 0, "once for a change"
    assert (made.giver_name, made.taker_name) == (BELOW, "刘若溪")
    lines = made.sheet
    assert any(order.document.number in line for line in lines["orders"]) and any(str(problem) in line for line in lines["problems"]) and lines["duties"] and lines["reaches"]
    giver, taker = actor(BELOW), actor("刘若溪")
    assert not giver.seats and order in restrict(taker, ChiefOrder.objects.all()) and not restrict(giver, ChiefOrder.objects.all()).exists()
    with pytest.raises(Conflict):
        handing.take(taker, made.pk, "核对一致")
    with pytest.raises(NotAllowed):
        handing.give(taker, made.pk, "")
    with pytest.raises(NotFound):
        handing.give(actor("林海棠"), made.pk, "")
    handing.give(giver, made.pk, "南桥河下游请多留意")
    with pytest.raises(Conflict):
        handing.give(giver, made.pk, "")
    with pytest.raises(Invalid):
        handing.take(taker, made.pk, "")
    assert handing.take(taker, made.pk, "核对一致").taken_at
    assert orders.answer(taker, order.pk, "已接办").answered_by == "刘若溪"
    assert {m.template for m in Message.objects.filter(key__contains=f":{made.pk}:")} == {"river-handover", "river-handover-given", "river-handover-taken"}


def test_both_see_the_sheet_whatever_they_hold_and_nobody_else(town: Post) -> None:
    order = orders.issue(actor(CHIEF), draft(receiver=town.pk))
    made = changed(town, giver=BELOW, taker="刘若溪", day=timezone.localdate())
    address = f"/river-handovers/{made.pk}"
    for name in ("zhenhezhang", "ruoxi", "hezhangban"):
        answer = browser(name).get(address)
        assert answer.status_code == 200 and "负责的河段" in answer.content.decode(), name
    assert browser("haitang").get(address).status_code == 404 and browser("hedao").get(address).status_code == 404
    assert f'{address}"' in browser("zhenhezhang").get("/my/messages").content.decode(), "the message leads there: whoever has left finds it in no menu"
    with acting(actor("林海棠")):
        assert not HandOver.objects.exists(), "the database itself"
    with acting(actor(BELOW)):
        assert HandOver.objects.filter(pk=made.pk).exists()
    browser("zhenhezhang").post(f"{address}/give", {"words": "请接收"})
    assert order.document.number in browser("ruoxi").get(address).content.decode(), "the leaver, who holds no post, hands the whole of it over"
    assert browser("ruoxi").post(f"{address}/take", {"words": ""}).status_code == 422
    browser("ruoxi").post(f"{address}/take", {"words": "一致"})
    assert HandOver.objects.get(pk=made.pk).taken_at
    assert "已交接" in browser("hezhangban").get("/work/river-handovers").content.decode()


def test_a_hand_over_that_nobody_signed_in_time_is_told_once(town: Post) -> None:
    made = changed(town, giver=BELOW, taker="刘若溪", day=timezone.localdate())
    assert made.due_at > timezone.now() + timedelta(days=9), "ten working days"
    mine = Message.objects.filter(template="river-handover-late", key__contains=f":{made.pk}:")
    handing.tell_late()
    assert not mine.exists()
    HandOver.objects.filter(pk=made.pk).update(due_at=timezone.now() - timedelta(hours=1))
    handing.tell_late()
    handing.tell_late()
    assert set(mine.values_list("to", flat=True)) >= {actor(BELOW).party, actor(OFFICE).party} and not mine.filter(to=actor("刘若溪").party).exists()


def test_a_second_holder_and_a_renewed_term_are_no_change(town: Post) -> None:
    day = timezone.localdate()
    Membership.objects.create(post=town, party=Party.objects.get(name="刘若溪"), valid_from=day)
    assert handing.look(day) == 0, "nobody left"
    held = Membership.objects.get(post=town, party__name=BELOW)
    Membership.objects.filter(pk=held.pk).update(valid_to=day - timedelta(days=1))
    Membership.objects.filter(post=town, party__name="刘若溪").delete()
    Membership.objects.create(post=town, party=held.party, valid_from=day)
    assert handing.look(day) == 0 and Account.objects.filter(party=held.party).exists()
