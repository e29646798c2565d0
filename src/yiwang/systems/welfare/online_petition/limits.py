"""The regulation's limits as the dated policy table holds them, and what follows from them for one case."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone

from yiwang.base import deadlines
from yiwang.engines.registers import api as registers


def value(name: str, division: str) -> int:
    """Today's value of petition.<name>. Raises PolicyMissing."""
    return int(registers.policy(f"petition.{name}", division=division, on=timezone.localdate()))


def of(name: str) -> Callable[[Any], int]:
    """The same as the amount of a clock: a function of the case."""
    return lambda case: value(name, case.division_id)


def end(amount: int, unit: str, since: datetime) -> datetime:
    """The first moment that is too late (民法典第二百零一条、第二百零三条: the day itself is not counted, a rest day at the end moves it)."""
    return deadlines.due_at(deadlines.Term(amount, unit), since, calendar=registers.working_calendar())


def review_until(answered_at: datetime, *, level: int, division: str) -> datetime:
    """Until when the answer of an instance may be taken to the next: 复查 after 办理 (第三十五条), 复核 after 复查 (第三十六条)."""
    return end(value("ask-review-days" if level == 1 else "ask-rereview-days", division), "calendar", answered_at)
