"""What everybody sees: a river and its chief by the sign-board's QR; telling of a problem, following and rating the answer."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages as flash
from django.contrib.gis.geos import Point
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from yiwang.base.errors import Invalid, NotFound
from yiwang.kit.guards import actor_of
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.incidents import api as incidents
from yiwang.platforms.incidents.models import Report
from yiwang.systems.governance.river_chief import filing, problems
from yiwang.systems.governance.river_chief.chiefs import Chief, chief_of
from yiwang.systems.governance.river_chief.console import CHIEFS_DUTIES
from yiwang.systems.governance.river_chief.models import Reach, River, RiverProblem

LARGEST = 20 * 1024 * 1024


@dataclass(frozen=True)
class PublicPage:
    reach: Reach
    chief: Chief | None
    others: list[tuple[Reach, Chief | None]]
    duties: str
    waters: list[filing.Water]
    counts: dict[str, int]
    shape: str
    kinds: list[tuple[str, str]]
    key: str
    typed: dict[str, Any]
    errors: dict[str, str]


@dataclass(frozen=True)
class ReceiptPage:
    report: Report
    stage: str
    grades: list[tuple[int, str]]
    may_reopen: bool
    where: str  #: the bank and kilometre; whose bank it is stays with the offices
    error: str = ""


def rivers(request: HttpRequest) -> HttpResponse:
    """All rivers with their chiefs' reaches."""
    rows = River.objects.filter(standing="live").prefetch_related("reaches").order_by("name")
    return render(request, "river_chief/rivers.html", {"page": rows})


def public(request: HttpRequest, code: str) -> HttpResponse:
    """The page that the sign-board's QR opens."""
    return render(request, "river_chief/public.html", {"page": _page(code)})


@require_POST
def report(request: HttpRequest, code: str) -> HttpResponse:
    """Tells of a problem. What was typed comes back with what is wrong."""
    found, sent = _reach(code), request.POST
    try:
        photo = request.FILES.get("photo")
        if photo and (photo.size or 0) > LARGEST:
            raise Invalid("照片超过 20 MB。", fields={"photo": "请压缩后重新选择"})
        kind = sent.get("kind", "")
        if kind not in RiverProblem.Kind.values:
            raise Invalid("有内容需要补充。", fields={"kind": "请选择问题类型"})
        told = problems.tell_by_citizen(
            actor_of(request), found, key=_uuid(sent.get("key", "")), kind=kind, text=sent.get("text", ""), place=_place(sent.get("place", "")),
            photo=photo.read() if photo else None, phone=sent.get("phone", ""), anonymous=sent.get("anonymous") == "1",
        )  # fmt: skip
    except Invalid as problem:
        return render(request, "river_chief/public.html", {"page": _page(code, typed=sent.dict(), errors=problem.fields or {"text": problem.message})}, status=422)
    flash.success(request, "已收到，感谢您一起爱护河湖。请保存本页地址，可以查看办理情况。")
    return redirect("river_chief:receipt", key=told.key)


def receipt(request: HttpRequest, key: UUID) -> HttpResponse:
    """What became of a report; rating the answer."""
    actor = actor_of(request)
    error = ""
    if request.method == "POST":
        try:
            grade = request.POST.get("grade", "")
            incidents.rate(actor, key, grade=int(grade) if grade.isdecimal() else 0, words=request.POST.get("words", ""))
        except Invalid as problem:
            error = next(iter(problem.fields.values()), problem.message)
        else:
            flash.success(request, "感谢您的评价。")
            return redirect("river_chief:receipt", key=key)
    found = incidents.seen_by_receipt(actor, key)
    incident = found.incident
    stage = incident.case.declared.state(incident.case.state).public
    page = ReceiptPage(found, stage, list(Report.GRADES), incidents.may_reopen(incident), _where(incident.pk), error)
    return render(request, "river_chief/receipt.html", {"page": page}, status=422 if error else 200)


@require_POST
def reopen(request: HttpRequest, key: UUID) -> HttpResponse:
    """Not mended: take it up again."""
    incidents.reopen(actor_of(request), key, request.POST.get("reason", ""))
    flash.success(request, "已退回重新办理。")
    return redirect("river_chief:receipt", key=key)


def _where(incident: int) -> str:
    with elevated():  # the reporter cannot read the city's problems; only where theirs lies leaves here
        found = RiverProblem.objects.filter(incident=incident).select_related("river").first()
    return f"{found.river.name}{found.get_side_display()} {found.km.normalize():f} 公里" if found else ""


def _reach(code: str) -> Reach:
    found = Reach.objects.select_related("river", "division", "chief__organisation").filter(code=code, standing="live").first()
    if found is None:
        raise NotFound("没有找到这个河段。", hint="请核对公示牌上的编码，或从河湖列表进入。")
    return found


def _page(code: str, *, typed: dict[str, Any] | None = None, errors: dict[str, str] | None = None) -> PublicPage:
    found = _reach(code)
    others = list(found.river.reaches.exclude(pk=found.pk).select_related("chief__organisation").filter(from_km__lt=found.to_km, to_km__gt=found.from_km).order_by("level", "from_km"))
    with elevated():  # names of chiefs and counts are published by law (河长公示); nobody's data but these leave here
        return PublicPage(
            found, chief_of(found), [(r, chief_of(r)) for r in others], CHIEFS_DUTIES, filing.waters_of(found.river), filing.public_counts(found),
            found.course.geojson if found.course else "", list(RiverProblem.Kind.choices), str(uuid4()) if not typed else str(typed.get("key", "")), typed or {}, errors or {},
        )  # fmt: skip


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("页面已过期，请重新打开后提交。") from None


def _place(text: str) -> Point | None:
    try:
        longitude, latitude = (float(part) for part in text.split(","))
    except ValueError:
        return None
    return Point(longitude, latitude, srid=4490) if -180 <= longitude <= 180 and -90 <= latitude <= 90 else None
