"""What people ask of a case beside its steps, also where several offices work on it at once; and whose work a stale page takes away, and whose not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, TooMany
from yiwang.engines.messages.models import Message
from yiwang.engines.parties.models import Party
from yiwang.engines.procedures import api, cases, timers
from yiwang.engines.procedures.bpmn.graph import Flow, Kind, Node
from yiwang.engines.procedures.models import Case, Extension
from yiwang.engines.procedures.tests import applicant, approver, declared, person, submitted
from yiwang.engines.procedures.tests_flows import FIRE, _fresh, drawn, overdue, published, waiting
from yiwang.engines.procedures.tests_flows import submitted as begun
from yiwang.kit.registry import registry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("declared", "_fresh")]
__all__ = ["_fresh", "declared"]


def late(case: Case) -> Case:
    Case.objects.filter(pk=case.pk).update(due_at=timezone.now() - timedelta(days=1))
    return case


# --- whose work is taken away ------------------------------------------------------------------------------------------------------------------------


def test_a_supervisor_s_letter_takes_nobodys_work_away() -> None:
    case = late(submitted())
    api.supervise(person("庄书言"), case.pk, "请抓紧办理")
    assert api.perform(approver(), case.pk, "finish", revision=1).state == "done"


def test_another_branch_takes_nobodys_work_away_but_a_move_in_one_s_own_does() -> None:
    published()
    case = begun()
    api.perform(person(FIRE), case.pk, "agree-fire", {"opinion": "符合"})
    assert api.perform(approver(), case.pk, "finish", revision=1).state == "done"
    again = begun()
    api.perform(approver(), again.pk, "finish", revision=1)
    with pytest.raises(Conflict, match="郑明远已于"):
        api.perform(approver(), again.pk, "finish", revision=1)


def test_a_reminder_that_does_not_interrupt_takes_nobodys_work_away_but_a_limit_does() -> None:
    reminder = Node("late", Kind.BOUNDARY, "提醒", timer="P5D", unit="working", host="fire", interrupting=False)
    published(drawn(nodes={"late": reminder, "said": Node("said", Kind.END)}, flows={"late-merge": Flow("late-merge", "late", "said")}))
    case = begun()
    overdue(case)
    assert timers.expire_due() == 1
    assert api.perform(person(FIRE), case.pk, "agree-fire", {"opinion": "符合"}, revision=1).revision == 3
    published(item="food")
    case = begun(item_key="food")
    overdue(case)
    assert timers.expire_due() == 1
    with pytest.raises(Conflict, match="届满"):
        api.perform(person(FIRE), case.pk, "agree-fire", {"opinion": "符合"}, revision=1)
    assert api.perform(approver(), case.pk, "finish", revision=1).state == "done"


def test_the_second_round_of_a_task_is_not_the_one_that_the_page_showed() -> None:
    again, back = Node("again", Kind.EXCLUSIVE, "再审", default="again-back"), Node("back", Kind.EXCLUSIVE)
    ways = [Flow("split-open", "split", "back"), Flow("back-open", "back", "open"), Flow("open-join", "open", "again"), Flow("again-back", "again", "back")]
    published(drawn(nodes={"again": again, "back": back}, flows={f.id: f for f in ways} | {"on": Flow("on", "again", "join", "", 'fire == "agree"')}))
    case = begun()
    api.perform(approver(), case.pk, "finish", revision=1)
    assert set(waiting(case)) == {"open", "fire"}
    with pytest.raises(Conflict, match="郑明远"):
        api.perform(approver(), case.pk, "finish", revision=1)
    api.perform(person(FIRE), case.pk, "agree-fire", {"opinion": "符合"}, revision=1)
    assert api.perform(approver(), case.pk, "finish", revision=2).state == "done"


# --- where several offices work at the same time -----------------------------------------------------------------------------------------------------


def told(case: Case, template: str) -> set[str]:
    return set(Message.objects.filter(case=case.pk, template=template).values_list("to__name", flat=True))


def test_every_office_that_works_on_a_case_may_ask_for_more_time_and_no_other() -> None:
    published()
    case = begun()  # 审查 by the market office, 消防意见 by the fire office, at the same time
    with pytest.raises(NotAllowed, match="正在办理"):
        api.ask_extension(person("庄书言"), case.pk, clock="limit", amount=1, reason="等材料")
    assert api.ask_extension(person(FIRE), case.pk, clock="limit", amount=1, reason="等材料").asked_by.name == FIRE
    with pytest.raises(Conflict, match="等待批准"):
        api.ask_extension(approver(), case.pk, clock="limit", amount=1, reason="等材料")
    case = begun()
    api.perform(person(FIRE), case.pk, "agree-fire", {"opinion": "符合"})
    with pytest.raises(NotAllowed, match="正在办理"):  # their part is done
        api.ask_extension(person(FIRE), case.pk, clock="limit", amount=1, reason="等材料")


def test_an_urge_reaches_every_office_at_work_and_of_an_office_the_one_who_has_the_task() -> None:
    published()
    case = begun()
    api.urge(applicant(), case.pk, "请快一点")
    assert told(case, "case-urged") == {FIRE, "郑明远"}
    with pytest.raises(TooMany, match="24 小时内"):
        api.urge(applicant(), case.pk)
    other = begun()
    other.tasks.filter(state="open").update(assignee=person("罗景行").party)
    api.urge(applicant(), other.pk)
    assert told(other, "case-urged") == {FIRE, "罗景行"}


def test_the_limit_of_more_time_is_said_in_its_unit() -> None:
    case = submitted()
    with pytest.raises(Invalid) as refused:
        api.ask_extension(approver(), case.pk, clock="limit", amount=6, reason="等材料")
    assert refused.value.fields == {"amount": "依法最多可延长 5 个工作日。"}


def test_a_wish_that_one_may_decide_is_not_hidden_by_another_that_one_may_not() -> None:
    """Two clocks, two wishes, the older one by whoever looks."""
    trial = registry().procedures["trial", 1]
    registry().procedures["trial", 1] = replace(trial, clocks=tuple(replace(c, extendable=5, extension_by="reviewer") for c in trial.clocks))
    case = submitted()
    api.perform(approver(), case.pk, "ask", {"opinion": "补"})
    head = person(Party.objects.filter(pk__in=cases.holders(case, "reviewer", organ=case.organ_id))[0].name)
    _, other = (
        Extension.objects.create(deadline=case.deadlines.get(code=clock), amount=1, reason="试验", asked_by_id=actor.party or 0)
        for clock, actor in (("limit", head), ("answer", approver()))
    )
    assert api.extension_waiting(head, case) == other and api.extension_waiting(approver(), case) is None
