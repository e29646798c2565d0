"""The work list: what waits for me, the latest first, page by key. One query on one partial index per post."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from yiwang.base.errors import Invalid
from yiwang.engines.procedures.models import Task, procedure_of
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.statements import Statement

Lamp = Literal["red", "yellow", "green", "paused"]
LAMPS: tuple[Lamp, ...] = ("red", "yellow", "green", "paused")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task as a list shows it. Fields in the order of `SHOWN`."""

    pk: int
    title: str
    due_at: datetime | None
    warn_at: datetime | None
    opened_at: datetime
    assignee: str | None
    case_id: int
    subject: str
    number: str
    urged_at: datetime | None
    procedure: str
    version: int
    party: str  #: the applicant's name; what a page shows is `applicant`

    @property
    def applicant(self) -> str:
        """Whom the case is about, unless its procedure keeps that from those who work on it."""
        return "（不显示评价人）" if procedure_of(self.procedure, self.version).applicant_seen_by else self.party


SHOWN = (
    "pk", "title", "due_at", "warn_at", "opened_at", "assignee__name", "case", "case__subject", "case__number", "case__urged_at", "case__procedure", "case__version", "case__applicant__name",
)  # fmt: skip


@dataclass(frozen=True)
class Page:
    """Rows and the key of the next page ("" at the end)."""

    tasks: list[Waiting]
    after: str


def waiting(actor: Actor, *, lamp: Lamp | None = None, item: str = "", mine_only: bool = False, after: str = "", size: int = 30) -> Page:
    """Open tasks of the actor's posts, by due moment; tasks whose clock stands come last. Only what a list shows is read."""
    moment, last = _key_of(after)
    found = _waiting(actor, lamp, mine_only, size + 1, now=timezone.now() if lamp not in {None, "paused"} else None, item=item or None, moment=moment, last=last)
    rows = [Waiting(*row) for row in found]
    more = len(rows) > size
    rows = rows[:size]
    return Page(rows, _key(rows[-1]) if more else "")


def counts(actor: Actor) -> dict[Lamp, int]:
    """How many of each lamp wait: one pass over the partial index."""
    found = _counts(actor, now=timezone.now())
    return {lamp: sum(row[place] for row in found) for place, lamp in enumerate(LAMPS)}


def lamp_of(due_at: datetime | None, warn_at: datetime | None) -> Lamp:
    """Red past the limit, yellow in its last fifth, paused while no clock runs."""
    now = timezone.now()
    if due_at is None:
        return "paused"
    if due_at < now:
        return "red"
    return "yellow" if warn_at and warn_at <= now else "green"


@Statement
def _waiting(actor: Actor, lamp: Lamp | None, mine_only: bool, size: int, *, now: datetime, item: str | None, moment: datetime | None, last: int | None) -> QuerySet[Task, tuple[Any, ...]]:
    tasks = restrict(actor, Task.objects.filter(closed_at=None))
    if lamp:
        tasks = tasks.filter(_lamps(now)[lamp])
    if item:
        tasks = tasks.filter(case__item_key=item)
    if mine_only:
        tasks = tasks.filter(assignee=actor.party)
    if last is not None:
        tasks = tasks.filter(_beyond(moment, last))
    return tasks.order_by(F("due_at").asc(nulls_last=True), "id").values_list(*SHOWN)[:size]


@Statement
def _counts(actor: Actor, *, now: datetime) -> QuerySet[Task, tuple[int, ...]]:
    """A row for each office, with a number for each lamp."""
    lit = {lamp: Count("pk", filter=lit) for lamp, lit in _lamps(now).items()}
    return restrict(actor, Task.objects.filter(closed_at=None)).order_by().values("organ").annotate(**lit).values_list(*LAMPS)


def _lamps(now: datetime) -> dict[Lamp, Q]:
    """The same four as `lamp_of`, for the database."""
    return {
        "red": Q(due_at__lt=now),
        "yellow": Q(due_at__gte=now, warn_at__lte=now),
        "green": Q(due_at__gte=now) & (Q(warn_at__gt=now) | Q(warn_at=None)),
        "paused": Q(due_at=None),
    }


def _key_of(after: str) -> tuple[datetime | None, int | None]:
    due, _, pk = after.partition("|")
    try:
        return datetime.fromisoformat(due) if due else None, int(pk) if after else None
    except ValueError:
        raise Invalid("没有这一页。", hint="请从列表的第一页重新翻起。") from None


def _key(task: Waiting) -> str:
    return f"{task.due_at.isoformat() if task.due_at else ''}|{task.pk}"


def _beyond(moment: datetime | None, last: int) -> Q:
    if moment is None:
        return Q(due_at=None, pk__gt=last)
    return Q(due_at__gt=moment) | Q(due_at=moment, pk__gt=last) | Q(due_at=None)
