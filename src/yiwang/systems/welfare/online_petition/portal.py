"""The petitioner's pages: what can be handled here, the form with its draft, each petition with its stages, letters, review and rating."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages as flash
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from yiwang.base.errors import Invalid, NotFound
from yiwang.engines.documents import api as documents
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Case, Event, Paper
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import APPLICANT
from yiwang.kit.guards import actor_of
from yiwang.systems.welfare.online_petition import events, filing, forms, limits, offices, province, rules, ways, wire
from yiwang.systems.welfare.online_petition.models import Draft, Instance, Material, Peer, Petition, Reply

KEPT = [name for name in forms.PetitionForm.base_fields if name != "papers"]


@dataclass(frozen=True)
class Stage:
    """One instance as its petitioner follows it."""

    instance: Instance
    words: str
    stages: list[tuple[str, str]]
    events: list[tuple[Event, Paper | None]]
    reply: Reply | None
    actions: list[Any]

    @property
    def case(self) -> Case:
        return self.instance.case


@dataclass(frozen=True)
class FollowPage:
    petition: Petition
    instances: list[Stage]  #: the newest first
    review: str  #: what may be asked now: 复查, 复核 or ""
    review_until: Any
    grades: list[tuple[int, str]]
    errors: dict[str, str]
    inspection: Any = None  #: Incident, its number, how far it is
    materials: list[Material] = field(default_factory=list)
    service: Any = None  #: Item it was led to, and the service there


@dataclass(frozen=True)
class WritePage:
    form: forms.PetitionForm
    key: str
    anonymous: bool
    saved: Any = None
    message: str = ""


def home(request: HttpRequest) -> HttpResponse:
    """What a petition is for, and which ways go elsewhere; one's own below."""
    actor = actor_of(request)
    mine = restrict(actor, Petition.objects.filter(petitioner=actor.acting_for)).select_related("case__organ") if actor.acting_for else Petition.objects.none()
    rows = [(p, p.case.declared.state(p.case.state)) for p in mine.order_by("-registered_at")[:20]]
    draft = restrict(actor, Draft.objects.all()).first() if actor.party else None
    return render(request, "online_petition/home.html", {"page": {"ways": rules.WAYS, "rows": rows, "draft": draft, "anonymous": actor.is_anonymous}})


def write(request: HttpRequest) -> HttpResponse:
    """The form; saved as a draft on demand, sent once whatever the connection does."""
    actor = actor_of(request)
    draft = restrict(actor, Draft.objects.all()).first() if actor.party else None
    if request.method == "POST":
        return _save(request, actor) if "save" in request.POST and actor.party else _send(request, actor)
    form = forms.PetitionForm(initial=draft.answers if draft else {"people": 1, "kind": request.GET.get("kind", "")})
    page = WritePage(form, str(draft.key if draft else uuid4()), actor.is_anonymous, draft.saved_at if draft else None)
    return render(request, "online_petition/write.html", {"page": page})


def _save(request: HttpRequest, actor: Actor) -> HttpResponse:
    answers = {name: request.POST.get(name, "")[:5000] for name in KEPT}
    Draft.objects.update_or_create(author_id=actor.party, defaults={"answers": answers, "key": _key(request)})
    flash.success(request, "草稿已保存，下次打开可以接着写。")
    return redirect("online_petition:write")


def _send(request: HttpRequest, actor: Actor) -> HttpResponse:
    form = forms.PetitionForm(request.POST, request.FILES)
    message = "有内容需要补充或修改。"
    if form.is_valid():
        try:
            made = filing.file(actor, filing.filing_of(form.cleaned_data, key=_key(request)))
        except Invalid as problem:
            message = problem.message
            for name, words in problem.fields.items():
                form.add_error(name if name in form.fields else None, words)
        else:
            return _sent(request, actor, made)
    return render(request, "online_petition/write.html", {"page": WritePage(form, _key(request), actor.is_anonymous, None, message)}, status=422)


def _sent(request: HttpRequest, actor: Actor, made: Petition) -> HttpResponse:
    if actor.acting_for:
        flash.success(request, "已经登记。")
        return redirect("online_petition:follow", case=made.case_id)
    return render(request, "online_petition/thanks.html", {"page": {"number": made.case.number}})


def _key(request: HttpRequest) -> str:
    try:
        return str(UUID(request.POST.get("key", "")))
    except ValueError:
        return str(uuid4())


def follow(request: HttpRequest, case: int) -> HttpResponse:
    return render(request, "online_petition/follow.html", {"page": _page(request, case)})


@require_POST
def ask_review(request: HttpRequest, petition: int) -> HttpResponse:
    """复查 or 复核."""
    actor = actor_of(request)
    try:
        made = filing.ask_review(actor, petition, grounds=request.POST.get("grounds", ""))
    except Invalid as problem:
        found = restrict(actor, Petition.objects.filter(pk=petition)).get()
        return render(request, "online_petition/follow.html", {"page": _page(request, found.case_id, problem.fields)}, status=422)
    flash.success(request, f"已收到您的请求，由{made.case.organ.name}{made.get_level_display()}。")
    return redirect("online_petition:follow", case=made.case_id)


@require_POST
def rate(request: HttpRequest, case: int) -> HttpResponse:
    grade = request.POST.get("grade", "")
    try:
        filing.rate(actor_of(request), case, grade=int(grade) if grade.isdecimal() else 0, words=request.POST.get("words", ""))
    except Invalid as problem:
        return render(request, "online_petition/follow.html", {"page": _page(request, case, problem.fields)}, status=422)
    flash.success(request, "感谢您的评价。")
    return redirect("online_petition:follow", case=case)


@require_POST
def act(request: HttpRequest, case: int, step: str) -> HttpResponse:
    """Withdrawing; or urging, which is no step."""
    actor = actor_of(request)
    if step == "urge":
        filing.urge(actor, case, words=request.POST.get("words", ""))
        flash.success(request, "已提醒承办单位。")
    else:
        seen = request.POST.get("revision", "")
        procedures.perform(actor, case, step, {"reason": request.POST.get("reason", "")}, revision=int(seen) if seen.isdecimal() else None)
        flash.success(request, "已经办理。")
    return redirect("online_petition:follow", case=case)


def letter(request: HttpRequest, paper: int) -> FileResponse:
    """A sealed letter of a petition that one may see, for petitioners and officials alike."""
    found = restrict(actor_of(request), Paper.objects.filter(pk=paper)).select_related("document__file").first()
    if found is None or found.document is None:
        raise NotFound("文书还没有制成，或不是您的信访件。", hint="刚刚办理的步骤，文书一般几秒钟内制成，请稍后刷新。")
    return sealed(found.document.file)


def material(request: HttpRequest, material: int) -> FileResponse:
    """A file that came with a petition one may see."""
    found = restrict(actor_of(request), Material.objects.filter(pk=material)).select_related("file").first()
    if found is None:
        raise NotFound("没有找到这份材料，或不是您的信访件。")
    return sealed(found.file)


def sealed(file: Any) -> FileResponse:
    answer = FileResponse(documents.open_file(file), content_type=file.media_type, filename=file.name)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "private, no-store"
    return answer


@csrf_exempt
@require_POST
def above(request: HttpRequest, peer: str) -> JsonResponse:
    """From the province, proven by its signature."""
    headers = {name: request.headers.get(name, "") for name in wire.SIGNS}
    made = province.take(peer, request.path, headers, request.body)
    return JsonResponse({"result": "ok", "number": made.case.number})


@require_GET
def office_file(request: HttpRequest, peer: str, material: int) -> FileResponse:
    """A file for the system of the department with which its petition lies, proven by its signature."""
    return sealed(offices.file_for(wire.proven(peer, Peer.Kind.OFFICE, request.path, request.headers, b"", method="GET"), material))


@csrf_exempt
@require_POST
def office(request: HttpRequest, peer: str) -> JsonResponse:
    """An event from the system of a department, proven by its signature."""
    status, said = events.take(peer, request.path, {name: request.headers.get(name, "") for name in wire.SIGNS}, request.body)
    return JsonResponse(said, status=status, json_dumps_params={"ensure_ascii": False})


def _page(request: HttpRequest, case: int, errors: dict[str, str] | None = None) -> FollowPage:
    actor = actor_of(request)
    found = restrict(actor, Petition.objects.filter(instances__case=case, petitioner=actor.acting_for)).select_related("case", "matter", "joined_to__case", "body").first()
    if found is None:
        raise NotFound("没有找到这件信访件。", hint="只能查看自己提出的信访件。")
    rows = list(restrict(actor, found.instances.select_related("case__organ__division")).order_by("-level"))
    last, review, until = rows[0], "", None
    if filing.review_refusal(found, last) is None and last.answered_at:
        review = Instance.Level(last.level + 1).label
        until = limits.review_until(last.answered_at, level=last.level, division=found.division_id)
    return FollowPage(found, [_stage(actor, row) for row in rows], review, until, list(Instance.Grade.choices), errors or {}, ways.incident_of(found), list(restrict(actor, found.materials.all())), ways.service_of(found))


def _stage(actor: Actor, row: Instance) -> Stage:
    case = row.case
    state = case.declared.state(case.state)
    reply = restrict(actor, Reply.objects.filter(case=case, signed_at__isnull=False)).first()
    actions = [o for o in procedures.offers(actor, case) if APPLICANT in o.step.roles and o.step.source != "new"]
    return Stage(row, state.public, stages_of(case), history_of(actor, case), reply, actions)


def stages_of(case: Case) -> list[tuple[str, str]]:
    """Each stage with done, now or ahead; an answered case has passed all."""
    procedure = case.declared
    here = procedure.stages.index(procedure.state(case.state).stage)
    answered = case.outcome == Case.Outcome.ANSWERED
    return [(name, "done" if place < here or answered else "now" if place == here else "ahead") for place, name in enumerate(procedure.stages)]


def history_of(actor: Actor, case: Case) -> list[tuple[Event, Paper | None]]:
    """What the actor may see of what happened, in order, each with its letter."""
    seen = restrict(actor, Event.objects.filter(case=case)).select_related("organ", "paper__document").order_by("sequence")
    return [(event, getattr(event, "paper", None)) for event in seen]


