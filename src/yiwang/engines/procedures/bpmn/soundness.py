"""Whether a drawn flow can always finish: the structure first, then every state of its token game.

Soundness as van der Aalst defines it for workflow nets (The Application of Petri Nets to Workflow Management, 1998): option to complete, proper completion, no dead
tasks; with interrupting timers, which a check of structure alone misses. Every choice is taken to be free, so a flow that is sound only because two
choices always agree is refused: people could not see it either. Marks lie on arrows (`>id`), in elements where a case stands (`@id`) and on armed
timers that do not interrupt (`!id`); a sound flow never has two marks in one place, so a state is a set.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from yiwang.engines.procedures.bpmn.graph import KIND_NAMES, TASKS, Finding, Flow, Graph, Kind, Node

MARKINGS = 50_000
SECONDS = 8.0
PASSED = (Kind.EXCLUSIVE, Kind.PARALLEL, Kind.DECISION, Kind.SERVICE)  #: elements at which nobody is waited for
Marking = frozenset[str]


def findings(graph: Graph, *, markings: int = MARKINGS, seconds: float = SECONDS) -> list[Finding]:
    """What is wrong, in plain words; empty for a sound flow. Structure is told first: the token game is only explored on a well-formed flow."""
    wrong = list(_structure(graph))
    if wrong:
        return wrong
    return list(_explore(graph, markings, seconds).told())


# --- structure ----------------------------------------------------------------------------------------------------------------------------------


def _structure(graph: Graph) -> Iterator[Finding]:
    starts = list(graph.of(Kind.START))
    if len(starts) != 1:
        yield Finding(starts[1].id if starts else "", f"流程有 {len(starts)} 个开始，应当恰好一个。")
        return
    if not list(graph.of(Kind.END)):
        yield Finding("", "流程没有结束。")
        return
    reached, ending = set(graph.reached()), _leading_to_end(graph)
    for node in graph.nodes.values():
        if node.id not in reached:
            yield Finding(node.id, f"从开始走不到“{node.title}”。")
        elif node.id not in ending:
            yield Finding(node.id, f"“{node.title}”之后走不到结束，办件会一直停在这里面。")
        yield from (Finding(node.id, words) for words in _malformed(graph, node))
    yield from _turning(graph)


def _turning(graph: Graph) -> Iterator[Finding]:
    """A way round on which nobody acts and no time passes: what every choice on it found, it may find again, so that the engine turns without end."""
    ways = {node.id: [flow.target for flow in graph.out[node.id] if graph.nodes[flow.target].kind in PASSED] for node in graph.of(*PASSED)}
    try:
        TopologicalSorter(ways).prepare()
    except CycleError as problem:
        ring = problem.args[1]
        names = "、".join(f"“{graph.nodes[code].title}”" for code in dict.fromkeys(ring))
        yield Finding(ring[0], f"办件可能在{names}之间一直转圈：这一圈里没有人办理，也不等时间。请在回头的路上放一个人工环节或者等待时间。")


def _leading_to_end(graph: Graph) -> set[str]:
    before: dict[str, set[str]] = {n: set() for n in graph.nodes}
    for node in graph.nodes:
        for following in graph.after(node):
            before[following].add(node)
    found = [n.id for n in graph.of(Kind.END)]
    seen = set(found)
    for node in found:  # grows while it is walked
        found += [n for n in before[node] if n not in seen and not seen.add(n)]  # type: ignore[func-returns-value]  # add() answers None
    return seen


def _malformed(graph: Graph, node: Node) -> Iterator[str]:
    into, out = len(graph.into[node.id]), len(graph.out[node.id])
    if node.kind in {Kind.START, Kind.BOUNDARY} and into:
        yield f"“{node.title}”不能有进来的箭头。"
    if node.kind is Kind.END and out:
        yield f"结束“{node.title}”不能有出去的箭头。"
    if node.kind not in {Kind.END, Kind.EXCLUSIVE, Kind.PARALLEL} and out != 1:
        yield f"“{node.title}”有 {out} 个出去的箭头，应当恰好一个；要分开走请用选择分支或并行分支。"
    if node.kind in {Kind.EXCLUSIVE, Kind.PARALLEL} and out == 0:
        yield f"“{node.title}”没有出去的箭头。"
    if node.kind is Kind.PARALLEL and len({f.source for f in graph.into[node.id]}) < into:
        yield f"进入“{node.title}”的箭头有重复的，请删去一个。"
    if node.kind is Kind.EXCLUSIVE and out > 1:
        yield from _choice(graph, node)
    elif any(flow.condition for flow in graph.out[node.id]):
        yield f"“{node.title}”的箭头上有条件；条件只能写在选择分支出去的箭头上。"


def _choice(graph: Graph, node: Node) -> Iterator[str]:
    default = [flow for flow in graph.out[node.id] if flow.id == node.default]
    if not default:
        yield f"选择分支“{node.title}”没有默认去向：条件都不成立时办件会停住。请把其中一个箭头设为默认。"
    for flow in graph.out[node.id]:
        if flow.id != node.default and not flow.condition:
            yield f"选择分支“{node.title}”去往“{graph.nodes[flow.target].title}”的箭头没有写条件。"


# --- the token game -----------------------------------------------------------------------------------------------------------------------------


@dataclass
class Explored:
    """What was met in the reachable states."""

    graph: Graph
    next: dict[Marking, list[Marking]] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)  #: elements that took part
    doubled: dict[str, str] = field(default_factory=dict)  #: element → sentence of a second mark
    early: set[tuple[str, str]] = field(default_factory=set)  #: (named end, element still open)
    nameless: set[str] = field(default_factory=set)  #: ends without a result that were last
    too_large: bool = False

    def told(self) -> Iterator[Finding]:
        """The sentences, the causes before what follows from them."""
        if self.too_large:
            yield Finding("", "流程的并行分支太多，状态数超出检查的上限，无法证明每次都能办结。请减少同时进行的环节。")
            return
        stuck = [m for m, following in self.next.items() if m and not following]
        yield from (Finding(element, words) for element, words in self.doubled.items())
        yield from self._deadlocks(stuck)
        yield from self._early()
        for end in sorted(self.nameless):
            yield Finding(end, f"办件可能在“{self.graph.nodes[end].title}”走完而没有结果；请给最后的结束写上结果名称（如 已办结）。")
        if not self.doubled:
            yield from self._dead()
            yield from self._endless(stuck)

    def _deadlocks(self, stuck: list[Marking]) -> Iterator[Finding]:
        joins: dict[str, set[str]] = {}
        for marking in stuck:
            for mark in marking:
                join = self.graph.flows[mark[1:]].target if mark[0] == ">" else ""
                if join:
                    joins.setdefault(join, set()).update(f.source for f in self.graph.into[join] if f">{f.id}" not in marking)
        for join, missing in joins.items():
            names = "、".join(f"“{self.graph.nodes[m].title}”" for m in sorted(missing))
            yield Finding(join, f"汇合“{self.graph.nodes[join].title}”可能永远等不齐：从{names}来的分支有时不会到达，办件会停住。")

    def _early(self) -> Iterator[Finding]:
        open_at: dict[str, set[str]] = {}
        for end, other in self.early:
            open_at.setdefault(end, set()).add(self.graph.nodes[other].title)
        for end, others in sorted(open_at.items()):
            names = "、".join(f"“{o}”" for o in sorted(others)[:3])
            yield Finding(end, f"走到结束“{self.graph.nodes[end].title}”时，{names}可能还没有办完。请先汇合，或改用“终止结束”。")

    def _dead(self) -> Iterator[Finding]:
        for node in self.graph.nodes.values():
            if node.id not in self.met:
                what = "汇合永远等不齐" if node.kind is Kind.PARALLEL else "永远不会轮到"
                yield Finding(node.id, f"“{node.title}”{what}。")

    def _endless(self, stuck: list[Marking]) -> Iterator[Finding]:
        """States from which completion cannot be reached though something always moves."""
        before: dict[Marking, list[Marking]] = {}
        for marking, following in self.next.items():
            for after in following:
                before.setdefault(after, []).append(marking)
        fine = {frozenset[str](), *stuck}  # what leads to a deadlock is told there
        found = deque(fine)
        while found:
            for marking in before.get(found.popleft(), []):
                if marking not in fine:
                    fine.add(marking)
                    found.append(marking)
        lost = next((m for m in self.next if m not in fine), None)
        if lost is not None:
            element = next((mark[1:] for mark in sorted(lost) if mark[0] == "@"), "")
            name = self.graph.nodes[element].title if element else "循环"
            yield Finding(element, f"走进“{name}”所在的循环后就出不来了，办件永远不能办结。")


def _explore(graph: Graph, markings: int, seconds: float) -> Explored:
    explored, until = Explored(graph), time.monotonic() + seconds
    first = frozenset(f">{f.id}" for n in graph.of(Kind.START) for f in graph.out[n.id])
    explored.met.update(n.id for n in graph.of(Kind.START))
    waiting, seen = deque([first]), {first}
    while waiting:
        marking = waiting.popleft()
        following = list(dict.fromkeys(_moves(explored, marking)))
        explored.next[marking] = following
        fresh = [m for m in following if m not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
        if len(seen) > markings or time.monotonic() > until:
            explored.too_large = True
            break
    return explored


def _moves(explored: Explored, marking: Marking) -> Iterator[Marking]:
    """Every state one move away. A move that would put a second mark into one place is told and not followed.

    A mark on an arrow that can go on goes before anyone acts, as in the engine. Nothing but its own move takes such a mark, so the order of those moves changes no
    outcome (a persistent set, Godefroid 1996); without this, six tasks with a time limit each would have 17,000 states.
    """
    graph = explored.graph
    arrows = [graph.flows[mark[1:]] for mark in marking if mark[0] == ">"]
    moving = [flow for flow in arrows if not _waits(graph, marking, flow)]
    if moving:
        yield from _enter(explored, marking, min(moving, key=lambda flow: (_turn(graph.nodes[flow.target]), flow.id)))
        return
    for mark in marking:
        if mark[0] == "@":
            yield from _leave(explored, marking, graph.nodes[mark[1:]])
        elif mark[0] == "!":
            timer = graph.nodes[mark[1:]]
            yield from _move(explored, marking, {mark}, timer, graph.out[timer.id])


def _waits(graph: Graph, marking: Marking, flow: Flow) -> bool:
    """At a join whose other branches have not arrived."""
    return graph.nodes[flow.target].kind is Kind.PARALLEL and any(f">{f.id}" not in marking for f in graph.into[flow.target])


def _turn(node: Node) -> int:
    """Joins after what may still arrive at them twice; ends after what they would close over, and the one that ends everything last."""
    if node.kind is not Kind.END:
        return int(node.kind is Kind.PARALLEL)
    return 4 if node.terminate else 2 + (not node.name)


def _enter(explored: Explored, marking: Marking, flow: Flow) -> Iterator[Marking]:
    graph, node = explored.graph, explored.graph.nodes[flow.target]
    if node.kind is Kind.EXCLUSIVE:
        for out in graph.out[node.id]:
            yield from _move(explored, marking, {f">{flow.id}"}, node, [out])
    elif node.kind is Kind.PARALLEL:
        yield from _move(explored, marking, {f">{f.id}" for f in graph.into[node.id]}, node, graph.out[node.id])
    elif node.kind is Kind.END:
        yield from _end(explored, marking, flow, node)
    else:
        armed = [f"!{t.id}" for t in graph.timers_of[node.id] if not t.interrupting]
        yield from _put(explored, marking - {f">{flow.id}"}, node, [f"@{node.id}", *armed])


def _end(explored: Explored, marking: Marking, flow: Flow, node: Node) -> Iterator[Marking]:
    explored.met.add(node.id)
    rest = frozenset() if node.terminate else marking - {f">{flow.id}"}
    if node.name and rest:
        explored.early.update((node.id, _place(explored.graph, mark)) for mark in rest)
    if not node.name and not rest:
        explored.nameless.add(node.id)
    yield rest


def _leave(explored: Explored, marking: Marking, node: Node) -> Iterator[Marking]:
    graph = explored.graph
    gone = {f"@{node.id}", *(f"!{t.id}" for t in graph.timers_of[node.id])}
    yield from _move(explored, marking, gone, node, graph.out[node.id])
    for timer in graph.timers_of[node.id]:
        if timer.interrupting:
            yield from _move(explored, marking, gone, timer, graph.out[timer.id])


def _move(explored: Explored, marking: Marking, taken: Iterable[str], node: Node, flows: list[Flow]) -> Iterator[Marking]:
    yield from _put(explored, marking - set(taken), node, [f">{f.id}" for f in flows])


def _put(explored: Explored, marking: Marking, node: Node, marks: list[str]) -> Iterator[Marking]:
    explored.met.add(node.id)
    twice = marking & set(marks)
    for mark in twice:
        place = explored.graph.nodes[_place(explored.graph, mark, ahead=True)]
        what = "环节" if place.kind in TASKS else KIND_NAMES[place.kind]
        explored.doubled[place.id] = f"{what}“{place.title}”可能被同时走到两次：并行的分支没有先汇合。请在它前面加并行分支的汇合。"
    if not twice:
        yield marking | set(marks)


def _place(graph: Graph, mark: str, *, ahead: bool = False) -> str:
    """The element a mark belongs to: for an arrow, the task that it comes from (or leads to)."""
    if mark[0] != ">":
        return mark[1:]
    flow = graph.flows[mark[1:]]
    return flow.target if ahead else flow.source
