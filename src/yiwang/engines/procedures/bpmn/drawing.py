"""Flows draw themselves: a declared Procedure as a graph, any graph as BPMN 2.0 XML with a layered layout that other tools open."""

from lxml import etree

from yiwang.engines.procedures.bpmn import layout
from yiwang.engines.procedures.bpmn.graph import Flow, Graph, Kind, Node
from yiwang.engines.procedures.bpmn.reading import BPMN, OURS
from yiwang.kit.declare import SYSTEM_ROLE, Procedure, State, Step

DI = "http://www.omg.org/spec/BPMN/20100524/DI"
DC = "http://www.omg.org/spec/DD/20100524/DC"
DD = "http://www.omg.org/spec/DD/20100524/DI"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
NAMESPACES = {"bpmn": BPMN, "bpmndi": DI, "dc": DC, "di": DD, "xsi": XSI, "yw": OURS}


def draw(procedure: Procedure) -> str:
    """The BPMN of a declared procedure: what an official begins from."""
    return write(graph_of(procedure))


def graph_of(procedure: Procedure) -> Graph:
    """States as tasks and ends, steps as arrows; steps that end the case from several states stand at their tasks without an arrow."""
    anytime = [s for s in procedure.steps if len(s.sources) > 1 and isinstance(s.target, str) and procedure.state(s.target).final]
    reached = {goal for s in procedure.steps if s not in anytime for goal in s.goals} | {procedure.start}
    nodes = {"start": Node("start", Kind.START, "开始")}
    flows: dict[str, Flow] = {}
    for state in procedure.states:
        if state.final and state.code in reached:
            nodes[state.code] = Node(state.code, Kind.END, state.name)
        elif not state.final:
            nodes[state.code] = _task(procedure, state)
    _arrow(flows, "start", procedure.start)
    for state in procedure.states:
        steps = [s for s in procedure.steps_from(state.code) if s not in anytime]
        if not state.final and steps:
            _leave(nodes, flows, state, steps)
    return Graph(procedure.code, procedure.name, nodes, flows, tuple(s.code for s in anytime))


def _task(procedure: Procedure, state: State) -> Node:
    steps = tuple(s.code for s in procedure.steps_from(state.code))
    role = state.awaits or (SYSTEM_ROLE if state.code != procedure.start else procedure.steps_from(state.code)[0].roles[0])
    return Node(state.code, Kind.USER, state.task or state.name, role=role, steps=steps, stage=state.stage)


def _leave(nodes: dict[str, Node], flows: dict[str, Flow], state: State, steps: list[Step]) -> None:
    """One arrow, or a choice by the step that was taken."""
    ways: dict[str, list[str]] = {}
    for step in steps:
        for goal in step.goals:
            ways.setdefault(goal, []).append(f'step == "{step.code}"' + (f' and target == "{goal}"' if len(step.goals) > 1 else ""))
    if len(ways) == 1:
        _arrow(flows, state.code, next(iter(ways)))
        return
    choice = f"choice-{state.code}"
    usual = next((s for s in steps if s.style == "primary"), steps[0]).goals[0]
    nodes[choice] = Node(choice, Kind.EXCLUSIVE, "", default=f"{choice}-{usual}")
    _arrow(flows, state.code, choice)
    for goal, tests in ways.items():
        names = "、".join(dict.fromkeys(s.name for s in steps if goal in s.goals))
        _arrow(flows, choice, goal, name=names, condition="" if goal == usual else " or ".join(tests))


def _arrow(flows: dict[str, Flow], source: str, target: str, *, name: str = "", condition: str = "") -> None:
    flow = Flow(f"{source}-{target}", source, target, name, condition)
    flows[flow.id] = flow


def write(graph: Graph) -> str:
    """The graph as BPMN 2.0 with a diagram."""
    root = etree.Element(f"{{{BPMN}}}definitions", {"id": "definitions", "targetNamespace": OURS}, nsmap=NAMESPACES)
    process = etree.SubElement(root, f"{{{BPMN}}}process", {"id": graph.id or "flow", "isExecutable": "true"})
    if graph.name:
        process.set("name", graph.name)
    if graph.anytime:
        process.set(f"{{{OURS}}}anytime", " ".join(graph.anytime))
    for node in graph.nodes.values():
        _element(process, graph, node)
    for flow in graph.flows.values():
        arrow = etree.SubElement(process, f"{{{BPMN}}}sequenceFlow", {"id": flow.id, "sourceRef": flow.source, "targetRef": flow.target})
        if flow.name:
            arrow.set("name", flow.name)
        if flow.condition:
            etree.SubElement(arrow, f"{{{BPMN}}}conditionExpression", {f"{{{XSI}}}type": "bpmn:tFormalExpression"}).text = flow.condition
    _diagram(root, graph)
    return str(etree.tostring(root, encoding="unicode", pretty_print=True))


def with_layout(xml: str, graph: Graph) -> str:
    """The document itself, with a diagram of its process if it has none."""
    root = etree.fromstring(xml)
    if root.find(f".//{{{DI}}}BPMNShape") is not None:
        return xml
    for empty in root.findall(f"{{{DI}}}BPMNDiagram"):
        root.remove(empty)
    _diagram(root, graph)
    return str(etree.tostring(root, encoding="unicode"))


def _element(process: "etree._Element", graph: Graph, node: Node) -> None:
    element = etree.SubElement(process, f"{{{BPMN}}}{node.kind}", {"id": node.id})
    ours = {"role": node.role, "steps": " ".join(node.steps), "stage": node.stage, "organ": node.organ, "decision": node.decision, "unit": node.unit}
    plain = {"name": node.name, "attachedToRef": node.host, "default": node.default, "cancelActivity": "" if node.interrupting else "false"}
    for name, value in (*plain.items(), *((f"{{{OURS}}}{name}", value) for name, value in ours.items())):
        if value:
            element.set(name, value)
    for way, flows in (("incoming", graph.into[node.id]), ("outgoing", graph.out[node.id])):
        for flow in flows:
            etree.SubElement(element, f"{{{BPMN}}}{way}").text = flow.id
    if node.kind in {Kind.TIMER, Kind.BOUNDARY}:
        timer = etree.SubElement(element, f"{{{BPMN}}}timerEventDefinition")
        etree.SubElement(timer, f"{{{BPMN}}}timeDuration", {f"{{{XSI}}}type": "bpmn:tFormalExpression"}).text = node.timer
    if node.terminate:
        etree.SubElement(element, f"{{{BPMN}}}terminateEventDefinition")


def _diagram(root: "etree._Element", graph: Graph) -> None:
    placed = layout.place(graph)
    named = layout.captions(graph, placed)
    plane = etree.SubElement(etree.SubElement(root, f"{{{DI}}}BPMNDiagram", {"id": "diagram"}, nsmap=NAMESPACES), f"{{{DI}}}BPMNPlane", {"id": "plane", "bpmnElement": graph.id or "flow"})
    for code, box in placed.items():
        shape = etree.SubElement(plane, f"{{{DI}}}BPMNShape", {"id": f"{code}_shape", "bpmnElement": code})
        if graph.nodes[code].kind is Kind.EXCLUSIVE:
            shape.set("isMarkerVisible", "true")
        _bounds(shape, box)
        if code in named:
            _bounds(etree.SubElement(shape, f"{{{DI}}}BPMNLabel"), named[code])
    drawn = layout.routes(graph, placed)
    labels = layout.labels({code: flow.name for code, flow in graph.flows.items() if flow.name}, drawn, placed, named)
    for code, way in drawn.items():
        edge = etree.SubElement(plane, f"{{{DI}}}BPMNEdge", {"id": f"{code}_edge", "bpmnElement": code})
        for x, y in way:
            etree.SubElement(edge, f"{{{DD}}}waypoint", {"x": str(x), "y": str(y)})
        if code in labels:
            _bounds(etree.SubElement(edge, f"{{{DI}}}BPMNLabel"), labels[code])


def _bounds(shape: "etree._Element", box: layout.Box) -> None:
    etree.SubElement(shape, f"{{{DC}}}Bounds", {"x": str(box.x), "y": str(box.y), "width": str(box.width), "height": str(box.height)})
