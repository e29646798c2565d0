"""When a timer of a drawn flow fires. ISO 8601 durations; whole days may be working days of the city's calendar. Our own table keeps the moment, not the engine."""

import re
from datetime import datetime, timedelta

from yiwang.base import deadlines
from yiwang.engines.registers import api as registers

_FORM = re.compile(r"P(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
LONGEST = timedelta(days=366 * 30)


def wrong(timer: str, unit: str) -> str:
    """Why it cannot be run, in people's words; "" for a good one."""
    found = _FORM.fullmatch(timer)
    if not timer:
        return "没有写期限，请写 P5D（5 天）、PT2H（2 小时）这样的期限"
    if not found or not any(found.groups()):
        return f"看不懂期限“{timer}”，请写 P5D（5 天）、PT2H（2 小时）这样的期限"
    months, weeks, days, hours, minutes, seconds = (int(g or 0) for g in found.groups())
    if not any((months, weeks, days, hours, minutes, seconds)):
        return "期限为零"
    if len(timer) > 30 or months > 360 or timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds) > LONGEST:
        return "期限超过三十年"
    if unit not in {"", "working"}:
        return f"不认识单位“{unit}”"
    if unit == "working" and (not days or months or weeks or hours or minutes or seconds):
        return "工作日期限只写天数，如 P5D"
    return ""


def due_at(timer: str, unit: str, start: datetime) -> datetime:
    """The moment at which a good timer that began at `start` fires. Whole days end at midnight like every limit of law; hours run from moment to moment.
    Raises CalendarUnknown.
    """
    found = _FORM.fullmatch(timer)
    if not found:
        raise ValueError(timer)
    months, weeks, days, hours, minutes, seconds = (int(g or 0) for g in found.groups())
    calendar, due = registers.working_calendar(), start
    if months:
        due = deadlines.due_at(deadlines.Term(months, "month"), due, calendar=calendar)
    if weeks or days:
        due = deadlines.due_at(deadlines.Term(weeks * 7 + days, unit or "calendar"), due, calendar=calendar)
    return due + timedelta(hours=hours, minutes=minutes, seconds=seconds)


def not_before(start: datetime) -> datetime:
    """Until when the calendar is known without a gap: nothing that cannot be computed yet can be due before."""
    known, day = registers.working_calendar().years, start.astimezone(deadlines.ZONE)
    first = next(year for year in range(day.year, day.year + len(known) + 1) if year not in known)
    return datetime(first, 1, 1, tzinfo=deadlines.ZONE)


def words(timer: str, unit: str) -> str:
    """`P5D` → 5 个工作日."""
    found = _FORM.fullmatch(timer)
    names = ("个月", "周", "个工作日" if unit == "working" else "天", "小时", "分钟", "秒")
    return "".join(f"{n} {name}" for n, name in zip(found.groups(), names, strict=True) if n) if found else timer
