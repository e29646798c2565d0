"""Moving a case: one step, one transaction. State, task, clocks, the system's own writes, event, audit, paper, message and what follows from it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import QuerySet
from django.forms import Form
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed
from yiwang.engines.messages import api as messages
from yiwang.engines.procedures import cases, clocks
from yiwang.engines.procedures.jobs import make_paper
from yiwang.engines.procedures.models import Case, Event, Task
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.declare import APPLICANT, SYSTEM_ROLE, Procedure, Step

ASIDE = ("urge", "extend")  # events beside the steps of the procedure (engine verbs of `requests`)


@dataclass(frozen=True)
class Offer:
    """A step that an actor may take now, or sees with the reason why not yet."""

    step: Step
    blocked: str = ""


def offers(actor: Actor, case: Case) -> list[Offer]:
    """The buttons of a case page for this actor."""
    task = case.tasks.filter(closed_at=None).first()
    mine = [s for s in case.declared.steps_from(case.state) if _refusal(actor, case, s, task) is None]
    return [Offer(step, (step.when(case, actor) if step.when else None) or "") for step in mine]


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
    if declared is None or locked.state not in declared.sources or _stale(locked, revision):
        raise _moved_on(locked, revision)
    task = cases.open_task(locked)
    refusal = _refusal(actor, locked, declared, task)
    if refusal:
        raise NotAllowed(refusal)
    return move(actor, locked, declared, dict(data or {}), task=task, key=key)


def move(actor: Actor, case: Case, step: Step, data: dict[str, Any], *, task: Task | None = None, key: str = "") -> Case:
    """The step itself on a case that is locked or new. Raises Invalid for the form, the reason or the condition."""
    procedure, now, source = case.declared, timezone.now(), case.state
    cleaned = _cleaned(step, case, data)
    blocked = step.when(case, actor) if step.when else None
    if blocked:
        raise Invalid(blocked)
    case.state = step.target if isinstance(step.target, str) else step.target(case, cleaned)
    if task and source != case.state:
        Task.objects.filter(pk=task.pk).update(closed_at=now, assignee=task.assignee_id or actor.party)
    opinion = str(cleaned.get("opinion") or cleaned.get("reason") or "")
    event = cases.record(case, actor, step, source=source, at=now, opinion=opinion, data=_plain(cleaned), key=key)
    if step.effect:
        step.effect(case, actor, cleaned)
    _run_clocks(case, step, procedure, actor, now, opinion)
    _arrive(case, procedure, source, now, actor)
    if step.message:
        _tell(case, step, event)
    if step.document:
        make_paper.defer(event=event.pk)
    return case


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


def _stale(case: Case, seen: int | None) -> bool:
    """Whether the case has moved since the actor's page was made. That somebody hurried it or gave it more time takes nobody's work away."""
    return seen is not None and seen != case.revision and (seen > case.revision or _moves(case).filter(sequence__gt=seen).exists())


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
        f"{last.actor}已于 {when:%m月%d日 %H:%M} 办理“{last.name}”，当前状态是“{case.declared.state(case.state).name}”。",
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


def _arrive(case: Case, procedure: Procedure, source: str, now: datetime, actor: Actor) -> None:
    final = procedure.state(case.state).final
    if final:
        clocks.finish_all(case, at=now, by=actor.name)
        case.closed_at = now
    if source != case.state or case.revision == 1:
        clocks.take_nearest(case)
        cases.enter(case, procedure, at=now)
    else:
        clocks.show_nearest(case)
    case.save()
    if final and case.parent_id:
        _gather(case.parent_id)


def _gather(parent: int) -> None:
    """When the last child case has closed, the main case takes the step that waits for it."""
    if Case.objects.filter(parent=parent, closed_at=None).exists():
        return
    main = cases.lock(SYSTEM, parent)
    step = next((s for s in main.declared.steps_from(main.state) if s.after_children), None)
    if step:
        move(SYSTEM, main, step, {}, task=cases.open_task(main))


def _tell(case: Case, step: Step, event: Event) -> None:
    values = {
        "number": case.number,
        "subject": case.subject,
        "state": case.declared.state(case.state).name,
        "organ": case.organ.name,
        "opinion": event.opinion,
        "due": f"{timezone.localtime(case.due_at):%Y年%m月%d日}" if case.due_at else "",
    }
    for party in {case.applicant_id, case.agent_id} - {None}:
        messages.send(to=cast("int", party), template=step.message, values=values, case=case.pk, key=f"event:{event.pk}:{party}")
