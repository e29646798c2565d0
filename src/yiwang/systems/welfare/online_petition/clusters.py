"""Early warning (苗头预警): a matter that comes up in one county this week far more often than in the weeks before. Accusations are not counted: a count would tell."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Count
from django.db.models.functions import Substr
from django.utils import timezone

from yiwang.base.errors import Invalid, NotFound
from yiwang.engines.audit import api as audit
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.systems.welfare.online_petition import limits, rules
from yiwang.systems.welfare.online_petition.models import Petition, Warning

CITY = "440800000000"


@dataclass(frozen=True)
class Cluster:
    """A matter in a county in one week beside the weeks before."""

    division: str
    matter: str
    count: int
    median: float
    mad: float
    z: float


def look(today: date | None = None) -> list[Cluster]:
    """Writes a warning for each cluster of the week of `today` that has none, or brings its figures up to date; returns the clusters."""
    week = rules.monday(today or timezone.localdate())
    found = clusters(week)
    for one in found:
        figures = {"count": one.count, "median": one.median, "mad": one.mad, "z": one.z}
        Warning.objects.update_or_create(division_id=one.division, matter_id=one.matter, week=week, defaults=figures)
    return found


def clusters(week: date) -> list[Cluster]:
    """What stands out in the week that begins on that Monday: at least so many, and z above the limit (card R2)."""
    weeks, least, limit = limits.value("cluster-weeks", CITY), limits.value("cluster-least", CITY), limits.value("cluster-tenths", CITY) / 10
    series = [_counts(week - timedelta(weeks=back)) for back in range(weeks + 1)]
    found = []
    for (county, matter), count in series[0].items():
        middle, spread, z = rules.robust_z(count, [before.get((county, matter), 0) for before in series[1:]])
        if count >= least and z > limit:
            found.append(Cluster(county.ljust(12, "0"), matter, count, middle, spread, z))
    return sorted(found, key=lambda c: -c.z)


def _counts(week: date) -> dict[tuple[str, str], int]:
    """Petitions by county and matter; those attached as repeats of one person count once."""
    since = timezone.make_aware(datetime.combine(week, time()))
    rows = Petition.objects.filter(registered_at__gte=since, registered_at__lt=since + timedelta(weeks=1), matter__isnull=False).exclude(kind=Petition.Kind.ACCUSATION)
    counted = rows.annotate(county=Substr("division_id", 1, 6)).values_list("county", "matter").annotate(n=Count("petitioner", distinct=True))
    return {(county, matter): n for county, matter, n in counted}


@transaction.atomic
def settle(actor: Actor, warning: int, *, note: str) -> Warning:
    """Somebody has looked into it and says what is done. Raises NotFound, Invalid."""
    found = restrict(actor, Warning.objects.select_for_update().filter(pk=warning)).first()
    if found is None:
        raise NotFound("没有找到这条预警。")
    if not note.strip():
        raise Invalid("请写明处置情况。", fields={"note": "请写明处置情况"})
    found.note, found.closed_at = note.strip()[:300], timezone.now()
    found.save(update_fields=["note", "closed_at"])
    audit.record(actor, "petition.warning", subject=found, summary=f"处置预警：{found.note}"[:300])
    return found
