"""When a limit ends. Pure functions of the term, its start, the calendar and the intervals in which the clock stood.

The day of the start is not counted (民法典第二百零一条); a term of working days skips rest days (行政许可法第八十二条); a term of calendar days that ends on a
rest day ends on the next working day (民法典第二百零三条); the last day ends at midnight. A day on which the clock was stopped is not counted, the
day on which it runs again is (行政许可法第四十五条). Hours run from moment to moment.
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from yiwang.base.calendar import DAY, WorkingCalendar

ZONE = ZoneInfo("Asia/Shanghai")
Stops = Sequence[tuple[datetime, datetime]]


@dataclass(frozen=True)
class Term:
    """An amount of a unit: "working", "calendar", "month" or "hour"."""

    amount: int
    unit: str

    def part(self, numerator: int, denominator: int) -> "Term":
        """The rounded-down part of the term."""
        return Term(self.amount * numerator // denominator, self.unit)


def due_at(term: Term, start: datetime, *, calendar: WorkingCalendar, suspensions: Stops = ()) -> datetime:
    """The first moment that is too late. Raises CalendarUnknown when the term runs into a year that has not been entered."""
    if term.unit == "hour":
        return _after_hours(start, timedelta(hours=term.amount), suspensions)
    last = _last_day(term, _local(start), calendar, suspensions)
    return _midnight(last + DAY)


def warn_at(term: Term, start: datetime, *, calendar: WorkingCalendar, suspensions: Stops = ()) -> datetime:
    """The moment from which a fifth or less of the term is left."""
    if term.unit == "hour":
        return _after_hours(start, timedelta(minutes=term.amount * 48), suspensions)
    if term.unit == "month":
        term = Term((due_at(term, start, calendar=calendar, suspensions=suspensions).date() - _local(start)).days, "calendar")
    used = term.part(4, 5)
    day = _nth(used, _local(start), calendar, suspensions) if used.amount else _local(start)
    return _midnight(day + DAY)


def units_left(term: Term, start: datetime, now: datetime, *, calendar: WorkingCalendar, suspensions: Stops = ()) -> int:
    """Whole units until the limit; negative when it has passed."""
    due = due_at(term, start, calendar=calendar, suspensions=suspensions)
    if term.unit == "hour":
        return int((due - now).total_seconds() // 3600)
    last = _local(due) - DAY
    if term.unit == "working":
        return calendar.working_between(_local(now), last)
    return (last - _local(now)).days


def _last_day(term: Term, start: date, calendar: WorkingCalendar, stops: Stops) -> date:
    day = _nth(term, start, calendar, stops)
    return day if term.unit == "working" else calendar.next_working(day)


def _nth(term: Term, start: date, calendar: WorkingCalendar, stops: Stops) -> date:
    """The day on which the last unit of the term is counted."""
    if term.unit == "month":
        return _months_later(start, term.amount) + DAY * sum((_local(until) - _local(since)).days for since, until in stops)
    left, day = term.amount, start
    while left > 0:
        day = next(_counted(day, term.unit, calendar, stops))
        left -= 1
    return day


def _counted(after: date, unit: str, calendar: WorkingCalendar, stops: Stops) -> Iterator[date]:
    day = after
    while True:
        day += DAY
        stood = any(_local(since) <= day < _local(until) for since, until in stops)
        if not stood and (unit == "calendar" or calendar.is_working(day)):
            yield day


def _months_later(day: date, months: int) -> date:
    """The corresponding day; where the month has none, its last (民法典第二百零二条)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _after_hours(start: datetime, length: timedelta, stops: Stops) -> datetime:
    end = start + length
    for since, until in sorted(stops):
        if since < end:
            end += until - max(since, start)
    return end


def _local(moment: datetime) -> date:
    return moment.astimezone(ZONE).date()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), ZONE)
