"""Chiefs: who holds the post of a reach today, how often they must walk it, and the plan that follows."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.contrib.gis.geos import MultiLineString
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from yiwang.base.errors import Invalid
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Membership, Organisation, Post
from yiwang.engines.registers import api as registers
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Register
from yiwang.kit.registry import registry
from yiwang.platforms.incidents.models import Incident
from yiwang.platforms.patrols.models import PatrolPlan
from yiwang.systems.governance.river_chief.flows import OFFICE
from yiwang.systems.governance.river_chief.models import Reach, RiverProblem

CHECKS = "river"


@dataclass(frozen=True)
class Chief:
    """What the sign-board says of a chief (河长公示)."""

    name: str
    title: str
    organ: str
    phone: str


LEVELS = (Reach.Level.CITY, Reach.Level.COUNTY, Reach.Level.TOWN, Reach.Level.VILLAGE)


def holders(post: int, day: date | None = None) -> list[int]:
    """Parties that hold the post that day (today)."""
    on = day or timezone.localdate()
    return list(Membership.objects.filter(Q(valid_to=None) | Q(valid_to__gte=on), post=post, valid_from__lte=on).order_by("valid_from").values_list("party", flat=True))


def rank(post: int) -> int | None:
    """How high a chief's post stands: 0 for the city, 3 for a village; None for a post that answers for no reach."""
    levels = set(Reach.objects.filter(chief=post).values_list("level", flat=True))
    return next((place for place, level in enumerate(LEVELS) if level in levels), None)


def chief_of(reach: Reach) -> Chief | None:
    """Whoever holds the post today; the phone is the office's, never the person's own."""
    if reach.chief is None:
        return None
    today = timezone.localdate()
    held = Membership.objects.filter(Q(valid_to=None) | Q(valid_to__gte=today), post=reach.chief, valid_from__lte=today).select_related("party").first()
    organ = reach.chief.organisation
    return Chief(held.party.name if held else "（空缺）", reach.chief.title, organ.name, organ.phone or "12345")


def frequency(level: str, division: str, day: date) -> tuple[int, str]:
    """Times and period of a level of chiefs there on that day. Raises PolicyMissing."""
    times, period = str(registers.policy("river.patrol-frequency", division=division, on=day)[level]).split()
    return int(times), period


@transaction.atomic
def plan(actor: Actor, reach: Reach) -> PatrolPlan:
    """The patrol plan of a reach and its chief's post by the frequency in force: made, or brought up to date. Raises Invalid without course or chief."""
    if reach.course is None or reach.chief_id is None:
        raise Invalid("河段还没有走向或者河长，不能编制巡查计划。")
    day, wanted = timezone.localdate(), _wanted(reach)
    of_reach = PatrolPlan.objects.filter(subject="reach", subject_row=reach.pk)
    known = of_reach.filter(post=reach.chief_id).first()
    if known:
        return registers.change(actor, plans(), known.pk, wanted, reason="按现行频次和河段更新")  # type: ignore[no-any-return]
    since = day if of_reach.exists() else day.replace(month=1, day=1)  # a successor owes what begins with them
    fixed = {"subject": "reach", "subject_row": reach.pk, "post": reach.chief_id, "overseer": OFFICE, "checks": CHECKS, "since": since}
    return registers.keep(actor, plans(), {**wanted, **fixed}, reason="按巡河频次编制")  # type: ignore[no-any-return]


@transaction.atomic
def follow(actor: Actor) -> int:
    """Plans follow chief, frequency and course of their reach; those of posts that a reach no longer belongs to end. Returns how many changed.

    A reach that has a chief is walked: a plan that was given an end goes on as long as the reach has that chief.
    """
    day, changed = timezone.localdate(), 0
    rows = PatrolPlan.objects.filter(until=None, subject="reach", standing=PatrolPlan.Standing.LIVE)
    kept = {(p.subject_row, p.post_id): p for p in rows}
    for reach in Reach.objects.filter(standing=Reach.Standing.LIVE, course__isnull=False, chief__isnull=False).order_by("pk"):
        known = kept.pop((reach.pk, reach.chief_id or 0), None)
        if known is None or any(getattr(known, "division_id" if name == "division" else name) != value for name, value in _wanted(reach).items()):
            plan(actor, reach)
            changed += 1
    for old in kept.values():
        registers.change(actor, plans(), old.pk, {"until": max(old.since, day - timedelta(days=1))}, reason="河段已由另一岗位负责或者不再巡查")
        changed += 1
    return changed


def _wanted(reach: Reach) -> dict[str, Any]:
    times, period = frequency(reach.level, reach.division_id, timezone.localdate())
    assert reach.course is not None  # both callers ask only of reaches with one
    course = MultiLineString(reach.course, srid=reach.course.srid)
    return {"times": times, "period": period, "course": course, "division": reach.division_id, "name": f"{reach.name}巡河", "until": None}


def problems_on(*reaches: Reach) -> "QuerySet[RiverProblem]":
    """Problems taken up on these stretches. Each is put under the lowest reach, and the chiefs above answer for its kilometre too."""
    along = Q(reach__in=reaches)
    for reach in reaches:
        along |= Q(river=reach.river_id, km__gte=reach.from_km, km__lt=reach.to_km) & ~Q(reach__level=reach.level)
    return RiverProblem.objects.filter(along).exclude(incident__stage=Incident.Stage.VOID)


def plans() -> Register:
    return registry().registers["patrol-plan"]


def office_of(division: str) -> Organisation:
    """The river office of a place: that of the nearest division that has one. Raises Invalid where there is none."""
    above = parties.divisions_above(division)
    posts = Post.objects.filter(roles__contains=[OFFICE], division__in=above).select_related("organisation")
    found = min(posts, key=lambda p: above.index(p.division_id), default=None)
    if found is None:
        raise Invalid("这里还没有设立河长办岗位。")
    return found.organisation
