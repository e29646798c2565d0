"""更正删除申请: what persons ask of the registers that an official keeps, answered beside the row it is about."""

from dataclasses import dataclass

from django.contrib import messages as flash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid
from yiwang.engines.registers import api as registers
from yiwang.engines.registers.models import CorrectionRequest
from yiwang.kit.guards import actor_of
from yiwang.kit.registry import registry


@dataclass(frozen=True)
class Waiting:
    """A request with the row it is about."""

    asked: CorrectionRequest
    register: str
    link: str
    late: bool


@dataclass(frozen=True)
class CorrectionsPage:
    waiting: list[Waiting]
    bad: int = 0  #: the request whose answer was refused
    message: str = ""
    words: str = ""


def corrections(request: HttpRequest) -> HttpResponse:
    """Those that wait for this official."""
    return _render(request, CorrectionsPage(_waiting(request)))


def answer(request: HttpRequest, asked: int) -> HttpResponse:
    """Grants or refuses one."""
    if request.method != "POST":
        return redirect("corrections:waiting")
    words = request.POST.get("words", "")
    try:
        made = registers.answer(actor_of(request), asked, granted=request.POST.get("granted") == "1", words=words)
    except (Invalid, Conflict) as problem:
        said = f"{problem.message}{'；'.join(getattr(problem, 'fields', {}).values())}{problem.hint}"
        return _render(request, CorrectionsPage(_waiting(request), asked, said, words), status=problem.status)
    flash.success(request, f"已答复：{made.get_state_display()}，申请人会收到消息。")
    return redirect("corrections:waiting")


def _waiting(request: HttpRequest) -> list[Waiting]:
    names, today = {r.code: r.name for r in registry().registers.values()}, timezone.localdate()
    return [Waiting(one, names[one.register], reverse("register:row", args=[one.register, one.row]), one.due_on < today) for one in registers.waiting(actor_of(request))]


def _render(request: HttpRequest, page: CorrectionsPage, *, status: int = 200) -> HttpResponse:
    return render(request, "console/corrections.html", {"page": page}, status=status)
