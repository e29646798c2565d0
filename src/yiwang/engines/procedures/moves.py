"""Moving a case: one step, one transaction. State, task, clocks, the system's own writes, event, audit, paper, message and what follows from it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import BigIntegerField, QuerySet, Value
from django.db.models.functions import Coalesce
from django.forms import Form
from django.utils import timezone

from yiwang.base import say
from yiwang.base.errors import Conflict, Invalid, NotAllowed
from yiwang.engines.messages import api as messages
from yiwang.engines.procedures import cases, clocks
from yiwang.engines.procedures.bpmn import travel
from yiwang.engines.procedures.jobs import make_paper
from yiwang.engines.procedures.models import ASIDE, Case, Event, FlowTimer, Task
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.declare import APPLICANT, SYSTEM_ROLE, Procedure, Step
from yiwang.kit.rowsecurity import elevated
from yiwang.kit.statements import Statement


@dataclass(frozen=True)
class Offer:
    """A step that an actor may take now, or sees with the reason why not yet."""

    step: Step
    blocked: str = ""


def offers(actor: Actor, case: Case) -> list[Offer]:
    """The buttons of a case page for this actor: of every state in which the case stands."""
    tasks = {task.state: task for task in _open(case=case.pk)}
    found = {s.code: s for place in travel.standing(case) for s in case.declared.steps_from(place) if _refusal(actor, case, s, tasks.get(place)) is None}
    return [Offer(step, (step.when(case, actor) if step.when else None) or "") for step in found.values()]


@Statement
def _open(*, case: int) -> QuerySet[Task]:
    return Task.objects.filter(case=case, closed_at=None)


@transaction.atomic
def perform(actor: Actor, case: int, step: str, data: Mapping[str, Any] | None = None, *, revision: int | None = None, key: str = "") -> Case:
    """Takes `step` on the case and returns it as it then is.

    `revision` is what the actor's page showed: if the case has moved since, nothing happens and Conflict says who was first. `key` makes a retry harmless.
    Raises NotFound (not theirs to see), NotAllowed (not their role), Conflict (too late), Invalid (the form, or a condition of the step).
    """
    locked = cases.lock(actor, case)
    if key and locked.events.filter(key=key).exists():
        return locked
    declared = next((s for s in locked.declared.steps if s.code == step), None)
    tasks = cases.open_tasks(locked)
    places = [p for p in travel.standing(locked) if declared and p in declared.sources and not _stale(locked, revision, tasks.get(p))]
    if declared is None or not places:
        raise _moved_on(locked, revision)
    refusals = {place: _refusal(actor, locked, declared, tasks.get(place)) for place in places}
    place = next((p for p, refusal in refusals.items() if refusal is None), None)
    if place is None:
        raise NotAllowed(refusals[places[0]] or "")
    return move(actor, locked, declared, dict(data or {}), place=place, key=key)


def move(actor: Actor, case: Case, step: Step, data: dict[str, Any], *, place: str = "", key: str = "") -> Case:
    """The step itself on a case that is locked or new, at `place` where it stands in several. Raises Invalid for the form, the reason or the condition."""
    procedure, now = case.declared, timezone.now()
    source = place or next(p for p in travel.standing(case) if p in step.sources)
    cleaned = _cleaned(step, case, data)
    blocked = step.when(case, actor) if step.when else None
    if blocked:
        raise Invalid(blocked)
    arrival = travel.go(case, step, cleaned, place=source, at=now)
    _close_tasks(case, arrival, source, now, actor)
    opinion = str(cleaned.get("opinion") or cleaned.get("reason") or "")
    event = cases.record(case, actor, step, source=source, at=now, opinion=opinion, data=_plain(cleaned), key=key)
    if step.effect:
        step.effect(case, actor, cleaned)
    with elevated():  # the effect may have shut the actor out of the case: what the step sets in motion is written all the same
        _run_clocks(case, step, procedure, actor, now, opinion)
        _arrive(case, procedure, arrival, now, actor)
        if step.message:
            _tell(case, step, event)
        if step.document:
            make_paper.defer(event=event.pk)
        _follow(case, arrival)
    return case


def fire(case: Case, timer: FlowTimer) -> Case:
    """A timer of a drawn flow has come to its moment. The case is locked."""
    now = timezone.now()
    arrival = travel.fire(case, timer, at=now)
    _close_tasks(case, arrival, "", now, SYSTEM)
    step = Step(code="timer", name=f"{timer.name}届满", source=timer.element, target=case.state, by=SYSTEM_ROLE, public=False)
    cases.record(case, SYSTEM, step, source=timer.element, at=now)
    _arrive(case, case.declared, arrival, now, SYSTEM)
    _follow(case, arrival)
    return case


def _close_tasks(case: Case, arrival: travel.Arrival, acted: str, now: datetime, actor: Actor) -> None:
    """The task that was done is its doer's; tasks that a timer or an end took away stay whose they were."""
    waiting = Task.objects.filter(case=case, closed_at=None)
    others = [state for state in arrival.left if state != acted]
    if acted in arrival.left and case.revision:
        waiting.filter(state=acted).update(closed_at=now, assignee=Coalesce("assignee", Value(actor.party, BigIntegerField())))
    if others:
        waiting.filter(state__in=others).update(closed_at=now)


def _follow(case: Case, arrival: travel.Arrival) -> None:
    """System tasks of a drawn flow do their step at once, in the same transaction; one of them may end the case before the others have their turn."""
    for place, step in arrival.due:
        if case.closed_at is None:
            move(SYSTEM, case, case.declared.step(step), {}, place=place)


def _refusal(actor: Actor, case: Case, step: Step, task: Task | None) -> str | None:
    """Why this actor may not take this step; None if they may."""
    if SYSTEM_ROLE in step.roles and actor.system:
        return None
    if APPLICANT in step.roles and is_applicant(actor, case):
        return None
    organ = task.organ_id if task else case.organ_id
    if not any(actor.holds(role, organ) for role in step.roles):
        return f"“{step.name}”由{_role_names(step)}办理，您当前没有这一岗位。"
    if task and task.assignee_id and task.assignee_id != actor.party:
        return f"这项任务已交给{task.assignee}办理。"
    return None


def is_applicant(actor: Actor, case: Case) -> bool:
    """Whether the actor is, or acts within scope for, the one whom the case is about. An agent whose delegation has ended only reads on."""
    own = (actor.acting_for or actor.party) == case.applicant_id
    in_scope = "*" in actor.scope or case.item_key in actor.scope
    return (own and in_scope) or bool(actor.client and actor.client == case.client)


def _role_names(step: Step) -> str:
    from yiwang.kit.registry import registry

    names = {APPLICANT: "申请人", SYSTEM_ROLE: "系统"}
    return "、".join(names.get(r) or registry().roles[r].name for r in step.roles)


def _stale(case: Case, seen: int | None, task: Task | None) -> bool:
    """Whether what the actor's page showed at this place has moved since. That somebody hurried the case or gave it more time takes nobody's work away, and in a
    drawn flow neither does what happens beside the task: a move in another branch, a timer that only reminds.
    """
    if seen is None or seen == case.revision:
        return False
    if travel.is_drawn(case):
        shown = case.events.filter(sequence=seen).values_list("at", flat=True).first()
        return shown is None or task is None or task.opened_at > shown
    return seen > case.revision or _moves(case).filter(sequence__gt=seen).exists()


def _moves(case: Case) -> "QuerySet[Event]":
    return case.events.exclude(step__in=ASIDE)


def _moved_on(case: Case, seen: int | None) -> Conflict:
    """Says who was first: the first move after what the actor's page showed, else the last."""
    after = _moves(case).filter(sequence__gt=seen).order_by("sequence") if seen is not None else _moves(case).order_by("-sequence")
    last = after.first() or case.events.order_by("-sequence").first()
    if last is None:
        return Conflict("这件办件现在不能进行这项操作。")
    when = timezone.localtime(last.at)
    return Conflict(
        f"{last.actor}已于 {when.month}月{when.day}日 {when:%H:%M} 办理“{last.name}”，当前状态是“{case.declared.state(case.state).name}”。",
        hint="您刚才填写的内容没有提交。请查看最新情况后再决定是否需要办理。",
    )


def _cleaned(step: Step, case: Case, data: dict[str, Any]) -> dict[str, Any]:
    problems: dict[str, str] = {}
    cleaned = dict(data)
    if step.form:
        factory = step.form if isinstance(step.form, type) else step.form(case)
        form = cast("type[Form]", factory)(data)
        if not form.is_valid():
            problems = {name: "；".join(str(e) for e in errors) for name, errors in form.errors.items()}
        cleaned = form.cleaned_data
    if step.needs_reason and not str(data.get("reason") or "").strip():
        problems["reason"] = "请写明理由。"
    elif step.needs_reason:
        cleaned["reason"] = str(data["reason"]).strip()
    if problems:
        raise Invalid("有内容需要补充或修改。", fields=problems)
    return cleaned


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    """The form's content as JSON holds it: dates as ISO strings, amounts as text."""
    return cast("dict[str, Any]", json.loads(json.dumps(data, cls=DjangoJSONEncoder, ensure_ascii=False)))


def _run_clocks(case: Case, step: Step, procedure: Procedure, actor: Actor, now: datetime, reason: str) -> None:
    for code in step.finishes:
        clocks.finish(case, code, at=now, by=actor.name)
    for code in step.starts:
        clocks.start(case, procedure.clock(code), at=now, by=actor.name)
    for code in step.suspends:
        clocks.suspend(case, code, at=now, by=actor.name, reason=reason)
    for code in step.resumes:
        clocks.resume(case, code, at=now, by=actor.name)


def _arrive(case: Case, procedure: Procedure, arrival: travel.Arrival, now: datetime, actor: Actor) -> None:
    final = procedure.state(case.state).final
    if final:
        clocks.finish_all(case, at=now, by=actor.name)
        case.closed_at = now
    clocks.show_nearest(case) if travel.is_drawn(case) or not arrival.entered else clocks.take_nearest(case)
    for state in arrival.entered:
        cases.enter(case, procedure.state(state), at=now)
    case.save()
    if final and case.parent_id:
        _gather(case.parent_id)


def _gather(parent: int) -> None:
    """When the last child case has closed, the main case takes the step that waits for it."""
    if Case.objects.filter(parent=parent, closed_at=None).exists():
        return
    main = cases.lock(SYSTEM, parent)
    place, step = step_here(main, lambda s: s.after_children)
    if step:
        move(SYSTEM, main, step, {}, place=place)


def step_here(case: Case, wanted: Callable[[Step], bool]) -> tuple[str, Step | None]:
    """The first step of that kind that can be taken where the case stands, and the state where."""
    return next(((place, s) for place in travel.standing(case) for s in case.declared.steps_from(place) if wanted(s)), ("", None))


def _tell(case: Case, step: Step, event: Event) -> None:
    values = {
        "number": case.number,
        "subject": case.subject,
        "state": case.declared.state(case.state).name,
        "organ": case.organ.name,
        "opinion": event.opinion,
        "due": say.last_day(case.due_at) if case.due_at else "",
    }
    for party in {case.applicant_id, case.agent_id} - {None}:
        messages.send(to=cast("int", party), template=step.message, values=values, case=case.pk, key=f"event:{event.pk}:{party}")
