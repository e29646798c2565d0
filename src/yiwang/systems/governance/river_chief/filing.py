"""One river, one file: everything along its kilometres, for officials and, less of it, for the public."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, F, Q
from django.utils import timezone

from yiwang.base.errors import NotFound
from yiwang.engines.registers import api as registers
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.guards import may_pass
from yiwang.platforms.incidents.models import Incident, Report
from yiwang.platforms.patrols.models import PatrolPlan, Round
from yiwang.systems.governance.river_chief import picture, rules, searching, zones
from yiwang.systems.governance.river_chief.chiefs import problems_on
from yiwang.systems.governance.river_chief.flows import FLOW, WATCH
from yiwang.systems.governance.river_chief.loads import Load, Stretch, balance_of, of_reaches
from yiwang.systems.governance.river_chief.models import (
    OneRiverOnePlan,
    OutfallSearch,
    Reach,
    Reading,
    Repair,
    RepairCheck,
    River,
    RiverProblem,
    Sample,
    Section,
    WaterAlert,
    WaterZone,
)
from yiwang.systems.governance.river_chief.profile import Profile, profile_of


@dataclass(frozen=True)
class Water:
    """A section with its last months and what they tend to."""

    section: Section
    latest: Sample | None
    recent: list[Sample]
    trend: rules.Trend | None
    reading: Reading | None = None  #: the newest of its station


@dataclass(frozen=True)
class Mended:
    """A work of ecology repair and whether it brought what it was to bring."""

    repair: Repair
    last: RepairCheck | None
    state: str

    @property
    def words(self) -> str:
        return rules.REPAIRED[self.state]


@dataclass(frozen=True)
class Drawn:
    """The profile of a stretch and its drawings, each with the class that shows it on its screen."""

    profile: Profile
    pictures: list[tuple[str, picture.Picture]]


@dataclass(frozen=True)
class RiverFile:
    river: River
    shape: str
    drawn: Drawn
    waters: list[Water]
    problems: list[RiverProblem]
    rounds: list[Round]
    plan: OneRiverOnePlan | None
    open_count: int
    closed_count: int
    timeline: list[tuple[Any, str]]
    alerts: list[WaterAlert]
    loads: list[tuple[Reach, Load]]
    stretches: list[Stretch]
    repairs: list[Mended]
    watches: bool  #: whether the reader may open the page of the alerts
    zones: list[zones.ZoneState]
    searches: list[OutfallSearch]
    may_search: bool


def river_file(actor: Actor, river: int) -> RiverFile:
    """Raises NotFound."""
    found = restrict(actor, River.objects.filter(pk=river)).first()
    if found is None:
        raise NotFound("没有找到这条河流。")
    reaches = list(found.reaches.select_related("chief__organisation", "division").order_by("from_km"))
    problems = list(restrict(actor, RiverProblem.objects.filter(river=found)).select_related("incident__category", "reach", "incident__owner").order_by("-found_at")[:200])
    waters = waters_of(found)
    rounds = _rounds(actor, reaches)
    return RiverFile(
        river=found,
        shape=_shape(found, problems, waters),
        drawn=drawn_of(actor, found),
        waters=waters,
        problems=problems[:12],
        rounds=rounds,
        plan=found.plans.prefetch_related("measures__owner").order_by("-year").first(),
        **_counts(actor, found),
        timeline=_timeline(problems, rounds),
        alerts=list(restrict(actor, WaterAlert.objects.filter(section__river=found, closed_at=None)).select_related("section").order_by("section__km")),
        loads=_loads(reaches),
        stretches=balance_of(found),
        repairs=repairs_of(found),
        watches=may_pass(actor, WATCH),
        zones=zones.states(list(found.zones.filter(standing=WaterZone.Standing.LIVE).select_related("river", "section").order_by("level", "from_km"))),
        searches=list(restrict(actor, OutfallSearch.objects.filter(river=found)).order_by("-opened_at")[:8]),
        may_search=searching.may_begin(actor, found.division_id),
    )


def drawn_of(actor: Actor, river: River) -> Drawn:
    """The whole river."""
    profile = profile_of(actor, river)
    return Drawn(profile, picture.both(profile))


def waters_of(river: River) -> list[Water]:
    """The sections from the source down, each with up to 24 months and their trend of ammonia."""
    made = []
    sections = list(river.sections.order_by("km"))
    newest = {r.section_id: r for r in Reading.objects.filter(section__in=sections).order_by("section", "-at").distinct("section")}
    for section in sections:
        recent = list(section.samples.order_by("-month")[:24])
        measured = [s for s in reversed(recent) if s.ammonia is not None]
        values, months = [float(s.ammonia or 0) for s in measured], [12 * s.month.year + s.month.month for s in measured]
        made.append(Water(section, recent[0] if recent else None, recent[:12], rules.trend(values, months) if len(values) >= 3 else None, newest.get(section.pk)))
    return made


def repairs_of(river: River) -> list[Mended]:
    """The works of ecology repair on a river, the newest first."""
    made = []
    for repair in river.repairs.filter(standing=Repair.Standing.LIVE).select_related("owner").prefetch_related("checks").order_by("-due"):
        checks = sorted(repair.checks.all(), key=lambda c: c.day, reverse=True)
        made.append(Mended(repair, checks[0] if checks else None, repair_state(repair, checks)))
    return made


def repair_state(repair: Repair, checks: list[RepairCheck]) -> str:
    """A key of rules.REPAIRED; what was measured before the work was done does not count."""
    after = [(c.day, c.reached) for c in checks if repair.done_on and c.day >= repair.done_on]
    lasting = int(registers.policy("river.repair-lasting-days", division=repair.division_id, on=timezone.localdate())) if after else 0
    return rules.repaired(after, lasting=lasting)


def _counts(actor: Actor, river: River) -> dict[str, int]:
    """Of all its problems, however many the page shows."""
    taken_up = restrict(actor, RiverProblem.objects.filter(river=river)).exclude(incident__stage=Incident.Stage.VOID)
    return dict(taken_up.aggregate(open_count=Count("pk", filter=Q(incident__closed_at=None)), closed_count=Count("pk", filter=Q(incident__closed_at__isnull=False))))


def public_counts(reach: Reach) -> dict[str, int]:
    """What everybody may know: problems of this year on the reach, settled and under way, and how many the public found."""
    since = timezone.localtime().replace(month=1, day=1, hour=0, minute=0)
    rows = problems_on(reach).filter(found_at__gte=since)
    return rows.aggregate(
        closed=Count("pk", filter=Q(incident__closed_at__isnull=False)), under_way=Count("pk", filter=Q(incident__closed_at=None)),
        crowd=Count("pk", filter=Q(incident__eye=Incident.Eye.CROWD)),
    )  # fmt: skip


def reports_waiting(actor: Actor) -> list[Report]:
    """Reports of citizens: those without an answer before all others, the soonest due first; then the last that were answered."""
    rows = restrict(actor, Report.objects.filter(incident__eye=Incident.Eye.CROWD, incident__case__procedure=FLOW)).select_related("incident__category", "incident__case", "incident__division")
    return list(rows.order_by(F("answered_at").desc(nulls_first=True), "due_at")[:100])


def _loads(reaches: list[Reach]) -> list[tuple[Reach, Load]]:
    found = of_reaches(reaches)
    return [(reach, load) for reach in reaches for load in found.get(reach.pk, [])]


def _water_words(water: Water) -> str:
    return f"{water.section.name}：{water.latest.get_grade_display() if water.latest else '没有数据'}"


def _rounds(actor: Actor, reaches: list[Reach]) -> list[Round]:
    plans = PatrolPlan.objects.filter(subject="reach", subject_row__in=[r.pk for r in reaches])
    return list(restrict(actor, Round.objects.filter(plan__in=plans)).select_related("plan", "walker").order_by("-started_at")[:8])


def _shape(river: River, problems: list[RiverProblem], waters: list[Water]) -> str:
    features = [_feature(river.course, river.name, {"长度": f"{river.length_km} 公里"})] if river.course else []
    features += [_feature(w.section.place, w.section.name, {"水质": _water_words(w)}) for w in waters]
    features += [_feature(p.incident.place, str(p), {"环节": p.incident.get_stage_display()}) for p in problems[:100]]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False) if features else ""


def _feature(shape: Any, name: str, facts: dict[str, str]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": json.loads(shape.geojson), "properties": {"name": name, "facts": json.dumps(facts, ensure_ascii=False)}}


def _timeline(problems: list[RiverProblem], rounds: list[Round]) -> list[tuple[Any, str]]:
    since = timezone.now() - timedelta(days=365)
    events = [(p.found_at, f"发现{p}") for p in problems]
    events += [(p.incident.closed_at, f"{p}已销号") for p in problems if p.incident.closed_at]
    events += [(r.finished_at, f"{r.walker.name}巡河 {r.metres / 1000:.1f} 公里，{'有效' if r.valid else '无效'}") for r in rounds]
    return sorted((e for e in events if e[0] >= since), key=lambda e: e[0], reverse=True)[:20]
