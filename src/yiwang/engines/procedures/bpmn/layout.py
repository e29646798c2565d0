"""Where the elements of a flow stand: layers from the start, each element beside what leads to it. Arrows that go back run below everything."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from yiwang.engines.procedures.bpmn.graph import TASKS, Graph, Kind

COLUMN, ROW, LEFT, TOP = 180, 120, 160, 100
TASK, GATEWAY, EVENT = (110, 80), (50, 50), (36, 36)
SIDE, LANE, LETTER = TASK[0] // 2 + 25, 40, 12  # from the middle of a column to the free way beside it, between two ways back, one Chinese character
SLACK = 8  # what bpmn-js wants beside the letters before it breaks a line where we do
LOW = {Kind.EXCLUSIVE, Kind.PARALLEL, Kind.BOUNDARY}
Point = tuple[int, int]


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


def routes(graph: Graph, placed: dict[str, Box]) -> dict[str, list[Point]]:
    """The corners of every arrow: right angles, around what stands between where there is a way, and what goes back below everything in a lane of its own."""
    drawn: dict[str, list[Point]] = {}
    lane = max(box.y + box.height for box in placed.values()) + LANE
    for flow in graph.flows.values():
        source, target = placed[flow.source], placed[flow.target]
        between = [box for box in placed.values() if box not in (source, target)]
        others = [drawn[f.id] for f in graph.flows.values() if f.id in drawn and f.source != flow.source and f.target != flow.target]
        ways = list(_ways(source, target, lane, low=graph.nodes[flow.source].kind in LOW))
        drawn[flow.id] = min(ways, key=lambda way: 10 * _over(way, between) + _along(way, others))
        lane += LANE * any(y == lane for _, y in drawn[flow.id])
    return drawn


def captions(graph: Graph, placed: Mapping[str, Box]) -> dict[str, Box]:
    """Where the names of events (below) and of gateways (above, their arrows leave below) stand."""
    found = {}
    for node in graph.nodes.values():
        if node.name and node.id in placed and node.kind not in TASKS:
            box = placed[node.id]
            across = min(len(node.name), 7)
            width, height = LETTER * across + SLACK, LETTER * 7 // 6 * -(-len(node.name) // across)
            found[node.id] = Box(box.middle[0] - width // 2, box.y - height - 2 if node.kind in {Kind.EXCLUSIVE, Kind.PARALLEL} else box.y + box.height + 4, width, height)
    return found


def labels(names: Mapping[str, str], drawn: Mapping[str, list[Point]], placed: Mapping[str, Box], named: Mapping[str, Box]) -> dict[str, Box]:
    """Where the words of arrows stand: on a level part of their own arrow, near its target, where nothing crosses them; broken into more lines where there is little room."""
    lines = [_thin(part) for way in drawn.values() for part in pairwise(way)]
    taken = [*placed.values(), *named.values()]
    found: dict[str, Box] = {}
    for code, words in names.items():
        choices = list(_places(drawn[code], words))
        free = (box for box in choices if not any(_meet(box, other) for other in (*lines, *taken, *found.values())))
        found[code] = next(free, None) or min(choices, key=lambda box: sum(_meet(box, other) for other in (*lines, *taken, *found.values())))
    return found


def _places(way: list[Point], words: str) -> Iterator[Box]:
    """Boxes for the words, the best first: on the last part of an arrow that goes on, beside the part before it from its end back, and so on; on the longest part of one that goes back."""
    parts = list(pairwise(way))
    forward = way[-1][0] > way[0][0]
    parts = parts[::-1] if forward else sorted(parts, key=lambda part: -abs(part[0][0] - part[1][0]))
    for (one, other), sizes in [*((part, _sizes(words, least=3)) for part in parts), *((part, _sizes(words, least=2)) for part in parts)]:
        for width, height in sizes:
            if one[1] == other[1]:
                yield from _on(min(one[0], other[0]), max(one[0], other[0]), one[1], width, height, middle=not forward)
            else:
                near, back = (other[1] - height - 4, -10) if other[1] > one[1] else (other[1] + 4, 10)
                steps = range(0, max(abs(other[1] - one[1]) - height, 1), 10)[:30]
                yield from (Box(x, near + back * step, width, height) for step, _ in enumerate(steps) for x in (other[0] - width - 4, other[0] + 4))
    (ax, ay), (bx, _) = max(parts, key=lambda part: abs(part[0][0] - part[1][0]))
    width = LETTER * len(words) + SLACK
    yield Box((ax + bx - width) // 2, ay - 18, width, 16)


def _sizes(words: str, *, least: int) -> Iterator[tuple[int, int]]:
    """Width and height in one line, then in two and three, none shorter than `least` characters."""
    for count in (1, 2, 3):
        across = -(-len(words) // count)
        if count == 1 or across >= least:
            yield LETTER * across + SLACK, count * LETTER * 7 // 6 + 2


def _on(left: int, right: int, y: int, width: int, height: int, *, middle: bool) -> Iterator[Box]:
    """Above and below a level part, at its middle or from its right end back."""
    room = right - left - 16 - width
    if room >= -8:
        steps = (*([room // 2] if middle else []), *range(0, max(room, 0) + 1, 10)[:30])
        yield from (Box(right - 12 - step - width, side, width, height) for step in steps for side in (y - height - 2, y + 3))


def _thin(part: tuple[Point, Point]) -> Box:
    (ax, ay), (bx, by) = part
    return Box(min(ax, bx), min(ay, by), abs(ax - bx) or 1, abs(ay - by) or 1)


def _meet(one: Box, other: Box) -> bool:
    return one.x < other.x + other.width and other.x < one.x + one.width and one.y < other.y + other.height and other.y < one.y + one.height


def _ways(source: Box, target: Box, lane: int, *, low: bool) -> Iterator[list[Point]]:
    """Ways from one shape to the other, the plainest first. `low`: it rather leaves below than at its side."""
    (sx, sy), (tx, ty) = source.middle, target.middle
    right, below = source.x + source.width, source.y + source.height
    if target.x > right:
        if sy == ty:
            yield [(right, sy), (target.x, ty)]
        elif low:
            yield [(sx, below if ty > sy else source.y), (sx, ty), (target.x, ty)]
        for bend in (tx - SIDE, sx + SIDE):
            yield [(right, sy), (bend, sy), (bend, ty), (target.x, ty)]
    for leave in ([(sx, below), (sx, lane)], [(right, sy), (sx + SIDE, sy), (sx + SIDE, lane)]):
        for arrive in ([(tx, lane), (tx, target.y + target.height)], [(tx - SIDE, lane), (tx - SIDE, ty), (target.x, ty)]):
            yield [*leave, *arrive]


def _over(way: list[Point], boxes: list[Box]) -> int:
    """How many shapes it would cross."""
    return sum(
        min(ax, bx) < box.x + box.width and max(ax, bx) > box.x and min(ay, by) < box.y + box.height and max(ay, by) > box.y
        for (ax, ay), (bx, by) in pairwise(way)
        for box in boxes
    )


def _along(way: list[Point], others: list[list[Point]]) -> int:
    """How many parts would lie on an arrow that has nothing to do with it."""
    parts = [part for other in others for part in pairwise(other)]
    return sum(_overlie(one, part) for one in pairwise(way) for part in parts)


def _overlie(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    for level, along in ((1, 0), (0, 1)):
        if one[0][level] == one[1][level] == other[0][level] == other[1][level]:
            (a, b), (c, d) = sorted(p[along] for p in one), sorted(p[along] for p in other)
            return max(a, c) < min(b, d)
    return False


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
