"""Blocks of the generic detail pages: links of a river and a reach, the way of a problem."""

from dataclasses import dataclass

from django.urls import reverse

from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.platforms.incidents.models import Report
from yiwang.platforms.patrols.models import Finding
from yiwang.systems.governance.river_chief.flows import OFFICE
from yiwang.systems.governance.river_chief.models import Reach, River, RiverProblem
from yiwang.systems.governance.river_chief.monthly import ReachMonth, by_month


@dataclass(frozen=True)
class Links:
    links: list[tuple[str, str]]


@dataclass(frozen=True)
class MonthsPanel:
    months: list[ReachMonth]


@dataclass(frozen=True)
class ProblemPanel:
    problem: RiverProblem
    text: str
    case: int | None  #: shown to those whose office works on it
    photos: list[str]
    earlier: RiverProblem | None
    may_urge: bool


def file_link(row: River, actor: Actor) -> Links:
    return Links([("打开一河一档", reverse("river_chief:file", args=[row.pk]))])


def reach_links(row: Reach, actor: Actor) -> Links:
    return Links([("打印公示牌", reverse("river_chief:sign", args=[row.pk])), ("公众看到的页面", reverse("river_chief:public", args=[row.code]))])


def reach_months(row: Reach, actor: Actor) -> MonthsPanel:
    """The reach's figures of a year."""
    return MonthsPanel(by_month(row))


def problem_panel(row: RiverProblem, actor: Actor) -> ProblemPanel:
    """What was seen, its photographs and the case."""
    case = row.incident.case
    mine = type(case).objects.filter(type(case).visible_to(actor), pk=case.pk).exists()
    findings = restrict(actor, Finding.objects.filter(pk=row.finding_id or 0, photo__isnull=False)).values_list("pk", flat=True)
    reports = restrict(actor, Report.objects.filter(incident=row.incident_id, photo__isnull=False)).values_list("pk", flat=True)
    photos = [reverse("river_chief:photo", args=["finding", pk]) for pk in findings] or [reverse("river_chief:photo", args=["report", pk]) for pk in reports]
    return ProblemPanel(row, row.incident.text, case.pk if mine else None, photos, row.again, case.closed_at is None and actor.holds(OFFICE, case.organ_id))
