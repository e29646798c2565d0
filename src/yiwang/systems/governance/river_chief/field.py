"""The chief's phone: what has to be walked, the walk itself, what was found. The record waits in the shell's queue where there is no network and counts once for its key."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from uuid import uuid4

import shapely
from django.contrib import messages as flash
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from yiwang.base.errors import Invalid
from yiwang.kit import fieldwork
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Errand
from yiwang.kit.guards import actor_of
from yiwang.platforms.patrols import api as patrols
from yiwang.platforms.patrols.models import CheckItem, Duty, PatrolPlan, Round
from yiwang.systems.governance.river_chief.chiefs import problems_on
from yiwang.systems.governance.river_chief.flows import CHIEF
from yiwang.systems.governance.river_chief.models import ChiefOrder, Measured, Reach, Reading, RiverProblem, Sample

FINDINGS = range(1, 4)
SLACK = timedelta(minutes=1)  # between the phone's clock and the receiver's
Fixes = Sequence[Sequence[Any]]  # [lon, lat, ISO time, accuracy m, segment] as the phone recorded them


@dataclass(frozen=True)
class Facts:
    """What a chief should know of a reach before walking it: its water, what is open on it, what is asked of its chief."""

    reach: Reach
    water: Measured | None  #: the newest reading, else the newest month, of a section on it
    problems: int
    orders: int


@dataclass(frozen=True)
class TodayPage:
    duties: list[Duty]
    rounds: list[Round]
    facts: list[Facts]


@dataclass(frozen=True)
class PatrolPage:
    plan: PatrolPlan
    duty: Duty
    checks: list[CheckItem]
    kinds: list[tuple[str, str]]
    findings: range
    limits: patrols.Limits
    shape: str
    km: float
    key: str  #: of a record sent without the shell's scripts; with them the phone makes its own
    typed: Mapping[str, str] = field(default_factory=dict)
    problem: Invalid | None = None


def errands(actor: Actor) -> list[Errand]:
    """The walks that this chief still owes in the periods under way."""
    if not actor.holds(CHIEF):
        return []
    return [_errand(duty) for duty in patrols.next_duties(actor, timezone.localdate()) if not duty.met]


def today(request: HttpRequest) -> HttpResponse:
    """My reaches, what is to be walked next, what I walked last."""
    actor = actor_of(request)
    duties = patrols.next_duties(actor, timezone.localdate())
    rounds = list(restrict(actor, Round.objects.filter(walker=actor.party)).select_related("plan").order_by("-started_at")[:5])
    return render(request, "river_chief/field_today.html", {"page": TodayPage(duties, rounds, facts_of(actor))})


def facts_of(actor: Actor) -> list[Facts]:
    """Of each reach of the actor's own posts; four queries a reach, and a chief has few."""
    reaches = Reach.objects.filter(chief__in=[seat.post for seat in actor.seats], standing=Reach.Standing.LIVE).select_related("river").order_by("river__name", "from_km")
    waiting = restrict(actor, ChiefOrder.objects.filter(stage=ChiefOrder.Stage.ISSUED))
    return [Facts(r, _water(r), _open(r), waiting.filter(receiver=r.chief_id).filter(Q(river=None) | Q(river=r.river_id)).count()) for r in reaches]


def _water(reach: Reach) -> Measured | None:
    on = {"section__river": reach.river_id, "section__km__range": (reach.from_km, reach.to_km)}
    reading = Reading.objects.filter(**on, at__gte=timezone.now() - timedelta(days=7)).order_by("-at").first()
    return reading or Sample.objects.filter(**on).order_by("-month").first()


def _open(reach: Reach) -> int:
    return problems_on(reach).filter(incident__closed_at=None).count()


def patrol(request: HttpRequest, round: int) -> HttpResponse:
    """The round of a plan: track, check-list, findings."""
    return render(request, "river_chief/field_patrol.html", {"page": _page(request, round)})


@require_POST
def receive(request: HttpRequest, round: int) -> HttpResponse:
    """Takes a finished round; the same one again is acknowledged. A plain form that is not whole comes back with what is wrong."""
    try:
        made = patrols.receive(actor_of(request), round, _record(request), key=str(fieldwork.key_of(request)))
    except Invalid as problem:
        if fieldwork.from_queue(request):
            raise
        page = _page(request, round, typed=request.POST.dict(), problem=problem)
        return render(request, "river_chief/field_patrol.html", {"page": page}, status=problem.status)
    if fieldwork.from_queue(request):  # what was judged is said on the page they go on to, whenever that is
        (flash.success if made.valid else flash.warning)(request, _verdict(made))
    return fieldwork.taken(request, to=reverse("river_chief:field"), words=_verdict(made))


def _verdict(made: Round) -> str:
    if made.valid:
        return f"巡河有效：{made.metres / 1000:.2f} 公里，{made.minutes:.0f} 分钟，覆盖 {made.coverage:.0%}。"
    return "这次巡河已记录，但不计入频次：" + "；".join(made.reasons)


def _errand(duty: Duty) -> Errand:
    first = duty.plan.course[0][0]
    return Errand(
        title=duty.plan.name, note=f"{duty.plan.get_period_display()} {duty.wanted} 次，还需 {duty.left} 次", page=reverse("river_chief:patrol", args=[duty.plan_id]),
        sends_to=reverse("river_chief:patrol-record", args=[duty.plan_id]), due_at=timezone.make_aware(datetime.combine(duty.last + timedelta(days=1), time.min)),
        place=(first[0], first[1]),
    )  # fmt: skip


def _page(request: HttpRequest, plan: int, **more: Any) -> PatrolPage:
    found = patrols.plan_for(actor_of(request), plan)
    day = timezone.localdate()
    return PatrolPage(
        plan=found, duty=patrols.duty(found, day), checks=patrols.checklist(found), kinds=list(RiverProblem.Kind.choices), findings=FINDINGS,
        limits=patrols.limits_for(found.division_id, day), shape=found.course.geojson, km=sum(map(_metres, found.course)) / 1000, key=str(uuid4()), **more,
    )  # fmt: skip


def _metres(line: Any) -> float:
    return patrols.length(shapely.from_wkb(bytes(line.wkb)))


def _record(request: HttpRequest) -> dict[str, Any]:
    """A round lasts from the first fix to the last, however long the page was open before and after."""
    sent = request.POST
    track = _json(sent.get("track", ""))
    fixes = _fixes(track)
    codes = [name.removeprefix("r-") for name in sent if name.startswith("r-")]
    return {
        "started_at": fixes[0][2] if fixes else sent.get("started_at"), "finished_at": fixes[-1][2] if fixes else sent.get("finished_at"), "track": track,
        "note": sent.get("note", ""), "checks": {c: {"result": sent.get(f"r-{c}"), "note": sent.get(f"n-{c}", "")} for c in codes},
        "findings": list(_findings(request, fixes)),
    }  # fmt: skip


def _findings(request: HttpRequest, fixes: Fixes) -> Iterator[dict[str, Any]]:
    """What was found: where its place was not recorded, it lies where the walker was when the photograph was taken, or when it was begun to be written down."""
    for n in FINDINGS:
        note, shots = request.POST.get(f"f{n}-note", "").strip(), fieldwork.shots_of(request, f"f{n}-photo", most=1)
        given, kind = fieldwork.place_of(request.POST.get(f"f{n}-place")), request.POST.get(f"f{n}-kind", "")
        if not (note or shots or given or kind):
            continue
        if kind not in RiverProblem.Kind.values:
            raise Invalid("请选择问题类型。", fields={f"f{n}-kind": f"发现的问题 {n} 还没有选择类型"})
        seen = _on_the_way(fixes, shots[0].taken_at if shots else None, fieldwork.moment_of(request.POST.get(f"f{n}-at")))
        yield {
            "kind": kind, "note": note, "place": (given.x, given.y) if given else _walked_by(fixes, seen), "seen_at": seen.isoformat() if seen else None,
            "accuracy": fieldwork.metres_of(request.POST.get(f"f{n}-accuracy")), "photo": shots[0].content if shots else None,
        }  # fmt: skip


def _on_the_way(fixes: Fixes, *moments: datetime | None) -> datetime | None:
    """The first of the moments that lies on the walk: a picture from the album was taken at another time."""
    if not fixes:
        return None
    begun, ended = _moment(fixes[0]) - SLACK, _moment(fixes[-1]) + SLACK
    return next((at for at in moments if at and begun <= at <= ended), None)


def _walked_by(fixes: Fixes, at: datetime | None) -> tuple[float, float] | None:
    """Where the walker was at that moment: the nearest fix in time; of no moment, the last."""
    nearest = min(fixes, key=lambda fix: abs((_moment(fix) - at).total_seconds()), default=None) if at else next(reversed(fixes), None)
    return (nearest[0], nearest[1]) if nearest else None


def _moment(fix: Sequence[Any]) -> datetime:
    return fieldwork.moment_of(fix[2]) or timezone.now()


def _fixes(track: Any) -> Fixes:
    """The fixes as sent, if they have the shape of fixes: the platform judges and refuses them."""
    points = track.get("points") if isinstance(track, dict) else None
    return points if isinstance(points, list) and all(isinstance(p, list) and len(p) >= 4 for p in points) else []


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # nested deeper than anything that a phone sends
        return None
