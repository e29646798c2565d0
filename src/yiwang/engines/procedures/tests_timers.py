"""Moments that were computed too early to be right: a calendar that changed since, a year that nobody had entered yet."""

from datetime import datetime, timedelta

import pytest

from yiwang.base.deadlines import ZONE
from yiwang.engines.procedures import api, timers
from yiwang.engines.procedures.api import flows
from yiwang.engines.procedures.bpmn import drawing
from yiwang.engines.procedures.bpmn.graph import Kind, Node
from yiwang.engines.procedures.models import Case, FlowTimer
from yiwang.engines.procedures.tests import approver, declared
from yiwang.engines.procedures.tests import submitted as declared_submitted
from yiwang.engines.procedures.tests_clocks import MONDAY, at, limit, working
from yiwang.engines.procedures.tests_flows import _fresh, drawn, editor, fresh, published, submitted
from yiwang.engines.registers import api as registers
from yiwang.kit.actors import Actor, Seat

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("declared", "_fresh")]
__all__ = ["_fresh", "declared"]
KEEPER = Actor(account=1, name="日历管理员", seats=(Seat(post=1, title="标准管理", organ=1, organ_name="数据局", division="440800", roles=frozenset({"standards-officer"})),))


def test_a_limit_into_a_year_that_nobody_has_entered_waits_for_it() -> None:
    """The step is taken all the same; the timer fires neither early nor before the year is known."""
    published(drawn(nodes={"late": Node("late", Kind.BOUNDARY, "消防意见期限", timer="P3650D", host="fire")}))
    case = submitted()
    timer, last = FlowTimer.objects.get(case=case), max(registers.working_calendar().years)
    assert timer.due_at == datetime(last + 1, 1, 1, tzinfo=ZONE)
    with at(timer.due_at + timedelta(days=3)):
        timers.expire_due()
        for year in range(last + 1, timer.started_at.year + 12):
            registers.open_year(KEEPER, year, reason="提前准备")
            registers.confirm_year(KEEPER, year, source="试验")
        timers.expire_due()
    assert fresh(case).revision == 1
    known = FlowTimer.objects.get(case=case).due_at
    assert timedelta(days=3650) < known - timer.started_at < timedelta(days=3654)
    with at(known):
        timers.expire_due()
    assert fresh(case).revision == 2


def rest(moment: datetime) -> None:
    """The day before this midnight becomes a day of rest (a typhoon)."""
    registers.set_day(KEEPER, (moment - timedelta(minutes=1)).astimezone(ZONE).date(), working=False, reason="台风停工")


def due(case: Case) -> datetime:
    found = limit(case).due_at
    assert found
    return found


def test_a_day_of_rest_that_is_declared_while_a_clock_runs_moves_its_end() -> None:
    with at(MONDAY):
        case = declared_submitted()
    before = due(case)
    with at(MONDAY + timedelta(days=3)):
        rest(before)
    with at(before):
        timers.expire_due()
    moved = due(case)
    assert moved == working(MONDAY, 10) > before and limit(case).expired_at is None
    assert fresh(case).due_at == moved == case.tasks.get(closed_at=None).due_at
    with at(moved):
        assert timers.expire_due() == 1
    assert limit(case).expired_at == due(case) == moved


def test_what_is_over_keeps_its_due_moment_whatever_becomes_of_the_calendar() -> None:
    with at(MONDAY):
        case = declared_submitted()
    before = due(case)
    with at(before):
        assert timers.expire_due() == 1
    rest(before)
    assert due(case) == before
    api.perform(approver(), case.pk, "finish")
    assert due(case) == before and limit(case).finished_at


def test_a_day_of_rest_moves_the_timer_of_a_drawing_too() -> None:
    published()
    case = submitted()
    before = FlowTimer.objects.get(case=case).due_at
    rest(before)
    with at(before):
        timers.expire_due()
    moved = FlowTimer.objects.get(case=case)
    assert moved.due_at > before and moved.fired_at is None


def test_a_file_with_a_long_name_is_brought_in_under_the_beginning_of_it() -> None:
    assert flows.bring(editor(), procedure="trial", name="图" * 101, bpmn=drawing.write(drawn()).encode()).name == "图" * 100
