"""The official's desk: what waits, the case with form and materials side by side, the steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages as flash
from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.forms import Form
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from yiwang.base import identifiers
from yiwang.base.errors import Invalid, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Case, Deadline, DeadlineMove, Event, Extension, Paper
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import APPLICANT, SYSTEM_ROLE
from yiwang.kit.guards import actor_of
from yiwang.kit.statements import Statement
from yiwang.systems.services.acceptance import effects, forms
from yiwang.systems.services.acceptance.models import Application, Inspection, InspectionPhoto, Material
from yiwang.systems.services.acceptance.portal import history_of, send_file, stages_of

READ = ("answers", "sources", "version__fields", "version__materials", "version__inspection", "version__extension")  # of an application, on its case page
LAMPS = (("red", "已超期"), ("yellow", "临近到期"), ("green", "正常"), ("paused", "不计时"))


@dataclass(frozen=True)
class WorkPage:
    tasks: list[Any]
    after: str
    lamps: list[tuple[str, str, int]]
    lamp: str
    mine: bool


@dataclass(frozen=True)
class LateOffice:
    """Late cases of one office, the longest overdue first, each with the last 督办."""

    organ: str
    rows: list[tuple[Case, Event | None]]


@dataclass(frozen=True)
class HandOverPage:
    task: Any
    colleagues: list[Any]
    error: str = ""


@dataclass(frozen=True)
class Action:
    """A step with its form, ready to be shown."""

    step: Any
    blocked: str
    form: Form | None
    failed: bool = False
    reason: str = ""  #: as typed before


@dataclass(frozen=True)
class DeskPage:
    case: Case
    applicant: str
    state: Any
    stages: list[tuple[str, str]]
    application: Application | None
    answers: list[tuple[str, str, Any, Any]]  # code, name, value, source
    materials: list[Material]
    events: list[tuple[Event, Paper | None]]
    deadlines: list[tuple[Deadline, list[DeadlineMove]]]
    actions: list[Action]
    children: list[tuple[Case, Event | None]]
    inspections: list[Inspection]
    extension: Extension | None
    extendable: list[tuple[Deadline, int]]
    diagram: Any  #: procedures.flows.Diagram: the flow with the position lit
    errors: Mapping[str, str]
    message: str

    @property
    def may_hand_over(self) -> bool:
        return bool(self.actions) and self.case.closed_at is None


def work_list(request: HttpRequest) -> HttpResponse:
    """我的任务, by lamp."""
    actor = actor_of(request)
    lamp, mine = request.GET.get("lamp", ""), request.GET.get("mine") == "1"
    counts = procedures.counts(actor)
    known: Any = lamp if lamp in counts else None
    listed = procedures.waiting(actor, lamp=known, mine_only=mine, after=request.GET.get("after", ""))
    page = WorkPage(listed.tasks, listed.after, [(code, name, counts[code]) for code, name in LAMPS], lamp, mine)  # type: ignore[index]  # the codes of LAMPS
    return render(request, "acceptance/work_list.html", {"page": page})


def late(request: HttpRequest) -> HttpResponse:
    """超期督办, by office; the office with the longest overdue case first."""
    actor = actor_of(request)
    rows = procedures.late_cases(actor)
    asked = procedures.supervised(actor, rows)
    offices: dict[str, list[tuple[Case, Event | None]]] = {}
    for row in rows:
        offices.setdefault(row.organ.name, []).append((row, asked.get(row.pk)))
    return render(request, "acceptance/late.html", {"page": [LateOffice(organ, cases) for organ, cases in offices.items()]})


@require_POST
def supervise(request: HttpRequest, case: int) -> HttpResponse:
    """督办 of a late case."""
    procedures.supervise(actor_of(request), case, request.POST.get("words", ""))
    flash.success(request, "督办要求已送达承办人员，并记入办理记录。")
    return redirect("acceptance:late")


def hand_over(request: HttpRequest, case: int) -> HttpResponse:
    """Gives the open task to a colleague of the same post, or takes it oneself."""
    actor = actor_of(request)
    task, error = procedures.open_task(actor, case), ""
    if request.method == "POST":
        to = request.POST.get("to", "")
        try:
            given = procedures.hand_over(actor, task.pk, to=int(to) if to.isdecimal() else 0, reason=request.POST.get("reason", "")[:300])
        except Invalid as problem:
            error = problem.message if to else "请选择交给哪位同事。"
        else:
            flash.success(request, "任务归您办理。" if given.assignee_id == actor.party else f"任务已交给{given.assignee}办理。")
            return redirect("acceptance:desk")
    page = HandOverPage(task, procedures.colleagues(task), error)
    return render(request, "acceptance/hand_over.html", {"page": page}, status=422 if error else 200)


def case(request: HttpRequest, case: int) -> HttpResponse:
    found = procedures.find(actor_of(request), case)
    if own := found.declared.page:
        return redirect(own, case=case)
    return render(request, "acceptance/desk_case.html", {"page": _page(request, found)})


@require_POST
def act(request: HttpRequest, case: int, step: str) -> HttpResponse:
    """Takes a step. What was typed comes back with what is wrong."""
    actor = actor_of(request)
    data = forms.CorrectionForm.pack(request.POST) if step == "ask_correction" else {k: v for k, v in request.POST.items() if k != "csrfmiddlewaretoken"}
    seen = request.POST.get("revision", "")
    try:
        procedures.perform(actor, case, step, data, revision=int(seen) if seen.isdecimal() else None)
    except Invalid as problem:
        page = _page(request, procedures.find(actor_of(request), case), errors=problem.fields, message=problem.message, failed=step, data=data)
        return render(request, "acceptance/desk_case.html", {"page": page}, status=422)
    flash.success(request, "已经办理，文书正在制作并通知申请人。")
    found = procedures.find(actor, case)
    stays = any(o for o in procedures.offers(actor, found) if APPLICANT not in o.step.roles)
    return redirect("acceptance:desk-case", case=case) if stays else redirect("acceptance:desk")


@require_POST
def extend(request: HttpRequest, case: int) -> HttpResponse:
    """Asks for more time."""
    amount, reason = request.POST.get("amount", ""), request.POST.get("reason", "")
    try:
        procedures.ask_extension(actor_of(request), case, clock=request.POST.get("clock", ""), amount=int(amount) if amount.isdecimal() else 0, reason=reason)
    except Invalid as problem:
        page = _page(request, procedures.find(actor_of(request), case), errors=problem.fields, message=problem.message)
        return render(request, "acceptance/desk_case.html", {"page": page}, status=422)
    flash.success(request, "延期申请已提交负责人批准。")
    return redirect("acceptance:desk-case", case=case)


@require_POST
def decide_extension(request: HttpRequest, extension: int) -> HttpResponse:
    """The head grants or refuses."""
    asked = procedures.decide_extension(actor_of(request), extension, granted=request.POST.get("granted") == "1")
    flash.success(request, "已批准延期并告知申请人。" if asked.granted else "已决定不延期。")
    return redirect("acceptance:desk-case", case=asked.deadline.case_id)


def photo(request: HttpRequest, photo: int) -> HttpResponse | FileResponse:
    """A photograph of an on-site check, for those who may see its case."""
    found = restrict(actor_of(request), InspectionPhoto.objects.filter(pk=photo)).select_related("file").first()
    if found is None:
        raise NotFound("没有找到这张照片。")
    return send_file(found.file)


def _page(request: HttpRequest, found: Case, *, errors: Mapping[str, str] | None = None, message: str = "", failed: str = "", data: Mapping[str, Any] | None = None) -> DeskPage:
    actor = actor_of(request)
    main = found.parent or found
    application = _application.first(case=main.pk)
    if main is found:
        effects.lend(found, application)
    full = request.GET.get("full") == "1"  # personal numbers are hidden until somebody asks, which is on the record
    if request.method == "GET":
        what = "申请表和材料（含完整证件号码和电话）" if full else "申请表和材料"
        audit.record_access(actor, party=found.applicant_id, what=what, purpose=f"办理“{found.subject}”", case=found.pk)
    deadlines = procedures.clocks_of(found)
    offered = [o for o in procedures.offers(actor, found) if set(o.step.roles) - {APPLICANT, SYSTEM_ROLE}]
    hidden = found.declared.applicant_seen_by and not actor.holds(found.declared.applicant_seen_by)
    return DeskPage(
        case=found,
        applicant="（不显示评价人）" if hidden else found.applicant.name,
        state=found.declared.state(found.state),
        stages=stages_of(found),
        application=application,
        answers=_answers(application, full=full),
        materials=_materials(application=application.pk) if application else [],
        events=history_of(actor, found),
        deadlines=deadlines,
        actions=[_action(o, found, data if o.step.code == failed else None) for o in offered],
        children=_children(main),
        inspections=_inspections_of(application) if application else [],
        extension=procedures.extension_waiting(actor, found) if _decides_extensions(actor, found) else None,
        extendable=_extendable(found, offered, [clock for clock, _ in deadlines]),
        diagram=procedures.flows.diagram_of(found),
        errors=errors or {},
        message=message,
    )


@Statement
def _application(*, case: int) -> QuerySet[Application]:
    return Application.objects.select_related("version").only(*READ).filter(case=case)


@Statement
def _materials(*, application: int) -> QuerySet[Material]:
    return Material.objects.filter(application=application).select_related("file", "licence__type").order_by("code", "round")


@Statement
def _inspections(*, application: int) -> QuerySet[Inspection]:
    return Inspection.objects.filter(application=application).order_by("-ordered_at")


def _inspections_of(application: Application) -> list[Inspection]:
    found = _inspections(application=application.pk)
    prefetch_related_objects(found, "photos__file")
    return found


def _action(offer: Any, case: Case, typed: Mapping[str, Any] | None) -> Action:
    return Action(offer.step, offer.blocked, _form(offer.step, case, typed), typed is not None, str((typed or {}).get("reason", "")))


def _form(step: Any, case: Case, data: Mapping[str, Any] | None) -> Form | None:
    if step.form is None or step.form is forms.CorrectionForm:
        return None
    kind = step.form if isinstance(step.form, type) else step.form(case)
    form: Form = kind(data, prefix=None)
    for name, bound in form.fields.items():
        bound.widget.attrs["id"] = f"{step.code}-{name}"
    return form


def _answers(application: Application | None, *, full: bool) -> list[tuple[str, str, Any, Any]]:
    if application is None:
        return []
    shown = []
    for field in application.version.fields:
        if field["code"] in application.answers:
            value = application.answers[field["code"]]
            hidden = not full and field["type"] in {"citizen", "phone"}
            shown.append((field["code"], field["name"], _hide(str(value)) if hidden else value, application.sources.get(field["code"])))
    return shown


def _hide(value: str) -> str:
    return identifiers.mask_phone(value) if identifiers.is_mobile(value) else identifiers.mask_number(value)


def _children(main: Case) -> list[tuple[Case, Event | None]]:
    """The departments' cases, each with what happened to it last: two queries however many there are, none where the procedure asks nobody."""
    if not any(step.after_children for step in main.declared.steps):
        return []
    last = Prefetch("events", Event.objects.order_by("case", "-sequence").distinct("case"), to_attr="last")
    return [(child, next(iter(child.last), None)) for child in main.children.select_related("organ").prefetch_related(last).order_by("pk")]


def _decides_extensions(actor: Actor, case: Case) -> bool:
    return any(clock.extension_by and actor.holds(clock.extension_by, case.organ_id) for clock in case.declared.clocks)


def _extendable(case: Case, offered: list[Any], deadlines: list[Deadline]) -> list[tuple[Deadline, int]]:
    """Clocks whose limit somebody who works on the case may ask to extend, and by how much."""
    clocks = [(d, case.declared.clock(d.code)) for d in deadlines if d.finished_at is None] if offered else []
    left = [(d, c.longest_extension(case) - d.extended) for d, c in clocks if c.extension_by]
    return [(d, amount) for d, amount in left if amount > 0]
