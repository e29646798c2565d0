"""Pictures drawn on the server as plain SVG: a trend line, bars by division, a map of counties. Every one repeats what stands beside it in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import cos, radians
from typing import Any

from yiwang.engines.indicators.api import Figure
from yiwang.engines.places import api as places

WIDTH = 420  #: of the map's box
STEPS = 4  #: shades beside the one for nothing


@dataclass(frozen=True)
class Bar:
    """A division with its figure: how long its bar is, how dark its area."""

    name: str
    link: str
    words: str
    percent: int
    shade: int  #: 0 nothing, 1 to 4


@dataclass(frozen=True)
class Shape:
    bar: Bar
    path: str
    x: float
    y: float


@dataclass(frozen=True)
class Map:
    name: str
    box: str
    shapes: list[Shape]
    legend: list[tuple[int, str]]


def spark(values: Sequence[Decimal | None]) -> str:
    """The points of a polyline in a box of 100 by 30; empty with fewer than two values."""
    known = [(place, float(value)) for place, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(v for _, v in known), max(v for _, v in known)
    step, height = 100 / max(len(values) - 1, 1), (high - low) or 1.0
    return " ".join(f"{place * step:.1f},{28 - 26 * (value - low) / height:.1f}" for place, value in known)


def bars(rows: Sequence[tuple[str, str, Figure]]) -> list[Bar]:
    """One bar for each division, in the order given; the longest is the greatest value."""
    top = max((f.value for _, _, f in rows if f.value is not None), default=Decimal(0))
    return [Bar(name, link, f"{f.words} {f.indicator.unit}" if f.value is not None else "无", *_size(f.value, top)) for name, link, f in rows]


def county_map(name: str, rows: Sequence[tuple[str, Bar]]) -> Map | None:
    """The counties among `rows` (prefix, bar), coloured by value; None when fewer than two have a boundary."""
    known = {division: bar for division, bar in rows if len(division) == 6}
    features = [f for f in places.collection("counties")["features"] if f["properties"]["code"] in known] if len(known) > 1 else []
    if len(features) < 2:
        return None
    points = [point for f in features for ring in _rings(f["geometry"]) for point in ring]
    west, east = min(p[0] for p in points), max(p[0] for p in points)
    south, north = min(p[1] for p in points), max(p[1] for p in points)
    squeeze = cos(radians((south + north) / 2))
    scale = WIDTH / ((east - west) * squeeze)
    shapes = [_shape(f, known[f["properties"]["code"]], (west, north, scale * squeeze, scale)) for f in features]
    return Map(name, f"0 0 {WIDTH} {(north - south) * scale:.0f}", shapes, _legend(known.values()))


def _size(value: Decimal | None, top: Decimal) -> tuple[int, int]:
    if not value or not top:
        return 0, 0
    part = float(value / top)
    return max(round(part * 100), 1), max(1, min(STEPS, round(part * STEPS + 0.499)))


def _legend(bars: Any) -> list[tuple[int, str]]:
    """What each shade stands for, by the divisions that have it."""
    made = []
    for shade in range(STEPS + 1):
        words = [bar.words for bar in sorted((b for b in bars if b.shade == shade), key=lambda b: b.percent)]
        if words:
            made.append((shade, words[0] if words[0] == words[-1] else f"{words[0]}至 {words[-1]}"))
    return made


def _shape(feature: dict[str, Any], bar: Bar, frame: tuple[float, float, float, float]) -> Shape:
    west, north, across, down = frame
    drawn = [[(round((x - west) * across), round((north - y) * down)) for x, y, *_ in ring] for ring in _rings(feature["geometry"])]
    outlines = [list(dict.fromkeys(ring)) for ring in drawn]  # to a unit of the box: what nobody sees is left out
    largest = max(outlines, key=len)
    path = "".join("M" + "L".join(f"{x} {y}" for x, y in ring) + "Z" for ring in outlines if len(ring) > 2)
    xs, ys = [x for x, _ in largest], [y for _, y in largest]
    return Shape(bar, path, (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)


def _rings(geometry: dict[str, Any]) -> Iterator[list[list[float]]]:
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    for polygon in polygons:
        yield from polygon
