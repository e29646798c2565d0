"""我的个人信息: what the registers say of the person signed in, in clear to them alone, and their requests to correct or delete it."""

from dataclasses import dataclass

from django.contrib import messages as flash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from yiwang.base import say
from yiwang.base.errors import Invalid
from yiwang.engines.registers import api as registers
from yiwang.engines.registers.models import CorrectionRequest
from yiwang.kit.guards import actor_of
from yiwang.kit.records import Kept
from yiwang.kit.registry import registry


@dataclass(frozen=True)
class Mine:
    """A row about the person with what it says."""

    register: str
    name: str
    row: str
    title: str
    facts: list[tuple[str, str]]
    frozen: bool
    waits: bool  #: a request about it has not been answered yet


@dataclass(frozen=True)
class Request:
    """A request as the person reads it."""

    asked: CorrectionRequest
    register: str


@dataclass(frozen=True)
class MinePage:
    rows: list[Mine]
    requests: list[Request]
    kinds: list[tuple[str, str]]
    bad: str = ""  #: "<register>:<row>" of the form that was refused
    errors: dict[str, str] | None = None
    words: str = ""


def mine(request: HttpRequest) -> HttpResponse:
    """The page; the look is one's own and is not counted among those of others."""
    return _render(request)


def ask(request: HttpRequest, register: str, row: str) -> HttpResponse:
    """Sends a request."""
    if request.method != "POST":
        return redirect("mine:data")
    words = request.POST.get("words", "")
    try:
        made = registers.ask(actor_of(request), register, row, kind=request.POST.get("kind", ""), words=words)
    except Invalid as problem:
        return _render(request, bad=f"{register}:{row}", errors=problem.fields, words=words)
    flash.success(request, f"申请已提交，{say.day(made.due_on)}前答复。")
    return redirect("mine:data")


def _render(request: HttpRequest, *, bad: str = "", errors: dict[str, str] | None = None, words: str = "") -> HttpResponse:
    actor = actor_of(request)
    requests = registers.asked_by(actor)
    waits = {(one.register, one.row) for one in requests if one.state == CorrectionRequest.State.WAITING}
    rows = [_shown(one, waits) for one in registers.about(actor)]
    names = {r.code: r.name for r in registry().registers.values()}
    page = MinePage(rows, [Request(one, names.get(one.register, one.register)) for one in requests], list(CorrectionRequest.Kind.choices), bad, errors, words)
    return render(request, "portal/mine.html", {"page": page}, status=422 if errors else 200)


def _shown(one: registers.OfMine, waits: set[tuple[str, str]]) -> Mine:
    frozen = isinstance(one.row, Kept) and one.row.standing == Kept.Standing.FROZEN
    row = str(one.row.pk)
    return Mine(one.register.code, one.register.name, row, one.title, one.facts, frozen, (one.register.code, row) in waits)
