"""The figures of one reach, month by month: what its chief walked, what was found and settled on it, what its water was."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncMonth
from django.utils import timezone

from yiwang.platforms.patrols.models import Duty, Round
from yiwang.systems.governance.river_chief.chiefs import problems_on
from yiwang.systems.governance.river_chief.models import ITEMS, Reach, Sample

COMPLETE = Q(**{f"{item}__isnull": False for item in ITEMS})  #: samples that count: a class from fewer items than the rest would flatter
Pair = tuple[int, int]  # reached, of how many
NONE: Pair = (0, 0)


@dataclass(frozen=True)
class ReachMonth:
    """A month (its first day). Each pair is how many reached it, of how many."""

    month: date
    patrol: Pair  #: duties that ended in it
    valid: Pair  #: rounds begun in it
    found: int  #: problems found, without those that were not taken up
    again: int  #: of them, settled ones that came back
    on_time: Pair  #: problems settled in it
    water: Pair  #: samples of its sections

    @property
    def cells(self) -> list[tuple[str, str]]:
        """Names and words of the table's row."""
        return [
            ("巡河完成", _words(self.patrol)), ("巡河有效", _words(self.valid)), ("发现问题", str(self.found or "—")), ("反复", str(self.again or "—")),
            ("按期整改", _words(self.on_time)), ("断面达标", _words(self.water)),
        ]  # fmt: skip


def by_month(reach: Reach, *, months: int = 12) -> list[ReachMonth]:
    """The last months with this one, the newest first; five queries however long the reach's history."""
    wanted = _months(timezone.localdate().replace(day=1), months)
    since = wanted[-1]
    plan = Q(plan__subject="reach", plan__subject_row=reach.pk)
    problems = problems_on(reach)
    taken_up = problems.filter(found_at__date__gte=since)
    settled = problems.filter(incident__closed_at__date__gte=since, incident__on_time__isnull=False)
    sections = Sample.objects.filter(COMPLETE, section__river=reach.river_id, section__km__range=(reach.from_km, reach.to_km), month__gte=since)
    patrol = _pairs(Duty.objects.filter(plan, last__gte=since, last__lte=timezone.localdate()), "last", Q(met=True))
    valid = _pairs(Round.objects.filter(plan, started_at__date__gte=since), "started_at", Q(valid=True))
    found = _pairs(taken_up, "found_at", Q(again__isnull=False))
    on_time = _pairs(settled, "incident__closed_at", Q(incident__on_time=True))
    water = _pairs(sections, "month", Q(met=True))
    return [
        ReachMonth(m, patrol.get(m, NONE), valid.get(m, NONE), found.get(m, NONE)[1], found.get(m, NONE)[0], on_time.get(m, NONE), water.get(m, NONE)) for m in wanted
    ]


def _months(first: date, count: int) -> list[date]:
    made = [first]
    while len(made) < count:
        made.append((made[-1] - timedelta(days=1)).replace(day=1))
    return made


def _pairs(rows: "QuerySet[Any]", at: str, part: Q) -> dict[date, Pair]:
    """By month of the field `at`: how many rows are in the part, of how many."""
    counted = rows.order_by().annotate(of_month=TruncMonth(at)).values("of_month").annotate(part=Count("pk", filter=part), of=Count("pk"))
    return {_day(row["of_month"]): (row["part"], row["of"]) for row in counted}


def _day(moment: date) -> date:
    return date(moment.year, moment.month, moment.day)


def _words(pair: Pair) -> str:
    return f"{pair[0]}/{pair[1]}" if pair[1] else "—"
