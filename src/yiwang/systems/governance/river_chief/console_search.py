"""排口排查: the searches, opening one, its trace and its candidates, each looked at by somebody."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import PurePath
from typing import Any

from django.contrib import messages as flash
from django.db.models import Count, Q, Sum
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_POST

from yiwang.base.errors import Invalid, NotFound, TooLarge
from yiwang.engines.documents import api as documents
from yiwang.kit.access import restrict
from yiwang.kit.guards import actor_of
from yiwang.systems.governance.river_chief import searching, tracechart, traces
from yiwang.systems.governance.river_chief.flows import OFFICE
from yiwang.systems.governance.river_chief.models import Candidate, Outfall, OutfallSearch, River, RiverProblem, Trace

SIZE = 100
LARGEST_PHOTO = 20 * 1024 * 1024


@dataclass(frozen=True)
class SearchesPage:
    rows: list[OutfallSearch]
    searches: int
    km: Decimal
    found: int
    waiting: int
    may_begin: bool

    @property
    def per_km(self) -> Decimal:
        return self.found / self.km if self.km else Decimal(0)


@dataclass(frozen=True)
class NewSearch:
    rivers: list[River]
    methods: list[tuple[str, str]]
    typed: Mapping[str, Any]
    errors: Mapping[str, str]


@dataclass(frozen=True)
class SearchPage:
    search: OutfallSearch
    charts: list[tuple[str, tracechart.Chart]]
    unit: str
    traces: list[Trace]
    candidates: list[Candidate]
    seen: frozenset[int]  #: their problems that the reader may open
    may_work: bool
    may_close: bool
    waiting: int
    kinds: list[tuple[str, str]]
    typed: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    failed: int = 0  #: the candidate whose form came back


def searches(request: HttpRequest) -> HttpResponse:
    """All searches, with how much they found for each kilometre."""
    actor = actor_of(request)
    rows = restrict(actor, OutfallSearch.objects.all()).annotate(waiting=Count("candidates", filter=Q(candidates__stage="waiting")))
    sums = restrict(actor, OutfallSearch.objects.all()).aggregate(n=Count("pk"), km=Sum("km"), found=Sum("found"))
    waiting = restrict(actor, Candidate.objects.filter(stage="waiting")).count()
    may = any(OFFICE in seat.roles for seat in actor.seats)
    page = SearchesPage(list(rows.select_related("river").order_by("-opened_at")[:SIZE]), sums["n"], sums["km"] or Decimal(0), sums["found"] or 0, waiting, may)
    return render(request, "river_chief/searches.html", {"page": page})


def new(request: HttpRequest) -> HttpResponse:
    """Opens one; a suspected stretch fills the form in beforehand."""
    actor = actor_of(request)
    typed: Mapping[str, Any] = request.POST if request.method == "POST" else request.GET
    errors: Mapping[str, str] = {}
    if request.method == "POST":
        try:
            made = searching.begin(actor, _plan(request.POST))
        except Invalid as problem:
            errors = problem.fields or {"reason": problem.message}
        else:
            flash.success(request, "排查已组织。测量后在这里上传轨迹。" if made.method != OutfallSearch.Method.FOOT else "排查已组织。现场发现的疑似排口在这里登记。")
            return redirect("river_chief:search", search=made.pk)
    rivers = list(River.objects.filter(standing="live").order_by("name")[:200])
    page = NewSearch([r for r in rivers if searching.may_begin(actor, r.division_id)], list(OutfallSearch.Method.choices), typed, errors)
    return render(request, "river_chief/new_search.html", {"page": page}, status=422 if errors else 200)


def search(request: HttpRequest, search: int) -> HttpResponse:
    return render(request, "river_chief/search.html", {"page": _page(request, search)})


@require_POST
def trace(request: HttpRequest, search: int) -> HttpResponse:
    """Takes a trace in; wrong lines come back in words."""
    file = request.FILES.get("file")
    try:
        if file is None:
            raise Invalid("请选择文件。", fields={"file": "请选择 CSV 或者 GeoJSON 文件"})
        _, fresh = searching.take_trace(actor_of(request), search, io.BytesIO(file.read(traces.LARGEST + 1)), PurePath(str(file.name)).name)
    except (Invalid, TooLarge) as problem:
        return _again(request, search, {"file": problem.message, **getattr(problem, "fields", {})})
    flash.success(request, f"轨迹已保存，新增疑似排口 {fresh} 处。" if fresh else "轨迹已保存，没有发现超过噪声的变化。")
    return redirect("river_chief:search", search=search)


@require_POST
def add(request: HttpRequest, search: int) -> HttpResponse:
    """A candidate seen on foot."""
    sent = request.POST
    try:
        searching.add_candidate(actor_of(request), search, km=_number(sent.get("km")), side=sent.get("side", ""), note=sent.get("note", ""))
    except Invalid as problem:
        return _again(request, search, problem.fields)
    flash.success(request, "疑似排口已登记，等待现场核实。")
    return redirect("river_chief:search", search=search)


@require_POST
def verify(request: HttpRequest, search: int, candidate: int) -> HttpResponse:
    """查实 or 排除."""
    sent, photo = request.POST, request.FILES.get("photo")
    try:
        if sent.get("found") == "1":
            if photo and (photo.size or 0) > LARGEST_PHOTO:
                raise Invalid("照片超过 20 MB。", fields={"photo": "照片超过 20 MB，请压缩后重新选择"})
            searching.confirm(
                actor_of(request), candidate, name=sent.get("name", ""), kind=sent.get("kind", ""), side=sent.get("side", ""), words=sent.get("words", ""),
                photo=photo.read() if photo else None,
            )  # fmt: skip
        else:
            searching.dismiss(actor_of(request), candidate, sent.get("words", ""))
    except Invalid as problem:
        return _again(request, search, problem.fields or {"words": problem.message}, candidate)
    flash.success(request, "已查实：登记为入河排污口，并立为问题。" if sent.get("found") == "1" else "已排除。")
    return redirect("river_chief:search", search=search)


@require_POST
def close(request: HttpRequest, search: int) -> HttpResponse:
    """办结."""
    try:
        searching.close(actor_of(request), search, request.POST.get("conclusion", ""))
    except Invalid as problem:
        return _again(request, search, problem.fields)
    flash.success(request, "排查已办结。")
    return redirect("river_chief:search", search=search)


def photo(request: HttpRequest, candidate: int) -> FileResponse:
    """What was photographed at a candidate."""
    found = restrict(actor_of(request), Candidate.objects.filter(pk=candidate, photo__isnull=False)).select_related("photo").first()
    if found is None or found.photo is None:
        raise NotFound("没有找到这张照片。")
    answer = FileResponse(documents.open_file(found.photo), content_type=found.photo.media_type)
    answer["X-Content-Type-Options"], answer["Cache-Control"] = "nosniff", "private, no-store"
    return answer


def _page(request: HttpRequest, search: int, typed: Mapping[str, Any] | None = None, errors: Mapping[str, str] | None = None, failed: int = 0) -> SearchPage:
    actor = actor_of(request)
    found = searching.find(actor, search)
    traces, candidates = list(found.traces.order_by("sent_at")), list(found.candidates.select_related("outfall", "problem__river", "search__river").order_by("km"))
    for candidate in candidates:
        candidate.search = found
    waiting = sum(c.stage == Candidate.Stage.WAITING for c in candidates)
    seen = frozenset(restrict(actor, RiverProblem.objects.filter(pk__in=[c.problem_id for c in candidates if c.problem_id])).values_list("pk", flat=True))
    works = found.closed_at is None and searching.may_work(actor, found)
    unit = "℃" if found.method == OutfallSearch.Method.THERMAL else "μS/cm"
    return SearchPage(
        found, tracechart.both(found, [t.points for t in traces], candidates), unit, traces, candidates, seen, works, works and searching.may_begin(actor, found.division_id), waiting,
        list(Outfall.Kind.choices), typed or {}, errors or {}, failed,
    )  # fmt: skip


def _again(request: HttpRequest, search: int, errors: Mapping[str, str], candidate: int = 0) -> HttpResponse:
    return render(request, "river_chief/search.html", {"page": _page(request, search, request.POST.dict(), errors, candidate)}, status=422)


def _plan(sent: Mapping[str, str]) -> searching.Plan:
    river = sent.get("river", "")
    return searching.Plan(
        river=int(river) if river.isdecimal() else 0, from_km=_number(sent.get("from_km")), to_km=_number(sent.get("to_km")), method=sent.get("method", ""),
        reason=sent.get("reason", ""), leader=sent.get("leader", ""), day=_day(sent.get("day")), due=_day(sent.get("due")),
    )  # fmt: skip


def _number(text: str | None) -> Decimal | None:
    try:
        found = Decimal((text or "").strip())
    except InvalidOperation:
        return None
    return round(found, 3) if found.is_finite() and abs(found) < 100_000 else None


def _day(text: str | None) -> date | None:
    try:
        return parse_date(text or "")
    except ValueError:
        return None

