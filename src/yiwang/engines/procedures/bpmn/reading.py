"""BPMN XML, drawn here or elsewhere → Graph. Whatever cannot be run is refused by name; a file is bounded before it is parsed, so reading never hangs.

Read: ISO/IEC 19510 (BPMN 2.0.2) processes with the elements of `graph.Kind`. Notes, groups, lanes, data objects and a pool of one process are drawn, not run.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from lxml import etree

from yiwang.base.errors import Invalid
from yiwang.engines.procedures.bpmn.graph import Flow, Graph, Kind, Node

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
OURS = "urn:yiwang:flow:1"  #: namespace of role, steps, stage, organ, unit, decision, anytime
CAMUNDA = "http://camunda.org/schema/1.0/bpmn"
LARGEST = 2_000_000  # bytes; a flow of 300 elements with its drawing has about 250,000
MOST = 300  # elements; the engine's parser calls itself for each that follows, and more cannot be read by people either
DOCTYPE = "文件里有 DTD 或实体定义，出于安全不予读取。"
LONGEST_ID = 40  # characters: the state of a case

DRAWN_ONLY = {
    "laneSet", "textAnnotation", "association", "group", "dataObject", "dataObjectReference", "dataStoreReference", "extensionElements", "documentation",
    "ioSpecification", "property", "auditing", "monitoring",
}  # fmt: skip
AS_USER = {"task": Kind.USER, "manualTask": Kind.USER}
NAMES = {
    "scriptTask": "脚本任务", "sendTask": "发送任务", "receiveTask": "接收任务", "callActivity": "调用活动", "subProcess": "子流程", "transaction": "事务子流程",
    "adHocSubProcess": "即席子流程", "inclusiveGateway": "包容网关", "eventBasedGateway": "事件网关", "complexGateway": "复杂网关",
    "intermediateThrowEvent": "中间抛出事件", "messageEventDefinition": "消息事件", "signalEventDefinition": "信号事件", "errorEventDefinition": "错误事件",
    "escalationEventDefinition": "升级事件", "compensateEventDefinition": "补偿事件", "conditionalEventDefinition": "条件事件", "linkEventDefinition": "链接事件",
    "cancelEventDefinition": "取消事件", "multiInstanceLoopCharacteristics": "多实例", "standardLoopCharacteristics": "循环标记", "timeCycle": "循环定时",
}  # fmt: skip
ADVICE = {
    "scriptTask": "流程里不能写程序；请改用系统环节绑定已有的办理动作。", "callActivity": "请把被调用的流程画在同一张图里。", "subProcess": "请把子流程展开画在同一张图里。",
    "inclusiveGateway": "请改用选择分支或并行分支。", "sendTask": "通知由办理动作自带，请删去。", "receiveTask": "请改用“角色”为系统的人工环节，由对应的办理动作推进。",
    "multiInstanceLoopCharacteristics": "请把各部门的环节分别画出，用并行分支连接。", "standardLoopCharacteristics": "请用选择分支和回头的箭头画出循环。",
    "timeCycle": "请改用一次性的期限（如 P5D）。",
}  # fmt: skip


class Unreadable(Invalid):
    """The file is no flow that can be run: `problems` are (element id, sentence)."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        self.problems = problems
        super().__init__("这个文件不能使用：" + "".join(words for _, words in problems[:5]), fields={"file": " ".join(words for _, words in problems[:20])})


def tree_of(xml: str | bytes) -> "etree._Element":
    """The parsed document. No entity, no DTD, no network, no more than `LARGEST` bytes. Raises Unreadable."""
    content = xml.encode() if isinstance(xml, str) else xml
    if len(content) > LARGEST:
        raise Unreadable(("", f"文件超过 {LARGEST // 1_000_000} MB。"))
    if b"<!DOCTYPE" in content[:2000] or b"<!ENTITY" in content:
        raise Unreadable(("", DOCTYPE))
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as problem:
        raise Unreadable(("", f"文件不是完整的 XML（第 {problem.lineno or 1} 行）。")) from problem
    if root.getroottree().docinfo.doctype:  # in an encoding of which the bytes show nothing
        raise Unreadable(("", DOCTYPE))
    return root


def read(xml: str | bytes) -> Graph:
    """The flow of a BPMN file. Raises Unreadable naming every element that is not supported and every broken connection."""
    root = tree_of(xml)
    if etree.QName(root).localname != "definitions" or etree.QName(root).namespace != BPMN:
        raise Unreadable(("", "文件不是 BPMN 2.0（根元素应为 definitions）。"))
    processes = [p for p in root.findall(f"{{{BPMN}}}process") if len(p)]
    if len(processes) != 1:
        raise Unreadable(("", f"文件里有 {len(processes)} 个流程，应当恰好一个。"))
    process = processes[0]
    problems = list(_refused(process))
    if len(process) > MOST * 2:
        problems.append(("", f"流程超过 {MOST} 个元素，请拆分。"))
    if problems:
        raise Unreadable(*problems)
    elements, arrows = [_node(e) for e in _elements(process)], [_flow(e) for e in process.findall(f"{{{BPMN}}}sequenceFlow")]
    nodes, flows = {node.id: node for node in elements}, {flow.id: flow for flow in arrows}
    problems = [*_repeated([*elements, *arrows]), *_broken(nodes, flows)]
    if problems:
        raise Unreadable(*problems)
    return Graph(process.get("id", ""), process.get("name", ""), nodes, flows, _words(process, "anytime"))


def _local(element: "etree._Element") -> str:
    name = etree.QName(element)
    return name.localname if name.namespace == BPMN else ""


def _elements(process: "etree._Element") -> "Iterator[etree._Element]":
    return (e for e in process if _local(e) in AS_USER or _local(e) in set(Kind))


def _refused(process: "etree._Element") -> Iterator[tuple[str, str]]:
    known = {*DRAWN_ONLY, *AS_USER, *Kind, "sequenceFlow"}
    for element in process:
        local = _local(element)
        if local and local not in known:
            yield _sentence(element, local)
            continue
        for part in element.iter(f"{{{BPMN}}}*"):
            inner = _local(part)
            if inner in NAMES and part is not element:
                yield _sentence(element, inner)
        if element.find(f".//{{{CAMUNDA}}}script") is not None or element.get(f"{{{CAMUNDA}}}class") or element.get(f"{{{CAMUNDA}}}expression"):
            yield element.get("id", ""), f"“{element.get('name') or element.get('id')}”带有程序（camunda 脚本或类），流程里不能写程序。"
        if local in {Kind.TIMER, Kind.BOUNDARY} and element.find(f"{{{BPMN}}}timerEventDefinition") is None and not any(_local(p) in NAMES for p in element.iter(f"{{{BPMN}}}*")):
            yield element.get("id", ""), f"“{element.get('name') or element.get('id')}”没有定时，等待的事件只支持定时。"
        if local == Kind.START and element.find(f"{{{BPMN}}}timerEventDefinition") is not None:
            yield element.get("id", ""), "流程不能由定时开始；办件由申请开始。"


def _sentence(element: "etree._Element", kind: str) -> tuple[str, str]:
    name = element.get("name") or element.get("id") or ""
    return element.get("id", ""), f"不支持{NAMES.get(kind, kind)}“{name}”。{ADVICE.get(kind, '')}"


def _node(element: "etree._Element") -> Node:
    local = _local(element)
    kind = AS_USER.get(local) or Kind(local)
    timer = element.find(f"{{{BPMN}}}timerEventDefinition")
    return Node(
        id=element.get("id", ""),
        kind=kind,
        name=re.sub(r"\s+", " ", element.get("name", "")).strip(),
        role=_own(element, "role"),
        steps=_words(element, "steps"),
        stage=_own(element, "stage"),
        organ=_own(element, "organ"),
        decision=_own(element, "decision") or element.get(f"{{{CAMUNDA}}}decisionRef", ""),
        timer=_duration(timer),
        unit=_own(element, "unit"),
        host=element.get("attachedToRef", ""),
        interrupting=element.get("cancelActivity", "true") != "false",
        terminate=element.find(f"{{{BPMN}}}terminateEventDefinition") is not None,
        default=element.get("default", ""),
    )


def _duration(timer: "etree._Element | None") -> str:
    """The words of the definition; a date is kept as it stands, the checker says that only durations are run."""
    if timer is None:
        return ""
    found = timer.find(f"{{{BPMN}}}timeDuration")
    found = timer.find(f"{{{BPMN}}}timeDate") if found is None else found
    return (found.text or "").strip().strip("\"'") if found is not None else ""


def _flow(element: "etree._Element") -> Flow:
    condition = element.find(f"{{{BPMN}}}conditionExpression")
    words = (condition.text or "").strip() if condition is not None else ""
    juel = re.fullmatch(r"[$#]\{(.*)\}", words, re.DOTALL)
    return Flow(element.get("id", ""), element.get("sourceRef", ""), element.get("targetRef", ""), element.get("name", ""), juel[1].strip() if juel else words)


def _own(element: "etree._Element", name: str) -> str:
    return str(element.get(f"{{{OURS}}}{name}", "")).strip()


def _words(element: "etree._Element", name: str) -> tuple[str, ...]:
    return tuple(_own(element, name).split())


def _repeated(found: Sequence[Node | Flow]) -> Iterator[tuple[str, str]]:
    for code, count in Counter(part.id for part in found).items():
        if count > 1:
            yield code, f"标识“{code}”有 {count} 个元素在用，应当各不相同。"


def _broken(nodes: dict[str, Node], flows: dict[str, Flow]) -> Iterator[tuple[str, str]]:
    if not nodes:
        yield "", "流程是空的。"
    for code in (*nodes, *flows):
        if not re.fullmatch(r"[A-Za-z_][\w.-]*", code, re.ASCII):
            yield code, f"元素标识“{code}”不合规：应以字母开头，只含字母、数字、“-”“_”“.”。"
    for node in nodes.values():
        if len(node.id) > LONGEST_ID and node.kind not in {Kind.EXCLUSIVE, Kind.PARALLEL}:
            yield node.id, f"“{node.title}”的标识超过 {LONGEST_ID} 个字符。"
        if node.kind is Kind.BOUNDARY and (node.host not in nodes or nodes[node.host].kind is not Kind.USER):
            yield node.id, f"边界定时“{node.title}”应当贴在一个人工环节上。"
    for flow in flows.values():
        for end in (flow.source, flow.target):
            if end not in nodes:
                yield flow.id, f"箭头“{flow.name or flow.id}”有一端没有连到环节上。"
