"""Working days. A year whose arrangement has not been entered is an error, never a guess."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from yiwang.base.errors import CalendarUnknown

DAY = timedelta(days=1)


@dataclass(frozen=True)
class WorkingCalendar:
    """Saturdays, Sundays and the State Council's arrangement of holidays: `exceptions` says of a date whether it is worked, against its weekday."""

    years: frozenset[int]
    exceptions: Mapping[date, bool]

    def is_working(self, day: date) -> bool:
        """Raises CalendarUnknown for a year that nobody has entered."""
        if day.year not in self.years:
            raise CalendarUnknown(f"{day.year} 年的工作日安排尚未录入，不能计算期限。", hint="请日历管理员按国务院办公厅的通知录入后重试。")
        return self.exceptions.get(day, day.weekday() < 5)

    def days_after(self, day: date) -> Iterator[date]:
        """Working days after `day`, in order."""
        while True:
            day += DAY
            if self.is_working(day):
                yield day

    def next_working(self, day: date) -> date:
        """`day` itself if it is worked, else the next that is (民法典第二百零三条)."""
        while not self.is_working(day):
            day += DAY
        return day

    def working_between(self, start: date, end: date) -> int:
        """Working days after `start` up to and including `end`; negative when `end` lies before."""
        if end < start:
            return -self.working_between(end, start)
        return sum(self.is_working(start + DAY * n) for n in range(1, (end - start).days + 1))
