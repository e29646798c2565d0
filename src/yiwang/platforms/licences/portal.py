"""Verifying a licence, for anybody; one's own licences with their uses."""

from dataclasses import dataclass

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString, mark_safe

from yiwang.engines.documents import api as documents
from yiwang.kit.access import restrict
from yiwang.kit.guards import actor_of
from yiwang.platforms.licences import api
from yiwang.platforms.licences.models import Licence, Use

LIMIT = 20 * 1024 * 1024


@dataclass(frozen=True)
class VerifyPage:
    identifier: str = ""
    verdict: api.Verdict | None = None
    pdf: documents.Verdict | None = None
    error: str = ""


@dataclass(frozen=True)
class LicencePage:
    licence: Licence
    qr: SafeString
    uses: list[Use]


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
    page = VerifyPage(pdf=documents.verify(upload.read()))
    return render(request, "licences/verify.html", {"page": page}, status=200 if page.pdf and page.pdf.holds else 422)


def verify_one(request: HttpRequest, identifier: str) -> HttpResponse:
    """Valid, expired, suspended, revoked, replaced, or not ours. JSON when asked for."""
    verdict = api.verify(identifier)
    if "application/json" in request.headers.get("Accept", ""):
        body = {
            "identifier": identifier, "result": verdict.result, "words": verdict.words, "type": verdict.type, "holder": verdict.holder, "issuer": verdict.issuer,
            "valid_from": verdict.valid_from, "valid_to": verdict.valid_to, "successor": verdict.successor,
        }
        return JsonResponse(body, json_dumps_params={"ensure_ascii": False})
    return render(request, "licences/verify.html", {"page": VerifyPage(identifier, verdict)})


def mine(request: HttpRequest) -> HttpResponse:
    """我的证照."""
    actor = actor_of(request)
    rows = list(restrict(actor, api.of_holder(actor.acting_for or 0)))
    return render(request, "licences/mine.html", {"page": rows})


def one(request: HttpRequest, identifier: str) -> HttpResponse:
    """One licence as its holder shows it: the QR code, the face, who used it."""
    found = api.find(actor_of(request), identifier)
    picture = mark_safe(documents.qr(f"{settings.PUBLIC_URL}/verify/{found.identifier}"))  # noqa: S308  # SVG made by our own library from our own text
    page = LicencePage(found, picture, list(found.uses.order_by("-at")[:50]))
    return render(request, "licences/one.html", {"page": page})


def face(request: HttpRequest, identifier: str) -> FileResponse:
    """The sealed PDF."""
    found = api.find(actor_of(request), identifier)
    answer = FileResponse(documents.open_file(found.file), content_type="application/pdf", filename=f"{found.type.name}.pdf")  # type: ignore[arg-type]  # every issued version has a face
    answer["Cache-Control"] = "private, no-store"
    return answer
