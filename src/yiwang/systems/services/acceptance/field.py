"""The on-site check on a phone: a form that waits for a network in the shell's queue, and the record it sends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from yiwang.base.errors import Invalid
from yiwang.kit import fieldwork
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Errand
from yiwang.kit.guards import actor_of
from yiwang.systems.services.acceptance import inspecting
from yiwang.systems.services.acceptance.inspecting import Record
from yiwang.systems.services.acceptance.models import Inspection


@dataclass(frozen=True)
class InspectionPage:
    inspection: Inspection
    points: list[dict[str, Any]]
    address: str
    key: str  #: of a record sent without scripts; with them the phone makes its own
    typed: Mapping[str, str] = field(default_factory=dict)
    problem: Invalid | None = None


def errands(actor: Actor) -> list[Errand]:
    """The checks that wait for this person's office."""
    if not actor.holds("inspector"):
        return []
    waiting = inspecting.waiting(actor)
    places = inspecting.places_known(actor, waiting)
    return [_errand(check, places.get(check.pk)) for check in waiting]


def _errand(check: Inspection, place: tuple[float, float] | None) -> Errand:
    return Errand(
        title=f"{check.application.version.item.name}：{check.application.case.applicant.name}", where=_address(check), note=check.instructions,
        page=reverse("acceptance:inspection", args=[check.pk]), sends_to=reverse("acceptance:inspection-record", args=[check.pk]),
        due_at=inspecting.due_at(check), place=place,
    )  # fmt: skip


def inspection(request: HttpRequest, inspection: int) -> HttpResponse:
    """Check-list, photographs, place, signature."""
    return render(request, "acceptance/field_inspection.html", {"page": _page(inspecting.find(actor_of(request), inspection))})


@require_POST
def receive(request: HttpRequest, inspection: int) -> HttpResponse:
    """Takes a record; the same one again is acknowledged. A plain form that is not whole comes back with what was typed."""
    actor = actor_of(request)
    try:
        inspecting.receive(actor, inspection, _record(request))
    except Invalid as problem:
        if fieldwork.from_queue(request):
            raise
        page = _page(inspecting.find(actor, inspection), typed=request.POST.dict(), problem=problem)
        return render(request, "acceptance/field_inspection.html", {"page": page}, status=problem.status)
    return fieldwork.taken(request, to=reverse("field:today"), words="核查记录已经提交。")


def _page(found: Inspection, **more: Any) -> InspectionPage:
    return InspectionPage(found, found.application.version.inspection or inspecting.GENERAL, _address(found), str(uuid4()), **more)


def _address(found: Inspection) -> str:
    return str(found.application.answers.get("place") or found.application.case.applicant.address)


def _record(request: HttpRequest) -> Record:
    sent = request.POST
    return Record(
        key=fieldwork.key_of(request), started_at=fieldwork.moment_of(sent.get("started_at")), finished_at=fieldwork.moment_of(sent.get("finished_at")),
        place=fieldwork.place_of(sent.get("place")), accuracy=fieldwork.metres_of(sent.get("accuracy")), findings=_findings(sent),
        passed={"yes": True, "no": False}.get(sent.get("passed", "")), remarks=sent.get("remarks", ""), companion=sent.get("companion", ""),
        signature=fieldwork.content_of(request, "signature"), photos=fieldwork.shots_of(request, "photos"),
    )  # fmt: skip


def _findings(sent: QueryDict) -> dict[str, dict[str, str]]:
    codes = [name.removeprefix("r-") for name in sent if name.startswith("r-")]
    return {code: {"result": sent.get(f"r-{code}", ""), "note": sent.get(f"n-{code}", "")} for code in codes}
