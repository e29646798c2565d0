"""Drawn flows for those outside this engine: versions, reports, trials, diagrams."""

from dataclasses import dataclass
from functools import cache

from yiwang.engines.procedures.bpmn import drawing, travel
from yiwang.engines.procedures.bpmn.decisions import Decision
from yiwang.engines.procedures.bpmn.drawn import COMMON
from yiwang.engines.procedures.bpmn.reading import Unreadable
from yiwang.engines.procedures.bpmn.trial import Line, Trial, past_cases, try_on
from yiwang.engines.procedures.bpmn.versions import EDITOR, bring, draft, find, listed, publish, role_names, save, tables_of, withdraw
from yiwang.engines.procedures.models import Case, FlowVersion
from yiwang.kit.registry import registry

__all__ = [
    "COMMON", "EDITOR", "Diagram", "Line", "Trial", "Unreadable", "bring", "diagram_of", "draft", "drawing_of", "find", "listed", "past_cases", "publish", "role_names", "save",
    "standing", "tables", "try_on", "withdraw",
]  # fmt: skip
standing = travel.standing


@dataclass(frozen=True)
class Diagram:
    """A flow to be shown: BPMN, the ids to be lit, and the same as a list for those who see no drawing."""

    xml: str
    lit: str
    states: list[tuple[str, bool]]


def diagram_of(case: Case) -> Diagram:
    """The case's own flow, drawn or declared, with its position lit."""
    places = set(travel.standing(case))
    procedure = case.declared
    xml = case.flow.version.bpmn if travel.is_drawn(case) else _declared(procedure.code, procedure.version)
    return Diagram(xml, " ".join(sorted(places)), [(s.name, s.code in places) for s in procedure.states if not s.final or s.code in places])


def tables(version: FlowVersion) -> list[Decision]:
    """The decision tables of a version; none where a file is broken, which the report says."""
    try:
        return list(tables_of(version).values())
    except Unreadable:
        return []


def drawing_of(procedure: str) -> str:
    """A declared flow draws itself."""
    return _declared(procedure, registry().procedure(procedure).version)


@cache
def _declared(procedure: str, version: int) -> str:
    return drawing.draw(registry().procedure(procedure, version))
