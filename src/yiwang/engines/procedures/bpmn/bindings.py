"""Whether everything that a drawn flow names is known: roles, declared steps, clocks, offices, stages, conditions, tables, timers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from yiwang.engines.procedures.bpmn import expressions, table_report, timing
from yiwang.engines.procedures.bpmn.decisions import Decision
from yiwang.engines.procedures.bpmn.drawn import COMMON
from yiwang.engines.procedures.bpmn.graph import Finding, Flow, Graph, Kind, Node
from yiwang.engines.procedures.bpmn.names import STEP, TARGET, names_of, variable
from yiwang.engines.procedures.bpmn.tables import Table
from yiwang.kit.declare import APPLICANT, SYSTEM_ROLE, Procedure, Step

LONGEST_NAME = 50  # characters: a task, and a record of a timer, keep ten more


@dataclass(frozen=True)
class Known:
    """What the flow may name."""

    base: Procedure
    roles: Mapping[str, str]  #: code → Chinese name, the applicant and the system among them
    offices: frozenset[str]  #: functions of offices
    tables: Mapping[str, Table]
    decisions: Mapping[str, Decision]  #: those of the tables that can be run


def findings(graph: Graph, known: Known) -> Iterator[Finding]:
    """What is wrong, in plain words."""
    names = names_of(graph, {t.id: [c.word for c in t.outputs] for t in known.tables.values()}, facts=tuple(f.code for f in known.base.facts))
    for node in graph.nodes.values():
        yield from (Finding(node.id, words) for words in _of_node(node, known))
    yield from _of_names(graph, known.base)
    yield from _of_tables(graph, known, names)
    possible = _possible(graph, known)
    for flow in graph.flows.values():
        if flow.condition and graph.nodes[flow.source].default != flow.id:
            yield from (Finding(flow.id, words) for words in _of_condition(graph, flow, names, possible))
    yield from _of_start(graph, known.base)
    yield from _of_anytime(graph, known.base)
    yield from _of_clocks(graph, known.base)


def _of_node(node: Node, known: Known) -> Iterator[str]:
    if len(node.name) > LONGEST_NAME:
        yield f"“{node.title}”的名称超过 {LONGEST_NAME} 个字。"
    if node.kind in {Kind.TIMER, Kind.BOUNDARY}:
        wrong = timing.wrong(node.timer, node.unit)
        if wrong:
            yield f"“{node.title}”的期限不对：{wrong}。"
    elif node.kind is Kind.DECISION:
        if node.decision not in known.tables:
            yield f"“{node.title}”没有绑定决策表“{node.decision}”。" if node.decision else f"“{node.title}”没有写用哪张决策表。"
    elif node.kind is Kind.SERVICE:
        yield from _of_service(node, known)
    elif node.kind is Kind.USER:
        yield from _of_task(node, known)


def _of_task(node: Node, known: Known) -> Iterator[str]:
    if not node.name:
        yield f"环节“{node.id}”没有名称。"
    if node.role not in known.roles:
        yield f"环节“{node.title}”没有写由谁办理。" if not node.role else f"环节“{node.title}”的角色“{node.role}”不存在。"
    if not node.steps:
        yield f"环节“{node.title}”没有绑定办理动作。"
    if node.organ and node.organ not in known.offices:
        yield f"环节“{node.title}”的部门职能“{node.organ}”不存在。"
    if node.stage and node.stage not in known.base.stages:
        yield f"环节“{node.title}”的阶段“{node.stage}”不在本流程的阶段里（{'、'.join(known.base.stages)}）。"
    bound = [_declared(known.base, step) for step in node.steps]
    for code, step in zip(node.steps, bound, strict=True):
        if step is None:
            yield f"环节“{node.title}”绑定的动作“{code}”不存在。"
        elif step.by and node.role in known.roles and not {node.role, APPLICANT, SYSTEM_ROLE} & set(step.roles):
            yield f"动作“{step.name}”依法由{'、'.join(known.roles[r] for r in step.roles)}办理，不能放在{known.roles[node.role]}的环节“{node.title}”里。"
    if node.role in known.roles and any(bound) and not any(step and (not step.by or node.role in step.roles) for step in bound):
        yield f"环节“{node.title}”由{known.roles[node.role]}办理，但没有一个动作是{known.roles[node.role]}可以办的。"


def _of_service(node: Node, known: Known) -> Iterator[str]:
    step = _declared(known.base, node.steps[0]) if len(node.steps) == 1 else None
    if step is None or not step.by:
        yield f"系统环节“{node.title}”应当绑定恰好一个已有的办理动作。"
    elif SYSTEM_ROLE not in step.roles or step.form or step.needs_reason:
        yield f"系统环节“{node.title}”不能绑定“{step.name}”：这个动作要由人办理。"


def _declared(base: Procedure, code: str) -> Step | None:
    return next((s for s in base.steps if s.code == code), None) or COMMON.get(code)


def _of_names(graph: Graph, base: Procedure) -> Iterator[Finding]:
    """A condition reads one name for everything that is called so: each must be one thing. What tables answer is told with the table."""
    taken = {STEP: "刚办理的动作", TARGET: "动作原定去向", **{fact.code: fact.name for fact in base.facts}}
    for node in graph.of(Kind.USER, Kind.SERVICE):
        other = taken.get(variable(node.id))
        taken.setdefault(variable(node.id), node.title)
        if other:
            yield Finding(node.id, f"环节“{node.title}”的标识“{node.id}”与“{other}”同名，条件里分不清；请换一个标识。")


def _of_tables(graph: Graph, known: Known, names: set[str]) -> Iterator[Finding]:
    """The report of every table, at the first element that asks it."""
    used = table_report.uses(graph, known.decisions, frozenset(names))
    asking = {node.decision: node.id for node in reversed(list(graph.of(Kind.DECISION)))}
    for table in known.tables.values():
        domains = table_report.domains(known.base, graph, known.decisions, besides=table.id)
        where = asking.get(table.id, "")
        if not where:
            yield Finding("", f"决策表“{table.name}”还没有环节使用。", hint=True)
        for remark in table_report.remarks(table, domains, used):
            if where or not remark.hint:
                yield Finding(where, f"决策表“{table.name}”：{remark.words}", remark.hint)


def _possible(graph: Graph, known: Known) -> dict[str, set[object]]:
    """What names can be whose values are all known: steps, goals, answers of tables."""
    tasks: dict[str, set[object]] = {variable(n.id): set(n.steps) for n in graph.of(Kind.USER, Kind.SERVICE)}
    answers: dict[str, set[object]] = {}
    for table in known.decisions.values():
        for i, word in enumerate(table.outputs):
            answers.setdefault(word, set()).update(expressions.plain(given[i]) for _, given in table.rules)
    return {**answers, **tasks, STEP: {step for steps in tasks.values() for step in steps}, TARGET: {goal for step in known.base.steps for goal in step.goals}}


def _of_condition(graph: Graph, flow: Flow, names: set[str], possible: Mapping[str, set[object]]) -> Iterator[str]:
    where = f"“{graph.nodes[flow.source].title}”去往“{graph.nodes[flow.target].title}”的条件"
    try:
        text = expressions.condition(flow.condition, names=names)
    except expressions.Wrong as problem:
        yield f"{where}不对：{problem}。"
        return
    for name, value in expressions.compared(text):
        if name in possible and value not in possible[name]:
            yield f"{where}里有一项永远不成立：“{name}”不会是“{value}”。"


def _of_start(graph: Graph, base: Procedure) -> Iterator[Finding]:
    starts = [graph.nodes[f.target] for n in graph.of(Kind.START) for f in graph.out[n.id]]
    wanted = base.steps_from(base.start)
    if len(starts) == 1 and not (starts[0].kind is Kind.USER and {s.code for s in wanted} & set(starts[0].steps)):
        yield Finding(starts[0].id, f"开始之后的第一个环节应当绑定“{'、'.join(s.name for s in wanted)}”。")


def _of_anytime(graph: Graph, base: Procedure) -> Iterator[Finding]:
    used = {step for node in graph.of(Kind.USER) for step in node.steps}
    for code in graph.anytime:
        step = next((s for s in base.steps if s.code == code), None)
        if step is None or not isinstance(step.target, str) or not base.state(step.target).final:
            yield Finding("", f"随时可以结束办件的动作“{code}”不存在，或者它不结束办件。")
        elif code not in used:
            yield Finding("", f"“{step.name}”没有绑定到任何环节，谁也不能办理。", hint=True)


def _of_clocks(graph: Graph, base: Procedure) -> Iterator[Finding]:
    """Silence has its effect by law: the step that a clock takes at its end must be somewhere in the drawing. A step that ends in a clock needs its start."""
    used = {step: node.id for node in graph.of(Kind.USER, Kind.SERVICE) for step in node.steps}
    for clock in base.clocks:
        starting = [s for s in base.steps if clock.code in s.starts and s.code in used]
        if clock.deems and starting and clock.deems not in used:
            yield Finding(used[starting[0].code], f"“{clock.name}”届满时依法要办理“{base.step(clock.deems).name}”，但没有环节绑定这个动作。")
    left = [s.name for s in base.steps if s.code not in used and not any(s.code == c.deems for c in base.clocks)]
    if left:
        yield Finding("", f"没有用到的动作：{'、'.join(left)}。", hint=True)
