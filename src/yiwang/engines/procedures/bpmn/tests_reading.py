"""Files as other tools write them: they work, or the element that does not is named. None of them hangs."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from yiwang.engines.procedures.bpmn import drawing, layout, reading, soundness
from yiwang.engines.procedures.bpmn.graph import Kind
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
