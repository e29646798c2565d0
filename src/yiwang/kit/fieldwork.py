"""What a phone's queue sends, read once for every system: a record is one multipart POST under a key made on the phone, so that a repeat is harmless.

The contract (docs/shells/field.md): 2xx = taken, the phone forgets it; 409 and other 4xx = told in words, the person corrects or discards; 401 = sign in
again; 408, 429, 5xx and silence = sent again later. Without scripts the same form arrives as a plain POST and is answered with a page.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib import messages as flash
from django.contrib.gis.geos import Point
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone

from yiwang.base.errors import Invalid

SRID = 4490
MOST = 30  # photographs of one kind in a record
LARGEST = 20 * 1024**2  # bytes of a photograph: what documents take; the phone's own are a fiftieth of it


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A photograph as it arrived, with what the phone knew when it was taken."""

    content: bytes
    name: str
    taken_at: datetime | None = None
    place: Point | None = None
    accuracy: float | None = None  #: metres


def key_of(request: HttpRequest) -> UUID:
    """The record's own key, from the field `key` or the header X-Idempotency-Key. Raises Invalid."""
    try:
        return UUID(request.POST.get("key") or request.headers.get("X-Idempotency-Key", ""))
    except ValueError:
        raise Invalid("记录缺少标识。", hint="请重新打开这一页再提交。") from None


def from_queue(request: HttpRequest) -> bool:
    """Whether the queue sends it, and reads JSON; else a browser waits for a page."""
    return "application/json" in request.headers.get("Accept", "")


def taken(request: HttpRequest, *, to: str, words: str) -> HttpResponse:
    """The answer to a record that was taken now or before: `to` is the address the person goes on to, `words` are said there."""
    if from_queue(request):
        return JsonResponse({"next": to})
    flash.success(request, words)
    return redirect(to)


def content_of(request: HttpRequest, name: str) -> bytes:
    """One file of the record, such as a signature; empty where none came."""
    file = request.FILES.get(name)
    return file.read() if file else b""


def shots_of(request: HttpRequest, name: str, *, most: int = MOST) -> list[Shot]:
    """The photographs under `name`, in order; `<name>_about` holds a JSON line for each. Nothing is read before their number and sizes are known to be right.

    Raises Invalid for too many, for one that is too large, for a place or moment that is none.
    """
    files = request.FILES.getlist(name)
    if len(files) > most:
        raise Invalid("照片太多。", hint="请留下最清楚的，其余另行提交。", fields={name: f"这里最多 {most} 张照片，现在有 {len(files)} 张"})
    if any((file.size or 0) > LARGEST for file in files):
        raise Invalid("照片太大。", hint="请把照片缩小后重新提交。", fields={name: f"每张照片最多 {LARGEST // 1024**2} MB"})
    about = [_about(text) for text in request.POST.getlist(f"{name}_about")]
    about += [{}] * (len(files) - len(about))  # chosen in a plain form: nothing is known of them
    return [_shot(file.read(), str(file.name), known) for file, known in zip(files, about, strict=False)]


def place_of(value: object) -> Point | None:
    """A point of EPSG:4490 from "lon,lat" or [lon, lat]; None for nothing. Raises Invalid."""
    if not value:
        return None
    parts = value.split(",") if isinstance(value, str) else value
    try:
        longitude, latitude = (float(part) for part in parts)  # type: ignore[attr-defined]  # whatever is no pair ends below
    except (TypeError, ValueError):
        raise Invalid("位置格式不正确。") from None
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise Invalid("位置超出范围。")
    return Point(longitude, latitude, srid=SRID)


def moment_of(value: object) -> datetime | None:
    """An aware moment from ISO text; None for nothing. Raises Invalid."""
    try:
        moment = datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        raise Invalid("时间格式不正确。") from None
    return moment if moment is None or moment.tzinfo else timezone.make_aware(moment)


def metres_of(value: object) -> float | None:
    """An accuracy; None for nothing, for what is no number and for what is no distance."""
    try:
        metres = float(str(value)) if value else None
    except ValueError:
        return None
    return metres if metres is not None and 0 <= metres < 1_000_000 else None


def _about(text: str) -> Mapping[str, object]:
    try:
        known = json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid("照片的说明没有完整上传。", hint="请重新提交，已填写的内容都还在。") from None
    return known if isinstance(known, dict) else {}


def _shot(content: bytes, name: str, known: Mapping[str, object]) -> Shot:
    return Shot(
        content=content, name=name, taken_at=moment_of(known.get("taken_at")), place=place_of(known.get("place")), accuracy=metres_of(known.get("accuracy"))
    )
