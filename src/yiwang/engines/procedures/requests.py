"""What people ask of a case beside its steps: hurry, more time, another pair of hands."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from yiwang.base import say
from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound, TooMany
from yiwang.engines.audit import api as audit
from yiwang.engines.messages import api as messages
from yiwang.engines.parties.models import Party
from yiwang.engines.procedures import cases, clocks
from yiwang.engines.procedures.jobs import make_paper
from yiwang.engines.procedures.models import Case, Deadline, DeadlineMove, Event, Extension, Task
from yiwang.engines.procedures.moves import is_applicant
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import APPLICANT, Clock, Step
from yiwang.kit.statements import Statement

URGE_PAUSE = timedelta(hours=24)
LONGEST_REASON = 300  # characters, Extension.reason


@transaction.atomic
def urge(actor: Actor, case: int, words: str = "") -> Case:
    """The applicant asks the offices to hurry: whoever has an open task is told. Once in 24 hours."""
    locked = cases.lock(actor, case)
    if not is_applicant(actor, locked):
        raise NotAllowed("只有申请人或代办人可以催办。")
    if locked.closed_at or not _office_tasks(locked).exists():
        raise Conflict("这件办件现在没有等待政府部门办理的环节，不需要催办。")
    now = timezone.now()
    if locked.urged_at and now - locked.urged_at < URGE_PAUSE:
        raise TooMany("您在 24 小时内已经催办过，承办单位已收到提醒。", hint="如需了解进展，请拨打 12345。")
    locked.urged_at = now
    step = Step(code="urge", name="催办", source=locked.state, target=locked.state, by=APPLICANT)
    event = cases.record(locked, actor, step, source=locked.state, at=now, opinion=words.strip()[:300])
    locked.save()
    values = {"number": locked.number, "subject": locked.subject, "words": words.strip()[:300]}
    for party in _at_work(locked):
        messages.send(to=party, template="case-urged", values=values, case=locked.pk, key=f"urge:{event.pk}:{party}")
    return locked


@transaction.atomic
def ask_extension(actor: Actor, case: int, *, clock: str, amount: int, reason: str) -> Extension:
    """Whoever works on the case asks for more time; the head of the office decides. Raises Invalid beyond what the law allows."""
    locked = cases.lock(actor, case)
    if actor.party is None or not any(actor.holds(task.role, task.organ_id) for task in locked.tasks.filter(closed_at=None)):
        raise NotAllowed("只有正在办理这件办件的人员可以申请延期。")
    deadline = clocks.running(locked, clock)
    if deadline is None:
        raise Conflict("这个时限没有在计时，不需要延期。")
    if clocks.is_over(deadline, at=timezone.now()):
        raise Conflict("这个时限已经届满，不能再申请延期。")
    problems = _wrong(deadline, amount, reason)
    if problems:
        raise Invalid("延期申请需要修改。", fields=problems)
    if deadline.extensions.filter(decided_at=None).exists():
        raise Conflict("已有一份延期申请等待批准。")
    extension = Extension.objects.create(deadline=deadline, amount=amount, reason=reason.strip(), asked_by_id=actor.party)
    audit.record(actor, "case.ask-extension", subject=locked, summary=f"申请延长{deadline.name} {amount} {say.unit(deadline.unit)}：{reason.strip()}", case=locked.pk)
    return extension


@transaction.atomic
def decide_extension(actor: Actor, extension: int, *, granted: bool, key: str = "") -> Extension:
    """The head of the office grants or refuses more time; a grant is told to the applicant with its reason (行政许可法第四十二条)."""
    found = restrict(actor, Extension.objects.filter(pk=extension)).values_list("deadline__case", flat=True).first()
    if found is None:
        raise NotFound("没有找到这份延期申请。")
    case = cases.lock(actor, found)
    asked = Extension.objects.select_related("deadline__case").get(pk=extension)  # decided under the case's lock
    clock = case.declared.clock(asked.deadline.code)
    if not actor.holds(clock.extension_by, case.organ_id) or actor.party is None:
        raise NotAllowed("延期由本机关负责人批准。")
    if asked.asked_by_id == actor.party:
        raise NotAllowed("申请延期和批准延期不能是同一个人。")
    if key and case.events.filter(key=key).exists():
        return asked
    if asked.decided_at:
        raise Conflict("这份延期申请已经有了决定。")
    now = timezone.now()
    if clocks.is_over(asked.deadline, at=now):
        raise Conflict("这个时限已经结束或者届满，不需要再决定延期。")
    asked.decided_by_id, asked.decided_at, asked.granted = actor.party, now, granted
    asked.save()
    if granted:
        _give_time(case, asked.deadline, clock, actor, amount=asked.amount, reason=asked.reason, at=now, key=key)
    else:
        step = Step(code="extend", name="不批准延期", source=case.state, target=case.state, by=clock.extension_by, public=False)
        data: dict[str, object] = {"amount": asked.amount, "deadline": asked.deadline.name, "due": _day(asked.deadline.due_at)}
        cases.record(case, actor, step, source=case.state, at=now, opinion=asked.reason, data=data, key=key)
        case.save()
    return asked


@transaction.atomic
def extend(actor: Actor, case: int, *, clock: str, amount: int, reason: str) -> Deadline:
    """More time that the head of the office granted in the office's own system, which now says so: the limits and the notice of `decide_extension`.

    Raises NotFound, NotAllowed, Conflict, Invalid.
    """
    locked = cases.lock(actor, case)
    declared = locked.declared.clock(clock)
    if not declared.extension_by or not actor.holds(declared.extension_by, locked.organ_id):
        raise NotAllowed("延期由本机关负责人批准。")
    deadline, now = clocks.running(locked, clock), timezone.now()
    if deadline is None or clocks.is_over(deadline, at=now):
        raise Conflict(f"这个时限没有在计时或者已经届满，不能延期，当前状态是“{locked.declared.state(locked.state).name}”。")
    problems = _wrong(deadline, amount, reason)
    if problems:
        raise Invalid("延期需要修改。", fields=problems)
    if deadline.extensions.filter(decided_at=None).exists():
        raise Conflict("已有一份延期申请等待批准。")
    _give_time(locked, deadline, declared, actor, amount=amount, reason=reason.strip(), at=now)
    return deadline


def _wrong(deadline: Deadline, amount: int, reason: str) -> dict[str, str]:
    """What is wrong with a request for more time, by field."""
    allowed, problems = clocks.extendable(deadline), {}
    if not 0 < amount <= allowed:
        problems["amount"] = f"依法最多可延长 {allowed} {say.unit(deadline.unit)}。" if allowed > 0 else "这个时限依法不能延长。"
    if not reason.strip():
        problems["reason"] = "请写明延期理由，理由将告知申请人。"
    elif len(reason.strip()) > LONGEST_REASON:
        problems["reason"] = f"理由请不超过 {LONGEST_REASON} 个字。"
    return problems


def _give_time(case: Case, deadline: Deadline, clock: Clock, actor: Actor, *, amount: int, reason: str, at: datetime, key: str = "") -> None:
    """The clock runs longer; the applicant is told with the reason."""
    clocks.extend(deadline, amount=amount, at=at, by=actor.name, reason=reason)
    clocks.show_nearest(case)
    step = Step(code="extend", name="批准延期", source=case.state, target=case.state, by=clock.extension_by, document=clock.extension_paper)
    event = cases.record(case, actor, step, source=case.state, at=at, opinion=reason, data={"amount": amount, "deadline": deadline.name, "due": _day(deadline.due_at)}, key=key)
    case.save()
    if step.document:
        make_paper.defer(event=event.pk)
    values = {"number": case.number, "subject": case.subject, "reason": reason, "amount": f"{amount} {say.unit(deadline.unit)}", "deadline": deadline.name}
    messages.send(to=case.applicant_id, template="case-extended", values=values, case=case.pk, key=f"event:{event.pk}")


def _day(moment: datetime | None) -> str:
    return timezone.localtime(moment).date().isoformat() if moment else ""


@transaction.atomic
def hand_over(actor: Actor, task: int, *, to: int, reason: str = "") -> Task:
    """Gives an open task to a colleague who holds its role in the same office (or takes it oneself)."""
    found = restrict(actor, Task.objects.select_for_update(of=("self",), no_key=True).filter(pk=task, closed_at=None)).select_related("case").first()
    if found is None:
        raise NotFound("这项任务已经办完，或不在您的岗位上。")
    if to not in cases.holders(found.case, found.role, organ=found.organ_id):
        raise Invalid("只能交给本单位同一岗位的人员。", fields={"to": "这位同事没有这一岗位"})
    found.assignee_id = to
    found.save(update_fields=["assignee"])
    audit.record(actor, "task.hand-over", subject=found.case, summary=f"交办任务“{found.title}”{'：' + reason if reason else ''}", case=found.case_id)
    return found


def late_cases(actor: Actor, *, limit: int = 100) -> "list[Case]":
    """What a supervisor looks at first: open cases past their limit, the longest overdue first."""
    late = Case.objects.filter(closed_at=None, due_at__lt=timezone.now()).select_related("organ", "applicant").order_by("due_at")
    return list(restrict(actor, late)[:limit])


@transaction.atomic
def supervise(actor: Actor, case: int, words: str) -> Case:
    """督办: a supervisor asks in writing why a case is late; whoever has an open task is told. Once in 24 hours. Raises NotAllowed, Invalid, Conflict, TooMany."""
    locked = cases.lock(actor, case)
    if not actor.holds("supervisor"):
        raise NotAllowed("督办由效能监督人员发起。")
    if not words.strip():
        raise Invalid("请写明督办要求。", fields={"words": "请写明督办要求，承办单位会收到"})
    now = timezone.now()
    if locked.due_at is None or locked.due_at >= now:
        raise Conflict("这件办件没有超期，不需要督办。")
    if locked.events.filter(step="supervise", at__gt=now - URGE_PAUSE).exists():
        raise TooMany("24 小时内已经督办过这件办件，承办单位已收到。")
    step = Step(code="supervise", name="督办", source=locked.state, target=locked.state, by="supervisor", public=False)
    event = cases.record(locked, actor, step, source=locked.state, at=now, opinion=words.strip()[:300])
    locked.save()
    values = {"number": locked.number, "subject": locked.subject, "words": event.opinion}
    for party in _at_work(locked):
        messages.send(to=party, template="case-supervised", values=values, case=locked.pk, key=f"supervise:{event.pk}:{party}")
    return locked


def _at_work(case: Case) -> list[int]:
    """Whom to tell to hurry, in every office where a task waits: who has it, else whoever could take it."""
    found = {party for task in _office_tasks(case) for party in ([task.assignee_id] if task.assignee_id else cases.holders(case, task.role, organ=task.organ_id))}
    return sorted(found)


def _office_tasks(case: Case) -> "QuerySet[Task]":
    return case.tasks.filter(closed_at=None).exclude(role=APPLICANT)


def supervised(actor: Actor, listed: "list[Case]") -> dict[int, Event]:
    """The last 督办 of each of these cases."""
    rows = restrict(actor, Event.objects.filter(case__in=listed, step="supervise")).order_by("sequence")
    return {event.case_id: event for event in rows}


def open_task(actor: Actor, case: int) -> Task:
    """The open task of a case that waits for a post of the actor. Raises NotFound."""
    found = restrict(actor, Task.objects.filter(case=case, closed_at=None)).select_related("case", "organ", "assignee").first()
    if found is None:
        raise NotFound("这项任务已经办完，或不在您的岗位上。")
    return found


def colleagues(task: Task) -> "list[Party]":
    """Who could take it: the holders of its role in its office."""
    return list(Party.objects.filter(pk__in=cases.holders(task.case, task.role, organ=task.organ_id)).order_by("name"))


def extension_waiting(actor: Actor, case: Case) -> Extension | None:
    """The request that this actor could decide."""
    open_ones = Extension.objects.filter(deadline__case=case, deadline__finished_at=None, deadline__expired_at=None, decided_at=None)
    asked = open_ones.exclude(asked_by=actor.party).select_related("deadline", "asked_by").order_by("pk")
    return next((wish for wish in asked if actor.holds(case.declared.clock(wish.deadline.code).extension_by, case.organ_id)), None)


def clocks_of(case: Case) -> list[tuple[Deadline, list[DeadlineMove]]]:
    """Every clock of the case in the order of their starts, each with its starts, stops and extensions."""
    moves: dict[int, list[DeadlineMove]] = {}
    for move in _moves(case=case.pk):
        moves.setdefault(move.deadline_id, []).append(move)
    return [(deadline, moves.get(deadline.pk, [])) for deadline in _deadlines(case=case.pk)]


@Statement
def _deadlines(*, case: int) -> QuerySet[Deadline]:
    return Deadline.objects.filter(case=case).order_by("started_at")


@Statement
def _moves(*, case: int) -> QuerySet[DeadlineMove]:
    return DeadlineMove.objects.filter(deadline__case=case).order_by("at", "pk")


def running_deadlines(case: Case) -> "list[Deadline]":
    return list(case.deadlines.filter(finished_at=None).order_by("started_at"))
