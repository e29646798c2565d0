"""Loads and what must go: of each reach by item from the registered sources, and along a river from section to section what nothing registered explains."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from django.utils import timezone

from yiwang.engines.registers import api as registers
from yiwang.kit.actors import Actor
from yiwang.kit.registry import registry
from yiwang.systems.governance.river_chief import rules
from yiwang.systems.governance.river_chief.models import LoadBasis, LoadSource, Reach, Reading, River, Section
from yiwang.systems.governance.river_chief.water import of_basis

FRESH = timedelta(days=7)  # stations that have been silent for longer say nothing of today
CHOSEN = "ammonia"  #: the item that the balance is drawn for: stations measure it, and it decides most classes here


@dataclass(frozen=True)
class Load:
    """One item of one reach in its newest year with a capacity."""

    basis: LoadBasis
    found: rules.Reduction

    @property
    def over(self) -> bool:
        return self.found.need > 0


@dataclass(frozen=True)
class Stretch:
    """What arrives at a section beside what should, between two stations that measured flow within an hour of each other."""

    upper: Section
    lower: Section
    found: rules.Balance
    hidden: bool  #: more is unexplained than the policy bears: look for an outfall that nobody registered

    @property
    def reason(self) -> str:
        """Why to search there, in words."""
        return f"{self.upper.name}至{self.lower.name}氨氮 {self.found.unexplained:.0%} 来源不明"


def of_reaches(reaches: list[Reach]) -> dict[int, list[Load]]:
    """By reach and item, the newest year; two queries."""
    bases: dict[tuple[int, str], LoadBasis] = {}
    for basis in LoadBasis.objects.filter(reach__in=reaches, standing=LoadBasis.Standing.LIVE).order_by("year"):
        bases[basis.reach_id, basis.item] = basis
    sources: dict[tuple[int, str, int], dict[str, float]] = defaultdict(dict)
    for source in LoadSource.objects.filter(reach__in=reaches, standing=LoadSource.Standing.LIVE):
        sources[source.reach_id, source.item, source.year][source.name] = float(source.load)
    made: dict[int, list[Load]] = defaultdict(list)
    for (reach, item), basis in sorted(bases.items()):
        made[reach].append(Load(basis, rules.reduction(sources[reach, item, basis.year], float(basis.capacity))))
    return made


def follow(actor: Actor) -> int:
    """Capacities follow the target class and the length of their reach; returns how many changed."""
    stale = [b for b in LoadBasis.objects.filter(standing=LoadBasis.Standing.LIVE).select_related("reach__river") if any(getattr(b, k) != v for k, v in of_basis(b).items())]
    for basis in stale:
        registers.change(actor, registry().registers["load-basis"], basis.pk, {}, reason="河段的水质目标或者长度有变化")
    return len(stale)


def balance_of(river: River) -> list[Stretch]:
    """Between neighbouring sections whose newest readings have flow and were taken within an hour of each other; four queries."""
    sections = list(river.sections.order_by("km"))
    recent = Reading.objects.filter(section__in=sections, flow__isnull=False, ammonia__isnull=False, standing=Reading.Standing.LIVE, at__gte=timezone.now() - FRESH)
    newest = {r.section_id: r for r in recent.order_by("section", "-at").distinct("section")}
    bases = list(LoadBasis.objects.filter(reach__river=river, item=CHOSEN, standing=LoadBasis.Standing.LIVE).select_related("reach").order_by("-year"))
    sources = list(LoadSource.objects.filter(reach__river=river, item=CHOSEN, standing=LoadSource.Standing.LIVE).select_related("outfall", "reach"))
    share = float(registers.policy("river.balance-share", division=river.division_id, on=timezone.localdate())) if newest else 0.0
    made = []
    for upper, lower in pairwise(sections):
        one, other = newest.get(upper.pk), newest.get(lower.pk)
        if one is None or other is None or abs((one.at - other.at).total_seconds()) > 3_600:
            continue
        basis = next((b for b in bases if b.reach.from_km <= lower.km <= b.reach.to_km), None)
        found = rules.balance(
            _tonnes(one), _tonnes(other), lateral=_lateral(sources, upper.km, lower.km), decay=float(basis.decay) if basis else 0.0, km=float(lower.km - upper.km),
            speed=float(basis.speed) if basis else 1.0,
        )  # fmt: skip
        made.append(Stretch(upper, lower, found, found.unexplained > share))
    return made


def _tonnes(reading: Reading) -> float:
    return rules.load(float(reading.ammonia or 0), float(reading.flow or 0))


def _lateral(sources: list[LoadSource], above: Decimal, below: Decimal) -> float:
    """Of each outfall between the two, and of each reach that lies between them, what was registered for the newest year."""
    years: dict[tuple[str, int], dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for source in sources:
        if source.outfall and above < source.outfall.km <= below:
            years["outfall", source.outfall.pk][source.year] += float(source.load)
        elif source.outfall is None and above <= source.reach.from_km and source.reach.to_km <= below:
            years["reach", source.reach_id][source.year] += float(source.load)
    return sum(by_year[max(by_year)] for by_year in years.values())
