"""Blocks of the generic detail pages: links of a river and a reach, the way of a problem."""

from dataclasses import dataclass

from django.urls import reverse

from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.platforms.incidents.models import Report
from yiwang.platforms.patrols.models import Finding
from yiwang.systems.governance.river_chief import banks, picture
from yiwang.systems.governance.river_chief.filing import Drawn, repair_state
from yiwang.systems.governance.river_chief.flows import CHIEF, OFFICE
from yiwang.systems.governance.river_chief.loads import Load, of_reaches
from yiwang.systems.governance.river_chief.models import (
    Candidate,
    ChiefOrder,
    Outfall,
    OutfallSearch,
    Reach,
    Repair,
    RepairCheck,
    River,
    RiverProblem,
    WaterAlert,
    ZoneNotice,
)
from yiwang.systems.governance.river_chief.monthly import ReachMonth, by_month
from yiwang.systems.governance.river_chief.profile import profile_of
from yiwang.systems.governance.river_chief.rules import REPAIRED


@dataclass(frozen=True)
class Links:
    links: list[tuple[str, str]]


@dataclass(frozen=True)
class MonthsPanel:
    months: list[ReachMonth]


@dataclass(frozen=True)
class LoadsPanel:
    loads: list[Load]


@dataclass(frozen=True)
class RepairPanel:
    repair: Repair
    checks: list[RepairCheck]
    state: str
    words: str


@dataclass(frozen=True)
class OutfallPanel:
    candidate: Candidate


@dataclass(frozen=True)
class ProblemPanel:
    problem: RiverProblem
    text: str
    case: int | None  #: shown to those whose office works on it
    photos: list[str]
    earlier: RiverProblem | None
    whose: banks.Whose
    may_urge: bool
    may_press: bool  #: a chief may have it pressed by an order (督办)


def file_link(row: River, actor: Actor) -> Links:
    return Links([("打开一河一档", reverse("river_chief:file", args=[row.pk]))])


def reach_links(row: Reach, actor: Actor) -> Links:
    return Links([("打印公示牌", reverse("river_chief:sign", args=[row.pk])), ("公众看到的页面", reverse("river_chief:public", args=[row.code]))])


def reach_months(row: Reach, actor: Actor) -> MonthsPanel:
    """The reach's figures of a year."""
    return MonthsPanel(by_month(row))


def reach_profile(row: Reach, actor: Actor) -> Drawn:
    """The reach along its kilometres."""
    profile = profile_of(actor, row.river, row.from_km, row.to_km)
    return Drawn(profile, picture.both(profile, picture.HALF))


def reach_loads(row: Reach, actor: Actor) -> LoadsPanel:
    """What comes in, what it can take, what must go."""
    return LoadsPanel(of_reaches([row]).get(row.pk, []))


def repair_checks(row: Repair, actor: Actor) -> RepairPanel:
    """Whether it worked: the surveys from the newest on."""
    checks = list(row.checks.order_by("-day"))
    state = repair_state(row, checks)
    return RepairPanel(row, checks, state, REPAIRED[state])


def alert_links(row: WaterAlert, actor: Actor) -> Links:
    return Links([("到水质预警处置", f"{reverse('river_chief:alerts')}#a{row.pk}"), ("打开一河一档", reverse("river_chief:file", args=[row.section.river_id]))])


def search_link(row: OutfallSearch, actor: Actor) -> Links:
    return Links([("查看和办理", reverse("river_chief:search", args=[row.pk]))])


def zone_notice_links(row: ZoneNotice, actor: Actor) -> Links:
    return Links([("查看文书", reverse("river_chief:notice-paper", args=[row.pk])), ("全部通报", reverse("river_chief:notices"))])


def outfall_found(row: Outfall, actor: Actor) -> OutfallPanel | None:
    """How it was found, where a search did."""
    found = restrict(actor, Candidate.objects.filter(outfall=row)).select_related("search__river").first()
    return OutfallPanel(found) if found else None


def order_links(row: ChiefOrder, actor: Actor) -> Links:
    return Links([("查看和办理", reverse("river_chief:order", args=[row.pk]))])


def problem_panel(row: RiverProblem, actor: Actor) -> ProblemPanel:
    """What was seen, its photographs and the case."""
    case = row.incident.case
    mine = type(case).objects.filter(type(case).visible_to(actor), pk=case.pk).exists()
    findings = restrict(actor, Finding.objects.filter(pk=row.finding_id or 0, photo__isnull=False)).values_list("pk", flat=True)
    reports = restrict(actor, Report.objects.filter(incident=row.incident_id, photo__isnull=False)).values_list("pk", flat=True)
    photos = [reverse("river_chief:photo", args=["finding", pk]) for pk in findings] or [reverse("river_chief:photo", args=["report", pk]) for pk in reports]
    return ProblemPanel(
        row, row.incident.text, case.pk if mine else None, photos, row.again, banks.whose(actor, row.river, row.km, row.side), case.closed_at is None and actor.holds(OFFICE, case.organ_id),
        case.closed_at is None and CHIEF in actor.roles,
    )  # fmt: skip
