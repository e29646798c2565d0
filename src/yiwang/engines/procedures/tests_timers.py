"""Moments that were computed too early to be right: a calendar that changed since, a year that nobody had entered yet."""

from datetime import datetime, timedelta

import pytest

from yiwang.base.deadlines import ZONE
from yiwang.engines.procedures import timers
from yiwang.engines.procedures.api import flows
from yiwang.engines.procedures.bpmn import drawing
from yiwang.engines.procedures.bpmn.graph import Kind, Node
from yiwang.engines.procedures.models import FlowTimer
from yiwang.engines.procedures.tests import declared
from yiwang.engines.procedures.tests_clocks import at
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


def test_a_file_with_a_long_name_is_brought_in_under_the_beginning_of_it() -> None:
    assert flows.bring(editor(), procedure="trial", name="图" * 101, bpmn=drawing.write(drawn()).encode()).name == "图" * 100
