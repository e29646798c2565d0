"""The on-site check. The phone makes the record's key, so the same record sent twice is one; everything needed travels in it, so it can wait for a network."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
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
from yiwang.systems.services.acceptance.models import Inspection, InspectionPhoto

RESULTS = ("good", "wrong", "none")
GENERAL = [{"code": "general", "name": "现场情况与申请材料一致", "key": True}]  # where an item brings no check-list of its own


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


@transaction.atomic
def receive(actor: Actor, inspection: int, record: Mapping[str, Any]) -> Inspection:
    """Takes a finished record from a phone and moves the case on. A record that is already here is acknowledged again.

    record: key (uuid), started_at, finished_at (ISO), place [lon, lat] in EPSG:4490 or null, accuracy (m), findings {code: {result, note}}, passed,
    remarks, companion, signature and photos [{content, finding, taken_at, place}] as base64 of PNG or JPEG. Raises Invalid naming what is missing.
    """
    found = find(actor, inspection)
    case = procedures.lock(actor, found.application.case_id)
    locked = Inspection.objects.select_for_update().get(pk=found.pk)
    key = _uuid(record.get("key"))
    if locked.key == key:
        return locked
    if locked.received_at:
        raise Conflict("这次核查已经有了记录。", hint="您手机上的记录没有覆盖它，请联系审批人员。")
    if not actor.holds("inspector", case.organ_id):
        raise NotAllowed("现场核查由本单位的核查人员进行。")
    _fill(locked, record, found.application.version.inspection or GENERAL, actor)
    locked.key = key
    locked.save()
    for photo in _list(record.get("photos")):
        file = documents.store(_bytes(photo.get("content")), name="现场照片.jpg", case=case.pk)
        InspectionPhoto.objects.create(
            inspection=locked, file=file, finding=str(photo.get("finding", ""))[:80], taken_at=_moment(photo.get("taken_at")), place=_point(photo.get("place"))
        )
    procedures.perform(actor, case.pk, "report_inspection", {"opinion": locked.remarks}, key=str(key))
    return locked


def _fill(row: Inspection, record: Mapping[str, Any], points: Sequence[Mapping[str, Any]], actor: Actor) -> None:
    results = record.get("findings") or {}
    problems = {f"finding:{p['code']}": f"请检查：{p['name']}" for p in points if results.get(p["code"], {}).get("result") not in RESULTS}
    if record.get("passed") not in (True, False):
        problems["passed"] = "请选择核查结论"
    if not record.get("signature"):
        problems["signature"] = "请现场陪同人员签名"
    if not str(record.get("companion") or "").strip():
        problems["companion"] = "请填写陪同人姓名"
    wrong_key = [p["name"] for p in points if p.get("key") and results.get(p["code"], {}).get("result") == "wrong"]
    if record.get("passed") is True and wrong_key:
        problems["passed"] = f"关键项不符合时不能通过：{'、'.join(wrong_key)}"
    if problems:
        raise Invalid("核查记录还不完整。", fields=problems)
    row.inspector_id, row.received_at = actor.party, timezone.now()
    row.started_at, row.finished_at = _moment(record.get("started_at")), _moment(record.get("finished_at"))
    row.place, row.accuracy = _point(record.get("place")), record.get("accuracy")
    row.findings = [{"code": p["code"], "name": p["name"], **_finding(results[p["code"]])} for p in points]
    row.passed, row.remarks, row.companion = bool(record["passed"]), str(record.get("remarks") or "")[:2000], str(record["companion"]).strip()[:60]
    row.signature = documents.store(_bytes(record["signature"]), name="陪同人签名.png", case=row.application.case_id)


def _finding(answer: Mapping[str, Any]) -> dict[str, str]:
    return {"result": str(answer["result"]), "note": str(answer.get("note") or "")[:300]}


def _uuid(value: Any) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise Invalid("核查记录缺少标识。") from None


def _bytes(value: Any) -> bytes:
    text = str(value or "").partition("base64,")[2] or str(value or "")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Invalid("照片或签名没有完整上传。", hint="请重新提交，已填写的内容都还在。") from None


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        raise Invalid("时间格式不正确。") from None
    return moment if moment is None or moment.tzinfo else timezone.make_aware(moment)


def _point(value: Any) -> Point | None:
    if not value:
        return None
    try:
        longitude, latitude = (float(v) for v in value)
    except (TypeError, ValueError):
        raise Invalid("位置格式不正确。") from None
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise Invalid("位置超出范围。")
    return Point(longitude, latitude, srid=4490)


def _list(value: Any) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []
