"""Pages of the office and the chiefs: one river one file, score board, reports to answer, standards, sign-boards."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.contrib import messages as flash
from django.db.models import F
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST

from yiwang.base.errors import NotFound
from yiwang.engines.documents import api as documents
from yiwang.engines.documents.models import File
from yiwang.kit.access import restrict
from yiwang.kit.guards import actor_of
from yiwang.platforms.incidents import api as incidents
from yiwang.platforms.incidents.models import Report
from yiwang.platforms.patrols.models import Finding
from yiwang.systems.governance.river_chief import assessing, banks, filing, standards
from yiwang.systems.governance.river_chief.chiefs import Chief, chief_of
from yiwang.systems.governance.river_chief.flows import OFFICE
from yiwang.systems.governance.river_chief.models import Assessment, ClauseRun, Reach, RiverProblem, StandardDoc

CHIEFS_DUTIES = "组织领导本河段的水资源保护、水域岸线管理、水污染防治和水环境治理，定期巡河，协调解决发现的问题。"


@dataclass(frozen=True)
class SignPage:
    reach: Reach
    chief: Chief | None
    duties: str
    address: str
    picture: SafeString


@dataclass(frozen=True)
class ScorePage:
    month: date
    before: date
    after: date | None
    rows: list[tuple[str, Assessment, list[tuple[str, str, str]]]]  #: rank, score, and each part: name, counts, points
    parts: list[str]
    may_decide: bool
    own: set[int]


@dataclass(frozen=True)
class ReportRow:
    report: Report
    may_answer: bool
    caller: tuple[str, str] | None
    whose: banks.Whose | None


@dataclass(frozen=True)
class StandardRow:
    doc: StandardDoc
    clauses: list[tuple[str, str, ClauseRun | None]]


def river(request: HttpRequest, river: int) -> HttpResponse:
    """一河一档."""
    return render(request, "river_chief/file.html", {"page": filing.river_file(actor_of(request), river)})


def sign(request: HttpRequest, reach: int) -> HttpResponse:
    """The sign-board (公示牌) of a reach, to be printed."""
    found = Reach.objects.select_related("river", "division", "chief__organisation").filter(pk=reach).first()
    if found is None:
        raise NotFound("没有找到这个河段。")
    address = settings.PUBLIC_URL + reverse("river_chief:public", args=[found.code])
    picture = mark_safe(documents.qr(address))  # made by us from an address: nothing of a person's is in it
    return render(request, "river_chief/sign.html", {"page": SignPage(found, chief_of(found), CHIEFS_DUTIES, address, picture)})


def scores(request: HttpRequest) -> HttpResponse:
    """河长考核榜 of a month."""
    actor = actor_of(request)
    today = timezone.localdate().replace(day=1)
    month = _month(request.GET.get("month", "")) or today
    rows = restrict(actor, Assessment.objects.filter(month=month)).select_related("post__organisation").order_by(F("score").desc(nulls_last=True), "pk")
    after = (month.replace(day=28) + timedelta(days=5)).replace(day=1)
    page = ScorePage(
        month, (month - timedelta(days=1)).replace(day=1), after if after <= today else None, _ranked(list(rows)),
        list(assessing.PARTS.values()), actor.holds(OFFICE), {seat.post for seat in actor.seats},
    )  # fmt: skip
    return render(request, "river_chief/scores.html", {"page": page})


@require_POST
def object_to(request: HttpRequest, assessment: int) -> HttpResponse:
    """异议."""
    found = assessing.object_to(actor_of(request), assessment, request.POST.get("words", ""))
    flash.success(request, "异议已提交河长办。")
    return redirect(f"{reverse('river_chief:scores')}?month={found.month:%Y-%m}")


@require_POST
def decide(request: HttpRequest, assessment: int) -> HttpResponse:
    """The office's answer to an objection."""
    found = assessing.decide(actor_of(request), assessment, request.POST.get("words", ""))
    flash.success(request, "异议已处理，得分已按现有数据重新计算。")
    return redirect(f"{reverse('river_chief:scores')}?month={found.month:%Y-%m}")


def reports(request: HttpRequest) -> HttpResponse:
    """What the public told, and its answers. Who told it is shown for one report at a time, on the record."""
    actor = actor_of(request)
    wanted = request.GET.get("caller", "")
    found = filing.reports_waiting(actor)
    shores = banks.whose_of(actor, [r.incident_id for r in found])
    rows = [
        ReportRow(r, actor.holds(OFFICE, r.incident.case.organ_id), incidents.caller(actor, r.pk) if wanted == str(r.pk) else None, shores.get(r.incident_id)) for r in found
    ]
    return render(request, "river_chief/reports.html", {"page": rows})


@require_POST
def answer(request: HttpRequest, report: int) -> HttpResponse:
    """Answers a reporter."""
    incidents.answer(actor_of(request), report, request.POST.get("words", ""))
    flash.success(request, "答复已发出。")
    return redirect("river_chief:reports")


@require_POST
def urge(request: HttpRequest, problem: int) -> HttpResponse:
    """催办 of a problem."""
    actor = actor_of(request)
    found = restrict(actor, RiverProblem.objects.filter(pk=problem)).first()
    if found is None:
        raise NotFound("没有找到这个问题。")
    told = incidents.urge(actor, found.incident_id, request.POST.get("words", ""))
    flash.success(request, f"催办已送达 {told} 人。")
    return redirect("register:row", register="river-problem", row=found.pk)


def standard_list(request: HttpRequest) -> HttpResponse:
    """The standards system: documents, clauses, what their checks found."""
    rows = []
    for doc in StandardDoc.objects.prefetch_related("clauses").order_by("number", "-version"):
        clauses = sorted(doc.clauses.all(), key=lambda c: c.number)
        rows.append(StandardRow(doc, [(c.number, c.text, c.runs.order_by("-at").first()) for c in clauses]))
    return render(request, "river_chief/standards.html", {"page": rows})


@require_POST
def run_standard(request: HttpRequest, doc: int) -> HttpResponse:
    """Runs the checks."""
    runs = standards.run(actor_of(request), doc)
    flash.success(request, f"检查完成：{sum(r.passed for r in runs)}/{len(runs)} 条通过。")
    return redirect("river_chief:standards")


@require_POST
def advance_standard(request: HttpRequest, doc: int) -> HttpResponse:
    """试行, 施行."""
    found = standards.advance(actor_of(request), doc)
    flash.success(request, f"“{found.title}”现在是“{found.get_state_display()}”。")
    return redirect("river_chief:standards")


def photo(request: HttpRequest, kind: str, row: int) -> HttpResponse | FileResponse:
    """The photograph of a finding or a report, for those who may see it."""
    rows = restrict(actor_of(request), Finding.objects.filter(pk=row)) if kind == "finding" else restrict(actor_of(request), Report.objects.filter(pk=row))
    file = File.objects.filter(pk__in=list(rows.values_list("photo", flat=True))).first()
    if file is None:
        raise NotFound("没有找到这张照片。")
    if kind == "report":  # where and with what a reporter took it tells who they are: the picture without what the camera wrote into it
        answer: HttpResponse | FileResponse = HttpResponse(documents.thumbnail(file, side=1_600), content_type="image/jpeg")
    else:
        answer = FileResponse(documents.open_file(file), content_type=file.media_type)
    answer["X-Content-Type-Options"], answer["Cache-Control"] = "nosniff", "private, no-store"
    return answer


def _month(text: str) -> date | None:
    """The first day of a month written as 2026-03, of this century; None for anything else."""
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2099 else None


def _ranked(rows: list[Assessment]) -> list[tuple[str, Assessment, list[tuple[str, str, str]]]]:
    """Equal scores share a rank; who has nothing to count has none."""
    scores = [row.score for row in rows if row.score is not None]
    return [(str(1 + sum(s > row.score for s in scores)) if row.score is not None else "—", row, _parts(row)) for row in rows]


def _parts(row: Assessment) -> list[tuple[str, str, str]]:
    made = []
    for code, name in assessing.PARTS.items():
        done, of = row.counts.get(code, (0, 0))
        made.append((name, f"{done}/{of}" if of else "—", f"{row.points[code]:g}" if code in row.points else ""))
    return made
