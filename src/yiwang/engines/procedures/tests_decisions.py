"""Decisions through the api: tables from files and from the console, refused with the reason, published with their flow, asked about the past."""

from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.procedures import api
from yiwang.engines.procedures.api import flows
from yiwang.engines.procedures.bpmn import drawing, reading
from yiwang.engines.procedures.bpmn.graph import Flow, Graph, Kind, Node
from yiwang.engines.procedures.models import FlowVersion
from yiwang.engines.procedures.tests import approver, declared, person
from yiwang.engines.procedures.tests_flows import _fresh, drawn, editor, fresh, submitted, words
from yiwang.kit.actors import SYSTEM

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("declared")]
__all__ = ["_fresh", "declared"]

TABLE = """<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="x"><decision id="route" name="渠道分办"><decisionTable id="t" hitPolicy="FIRST">
<input id="i" label="渠道"><inputExpression id="e"><text>channel</text></inputExpression></input><output id="o" name="way" label="走法"/>
<rule id="r1"><inputEntry id="a1"><text>"counter","api"</text></inputEntry><outputEntry id="b1"><text>"short"</text></outputEntry></rule>
<rule id="r2"><inputEntry id="a2"><text>-</text></inputEntry><outputEntry id="b2"><text>"long"</text></outputEntry></rule></decisionTable></decision></definitions>"""


def with_decision() -> Graph:
    base = drawn(nodes={"route": Node("route", Kind.DECISION, "分办", decision="route"), "way": Node("way", Kind.EXCLUSIVE, "走法", default="way-split"), "quick": Node("quick", Kind.END, "快速办结")})
    return replace(base, flows={**base.flows, "new-split": Flow("new-split", "new", "route"), "route-way": Flow("route-way", "route", "way"),
                                "way-split": Flow("way-split", "way", "split"), "way-quick": Flow("way-quick", "way", "quick", "", 'way == "short"')})  # fmt: skip


def test_a_decision_table_chooses_the_way() -> None:
    version = flows.bring(editor(), procedure="trial", name="分办", bpmn=drawing.write(with_decision()).encode(), dmn=[TABLE.encode()])
    assert words(version) == ""
    flows.publish(editor(), version.pk, on=timezone.localdate())
    assert submitted(channel="counter").state == "quick"
    assert submitted(channel="internet").state == "open"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<text>-</text>", "<text>open('x')</text>", "不能有运算、函数或程序"), ("<text>\"long\"</text>", "<text>exit()</text>", "应当是数字或引号中的文字"),
        ('hitPolicy="FIRST"', 'hitPolicy="COLLECT"', "COLLECT"), ("<text>channel</text>", "<text>channel.upper()</text>", "应当是一个名称"),
    ],
)  # fmt: skip
def test_a_decision_table_holds_no_program(old: str, new: str, said: str) -> None:
    with pytest.raises(reading.Unreadable) as refused:
        flows.bring(editor(), procedure="trial", name="x", bpmn=drawing.write(with_decision()).encode(), dmn=[TABLE.replace(old, new).encode()])
    assert said in refused.value.message


def deciding(cells: str = '"counter", "api"', **changes: Any) -> flows.Table:
    rest = flows.Row(("",), ('"long"',))
    return replace(flows.Table("route", "渠道分办", "FIRST", (flows.Column("channel", "渠道"),), (flows.Column("way", "走法"),), (flows.Row((cells,), ('"short"',)), rest)), **changes)


def with_table(table: flows.Table | None = None) -> FlowVersion:
    """A draft whose flow asks a table that is edited here."""
    version = flows.draft(editor(), procedure="trial")
    version = flows.save(editor(), version.pk, bpmn=drawing.write(with_decision()), revision=version.revision)
    assert "没有绑定决策表“route”" in words(version)
    return flows.save_table(editor(), version.pk, table=table or deciding(), revision=version.revision)


def test_a_table_is_edited_and_published_with_the_flow_and_cases_stay_on_theirs() -> None:
    version = with_table()
    assert words(version) == ""
    flows.publish(editor(), version.pk, on=timezone.localdate())
    first = submitted(channel="internet")
    later = flows.draft(editor(), procedure="trial")
    changed = flows.save_table(editor(), later.pk, table=deciding('"internet"'), revision=later.revision)
    assert flows.table_of(version, "route") == deciding() and flows.table_of(changed, "route") == deciding('"internet"')
    flows.withdraw(editor(), version.pk)
    flows.publish(editor(), changed.pk, on=timezone.localdate())
    assert first.state == "open" and fresh(first).version == version.number
    assert submitted(channel="internet").state == "quick" and submitted(channel="counter").state == "open"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((flows.Row(('"counter"',), ('"short"',)),), "决策表“渠道分办”：有遗漏，没有一行符合：渠道为其他任何值"),
        ((flows.Row(("open('x')",), ('"short"',)),), "不能有运算、函数或程序"),
        ((flows.Row(("",), ('"short"',)), flows.Row(('"api"',), ('"long"',))), "永远轮不到"),
        ((flows.Row(("",), ('"other"',)),), "永远不成立：“way”不会是“short”"),
        ((), "一行规则也没有"),
    ],
)
def test_an_unsound_table_is_kept_but_never_published(rows: tuple[flows.Row, ...], said: str) -> None:
    version = with_table(deciding(rows=rows))
    assert said in words(version)
    with pytest.raises(Invalid, match="不能发布"):
        flows.publish(editor(), version.pk, on=timezone.localdate())


def test_only_the_flow_editor_edits_a_table_of_a_draft_that_nobody_else_has_saved() -> None:
    version = with_table()
    with pytest.raises(NotAllowed):
        flows.save_table(approver(), version.pk, table=deciding(), revision=version.revision)
    with pytest.raises(Conflict):
        flows.save_table(editor(), version.pk, table=deciding(), revision=1)
    with pytest.raises(reading.Unreadable):
        flows.save_table(editor(), version.pk, table=deciding(policy="COLLECT"), revision=version.revision)
    with pytest.raises(NotFound):
        flows.drop_table(editor(), version.pk, table="none", revision=version.revision)
    with pytest.raises(reading.Unreadable, match="不能有运算"):
        flows.bring_tables(editor(), version.pk, files=[TABLE.replace("<text>-</text>", "<text>f(1)</text>").encode()], revision=version.revision)
    brought = flows.bring_tables(editor(), version.pk, files=[TABLE.replace('"counter","api"', '"api"').encode()], revision=version.revision)
    assert [t.id for t in flows.tables_in(brought)] == ["route"] and flows.table_of(brought, "route").rows[0].tests == ('"api"',)
    dropped = flows.drop_table(editor(), version.pk, table="route", revision=brought.revision)
    assert flows.tables_in(dropped) == [] and "没有绑定决策表“route”" in words(dropped)
    flows.save_table(editor(), version.pk, table=deciding(), revision=dropped.revision)
    flows.publish(editor(), version.pk, on=timezone.localdate())
    with pytest.raises(Conflict):
        flows.save_table(editor(), version.pk, table=deciding(), revision=dropped.revision + 1)


def test_a_table_is_asked_about_a_past_case() -> None:
    past = submitted(channel="counter")
    api.perform(approver(), past.pk, "finish")
    version = with_table()
    weighed = flows.weigh(SYSTEM, version, deciding(), past.number)
    assert (weighed.fired, weighed.rows, weighed.values) == (0, [[True], [True]], [("渠道", "“counter”")])
    assert flows.weigh(SYSTEM, version, deciding('"api"'), past.number).verdict == "按第 2 行得出结果。"
    assert flows.weigh(SYSTEM, version, deciding(rows=(flows.Row(('"api"',), ('"short"',)),)), past.number).fired is None
    with pytest.raises(NotFound):
        flows.weigh(person("罗景行"), version, deciding(), past.number)
    with pytest.raises(Conflict):
        flows.weigh(SYSTEM, version, deciding(), submitted().number)
    tried = flows.try_on(SYSTEM, version, past.number)
    assert tried.lines[0].ruled == ("决策表“渠道分办”按第 1 行",)
