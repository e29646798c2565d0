"""What people ask of a case beside its steps, also where several offices work on it at once; and whose work a stale page takes away, and whose not."""

from datetime import timedelta

import pytest
from django.utils import timezone

from yiwang.base.errors import Conflict
from yiwang.engines.procedures import api, timers
from yiwang.engines.procedures.bpmn.graph import Flow, Kind, Node
from yiwang.engines.procedures.models import Case
from yiwang.engines.procedures.tests import approver, declared, person, submitted
from yiwang.engines.procedures.tests_flows import FIRE, _fresh, drawn, overdue, published, waiting
from yiwang.engines.procedures.tests_flows import submitted as begun

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
