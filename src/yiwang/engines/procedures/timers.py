"""What the law says about silence: an alarm to those who supervise, or the step that is taken by itself (行政许可法第三十二条: 逾期不告知的视为受理)."""

import logging
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from yiwang.engines.audit import api as audit
from yiwang.engines.messages import api as messages
from yiwang.engines.procedures import cases, clocks
from yiwang.engines.procedures.bpmn import travel
from yiwang.engines.procedures.models import Case, Deadline, FlowTimer
from yiwang.engines.procedures.moves import fire, move, step_here
from yiwang.kit.actors import SYSTEM

log = logging.getLogger(__name__)


def expire_due(limit: int = 500) -> int:
    """Gives every overdue clock its effect, each in its own transaction; returns how many. Safe to run twice at once.

    A case whose effect fails is told to the log and tried again at the next run; it never holds back the others, and takes no turn of the `limit` from them.
    """
    now = timezone.now()
    silent = Deadline.objects.filter(finished_at=None, expired_at=None, due_at__lte=now).order_by("due_at").values_list("pk", flat=True)
    timers = FlowTimer.objects.filter(fired_at=None, stopped_at=None, due_at__lte=now).order_by("due_at").values_list("pk", flat=True)
    return _taken(_expire, silent, limit) + _taken(_fire, timers, limit)


def _taken(effect: Callable[[int], bool], due: "QuerySet[Any, int]", limit: int) -> int:
    done = 0
    for pk in list(due):
        if done == limit:
            break
        done += _tried(effect, pk)
    return done


def _tried(effect: Callable[[int], bool], pk: int) -> bool:
    try:
        return effect(pk)
    except Exception:  # whatever it is (a step that a release has dropped, a row that is gone): the silence of all other cases still has its effect
        log.exception("limit %s has passed and its effect failed", pk)
        return False


@transaction.atomic
def _fire(pk: int) -> bool:
    """A timer of a drawn flow moves its case on."""
    case = cases.lock(SYSTEM, FlowTimer.objects.values_list("case", flat=True).get(pk=pk))
    timer = FlowTimer.objects.get(pk=pk)  # every change of a timer is made under its case's lock
    if timer.fired_at or timer.stopped_at or not travel.is_due(case, timer, at=timezone.now()):
        return False
    fire(case, timer)
    return True


@transaction.atomic
def _expire(pk: int) -> bool:
    case = cases.lock(SYSTEM, Deadline.objects.values_list("case", flat=True).get(pk=pk))
    deadline = Deadline.objects.get(pk=pk)  # every change of a clock is made under its case's lock
    now = timezone.now()
    if deadline.finished_at or deadline.expired_at or deadline.due_at is None:
        return False  # somebody acted while we waited for the lock
    if not clocks.is_due(deadline, at=now):
        clocks.show_nearest(case)
        case.save(update_fields=["due_at", "warn_at"])
        return False
    clocks.expire(deadline, at=now)
    place, step = step_here(case, lambda s: s.code == deadline.deems)
    if step:
        move(SYSTEM, case, step, {"reason": f"{deadline.name}届满，依法视为作出"}, place=place)
    else:
        _alarm(case, deadline)
    return True


def _alarm(case: Case, deadline: Deadline) -> None:
    audit.record(SYSTEM, "case.overdue", subject=case, summary=f"{deadline.name}届满：{case.number}", case=case.pk, organ=case.organ_id)
    values = {"number": case.number, "subject": case.subject, "organ": case.organ.name, "deadline": deadline.name}
    for party in cases.holders(case, case.declared.alarms, covering=case.division_id):
        messages.send(to=party, template="case-overdue", values=values, case=case.pk, key=f"overdue:{deadline.pk}:{party}")
