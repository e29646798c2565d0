"""The working-day calendar as data: seeded from the State Council's published arrangements, edited by an official, kept with history."""

import threading
from datetime import date, timedelta

import chinese_calendar
from django.db import transaction
from django.db.models import QuerySet

from yiwang.base.calendar import WorkingCalendar
from yiwang.base.errors import Conflict, Invalid, NotAllowed
from yiwang.base.ids import new_id
from yiwang.engines.audit import api as audit
from yiwang.engines.registers.models import CalendarDay, CalendarEdit, CalendarYear
from yiwang.kit.actors import Actor
from yiwang.kit.statements import Statement

KEEPER = "standards-officer"
AWAITED = "待国务院公布"
FIRST, LAST = 1949, 2100
_lock = threading.Lock()
_kept: tuple[tuple[tuple[int, int], ...], WorkingCalendar] | None = None


def working_calendar() -> WorkingCalendar:
    """The calendar as it is now, of the confirmed years. One small query asks for the versions; the days are read again only when one has changed."""
    global _kept  # one calendar per process
    versions = tuple(_confirmed())
    kept = _kept
    if kept is None or kept[0] != versions:
        with _lock:
            days = dict(CalendarDay.objects.values_list("date", "working"))
            kept = _kept = versions, WorkingCalendar(frozenset(year for year, _ in versions), days)
    return kept[1]


@Statement
def _confirmed() -> QuerySet[CalendarYear, tuple[int, int]]:
    return CalendarYear.objects.filter(confirmed=True).order_by("year").values_list("year", "version")


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
def open_year(actor: Actor, year: int, *, reason: str) -> None:
    """Enters a year with its weekends only. It stays unknown to deadlines until `confirm_year`. Raises NotAllowed, Invalid, Conflict."""
    _keeper(actor)
    if not FIRST <= year <= LAST:
        raise Invalid("年份不正确。", fields={"year": f"请填写 {FIRST} 至 {LAST} 之间的年份"})
    why = _said(reason, "例如：提前准备下一年度日历")
    _, fresh = CalendarYear.objects.get_or_create(year=year, defaults={"source": AWAITED, "confirmed": False})
    if not fresh:
        raise Conflict(f"{year} 年已经录入。", fields={"year": "已经录入"})
    _note(actor, year, None, "", f"按周末录入，{AWAITED}", why)
    audit.record(actor, "calendar.open-year", summary=f"录入 {year} 年工作日历（{AWAITED}）：{why}")


@transaction.atomic
def confirm_year(actor: Actor, year: int, *, source: str) -> None:
    """Says by which notice the year is arranged; from now on deadlines run into it. Raises NotAllowed, Invalid, Conflict when it is confirmed already."""
    _keeper(actor)
    text = _said(source, "例如：国办发明电〔2025〕7号", field="source")
    found = _locked(year)
    if found.confirmed:
        raise Conflict(f"{year} 年已经确认。")
    found.confirmed, found.source, found.version = True, text, new_id()
    found.save()
    _note(actor, year, None, AWAITED, "已公布，开始用于计算期限", text)
    audit.record(actor, "calendar.confirm-year", summary=f"确认 {year} 年工作日历：{text}")


@transaction.atomic
def set_day(actor: Actor, day: date, *, working: bool, name: str = "", reason: str) -> None:
    """Makes a date worked or not. Deadlines computed from now on follow; those that ran out before stay as they were. Raises NotAllowed, Invalid."""
    _keeper(actor)
    why = _said(reason, "例如：国办发明电〔2025〕7号")
    year = _locked(day.year)
    kept = CalendarDay.objects.filter(date=day).first()
    before, after = words(kept.working if kept else day.weekday() < 5, kept.name if kept else ""), words(working, name.strip())
    if before == after:
        raise Invalid(f"{day} 已经是“{after}”。", fields={"date": "没有变化"})
    if working == (day.weekday() < 5):
        CalendarDay.objects.filter(date=day).delete()
    else:
        CalendarDay.objects.update_or_create(date=day, defaults={"working": working, "name": name.strip()})
    CalendarYear.objects.filter(pk=year.pk).update(version=new_id())  # after the days: nobody keeps the old days under the new number
    _note(actor, day.year, day, before, after, why)
    audit.record(actor, "calendar.set-day", summary=f"{day} {before} → {after}：{why}")


def words(working: bool, name: str = "") -> str:
    """上班, 放假（春节）"""
    return ("上班" if working else "放假") + (f"（{name}）" if name else "")


def _note(actor: Actor, year: int, day: date | None, before: str, after: str, reason: str) -> None:
    CalendarEdit.objects.create(year=year, date=day, before=before, after=after, reason=reason, by=actor.name)


def _locked(year: int) -> CalendarYear:
    """One edit of a year after the other."""
    found = CalendarYear.objects.select_for_update().filter(year=year).first()
    if found is None:
        raise Invalid(f"{year} 年还没有录入，请先录入年份。", fields={"date": "年份未录入"})
    return found


def _said(text: str, example: str, *, field: str = "reason") -> str:
    if not text.strip():
        raise Invalid("请写明依据。", fields={field: f"请写明依据，{example}"})
    return text.strip()[:200]


def _keeper(actor: Actor) -> None:
    if not actor.holds(KEEPER):
        raise NotAllowed("工作日历和政策参数由标准与日历管理员维护。")


def _exceptions(year: int) -> list[CalendarDay]:
    days = (date(year, 1, 1) + timedelta(days=n) for n in range((date(year + 1, 1, 1) - date(year, 1, 1)).days))
    found = []
    for day in days:
        working = chinese_calendar.is_workday(day)
        if working != (day.weekday() < 5):
            holiday = chinese_calendar.get_holiday_detail(day)[1]
            found.append(CalendarDay(date=day, working=working, name=chinese_calendar.Holiday(holiday).chinese if holiday else "调休上班"))
    return found
