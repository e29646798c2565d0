"""Clocks: what moves them, what does not, and what silence does. Due moments are checked against days counted one by one."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest import mock

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from yiwang.base.deadlines import ZONE
from yiwang.base.errors import CalendarUnknown
from yiwang.engines.audit.models import Entry
from yiwang.engines.messages.models import Message
from yiwang.engines.parties.models import Party
from yiwang.engines.procedures import api, clocks, timers
from yiwang.engines.procedures.models import Case, Deadline, DeadlineMove, Event, Task
from yiwang.engines.procedures.tests import applicant, approver, committed, declared, nothing_stays, now_is, person, submitted, together
from yiwang.engines.registers import api as registers

pytestmark = pytest.mark.django_db
__all__ = ["declared", "nothing_stays"]  # the trial procedures, for every test of this file
MONDAY = datetime(2026, 3, 2, 10, 30, tzinfo=ZONE)
DAYS = settings(max_examples=25, deadline=None, derandomize=True, database=None)
LATE = timedelta(minutes=1)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    with mock.patch("django.utils.timezone.now", return_value=moment):
        yield


def limit(case: Case) -> Deadline:
    return Deadline.objects.get(case=case, code="limit")


def working(start: datetime, count: int) -> datetime:
    """The midnight after the count-th working day after `start`, counted day by day."""
    calendar, day = registers.working_calendar(), start.astimezone(ZONE).date()
    while count:
        day += timedelta(days=1)
        count -= calendar.is_working(day)
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), ZONE)


def counted(start: datetime, count: int, stops: list[tuple[datetime, datetime]]) -> datetime:
    """The midnight after the count-th counted day after `start`: worked, and not one on which the clock stood (the day it runs again counts)."""
    calendar, day = registers.working_calendar(), start.astimezone(ZONE).date()
    standing = {since.astimezone(ZONE).date() + timedelta(days=n) for since, until in stops for n in range((until.astimezone(ZONE).date() - since.astimezone(ZONE).date()).days)}
    while count:
        day += timedelta(days=1)
        count -= calendar.is_working(day) and day not in standing
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), ZONE)


def trial(begun: datetime) -> Case:
    with at(begun):
        return submitted()


def pause(case: Case, since: datetime, until: datetime) -> None:
    with at(since):
        api.perform(approver(), case.pk, "stop", {"reason": "检验" * 200})
        assert limit(case).due_at is None and Case.objects.get(pk=case.pk).due_at is None
        assert Task.objects.get(case=case, closed_at=None).due_at is None
    with at(until):
        api.perform(approver(), case.pk, "go")


# --- stopping and going on ---------------------------------------------------------------------------------------------------------------------


def test_the_day_of_the_start_does_not_count_and_rest_days_do_not() -> None:
    assert limit(trial(MONDAY)).due_at == working(MONDAY, 10) == datetime(2026, 3, 17, tzinfo=ZONE)


@DAYS
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 200)), min_size=1, max_size=3))
def test_the_days_on_which_it_stood_are_not_counted(pauses: list[tuple[int, int]]) -> None:
    with transaction.atomic():
        case, now, stops = trial(MONDAY), MONDAY, []
        for wait, length in pauses:
            stops.append((now + timedelta(hours=wait), now + timedelta(hours=wait + length)))
            now = stops[-1][1]
            pause(case, *stops[-1])
        due = limit(case).due_at
        assert due == counted(MONDAY, 10, stops) == Case.objects.get(pk=case.pk).due_at == case.tasks.get(closed_at=None).due_at
        transaction.set_rollback(True)


@DAYS
@given(st.integers(1, 9), st.integers(1, 30))
def test_standing_n_working_days_moves_the_due_moment_by_n(after: int, days: int) -> None:
    with transaction.atomic():
        case = trial(MONDAY)
        since = working(MONDAY, after) + timedelta(hours=9)  # the day after so many working days, if that is worked …
        until = working(since, days) - timedelta(hours=6)  # … until so many working days later
        pause(case, since, until)
        n = days if registers.working_calendar().is_working(since.astimezone(ZONE).date()) else days - 1
        assert limit(case).due_at == working(MONDAY, 10 + n)
        transaction.set_rollback(True)


@DAYS
@given(st.lists(st.integers(0, 400), min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_the_due_moment_does_not_depend_on_the_order_of_the_rows(hours: list[int], order: random.Random) -> None:
    """The same stops written in any order, also several at one instant, give the same due moment."""
    moments = [MONDAY + timedelta(hours=h) for h in sorted(hours)][: len(hours) // 2 * 2]
    moves = [(DeadlineMove.Kind.SUSPEND if n % 2 == 0 else DeadlineMove.Kind.RESUME, moment) for n, moment in enumerate(moments)]
    found = []
    with transaction.atomic():
        for shuffled in (moves, order.sample(moves, len(moves))):
            deadline = limit(trial(MONDAY))
            for kind, moment in shuffled:
                DeadlineMove.objects.create(deadline=deadline, kind=kind, at=moment, by="试验")
            clocks._compute(deadline, stops=clocks._stops(deadline))
            found.append((deadline.due_at, deadline.warn_at))
        transaction.set_rollback(True)
    assert found[0] == found[1]


def test_days_between_two_stops_count() -> None:
    case = trial(MONDAY)
    pause(case, MONDAY + timedelta(days=1), MONDAY + timedelta(days=3))  # Tuesday and Wednesday
    pause(case, MONDAY + timedelta(days=7), MONDAY + timedelta(days=8))  # the next Monday
    assert limit(case).due_at == working(MONDAY, 13)
    assert list(limit(case).moves.order_by("at").values_list("kind", flat=True)) == ["start", "suspend", "resume", "suspend", "resume"]


def test_an_extension_counts_on_from_what_stood() -> None:
    case = trial(MONDAY)
    pause(case, MONDAY + timedelta(days=1), MONDAY + timedelta(days=2))
    with at(MONDAY + timedelta(days=2)), transaction.atomic():
        clocks.extend(limit(case), amount=5, at=MONDAY + timedelta(days=2), by="试验", reason="")
    assert limit(case).due_at == working(MONDAY, 16)


def test_hours_run_from_moment_to_moment_and_a_second_round_is_a_second_clock() -> None:
    case = trial(MONDAY)
    for start in (MONDAY, MONDAY + timedelta(days=1)):
        with at(start):
            api.perform(approver(), case.pk, "ask", {"opinion": "补"})
            assert Deadline.objects.get(case=case, code="answer", finished_at=None).due_at == start + timedelta(hours=3)
            assert Case.objects.get(pk=case.pk).due_at == start + timedelta(hours=3)  # the nearest of the two that run
            api.perform(applicant(), case.pk, "answer")
    assert Deadline.objects.filter(case=case, code="answer", finished_at__isnull=False).count() == 2
    assert Case.objects.get(pk=case.pk).due_at == limit(case).due_at


def test_a_finished_clock_keeps_its_due_moment() -> None:
    case = trial(MONDAY)
    due = limit(case).due_at
    with at(MONDAY + timedelta(days=1)):
        api.perform(approver(), case.pk, "finish")
    found = limit(case)
    assert (found.due_at, found.finished_at) == (due, MONDAY + timedelta(days=1))
    assert api.running_deadlines(case) == [] and Case.objects.get(pk=case.pk).due_at is None


def test_a_year_without_a_calendar_is_named_and_nothing_is_written() -> None:
    with at(datetime(2060, 1, 5, tzinfo=ZONE)), pytest.raises(CalendarUnknown, match="2060"), transaction.atomic():
        submitted(key="far")
    assert not Case.objects.filter(key="far").exists()


# --- silence -----------------------------------------------------------------------------------------------------------------------------------


def late(case: Case, code: str = "limit") -> Case:
    """The moment has passed a minute ago."""
    Deadline.objects.filter(case=case, code=code).update(due_at=timezone.now() - LATE)
    return case


def test_silence_takes_the_step_that_the_law_names() -> None:
    case = submitted()
    api.perform(approver(), case.pk, "ask", {"opinion": "补"})
    timers.expire_due()
    assert now_is(case) == "asked"  # not yet
    late(case, "answer")
    timers.expire_due()
    assert now_is(case) == "ended"
    assert Event.objects.get(case=case, step="lapse").actor == "系统"
    assert not Deadline.objects.filter(case=case, finished_at=None).exists()
    assert list(Deadline.objects.get(case=case, code="answer").moves.order_by("at", "id").values_list("kind", flat=True)).count("expire") == 1


def test_an_overdue_case_is_told_to_those_who_supervise_once_although_two_workers_look() -> None:
    case = committed(lambda: late(submitted()))
    together(timers.expire_due, timers.expire_due)
    timers.expire_due()
    supervisor = Party.objects.get(name="庄书言")
    assert [m.to_id for m in Message.objects.filter(case=case.pk, template="case-overdue")] == [supervisor.pk]
    assert DeadlineMove.objects.filter(deadline__case=case, kind="expire").count() == 1
    assert Entry.objects.filter(case=case.pk, action="case.overdue").count() == 1
    assert now_is(case) == "open" and limit(case).finished_at is None  # late, and still to be done
    assert api.perform(approver(), case.pk, "finish").state == "done"


def test_a_clock_that_stands_never_expires() -> None:
    case = submitted()
    api.perform(approver(), case.pk, "stop", {"reason": "检验"})
    with at(timezone.now() + timedelta(days=15)):
        timers.expire_due()
    assert limit(case).expired_at is None


def test_deciding_and_silence_at_once_have_one_effect() -> None:
    def waiting() -> Case:
        case = submitted()
        api.perform(approver(), case.pk, "ask", {"opinion": "补"})
        return late(case, "answer")

    case = committed(waiting)
    together(lambda: api.perform(applicant(), case.pk, "answer"), timers.expire_due)
    steps = list(Event.objects.filter(case=case).order_by("sequence").values_list("sequence", "step"))
    assert steps in ([(1, "submit"), (2, "ask"), (3, "answer")], [(1, "submit"), (2, "ask"), (3, "lapse")])


@pytest.mark.parametrize("wrong", [CalendarUnknown("试验"), KeyError("a version that a release has dropped"), RecursionError()])
def test_one_case_whose_effect_fails_does_not_hold_back_the_others(monkeypatch: pytest.MonkeyPatch, wrong: Exception) -> None:
    bad, good = late(submitted()), late(submitted())
    told = timers._alarm

    def alarm(case: Case, deadline: Deadline) -> None:
        if case.pk == bad.pk:
            raise wrong
        told(case, deadline)

    monkeypatch.setattr(timers, "_alarm", alarm)
    timers.expire_due(limit=1)  # the older one, which fails at every run, takes no turn from the other
    assert limit(good).expired_at and not limit(bad).expired_at
    monkeypatch.setattr(timers, "_alarm", told)
    timers.expire_due()
    assert limit(bad).expired_at


def test_what_is_late_comes_first_to_a_supervisor() -> None:
    case = late(submitted())
    Case.objects.filter(pk=case.pk).update(due_at=timezone.now() - timedelta(days=900))
    assert api.late_cases(person("庄书言"))[0] == case
    assert case not in api.late_cases(person("罗景行"))
