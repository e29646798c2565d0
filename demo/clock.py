"""A clock that the loader sets, so that the verbs themselves write a past that hangs together: nothing is moved back afterwards, least of all the audit."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from random import Random
from unittest.mock import patch

from django.utils import timezone

from yiwang.engines.registers import api as registers

OPENS, CLOSES = 8 * 60 + 30, 17 * 60 + 30  # minutes of the day


class Clock:
    """While `running`, django.utils.timezone.now() is what was last `set`, also for model defaults: they call the same function."""

    moment: datetime

    def set(self, moment: datetime) -> None:
        self.moment = moment

    @contextmanager
    def running(self) -> Iterator[None]:
        clock = self

        class Then(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # a plain datetime, as callers expect
                return clock.moment.astimezone(tz)

        with patch("django.utils.timezone.datetime", Then):
            yield


def office_time(after: datetime, days: int, rng: Random) -> datetime:
    """A moment in office hours `days` working days after; the same day some minutes later when it is 0. Raises CalendarUnknown."""
    local = timezone.localtime(after)
    if days == 0:
        soon = local + timedelta(minutes=rng.randint(12, 150))
        if registers.working_calendar().is_working(soon.date()) and OPENS <= soon.hour * 60 + soon.minute < CLOSES and soon.date() == local.date():
            return soon
        days = 1
    coming = registers.working_calendar().days_after(local.date())
    day = [next(coming) for _ in range(days)][-1]
    minute = rng.randint(OPENS, CLOSES - 1)
    return local.replace(year=day.year, month=day.month, day=day.day, hour=minute // 60, minute=minute % 60, second=rng.randint(0, 59))
