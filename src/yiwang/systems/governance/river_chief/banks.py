"""Whose bank it is: the side and kilometre of a place, who holds the shore there, where the register of a bank has gaps, overlaps and rights that have run out."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import shapely
from django.contrib.gis.geos import Point
from django.utils import timezone

from yiwang.base.errors import Invalid
from yiwang.engines.parties.models import Organisation, Party
from yiwang.kit import cells
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.forms import KeptForm, KeyField
from yiwang.systems.governance.river_chief.course import Course, Spot
from yiwang.systems.governance.river_chief.models import Bank, River, RiverProblem
from yiwang.systems.governance.river_chief.models_bank import SIDES

NAMES = dict(SIDES)


class HolderField(KeyField):
    """A firm or a person by their whole number: an official of the rivers may read no list of people, and a number that is known may be written down."""

    def to_python(self, value: Any) -> Any:
        text = str(value or "").strip().upper()
        found = Party.objects.filter(number=text).first() if len(text) >= 15 else None
        return found or super().to_python(value)

    def prepare_value(self, value: Any) -> Any:
        found = self._by_number(getattr(value, "pk", value))
        return f"{shown(found)}（{found.pk}）" if isinstance(found, Party) else value


class BankForm(KeptForm):
    """The form of a bank: its holder by number."""

    holder = HolderField(queryset=Party.objects.all(), required=False, label="企业或者个人", help_text="填写统一社会信用代码或者身份证件号码")


@dataclass(frozen=True)
class Holding:
    """A stretch of a bank as an official reads it: a person's name is masked, an office's, a village's and a firm's is not."""

    bank: Bank
    holder: str
    expired: bool

    @property
    def words(self) -> str:
        until = f"，{self.bank.until:%Y-%m-%d} 到期" if self.bank.until else ""
        return f"{self.holder}（{self.bank.get_right_display()}{'，' + self.bank.permit if self.bank.permit else ''}{until}）"


@dataclass(frozen=True)
class Fault:
    """What is wrong in the register of one bank: a gap nobody holds, or two at the same kilometres."""

    side: str
    kind: str  #: gap, overlap
    start: Decimal
    end: Decimal

    @property
    def words(self) -> str:
        return f"{NAMES[self.side]} {self.start.normalize():f}–{self.end.normalize():f} 公里{'没有登记岸线' if self.kind == 'gap' else '岸线重叠'}"


@dataclass(frozen=True)
class Whose:
    """Where a place lies and who holds the shore there; both shores where it lies on the water."""

    km: Decimal
    side: str
    holdings: list[Holding]

    @property
    def words(self) -> str:
        return f"{NAMES.get(self.side, '河中')} {self.km.normalize():f} 公里"

    @property
    def organ(self) -> Organisation | None:
        """The one office that manages the shore there: whom an owner of the matter may be sought with first."""
        organs = {h.bank.organ_id: h.bank.organ for h in self.holdings if h.bank.organ}
        return next(iter(organs.values())) if len(organs) == 1 else None


def course_of(river: River) -> Course | None:
    """None for a river whose course nobody has drawn."""
    return Course([list(line.coords) for line in shapely.from_wkb(bytes(river.course.wkb)).geoms], float(river.length_km)) if river.course else None


def spot_of(river: River, place: Point) -> Spot | None:
    course = course_of(river)
    return course.locate(place.x, place.y) if course else None


def side_of(river: River, place: Point) -> str:
    """"" on the water, and where no course is drawn."""
    spot = spot_of(river, place)
    return spot.side if spot else ""


def whose(actor: Actor, river: River, km: Decimal, side: str) -> Whose:
    """One query, or two where nobody is told the side."""
    rows = restrict(actor, Bank.objects.filter(river=river, from_km__lte=km, to_km__gte=km, standing=Bank.Standing.LIVE))
    found = rows.filter(side=side) if side else rows
    return Whose(km, side, holdings(found.select_related("river", "organ", "village", "holder").order_by("side", "from_km")))


def whose_of(actor: Actor, incidents: Iterable[int]) -> dict[int, Whose]:
    """By incident, for the river problems among them; two queries."""
    problems = list(RiverProblem.objects.filter(incident__in=list(incidents)))
    rows = restrict(actor, Bank.objects.filter(river__in={p.river_id for p in problems}, standing=Bank.Standing.LIVE)).select_related("river", "organ", "village", "holder")
    held = holdings(rows.order_by("side", "from_km"))
    return {p.incident_id: Whose(p.km, p.side, [h for h in held if _covers(h.bank, p)]) for p in problems}


def _covers(bank: Bank, problem: RiverProblem) -> bool:
    return bank.river_id == problem.river_id and bank.from_km <= problem.km <= bank.to_km and problem.side in ("", bank.side)


def holdings(banks: Iterable[Bank]) -> list[Holding]:
    """With `organ`, `village` and `holder` read already."""
    today = timezone.localdate()
    return [Holding(bank, holder_of(bank), bool(bank.until and bank.until < today)) for bank in banks]


def holder_of(bank: Bank) -> str:
    """Who holds it, in words for an official: a natural person masked."""
    if bank.organ:
        return bank.organ.name
    if bank.village:
        return f"{bank.village.name}（集体）"
    return shown(bank.holder) if bank.holder else "没有登记"


def shown(party: Party) -> str:
    return cells.mask(party.name) if party.kind == Party.Kind.PERSON else party.name


def of_bank(row: Bank) -> dict[str, Any]:
    """Nothing follows; the ends must lie on the river. Raises Invalid."""
    within(row.river, row.to_km)
    return {}


def within(river: River, end: Decimal) -> None:
    """Raises Invalid for an end beyond the river's mouth."""
    if end > river.length_km:
        raise Invalid(f"止点超过{river.name}的长度 {river.length_km:f} 公里。", fields={"to_km": f"不能大于 {river.length_km:f} 公里"})


def faults(banks: Iterable[Bank], start: Decimal, end: Decimal) -> list[Fault]:
    """Gaps and overlaps of both banks between two kilometres. A bank of which nothing is registered is one gap."""
    found, rows = [], list(banks)
    for side in NAMES:
        reached = start
        for bank in sorted((b for b in rows if b.side == side and b.to_km > start and b.from_km < end), key=lambda b: b.from_km):
            if bank.from_km > reached:
                found.append(Fault(side, "gap", reached, bank.from_km))
            elif max(bank.from_km, start) < reached:
                found.append(Fault(side, "overlap", max(bank.from_km, start), min(bank.to_km, reached)))
            reached = max(reached, min(bank.to_km, end))
        if reached < end:
            found.append(Fault(side, "gap", reached, end))
    return found


def expired(holdings: Iterable[Holding]) -> list[Holding]:
    return [h for h in holdings if h.expired]

