"""The officials' pages: registering what came by letter, foot or phone; one petition with its steps; the leader's desk; supervision; clusters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.contrib import messages as flash
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.forms import Form
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from yiwang.base.errors import Invalid, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Organisation
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Case, Deadline, Extension
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import APPLICANT, SYSTEM_ROLE
from yiwang.kit.guards import actor_of
from yiwang.kit.rowsecurity import elevated
from yiwang.systems.welfare.online_petition import clusters, effects, filing, forms, offices, rules, ways
from yiwang.systems.welfare.online_petition.models import (
    Accused,
    Exchange,
    Hearing,
    Instance,
    Material,
    Member,
    Peer,
    Petition,
    Reply,
    Supervision,
    Transfer,
    Warning,
)
from yiwang.systems.welfare.online_petition.portal import history_of, sealed, stages_of

SIZE = 50


@dataclass(frozen=True)
class Action:
    """A step with its form, ready to be shown."""

    step: Any
    blocked: str
    form: Form | None
    failed: bool = False
    reason: str = ""


@dataclass(frozen=True)
class CasePage:
    petition: Petition
    instance: Instance
    case: Case
    state: Any
    stages: list[tuple[str, str]]
    events: list[Any]
    deadlines: list[Deadline]
    actions: list[Action]
    others: list[Instance]
    members: list[Member]
    accused: list[Accused]
    transfers: list[Transfer]
    replies: list[Reply]
    hearings: list[Hearing]
    supervisions: list[Supervision]
    peer: Peer | None  #: in whose system it is being handled now
    exchanges: list[Exchange]
    materials: list[Material]
    inspection: Any  #: Incident, its number, how far it is
    sees_inspection: bool
    service: Any  #: Item it was led to, and the service there
    similar: list[Petition]
    hints: list[tuple[str, str]]
    extension: Extension | None
    extendable: list[tuple[Deadline, int]]
    may_supervise: bool
    may_identify: bool
    organs: list[Organisation]
    full: bool
    errors: Mapping[str, str]
    message: str


def case(request: HttpRequest, case: int) -> HttpResponse:
    return render(request, "online_petition/case.html", {"page": _page(request, case)})


@require_POST
def act(request: HttpRequest, case: int, step: str) -> HttpResponse:
    """Takes a step; what was typed comes back with what is wrong."""
    actor = actor_of(request)
    data = {name: value for name, value in request.POST.items() if name != "csrfmiddlewaretoken"}
    seen = request.POST.get("revision", "")
    try:
        procedures.perform(actor, case, step, data, revision=int(seen) if seen.isdecimal() else None)
    except Invalid as problem:
        page = _page(request, case, errors=problem.fields, message=problem.message, failed=step, data=data)
        return render(request, "online_petition/case.html", {"page": page}, status=422)
    flash.success(request, "已经办理，文书正在制作并告知信访人。")
    if not procedures.cases_of(actor).filter(pk=case).exists():  # a step may close it to oneself: an accusation against one's own office
        return redirect("acceptance:desk")
    return redirect("online_petition:case", case=case)


@require_POST
def extend(request: HttpRequest, case: int) -> HttpResponse:
    """Asks for more time, or the head decides."""
    actor, asked = actor_of(request), request.POST.get("extension", "")
    try:
        if asked.isdecimal():
            granted = procedures.decide_extension(actor, int(asked), granted=request.POST.get("granted") == "1").granted
            flash.success(request, "已批准延期，告知书正在制作。" if granted else "已决定不延期。")
        else:
            amount = request.POST.get("amount", "")
            procedures.ask_extension(actor, case, clock=request.POST.get("clock", ""), amount=int(amount) if amount.isdecimal() else 0, reason=request.POST.get("reason", ""))
            flash.success(request, "延期申请已提交负责人批准。")
    except Invalid as problem:
        page = _page(request, case, errors=problem.fields, message=problem.message)
        return render(request, "online_petition/case.html", {"page": page}, status=422)
    return redirect("online_petition:case", case=case)


@require_POST
def identify(request: HttpRequest, accused: int) -> HttpResponse:
    organ = request.POST.get("organ", "")
    case = restrict(actor_of(request), Accused.objects.filter(pk=accused)).values_list("petition__case", flat=True).first()
    if case is None:
        raise NotFound("没有找到这条记录。")
    filing.identify(actor_of(request), accused, organ=int(organ) if organ.isdecimal() else None)
    flash.success(request, "已认定。该单位的人员从现在起看不到这件信访件。")
    return redirect("online_petition:case", case=case) if procedures.cases_of(actor_of(request)).filter(pk=case).exists() else redirect("acceptance:desk")


@require_POST
def supervise(request: HttpRequest, case: int) -> HttpResponse:
    """A letter of supervision."""
    try:
        filing.supervise(actor_of(request), case, kind=request.POST.get("kind", ""), reason=request.POST.get("reason", ""))
    except Invalid as problem:
        page = _page(request, case, errors=problem.fields, message=problem.message)
        return render(request, "online_petition/case.html", {"page": page}, status=422)
    flash.success(request, "督办函已制发。")
    return redirect("online_petition:case", case=case)


@require_POST
def answer(request: HttpRequest, supervision: int) -> HttpResponse:
    """The organ's answer to a letter of supervision."""
    made = filing.answer_supervision(actor_of(request), supervision, words=request.POST.get("words", ""))
    flash.success(request, "已反馈。")
    return redirect("online_petition:case", case=made.case_id)


def supervision_letter(request: HttpRequest, supervision: int) -> FileResponse:
    found = restrict(actor_of(request), Supervision.objects.filter(pk=supervision)).select_related("document__file").first()
    if found is None or found.document is None:
        raise NotFound("没有找到这份督办函。")
    return sealed(found.document.file)


def register(request: HttpRequest) -> HttpResponse:
    """来信来访登记: what came by letter, foot, phone or a leader's box."""
    actor = actor_of(request)
    form = forms.DeskForm(request.POST or None, request.FILES or None, initial={"people": 1})
    key = request.POST.get("key") or str(uuid4())
    if request.method == "POST" and form.is_valid():
        try:
            made = filing.file(actor, filing.filing_of(form.cleaned_data, key=key, channel=form.cleaned_data["channel"]), petitioner=_petitioner(actor, form.cleaned_data))
        except Invalid as problem:
            for name, words in (problem.fields or {"": problem.message}).items():
                form.add_error(name if name in form.fields else None, words)
        else:
            flash.success(request, f"已登记，编号 {made.case.number}。")
            seen = procedures.cases_of(actor).filter(pk=made.case_id).exists()
            return redirect("online_petition:case", case=made.case_id) if seen else redirect("online_petition:register")
    return render(request, "online_petition/register.html", {"page": {"form": form, "key": key}}, status=422 if form.errors else 200)


def _petitioner(actor: Actor, data: dict[str, Any]) -> int:
    if data["number"]:
        return parties.find_or_register_person(actor, name=data["name"], number=data["number"], division=data["division"])[0].pk
    return filing.stranger(data["name"], data["contact"], data["division"]).pk


def listed(request: HttpRequest) -> HttpResponse:
    """信访件: what one's posts may see, by words, kind, channel and state; page by key."""
    actor, asked = actor_of(request), request.GET
    newest = restrict(actor, Instance.objects.filter(petition=OuterRef("pk"))).order_by("-level")
    rows = restrict(actor, Petition.objects.select_related("matter", "division")).annotate(newest=Subquery(newest.values("pk")[:1])).order_by("-pk")
    if asked.get("kind") in Petition.Kind.values:
        rows = rows.filter(kind=asked["kind"])
    if asked.get("channel") in Petition.Channel.values:
        rows = rows.filter(channel=asked["channel"])
    if words := asked.get("q", "").strip()[:60]:
        rows = rows.filter(Q(title__icontains=words) | Q(pk__in=Instance.objects.filter(case__number=words).values("petition")))
    if (after := asked.get("after", "")).isdecimal():
        rows = rows.filter(pk__lt=int(after))
    found = list(rows[: SIZE + 1])
    cases = Instance.objects.filter(pk__in=[p.newest for p in found]).select_related("case__organ").in_bulk()
    kept = {name: asked[name] for name in ("kind", "channel", "q") if asked.get(name)}
    page = {"rows": [(p, cases[p.newest]) for p in found[:SIZE]], "after": str(found[SIZE - 1].pk) if len(found) > SIZE else "", "kept": kept, "kinds": Petition.Kind.choices, "channels": Petition.Channel.choices}
    return render(request, "online_petition/list.html", {"page": page})


def leader(request: HttpRequest) -> HttpResponse:
    """领导台: late, joint, come again, clusters; nothing that does not need somebody."""
    actor = actor_of(request)
    seen = restrict(actor, Petition.objects.select_related("case__organ", "matter", "division"))
    now = timezone.now()
    page = {
        "late": seen.filter(case__closed_at=None, case__due_at__lt=now).order_by("case__due_at")[:20],
        "joint": seen.filter(case__closed_at=None, people__gte=5).order_by("-people")[:20],
        "again": seen.filter(case__closed_at=None).annotate(times=Count("repeats")).filter(times__gte=1).order_by("-times")[:20],
        "upper": restrict(actor, Instance.objects.filter(level__gt=1, case__closed_at=None).select_related("case__organ", "petition")).order_by("opened_at")[:20],
        "warnings": restrict(actor, Warning.objects.filter(closed_at=None).select_related("division", "matter")).order_by("-z")[:20],
    }
    return render(request, "online_petition/leader.html", {"page": page})


def supervisions(request: HttpRequest) -> HttpResponse:
    """督查督办: what was asked of whom, what has not been answered first."""
    rows = restrict(actor_of(request), Supervision.objects.select_related("case", "organ")).order_by(F("answered_at").desc(nulls_first=True), "due_at")[:100]
    late = restrict(actor_of(request), Petition.objects.filter(case__closed_at=None, case__due_at__lt=timezone.now()).select_related("case__organ")).order_by("case__due_at")[:50]
    return render(request, "online_petition/supervisions.html", {"page": {"rows": rows, "late": late, "now": timezone.now()}})


def warnings(request: HttpRequest) -> HttpResponse:
    """苗头预警: place by matter, this week beside the weeks before."""
    rows = restrict(actor_of(request), Warning.objects.select_related("division", "matter")).order_by(F("closed_at").desc(nulls_first=True), "-week", "-z")[:100]
    week = rules.monday(timezone.localdate())
    return render(request, "online_petition/warnings.html", {"page": {"rows": rows, "week": week}})


@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """Compares now, without waiting for the morning."""
    with elevated():  # the figures are of all petitions of the place, whoever may read which
        found = clusters.look()
    audit.record(actor_of(request), "petition.look", summary=f"比较本周苗头：{len(found)} 条")
    flash.success(request, "已经比较。")
    return redirect("online_petition:warnings")


@require_POST
def settle(request: HttpRequest, warning: int) -> HttpResponse:
    clusters.settle(actor_of(request), warning, note=request.POST.get("note", ""))
    flash.success(request, "已记录处置情况。")
    return redirect("online_petition:warnings")


def _page(request: HttpRequest, case: int, *, errors: Mapping[str, str] | None = None, message: str = "", failed: str = "", data: Mapping[str, Any] | None = None) -> CasePage:
    actor = actor_of(request)
    found = procedures.find(actor, case)
    petition = effects.petition_of(found)
    instance = Instance.objects.get(case=found)
    full = request.GET.get("full") == "1"
    if request.method == "GET":
        what = "信访件（含联系方式）" if full else "信访件"
        audit.record_access(actor, party=petition.petitioner_id, what=what, purpose=f"办理信访件 {found.number}", case=found.pk)
    offered = [o for o in procedures.offers(actor, found) if set(o.step.roles) - {APPLICANT, SYSTEM_ROLE}]
    deadlines = list(found.deadlines.prefetch_related("moves").order_by("started_at"))
    return CasePage(
        petition=petition,
        instance=instance,
        case=found,
        state=found.declared.state(found.state),
        stages=stages_of(found),
        events=history_of(actor, found),
        deadlines=deadlines,
        actions=[_action(o, found, petition, data if o.step.code == failed else None) for o in offered],
        others=list(restrict(actor, petition.instances.select_related("case__organ")).exclude(pk=instance.pk).order_by("level")),
        members=list(petition.members.order_by("-represents", "name")),
        accused=list(restrict(actor, petition.accused.select_related("organ"))),
        transfers=list(restrict(actor, petition.transfers.select_related("sender", "receiver")).order_by("sent_at")),
        replies=list(Reply.objects.filter(case__in=petition.instances.values("case")).select_related("case").order_by("case")),
        hearings=list(Hearing.objects.filter(case=found)),
        supervisions=list(restrict(actor, petition.supervisions.select_related("organ", "document")).order_by("asked_at")),
        peer=offices.holder(petition, found.organ_id) if instance.level == Instance.Level.HANDLING and found.closed_at is None else None,
        exchanges=list(restrict(actor, petition.exchanges.select_related("peer", "petition__case")).order_by("-pk")[:50]),
        materials=list(restrict(actor, petition.materials.order_by("pk"))),
        inspection=ways.incident_of(petition),
        sees_inspection=petition.incident is not None and procedures.cases_of(actor).filter(pk=petition.incident.case_id).exists(),
        service=ways.service_of(petition),
        similar=filing.same_by_others(actor, petition) if found.state in ("registering", "received") else [],
        hints=_hints(petition) if found.state in ("registering", "received") else [],
        extension=procedures.extension_waiting(actor, found) if found.organ_id in actor.organs else None,
        extendable=_extendable(found, offered, deadlines),
        may_supervise=any(actor.holds(r, petition.desk_id) for r in (filing.CLERK, filing.LEADER)) and found.closed_at is None and found.organ_id != petition.desk_id,
        may_identify=petition.is_accusation and bool(actor.roles & {filing.CLERK, "discipline-officer"}),
        organs=list(Organisation.objects.filter(division__in=parties.divisions_above(petition.division_id)).order_by("-division", "name")) if petition.is_accusation else [],
        full=full,
        errors=errors or {},
        message=message,
    )


def _hints(petition: Petition) -> list[tuple[str, str]]:
    """What the words point to: a help, never a decision."""
    kind, way = rules.kind_of(petition.words), rules.BY_CODE[rules.route_of(petition.words)]
    office = petition.matter.function if petition.matter else ""
    organ = parties.organ_for(office, petition.division_id).name if office else "—"
    return [("类别", Petition.Kind(kind).label), ("途径", f"{way.name}（{way.article}）"), ("通常由谁承办", organ)]


def _action(offer: Any, case: Case, petition: Petition, typed: Mapping[str, Any] | None) -> Action:
    step = offer.step
    form = None
    if step.form is not None and not offer.blocked:
        kind = step.form if isinstance(step.form, type) else step.form(case)
        form = kind(typed, initial=_initial(petition))
        for name, bound in form.fields.items():
            bound.widget.attrs["id"] = f"{step.code}-{name}"
    return Action(step, offer.blocked, form, typed is not None, str((typed or {}).get("reason", "")))


def _initial(petition: Petition) -> dict[str, Any]:
    return {"kind": petition.kind, "matter": petition.matter_id, "route": petition.route, "claims": petition.claims, "manner": "forward"}


def _extendable(case: Case, offered: list[Any], deadlines: list[Deadline]) -> list[tuple[Deadline, int]]:
    running = [(d, case.declared.clock(d.code)) for d in deadlines if d.finished_at is None] if offered else []
    left = [(d, clock.longest_extension(case) - d.extended) for d, clock in running if clock.extension_by]
    return [(d, amount) for d, amount in left if amount > 0]
