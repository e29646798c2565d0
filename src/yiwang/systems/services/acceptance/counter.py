"""The window: find or register who stands there, any item in one form, the check-list, the receipt."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages as flash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from yiwang.base import identifiers
from yiwang.base.errors import Invalid, NotFound
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Party
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Case, Paper
from yiwang.kit.access import restrict
from yiwang.kit.guards import actor_of
from yiwang.platforms.items import api as items
from yiwang.systems.services.acceptance import applying
from yiwang.systems.services.acceptance.models import Application, Material
from yiwang.systems.services.acceptance.portal import first_part


class ApplicantForm(forms.Form):
    """Who stands at the window."""

    number = forms.CharField(
        label="身份证号码或统一社会信用代码", max_length=18, error_messages={"required": "请输入或读取证件号码。"},
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}),
    )
    name = forms.CharField(label="姓名或名称（首次登记时填写）", max_length=120, required=False)
    phone = forms.CharField(label="联系电话（首次登记时填写）", max_length=20, required=False)


@dataclass(frozen=True)
class StartPage:
    form: ApplicantForm
    fresh: bool


@dataclass(frozen=True)
class ItemsPage:
    applicant: Party
    question: str
    rows: list[tuple[Any, Any]]  # item, the service of this window or None


@dataclass(frozen=True)
class ReceiptPage:
    case: Case
    application: Application
    materials: list[Material]
    paper: Paper | None
    actions: list[Any]


def start(request: HttpRequest) -> HttpResponse:
    """Find or register the applicant."""
    form, fresh = ApplicantForm(request.POST or None), False
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            return redirect("acceptance:counter-items", applicant=_applicant(request, **data).pk)
        except NotFound:
            fresh = True
            form.add_error("name", "还没有登记过这个申请人，请填写姓名或名称后登记。")
        except Invalid as problem:
            for name, words in (problem.fields or {"number": problem.message}).items():
                form.add_error(name, words)
    return render(request, "acceptance/counter.html", {"page": StartPage(form, fresh)}, status=422 if form.errors else 200)


def _applicant(request: HttpRequest, *, number: str, name: str, phone: str) -> Party:
    actor = actor_of(request)
    try:
        return parties.find_party(actor, number=number, purpose="窗口收件")
    except NotFound:
        if not name.strip():
            raise
    if identifiers.is_uscc(number.strip().upper()):
        found, _ = parties.find_or_register_entity(actor, name=name, number=number, phone=phone)
    else:
        found, _ = parties.find_or_register_person(actor, name=name, number=number, phone=phone)
    flash.success(request, "申请人已登记。")
    return found


def choose_item(request: HttpRequest, applicant: int) -> HttpResponse:
    """Search the item in the applicant's words; the office that answers is this window's own or the one above it."""
    actor = actor_of(request)
    who = restrict(actor, Party.objects.filter(pk=applicant)).first()
    if who is None:
        raise NotFound("没有找到这个申请人。")
    question = request.GET.get("q", "")
    place = next(seat.division for seat in actor.seats if "window-clerk" in seat.roles).ljust(12, "0")
    hits = items.search(question, who="person" if who.kind == "person" else "entity", limit=12) if question else []
    rows: list[tuple[Any, Any]] = []
    for hit in hits:
        try:
            rows.append((hit.item, items.service_for(hit.item.pk, place)))
        except NotFound:
            rows.append((hit.item, None))
    return render(request, "acceptance/counter_items.html", {"page": ItemsPage(who, question, rows)})


@require_POST
def take(request: HttpRequest, applicant: int, service: int) -> HttpResponse:
    """Opens the draft in which the clerk works."""
    draft = applying.open_draft(actor_of(request), service, applicant=applicant)
    return redirect("acceptance:draft", draft=draft.pk, part=first_part(draft))


def receipt(request: HttpRequest, case: int) -> HttpResponse:
    """The receipt to print, and what the window may do at once."""
    actor = actor_of(request)
    found = procedures.find(actor, case)
    application = Application.objects.select_related("version__item").get(case=found)
    page = ReceiptPage(
        case=found,
        application=application,
        materials=list(application.materials.order_by("code")),
        paper=Paper.objects.filter(event__case=found, template="receipt").select_related("document").first(),
        actions=procedures.offers(actor, found),
    )
    return render(request, "acceptance/receipt.html", {"page": page})
