"""Where along the kilometres quality breaks, and who owns that bank: what a stretch of river holds, gathered from the rows for one reader."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.systems.governance.river_chief import banks, rules
from yiwang.systems.governance.river_chief.chiefs import Chief, chief_of
from yiwang.systems.governance.river_chief.loads import CHOSEN
from yiwang.systems.governance.river_chief.models import (
    ITEMS,
    Bank,
    Candidate,
    LoadSource,
    Measured,
    Outfall,
    Reach,
    Reading,
    River,
    RiverProblem,
    Sample,
    Section,
    WaterZone,
)

FRESH = timedelta(days=7)  # a station silent for longer says nothing of the water now


@dataclass(frozen=True)
class Seen:
    """A section and what it measured."""

    section: Section
    row: Measured


@dataclass(frozen=True)
class Source:
    """An outfall with what it brings of the chosen item in its newest year, t/a; None where nobody registered it."""

    outfall: Outfall
    load: float | None


@dataclass(frozen=True)
class BreakPoint:
    """A stretch over which quality breaks, with everything on it that may be why and everybody who holds its banks."""

    upper: Seen
    lower: Seen
    found: rules.Break
    items: str
    sources: list[Source]
    problems: list[RiverProblem]
    holdings: list[tuple[str, list[banks.Holding]]]  #: side in words, who holds it

    @property
    def words(self) -> str:
        return f"变差 {self.found.steps} 级" if self.found.steps else "由达标变为不达标"


@dataclass(frozen=True)
class Profile:
    """One stretch of a river along its kilometres."""

    river: River
    start: Decimal
    end: Decimal
    measured: str  #: what the classes are of: the newest readings, or a month
    seen: list[Seen]
    breaks: list[BreakPoint]
    sources: list[Source]
    problems: list[RiverProblem]
    zones: list[WaterZone]
    holdings: list[banks.Holding]
    faults: list[banks.Fault]
    reaches: list[tuple[Reach, Chief | None]]
    candidates: list[Candidate]  #: of searches under way, waiting for somebody to look

    @property
    def expired(self) -> list[banks.Holding]:
        return banks.expired(self.holdings)


def profile_of(actor: Actor, river: River, start: Decimal | None = None, end: Decimal | None = None) -> Profile:
    """The whole river, or the kilometres between two; a dozen queries."""
    low, high = start if start is not None else Decimal(0), end if end is not None else river.length_km
    sections = list(river.sections.filter(standing=Section.Standing.LIVE).order_by("km"))
    measured, seen = _newest(sections)
    within = {"from_km__lt": high, "to_km__gt": low}
    rows = restrict(actor, Bank.objects.filter(river=river, standing=Bank.Standing.LIVE, **within)).select_related("river", "organ", "village", "holder").order_by("side", "from_km")
    held = banks.holdings(rows)
    sources = _sources(river, low, high)
    problems = list(
        restrict(actor, RiverProblem.objects.filter(river=river, km__range=(low, high), incident__closed_at=None)).exclude(incident__stage="void")
        .select_related("river", "incident__owner").order_by("km")[:200]
    )  # fmt: skip
    reaches = river.reaches.filter(standing=Reach.Standing.LIVE, **within).select_related("chief__organisation", "division").order_by("from_km")
    return Profile(
        river, low, high, measured, [s for s in seen if low <= s.section.km <= high], _breaks(seen, low, high, sources, problems, held), sources, problems,
        list(river.zones.filter(standing=WaterZone.Standing.LIVE, **within).order_by("level", "from_km")), held, banks.faults((h.bank for h in held), low, high),
        [(reach, chief_of(reach)) for reach in reaches],
        list(restrict(actor, Candidate.objects.filter(search__river=river, stage=Candidate.Stage.WAITING, km__range=(low, high))).select_related("search__river").order_by("km")[:200]),
    )  # fmt: skip


def _newest(sections: list[Section]) -> tuple[str, list[Seen]]:
    """The stations' newest readings where every section has a fresh one, else the newest month that any has: classes of different days are not compared."""
    fresh = Reading.objects.filter(section__in=sections, at__gte=timezone.now() - FRESH, standing=Reading.Standing.LIVE).order_by("section", "-at").distinct("section")
    readings = {r.section_id: r for r in fresh}
    if sections and len(readings) == len(sections):
        return "自动站最近一次监测", [Seen(s, readings[s.pk]) for s in sections]
    last = Sample.objects.filter(section__in=sections, standing=Sample.Standing.LIVE).order_by("-month").values_list("month", flat=True).first()
    if last is None:
        return "", []
    samples = {s.section_id: s for s in Sample.objects.filter(section__in=sections, month=last, standing=Sample.Standing.LIVE)}
    return f"{last:%Y 年 %-m 月}监测", [Seen(s, samples[s.pk]) for s in sections if s.pk in samples]


def _sources(river: River, low: Decimal, high: Decimal) -> list[Source]:
    outfalls = list(river.outfalls.filter(km__range=(low, high), standing=Outfall.Standing.LIVE).order_by("km"))
    brought: dict[int, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in LoadSource.objects.filter(outfall__in=outfalls, item=CHOSEN, standing=LoadSource.Standing.LIVE):
        if row.outfall_id:
            brought[row.outfall_id][row.year][row.name] = float(row.load)  # reaches of several levels hold the same source: by name it counts once
    return [Source(o, sum(brought[o.pk][max(brought[o.pk])].values()) if brought[o.pk] else None) for o in outfalls]


def _breaks(seen: list[Seen], low: Decimal, high: Decimal, sources: list[Source], problems: list[RiverProblem], held: list[banks.Holding]) -> list[BreakPoint]:
    made = []
    for found in rules.breaks([(int(s.row.grade), s.row.met) for s in seen]):
        upper, lower = seen[found.upper], seen[found.lower]
        start, end = upper.section.km, lower.section.km
        if end <= low or start >= high:
            continue
        made.append(
            BreakPoint(
                upper, lower, found, _items(upper.row, lower.row), [s for s in sources if start < s.outfall.km <= end], [p for p in problems if start < p.km <= end],
                _sides(h for h in held if h.bank.from_km < end and h.bank.to_km > start),
            )
        )  # fmt: skip
    return made


def _sides(held: Iterable[banks.Holding]) -> list[tuple[str, list[banks.Holding]]]:
    rows = list(held)
    return [(name, [h for h in rows if h.bank.side == side]) for side, name in banks.NAMES.items()]


def _items(upper: Measured, lower: Measured) -> str:
    """The items that got worse by class, with both values."""
    names, made = rules.table()["names"], []
    for item in ITEMS:
        above, below = getattr(upper, item), getattr(lower, item)
        if above is not None and below is not None and rules.grade_of(item, float(below)) > rules.grade_of(item, float(above)):
            made.append(f"{names[item]} {above.normalize():f} → {below.normalize():f}")
    return "，".join(made)
