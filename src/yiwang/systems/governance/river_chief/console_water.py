"""水质预警: sections that miss their target in a row, who acts on them, and the problems that come of it."""

from dataclasses import dataclass

from django.contrib import messages as flash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from yiwang.base.errors import Invalid
from yiwang.kit.actors import Actor
from yiwang.kit.guards import actor_of
from yiwang.systems.governance.river_chief import alerting, banks
from yiwang.systems.governance.river_chief.models import GRADES, Reach, RiverProblem, WaterAlert


@dataclass(frozen=True)
class AlertRow:
    alert: WaterAlert
    grade: str
    reaches: list[Reach]
    may_act: bool
    whose: banks.Whose


@dataclass(frozen=True)
class AlertsPage:
    rows: list[AlertRow]
    kinds: list[tuple[str, str]]
    problem: Invalid | None = None
    failed: int = 0


def alerts(request: HttpRequest) -> HttpResponse:
    """What stands, and what ended within a month."""
    return render(request, "river_chief/alerts.html", {"page": _page(request)})


@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """Looks through the newest readings now; the job does so every ten minutes."""
    raised, ended = alerting.check()
    flash.success(request, f"已核对：新增预警 {raised} 条，解除 {ended} 条。")
    return redirect("river_chief:alerts")


@require_POST
def note(request: HttpRequest, alert: int) -> HttpResponse:
    """What was done about it."""
    try:
        alerting.note(actor_of(request), alert, request.POST.get("words", ""))
    except Invalid as problem:
        return render(request, "river_chief/alerts.html", {"page": _page(request, problem, alert)}, status=422)
    flash.success(request, "处置情况已记录。")
    return redirect("river_chief:alerts")


@require_POST
def make_problem(request: HttpRequest, alert: int) -> HttpResponse:
    """From an alert to a problem under clocks."""
    try:
        made = alerting.make_problem(actor_of(request), alert, kind=request.POST.get("kind", ""), text=request.POST.get("text", ""))
    except Invalid as problem:
        return render(request, "river_chief/alerts.html", {"page": _page(request, problem, alert)}, status=422)
    flash.success(request, "已立为问题，等待立案。")
    return redirect("register:row", register="river-problem", row=made.pk)


def _page(request: HttpRequest, problem: Invalid | None = None, failed: int = 0) -> AlertsPage:
    actor = actor_of(request)
    names = dict(GRADES)
    found = alerting.open_alerts(actor)
    reaches = alerting.reaches_by(alert.section for alert in found)
    rows = [AlertRow(a, names[a.grade], reaches[a.section_id], alerting.answers_for(actor, a.section, reaches[a.section_id]), _whose(actor, a)) for a in found]
    return AlertsPage(rows, list(RiverProblem.Kind.choices), problem, failed)


def _whose(actor: Actor, alert: WaterAlert) -> banks.Whose:
    section = alert.section
    return banks.whose(actor, section.river, section.km, banks.side_of(section.river, section.place))
