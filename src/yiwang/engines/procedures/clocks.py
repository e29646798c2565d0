"""Clocks on a case: started, stopped, resumed, extended, finished. Every move is kept; the due moment is computed from the moves, never adjusted by hand."""

from datetime import datetime

from django.db.models import Max

from yiwang.base import deadlines, say
from yiwang.base.errors import Conflict, Invalid
from yiwang.engines.procedures.models import Case, Deadline, DeadlineMove, Task
from yiwang.engines.registers import api as registers
from yiwang.engines.registers.models import CalendarEdit
from yiwang.kit.declare import Clock

Kind = DeadlineMove.Kind
ENDS = (Kind.FINISH, Kind.EXPIRE)  # a moment that has come stays as it was, whatever becomes of the calendar


def start(case: Case, clock: Clock, *, at: datetime, by: str) -> Deadline | None:
    """Starts `clock`; an amount of 0 means that the law and the office set no limit, so nothing runs. Raises CalendarUnknown."""
    amount = clock.amount(case) if callable(clock.amount) else clock.amount
    if not amount:
        return None
    deadline = Deadline(
        case=case,
        code=clock.code,
        name=clock.name,
        amount=amount,
        unit=clock.unit(case) if callable(clock.unit) else clock.unit,
        basis=clock.basis(case) if callable(clock.basis) else clock.basis,
        started_at=(clock.since(case) if clock.since else None) or at,
        expiry=clock.expiry,
        deems=clock.deems,
    )
    _compute(deadline, stops=[])
    deadline.save(force_insert=True)
    DeadlineMove.objects.create(deadline=deadline, kind=Kind.START, at=at, by=by)
    return deadline


def suspend(case: Case, code: str, *, at: datetime, by: str, reason: str) -> None:
    """Stops a running clock (行政许可法第四十五条). A clock that does not run is left as it is."""
    deadline = running(case, code)
    if deadline and deadline.suspended_at is None:
        deadline.suspended_at = at
        _move(deadline, Kind.SUSPEND, at=at, by=by, reason=reason)


def resume(case: Case, code: str, *, at: datetime, by: str) -> None:
    """Lets a stopped clock run on with what was left."""
    deadline = running(case, code)
    if deadline and deadline.suspended_at is not None:
        deadline.suspended_at = None
        _move(deadline, Kind.RESUME, at=at, by=by)


def finish(case: Case, code: str, *, at: datetime, by: str) -> None:
    """Ends a clock; it keeps its due moment so that late and on time stay provable."""
    deadline = running(case, code)
    if deadline:
        deadline.finished_at = at
        _move(deadline, Kind.FINISH, at=at, by=by)


def finish_all(case: Case, *, at: datetime, by: str) -> None:
    """Ends every clock of a case that is over."""
    for deadline in case.deadlines.filter(finished_at=None):
        finish(case, deadline.code, at=at, by=by)


def extend(deadline: Deadline, *, amount: int, at: datetime, by: str, reason: str) -> None:
    """Adds `amount` of the clock's own unit, up to what the law allows. The case is locked. Raises Conflict for a clock that is over, Invalid beyond the law."""
    if is_over(deadline, at=at):
        raise Conflict("这个时限已经结束或者届满，不能再延长。")
    allowed = extendable(deadline)
    if not 0 < amount <= allowed:
        raise Invalid(f"最多还可以延长 {allowed} {say.unit(deadline.unit)}。", fields={"amount": "超过法定可延长的限度"})
    deadline.extended += amount
    _move(deadline, Kind.EXTEND, at=at, by=by, amount=amount, reason=reason)


def extendable(deadline: Deadline) -> int:
    """How many more units the law leaves in the head's hand."""
    return max(deadline.case.declared.clock(deadline.code).longest_extension(deadline.case) - deadline.extended, 0)


def is_over(deadline: Deadline, *, at: datetime) -> bool:
    """Finished, or past its moment: more time is given before the limit ends, never after (行政许可法第四十二条)."""
    return deadline.finished_at is not None or deadline.expired_at is not None or (deadline.due_at is not None and deadline.due_at <= at)


def expire(deadline: Deadline, *, at: datetime) -> None:
    """Records that the moment has passed; it goes on running as late."""
    deadline.expired_at = at
    _move(deadline, Kind.EXPIRE, at=at, by="系统")


def running(case: Case, code: str) -> Deadline | None:
    return Deadline.objects.filter(case=case, code=code, finished_at=None).first()


def show_nearest(case: Case) -> None:
    """Copies the nearest running limit to the case and its open task, where lists are ordered by it. The case is saved by the caller."""
    take_nearest(case)
    Task.objects.filter(case=case, closed_at=None).update(due_at=case.due_at, warn_at=case.warn_at)


def take_nearest(case: Case) -> None:
    """The nearest running limit as the case's own; the next task is opened with it."""
    nearest = case.deadlines.filter(finished_at=None, due_at__isnull=False).order_by("due_at").first()
    case.due_at, case.warn_at = (nearest.due_at, nearest.warn_at) if nearest else (None, None)


def is_due(deadline: Deadline, *, at: datetime) -> bool:
    """Whether a running clock has come to its end: by the calendar as it is now, if somebody has changed it since the clock last moved."""
    moved = deadline.moves.aggregate(last=Max("at"))["last"]
    if CalendarEdit.objects.filter(at__gt=moved).exists():
        _compute(deadline, stops=_stops(deadline))
        deadline.save(update_fields=["due_at", "warn_at"])
    return deadline.due_at is not None and deadline.due_at <= at


def _move(deadline: Deadline, kind: DeadlineMove.Kind, *, at: datetime, by: str, amount: int = 0, reason: str = "") -> None:
    DeadlineMove.objects.create(deadline=deadline, kind=kind, at=at, by=by, amount=amount, reason=reason[:300])
    if kind not in ENDS:
        _compute(deadline, stops=_stops(deadline))
    deadline.save()


def _compute(deadline: Deadline, *, stops: list[tuple[datetime, datetime]]) -> None:
    if deadline.suspended_at is not None:
        deadline.due_at = deadline.warn_at = None
        return
    term = deadlines.Term(deadline.amount + deadline.extended, deadline.unit)
    calendar = registers.working_calendar()
    deadline.due_at = deadlines.due_at(term, deadline.started_at, calendar=calendar, suspensions=stops)
    deadline.warn_at = deadlines.warn_at(term, deadline.started_at, calendar=calendar, suspensions=stops)


def _stops(deadline: Deadline) -> list[tuple[datetime, datetime]]:
    """The closed intervals in which the clock stood. Stops and starts alternate, so the n-th stop ends with the n-th start, in whatever order rows are read
    and however the clocks of two machines differ.
    """
    moves = DeadlineMove.objects.filter(deadline=deadline, kind__in=(Kind.SUSPEND, Kind.RESUME)).values_list("kind", "at")
    stopped = sorted(at for kind, at in moves if kind == Kind.SUSPEND)
    resumed = sorted(at for kind, at in moves if kind == Kind.RESUME)
    return [(since, max(since, until)) for since, until in zip(stopped, resumed, strict=False)]  # a clock that stands now has one stop more
