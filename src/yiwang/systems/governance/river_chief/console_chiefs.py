"""河长令, 督办单 and 河长交接: the pages on which chiefs and offices give, answer and close orders, and the sheet that both see when a post changes hands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.contrib import messages as flash
from django.db.models import F
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from yiwang.base.errors import Invalid, NotFound
from yiwang.engines.documents import api as documents
from yiwang.engines.parties.models import Organisation, Post
from yiwang.kit.access import restrict
from yiwang.kit.guards import actor_of
from yiwang.systems.governance.river_chief import handing, orders, vacant
from yiwang.systems.governance.river_chief.flows import OFFICE
from yiwang.systems.governance.river_chief.models import ChiefOrder, HandOver, River, RiverProblem, Vacancy

SIZE = 50


@dataclass(frozen=True)
class OrderRow:
    order: ChiefOrder
    may_answer: bool
    may_settle: bool
    late: bool


@dataclass(frozen=True)
class OrdersPage:
    rows: list[OrderRow]
    may_issue: bool


@dataclass(frozen=True)
class OrderPage:
    row: OrderRow
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NewOrder:
    posts: list[Post]
    offices: list[Organisation]
    rivers: list[River]
    about: RiverProblem | None
    first_day: date
    typed: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HandOversPage:
    rows: list[HandOver]
    may_look: bool
    now: datetime
    vacant: list[tuple[Vacancy, list[tuple[str, list[str]]]]]  #: posts that stand empty, with what is open on them


@dataclass(frozen=True)
class HandOverPage:
    handover: HandOver
    parts: list[tuple[str, list[str]]]
    may_give: bool
    may_take: bool
    late: bool
    errors: Mapping[str, str] = field(default_factory=dict)


def listed(request: HttpRequest) -> HttpResponse:
    """What waits for me first, then what is under way, then the newest."""
    actor = actor_of(request)
    found = restrict(actor, ChiefOrder.objects.all()).select_related("issuer__organisation", "receiver__organisation", "organ", "document").order_by(F("closed_at").desc(nulls_first=True), "-issued_at")[:SIZE]
    rows = [_row(request, order) for order in found]
    page = OrdersPage(sorted(rows, key=lambda r: not (r.may_answer or r.may_settle)), bool(orders.seats_of(actor)))
    return render(request, "river_chief/orders.html", {"page": page})


def new(request: HttpRequest) -> HttpResponse:
    """The order as the chief writes it; what was typed comes back with what is wrong."""
    errors: Mapping[str, str] = {}
    if request.method == "POST":
        try:
            made = orders.issue(actor_of(request), _draft(request.POST))
        except Invalid as problem:
            errors = problem.fields
        else:
            flash.success(request, f"{made.document.number}已签发。")
            return redirect("river_chief:order", order=made.pk)
    return render(request, "river_chief/new_order.html", {"page": _new(request, errors)}, status=422 if errors else 200)


def order(request: HttpRequest, order: int) -> HttpResponse:
    return render(request, "river_chief/order.html", {"page": OrderPage(_row(request, _find(request, order)))})


@require_POST
def answer(request: HttpRequest, order: int) -> HttpResponse:
    """反馈."""
    try:
        orders.answer(actor_of(request), order, request.POST.get("words", ""))
    except Invalid as problem:
        return render(request, "river_chief/order.html", {"page": OrderPage(_row(request, _find(request, order)), problem.fields)}, status=422)
    flash.success(request, "已反馈，等待签发河长核销。")
    return redirect("river_chief:order", order=order)


@require_POST
def settle(request: HttpRequest, order: int) -> HttpResponse:
    """核销 or 退回."""
    passed = request.POST.get("passed") == "1"
    try:
        orders.settle(actor_of(request), order, passed=passed, words=request.POST.get("words", ""))
    except Invalid as problem:
        return render(request, "river_chief/order.html", {"page": OrderPage(_row(request, _find(request, order)), problem.fields)}, status=422)
    flash.success(request, "已核销。" if passed else "已退回，请承办方重新办理。")
    return redirect("river_chief:order", order=order)


def paper(request: HttpRequest, order: int) -> FileResponse:
    """The sealed paper."""
    file = _find(request, order).document.file
    response = FileResponse(documents.open_file(file), content_type="application/pdf", filename=file.name)
    response["X-Content-Type-Options"], response["Cache-Control"] = "nosniff", "private, no-store"
    return response


def handovers(request: HttpRequest) -> HttpResponse:
    """Hand-overs of the place and one's own."""
    actor = actor_of(request)
    rows = list(restrict(actor, HandOver.objects.all()).select_related("post__organisation").order_by("-changed_on")[:SIZE])
    return render(request, "river_chief/handovers.html", {"page": HandOversPage(rows, actor.holds(OFFICE), timezone.now(), vacant.open_ones(actor))})


@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """Looks for posts that changed hands or stand empty now; the job does so every morning."""
    day = timezone.localdate()
    flash.success(request, f"已核对任职变动，新增 {handing.look(day)} 份交接、{vacant.look(day)} 个空缺岗位。")
    return redirect("river_chief:handovers")


def handover(request: HttpRequest, handover: int) -> HttpResponse:
    """The sheet, for both of them: whoever has left may hold no post any more."""
    return render(request, "river_chief/handover.html", {"page": _sheet(request, handover)})


@require_POST
def give(request: HttpRequest, handover: int) -> HttpResponse:
    """移交."""
    handing.give(actor_of(request), handover, request.POST.get("words", ""))
    flash.success(request, "已移交，等待接收。")
    return redirect("river_chief:handover", handover=handover)


@require_POST
def take(request: HttpRequest, handover: int) -> HttpResponse:
    """接收."""
    try:
        handing.take(actor_of(request), handover, request.POST.get("words", ""))
    except Invalid as problem:
        return render(request, "river_chief/handover.html", {"page": _sheet(request, handover, problem.fields)}, status=422)
    flash.success(request, "已接收，交接完成。")
    return redirect("river_chief:handover", handover=handover)


def _find(request: HttpRequest, order: int) -> ChiefOrder:
    rows = restrict(actor_of(request), ChiefOrder.objects.filter(pk=order))
    found = rows.select_related("issuer__organisation", "receiver__organisation", "organ", "document__file", "river", "problem__river").first()
    if found is None:
        raise NotFound("没有找到这份河长令或者督办单。")
    return found


def _row(request: HttpRequest, order: ChiefOrder) -> OrderRow:
    may_answer, may_settle = orders.owed_to(order, actor_of(request))
    return OrderRow(order, may_answer, may_settle, order.stage == ChiefOrder.Stage.ISSUED and order.due < timezone.localdate())


def _draft(given: Mapping[str, str]) -> orders.Draft:
    kind, _, number = given.get("to", "").partition(":")
    chosen = int(number) if number.isdecimal() else None
    return orders.Draft(
        kind=given.get("kind", ""), title=given.get("title", ""), text=given.get("text", ""), due=_day(given.get("due", "")) or date.min,
        receiver=chosen if kind == "post" else None, organ=chosen if kind == "organ" else None, river=_number(given.get("river")), problem=_number(given.get("problem")),
    )  # fmt: skip


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _new(request: HttpRequest, errors: Mapping[str, str]) -> NewOrder:
    actor = actor_of(request)
    about = _number(request.POST.get("problem") or request.GET.get("problem"))
    return NewOrder(
        posts=list(orders.posts_below(actor)), offices=list(orders.offices_below(actor)), rivers=list(River.objects.order_by("name")[:200]),
        about=restrict(actor, RiverProblem.objects.filter(pk=about)).select_related("river").first() if about else None, first_day=timezone.localdate() + timedelta(days=1),
        typed=request.POST.dict(), errors=errors,
    )  # fmt: skip


def _sheet(request: HttpRequest, handover: int, errors: Mapping[str, str] | None = None) -> HandOverPage:
    actor = actor_of(request)
    found = handing.find(actor, handover)
    parts = [(name, found.sheet.get(part, [])) for part, name in handing.PARTS.items()]
    return HandOverPage(
        found, parts, found.given_at is None and found.giver_id == actor.party, found.given_at is not None and found.taken_at is None and found.taker_id == actor.party,
        found.taken_at is None and found.due_at < timezone.now(), errors or {},
    )  # fmt: skip
