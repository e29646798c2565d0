"""Drawn flows for those outside this engine: versions, reports, trials, diagrams."""

from dataclasses import dataclass
from functools import cache

from yiwang.base.errors import NotFound
from yiwang.engines.procedures.bpmn import drawing, tables, travel, versions
from yiwang.engines.procedures.bpmn.coverage import Domain
from yiwang.engines.procedures.bpmn.drawn import COMMON
from yiwang.engines.procedures.bpmn.outline import Stop, outline
from yiwang.engines.procedures.bpmn.reading import Unreadable
from yiwang.engines.procedures.bpmn.table_report import Remark
from yiwang.engines.procedures.bpmn.tables import POLICIES, Column, Row, Table
from yiwang.engines.procedures.bpmn.trial import Line, Trial, Weighed, past_cases, try_on, weigh
from yiwang.engines.procedures.bpmn.versions import (
    EDITOR,
    bring,
    bring_tables,
    domains,
    draft,
    drop_table,
    find,
    listed,
    publish,
    role_names,
    save,
    save_table,
    table_remarks,
    tables_of,
    withdraw,
)  # fmt: skip
from yiwang.engines.procedures.models import Case, FlowVersion
from yiwang.kit.registry import registry

__all__ = [
    "COMMON", "EDITOR", "POLICIES", "Column", "Diagram", "Domain", "Line", "Remark", "Row", "Stop", "Table", "Trial", "Unreadable", "Weighed", "bring", "bring_tables", "diagram_of", "domains", "draft",
    "drawing_of", "drop_table", "find", "listed", "outline_of", "past_cases", "publish", "role_names", "save", "save_table", "standing", "table_of", "table_remarks", "tables", "tables_in", "try_on",
    "weigh", "withdraw",
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


def tables_in(version: FlowVersion) -> list[Table]:
    """The decision tables of a version; none where a file is broken, which the report says."""
    try:
        return list(tables_of(version).values())
    except Unreadable:
        return []


def outline_of(version: FlowVersion) -> list[Stop]:
    """The flow as a list of its steps; none where the drawing cannot be read."""
    try:
        return outline(versions.graph_of(version), registry().procedure(version.procedure), role_names())
    except Unreadable:
        return []


def table_of(version: FlowVersion, code: str) -> Table:
    """Raises NotFound."""
    found = next((table for table in tables_in(version) if table.id == code), None)
    if found is None:
        raise NotFound("没有找到这张决策表。")
    return found


def drawing_of(procedure: str) -> str:
    """A declared flow draws itself."""
    return _declared(procedure, registry().procedure(procedure).version)


@cache
def _declared(procedure: str, version: int) -> str:
    return drawing.draw(registry().procedure(procedure, version))
