"""A trace and its candidates as a drawing on the kilometre axis. Layout only."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from yiwang.systems.governance.river_chief.models import Candidate, OutfallSearch
from yiwang.systems.governance.river_chief.picture import round_ticks

COLOURS = {"waiting": "#b58900", "yes": "#b3261e", "no": "#5b6778"}
LEFT, TOP, BOTTOM, RIGHT = 52, 14, 26, 14


@dataclass(frozen=True)
class Chart:
    """Lines of points per trace, values and kilometres beside the axes, a mark for each candidate."""

    width: int
    height: int
    lines: list[str]
    values: list[tuple[float, str]]  #: y, words
    kilometres: list[tuple[float, str]]  #: x, words
    marks: list[tuple[float, str, str]]  #: x, colour, words
    bottom: int


def both(search: OutfallSearch, traces: Sequence[Sequence[tuple[float, float, str]]], candidates: Sequence[Candidate]) -> list[tuple[str, Chart]]:
    """For a desk and for a phone; none without a point."""
    if not any(traces):
        return []
    return [("d-none d-md-block", draw(search, traces, candidates, 1000, 260)), ("d-md-none", draw(search, traces, candidates, 296, 220))]


def draw(search: OutfallSearch, traces: Sequence[Sequence[tuple[float, float, str]]], candidates: Sequence[Candidate], width: int, height: int) -> Chart:
    start, span = float(search.from_km), float(search.to_km - search.from_km)
    values = [value for points in traces for _, value, _ in points]
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or 1.0
    low, high = low - room, high + room

    def x(km: float) -> float:
        return round(LEFT + (width - LEFT - RIGHT) * (km - start) / span, 1)

    def y(value: float) -> float:
        return round(TOP + (height - TOP - BOTTOM) * (high - value) / (high - low), 1)

    return Chart(
        width, height, [" ".join(f"{x(km)},{y(value)}" for km, value in thin(points, width)) for points in traces if points],
        [(y(value), f"{value:,.4g}") for value in (low + room, (low + high) / 2, high - room)],
        [(x(float(km)), f"{km.normalize():f}") for km in round_ticks(search.from_km, search.to_km, 4 if width < 500 else 9)],
        [(x(float(c.km)), COLOURS[c.stage], f"{c.km.normalize():f} 公里：{c.get_stage_display()}") for c in candidates], height - BOTTOM,
    )  # fmt: skip


def thin(points: Sequence[tuple[float, float, str]], most: int) -> list[tuple[float, float]]:
    """At most two points for each pixel: the lowest and the highest of its share, so that no peak is lost."""
    if len(points) <= 2 * most:
        return [(km, value) for km, value, _ in points]
    edges = [round(n * len(points) / most) for n in range(most + 1)]
    kept: list[tuple[float, float]] = []
    for begin, end in pairwise(edges):
        part = points[begin:end]
        values = [value for _, value, _ in part]
        kept += [(part[n][0], part[n][1]) for n in sorted({values.index(min(values)), values.index(max(values))})]
    return kept
