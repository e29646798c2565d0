"""Where the elements of a flow stand: layers from the start, each element beside what leads to it. Arrows that go back run below everything."""

from dataclasses import dataclass

from yiwang.engines.procedures.bpmn.graph import TASKS, Flow, Graph, Kind

COLUMN, ROW, LEFT, TOP = 180, 120, 160, 100
TASK, GATEWAY, EVENT = (110, 80), (50, 50), (36, 36)


@dataclass(frozen=True)
class Box:
    """A shape's bounds in the units of BPMN DI (pixels)."""

    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> tuple[int, int]:
        return self.x + self.width // 2, self.y + self.height // 2


def place(graph: Graph) -> dict[str, Box]:
    """A box for every element, none over another but boundary timers on the edge of their task."""
    layers = _layers(graph)
    rows: dict[int, set[int]] = {}
    placed: dict[str, Box] = {}
    wanted: dict[str, int] = {}
    for node in sorted(layers, key=lambda n: layers[n]):
        row, taken = wanted.get(node, 0), rows.setdefault(layers[node], set())
        while row in taken:
            row += 1
        taken.add(row)
        placed[node] = _box(graph, node, layers[node], row)
        for i, following in enumerate(n for n in graph.after(node) if n in layers and layers[n] > layers[node]):
            wanted.setdefault(following, row + i)
    for timer in graph.of(Kind.BOUNDARY):
        host = placed[timer.host]
        beside = graph.timers_of[timer.host].index(timer)
        placed[timer.id] = Box(host.x + host.width - 30 - beside * 40, host.y + host.height - EVENT[1] // 2, *EVENT)
    return placed


def route(placed: dict[str, Box], flow: Flow) -> list[tuple[int, int]]:
    """Right angles: straight on, or a bend half way; back under the lowest row."""
    source, target = placed[flow.source], placed[flow.target]
    (sx, sy), (tx, ty) = source.middle, target.middle
    if target.x > source.x + source.width:
        start, end = (source.x + source.width, sy), (target.x, ty)
        bend = target.x - 30
        return [start, end] if sy == ty else [start, (bend, sy), (bend, ty), end]
    floor = max(box.y + box.height for box in placed.values()) + 30
    down = (sx, source.y + source.height)
    up = (tx, target.y + target.height)
    return [down, (sx, floor), (tx, floor), up]


def _layers(graph: Graph) -> dict[str, int]:
    """The longest way from the start that does not turn back; a boundary timer counts as its task."""
    order = [n for n in graph.reached() if graph.nodes[n].kind is not Kind.BOUNDARY] + [
        n.id for n in graph.nodes.values() if n.id not in set(graph.reached()) and n.kind is not Kind.BOUNDARY
    ]
    at = {node: i for i, node in enumerate(order)}
    layers = dict.fromkeys(order, 0)
    for node in order:
        ahead = [flow.target for source in (node, *(t.id for t in graph.timers_of[node])) for flow in graph.out[source]]
        for following in ahead:
            if at[following] > at[node]:
                layers[following] = max(layers[following], layers[node] + 1)
    return layers


def _box(graph: Graph, node: str, layer: int, row: int) -> Box:
    kind = graph.nodes[node].kind
    width, height = TASK if kind in TASKS else GATEWAY if kind in {Kind.EXCLUSIVE, Kind.PARALLEL} else EVENT
    return Box(LEFT + layer * COLUMN + (TASK[0] - width) // 2, TOP + row * ROW + (TASK[1] - height) // 2, width, height)
