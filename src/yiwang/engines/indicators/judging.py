"""What a figure means: against its target, against what is usual, and what is likely next. Plain arithmetic that fits into a sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Literal

import yaml
from django.db import transaction

from yiwang.engines.indicators.models import Target
from yiwang.engines.indicators.periods import WEEKDAYS, Period
from yiwang.engines.indicators.reading import Figure, figures
from yiwang.engines.registers import api as registers
from yiwang.kit.actors import Actor
from yiwang.kit.registry import registry

DATA = Path(__file__).parent / "data" / "targets.yaml"
TRENDS = {"day": 57, "month": 13, "year": 5}  #: periods kept for a trend: eight weeks and today, a year and this month
ENOUGH, WEEKS = 4, 8  #: days of the same kind without which nothing is usual, and how many are looked at
FAR = 3.0  #: robust standard deviations (median and MAD); fewer than 3 in 1,000 days of a steady series lie farther
SPREAD = 1.4826  #: MAD of a normal distribution → its standard deviation

Lamp = Literal["green", "yellow", "red", "paused"]


@dataclass(frozen=True)
class Reading:
    """A figure with all that a board says of it."""

    figure: Figure
    previous: Figure | None
    trend: list[Figure]  #: oldest first, this one last
    target: Target | None
    lamp: Lamp
    state: str  #: the lamp in words
    warnings: list[str]  #: plain sentences


@dataclass(frozen=True)
class Forecast:
    """The coming days, and by how much the same rule was wrong lately."""

    days: list[tuple[date, float]]
    error: float  #: mean absolute error of the last four weeks, in the indicator's unit


def board(actor: Actor, division: str, period: Period) -> list[Reading]:
    """Every indicator of the division in the period, in declared order. Two queries and the calendar's. Raises NotAllowed."""
    found = figures(actor, division, period.back(TRENDS[period.span]))
    targets = targets_for(division, period.last)
    return [_reading(trend, targets.get(code)) for code, trend in found.items() if trend and trend[-1].period == period]


def targets_for(division: str, on: date) -> dict[str, Target]:
    """The target of each indicator on a day: the nearest division's above or itself, the newest of several."""
    rows = Target.objects.filter(division__in=[division[:n] for n in range(2, len(division) + 1)], valid_from__lte=on)
    live = [row for row in rows if row.valid_to is None or row.valid_to >= on]
    return {row.indicator: row for row in sorted(live, key=lambda r: (len(r.division), r.valid_from))}


def warn(trend: Sequence[Figure], target: Target | None) -> list[str]:
    """What is worth a leader's attention in the last figure of a trend, in sentences; nothing while all is well."""
    return [words for words in (_missed(trend[-1], target), _unusual(trend)) if words]


def forecast(trend: Sequence[Figure], days: int = 7) -> Forecast | None:
    """Each coming day as the median of the same weekday in the four weeks before (seasonal naive). None with less than eight whole weeks, or for stocks.

    The error is measured: the same rule applied to each of the last 28 days, as if they had not come yet.
    """
    values = {f.period.first: float(f.value) for f in trend if f.value is not None and f.period.span == "day" and not f.period.is_open}
    if len(values) < WEEKS * 7 or trend[-1].indicator.kind not in {"count", "sum"}:
        return None
    last = max(values)
    past = [(values[day], _expected(values, day)) for day in (last - timedelta(days=n) for n in range(28))]
    missed = [abs(real - said) for real, said in past if said is not None]
    coming = [(last + timedelta(days=n), _expected(values, last + timedelta(days=n))) for n in range(1, days + 1)]
    return Forecast([(day, value) for day, value in coming if value is not None], sum(missed) / len(missed)) if missed else None


@transaction.atomic
def load_targets(path: Path = DATA) -> int:
    """Enters the targets of a YAML file that are not there yet; returns how many there are. Raises KeyError for an indicator that is not declared."""
    for row in yaml.safe_load(path.read_text(encoding="utf-8")):
        if row["indicator"] not in registry().indicators:
            raise KeyError(f"{path.name}: {row['indicator']}")
        values = {name: row[name] for name in ("value", "source", "mark")} | {"valid_to": row.get("to")}
        Target.objects.get_or_create(indicator=row["indicator"], division=row["division"], valid_from=row["from"], defaults=values)
    return Target.objects.count()


def _reading(trend: list[Figure], target: Target | None) -> Reading:
    figure, warnings = trend[-1], warn(trend, target)
    previous = trend[-2] if len(trend) > 1 and trend[-2].period == figure.period.previous else None
    lamp, state = _lamp(figure, target, warnings)
    return Reading(figure, previous, trend, target, lamp, state, warnings)


def _lamp(figure: Figure, target: Target | None, warnings: Sequence[str]) -> tuple[Lamp, str]:
    if figure.value is None:
        return "paused", "没有数据"
    if _missed(figure, target):
        return "red", "未达目标"
    if warnings:
        return "yellow", "偏离往常"
    return ("green", "达到目标") if target else ("paused", "没有设定目标") if figure.indicator.better != "neither" else ("green", "正常")


def _missed(figure: Figure, target: Target | None) -> str:
    value, kind = figure.value, figure.indicator
    if target is None or value is None or kind.better == "neither":
        return ""
    short = target.value - value if kind.better == "more" else value - target.value
    if short <= 0:
        return ""
    gap = f"{short:.1f} 个百分点" if kind.unit == "%" else f"{short:,.1f}".removesuffix(".0") + f" {kind.unit}"
    return f"{kind.name} {figure.words}{_unit(kind.unit)}，{'低于' if kind.better == 'more' else '超过'}目标 {target.plain}{_unit(kind.unit)}，相差 {gap}。"


def _unusual(trend: Sequence[Figure]) -> str:
    """A whole day against the days of its kind (same weekday, and worked or not) in the eight weeks before, by median and MAD: one odd day moves neither."""
    figure = trend[-1]
    if figure.period.span != "day" or figure.period.is_open or figure.value is None or figure.indicator.kind not in {"count", "sum"}:
        return ""
    like = [float(f.value) for f in trend[:-1] if f.value is not None and _same_kind(f.period.first, figure.period.first)][-WEEKS:]
    if len(like) < ENOUGH:
        return ""
    middle = median(like)
    spread = max(SPREAD * median(abs(v - middle) for v in like), middle * 0.1, 1.0)  # a series that never moves must not cry at the first move
    off = (float(figure.value) - middle) / spread
    if abs(off) <= FAR:
        return ""
    unit, low, high = figure.indicator.unit, max(middle - FAR * spread, 0), middle + FAR * spread
    return (
        f"{figure.period.label}{figure.indicator.name} {figure.words} {unit}，明显{'高于' if off > 0 else '低于'}往常："
        f"前 {len(like)} 个同样的星期{WEEKDAYS[figure.period.first.weekday()]}一般在 {low:,.0f} 到 {high:,.0f} {unit}之间。"
    )


def _same_kind(one: date, other: date) -> bool:
    calendar = registers.working_calendar()
    return one.weekday() == other.weekday() and calendar.is_working(one) == calendar.is_working(other)


def _expected(values: Mapping[date, float], day: date) -> float | None:
    like = [values[d] for d in (day - timedelta(weeks=n) for n in range(1, 5)) if d in values]
    return median(like) if len(like) == 4 else None


def _unit(unit: str) -> str:
    return unit if unit == "%" else f" {unit}"
