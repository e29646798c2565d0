"""The chief's phone: what has to be walked, the walk itself, what was found. The form travels whole under a key made before it, so it can wait for a network."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import shapely
from django.contrib import messages as flash
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from yiwang.base.errors import Invalid
from yiwang.kit.access import restrict
from yiwang.kit.guards import actor_of
from yiwang.platforms.patrols import api as patrols
from yiwang.platforms.patrols.models import CheckItem, Duty, PatrolPlan, Round
from yiwang.systems.governance.river_chief.models import RiverProblem

FINDINGS = range(1, 4)


@dataclass(frozen=True)
class TodayPage:
    duties: list[Duty]
    rounds: list[Round]


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
    key: str
    typed: dict[str, Any]
    message: str = ""
    errors: tuple[str, ...] = ()


def today(request: HttpRequest) -> HttpResponse:
    """My reaches, what is to be walked next, what I walked last."""
    actor = actor_of(request)
    duties = patrols.next_duties(actor, timezone.localdate())
    rounds = list(restrict(actor, Round.objects.filter(walker=actor.party)).select_related("plan").order_by("-started_at")[:5])
    return render(request, "river_chief/field_today.html", {"page": TodayPage(duties, rounds)})


def patrol(request: HttpRequest, round: int) -> HttpResponse:
    """The round of a plan: track, check-list, findings."""
    return render(request, "river_chief/field_patrol.html", {"page": _page(request, round)})


@require_POST
def receive(request: HttpRequest, round: int) -> HttpResponse:
    """Takes a finished round; the same one again is acknowledged. A plain form that is not whole comes back with what was typed."""
    actor, sent = actor_of(request), request.POST
    queued = "application/json" in request.headers.get("Accept", "")
    try:
        made = patrols.receive(actor, round, _record(request), key=sent.get("key", ""))
    except Invalid as problem:
        if queued:
            raise
        page = _page(request, round, typed=sent.dict(), message=problem.message, errors=tuple(problem.fields.values()))
        return render(request, "river_chief/field_patrol.html", {"page": page}, status=422)
    if queued:
        return JsonResponse({"round": made.pk, "valid": made.valid, "reasons": made.reasons})
    if made.valid:
        flash.success(request, f"巡河有效：{made.metres / 1000:.2f} 公里，{made.minutes:.0f} 分钟，覆盖 {made.coverage:.0%}。")
    else:
        flash.warning(request, "这次巡河已记录，但不计入频次：" + "；".join(made.reasons))
    return redirect("river_chief:field")


def _page(request: HttpRequest, plan: int, **more: Any) -> PatrolPage:
    found = patrols.plan_for(actor_of(request), plan)
    day = timezone.localdate()
    kilometres = sum(_metres(line) for line in found.course) / 1000
    options = {"typed": {}, **more}
    return PatrolPage(
        plan=found, duty=patrols.duty(found, day), checks=patrols.checklist(found), kinds=list(RiverProblem.Kind.choices), findings=FINDINGS,
        limits=patrols.limits_for(found.division_id, day), shape=found.course.geojson, km=kilometres, key=options["typed"].get("key") or str(uuid4()), **options,
    )  # fmt: skip


def _metres(line: Any) -> float:
    return patrols.length(shapely.from_wkb(bytes(line.wkb)))


def _record(request: HttpRequest) -> dict[str, Any]:
    sent = request.POST
    codes = [name.removeprefix("r-") for name in sent if name.startswith("r-")]
    return {
        "started_at": sent.get("started_at"), "finished_at": sent.get("finished_at"), "track": _json(sent.get("track", "")), "note": sent.get("note", ""),
        "delegated": sent.get("delegated") == "1", "checks": {c: {"result": sent.get(f"r-{c}"), "note": sent.get(f"n-{c}", "")} for c in codes}, "findings": list(_findings(request)),
    }  # fmt: skip


def _findings(request: HttpRequest) -> Iterator[dict[str, Any]]:
    sent = request.POST
    for n in FINDINGS:
        note, photo = sent.get(f"f{n}-note", "").strip(), request.FILES.get(f"f{n}-photo")
        if not note and not photo:
            continue
        place = sent.get(f"f{n}-place", "")
        yield {
            "kind": sent.get(f"f{n}-kind", ""), "note": note, "place": place.split(",") if place else None, "seen_at": sent.get(f"f{n}-at") or sent.get("finished_at"),
            "photo": photo.read() if photo else None,
        }  # fmt: skip


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
