"""The rules of rivers as pure functions: class of a water sample, trend, capacity, recurrence, score. Limits and weights are data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import combinations, pairwise
from math import erf, exp, sqrt
from pathlib import Path
from statistics import median
from typing import Any

import yaml

WORSE = 6  #: 劣Ⅴ类
TABLE = Path(__file__).parent / "data" / "gb3838.yaml"


@dataclass(frozen=True)
class WaterClass:
    """1 to 5, or 6 for worse than Ⅴ, and the items that decide it (none where all are best)."""

    grade: int
    by: tuple[str, ...]


@dataclass(frozen=True)
class Trend:
    """Mann-Kendall: S, two-sided p by the normal approximation with ties; Sen's slope per step."""

    s: int
    p: float
    slope: float

    @property
    def words(self) -> str:
        if self.p >= 0.05:
            return "没有明显变化"
        return "变差" if self.s > 0 else "好转"


@cache
def table() -> dict[str, Any]:
    """GB 3838-2002 table 1."""
    return dict(yaml.safe_load(TABLE.read_text(encoding="utf-8")))


def water_class(sample: Mapping[str, float | None], *, lake: bool = False) -> WaterClass | None:
    """The worst single item decides (单因子评价法). None for a sample without any item. Items not measured are left out."""
    grades = {item: grade_of(item, value, lake=lake) for item, value in sample.items() if value is not None}
    if not grades:
        return None
    worst = max(grades.values())
    return WaterClass(worst, tuple(item for item, grade in grades.items() if grade == worst) if worst > 1 else ())


def grade_of(item: str, value: float, *, lake: bool = False) -> int:
    """The class of one item. Raises KeyError for an item that the table does not hold."""
    limits = table()
    if item in limits["between"]:
        low, high = limits["between"][item]
        return 1 if low <= value <= high else WORSE
    if item in limits["at_least"]:
        return next((grade for grade, limit in enumerate(limits["at_least"][item], 1) if value >= limit), WORSE)
    row = limits["lake"].get(item) if lake else None
    return next((grade for grade, limit in enumerate(row or limits["at_most"][item], 1) if value <= limit), WORSE)


def trend(values: Sequence[float], at: Sequence[float] | None = None) -> Trend:
    """Of values in the order of time; `at` are their moments (months) where they are not equally spaced. The slope is per unit of `at`. Raises ValueError for fewer than three."""
    n = len(values)
    if n < 3:
        raise ValueError("a trend needs three values")
    s = sum((b > a) - (b < a) for a, b in combinations(values, 2))
    ties = [values.count(v) for v in set(values)]
    variance = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    z = (s - (s > 0) + (s < 0)) / sqrt(variance) if variance else 0.0
    moments = range(n) if at is None else at
    slope = median((values[j] - values[i]) / (moments[j] - moments[i]) for i, j in combinations(range(n), 2))
    return Trend(s, 1 - erf(abs(z) / sqrt(2)), slope)


def capacity(*, target: float, background: float, flow: float, inflow: float = 0.0, decay: float = 0.0, km: float = 0.0, speed: float = 1.0) -> float:
    """One-dimensional capacity of a reach in t/a: 31.536 [Cs (Q + q) - C0 Q exp(-K L / (86.4 u))]; mg/L, m³/s, 1/d, km, m/s."""
    return 31.536 * (target * (flow + inflow) - background * flow * exp(-decay * km / (86.4 * speed)))


def limit(item: str, grade: int, *, lake: bool = False) -> float:
    """The largest concentration of an item in that class, mg/L. Raises KeyError for an item that has no such limit."""
    row = table()["lake"].get(item) if lake else None
    return float((row or table()["at_most"][item])[grade - 1])


def load(concentration: float, flow: float) -> float:
    """W = C Q in t/a; mg/L and m³/s."""
    return 31.536 * concentration * flow


@dataclass(frozen=True)
class Share:
    """What one source brings and has to cut, in t/a; `part` is its share of the whole load (0 to 1)."""

    name: str
    load: float
    part: float
    cut: float


@dataclass(frozen=True)
class Reduction:
    """Of one item in a reach, in t/a: what comes in, what the reach can take, what must go, and whose."""

    load: float
    capacity: float
    need: float
    shares: tuple[Share, ...]


def reduction(sources: Mapping[str, float], capacity: float) -> Reduction:
    """need = max(0, W - W_cap), shared by contribution. A reach that is over its limit before anything comes in can ask for no more than everything."""
    whole = sum(sources.values())
    need = max(0.0, whole - max(0.0, capacity))
    parts = {name: brought / whole if whole else 0.0 for name, brought in sources.items()}
    return Reduction(whole, capacity, need, tuple(Share(name, sources[name], part, need * part) for name, part in sorted(parts.items(), key=lambda p: -p[1])))


@dataclass(frozen=True)
class Balance:
    """Of one item between two sections, in t/a: what should arrive at the lower one, what does, and the part of it that nothing registered explains."""

    expected: float
    found: float
    unexplained: float  #: share of what was found, 0 to 1; nought where less arrives than expected


def balance(upper: float, lower: float, *, lateral: float = 0.0, decay: float = 0.0, km: float = 0.0, speed: float = 1.0) -> Balance:
    """in + lateral - decay = out; loads in t/a, 1/d, km, m/s."""
    expected = upper * exp(-decay * km / (86.4 * speed)) + lateral
    return Balance(expected, lower, max(0.0, (lower - expected) / lower) if lower else 0.0)


def alarm(met: Sequence[bool], *, times: int, standing: bool) -> str:
    """"raise" after so many misses in a row, "clear" after as many in a row that met the target, else "". The newest comes first."""
    last = met[:times]
    if len(last) < times:
        return ""
    if standing:
        return "clear" if all(last) else ""
    return "" if any(last) else "raise"


REPAIRED = {"none": "还没有监测", "missed": "未达到目标", "reached": "达到目标", "lasting": "稳定达标"}


def repaired(checks: Sequence[tuple[date, bool]], *, lasting: int) -> str:
    """Whether a repair worked, a key of REPAIRED: it lasts when the goal is still reached so many days after it first was and never missed since."""
    if not checks:
        return "none"
    ordered = sorted(checks)
    if not ordered[-1][1]:
        return "missed"
    missed = max((day for day, ok in ordered if not ok), default=date.min)
    first = next(day for day, _ in ordered if day > missed)
    return "lasting" if ordered[-1][0] - first >= timedelta(days=lasting) else "reached"


@dataclass(frozen=True)
class Year:
    """A zone's year by frequency: months that met the target of those judged; `met` is None while too few are."""

    good: int
    of: int
    met: bool | None

    @property
    def share(self) -> float:
        return self.good / self.of


def year_of(months: Sequence[bool], *, least: int, share: float) -> Year:
    """达标率 by frequency (频次法): a year with at least so many months judged meets its target when the given share of them did. Raises ValueError for no month."""
    if not months:
        raise ValueError("a year needs a month")
    good = sum(months)
    return Year(good, len(months), good / len(months) >= share if len(months) >= least else None)


@dataclass(frozen=True)
class Break:
    """Where quality breaks: between two neighbouring sections the class falls by `steps`, or a target that was met above is missed below."""

    upper: int  #: places in the sequence
    lower: int
    steps: int
    lost: bool  #: met above, missed below


def breaks(grades: Sequence[tuple[int, bool]]) -> list[Break]:
    """Of (class, target met) from the source down."""
    pairs = enumerate(pairwise(grades))
    found = [Break(at, at + 1, below[0] - above[0], above[1] and not below[1]) for at, (above, below) in pairs]
    return [b for b in found if b.steps > 0 or b.lost]


def score(parts: Mapping[str, tuple[int, int]], weights: Mapping[str, float]) -> tuple[float | None, dict[str, float]]:
    """Points of 100 from counts (reached, of): a part that has nothing to count is left out and the others carry its weight. None without any part."""
    counted = {name: done / of for name, (done, of) in parts.items() if of and name in weights}
    total = sum(weights[name] for name in counted)
    if not total:
        return None, {}
    points = {name: 100 * weights[name] / total * share for name, share in counted.items()}
    return round(sum(points.values()), 2), {name: round(value, 2) for name, value in points.items()}
