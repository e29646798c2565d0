"""水功能区: each zone's year, what comes into it beside what may, the papers to the environment department and their receipt."""

from dataclasses import dataclass

from django.contrib import messages as flash
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from yiwang.base.errors import Invalid, NotFound
from yiwang.engines.documents import api as documents
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.guards import actor_of
from yiwang.systems.governance.river_chief import zones
from yiwang.systems.governance.river_chief.flows import OFFICE, RECEIVER
from yiwang.systems.governance.river_chief.models import River, WaterZone, ZoneNotice

SIZE = 100


@dataclass(frozen=True)
class ZonesPage:
    rivers: list[River]
    river: River | None
    states: list[zones.ZoneState]
    good: int
    judged: int


@dataclass(frozen=True)
class NoticeRow:
    notice: ZoneNotice
    may_receive: bool


@dataclass(frozen=True)
class ZonePanel:
    state: zones.ZoneState
    may_tell: bool
    missed: str  #: the newest month that missed its target and was not told, "2026-10"
    opined: str  #: the newest year with an opinion that was not told
    exceeded: str  #: the same, of an opinion that is exceeded


def overview(request: HttpRequest) -> HttpResponse:
    """The zones of one river with their year; the first river that has any, until another is chosen."""
    chosen = request.GET.get("river", "")
    rivers = list(River.objects.filter(zones__standing=WaterZone.Standing.LIVE).distinct().order_by("name"))
    river = next((r for r in rivers if str(r.pk) == chosen), rivers[0] if rivers else None)
    rows = list(WaterZone.objects.filter(river=river, standing=WaterZone.Standing.LIVE).select_related("river", "section").order_by("level", "from_km")) if river else []
    found = zones.states(rows)
    judged = [s for s in found if s.judged and s.judged.met is not None]
    return render(request, "river_chief/zones.html", {"page": ZonesPage(rivers, river, found, sum(bool(s.judged and s.judged.met) for s in judged), len(judged))})


@require_POST
def tell(request: HttpRequest, zone: int) -> HttpResponse:
    """The numbered paper to the environment department."""
    try:
        made = zones.tell(actor_of(request), zone, request.POST.get("kind", ""), request.POST.get("period", ""))
    except Invalid as problem:
        flash.error(request, problem.message)
    else:
        flash.success(request, f"{made.document.number}已发送{made.ecology.name}。")
    return redirect("register:row", register="water-zone", row=zone)


def notices(request: HttpRequest) -> HttpResponse:
    """What was told, the newest first."""
    actor = actor_of(request)
    rows = restrict(actor, ZoneNotice.objects.all()).select_related("zone__river", "document", "organ", "ecology", "government").order_by("-issued_at")[:SIZE]
    return render(request, "river_chief/notices.html", {"page": [NoticeRow(n, n.received_at is None and actor.holds(RECEIVER, n.ecology_id)) for n in rows]})


@require_POST
def receive(request: HttpRequest, notice: int) -> HttpResponse:
    """签收."""
    zones.receive(actor_of(request), notice)
    flash.success(request, "已签收。")
    return redirect("river_chief:notices")


def paper(request: HttpRequest, notice: int) -> FileResponse:
    """The sealed paper."""
    found = restrict(actor_of(request), ZoneNotice.objects.filter(pk=notice)).select_related("document__file").first()
    if found is None:
        raise NotFound("没有找到这份通报。")
    file = found.document.file
    response = FileResponse(documents.open_file(file), content_type="application/pdf", filename=file.name)
    response["X-Content-Type-Options"], response["Cache-Control"] = "nosniff", "private, no-store"
    return response


def zone_panel(row: WaterZone, actor: Actor) -> ZonePanel:
    """The block of a zone's page."""
    (state,) = zones.states([row])
    told = {(n.kind, n.period) for n in state.notices}
    may = any(OFFICE in seat.roles and row.division_id.startswith(seat.division) for seat in actor.seats)
    months = [f"{m.month:%Y-%m}" for m in state.months if not m.met]
    years, over = [str(load.opinion.year) for load in state.loads], [str(load.opinion.year) for load in state.loads if load.over]

    def newest(kind: str, periods: list[str]) -> str:
        return periods[0] if periods and (kind, periods[0]) not in told else ""

    return ZonePanel(state, may, newest("quality", months), newest("opinion", years), newest("exceed", over))

