"""Water functional zones: whether each met its target by month and by year, what comes into it beside what may, and what the environment department is told (水法第三十二条)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import fmean
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.documents import api as documents
from yiwang.engines.messages import api as messages
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Organisation
from yiwang.engines.registers import api as registers
from yiwang.kit.access import restrict
from yiwang.kit.actors import SYSTEM, Actor, Seat
from yiwang.systems.governance.river_chief import rules
from yiwang.systems.governance.river_chief.banks import within
from yiwang.systems.governance.river_chief.flows import OFFICE, RECEIVER
from yiwang.systems.governance.river_chief.models import (
    GRADES,
    ITEMS,
    LAKES,
    LoadBasis,
    LoadSource,
    Reach,
    Sample,
    Section,
    WaterZone,
    ZoneNotice,
    ZoneOpinion,
    ZoneResult,
)

MONTHS = 12
PAPERS = {ZoneNotice.Kind.OPINION: "river-zone-opinion", ZoneNotice.Kind.EXCEED: "river-zone-notice", ZoneNotice.Kind.QUALITY: "river-zone-notice"}


@dataclass(frozen=True)
class ZoneMonth:
    """A zone's water in a month: the items that missed the target, in words."""

    month: date
    grade: int
    met: bool
    missed: tuple[str, ...]


@dataclass(frozen=True)
class ZoneLoad:
    """Of one item and year: what comes in beside what the opinion allows, t/a."""

    opinion: ZoneOpinion
    load: float
    told: ZoneNotice | None

    @property
    def over(self) -> float:
        return max(0.0, self.load - float(self.opinion.tonnes))


@dataclass(frozen=True)
class ZoneState:
    """Everything of one zone that its panel shows."""

    zone: WaterZone
    sections: list[Section]
    months: list[ZoneMonth]  #: the newest first, of the last twelve
    judged: rules.Year | None
    by_item: list[tuple[str, int, int]]  #: item, months met, months measured
    loads: list[ZoneLoad]
    notices: list[ZoneNotice]


def of_zone(row: WaterZone) -> dict[str, Any]:
    """The level by the kind; the ends must lie on the river, and a section that stands for it in it. Raises Invalid."""
    within(row.river, row.to_km)
    if row.section and (row.section.river_id != row.river_id or not row.from_km <= row.section.km <= row.to_km):
        raise Invalid("代表断面不在这个水功能区内。", fields={"section": "请选择功能区起止里程内的断面"})
    if not row.target and not (row.second == WaterZone.Second.DISCHARGE or (row.first == WaterZone.First.USE and not row.second)):
        raise Invalid("请选择水质目标。", fields={"target": "只有开发利用区（按二级区执行）和排污控制区可以不填"})
    return {"level": 2 if row.second else 1}


def of_opinion(row: ZoneOpinion) -> dict[str, Any]:
    """The capacity of the reaches in the zone where surveyed; an opinion above it is none. Raises Invalid."""
    capacity = capacity_of(row.zone, row.year, row.item)
    if capacity is not None and row.tonnes > capacity:
        raise Invalid("限制排污总量不能大于纳污能力。", fields={"tonnes": f"纳污能力为 {capacity:f} 吨/年"})
    return {"capacity": capacity, "division_id": row.zone.division_id}


def capacity_of(zone: WaterZone, year: int, item: str) -> Decimal | None:
    """The part of the reaches' capacity that lies in the zone, by length; None where no reach in it was surveyed for that year."""
    rows = LoadBasis.objects.filter(_inside(zone), year=year, item=item, standing=LoadBasis.Standing.LIVE).select_related("reach")
    chosen = _finest(rows)
    return Decimal(f"{sum(float(row.capacity) * _part(zone, row.reach) for row in chosen):.3f}") if chosen else None


def load_of(zone: WaterZone, year: int, item: str) -> float:
    """What the registered sources bring: an outfall's whole where it lies in the zone, of what comes along a reach the part of its length in the zone."""
    rows = LoadSource.objects.filter(_inside(zone), year=year, item=item, standing=LoadSource.Standing.LIVE).select_related("reach", "outfall")
    return sum(_brought(zone, row) for row in _finest(rows))


def months_of(zone: WaterZone, sections: Iterable[Section], samples: Iterable[Sample], assessing: Mapping[str, Any]) -> list[tuple[ZoneMonth, dict[str, bool]]]:
    """Each month with a sample of a section that stands for the zone, the newest first, with whether each item met the target."""
    if not zone.target:
        return []
    mine, grouped = {section.pk for section in sections}, defaultdict(list)
    for sample in samples:
        if sample.section_id in mine:
            grouped[sample.month].append(sample)
    worst = zone.second == WaterZone.Second.DRINK and assessing["drinking"] == "worst"
    return [_month(zone, month, rows, worst=worst) for month, rows in sorted(grouped.items(), reverse=True)]


def sections_of(zone: WaterZone, sections: Iterable[Section]) -> list[Section]:
    """The section that stands for the zone, else those in it."""
    return [s for s in sections if (s.pk == zone.section_id if zone.section_id else s.river_id == zone.river_id and zone.from_km <= s.km <= zone.to_km)]


def assessing_of(zone: WaterZone, day: date) -> dict[str, Any]:
    return dict(registers.policy("river.zone-assessing", division=zone.division_id, on=day))


def states(zones: list[WaterZone], *, until: date | None = None) -> list[ZoneState]:
    """What is known of each zone for the twelve months up to `until` (this one); the queries do not grow with the zones of one river but for their loads."""
    last = (until or timezone.localdate()).replace(day=1)
    first = last.replace(year=last.year - 1)
    sections = list(Section.objects.filter(river__in={z.river_id for z in zones}, standing=Section.Standing.LIVE).order_by("km"))
    samples = list(Sample.objects.filter(section__in=sections, month__gte=first, month__lte=last, standing=Sample.Standing.LIVE).select_related("section__river"))
    told: dict[int, list[ZoneNotice]] = defaultdict(list)
    for notice in ZoneNotice.objects.filter(zone__in=zones).select_related("document", "ecology").order_by("-issued_at"):
        told[notice.zone_id].append(notice)
    return [_state(zone, sections_of(zone, sections), samples, told[zone.pk]) for zone in zones]


@transaction.atomic
def assess(day: date, *, months: int = 3) -> int:
    """Keeps the result of each zone for the last months up to that day's; returns how many. Harmless when repeated: late samples change it."""
    kept, last = 0, day.replace(day=1)
    for state in states(list(WaterZone.objects.filter(standing=WaterZone.Standing.LIVE).exclude(target="").select_related("river", "section")), until=last):
        for month in (m for m in state.months if _apart(m.month, last) < months):
            ZoneResult.objects.update_or_create(
                zone=state.zone, month=month.month, defaults={"division_id": state.zone.division_id, "met": month.met, "missed": "、".join(month.missed)[:200]}
            )  # fmt: skip
            kept += 1
    return kept


@transaction.atomic
def tell(actor: Actor, zone: int, kind: str, period: str) -> ZoneNotice:
    """The numbered and sealed paper to the environment department; of a zone over its opinion or below its target the government reads it too.

    Raises NotFound, NotAllowed for whoever is of no river office there, Invalid for a period with nothing to tell, Conflict when it has been told.
    """
    found = WaterZone.objects.select_for_update(of=("self",)).select_related("river").filter(pk=zone).first()
    if found is None:
        raise NotFound("没有找到这个水功能区。")
    seat = _seat(actor, found)
    if kind not in PAPERS:
        raise Invalid("请选择通报事由。")
    if ZoneNotice.objects.filter(zone=found, kind=kind, period=period).exists():
        raise Conflict("这一期已经通报。")
    text = _text(found, kind, period)
    organ = Organisation.objects.get(pk=seat.organ)
    ecology = parties.organ_for("ecology", found.division_id)
    government = None if kind == ZoneNotice.Kind.OPINION else _government(found.division_id)
    made = ZoneNotice(
        zone=found, kind=kind, period=period, division_id=found.division_id, organ=organ, ecology=ecology, government=government, text=text, issued_by=actor.name,
    )  # fmt: skip
    made.document = documents.issue(PAPERS[ZoneNotice.Kind(kind)], _paper(made), organ=organ.pk, actor=SYSTEM)
    made.save()
    for party in parties.holders_of(RECEIVER, organ=ecology.pk):
        messages.send(to=party, template="river-zone-notice", values={"zone": found.name, "kind": made.get_kind_display(), "number": made.document.number}, key=f"zone-notice:{made.pk}:{party}")
    audit.record(actor, "river.zone-notice", subject=made, summary=f"{made.document.number}：{made}", organ=organ.pk)
    return made


@transaction.atomic
def receive(actor: Actor, notice: int) -> ZoneNotice:
    """The environment department signs for it. Raises NotFound, NotAllowed, Conflict."""
    found = restrict(actor, ZoneNotice.objects.select_for_update(of=("self",)).filter(pk=notice)).first()
    if found is None:
        raise NotFound("没有找到这份通报。")
    if not actor.holds(RECEIVER, found.ecology_id):
        raise NotAllowed("由收到通报的生态环境部门签收。")
    if found.received_at:
        raise Conflict("已经签收。")
    found.received_by, found.received_at = actor.name, timezone.now()
    found.save(update_fields=["received_by", "received_at"])
    audit.record(actor, "river.receive-notice", subject=found, summary=str(found))
    return found


def _apart(month: date, last: date) -> int:
    return (last.year - month.year) * 12 + last.month - month.month


def _state(zone: WaterZone, sections: list[Section], samples: list[Sample], told: list[ZoneNotice]) -> ZoneState:
    assessing = assessing_of(zone, timezone.localdate())
    found = months_of(zone, sections, samples, assessing)[:MONTHS]  # this month's samples may not have come yet
    months = [month for month, _ in found]
    names, counts = rules.table()["names"], []
    for item in ITEMS:
        met = [items[item] for _, items in found if item in items]
        if met:
            counts.append((names[item], sum(met), len(met)))
    judged = rules.year_of([m.met for m in months], least=int(assessing["least"]), share=float(assessing["share"])) if months else None
    return ZoneState(zone, sections, months, judged, counts, _loads(zone, told), told)


def _loads(zone: WaterZone, told: list[ZoneNotice]) -> list[ZoneLoad]:
    """Of the newest year with an opinion."""
    rows = list(zone.opinions.filter(standing=ZoneOpinion.Standing.LIVE).order_by("-year", "item"))
    exceeded = {n.period: n for n in told if n.kind == ZoneNotice.Kind.EXCEED}
    return [ZoneLoad(o, load_of(zone, o.year, o.item), exceeded.get(str(o.year))) for o in rows if o.year == rows[0].year]


def _month(zone: WaterZone, month: date, rows: list[Sample], *, worst: bool) -> tuple[ZoneMonth, dict[str, bool]]:
    lake = rows[0].section.river.kind in LAKES
    values = {item: [float(v) for row in rows if (v := getattr(row, item)) is not None] for item in ITEMS}
    joined = {item: _joined(item, found, worst=worst, lake=lake) for item, found in values.items() if found}
    grades = {item: rules.grade_of(item, value, lake=lake) for item, value in joined.items()}
    met = {item: grade <= int(zone.target) for item, grade in grades.items()}
    missed = tuple(_missed(item, joined[item], int(zone.target), lake=lake) for item, ok in met.items() if not ok)
    return ZoneMonth(month, max(grades.values()), not missed, missed), met


def _joined(item: str, values: list[float], *, worst: bool, lake: bool) -> float:
    """One value of several sections: the worst where people drink it, else the mean."""
    return max(values, key=lambda v: (rules.grade_of(item, v, lake=lake), v)) if worst else fmean(values)


def _missed(item: str, value: float, target: int, *, lake: bool) -> str:
    """With how many times over the limit it is (超标倍数), where the item has an upper limit."""
    name = rules.table()["names"][item]
    return f"{name}（超 {value / rules.limit(item, target, lake=lake) - 1:.2f} 倍）" if item in rules.table()["at_most"] else name


def _inside(zone: WaterZone) -> Q:
    return Q(reach__river=zone.river_id, reach__from_km__lt=zone.to_km, reach__to_km__gt=zone.from_km)


def _finest(rows: Iterable[Any]) -> list[Any]:
    """Reaches of the levels lie upon each other and each has its own sums: those of the lowest level that has any."""
    by_level: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        by_level[row.reach.level].append(row)
    order = reversed(Reach.Level.values)
    return next((by_level[level] for level in order if level in by_level), [])


def _part(zone: WaterZone, reach: Reach) -> float:
    """Of a reach, the share of its length that lies in the zone."""
    return float((min(zone.to_km, reach.to_km) - max(zone.from_km, reach.from_km)) / (reach.to_km - reach.from_km))


def _brought(zone: WaterZone, row: LoadSource) -> float:
    if row.outfall:
        return float(row.load) if zone.from_km <= row.outfall.km <= zone.to_km else 0.0
    return float(row.load) * _part(zone, row.reach)


def _seat(actor: Actor, zone: WaterZone) -> Seat:
    found = next((s for s in actor.seats if OFFICE in s.roles and zone.division_id.startswith(s.division)), None)
    if found is None:
        raise NotAllowed("水功能区由当地河长办（水行政主管部门）通报。")
    return found


def _government(division: str) -> Organisation | None:
    """The government that is told: the county's or town's own, in the city its office."""
    for function in ("county_government", "gov_office"):
        try:
            return parties.organ_for(function, division)
        except NotFound:
            continue
    return None


def _text(zone: WaterZone, kind: str, period: str) -> str:
    """What the paper says. Raises Invalid where the rows have nothing to tell of that period."""
    if kind == ZoneNotice.Kind.QUALITY:
        month = next((m for s in states([zone]) for m in s.months if f"{m.month:%Y-%m}" == period and not m.met), None)
        if month is None:
            raise Invalid("这个月没有不达标的监测数据。")
        return f"{month.month:%Y年%m月}水质为{dict(GRADES)[str(month.grade)]}，没有达到水质目标（{zone.get_target_display()}）。超标项目：{'、'.join(month.missed)}。"
    opinions = [o for o in zone.opinions.filter(standing=ZoneOpinion.Standing.LIVE).order_by("item") if str(o.year) == period]
    if kind == ZoneNotice.Kind.OPINION:
        lines = [f"{o.get_item_display()} {o.tonnes.normalize():f} 吨/年{f'（纳污能力 {o.capacity.normalize():f} 吨/年）' if o.capacity is not None else ''}" for o in opinions]
    else:
        loads = [(o, load_of(zone, o.year, o.item)) for o in opinions]
        lines = [f"{o.get_item_display()}入河量 {load:.1f} 吨/年，超过意见 {o.tonnes.normalize():f} 吨/年" for o, load in loads if load > o.tonnes]
    if not lines:
        raise Invalid("这个年度没有登记限制排污总量意见。" if not opinions else "入河量没有超过限制排污总量。")
    return f"{period} 年度{'限制排污总量' if kind == ZoneNotice.Kind.OPINION else '重点污染物排放总量'}：{'；'.join(lines)}。"


def _paper(notice: ZoneNotice) -> dict[str, str]:
    zone = notice.zone
    return {
        "to": notice.ecology.name, "copy": notice.government.name if notice.government else "", "zone": f"{zone.name}（{zone.river.name}，{zone.purpose}，{zone.stretch}）",
        "subject": notice.get_kind_display(), "text": notice.text, "date": timezone.localdate().isoformat(), "case_number": "",
    }  # fmt: skip
