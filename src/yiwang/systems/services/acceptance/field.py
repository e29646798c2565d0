"""The on-site check on a phone. The page holds everything; the record is sent whole, so it can wait for a network."""

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from yiwang.base.errors import Invalid
from yiwang.kit.guards import actor_of
from yiwang.systems.services.acceptance import inspecting
from yiwang.systems.services.acceptance.models import Inspection


@dataclass(frozen=True)
class InspectionPage:
    inspection: Inspection
    points: list[dict[str, Any]]
    address: str
    send_to: str


def today(request: HttpRequest) -> HttpResponse:
    """What waits to be looked at."""
    return render(request, "acceptance/field_today.html", {"page": inspecting.waiting(actor_of(request))})


def inspection(request: HttpRequest, inspection: int) -> HttpResponse:
    """Check-list, photographs, place, signature."""
    found = inspecting.find(actor_of(request), inspection)
    version, case = found.application.version, found.application.case
    address = str(found.application.answers.get("place") or case.applicant.address)
    points = version.inspection or inspecting.GENERAL
    page = InspectionPage(found, points, address, reverse("acceptance:inspection-record", args=[found.pk]))
    return render(request, "acceptance/field_inspection.html", {"page": page})


@require_POST
def receive(request: HttpRequest, inspection: int) -> JsonResponse:
    """Takes a record; the same one again is acknowledged."""
    try:
        record = json.loads(request.body)
    except ValueError:
        raise Invalid("记录没有完整上传。", hint="请在网络稳定时重新提交，已填写的内容都还在手机里。") from None
    found = inspecting.receive(actor_of(request), inspection, record if isinstance(record, dict) else {})
    return JsonResponse({"received": found.received_at.isoformat() if found.received_at else None, "case": found.application.case_id})
