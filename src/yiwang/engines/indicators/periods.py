"""Days, months and years of local time, as figures have them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from django.utils import timezone

Span = Literal["day", "month", "year"]
SPANS: tuple[Span, ...] = ("day", "month", "year")
DAY = timedelta(days=1)
WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True, order=True)
class Period:
    """A day, month or year, by its first day."""

    span: Span
    first: date

    @classmethod
    def of(cls, span: Span, day: date) -> "Period":
        """The one that `day` lies in."""
        return cls(span, {"day": day, "month": day.replace(day=1), "year": day.replace(month=1, day=1)}[span])

    @property
    def next(self) -> "Period":
        return Period.of(self.span, self.first + {"day": DAY, "month": DAY * 31, "year": DAY * 366}[self.span])

    @property
    def previous(self) -> "Period":
        return Period.of(self.span, self.first - DAY)

    @property
    def last(self) -> date:
        return self.next.first - DAY

    @property
    def is_open(self) -> bool:
        """Whether it is still under way."""
        return self.last >= timezone.localdate()

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """Its first moment and the first after it."""
        begin, end = (timezone.make_aware(datetime.combine(day, time())) for day in (self.first, self.next.first))
        return begin, end

    @property
    def label(self) -> str:
        """2026年3月2日（星期一）, 2026年3月, 2026年."""
        day = self.first
        if self.span == "day":
            return f"{day.year}年{day.month}月{day.day}日（星期{WEEKDAYS[day.weekday()]}）"
        return f"{day.year}年{day.month}月" if self.span == "month" else f"{day.year}年"

    @property
    def short(self) -> str:
        """3-2, 2026-3, 2026: below a chart."""
        day = self.first
        return {"day": f"{day.month}-{day.day}", "month": f"{day.year}-{day.month}", "year": f"{day.year}"}[self.span]

    def back(self, count: int) -> list["Period"]:
        """The `count` periods that end with this one, the oldest first."""
        made = [self]
        while len(made) < count:
            made.append(made[-1].previous)
        return made[::-1]


def between(span: Span, first: date, last: date) -> Iterator[Period]:
    """Every period that holds a day from `first` to `last`."""
    period = Period.of(span, first)
    while period.first <= last:
        yield period
        period = period.next
