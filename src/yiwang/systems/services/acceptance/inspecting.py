"""The on-site check. The phone makes the record's key, so the same record sent twice is one; everything needed travels in it, so it can wait for a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.contrib.gis.geos import Point
from django.db import transaction
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.documents import api as documents
from yiwang.engines.procedures import api as procedures
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.fieldwork import Shot
from yiwang.systems.services.acceptance.models import Inspection, InspectionPhoto

RESULTS = ("good", "wrong", "none")
GENERAL = [{"code": "general", "name": "现场情况与申请材料一致", "key": True}]  # where an item brings no check-list of its own


@dataclass(frozen=True, kw_only=True)
class Record:
    """A check as the inspector finished it on the phone."""

    key: UUID
    started_at: datetime | None
    finished_at: datetime | None
    place: Point | None  #: EPSG:4490
    accuracy: float | None  #: metres
    findings: Mapping[str, Mapping[str, str]]  #: code of a point → result (good, wrong, none) and note
    passed: bool | None
    remarks: str = ""
    companion: str = ""
    signature: bytes = b""  #: PNG or JPEG
    photos: Sequence[Shot] = ()


def waiting(actor: Actor) -> list[Inspection]:
    """Checks that wait for the actor's office, the earliest planned first."""
    rows = restrict(actor, Inspection.objects.filter(received_at=None, application__case__state="inspecting"))
    return list(rows.select_related("application__case__applicant", "application__version__item").order_by("planned_on")[:100])


def find(actor: Actor, inspection: int) -> Inspection:
    """Raises NotFound."""
    found = restrict(actor, Inspection.objects.filter(pk=inspection)).select_related("application__case__applicant", "application__version__item").first()
    if found is None:
        raise NotFound("没有找到这次核查。")
    return found


def due_at(check: Inspection) -> datetime:
    """The end of the planned day, by which the phone orders its tasks."""
    return timezone.make_aware(datetime.combine(check.planned_on + timedelta(days=1), time.min))


def places_known(actor: Actor, checks: Sequence[Inspection]) -> dict[int, tuple[float, float]]:
    """Where checks will be (lon, lat), by their number: where the same applicant was looked at last, if the address given is the same. Others are left out."""
    applicants = {check.application.case.applicant_id for check in checks}
    past = restrict(actor, Inspection.objects.filter(application__case__applicant__in=applicants, place__isnull=False)).select_related("application__case")
    known = {_whereabouts(row): (row.place.x, row.place.y) for row in past.order_by("received_at") if row.place}
    return {check.pk: known[_whereabouts(check)] for check in checks if _whereabouts(check) in known}


def _whereabouts(check: Inspection) -> tuple[int, str]:
    return check.application.case.applicant_id, str(check.application.answers.get("place") or "")


@transaction.atomic
def receive(actor: Actor, inspection: int, record: Record) -> Inspection:
    """Takes a finished record from a phone and moves the case on. A record that is already here is acknowledged again.

    Raises Invalid naming what is missing; Conflict where the check was done by somebody else or the case no longer waits for one; NotAllowed; NotFound.
    """
    found = find(actor, inspection)
    case = procedures.lock(actor, found.application.case_id)
    locked = Inspection.objects.select_for_update().get(pk=found.pk)
    if locked.key == record.key:
        return locked
    if locked.received_at:
        raise Conflict("这次核查已经有了记录。", hint="您手机上的记录没有覆盖它，还留在手机里。请联系审批人员。")
    if case.state != "inspecting":
        state = case.declared.state(case.state).name
        raise Conflict(f"这个办件{state}，不再需要现场核查。", hint="您的记录没有提交，还留在手机里，可以查看。需要留存时请联系审批人员。")
    if not actor.holds("inspector", case.organ_id):
        raise NotAllowed("现场核查由本单位的核查人员进行。")
    _fill(locked, record, found.application.version.inspection or GENERAL, actor)
    locked.key = record.key
    locked.save()
    for photo in record.photos:
        file = documents.store(photo.content, name="现场照片.jpg", case=case.pk)
        InspectionPhoto.objects.create(inspection=locked, file=file, taken_at=photo.taken_at, place=photo.place)
    procedures.perform(actor, case.pk, "report_inspection", {"opinion": locked.remarks}, key=str(record.key))
    return locked


def _fill(row: Inspection, record: Record, points: Sequence[Mapping[str, Any]], actor: Actor) -> None:
    problems = _missing(record, points)
    if problems:
        raise Invalid("核查记录还不完整。", fields=problems)
    row.inspector_id, row.received_at = actor.party, timezone.now()
    row.started_at, row.finished_at, row.place, row.accuracy = record.started_at, record.finished_at, record.place, record.accuracy
    row.findings = [{"code": p["code"], "name": p["name"], **_finding(record.findings[p["code"]])} for p in points]
    row.passed, row.remarks, row.companion = record.passed, record.remarks[:2000], record.companion.strip()[:60]
    row.signature = documents.store(record.signature, name="陪同人签名.png", case=row.application.case_id)


def _missing(record: Record, points: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What stands in the way, by field."""
    results = {code: finding.get("result") for code, finding in record.findings.items()}
    problems = {f"finding:{p['code']}": f"请检查：{p['name']}" for p in points if results.get(p["code"]) not in RESULTS}
    if record.passed is None:
        problems["passed"] = "请选择核查结论"
    if not record.signature:
        problems["signature"] = "请现场陪同人员签名"
    if not record.companion.strip():
        problems["companion"] = "请填写陪同人姓名"
    wrong_key = [p["name"] for p in points if p.get("key") and results.get(p["code"]) == "wrong"]
    if record.passed and wrong_key:
        problems["passed"] = f"关键项不符合时不能通过：{'、'.join(wrong_key)}"
    return problems


def _finding(answer: Mapping[str, str]) -> dict[str, str]:
    return {"result": answer["result"], "note": answer.get("note", "")[:300]}
