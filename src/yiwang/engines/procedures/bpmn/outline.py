"""A flow as a list: every element at which something is done, by whom, and where it goes from there. For those who see no drawing, or only a small part of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from yiwang.engines.procedures.bpmn import timing
from yiwang.engines.procedures.bpmn.drawn import COMMON
from yiwang.engines.procedures.bpmn.graph import KIND_NAMES, Flow, Graph, Kind, Node
from yiwang.kit.declare import Procedure

STOPS = (Kind.USER, Kind.SERVICE, Kind.DECISION, Kind.TIMER)
CHOICES = 2  # branchings within branchings; at the next one people look at the drawing: each would double what is told
GATEWAYS = 12  # passed in a row
WAYS = 12  # out of one gateway


@dataclass(frozen=True)
class Stop:
    """One element of the list."""

    id: str
    name: str
    kind: str  #: in people's words; "" for what people do
    by: str  #: who does it; "" where nobody does
    steps: tuple[str, ...]  #: what can be done
    ways: tuple[tuple[str, str], ...]  #: (when, where it goes); "" for always


def outline(graph: Graph, base: Procedure, roles: Mapping[str, str]) -> list[Stop]:
    """The stops in the order in which a case comes to them, those that it never comes to last."""
    order = dict.fromkeys([*graph.reached(), *graph.nodes])
    names = {s.code: s.name for s in (*base.steps, *COMMON.values())}
    found = (graph.nodes[n] for n in order if graph.nodes[n].kind in STOPS)
    return [Stop(n.id, n.title, "" if n.kind is Kind.USER else KIND_NAMES[n.kind], roles.get(n.role, n.role), tuple(names.get(s, s) for s in n.steps), tuple(_ways(graph, n))) for n in found]


def _ways(graph: Graph, node: Node) -> Iterator[tuple[str, str]]:
    waited = f"等满 {timing.words(node.timer, node.unit)}" if node.kind is Kind.TIMER else ""
    yield from ((_joined(waited, when), where) for when, where in _after(graph, node, ()))
    for timer in graph.timers_of[node.id]:
        late = f"超过 {timing.words(timer.timer, timer.unit)}" + ("" if timer.interrupting else "（本环节照常）")
        yield from ((_joined(late, when), where) for when, where in _after(graph, timer, ()))


def _joined(first: str, second: str) -> str:
    return "，".join(part for part in (first, second) if part)


def _after(graph: Graph, node: Node, passed: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Where the arrows lead, through the gateways that a case only passes."""
    flows = graph.out[node.id]
    if len(flows) == 1 and graph.nodes[flows[0].target].kind is Kind.EXCLUSIVE and not _enough(graph, flows[0].target, passed):
        yield from _after(graph, graph.nodes[flows[0].target], (*passed, flows[0].target))
        return
    ways = [(_when(graph, node, flow), _where(graph, graph.nodes[flow.target], passed)) for flow in flows[:WAYS]]
    if len(flows) > WAYS:
        ways.append(("", f"另有 {len(flows) - WAYS} 个去向（见图）"))
    if node.kind is Kind.PARALLEL and len(ways) > 1:
        yield "", "同时：" + "、".join(where for _, where in ways)
    else:
        yield from ways


def _enough(graph: Graph, node: str, passed: tuple[str, ...]) -> bool:
    """Whether the list leaves the gateway to the drawing: it was passed already, or too much has been."""
    branched = sum(len(graph.out[code]) > 1 for code in passed)
    return node in passed or len(passed) >= GATEWAYS or (branched >= CHOICES and len(graph.out[node]) > 1)


def _when(graph: Graph, node: Node, flow: Flow) -> str:
    if node.kind is not Kind.EXCLUSIVE or len(graph.out[node.id]) < 2:
        return ""
    return flow.name or ("其余情况" if node.default == flow.id else flow.condition)


def _where(graph: Graph, node: Node, passed: tuple[str, ...]) -> str:
    if node.kind not in {Kind.EXCLUSIVE, Kind.PARALLEL}:
        return node.title
    if _enough(graph, node.id, passed):
        return f"{node.title}（见图）"
    if node.kind is Kind.PARALLEL and len(graph.into[node.id]) > 1:
        return f"等齐（{node.title}）后" + "；".join(where for _, where in _after(graph, node, (*passed, node.id)))
    return "；".join(f"{when}：{where}" if when else where for when, where in _after(graph, node, (*passed, node.id)))
