"""Time in people's words. Pure: every function receives now."""

from datetime import date, datetime, timedelta

from yiwang.base.deadlines import ZONE

_UNITS = {"working": "个工作日", "calendar": "天", "month": "个月", "hour": "小时"}


def moment(at: datetime, now: datetime) -> str:
    """刚刚, 5 分钟前, 今天 10:32, 昨天 18:00, 3月2日 09:15, 2024年3月2日."""
    at, now = at.astimezone(ZONE), now.astimezone(ZONE)
    past = now - at
    if timedelta(0) <= past < timedelta(minutes=1):
        return "刚刚"
    if timedelta(0) <= past < timedelta(hours=1):
        return f"{past.seconds // 60} 分钟前"
    days = (now.date() - at.date()).days
    near = {0: "今天", 1: "昨天", -1: "明天"}.get(days)
    if near:
        return f"{near} {at:%H:%M}"
    if at.year == now.year:
        return f"{at.month}月{at.day}日 {at:%H:%M}"
    return f"{at.year}年{at.month}月{at.day}日"


def day(value: date | datetime) -> str:
    """2026年3月2日; of a moment the day in the city."""
    local = value.astimezone(ZONE) if isinstance(value, datetime) else value
    return f"{local.year}年{local.month}月{local.day}日"


def last_day(moment: datetime) -> str:
    """The last day of what ends at `moment`: midnight belongs to the day before."""
    return day(moment - timedelta(microseconds=1))


def unit(code: str) -> str:
    """个工作日, 天, 小时."""
    return _UNITS[code]


def left(units: int, code: str) -> str:
    """还剩 2 个工作日, 今天到期, 已超期 1 个工作日."""
    if units > 0:
        return f"还剩 {units} {_UNITS[code]}"
    return "今天到期" if units == 0 else f"已超期 {-units} {_UNITS[code]}"
