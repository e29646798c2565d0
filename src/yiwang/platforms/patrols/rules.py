"""Whether a track is a round: near enough to the course, slow enough, long enough, without jumps. Pure functions in metres and seconds.

Lengths come from the ellipsoid (GRS 80, which CGCS2000 uses); coverage is measured in a plane laid at the middle of the course, true to
some centimetres over the tens of kilometres that a person walks.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from shapely import LineString, Point, intersection, transform, union_all
from shapely.geometry.base import BaseGeometry

DAY = timedelta(days=1)
PERIODS = ("year", "quarter", "month", "ten-days", "week")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The thresholds in force: dated policy values of the place."""

    near: float  #: metres from the course
    share: float  #: of the course, 0 to 1
    minutes_per_5km: float
    fast_kmh: float
    fast_seconds: float  #: how long the speed must last to count
    jump_kmh: float
    gap: float  #: metres between two fixes beyond which no line is drawn between them
    accuracy: float  #: metres; worse fixes are left out
    longest_hours: float  #: from the first fix to the last: beyond it two walks were sent as one


@dataclass(frozen=True)
class Fix:
    """One position of a phone: degrees in CGCS2000, seconds since the round began, metres of likely error; the segment grows after each pause."""

    longitude: float
    latitude: float
    at: float
    accuracy: float = 0.0
    segment: int = 0


@dataclass(frozen=True)
class Verdict:
    """What a track shows. `reasons` is empty for a valid round and else says why not, in people's words."""

    metres: float
    minutes: float
    coverage: float  #: 0 to 1
    reasons: tuple[str, ...]

    @property
    def valid(self) -> bool:
        return not self.reasons


def judge(fixes: Sequence[Fix], course: BaseGeometry, limits: Limits) -> Verdict:
    """Judges a track against a course (shapely, degrees). The fixes are in order of time."""
    usable = [f for f in fixes if f.accuracy <= limits.accuracy]
    if len(usable) < 2:
        return Verdict(0.0, 0.0, 0.0, ("有效定位不足两个，请在开阔处重新巡查",))
    legs = list(_legs(usable))
    metres, minutes = sum(m for m, _ in legs), sum(s for _, s in legs) / 60
    covered = coverage(usable, course, limits)
    return Verdict(round(metres, 1), round(minutes, 2), round(covered, 4), tuple(_wrong(usable, legs, minutes, covered, course, limits)))


def _wrong(fixes: Sequence[Fix], legs: Sequence[tuple[float, float]], minutes: float, covered: float, course: BaseGeometry, limits: Limits) -> Iterator[str]:
    if any(after.at < before.at for before, after in itertools.pairwise(fixes)):
        yield "轨迹的时间前后颠倒"
    hours = (fixes[-1].at - fixes[0].at) / 3600
    if hours > limits.longest_hours:
        yield f"从开始到结束 {hours:.0f} 小时，超过 {limits.longest_hours:g} 小时，像是几次巡查连在了一起"
    if any(kmh(m, s) > limits.jump_kmh and m > limits.gap for m, s in legs):
        yield f"轨迹有跳跃：两点之间超过每小时 {limits.jump_kmh:g} 公里"
    fastest = sustained(legs, limits.fast_seconds)
    if fastest > limits.fast_kmh:
        yield f"持续 {limits.fast_seconds:g} 秒以上的速度达到每小时 {fastest:.0f} 公里，超过 {limits.fast_kmh:g} 公里，像是乘车经过"
    if covered < limits.share:
        yield f"只走到河段的 {covered:.0%}，应当不少于 {limits.share:.0%}（线路两侧 {limits.near:g} 米以内）"
    wanted = limits.minutes_per_5km * length(course) * covered / 5000
    if minutes < wanted:
        yield f"用时 {minutes:.0f} 分钟，走过的河段至少需要 {wanted:.0f} 分钟"


def coverage(fixes: Sequence[Fix], course: BaseGeometry, limits: Limits) -> float:
    """The share of the course, by length, that lies within `near` metres of what was walked. Across a gap nothing was walked."""
    flat = _plane(course)
    whole = transform(course, flat, interleaved=False)
    if not whole.length:
        return 0.0
    pieces = [transform(piece, flat, interleaved=False) for piece in _pieces(fixes, limits.gap)]
    near = union_all([piece.buffer(limits.near, quad_segs=16) for piece in pieces])
    return float(min(1.0, intersection(whole, near).length / whole.length))


def between(one: Fix, other: Fix) -> float:
    """Metres on the ellipsoid."""
    return float(_geod().inv(one.longitude, one.latitude, other.longitude, other.latitude)[2])


def distance(longitude: float, latitude: float, line: BaseGeometry) -> tuple[float, float]:
    """Metres from a point to a line, and how far along it (0 to 1) the nearest spot lies."""
    flat = _plane(line)
    whole, point = transform(line, flat, interleaved=False), transform(Point(longitude, latitude), flat, interleaved=False)
    return float(whole.distance(point)), float(whole.project(point, normalized=True)) if whole.geom_type == "LineString" else 0.0


def length(course: BaseGeometry) -> float:
    """Metres on the ellipsoid."""
    return float(_geod().geometry_length(course))


def sustained(legs: Sequence[tuple[float, float]], seconds: float) -> float:
    """The highest mean speed in km/h over any stretch of legs that lasts at least `seconds`; nought where none lasts so long.

    Dinkelbach's way to the greatest ratio: of all stretches the one that is furthest ahead of the best speed so far is the next best, until none is ahead.
    """
    ends = list(itertools.accumulate(legs, lambda end, leg: (end[0] + leg[0], end[1] + leg[1]), initial=(0.0, 0.0)))
    best = 0.0
    while (found := _ahead(ends, seconds, best)) > best:
        best = found
    return best * 3.6


def _ahead(ends: Sequence[tuple[float, float]], seconds: float, speed: float) -> float:
    """The speed in m/s of the stretch that gains most metres on `speed`; each stretch lies between two of `ends` (metres, seconds) at least `seconds` apart."""
    start, low, most, found = 0, ends[0], 0.0, 0.0
    for end in ends:
        while ends[start][1] <= end[1] - seconds and start < len(ends) - 1:
            low = min(low, ends[start], key=lambda at: at[0] - speed * at[1])
            start += 1
        metres, lasted = end[0] - low[0], end[1] - low[1]
        if lasted >= seconds > 0 and metres - speed * lasted > most:
            most, found = metres - speed * lasted, metres / lasted
    return found


def kmh(metres: float, seconds: float) -> float:
    """Speed; moving in no time is infinitely fast."""
    if seconds <= 0:
        return float("inf") if metres > 0 else 0.0
    return metres / seconds * 3.6


def window(period: str, day: date) -> tuple[date, date]:
    """First and last day of the period that `day` lies in: 年, 季, 月, 旬 (to the 10th, the 20th, the end), 周 (from Monday). Raises ValueError."""
    if period == "week":
        first = day - DAY * day.weekday()
        return first, first + 6 * DAY
    if period == "ten-days":
        part = min((day.day - 1) // 10, 2)
        return day.replace(day=part * 10 + 1), day.replace(day=part * 10 + 10) if part < 2 else _month_end(day)
    if period == "month":
        return day.replace(day=1), _month_end(day)
    if period == "quarter":
        first = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        return first, _month_end(first.replace(month=first.month + 2))
    if period == "year":
        return day.replace(month=1, day=1), day.replace(month=12, day=31)
    raise ValueError(period)


def _month_end(day: date) -> date:
    return (day.replace(day=28) + 4 * DAY).replace(day=1) - DAY


def _legs(fixes: Sequence[Fix]) -> Iterator[tuple[float, float]]:
    """Metres and seconds from each fix to the next; in a pause nothing is walked and no time is spent walking."""
    for before, after in itertools.pairwise(fixes):
        if before.segment == after.segment:
            yield between(before, after), after.at - before.at


def _pieces(fixes: Sequence[Fix], gap: float) -> Iterator[BaseGeometry]:
    """The walked lines between gaps; a fix alone is a point."""
    run = [fixes[0]]
    for before, fix in itertools.pairwise(fixes):
        if fix.segment != before.segment or between(before, fix) > gap:
            yield _line(run)
            run = []
        run.append(fix)
    yield _line(run)


def _line(run: Sequence[Fix]) -> BaseGeometry:
    points = [(f.longitude, f.latitude) for f in run]
    return LineString(points) if len(points) > 1 else Point(points[0])


@cache
def _geod() -> Any:
    from pyproj import Geod  # with its tables 10 MB, which only a process that judges a track needs

    return Geod(ellps="GRS80")


def _plane(course: BaseGeometry) -> Callable[..., Any]:
    from pyproj import Transformer

    middle = course.centroid
    wanted = f"+proj=aeqd +lat_0={middle.y} +lon_0={middle.x} +ellps=GRS80 +units=m"
    return Transformer.from_crs("EPSG:4490", wanted, always_xy=True).transform

