"""The working-day calendar as data: seeded from the State Council's published arrangements, edited by an official, kept with history."""

import threading
from datetime import date, timedelta

import chinese_calendar
from django.db import transaction
from django.db.models import F

from yiwang.base.calendar import WorkingCalendar
from yiwang.base.errors import Invalid, NotAllowed
from yiwang.engines.audit import api as audit
from yiwang.engines.registers.models import CalendarDay, CalendarEdit, CalendarYear
from yiwang.kit.actors import Actor

KEEPER = "calendar-keeper"
_lock = threading.Lock()
_kept: tuple[tuple[tuple[int, int], ...], WorkingCalendar] | None = None


def working_calendar() -> WorkingCalendar:
    """The calendar as it is now. One small query asks for the versions; the days are read again only when one has changed."""
    global _kept  # one calendar per process
    versions = tuple(CalendarYear.objects.order_by("year").values_list("year", "version"))
    kept = _kept
    if kept is None or kept[0] != versions:
        with _lock:
            days = dict(CalendarDay.objects.values_list("date", "working"))
            kept = _kept = versions, WorkingCalendar(frozenset(year for year, _ in versions), days)
    return kept[1]


@transaction.atomic
def seed_calendar() -> int:
    """Enters every year that the chinesecalendar package knows and nobody has entered yet; returns how many."""
    known = {day.year for day in chinese_calendar.constants.holidays} | {day.year for day in chinese_calendar.constants.workdays}
    missing = sorted(known - set(CalendarYear.objects.values_list("year", flat=True)))
    for year in missing:
        CalendarYear.objects.create(year=year, source="国务院办公厅关于节假日安排的通知（chinesecalendar 收录）")
        CalendarDay.objects.bulk_create(_exceptions(year))
    return len(missing)


@transaction.atomic
def open_year(actor: Actor, year: int, *, source: str) -> None:
    """Enters a year with its weekends; the holidays follow day by day. Raises Invalid for a year already there."""
    _keeper(actor)
    if not source.strip():
        raise Invalid("请写明依据。", fields={"source": "例如：国办发明电〔2026〕号"})
    _, fresh = CalendarYear.objects.get_or_create(year=year, defaults={"source": source.strip()})
    if not fresh:
        raise Invalid(f"{year} 年已经录入。", fields={"year": "已经录入"})
    audit.record(actor, "calendar.open-year", summary=f"录入 {year} 年工作日历：{source.strip()}")


@transaction.atomic
def set_day(actor: Actor, day: date, *, working: bool, name: str = "", reason: str) -> None:
    """Makes a date worked or not. Deadlines computed from now on follow; those that ran out before stay as they were."""
    _keeper(actor)
    if not reason.strip():
        raise Invalid("请写明修改依据。", fields={"reason": "例如：国办发明电〔2025〕7号"})
    if not CalendarYear.objects.filter(year=day.year).update(version=F("version") + 1):
        raise Invalid(f"{day.year} 年还没有录入，请先录入年份。", fields={"date": "年份未录入"})
    before = working_calendar().is_working(day)
    CalendarEdit.objects.create(date=day, before=before, after=working, reason=reason.strip(), by=actor.name)
    if working == (day.weekday() < 5):
        CalendarDay.objects.filter(date=day).delete()
    else:
        CalendarDay.objects.update_or_create(date=day, defaults={"working": working, "name": name})
    audit.record(actor, "calendar.set-day", summary=f"{day} 改为{'上班' if working else '放假'}：{reason.strip()}")


def _keeper(actor: Actor) -> None:
    if not actor.holds(KEEPER):
        raise NotAllowed("工作日历由日历管理员维护。")


def _exceptions(year: int) -> list[CalendarDay]:
    days = (date(year, 1, 1) + timedelta(days=n) for n in range((date(year + 1, 1, 1) - date(year, 1, 1)).days))
    found = []
    for day in days:
        working = chinese_calendar.is_workday(day)
        if working != (day.weekday() < 5):
            holiday = chinese_calendar.get_holiday_detail(day)[1]
            found.append(CalendarDay(date=day, working=working, name=chinese_calendar.Holiday(holiday).chinese if holiday else "调休上班"))
    return found
