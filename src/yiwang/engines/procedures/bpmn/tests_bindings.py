"""What a drawn flow names: each name means one thing, and a condition that always holds is not called impossible."""

import pytest

from yiwang.engines.procedures.bpmn import bindings, expressions, reading, tables, versions
from yiwang.engines.procedures.bpmn.graph import Flow, Graph, Kind, Node
from yiwang.kit.registry import registry

BASE = next(p for p in registry().procedures.values() if p.facts)


def said(*tasks: Node, condition: str = "") -> str:
    """What stands against the names of a flow of these tasks and a choice after them."""
    nodes = {n.id: n for n in (*tasks, Node("x", Kind.EXCLUSIVE), Node("end", Kind.END, "办结"))}
    known = bindings.Known(BASE, {"approver": "审批人员"}, frozenset(), {}, {})
    return " ".join(f.words for f in bindings.findings(Graph("f", "", nodes, {"c": Flow("c", "x", "end", "", condition)} if condition else {}), known))


def task(code: str) -> Node:
    return Node(code, Kind.USER, f"环节{code}", role="approver", steps=("agree", "disagree"))


@pytest.mark.parametrize(("code", "other"), [("step", "刚办理的动作"), ("target", "动作原定去向"), (BASE.facts[0].code, BASE.facts[0].name)])
def test_a_task_is_not_called_as_conditions_call_something_else(code: str, other: str) -> None:
    assert f"“{code}”与“{other}”同名" in said(task(code)) and "同名" not in said(task(f"{code}_1"))


def test_two_tasks_are_told_apart_in_conditions() -> None:
    """`a-b` and `a_b` are one name there: it would say what was done at whichever came last."""
    assert "“a_b”与“环节a-b”同名" in said(task("a-b"), task("a_b")) and "同名" not in said(task("a-b"), task("a-c"))


@pytest.mark.parametrize("element", ['<bpmn:userTask id="T" name="再审"/>', '<bpmn:sequenceFlow id="F2" sourceRef="S" targetRef="T"/>', '<bpmn:userTask id="F2"/>', '<bpmn:endEvent name="无"/>'])
def test_an_id_that_is_given_twice_is_named(element: str) -> None:
    """Of two the file would keep one, without a word."""
    drawn = f'<bpmn:startEvent id="S"/><bpmn:userTask id="T" name="审查"/><bpmn:endEvent id="E" name="办结"/><bpmn:sequenceFlow id="F1" sourceRef="S" targetRef="T"/>{element}'
    with pytest.raises(reading.Unreadable, match="标识"):
        reading.read(f'<bpmn:definitions xmlns:bpmn="{reading.BPMN}"><bpmn:process id="P">{drawn}<bpmn:sequenceFlow id="F2" sourceRef="T" targetRef="E"/></bpmn:process></bpmn:definitions>')


def test_a_table_that_is_given_twice_is_named() -> None:
    table = tables.Table("route", "分办", "UNIQUE", (), (tables.Column("way"),), (tables.Row((), ('"a"',)),))
    with pytest.raises(reading.Unreadable, match="两张标识为“route”"):
        versions._brought([tables.write(table).encode()] * 2)


@pytest.mark.parametrize(
    ("condition", "impossible"),
    [
        ('a == "grant"', True), ('a in ("agree", "grant")', True), ('a == "agree" or a == "grant"', True),
        ('a != "grant"', False), ('a not in ("grant", "refuse")', False), ('not a == "grant"', False), ('not (a == "grant" or step == "grant")', False),
    ],
)  # fmt: skip
def test_only_a_comparison_that_cannot_hold_is_called_impossible(condition: str, impossible: bool) -> None:
    assert ("永远不成立" in said(task("a"), condition=condition)) is impossible


def test_a_comparison_with_what_cannot_be_is_found_in_a_chain() -> None:
    assert expressions.compared('a == b == "x" != "y"') == [("b", "x")]
