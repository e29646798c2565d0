"""Files as other tools write them: they work, or the element that does not is named. None of them hangs."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from yiwang.engines.procedures.bpmn import drawing, layout, outline, reading, soundness
from yiwang.engines.procedures.bpmn.graph import Flow, Graph, Kind, Node
from yiwang.kit.registry import registry

HEAD = 'xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" xmlns:signavio="http://www.signavio.com"'
BPMN_IO = f"""<?xml version="1.0" encoding="UTF-8"?><bpmn:definitions {HEAD} id="D" exporter="bpmn-js"><bpmn:process id="P" isExecutable="false">
<bpmn:startEvent id="S"><bpmn:outgoing>F1</bpmn:outgoing></bpmn:startEvent><bpmn:task id="T" name="审&#10;查"><bpmn:incoming>F1</bpmn:incoming><bpmn:outgoing>F2</bpmn:outgoing></bpmn:task>
<bpmn:endEvent id="E" name="办结"/><bpmn:sequenceFlow id="F1" sourceRef="S" targetRef="T"/><bpmn:sequenceFlow id="F2" sourceRef="T" targetRef="E"/>
<bpmn:textAnnotation id="N"><bpmn:text>说明</bpmn:text></bpmn:textAnnotation><bpmn:association id="A" sourceRef="T" targetRef="N"/></bpmn:process></bpmn:definitions>"""
CAMUNDA = f"""<bpmn:definitions {HEAD} id="D" exporter="Camunda Modeler"><bpmn:process id="P" isExecutable="true" camunda:historyTimeToLive="180">
<bpmn:startEvent id="S"/><bpmn:userTask id="T" name="审批" camunda:assignee="demo"><bpmn:extensionElements><camunda:formData/></bpmn:extensionElements></bpmn:userTask>
<bpmn:exclusiveGateway id="G" default="F4"/><bpmn:endEvent id="Y" name="同意"/><bpmn:endEvent id="N" name="不同意"/>
<bpmn:sequenceFlow id="F1" sourceRef="S" targetRef="T"/><bpmn:sequenceFlow id="F2" sourceRef="T" targetRef="G"/><bpmn:sequenceFlow id="F4" sourceRef="G" targetRef="N"/>
<bpmn:sequenceFlow id="F3" sourceRef="G" targetRef="Y"><bpmn:conditionExpression>${{step == "agree"}}</bpmn:conditionExpression></bpmn:sequenceFlow></bpmn:process></bpmn:definitions>"""
SIGNAVIO = f"""<bpmn:definitions {HEAD} id="D" exporter="Signavio Process Editor"><bpmn:collaboration id="C"><bpmn:participant id="X" name="许可" processRef="P"/></bpmn:collaboration>
<bpmn:process id="P" processType="None"><bpmn:extensionElements><signavio:signavioMetaData metaKey="bgcolor" metaValue="#ffffff"/></bpmn:extensionElements>
<bpmn:laneSet id="L"><bpmn:lane id="L1" name="审批科"><bpmn:flowNodeRef>T</bpmn:flowNodeRef></bpmn:lane></bpmn:laneSet><bpmn:startEvent id="S"/><bpmn:manualTask id="T" name="核对"/>
<bpmn:endEvent id="E" name="办结"/><bpmn:sequenceFlow id="F1" sourceRef="S" targetRef="T"/><bpmn:sequenceFlow id="F2" sourceRef="T" targetRef="E"/></bpmn:process></bpmn:definitions>"""


@pytest.mark.parametrize("xml", [BPMN_IO, CAMUNDA, SIGNAVIO], ids=["bpmn.io", "camunda", "signavio"])
def test_what_other_tools_write_is_read(xml: str) -> None:
    graph = reading.read(xml.encode())
    assert graph.nodes["T"].kind is Kind.USER and soundness.findings(graph) == []
    shown = drawing.with_layout(xml.removeprefix('<?xml version="1.0" encoding="UTF-8"?>'), graph)
    assert shown.count("BPMNShape ") == len(graph.nodes) and reading.read(shown) == graph


def test_a_condition_of_camunda_is_understood() -> None:
    assert reading.read(CAMUNDA).flows["F3"].condition == 'step == "agree"'


@pytest.mark.parametrize(
    ("element", "said"),
    [
        ('<bpmn:scriptTask id="X" name="算"><bpmn:script>1</bpmn:script></bpmn:scriptTask>', "不支持脚本任务“算”"),
        ('<bpmn:callActivity id="X" name="别的流程" calledElement="Q"/>', "不支持调用活动“别的流程”"),
        ('<bpmn:subProcess id="X"/>', "不支持子流程“X”"),
        ('<bpmn:inclusiveGateway id="X"/>', "不支持包容网关“X”"),
        ('<bpmn:boundaryEvent id="X" attachedToRef="T"><bpmn:errorEventDefinition/></bpmn:boundaryEvent>', "不支持错误事件“X”"),
        ('<bpmn:userTask id="X" name="多人"><bpmn:multiInstanceLoopCharacteristics/></bpmn:userTask>', "不支持多实例“多人”"),
        ('<bpmn:serviceTask id="X" name="外调" camunda:class="org.Evil"/>', "带有程序"),
        ('<bpmn:newThing id="X"/>', "不支持newThing“X”"),
        ('<bpmn:sequenceFlow id="X" sourceRef="T" targetRef="gone"/>', "没有连到环节上"),
    ],
)
def test_what_cannot_be_run_is_named(element: str, said: str) -> None:
    with pytest.raises(reading.Unreadable) as refused:
        reading.read(BPMN_IO.replace("</bpmn:process>", f"{element}</bpmn:process>"))
    assert any(said in words for _, words in refused.value.problems), refused.value.problems


ENTITY = f'<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY x "y">]><definitions xmlns="{reading.BPMN}"><process id="P">&x;<startEvent id="S"/></process></definitions>'


@pytest.mark.parametrize("xml", [ENTITY.encode("utf-16"), ENTITY.encode("utf-16-be"), ENTITY.replace(' [<!ENTITY x "y">]', "").replace("&x;", "").encode("utf-16"), ENTITY])
def test_a_document_type_is_refused_in_every_encoding(xml: str | bytes) -> None:
    with pytest.raises(reading.Unreadable, match=r"DTD|完整"):
        reading.read(xml)


@pytest.mark.parametrize("xml", [b"", b"<a/>", b"not xml", b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", b"<a>" * 300 + b"</a>" * 300, b" " * 2_000_001])
def test_whatever_is_sent_is_answered(xml: bytes) -> None:
    with pytest.raises(reading.Unreadable):
        reading.read(xml)


def test_the_example_of_the_page_runs() -> None:
    page = (Path(__file__).parents[5] / "docs" / "engines" / "flows.md").read_text(encoding="utf-8")
    for example in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(example, "flows.md", "exec"), {})


def test_no_arrow_of_a_declared_flow_runs_through_a_task() -> None:
    for code, version in registry().procedures:
        graph = drawing.graph_of(registry().procedures[code, version])
        placed = layout.place(graph)
        for flow, way in layout.routes(graph, placed).items():
            ends = {graph.flows[flow].source, graph.flows[flow].target}
            for node, box in placed.items():
                for (ax, ay), (bx, by) in pairwise(way):
                    apart = max(ax, bx) <= box.x or min(ax, bx) >= box.x + box.width or max(ay, by) <= box.y or min(ay, by) >= box.y + box.height
                    assert node in ends or apart, (code, flow, node)


def test_no_arrow_and_no_shape_crosses_the_words_of_a_declared_flow() -> None:
    for code, version in registry().procedures:
        graph = drawing.graph_of(registry().procedures[code, version])
        placed = layout.place(graph)
        drawn = layout.routes(graph, placed)
        words = layout.labels({c: f.name for c, f in graph.flows.items() if f.name}, drawn, placed, layout.captions(graph, placed))
        assert words.keys() == {c for c, f in graph.flows.items() if f.name}
        for flow, box in words.items():
            others = [*placed.values(), *layout.captions(graph, placed).values(), *(b for c, b in words.items() if c != flow)]
            lines = [layout.Box(min(ax, bx), min(ay, by), abs(ax - bx) or 1, abs(ay - by) or 1) for way in drawn.values() for (ax, ay), (bx, by) in pairwise(way)]
            assert not any(box.x < o.x + o.width and o.x < box.x + box.width and box.y < o.y + o.height and o.y < box.y + box.height for o in (*others, *lines)), (code, flow)


def test_a_flow_is_told_as_a_list() -> None:
    nodes = [
        Node("start", Kind.START), Node("a", Kind.USER, "审查", role="approver", steps=("agree", "disagree")), Node("late", Kind.BOUNDARY, timer="P5D", unit="working", host="a"),
        Node("x", Kind.EXCLUSIVE, default="x-p"), Node("p", Kind.PARALLEL), Node("b", Kind.USER, "消防", role="approver"), Node("c", Kind.DECISION, "分办"), Node("j", Kind.PARALLEL, "汇合"),
        Node("end", Kind.END, "办结"), Node("no", Kind.END, "不同意"),
    ]  # fmt: skip
    arrows = ["start-a", "a-x", "late-x", "x-p", "x-no", "p-b", "p-c", "b-j", "c-j", "j-end"]
    flows = {code: Flow(code, code.partition("-")[0], code.partition("-")[2], "不同意" if code == "x-no" else "", 'step == "disagree"' if code == "x-no" else "") for code in arrows}
    found = outline.outline(Graph("f", "", {n.id: n for n in nodes}, flows), next(iter(registry().procedures.values())), {"approver": "审批人员"})
    assert [(s.name, s.by, s.steps) for s in found] == [("审查", "审批人员", ("同意", "不同意")), ("消防", "审批人员", ()), ("分办", "", ())]
    assert found[0].ways == (
        ("其余情况", "同时：消防、分办"), ("不同意", "不同意"), ("超过 5 个工作日，其余情况", "同时：消防、分办"), ("超过 5 个工作日，不同意", "不同意"),
    )  # fmt: skip
    assert found[1].ways == (("", "等齐（汇合）后办结"),)


def told(nodes: list[Node], flows: list[Flow]) -> tuple[tuple[str, str], ...]:
    """Where it goes from the first task."""
    graph = Graph("f", "", {n.id: n for n in nodes}, {f.id: f for f in flows})
    return outline.outline(graph, next(iter(registry().procedures.values())), {})[0].ways


@pytest.mark.parametrize("count", [4, 28, 160])
def test_the_list_of_many_choices_in_a_row_refers_to_the_drawing(count: int) -> None:
    """Told to the end it would be twice as long with each: with 28 of them, gigabytes."""
    nodes, flows = [Node("start", Kind.START), Node("a", Kind.USER, "审查"), Node("end", Kind.END, "办结")], [Flow("s", "start", "a")]
    last = "a"
    for n in range(count):
        nodes += [Node(f"{side}{n}", Kind.EXCLUSIVE, f"{side}{n}") for side in ("x", "y", "z")]
        flows += [Flow(f"f{n}", last, f"x{n}"), Flow(f"g{n}", f"x{n}", f"y{n}", "是"), Flow(f"h{n}", f"x{n}", f"z{n}", "否"), Flow(f"i{n}", f"y{n}", f"z{n}")]
        last = f"z{n}"
    assert told(nodes, [*flows, Flow("e", last, "end")]) == (("是", "是：x2（见图）；否：x2（见图）"), ("否", "是：x2（见图）；否：x2（见图）"))


@pytest.mark.parametrize("kind", [Kind.EXCLUSIVE, Kind.PARALLEL])
def test_the_list_of_a_flow_of_gateways_alone_is_short(kind: Kind) -> None:
    """A row of three hundred of them, and three hundred arrows from one to the next."""
    row = [Node("start", Kind.START), Node("a", Kind.USER, "审查"), *(Node(f"g{n}", kind) for n in range(300)), Node("end", Kind.END, "办结")]
    assert len(str(told(row, [Flow(f"f{n}", one.id, other.id) for n, (one, other) in enumerate(pairwise(row))]))) < 500
    few = [*row[:5], row[-1]]
    many = [Flow(f"f{n}-{m}", one.id, other.id) for n, (one, other) in enumerate(pairwise(few)) for m in range(300 if one.id in {"g0", "g1"} else 1)]
    assert len(str(told(few, many))) < 10_000
