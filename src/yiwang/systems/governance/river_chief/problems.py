"""River problems: from a patrol's finding or a citizen's report to an incident with its kilometre, reach, checker and recurrence."""

from datetime import datetime, timedelta
from uuid import UUID

import shapely
from django.contrib.gis.db.models.functions import Distance
from django.contrib.gis.geos import Point
from django.contrib.gis.measure import D
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from yiwang.base.errors import NotFound
from yiwang.engines.registers import api as registers
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.incidents import api as incidents
from yiwang.platforms.incidents.models import Category, Incident, Report, RoutingRule
from yiwang.platforms.patrols import api as patrols
from yiwang.platforms.patrols.models import Finding, Round
from yiwang.systems.governance.river_chief.banks import side_of
from yiwang.systems.governance.river_chief.chiefs import office_of
from yiwang.systems.governance.river_chief.flows import DAYS, FLOW, VERIFIER
from yiwang.systems.governance.river_chief.models import Reach, RiverProblem

SEARCH = 0.02  # degrees within which a reach may answer for a place; the metres decide


def from_round(event: patrols.RoundReceived) -> None:
    """Every finding of a river patrol becomes a problem or joins one. Harmless when it was done before."""
    walked = Round.objects.select_related("plan").get(pk=event.round)
    if walked.plan.subject != "reach":
        return
    reach = Reach.objects.select_related("river").get(pk=walked.plan.subject_row)
    for finding in walked.findings.select_related("photo"):
        found_by_patrol(reach, finding)


@transaction.atomic
def found_by_patrol(reach: Reach, finding: Finding) -> Report:
    told = _told(reach, key=finding.key, kind=finding.kind, eye=Incident.Eye.PATROL, text=finding.note, place=finding.place, photo_file=finding.photo_id, accuracy=finding.accuracy)
    report, what = incidents.tell(SYSTEM, told)
    if what in ("new", "propose"):
        _keep(reach, report, finding.kind, finding=finding, at=finding.seen_at)
    return report


@transaction.atomic
def tell_by_citizen(
    actor: Actor, reach: Reach, *, key: UUID, kind: str, text: str, place: Point | None, photo: bytes | None, phone: str, anonymous: bool
) -> Report:
    """A report made at the sign-board: anonymous or signed in. Raises Invalid."""
    where = place or reach.board or (Point(reach.course[0], srid=4490) if reach.course else None)
    if where is None:
        raise NotFound("这个河段还没有登记位置，请拨打 12345 反映。")
    told = _told(reach, key=key, kind=kind, eye=Incident.Eye.CROWD, text=text, place=where, photo=photo, phone=phone, anonymous=anonymous or actor.party is None)
    with elevated():  # the citizen cannot read the city's problems; what is opened belongs to the office
        report, what = incidents.tell(actor, told)
        if what in ("new", "propose"):
            _keep(reach, report, kind, at=report.received_at)
    return report


@transaction.atomic
def found_by_device(reach: Reach, *, key: UUID, kind: str, text: str, place: Point, photo_file: int | None = None) -> RiverProblem:
    """What an instrument's values led to: a problem of its own, or the one under way there. Harmless twice."""
    told = _told(reach, key=key, kind=kind, eye=Incident.Eye.DEVICE, text=text, place=place, photo_file=photo_file)
    report, _ = incidents.tell(SYSTEM, told)
    known = RiverProblem.objects.filter(incident=report.incident).first()
    return known or _keep(reach, report, kind, at=report.received_at)


def reach_at(place: Point, reaches: "list[Reach] | None" = None) -> tuple[Reach, float] | None:
    """The reach of the lowest level nearest to a place within 500 m, and the kilometre there."""
    order = [Reach.Level.VILLAGE, Reach.Level.TOWN, Reach.Level.COUNTY, Reach.Level.CITY]
    near = Reach.objects.filter(course__dwithin=(place, SEARCH)).select_related("river") if reaches is None else reaches
    measured = [(reach, *patrols.distance(place.x, place.y, shapely.from_wkb(bytes(reach.course.wkb)))) for reach in near if reach.course]
    close = [(order.index(Reach.Level(reach.level)), metres, reach, share) for reach, metres, share in measured if metres <= 500]
    if not close:
        return None
    _, _, reach, share = min(close, key=lambda c: (c[0], c[1]))
    return reach, kilometre(reach, share)


def kilometre(reach: Reach, share: float) -> float:
    return round(float(reach.from_km) + share * float(reach.to_km - reach.from_km), 2)


def seed_categories(day: datetime) -> int:
    """The kinds of river problems and who mends them in how many days, until the office enters its own."""
    names = {"occupy": "乱占", "dig": "乱采", "heap": "乱堆", "build": "乱建"}
    for code, label in RiverProblem.Kind.choices:
        family = "river-occupation" if code in names else f"river-{code}"
        kind, _ = Category.objects.get_or_create(code=f"river-{code}", defaults={"name": label, "family": family})
        RoutingRule.objects.get_or_create(
            category=kind, division_id="440800000000", since=day.date().replace(month=1, day=1),
            defaults={"function": "water_affairs", "days": DAYS[code], "source": "河长制问题办理规程（示意），以市河长办公布为准"},
        )  # fmt: skip
    return Category.objects.filter(code__startswith="river-").count()


def _told(reach: Reach, *, key: UUID, kind: str, eye: str, text: str, place: Point, photo: bytes | None = None, photo_file: int | None = None, phone: str = "", anonymous: bool = True, accuracy: float | None = None) -> incidents.Told:
    known = kind if kind in RiverProblem.Kind.values else RiverProblem.Kind.GARBAGE.value
    office = office_of(reach.division_id)
    return incidents.Told(
        key=key, procedure=FLOW, category=f"river-{known}", eye=eye, text=text, place=place, division=reach.division_id, office=office.pk, checker=_checker(reach) or office.pk,
        photo=photo, photo_file=photo_file, phone=phone, anonymous=anonymous, accuracy=accuracy,
    )  # fmt: skip


def _checker(reach: Reach) -> int | None:
    """The office of the chief above: the county's for a town's or village's reach, whose people did not walk it."""
    above = Reach.objects.filter(river=reach.river_id, level__in=[Reach.Level.COUNTY, Reach.Level.CITY], chief__roles__contains=[VERIFIER])
    nearest = above.filter(from_km__lte=reach.to_km, to_km__gte=reach.from_km).order_by("-level").select_related("chief").first()
    return nearest.chief.organisation_id if nearest and nearest.chief else None


def _keep(reach: Reach, report: Report, kind: str, *, at: datetime, finding: Finding | None = None) -> RiverProblem:
    incident = report.incident
    lowest = reach_at(incident.place)
    own, km = lowest if lowest and lowest[0].river_id == reach.river_id else (reach, _km(reach, incident.place))
    known = kind if kind in RiverProblem.Kind.values else RiverProblem.Kind.GARBAGE.value
    return RiverProblem.objects.create(
        incident=incident, river_id=reach.river_id, reach=own, kind=known, division_id=own.division_id, km=km, side=side_of(own.river, incident.place), finding=finding, found_at=at,
        again=_earlier(reach, known, incident, at),
    )  # fmt: skip


def _km(reach: Reach, place: Point) -> float:
    if reach.course is None:
        return float(reach.from_km)
    return kilometre(reach, patrols.distance(place.x, place.y, shapely.from_wkb(bytes(reach.course.wkb)))[1])


def _earlier(reach: Reach, kind: str, incident: Incident, at: datetime) -> RiverProblem | None:
    """The same kind of problem, settled, near and not long ago: this one is it again."""
    day = timezone.localdate()
    metres, days = (float(registers.policy(f"river.recurrence-{unit}", division=reach.division_id, on=day)) for unit in ("metres", "days"))
    past = RiverProblem.objects.filter(Q(incident__closed_at__lte=at), river=reach.river_id, kind=kind, incident__closed_at__gte=at - timedelta(days=days))
    near = past.annotate(apart=Distance("incident__place", incident.place, spheroid=True)).filter(apart__lte=D(m=metres))
    return near.order_by("-found_at").first()
