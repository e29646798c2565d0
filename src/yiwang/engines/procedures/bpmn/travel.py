"""How a case travels: from state to state as its procedure is declared, or along its drawing. The caller holds the case's lock and its transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from yiwang.base.errors import CalendarUnknown
from yiwang.engines.procedures.bpmn import timing, versions
from yiwang.engines.procedures.bpmn.drawn import meaning
from yiwang.engines.procedures.bpmn.engine import Run
from yiwang.engines.procedures.bpmn.graph import Kind, Node
from yiwang.engines.procedures.bpmn.names import TARGET
from yiwang.engines.procedures.models import DRAWN, Case, CaseFlow, FlowTimer
from yiwang.kit.declare import Step
from yiwang.kit.registry import registry


@dataclass(frozen=True)
class Arrival:
    """What one move did: the states it left, those it entered, and system steps that are due at once."""

    left: tuple[str, ...] = ()
    entered: tuple[str, ...] = ()
    due: tuple[tuple[str, str], ...] = field(default=())  #: (task, step)


def is_drawn(case: Case) -> bool:
    """Whether the case began under a drawn version."""
    return case.version > DRAWN


def standing(case: Case) -> tuple[str, ...]:
    """The states in which the case is open: one, or several where branches run at the same time."""
    if not is_drawn(case) or case.closed_at:
        return (case.state,)
    return tuple(CaseFlow.objects.values_list("standing", flat=True).get(case=case))


def begin(case: Case) -> None:
    """Puts a fresh case at the start of its drawing."""
    loaded = versions.loaded(case.procedure, case.version)
    run = Run(loaded.program, facts=versions.facts_of(case, registry().procedure(case.procedure)) if _asks(loaded) else None)
    CaseFlow.objects.create(case=case, version_id=loaded.pk, standing=run.standing, data=run.kept())


def go(case: Case, step: Step, data: dict[str, Any], *, place: str, at: datetime) -> Arrival:
    """Takes the step at `place` and leaves `case.state` where the case then is; the caller saves it."""
    if not is_drawn(case):
        source = case.state
        case.state = step.target if isinstance(step.target, str) else step.target(case, data)
        fresh = source == case.state and case.revision == 0
        return Arrival((source,), (case.state,)) if source != case.state else Arrival((), (case.state,) if fresh else ())
    loaded = versions.loaded(case.procedure, case.version)
    flow = CaseFlow.objects.select_for_update().get(case=case)
    if step.code in loaded.program.graph.anytime:
        return _abandon(case, flow, step, at)
    run = Run(loaded.program, flow.data)
    facts = versions.facts_of(case, registry().procedure(case.procedure)) if _asks(loaded) else {}
    target = step.target if isinstance(step.target, str) else step.target(case, data)
    run.complete(place, step=meaning(step.code), facts={**facts, TARGET: target})
    return _settle(case, flow, run, place, at)


def fire(case: Case, timer: FlowTimer, *, at: datetime) -> Arrival:
    """The moment of a timer has come."""
    loaded = versions.loaded(case.procedure, case.version)
    flow = CaseFlow.objects.select_for_update().get(case=case)
    run = Run(loaded.program, flow.data)
    run.fire(timer.element)
    timer.fired_at = at
    timer.save(update_fields=["fired_at"])
    return _settle(case, flow, run, timer.element, at)


def _asks(loaded: versions.Loaded) -> bool:
    return bool({f.code for f in loaded.procedure.facts} & set(loaded.program.names))


def _abandon(case: Case, flow: CaseFlow, step: Step, at: datetime) -> Arrival:
    """A step that ends the case wherever it stands (撤回申请)."""
    left = tuple(flow.standing)
    case.state = str(step.target)
    flow.standing, flow.data = [], {}
    _stop(case, running=(), at=at)
    _keep(flow)
    return Arrival(left, (case.state,))


def _settle(case: Case, flow: CaseFlow, run: Run, place: str, at: datetime) -> Arrival:
    """Writes the marks and says what was left and entered. The place that was acted at counts as left even where the flow comes straight back."""
    graph, before, now = run.program.graph, list(flow.standing), run.standing
    left = tuple(s for s in before if s not in now or s == place)
    entered = tuple(s for s in now if s not in before or s == place)
    if run.over:
        ends = [e for e in run.ended_at if graph.nodes[e].name]
        case.state, entered = ends[-1], (ends[-1],)
    elif case.state not in now or case.state == place:
        case.state = now[0] if now else case.state
    flow.standing, flow.data = now, run.kept() if not run.over else {}
    again = {t.id for n in graph.of(Kind.USER) if n.id in left and n.id in now for t in graph.timers_of[n.id]}
    _stop(case, running=[t for t in run.timers if t not in again], at=at)
    _start(case, run, at=at)
    _keep(flow)
    due = tuple((s, graph.nodes[s].steps[0]) for s in entered if s in graph.nodes and graph.nodes[s].kind is Kind.SERVICE)
    return Arrival(left, entered, due)


def _stop(case: Case, *, running: Sequence[str], at: datetime) -> None:
    FlowTimer.objects.filter(case=case, fired_at=None, stopped_at=None).exclude(element__in=running).update(stopped_at=at)


def _start(case: Case, run: Run, *, at: datetime) -> None:
    known = set(FlowTimer.objects.filter(case=case, fired_at=None, stopped_at=None).values_list("element", flat=True)) if run.timers else set()
    for code in run.timers:
        if code not in known:
            node = run.program.graph.nodes[code]
            name = node.name or f"{timing.words(node.timer, node.unit)}期限"
            FlowTimer.objects.create(case=case, element=code, name=name, started_at=at, due_at=_due(node, at))


def _due(node: Node, at: datetime) -> datetime:
    """When the timer is looked at: its moment, or the end of the known calendar where it runs beyond. Nobody's step waits for next year's calendar."""
    try:
        return timing.due_at(node.timer, node.unit, at)
    except CalendarUnknown:
        return timing.not_before(at)


def is_due(case: Case, timer: FlowTimer, *, at: datetime) -> bool:
    """Whether its moment has come by the calendar as it is now; one that has moved is kept. Raises CalendarUnknown."""
    node = versions.loaded(case.procedure, case.version).program.graph.nodes[timer.element]
    timer.due_at = timing.due_at(node.timer, node.unit, timer.started_at)
    timer.save(update_fields=["due_at"])
    return timer.due_at <= at


def _keep(flow: CaseFlow) -> None:
    flow.revision += 1
    flow.save(update_fields=["standing", "data", "revision"])

