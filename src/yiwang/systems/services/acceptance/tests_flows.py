"""The law's side of the flows: silence, correction at the window, withdrawal with its bill, keys of two systems, an item that changed meanwhile."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.ledger import api as ledger
from yiwang.engines.ledger.models import Bill
from yiwang.engines.parties.models import Party
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures import timers
from yiwang.engines.procedures.models import Case, Deadline, Event
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.platforms.items.models import ItemVersion
from yiwang.systems.services.acceptance import applying, granting, integrating
from yiwang.systems.services.acceptance.models import Application, Delivery
from yiwang.systems.services.acceptance.tests import (
    CHIKAN,
    TOWN,
    firm,
    food_draft,
    give_food_materials,
    person,
    picture,
    service,
    submitted_food,
)

pytestmark = pytest.mark.django_db
POINTS = {"points": '[{"code": "material:layout", "name": "布局图", "words": "补"}]'}
POS, TILL = (Actor(name=code, client=code, scope=("elderly_card_apply",)) for code in ("pos", "till"))


def silent(case: Case, code: str) -> None:
    """The office lets the limit pass."""
    Deadline.objects.filter(case=case, code=code, finished_at=None).update(due_at=timezone.now() - timedelta(minutes=1))
    timers.expire_due()


def later(case: Case, days: int) -> None:
    """As if the application had come in so many days before."""
    Case.objects.filter(pk=case.pk).update(opened_at=case.opened_at - timedelta(days=days))


def test_by_silence_the_decision_is_due_counted_from_receipt() -> None:
    _, case = submitted_food()
    later(case, 9)
    silent(case, "accept")
    found = Case.objects.get(pk=case.pk)
    decide = Deadline.objects.get(case=case, code="decide")
    assert found.state == "reviewing" and found.accepted_at == found.opened_at == decide.started_at
    assert Event.objects.get(case=case, step="deem_accepted").actor == "系统"


def test_by_silence_after_a_correction_from_the_receipt_of_the_whole_of_it() -> None:
    actor, case = submitted_food()
    later(case, 9)
    procedures.perform(person("chikan_window"), case.pk, "ask_correction", POINTS)
    applying.correct(actor, case.pk, code="layout", content=picture(), name="new.png")
    procedures.perform(actor, case.pk, "resubmit")
    silent(case, "accept")
    answered = Application.objects.get(case=case).correction.answered_at
    assert Case.objects.get(pk=case.pk).accepted_at == answered == Deadline.objects.get(case=case, code="decide").started_at


def test_by_the_window_from_the_moment_of_acceptance() -> None:
    _, case = submitted_food()
    later(case, 3)
    procedures.perform(person("chikan_window"), case.pk, "accept")
    accepted = Case.objects.get(pk=case.pk).accepted_at
    assert accepted and accepted > case.opened_at and accepted == Deadline.objects.get(case=case, code="decide").started_at


def test_the_window_takes_in_what_was_corrected_on_paper() -> None:
    _, case = submitted_food()
    clerk = person("chikan_window")
    procedures.perform(clerk, case.pk, "ask_correction", POINTS)
    with pytest.raises(Invalid, match="没有补交"):
        procedures.perform(clerk, case.pk, "resubmit")
    applying.correct(clerk, case.pk, code="layout", content=picture(), name="paper.png")
    with pytest.raises(NotAllowed):
        procedures.perform(person("shichang"), case.pk, "resubmit")
    assert procedures.perform(clerk, case.pk, "resubmit").state == "submitted"


# --- road: several departments and a fee -------------------------------------------------------------------------------------------------------


@transaction.atomic
def road(answers: dict[str, Any] | None = None) -> tuple[Actor, Case]:
    actor = firm("changfeng", "湛江南渡管网工程有限公司（演示）")
    draft = applying.open_draft(actor, service("road_dig", CHIKAN))
    applying.save(actor, draft.pk, situation={"kind": "dig", "traffic": "yes"})
    applying.fill_in(actor, applying.draft_of(actor, draft.pk))
    today = timezone.localdate()
    given = {
        "road": "人民大道中", "place": "海滨路口东侧", "purpose": "供水管道", "area": "60", "days": "15", "dig_area": "40", "surface": "沥青混凝土车行道",
        "start": str(today), "finish": str(today + timedelta(days=14)), "chief": "梁长风", "phone": "19911110004",
    }  # fmt: skip
    applying.save(actor, draft.pk, answers=given | (answers or {}))
    for code in ("plan", "traffic", "protect"):
        applying.attach(actor, draft.pk, code, content=picture(), name="x.png")
    applying.choose(actor, draft.pk, "approval", "promise")
    return actor, applying.submit(actor, draft.pk)


def paying() -> tuple[Actor, Case]:
    actor, case = road()
    procedures.perform(person("chikan_window"), case.pk, "accept")
    for username in ("jiaojing", "ziran", "zhujian"):
        child = Case.objects.get(parent=case, organ__in=person(username).organs)
        procedures.perform(person(username), child.pk, "agree", {"opinion": "同意"})
    procedures.perform(person("chengguan"), case.pk, "propose", {"proposal": "grant", "opinion": "三部门均同意"})
    return actor, procedures.perform(person("chengguan_leader"), case.pk, "grant", {})


def test_withdrawing_while_the_departments_look_ends_their_work() -> None:
    actor, case = road()
    procedures.perform(person("chikan_window"), case.pk, "accept")
    child = Case.objects.get(parent=case, organ__in=person("ziran").organs)
    with pytest.raises(NotFound):  # another department's part is not theirs to see
        procedures.perform(person("jiaojing"), child.pk, "agree", {"opinion": "同意"})
    procedures.perform(actor, case.pk, "withdraw", {"reason": "工程取消"})
    assert set(Case.objects.filter(parent=case).values_list("state", flat=True)) == {"ended"}
    assert not Deadline.objects.filter(case__parent=case, finished_at=None).exists()
    with pytest.raises(Conflict):
        procedures.perform(person("ziran"), child.pk, "agree", {"opinion": "同意"})


def test_withdrawing_before_paying_cancels_the_bill_and_after_paying_is_refused() -> None:
    actor, case = paying()
    assert case.state == "paying"
    with transaction.atomic():
        procedures.perform(actor, case.pk, "withdraw", {"reason": "工程取消"})
        assert (Bill.objects.get(case=case.pk).state, Case.objects.get(pk=case.pk).outcome) == ("cancelled", "withdrawn")
        transaction.set_rollback(True)
    bill = Bill.objects.get(case=case.pk)
    ledger.settle(SYSTEM, number=bill.number, channel="unified", serial="S1", amount=bill.amount, paid_at=timezone.now())
    with pytest.raises(Conflict, match="已经缴费"):
        procedures.perform(actor, case.pk, "withdraw", {"reason": "工程取消"})
    assert Case.objects.get(pk=case.pk).state == "paying"


def test_the_days_of_paying_do_not_count_and_those_of_making_the_licence_do() -> None:
    _, case = paying()
    clock = Deadline.objects.get(case=case, code="license")
    assert clock.suspended_at and clock.due_at is None
    procedures.perform(SYSTEM, case.pk, "paid")
    clock.refresh_from_db()
    assert clock.suspended_at is None and clock.due_at


def test_jobs_that_run_twice_act_once() -> None:
    _, case = paying()
    procedures.perform(SYSTEM, case.pk, "paid")
    for _ in range(2):
        granting.make_licence(case.pk)
    assert Event.objects.filter(case=case, step="licensed").count() == 1
    assert Delivery.objects.get(application__case=case).handed_at


# --- submitting --------------------------------------------------------------------------------------------------------------------------------


def by_system(actor: Actor, key: str) -> Case:
    party = Party.objects.get(name="林海棠")
    answers = {"name": party.name, "number": party.number, "birth": "1958-03-12", "phone": "19911110000"}
    return integrating.submit_for(
        actor, service=service("elderly_card_apply", TOWN), applicant=party, situation={"who": "self"}, answers=answers,
        materials=[integrating.Handed("photo", "photo.png", picture())], key=key,
    )[0]


def test_a_system_submits_once_per_key_and_never_into_anothers() -> None:
    first = by_system(POS, "till-0001")
    assert by_system(POS, "till-0001").pk == first.pk
    other = by_system(TILL, "till-0001")
    assert other.pk != first.pk and procedures.find(TILL, other.pk) == other
    with pytest.raises(NotFound):
        procedures.find(TILL, first.pk)
    with pytest.raises(NotAllowed):
        by_system(Actor(name="x", client="x", scope=("food_operation",)), "till-0001")
    with pytest.raises(Invalid):
        party = Party.objects.get(name="林海棠")
        integrating.submit_for(POS, service=service("elderly_card_apply", TOWN), applicant=party, situation={}, answers={}, materials=(), key="till-0002")
    assert not Case.objects.filter(key="till-0002").exists()


def test_a_draft_of_an_older_version_is_checked_and_kept_by_todays() -> None:
    actor = firm("xiaofan", "湛江望海餐饮店（演示）")
    draft = food_draft(actor)
    give_food_materials(actor, draft)
    newer = ItemVersion.objects.get(pk=draft.version_id)
    fields = [*newer.fields, {"code": "fresh", "name": "新问题", "type": "text", "required": True}]
    values = {f.attname: getattr(newer, f.attname) for f in ItemVersion._meta.concrete_fields if not f.primary_key}
    newer = ItemVersion.objects.create(**values | {"number": newer.number + 1, "fields": fields})
    with pytest.raises(Invalid) as problem:
        applying.submit(actor, draft.pk)
    assert "fresh" in problem.value.fields
    draft = applying.open_draft(actor, draft.service_id)
    applying.save(actor, draft.pk, answers={"fresh": "答"})
    case = applying.submit(actor, draft.pk)
    assert Application.objects.get(case=case).version_id == newer.pk


def test_what_a_drawn_flow_may_ask_of_an_application() -> None:
    """The channel, who applies, what is still owed: known when the step is taken. A decision that needs no correction is not asked for one."""
    _, case = submitted_food()
    facts = {fact.code: fact.value for fact in case.declared.facts}
    assert {code: value(case) for code, value in facts.items()} == {"channel": "internet", "item": case.item_key, "applicant": "entity", "owed": 1, "corrected": False}
    procedures.perform(person("chikan_window"), case.pk, "ask_correction", POINTS)
    assert facts["corrected"](case) is True
