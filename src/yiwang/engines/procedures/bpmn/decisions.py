"""What runs of a decision table: every cell rebuilt from what is allowed, and the one plain form that SpiffWorkflow executes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from yiwang.engines.procedures.bpmn import expressions, tables
from yiwang.engines.procedures.bpmn.reading import Unreadable
from yiwang.engines.procedures.bpmn.tables import Table


@dataclass(frozen=True)
class Decision:
    """One table: what it asks, what it answers, and its rules in order. Of every hit policy that is run the first rule that holds gives the answer."""

    id: str
    name: str
    inputs: tuple[str, ...]  #: names it compares
    outputs: tuple[str, ...]  #: names it sets
    rules: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]  #: Python tests of `?` and plain values


def read(xml: str | bytes) -> list[Decision]:
    """The tables of a DMN file, ready to run. Raises Unreadable naming the table, the rule and the cell."""
    return [compiled(table) for table in tables.read(xml)]


def compiled(table: Table) -> Decision:
    """Raises Unreadable naming the table, the rule and the cell."""
    for column in (*table.inputs, *table.outputs):
        if not column.word.isidentifier():
            raise Unreadable((table.id, f"决策表“{table.name}”的列“{column.word}”应当是一个名称。"))
    rules = []
    for line, row in enumerate(table.rows, 1):
        try:
            rules.append((tuple(expressions.cell(c) for c in row.tests), tuple(expressions.value(c) for c in row.answers)))
        except expressions.Wrong as problem:
            raise Unreadable((table.id, f"决策表“{table.name}”第 {line} 行：{problem}。")) from problem
    return Decision(table.id, table.name, tuple(c.word for c in table.inputs), tuple(c.word for c in table.outputs), tuple(rules))


def fired(decision: Decision, values: Mapping[str, Any]) -> int | None:
    """Which rule gives the answer, counted from 0; None where none holds. As the engine decides it."""
    for i, (tests, _) in enumerate(decision.rules):
        if all(expressions.holds(test, values.get(word)) for word, test in zip(decision.inputs, tests, strict=True)):
            return i
    return None


def plain(decision: Decision) -> bytes:
    """The table as the engine runs it: first rule that holds, every cell already rebuilt from what is allowed."""
    space = tables.DMN
    root = etree.Element(f"{{{space}}}definitions", {"id": "d", "name": "d", "namespace": "urn:yiwang:flow:1"}, nsmap={None: space})
    table = _sub(_sub(root, "decision", id=decision.id, name=decision.name), "decisionTable", id=f"{decision.id}_table", hitPolicy="UNIQUE")
    for i, word in enumerate(decision.inputs):
        _sub(_sub(_sub(table, "input", id=f"i{i}", label=word), "inputExpression", id=f"x{i}"), "text").text = word
    for i, word in enumerate(decision.outputs):
        _sub(table, "output", id=f"o{i}", name=word, label=word)
    for n, (tests, values) in enumerate(decision.rules):
        rule = _sub(table, "rule", id=f"r{n}")
        for i, test in enumerate(tests):
            _sub(_sub(rule, "inputEntry", id=f"r{n}i{i}"), "text").text = test or "-"
        for i, answer in enumerate(values):
            _sub(_sub(rule, "outputEntry", id=f"r{n}o{i}"), "text").text = answer
    return bytes(etree.tostring(root))


def _sub(parent: "etree._Element", tag: str, /, **attributes: str) -> "etree._Element":
    return etree.SubElement(parent, f"{{{tables.DMN}}}{tag}", attributes)
