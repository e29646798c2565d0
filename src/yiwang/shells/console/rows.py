"""One row of any declared register: what it says, where it lies, what changed, what belongs to it; its form, guarded by the revision that was seen."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages as flash
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from yiwang.base.errors import Conflict, Invalid, NotAllowed
from yiwang.engines.registers import api as registers
from yiwang.kit import cells
from yiwang.kit.declare import Column, Register
from yiwang.kit.forms import form_of
from yiwang.kit.guards import actor_of
from yiwang.kit.records import Kept
from yiwang.kit.registry import registry
from yiwang.shells.console import names
from yiwang.shells.console.lists import day_of, declared

KEPT = ("revision", "standing", "words", "changed_at")  # of the kit's own, not of the trade: the timeline says them


@dataclass(frozen=True)
class Relation:
    """Rows of another register that point here."""

    name: str
    count: registers.Count
    link: str


@dataclass(frozen=True)
class Block:
    """A declared panel with its context."""

    title: str
    template: str
    context: Any


@dataclass(frozen=True)
class RowPage:
    register: Register
    row: Any
    facts: list[tuple[str, str]]
    hidden: bool  #: some values are masked and could be revealed
    clear: bool
    place: str  #: GeoJSON for the map, "" without
    blocks: list[Block]
    relations: list[Relation]
    changes: list[registers.Change]
    may_edit: bool
    past: "Past | None" = None
    error: str = ""


@dataclass(frozen=True)
class Past:
    """As it was known on a day."""

    on: date
    at: date
    facts: list[tuple[str, str]]


@dataclass(frozen=True)
class FormPage:
    register: Register
    form: forms.BaseForm
    row: Any = None
    message: str = ""
    latest: list[registers.Change] = field(default_factory=list)  #: what others changed meanwhile


def row(request: HttpRequest, register: str, row: str) -> HttpResponse:
    """The detail page; with `on` and `at`, also how it was known then."""
    found = declared(register)
    return _render(request, found, registers.find(actor_of(request), found, row))


@require_POST
def reveal(request: HttpRequest, register: str, row: str) -> HttpResponse:
    """Personal data in clear for this one look, for a reason that goes on the record."""
    found = declared(register)
    actor = actor_of(request)
    try:
        shown = registers.reveal(actor, found, row, reason=request.POST.get("reason", ""))
    except Invalid as problem:
        return _render(request, found, registers.find(actor, found, row), error=problem.message)
    return _render(request, found, shown, clear=True)


def new(request: HttpRequest, register: str) -> HttpResponse:
    """The form of a row to be."""
    return _form(request, declared(register), None)


def edit(request: HttpRequest, register: str, row: str) -> HttpResponse:
    """The form of a row that is."""
    found = declared(register)
    return _form(request, found, registers.find(actor_of(request), found, row))


@require_POST
def freeze(request: HttpRequest, register: str, row: str) -> HttpResponse:
    """Stops or resumes the use of a row."""
    found = declared(register)
    kept = registers.freeze(actor_of(request), found, registers.find(actor_of(request), found, row).pk, reason=request.POST.get("reason", ""))
    flash.success(request, f"这条记录现在是“{kept.get_standing_display()}”。")
    return redirect("register:row", register=register, row=row)


@require_POST
def erase(request: HttpRequest, register: str, row: str) -> HttpResponse:
    """Deletes the personal data of a row."""
    found = declared(register)
    registers.erase(actor_of(request), found, registers.find(actor_of(request), found, row).pk, reason=request.POST.get("reason", ""))
    flash.success(request, "个人信息已删除，删除本身已记录在案。")
    return redirect("register:list", register=register)


def _render(request: HttpRequest, register: Register, found: Any, *, clear: bool = False, error: str = "") -> HttpResponse:
    actor = actor_of(request)
    place = found_place(register, found, clear=clear)
    facts = [(cells.heading(register, c), cells.cell(register, found, c, clear=clear)) for c in fields_of(register) if not place or c.code != register.place]
    personal = [n for n in register.personal if cells.value(found, n) not in (None, "")]
    page = RowPage(
        register=register,
        row=found,
        facts=facts,
        hidden=bool(personal) and not clear,
        clear=clear,
        place=place,
        blocks=[Block(p.title, p.template, c) for p in sorted(register.panels, key=lambda p: p.order) if (c := p.context(found, actor)) is not None],
        relations=list(_relations(request, register, found)),
        changes=registers.changes(register, found, clear=clear) if isinstance(found, Kept) else [],
        may_edit=registers.may_edit(actor, register) and bool(register.fields) and isinstance(found, Kept),
        past=_past(request, register, found),
        error=error,
    )
    return render(request, "console/register_row.html", {"page": page}, status=422 if error else 200)


def fields_of(register: Register) -> list[Column]:
    """Every field of the model that people read, in its own order, then the computed columns."""
    kept = KEPT if issubclass(register.model, Kept) else ()
    own = [Column(code=f.name) for f in register.model._meta.concrete_fields if f.name not in kept and not f.primary_key]
    return own + [c for c in register.shown if c.show]


def found_place(register: Register, found: Any, *, clear: bool) -> str:
    """The shape as GeoJSON; one that is personal only in clear."""
    shown = bool(register.place) and (clear or not cells.is_personal(register.model, register.place))
    shape = getattr(found, register.place, None) if shown else None
    return str(shape.geojson) if shape else ""


def _relations(request: HttpRequest, register: Register, found: Model) -> Iterator[Relation]:
    """Other registers with a filter on a key to this row's table."""
    actor = actor_of(request)
    for other in registry().registers.values():
        for path in other.filters:
            if "__" in path or not registers.may_read(actor, other):
                continue
            column = cells.field_at(other.model, path)
            if column.related_model is register.model:
                query = registers.Query(filters={path: str(found.pk)})
                yield Relation(other.name, registers.count(actor, other, query), f"{reverse('register:list', args=[other.code])}?{path}={found.pk}")


def _past(request: HttpRequest, register: Register, found: Any) -> Past | None:
    on, at = day_of(request.GET.get("on", "")), day_of(request.GET.get("at", ""))
    if not isinstance(found, Kept) or (on is None and at is None):
        return None
    day, known = on or timezone.localdate(), at or timezone.localdate()
    end = timezone.make_aware(timezone.datetime(known.year, known.month, known.day, 23, 59, 59, 999999))  # type: ignore[attr-defined]  # re-exported there
    return Past(day, known, registers.read(register, registers.as_known(found, on=day, at=end)))


def _form(request: HttpRequest, register: Register, found: Any) -> HttpResponse:
    actor = actor_of(request)
    if not registers.may_edit(actor, register):
        raise NotAllowed(f"您当前的身份不能修改“{register.name}”。")
    form = _made(request, register, request.POST or None, found)
    if request.method != "POST":
        return render(request, "console/register_form.html", {"page": FormPage(register, form, found)})
    reason, seen = request.POST.get("reason", ""), _revision(request.POST.get("revision", ""))
    data = {name: request.POST.get(name, "") for name in form.fields}
    try:
        since = day_of(request.POST.get("valid_from", ""), field="valid_from")
        if found is None:
            kept = registers.keep(actor, register, data, reason=reason or "登记", valid_from=since)
        else:
            kept = registers.change(actor, register, found.pk, data, revision=seen, reason=reason or "修改", valid_from=since)
    except Invalid as problem:
        form.is_valid()
        for name in set(problem.fields) & set(form.fields) - set(form.errors):  # refused by what the register derives: said at the field all the same
            form.add_error(name, problem.fields[name])
        return render(request, "console/register_form.html", {"page": FormPage(register, form, found, problem.message)}, status=422)
    except Conflict as problem:
        latest, now = registers.changes(register, found)[:1], registers.find(actor, register, found.pk)
        merged = _merged(request, register, form, now, seen or now.revision)
        page = FormPage(register, merged, now, f"{problem.message}{problem.hint}", latest)
        return render(request, "console/register_form.html", {"page": page}, status=409)
    flash.success(request, "已保存。")
    return redirect("register:row", register=register.code, row=kept.pk)


def _revision(text: str) -> int:
    """The revision that the form was made from; 0, which no row has, for a form that does not say it."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else 0


def _made(request: HttpRequest, register: Register, data: Any, row: Any) -> Any:
    """The register's form, its keys only those that the actor may see."""
    form: Any = form_of(register)(data, instance=row)
    if hasattr(form, "restrict_to"):
        form.restrict_to(actor_of(request))
    names.offer(register, form)
    return form


def _merged(request: HttpRequest, register: Register, form: Any, now: Any, seen: int) -> Any:
    """The form again: what was typed stays, and fields left as they were seen say what the row says now."""
    if not form.is_valid():
        return form
    typed, current = registers.snapshot(form.instance), registers.snapshot(now)
    data, fresh = request.POST.copy(), _made(request, register, None, now)
    for name, was in registers.replaced(now, seen).items():
        if name in fresh.fields and typed.get(name) == was != current.get(name):
            data[name] = fresh[name].value()
    return _made(request, register, data, now)
