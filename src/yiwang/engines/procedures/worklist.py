"""The work list: what waits for me, the latest first, page by key. One query on one partial index per post."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from yiwang.engines.procedures.models import Task
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor

Lamp = Literal["red", "yellow", "green", "paused"]
LAMPS: tuple[Lamp, ...] = ("red", "yellow", "green", "paused")
SHOWN = ("title", "due_at", "warn_at", "opened_at", "case__subject", "case__number", "case__urged_at", "case__procedure", "case__version", "case__applicant__name", "assignee__name")


@dataclass(frozen=True)
class Page:
    """Rows and the key of the next page ("" at the end)."""

    tasks: list[Task]
    after: str


def waiting(actor: Actor, *, lamp: Lamp | None = None, item: str = "", mine_only: bool = False, after: str = "", size: int = 30) -> Page:
    """Open tasks of the actor's posts, by due moment; tasks whose clock stands come last. Only what a list shows is read."""
    tasks = _filtered(actor, lamp, item, mine_only).select_related("case__applicant", "assignee").only(*SHOWN)
    if after:
        tasks = tasks.filter(_beyond(after))
    rows = list(tasks.order_by(F("due_at").asc(nulls_last=True), "id")[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    return Page(rows, _key(rows[-1]) if more else "")


def counts(actor: Actor) -> dict[Lamp, int]:
    """How many of each lamp wait: one pass over the partial index."""
    found = _filtered(actor, None, "", False).aggregate(**{lamp: Count("pk", filter=lit) for lamp, lit in _lamps(timezone.now()).items()})
    return {lamp: found[lamp] for lamp in LAMPS}


def lamp_of(due_at: datetime | None, warn_at: datetime | None) -> Lamp:
    """Red past the limit, yellow in its last fifth, paused while no clock runs."""
    now = timezone.now()
    if due_at is None:
        return "paused"
    if due_at < now:
        return "red"
    return "yellow" if warn_at and warn_at <= now else "green"


def _filtered(actor: Actor, lamp: Lamp | None, item: str, mine_only: bool) -> QuerySet[Task]:
    tasks = restrict(actor, Task.objects.filter(closed_at=None))
    if lamp:
        tasks = tasks.filter(_lamps(timezone.now())[lamp])
    if item:
        tasks = tasks.filter(case__item_key=item)
    if mine_only:
        tasks = tasks.filter(assignee=actor.party)
    return tasks


def _lamps(now: datetime) -> dict[Lamp, Q]:
    """The same four as `lamp_of`, for the database."""
    return {
        "red": Q(due_at__lt=now),
        "yellow": Q(due_at__gte=now, warn_at__lte=now),
        "green": Q(due_at__gte=now) & (Q(warn_at__gt=now) | Q(warn_at=None)),
        "paused": Q(due_at=None),
    }


def _key(task: Task) -> str:
    return f"{task.due_at.isoformat() if task.due_at else ''}|{task.pk}"


def _beyond(after: str) -> Q:
    due, _, pk = after.partition("|")
    if not due:
        return Q(due_at=None, pk__gt=int(pk))
    moment = datetime.fromisoformat(due)
    return Q(due_at__gt=moment) | Q(due_at=moment, pk__gt=int(pk)) | Q(due_at=None)
