"""SpiffWorkflow at work: the plain BPMN it is given, the tree it keeps between two steps of a case, and nothing else.

The engine gets XML rebuilt from the checked graph, never the file that somebody drew; it has no time of its own (timers are rows of our table), runs no
script and calls nothing. What is kept of a case is only where its marks lie: finished tasks are cut out of the tree, so a case costs the same after a
hundred steps as after one, and the specification is built once per version.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from lxml import etree
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.serializer.default.workflow import BpmnWorkflowConverter, WorkflowConverter
from SpiffWorkflow.bpmn.specs.control import BoundaryEventSplit
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.spiff.parser.process import SpiffBpmnParser
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from yiwang.base.errors import Conflict
from yiwang.engines.procedures.bpmn import decisions, expressions
from yiwang.engines.procedures.bpmn.decisions import Decision
from yiwang.engines.procedures.bpmn.graph import WAITING, Graph, Kind, Node
from yiwang.engines.procedures.bpmn.names import STEP, TARGET, names_of, variable
from yiwang.engines.procedures.bpmn.reading import BPMN

SPIFF = "http://spiffworkflow.org/bpmn/schema/1.0/core"
NEVER = '"9999-12-31T00:00:00+00:00"'  # the engine's clock never fires a timer: our table does
PAST = "1970-01-01T00:00:00+00:00"
LIVE = TaskState.READY | TaskState.WAITING | TaskState.STARTED


class _Values(dict[str, Any]):
    """What a case knows; a name that has no value yet is empty."""

    def __missing__(self, name: str) -> None:
        return None


class _Comparisons(PythonScriptEngine):  # type: ignore[misc]  # the library has no types
    """Evaluates only what `expressions` has rebuilt, on the values of the case: one set for all branches, because the engine's own data of two branches
    overwrite each other where they join. A value that cannot be compared is false instead of ending the case in an error.
    """

    def __init__(self, values: _Values) -> None:
        super().__init__()
        self.values = values

    def evaluate(self, task: Task, expression: str, external_context: Mapping[str, Any] | None = None) -> Any:
        try:
            return eval(expression, {"__builtins__": {}}, _Values(self.values, **(external_context or {})))
        except TypeError:
            return False

    def execute(self, task: Task, script: str, external_context: Mapping[str, Any] | None = None) -> None:
        raise NotImplementedError("scripts in models are refused")

    def call_service(self, task: Task, **kwargs: Any) -> None:
        raise NotImplementedError("models call nothing")


class _TreeOnly(BpmnWorkflowConverter):  # type: ignore[misc]  # the library has no types
    """A workflow without its specification, which belongs to the version."""

    def to_dict(self, workflow: BpmnWorkflow) -> dict[str, Any]:
        kept: dict[str, Any] = WorkflowConverter.to_dict(self, workflow)
        return kept

    def from_dict(self, kept: dict[str, Any]) -> BpmnWorkflow:
        workflow = self.target_class(kept["spec"], {}, deserializing=True)
        workflow.tasks = self.mapping_from_dict(kept["tasks"], UUID, workflow=workflow)
        workflow.task_tree = workflow.tasks[UUID(kept["root"])]
        self.set_default_attributes(workflow, dict(kept))
        return workflow


_CONVERTER = _TreeOnly(BpmnWorkflow, BpmnWorkflowSerializer.configure(SPIFF_CONFIG))


@dataclass(frozen=True)
class Program:
    """One version, ready to run."""

    graph: Graph
    spec: Any
    names: tuple[str, ...]  #: variables that its conditions read
    waiting: Mapping[str, int]  #: where a case can stand → its place in the drawing; looked up, never walked: a move costs the same in every length of flow
    timing: Mapping[str, int]  #: timers, in the same way
    tables: Mapping[str, Decision]


class Run:
    """One case's marks in the engine. `standing` are the elements where it waits."""

    def __init__(self, program: Program, kept: dict[str, Any] | None = None, *, facts: Mapping[str, Any] | None = None) -> None:
        self.program = program
        self.ended_at: list[str] = []  #: ends reached by the last move, in order
        self.decided: list[tuple[str, int | None]] = []  #: decision tables passed by the last move, and the rule that held (from 0)
        self.values = _Values(kept["values"] if kept else {})
        self._know(facts or {})
        if kept is None:
            self._workflow = BpmnWorkflow(program.spec, script_engine=_Comparisons(self.values))
            self._go()
        else:
            self._workflow = _CONVERTER.from_dict({**kept["tree"], "spec": program.spec})
            self._workflow.script_engine = _Comparisons(self.values)

    @property
    def standing(self) -> list[str]:
        """Elements where it stands, in the order in which the flow was drawn; boundary timers are not places to stand."""
        return self._names(self.program.waiting, LIVE)

    @property
    def timers(self) -> list[str]:
        """Timers that run: intermediate ones and those of the borders."""
        return self._names(self.program.timing, TaskState.WAITING)

    @property
    def over(self) -> bool:
        return bool(self._workflow.completed)

    def complete(self, element: str, *, step: str, facts: Mapping[str, Any] | None = None) -> None:
        """Ends the task there with `step` taken; conditions read it as `step` and under the task's own name. Raises KeyError for a task that is not open, Conflict."""
        task = self._at(element)
        self._know({STEP: step, variable(element): step, **(facts or {})})
        self._foresee()
        task.run()
        self._go()

    def fire(self, timer: str) -> None:
        """The moment of that timer has come: nobody acted, so conditions find no step, and none of the task that it interrupts. Raises KeyError for one that does not run."""
        task, node = self._at(timer), self.program.graph.nodes[timer]
        self._know({STEP: None, TARGET: None, **({variable(node.host): None} if node.host and node.interrupting else {})})
        self._foresee()
        task._set_internal_data(event_value=PAST)
        task.task_spec._update(task)
        self._go()

    def kept(self) -> dict[str, Any]:
        """What has to be kept of it, as plain JSON values."""
        self._cut()
        kept: dict[str, Any] = _CONVERTER.to_dict(self._workflow)
        return {"tree": kept, "values": dict(self.values)}

    def _names(self, order: Mapping[str, int], state: int) -> list[str]:
        return sorted({task.task_spec.name for task in self._live(state)} & order.keys(), key=order.__getitem__)

    def _know(self, news: Mapping[str, Any]) -> None:
        self.values.update({name: value for name, value in news.items() if name in self.program.names})

    def _at(self, element: str) -> Task:
        return {task.task_spec.name: task for task in self._live()}[element]

    def _live(self, state: int = LIVE) -> Iterator[Task]:
        return (task for task in self._workflow.tasks.values() if task.has_state(state))

    def _go(self) -> None:
        """Through everything at which nobody is waited for. Raises Conflict where the case would then be nowhere, which the checker rules out."""
        self.ended_at, self.decided = [], []
        self._workflow.do_engine_steps(did_complete_task=self._done)
        turning = any(not task.task_spec.manual for task in self._live(TaskState.READY))  # the engine gave up on a way round
        if not self.over and (turning or not self.standing):
            raise Conflict("按流程图走下去，没有一个环节可以接着办理，这一步没有办成。", hint="请告知流程管理员检查流程图。")

    def _done(self, task: Task) -> None:
        node = self.program.graph.nodes.get(task.task_spec.name)
        if node and node.kind is Kind.END:
            self.ended_at.append(node.id)
        if node and node.kind is Kind.DECISION:
            self.decided.append((node.decision, decisions.fired(self.program.tables[node.decision], self.values)))
            self._know(task.data)
            task.data.clear()
        if node and node.kind is Kind.PARALLEL:
            self._forget_arrivals(task)

    def _forget_arrivals(self, joined: Task) -> None:
        """The branches that a fired join has gathered count no more when the flow comes round again: the engine would fire it too early."""
        others = [t for t in self._workflow.tasks.values() if t.task_spec is joined.task_spec and t is not joined and t.has_state(TaskState.FINISHED_MASK)]
        for task in others:
            if not joined.is_descendant_of(task):
                task._drop_children(force=True)
                self._workflow._remove_task(task.id)

    def _foresee(self) -> None:
        """The next elements of whatever waits; the rest is drawn when the engine comes there (`_next_only`)."""
        for task in list(self._live()):
            task._sync_children(task.task_spec.outputs, TaskState.LIKELY)

    def _cut(self) -> None:
        """Cuts everything finished and everything foreseen out of the tree, but what the engine will still look at: the split of a task with timers, and
        arrivals at a join that waits.
        """
        tasks, root = self._workflow.tasks, self._workflow.task_tree
        joins = {t.task_spec.name for t in self._live(TaskState.WAITING) if self._is_join(t)}
        needed = {root.id} | {t.id for t in tasks.values() if t.has_state(LIVE) or (t.task_spec.name in joins and t.has_state(TaskState.FINISHED_MASK))}
        needed |= {tasks[i].parent.id for i in needed if tasks[i].parent is not None}
        for task in list(tasks.values()):
            if isinstance(task.task_spec, BoundaryEventSplit) and any(c.has_state(LIVE) for c in task.children):
                needed |= {task.id, *(c.id for c in task.children)}
        for task in [tasks[i] for i in needed if i != root.id]:
            above = task.parent
            while above.id not in needed:
                above = above.parent
            task._parent = above.id
        for i in needed:
            tasks[i]._children = []
        for i in [i for i in tasks if i in needed and i != root.id]:
            tasks[tasks[i]._parent]._children.append(i)
        self._workflow.tasks = {i: t for i, t in tasks.items() if i in needed}
        if self._workflow.last_task is not None and self._workflow.last_task.id not in needed:
            self._workflow.last_task = None

    def _is_join(self, task: Task) -> bool:
        node = self.program.graph.nodes.get(task.task_spec.name)
        return node is not None and node.kind is Kind.PARALLEL


def program(graph: Graph, tables: Mapping[str, Decision], *, facts: tuple[str, ...] = ()) -> Program:
    """The flow ready to run. The graph is sound and bound; raises expressions.Wrong for a condition that is not."""
    known = names_of(graph, {code: table.outputs for code, table in tables.items()}, facts=facts)
    spec = specification(graph, tables, known)
    for part in spec.task_specs.values():
        part._predict = partial(_next_only, part)
    waiting, timing = ({node.id: i for i, node in enumerate(graph.of(*kinds))} for kinds in (WAITING, (Kind.TIMER, Kind.BOUNDARY)))
    return Program(graph, spec, tuple(known & _read(graph, tables, known)), waiting, timing, tables)


def specification(graph: Graph, tables: Mapping[str, Decision], known: set[str]) -> Any:
    """What SpiffWorkflow makes of the flow, as it is without us."""
    parser = SpiffBpmnParser()
    for node in graph.of(Kind.DECISION):
        if node.decision not in parser.dmn_parsers:
            parser.add_dmn_xml(etree.fromstring(decisions.plain(tables[node.decision])))
    parser.add_bpmn_xml(etree.fromstring(_plain(graph, known)))
    return parser.get_spec(graph.id or "flow")


def _next_only(spec: Any, task: Task, seen: Any = None, looked_ahead: int = 0, mask: int = TaskState.PREDICTED_MASK) -> None:
    """Draws the next elements of a task and nothing behind them. The engine draws everything behind every choice again whenever one is passed, so each
    move would cost what the flow is long. What it draws is only likely: an element that is only likely draws its own next ones when it is reached.
    """
    if task.has_state(mask):
        spec._predict_hook(task)
        for following in task.children:
            if following.has_state(TaskState.FUTURE):
                following._set_state(TaskState.LIKELY)


def _read(graph: Graph, tables: Mapping[str, Decision], known: set[str]) -> set[str]:
    """Names that some condition or table looks at; nothing else is carried along with the case."""
    words = {word for table in tables.values() for word in (*table.inputs, *table.outputs)}
    for flow in graph.flows.values():
        if flow.condition:
            words |= expressions.named(flow.condition, names=known)
    return words


def _plain(graph: Graph, known: set[str]) -> bytes:
    root = etree.Element(f"{{{BPMN}}}definitions", {"targetNamespace": "urn:yiwang:flow:1"}, nsmap={"bpmn": BPMN, "spiffworkflow": SPIFF})
    process = etree.SubElement(root, f"{{{BPMN}}}process", {"id": graph.id or "flow", "isExecutable": "true"})
    for node in graph.nodes.values():
        _element(process, graph, node)
    for flow in graph.flows.values():
        arrow = etree.SubElement(process, f"{{{BPMN}}}sequenceFlow", {"id": flow.id, "sourceRef": flow.source, "targetRef": flow.target})
        if flow.condition and graph.nodes[flow.source].default != flow.id:
            etree.SubElement(arrow, f"{{{BPMN}}}conditionExpression").text = expressions.condition(flow.condition, names=known)
    return bytes(etree.tostring(root))


def _element(process: "etree._Element", graph: Graph, node: Node) -> None:
    kind = Kind.USER if node.kind is Kind.SERVICE else node.kind  # a system step is taken by our own verb, not by the engine
    element = etree.SubElement(process, f"{{{BPMN}}}{kind}", {"id": node.id})
    if node.kind is Kind.BOUNDARY:
        element.set("attachedToRef", node.host)
        element.set("cancelActivity", "true" if node.interrupting else "false")
    if node.kind in {Kind.TIMER, Kind.BOUNDARY}:
        etree.SubElement(etree.SubElement(element, f"{{{BPMN}}}timerEventDefinition"), f"{{{BPMN}}}timeDate").text = NEVER
    if node.terminate:
        etree.SubElement(element, f"{{{BPMN}}}terminateEventDefinition")
    if node.kind is Kind.EXCLUSIVE and node.default and len(graph.out[node.id]) > 1:
        element.set("default", node.default)
    if node.kind is Kind.DECISION:
        extensions = etree.SubElement(element, f"{{{BPMN}}}extensionElements")
        etree.SubElement(extensions, f"{{{SPIFF}}}calledDecisionId").text = node.decision
    for way, flows in (("incoming", graph.into[node.id]), ("outgoing", graph.out[node.id])):
        for flow in flows:
            etree.SubElement(element, f"{{{BPMN}}}{way}").text = flow.id

