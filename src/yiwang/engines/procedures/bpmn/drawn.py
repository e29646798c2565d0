"""A drawn flow as a Procedure: what every page, clock, list and verb already understands. It orders the declared steps of its base; it has none of its own.

Beside the steps of the base, three plain verbs may be bound to any task: agree, disagree, done. Who may take a declared step stays with its declaration:
nobody can give a decision to another role by drawing.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django import forms

from yiwang.engines.parties import api as parties
from yiwang.engines.procedures.bpmn.graph import Graph, Kind, Node
from yiwang.kit.declare import SYSTEM_ROLE, Procedure, State, Step


class OpinionForm(forms.Form):
    """An opinion in words."""

    opinion = forms.CharField(label="意见", max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


COMMON = {
    "agree": Step(code="agree", name="同意", source=(), target="", by=(), form=OpinionForm, public=False, style="primary"),
    "disagree": Step(code="disagree", name="不同意", source=(), target="", by=(), needs_reason=True, public=False, style="danger"),
    "done": Step(code="done", name="办理完毕", source=(), target="", by=(), form=OpinionForm, public=False, style="primary"),
}


def procedure(graph: Graph, base: Procedure, number: int) -> Procedure:
    """The base with the states and the order of the drawing. The graph is bound (`bindings.findings` is empty)."""
    final = [_ending(node, base) for node in graph.of(Kind.END) if node.name]
    leaving = [base.state(goal) for code in graph.anytime for goal in base.step(code).goals]
    states = [_state(node, base) for node in graph.of(Kind.USER, Kind.SERVICE, Kind.TIMER)]
    known = {state.code: state for state in (*leaving, *final, *states)}
    return replace(base, version=number, start=first(graph).id, states=tuple(known.values()), steps=tuple(_steps(graph, base)))


def first(graph: Graph) -> Node:
    """Where a fresh case stands."""
    start = next(graph.of(Kind.START))
    return graph.nodes[graph.out[start.id][0].target]


def code_of(step: str, task: str) -> str:
    """The code under which the procedure knows a step bound to a task: a declared step keeps its own, a plain verb is one per task."""
    return f"{step}-{task}"[:40] if step in COMMON else step


def meaning(step: str) -> str:
    """What conditions compare with: the verb without the task that it was bound to."""
    return next((verb for verb in COMMON if step.startswith(f"{verb}-")), step)


def _state(node: Node, base: Procedure) -> State:
    declared = next((s for s in base.states if s.code == node.id), None) or State(code=node.id, name=node.title, public="正在办理")
    waits = "" if node.kind is not Kind.USER or node.role == SYSTEM_ROLE else node.role
    return replace(
        declared,
        name=node.name or declared.name,
        task=node.name or declared.task,
        stage=node.stage or declared.stage,
        awaits=waits,
        organ=_office(node.organ) if node.organ else declared.organ,
        final=False,
    )


def _office(function: str) -> Callable[[Any], int]:
    def organ(case: Any) -> int:
        return int(parties.organ_for(function, case.division_id).pk)

    return organ


def _ending(node: Node, base: Procedure) -> State:
    declared = next((s for s in base.states if s.code == node.id), None) or State(code=node.id, name=node.name, public=node.name, stage=base.stages[-1] if base.stages else "")
    return replace(declared, name=node.name, awaits="", final=True)


def _steps(graph: Graph, base: Procedure) -> list[Step]:
    sources: dict[str, list[str]] = {}
    plain = []
    for node in graph.of(Kind.USER, Kind.SERVICE):
        for step in node.steps:
            if step in COMMON:
                plain.append(replace(COMMON[step], code=code_of(step, node.id), source=node.id, by=node.role))
            else:
                sources.setdefault(step, []).append(node.id)
    return [replace(step, source=tuple(sources[step.code])) for step in base.steps if step.code in sources] + plain
