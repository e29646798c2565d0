"""Verifying a licence, for anybody; one's own licences with their uses."""

from dataclasses import asdict, dataclass

from django import forms
from django.conf import settings
from django.contrib import messages as flash
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST

from yiwang.base.errors import NotFound
from yiwang.engines.documents import api as documents
from yiwang.kit.access import restrict
from yiwang.kit.guards import actor_of
from yiwang.platforms.licences import api
from yiwang.platforms.licences.models import Authorisation, Licence, Use

LIMIT = 20 * 1024 * 1024


class AuthoriseForm(forms.Form):
    """Who may see the licence, for what, how long."""

    to_whom = forms.CharField(label="授权给谁", max_length=120, error_messages={"required": "请填写对方的姓名或单位名称。"})
    purpose = forms.CharField(label="用途", max_length=200, error_messages={"required": "请填写用途。"})
    hours = forms.TypedChoiceField(label="有效时间", coerce=int, choices=[(24, "一天"), (72, "三天"), (168, "七天"), (720, "三十天")])


@dataclass(frozen=True)
class VerifyPage:
    identifier: str = ""
    verdict: api.Verdict | None = None
    pdf: documents.Verdict | None = None
    document: documents.Facts | None = None
    error: str = ""


@dataclass(frozen=True)
class LicencePage:
    licence: Licence
    qr: SafeString
    uses: list[Use]
    authorisations: list[Authorisation]
    mine: bool  #: the reader is the holder, who may let others see it
    form: forms.Form


def verify(request: HttpRequest) -> HttpResponse:
    """By identifier, or by uploading the PDF itself."""
    if identifier := request.GET.get("identifier", "").strip():
        return redirect("licences:verify-one", identifier=identifier)
    if request.method != "POST":
        return render(request, "licences/verify.html", {"page": VerifyPage()})
    upload = request.FILES.get("file")
    if upload is None or (upload.size or 0) > LIMIT:
        error = "请选择要核验的 PDF 文件。" if upload is None else "文件超过 20 MB。"
        return render(request, "licences/verify.html", {"page": VerifyPage(error=error)}, status=422)
    pdf, verdict = api.verify_file(upload.read())
    return render(request, "licences/verify.html", {"page": VerifyPage(verdict=verdict, pdf=pdf)}, status=200 if pdf.holds else 422)


def verify_one(request: HttpRequest, identifier: str) -> HttpResponse:
    """A licence: valid, expired, suspended, revoked, replaced, or not ours. A document (its QR code is a plain number): ours or not. JSON when asked for."""
    page = VerifyPage(identifier, document=_document(identifier))
    if page.document is None:
        page = VerifyPage(identifier, api.verify(identifier))
    if "application/json" in request.headers.get("Accept", ""):
        body = {"identifier": identifier, **asdict(page.document or page.verdict)}  # type: ignore[arg-type]  # one of them is there
        return JsonResponse(body, json_dumps_params={"ensure_ascii": False})
    return render(request, "licences/verify.html", {"page": page})


def _document(identifier: str) -> documents.Facts | None:
    if not (identifier.isascii() and identifier.isdecimal() and len(identifier) < 20 and int(identifier) < 2**63):
        return None
    return documents.about(int(identifier))


def mine(request: HttpRequest) -> HttpResponse:
    """我的证照."""
    actor = actor_of(request)
    rows = list(restrict(actor, api.of_holder(actor.acting_for or 0)))
    return render(request, "licences/mine.html", {"page": rows})


def one(request: HttpRequest, identifier: str) -> HttpResponse:
    """One licence as its holder shows it: the QR code, the face, who used it, whom one lets see it."""
    return _licence_page(request, identifier, AuthoriseForm())


@require_POST
def authorise(request: HttpRequest, identifier: str) -> HttpResponse:
    """Lets somebody see it for a while."""
    form = AuthoriseForm(request.POST)
    if not form.is_valid():
        return _licence_page(request, identifier, form)
    api.authorise(actor_of(request), identifier, **form.cleaned_data)
    flash.success(request, "授权已经生效，请把链接发给对方。")
    return redirect("licences:one", identifier=identifier)


@require_POST
def withdraw(request: HttpRequest, authorisation: int) -> HttpResponse:
    api.withdraw_authorisation(actor_of(request), authorisation)
    flash.success(request, "授权已经撤回。")
    return redirect("licences:mine")


def shown(request: HttpRequest, token: str) -> HttpResponse:
    """What whoever was let see it sees."""
    answer = render(request, "licences/shown.html", {"page": api.show(token)})
    answer["Cache-Control"] = "private, no-store"
    return answer


def _licence_page(request: HttpRequest, identifier: str, form: forms.Form) -> HttpResponse:
    actor = actor_of(request)
    found = api.find(actor, identifier)
    picture = mark_safe(documents.qr(f"{settings.PUBLIC_URL}/verify/{found.identifier}"))  # SVG made by our own library from our own text
    given = list(restrict(actor, Authorisation.objects.filter(licence=found)).order_by("-made_at")[:20])
    page = LicencePage(found, picture, list(restrict(actor, found.uses.all()).order_by("-at")[:50]), given, found.holder_id == (actor.acting_for or actor.party), form)
    return render(request, "licences/one.html", {"page": page}, status=422 if form.errors else 200)


def face(request: HttpRequest, identifier: str) -> FileResponse:
    """The sealed PDF."""
    found = api.find(actor_of(request), identifier)
    if found.file is None:
        raise NotFound("这份证照没有照面文件。")
    answer = FileResponse(documents.open_file(found.file), content_type="application/pdf", filename=f"{found.type.name}.pdf")
    answer["Cache-Control"] = "private, no-store"
    return answer
