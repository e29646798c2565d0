"""Applying and following, as the applicant meets it: situation, form, materials, check and submit; then the case with its stages and papers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages as flash
from django.db.models import QuerySet
from django.forms import Form
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from yiwang.base.errors import Invalid, NotFound, YiwangError
from yiwang.engines.documents import api as documents
from yiwang.engines.documents.models import File
from yiwang.engines.ledger.models import Bill
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Case, Deadline, Event, Paper
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import APPLICANT
from yiwang.kit.guards import actor_of
from yiwang.kit.statements import Statement
from yiwang.platforms.items import api as items
from yiwang.platforms.licences import api as licences
from yiwang.platforms.licences.models import Licence
from yiwang.systems.services.acceptance import applying
from yiwang.systems.services.acceptance.following import Todo, delivery_of, todo_of
from yiwang.systems.services.acceptance.models import Application, Delivery, Draft, Material

TOLD = ("name", "at", "opinion", "organ__name", "paper__document__title", "paper__document__number")  # of an event, in a case's history
PARTS = ("situation", "form", "materials", "check")
NAMES = {"situation": "选择情形", "form": "填写信息", "materials": "提交材料", "check": "核对提交"}


@dataclass(frozen=True)
class Wanted:
    """A material that is asked for, with what has been given and what else would do."""

    material: Mapping[str, Any]
    given: Material | None
    licence: Licence | None
    error: str = ""
    confirmed: bool = False  #: a register answers for it: nothing to hand in

    @property
    def by_government(self) -> bool:
        return bool(self.material["source"] == "政府部门")

    @property
    def is_settled(self) -> bool:
        """Given, or used and confirmed by itself at submission."""
        return bool(self.given or self.confirmed or (self.licence and self.by_government))

    @property
    def is_lacking(self) -> bool:
        return not self.is_settled and self.material.get("required") is not False

    @property
    def is_picture(self) -> bool:
        return bool(self.given and self.given.file and self.given.file.media_type.startswith("image/"))


@dataclass(frozen=True)
class DraftPage:
    draft: Draft
    part: str
    parts: list[tuple[str, str, str]]  #: code, name, done|now|ahead
    form: Form | None = None
    sources: Mapping[str, Any] = field(default_factory=dict)
    wanted: list[Wanted] = field(default_factory=list)
    answers: list[tuple[str, Any]] = field(default_factory=list)
    errors: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
    at_counter: bool = False
    is_new: bool = False  #: nothing is kept yet
    delivery: list[tuple[str, str]] = field(default_factory=list)

    @property
    def base(self) -> str:
        """A clerk stays in the console."""
        return "console/base.html" if self.at_counter else "portal/base.html"

    @property
    def place(self) -> int:
        return next(n for n, (code, _, _) in enumerate(self.parts, 1) if code == self.part)

    @property
    def lacking(self) -> list[Wanted]:
        return [w for w in self.wanted if w.is_lacking]


@dataclass(frozen=True)
class CasePage:
    case: Case
    state: Any
    todo: Todo
    stages: list[tuple[str, str]]
    events: list[tuple[Event, Paper | None]]
    deadlines: list[Deadline]
    application: Application | None
    correction: Any
    wanted: list[Wanted]
    actions: list[Any]
    bill: Bill | None
    licence: Licence | None
    children: list[Case]
    may_urge: bool
    may_rate: bool
    fields: list[tuple[str, str, str]]
    promised: list[Material]

    @property
    def papers(self) -> list[Paper]:
        return [paper for _, paper in self.events if paper]

    @property
    def delivery(self) -> Any:
        return delivery_of(self.application)


def apply(request: HttpRequest, service: int) -> HttpResponse:
    """The first page of an application. It is begun by what is sent, not by being looked at; one that is begun already goes on where it is."""
    actor = actor_of(request)
    found = applying.draft_at(actor, service)
    if request.method == "POST":
        found = applying.open_draft(actor, service)
    elif not is_new(found):
        return redirect("acceptance:draft", draft=found.pk, part=first_part(found))
    return {"situation": _situation, "form": _form}[first_part(found)](request, found)


@require_POST
def apply_typed(request: HttpRequest, service: int) -> JsonResponse:
    """Begins an application by what is typed on its first page."""
    return save_typed(request, applying.open_draft(actor_of(request), service).pk)


def is_new(draft: Draft) -> bool:
    """Whether nothing of it is kept yet."""
    return draft._state.adding


def draft(request: HttpRequest, draft: int, part: str) -> HttpResponse:
    """One part of the application; each is saved before the next. A draft that was submitted, perhaps in another window, leads to its case."""
    actor = actor_of(request)
    if (case := applying.submitted_as(actor, draft)) is not None:
        flash.info(request, "这份申请已经提交，没有重复提交。")
        return redirect("acceptance:receipt" if _at_counter(actor, case.applicant_id) else "acceptance:case", case=case.pk)
    found = applying.draft_of(actor, draft)
    if part not in PARTS:
        raise NotFound("没有这一步。")
    return {"situation": _situation, "form": _form, "materials": _materials, "check": _check}[part](request, found)


def _at_counter(actor: Actor, applicant: int) -> bool:
    return actor.holds(applying.CLERK) and applicant not in (actor.party, actor.acting_for)


def first_part(draft: Draft) -> str:
    return "situation" if draft.version.questions else "form"


def _page(request: HttpRequest, draft: Draft, part: str, **more: Any) -> HttpResponse:
    codes = [p for p in PARTS if p != "situation" or draft.version.questions]
    here = codes.index(part) if part in codes else 0
    parts = [(p, NAMES[p], "done" if n < here else "now" if n == here else "ahead") for n, p in enumerate(codes)]
    at_counter = draft.applicant_id not in (actor_of(request).party, actor_of(request).acting_for)
    page = DraftPage(draft=draft, part=part, parts=parts, at_counter=at_counter, is_new=is_new(draft), **more)
    return render(request, f"acceptance/draft_{part}.html", {"page": page}, status=422 if page.errors or (page.form and page.form.errors) else 200)


def _situation(request: HttpRequest, draft: Draft) -> HttpResponse:
    kind = items.situation_form(draft.version)
    form = kind(request.POST or None, initial=draft.situation)
    if request.method == "POST" and form.is_valid():
        applying.save(actor_of(request), draft.pk, situation=form.cleaned_data)
        return redirect("acceptance:draft", draft=draft.pk, part="form")
    return _page(request, draft, "situation", form=form)


def _form(request: HttpRequest, draft: Draft) -> HttpResponse:
    actor = actor_of(request)
    known = (applying.fill_in if request.method == "POST" else applying.known_for)(actor, draft)
    kind = items.form_for(draft.version, applying.situation_of(draft), known=[code for code, fact in known.items() if draft.answers.get(code) == fact.value])
    form = kind(request.POST or None, initial=draft.answers)
    if request.method == "POST":
        applying.save(actor, draft.pk, answers=typed(form, request))
        if form.is_valid():
            return redirect("acceptance:draft", draft=draft.pk, part="materials")
    return _page(request, draft, "form", form=form, sources=draft.sources)


def typed(form: Form, request: HttpRequest) -> dict[str, Any]:
    """What stands in the form's fields as it was typed."""
    data = request.POST
    return {name: data.getlist(name) if bound.field.widget.__class__.__name__ == "CheckboxSelectMultiple" else data.get(name, "") for name, bound in ((b.name, b) for b in form) if name in data}


@require_POST
def save_typed(request: HttpRequest, draft: int) -> JsonResponse:
    """Keeps what is typed while it is typed."""
    actor = actor_of(request)
    found = applying.draft_of(actor, draft)
    form = items.form_for(found.version, applying.situation_of(found))(request.POST)
    saved = applying.save(actor, draft, answers=typed(form, request))
    return JsonResponse({"saved": saved.saved_at.isoformat()})


def _materials(request: HttpRequest, draft: Draft) -> HttpResponse:
    actor, errors = actor_of(request), {}
    if request.method == "POST":
        code, way = request.POST.get("code", ""), request.POST.get("way", "")
        try:
            if upload := request.FILES.get("file"):
                applying.attach(actor, draft.pk, code, content=upload.read(), name=upload.name or "文件")
            elif way == "remove":
                applying.detach(actor, draft.pk, code)
            elif way:
                applying.choose(actor, draft.pk, code, way)
            else:
                errors[code] = "请选择文件。"
            if not errors:
                return redirect("acceptance:draft", draft=draft.pk, part="materials")
        except YiwangError as problem:
            errors[code] = f"{problem.message}{problem.hint}"
    return _page(request, draft, "materials", wanted=wanted_of(request, draft, errors), errors=errors)


def wanted_of(request: HttpRequest, draft: Draft, errors: Mapping[str, str]) -> list[Wanted]:
    """Materials of the situation with what is given and which e-licence would do."""
    given = {m.code: m for m in draft.materials.select_related("file", "licence__type")}
    rows = items.materials_for(draft.version, applying.situation_of(draft))
    offered = licences.offered(actor_of(request), draft.applicant_id, [m["licence"] for m in rows if m.get("licence")])
    sure = bool(draft.applicant.verified)
    return [
        Wanted(m, given.get(m["code"]), offered.get(m.get("licence", "")), errors.get(m["code"], ""), sure and m["source"] == "政府部门" and m.get("register") in applying.REGISTERS)
        for m in rows
    ]


def _check(request: HttpRequest, draft: Draft) -> HttpResponse:
    actor, errors, message = actor_of(request), {}, ""
    if request.method == "POST":
        delivery = {name: request.POST.get(name, "").strip() for name in ("way", "receiver", "phone", "address")}
        try:
            applying.save(actor, draft.pk, delivery=delivery)
            case = applying.submit(actor, draft.pk)
        except Invalid as problem:
            errors, message = problem.fields, problem.message
            draft.refresh_from_db()
        else:
            return redirect("acceptance:receipt" if _at_counter(actor, case.applicant_id) else "acceptance:case", case=case.pk)
    fields = items.fields_for(draft.version, applying.situation_of(draft))
    answers = [(f["name"], draft.answers.get(f["code"])) for f in fields]
    ways = [(w.value, str(w.label)) for w in Delivery.Way]
    return _page(request, draft, "check", answers=answers, wanted=wanted_of(request, draft, {}), errors=errors, message=message, delivery=ways)


# --- following ---------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CasesPage:
    cases: list[tuple[Case, str]]
    drafts: list[Draft]
    after: str
    needs_you: int


def cases(request: HttpRequest) -> HttpResponse:
    """我的办件: what waits for the person first in words, then all by time; page by key."""
    actor = actor_of(request)
    mine = procedures.cases_of(actor).filter(applicant=actor.acting_for, parent=None).exclude(item_key="evaluation-reply").order_by("-opened_at", "-pk")
    if (after := request.GET.get("after", "")).isdecimal():
        mine = mine.filter(pk__lt=int(after))
    rows = list(mine.select_related("organ")[:21])
    shown = [(case, public_words(case)) for case in rows[:20]]
    drafts = restrict(actor, Draft.objects.filter(submitted_as=None, applicant=actor.acting_for)).select_related("version__item", "service__organ").order_by("-saved_at")
    waiting = sum(case.declared.state(case.state).awaits == APPLICANT for case, _ in shown)
    page = CasesPage(shown, list(drafts[:10]), str(rows[19].pk) if len(rows) > 20 else "", waiting)
    return render(request, "acceptance/cases.html", {"page": page})


def public_words(case: Case) -> str:
    """The applicant's words for the state."""
    state = case.declared.state(case.state)
    return state.public or state.name


def case(request: HttpRequest, case: int) -> HttpResponse:
    """One case: stages, what to do now, papers, history."""
    if own := procedures.find(actor_of(request), case).declared.follow:
        return redirect(own, case=case)
    return render(request, "acceptance/case.html", {"page": case_page(request, case)})


def case_page(request: HttpRequest, case: int) -> CasePage:
    actor = actor_of(request)
    found = procedures.find(actor, case)
    application = Application.objects.select_related("version__item", "licence__type", "service__organ", "delivery").filter(case=found).first()
    correction = getattr(application, "correction", None) if application else None
    actions = [o for o in procedures.offers(actor, found) if APPLICANT in o.step.roles and o.step.code not in {"submit", "resubmit"}]
    return CasePage(
        case=found,
        state=found.declared.state(found.state),
        todo=todo_of(found, application),
        stages=stages_of(found),
        events=history_of(actor, found),
        deadlines=procedures.running_deadlines(found),
        application=application,
        correction=correction,
        wanted=_correction_materials(application, correction) if found.state == "correcting" else [],
        actions=actions,
        bill=Bill.objects.filter(pk=application.bill).first() if application and application.bill else None,
        licence=application.licence if application else None,
        children=list(found.children.select_related("organ").order_by("pk")),
        may_urge=found.closed_at is None and found.declared.state(found.state).awaits not in {"", APPLICANT},
        may_rate=found.closed_at is not None and found.outcome in {"granted", "refused", "not-accepted"},
        fields=_correction_fields(application, correction) if found.state == "correcting" else [],
        promised=list(application.materials.filter(way=Material.Way.PROMISE)) if application and found.closed_at is None else [],
    )


def history_of(actor: Actor, case: Case) -> list[tuple[Event, Paper | None]]:
    """What the actor may see of what happened, in order, each with its paper: one query."""
    return [(event, getattr(event, "paper", None)) for event in _history(actor, case=case.pk)]


@Statement
def _history(actor: Actor, *, case: int) -> "QuerySet[Event]":
    return restrict(actor, Event.objects.filter(case=case)).select_related("organ", "paper__document").only(*TOLD).order_by("sequence")


def stages_of(case: Case) -> list[tuple[str, str]]:
    """Each stage with done, now or ahead."""
    procedure = case.declared
    here = procedure.stages.index(procedure.state(case.state).stage) if procedure.state(case.state).stage else 0
    closed = case.closed_at is not None and case.outcome == Case.Outcome.GRANTED
    return [(name, "done" if place < here or (closed and place == here) else "now" if place == here else "ahead") for place, name in enumerate(procedure.stages)]


def _correction_materials(application: Application | None, correction: Any) -> list[Wanted]:
    if application is None or correction is None:
        return []
    given = {m.code: m for m in application.materials.filter(round__gt=1).select_related("file")}
    by_code = {m["code"]: m for m in application.version.materials}
    codes = [p["code"].removeprefix("material:") for p in correction.points if p["code"].startswith("material:")]
    return [Wanted(by_code[code], given.get(code), None) for code in codes if code in by_code]


def _correction_fields(application: Application | None, correction: Any) -> list[tuple[str, str, str]]:
    if application is None or correction is None:
        return []
    codes = {p["code"].removeprefix("field:") for p in correction.points if p["code"].startswith("field:")}
    return [(f["code"], f["name"], str(application.answers.get(f["code"], ""))) for f in application.version.fields if f["code"] in codes]


@require_POST
def correct(request: HttpRequest, case: int) -> HttpResponse:
    """A corrected or promised material, or a field; sending the correction when all is there."""
    actor = actor_of(request)
    if upload := request.FILES.get("file"):
        give = applying.supply if request.POST.get("promised") else applying.correct
        give(actor, case, code=request.POST.get("code", ""), content=upload.read(), name=upload.name or "文件")
        flash.success(request, "材料已上传。")
        return redirect("acceptance:case", case=case)
    changed = {name.removeprefix("field-"): value for name, value in request.POST.items() if name.startswith("field-")}
    if changed:
        applying.amend(actor, case, changed)
    procedures.perform(actor, case, "resubmit", {}, revision=_revision(request))
    flash.success(request, "补正已提交，我们会尽快审查。")
    return redirect("acceptance:case", case=case)


@require_POST
def act(request: HttpRequest, case: int, step: str) -> HttpResponse:
    """A step of the applicant's: withdraw; or urging, which is no step."""
    actor = actor_of(request)
    if step == "urge":
        procedures.urge(actor, case, request.POST.get("words", ""))
        flash.success(request, "已提醒承办单位。")
    else:
        procedures.perform(actor, case, step, {k: v for k, v in request.POST.items() if k != "csrfmiddlewaretoken"}, revision=_revision(request))
        flash.success(request, "已经办理。")
    return redirect("acceptance:case", case=case)


def _revision(request: HttpRequest) -> int | None:
    seen = request.POST.get("revision", "")
    return int(seen) if seen.isdecimal() else None


def paper(request: HttpRequest, paper: int) -> FileResponse | HttpResponse:
    """A sealed document of a case that one may see."""
    found = restrict(actor_of(request), Paper.objects.filter(pk=paper)).select_related("document__file").first()
    if found is None or found.document is None:
        raise NotFound("文书还没有制成，或不是您的办件。", hint="刚刚办理的步骤，文书一般几秒钟内制成，请稍后刷新。")
    return send_file(found.document.file)


def material(request: HttpRequest, material: int) -> FileResponse | HttpResponse:
    """A material's file, for those who may see the case or the draft."""
    found = restrict(actor_of(request), Material.objects.filter(pk=material)).select_related("file", "licence__file").first()
    file = found.file or (found.licence.file if found.licence else None) if found else None
    if file is None:
        raise NotFound("没有找到这份材料。")
    return send_file(file)


def send_file(file: File) -> FileResponse:
    """Inline for PDF and pictures, never executable."""
    answer = FileResponse(documents.open_file(file), content_type=file.media_type, filename=file.name)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "private, no-store"
    return answer

