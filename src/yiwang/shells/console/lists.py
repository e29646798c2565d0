"""The list of any declared register: filters, words, order, pages by key, saved views, and the same change to many rows."""

from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from html import escape
from typing import Any, cast

from django import forms
from django.contrib import messages as flash
from django.db.models import DateField, ForeignKey, Model
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from yiwang.base.errors import Conflict, Gone, Invalid, NotFound
from yiwang.base.names import meant
from yiwang.engines.registers import api as registers
from yiwang.engines.registers.models import SavedView
from yiwang.kit import cells
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Register
from yiwang.kit.forms import FEW, form_of
from yiwang.kit.guards import actor_of
from yiwang.kit.registry import registry


@dataclass(frozen=True)
class Heading:
    """A column's head: its name and, where it can be ordered by, the address that does so."""

    name: str
    link: str = ""
    state: str = ""  #: ascending | descending | "" (aria-sort)


@dataclass(frozen=True)
class Ways:
    """The views that a register's declaration allows."""

    list: str
    map: str = ""
    calendar: str = ""
    timeline: str = ""
    board: str = ""

    @property
    def many(self) -> bool:
        return bool(self.map or self.calendar or self.board)


@dataclass(frozen=True)
class ListPage:
    register: Register
    here: str
    ways: Ways
    headings: list[Heading]
    body: SafeString  #: the rows of the table; empty without any
    count: registers.Count
    filters: forms.Form
    query: registers.Query
    next: str
    first: str
    views: list[SavedView]
    may_edit: bool
    bulk: forms.Form | None
    errors: dict[str, str]
    asked: bool  #: whether anything narrows the list
    parameters: str  #: the list as it stands, for the export and for saving

    @property
    def sortable(self) -> bool:
        """Whether there is an order to choose: then a phone shows the heads of those columns above its cards."""
        return any(heading.link for heading in self.headings)


def declared(code: str) -> Register:
    """The register of an address. Raises NotFound."""
    found = registry().registers.get(code)
    if found is None:
        raise NotFound("没有这个登记簿。", hint=meant(code, registry().registers, "register"))
    return found


def listing(request: HttpRequest, register: str) -> HttpResponse:
    """One page of the list."""
    return render_list(request, declared(register))


def render_list(request: HttpRequest, register: Register, *, errors: dict[str, str] | None = None, bulk: forms.Form | None = None) -> HttpResponse:
    actor = actor_of(request)
    problems = dict(errors or {})
    try:
        query = registers.parse(register, request.GET.dict(), actor)
    except Invalid as problem:
        problems |= problem.fields
        query = registers.Query()
    listed = registers.page(actor, register, query)
    may_edit = registers.may_edit(actor, register) and bool(register.fields)
    here = reverse("register:list", args=[register.code])
    headings = [_heading(register, column.code, query) for column in register.shown]
    page = ListPage(
        register=register,
        here=here,
        ways=ways(register),
        headings=headings,
        body=_body(register, listed.rows, headings, here, ticked=may_edit),
        count=registers.count(actor, register, query, listed),
        filters=filter_form(register, actor, request.GET or None),
        query=query,
        next=_address(query, after=listed.after) if listed.after else "",
        first=_address(query) if query.after else "",
        views=registers.views_of(actor, register),
        may_edit=may_edit,
        bulk=_within(actor, bulk or bulk_form(register)()) if may_edit else None,
        errors=problems,
        asked=bool(query.filters or query.search),
        parameters=_address(query).lstrip("?"),
    )
    return render(request, "console/register_list.html", {"page": page}, status=422 if problems else 200)


@require_POST
def keep_view(request: HttpRequest, register: str) -> HttpResponse:
    """Saves the list as it stands under a name."""
    actor, found = actor_of(request), declared(register)
    query = registers.parse(found, _parameters(request), actor)
    organ = actor.seats[0].organ if request.POST.get("shared") and actor.seats else None
    registers.save_view(actor, found, query, name=request.POST.get("name", ""), organ=organ)
    flash.success(request, "已保存，可以从“保存的列表”打开。")
    return redirect(f"{reverse('register:list', args=[found.code])}{_address(query)}")


@require_POST
def drop_view(request: HttpRequest, register: str, view: int) -> HttpResponse:
    registers.forget_view(actor_of(request), view)
    return redirect("register:list", register=register)


@require_POST
def change_many(request: HttpRequest, register: str) -> HttpResponse:
    """The same change to the ticked rows: all or none."""
    actor, found = actor_of(request), declared(register)
    chosen = dict(_ticked(ticked) for ticked in request.POST.getlist("row"))
    form = bulk_form(found)(request.POST)
    data = {name: request.POST[name] for name in form.fields if name != "reason" and request.POST.get(name, "") != ""}
    if not chosen or not data:
        return render_list(request, found, errors={"bulk": "请先勾选记录，并至少填写一项要修改的内容。"}, bulk=form)
    try:
        changed = registers.change_many(actor, found, chosen, data, reason=request.POST.get("reason", ""), seen=chosen)
    except (Invalid, Conflict, Gone) as problem:
        return render_list(request, found, errors={"bulk": f"{problem.message}{'；'.join(problem.fields.values())} 没有任何一条被修改。"}, bulk=form)
    flash.success(request, f"已修改 {changed} 条。")
    return redirect(f"{reverse('register:list', args=[found.code])}?{request.POST.get('parameters', '')}")


def _ticked(text: str) -> tuple[int, int]:
    """A row and the revision of it that was seen; both 0, which no row is, for anything else."""
    row, _, revision = text.partition("-")
    return (int(row), int(revision)) if all(t.isascii() and t.isdecimal() and len(t) <= 18 for t in (row, revision)) else (0, 0)


def day_of(text: str, *, field: str = "day") -> date | None:
    """The day that an address or a form names, None for no text. Raises Invalid for what is no day."""
    try:
        day = parse_date(text) if text else None
    except ValueError:  # well written, and not in the calendar
        day = None
    if text and (day is None or not 1900 <= day.year <= 2200):
        raise Invalid("日期不正确。", fields={field: "请填写日期，例如 2026-03-01"})
    return day


def _body(register: Register, rows: list[Any], headings: list[Heading], here: str, *, ticked: bool) -> SafeString:
    """The table's rows: the first cell leads to the row, with a box to tick where many may be changed. Written here, not by a template: fifty rows are most of a page."""
    writers = [cells.writer(register, column) for column in register.shown]
    opens = [f'<td data-label="{escape(heading.name)}">' for heading in headings[1:]]
    return SafeString("".join(_line(row, [escape(_short(write(row))) for write in writers], opens, here, ticked=ticked) for row in rows))


def _line(row: Any, texts: list[str], opens: list[str], here: str, *, ticked: bool) -> str:
    """One row; a phone shows it as a card, where each cell says what it is and the empty ones are left out."""
    key = escape(str(row.pk))
    tick = f'<td class="tick"><input type="checkbox" name="row" value="{key}-{row.revision}" aria-label="选择 {texts[0]}"></td>' if ticked else ""
    rest = (f"{begin}{text}</td>" if text != cells.NOTHING else '<td class="nil">—</td>' for begin, text in zip(opens, texts[1:], strict=True))
    return f'<tr>{tick}<td><a href="{here}{key}">{texts[0]}</a></td>{"".join(rest)}</tr>'


def _short(text: str) -> str:
    return text if len(text) <= cells.LONGEST else f"{text[: cells.LONGEST - 1]}…"


def ways(register: Register) -> Ways:
    """Addresses of the list, map, calendar, timeline and board that this register has."""
    names = {"map": register.place, "calendar": register.day, "timeline": register.day, "board": register.groups}
    return Ways(reverse("register:list", args=[register.code]), **{n: reverse(f"register:{n}", args=[register.code]) for n, has in names.items() if has})


def filter_form(register: Register, actor: Actor, data: QueryDict | None) -> forms.Form:
    """One field for each declared filter, and the words where something is searched; of few rows one chooses."""
    form = _filter_form(register)(data)
    for path in register.filters:
        column = cells.field_at(register.model, path)
        if isinstance(column, ForeignKey) and (few := _few(column.related_model, actor)):
            form.fields[path] = forms.ChoiceField(label=str(column.verbose_name), required=False, choices=[("", "全部"), *((str(r.pk), str(r)) for r in few)])
    return form


def _few(model: type[Model], actor: Actor) -> list[Any]:
    """The rows that the actor may see when they are few enough to choose from; none of many is loaded to find that out."""
    if not hasattr(model, "visible_to"):
        return []
    seen = restrict(actor, model._default_manager.all())
    return [] if seen.order_by()[FEW : FEW + 1].exists() else list(seen)


def _within(actor: Actor, form: forms.Form) -> forms.Form:
    """What may be chosen is what the actor may see."""
    for field in form.fields.values():
        if isinstance(field, forms.ModelChoiceField) and field.queryset is not None and hasattr(field.queryset.model, "visible_to"):
            field.queryset = restrict(actor, field.queryset)
    return form


@cache
def _filter_form(register: Register) -> type[forms.Form]:
    fields: dict[str, forms.Field] = {}
    if register.search:
        fields["q"] = forms.CharField(label="查找", required=False, widget=forms.TextInput({"type": "search"}))
    for path in register.filters:
        fields |= _filter(register.model, path)
    return type("FilterForm", (forms.Form,), fields)


@cache
def bulk_form(register: Register) -> type[forms.Form]:
    """The register's plain fields, none required, and the reason."""
    names = {f.name for f in register.model._meta.concrete_fields if not f.unique}
    fields = {n: f for n, f in form_of(register).base_fields.items() if n in names and not isinstance(f.widget, forms.Textarea)}
    for name, field in list(fields.items()):
        empty = type(field)(**_plain_options(field))
        empty.required, empty.help_text, empty.initial = False, "", None
        fields[name] = empty
    fields["reason"] = forms.CharField(label="理由", max_length=300, required=False)
    return type("BulkForm", (forms.Form,), fields)


def _plain_options(field: forms.Field) -> dict[str, Any]:
    options: dict[str, Any] = {"label": field.label, "required": False}
    if isinstance(field, forms.ModelChoiceField):
        return options | {"queryset": field.queryset, "empty_label": "不修改"}
    if isinstance(field, forms.TypedChoiceField):
        listed = cast("list[tuple[Any, Any]]", list(field.choices))  # type: ignore[arg-type]  # of a model's field: never a function
        choices = [("", "不修改"), *(c for c in listed if c[0] != "")]
        return options | {"choices": choices, "coerce": field.coerce, "empty_value": ""}
    return options


def _filter(model: type[Model], path: str) -> dict[str, forms.Field]:
    column = cells.field_at(model, path)
    name = str(column.verbose_name)
    if isinstance(column, DateField):
        day = {"type": "date"}
        return {f"{path}__{end}": forms.DateField(label=f"{name}{word}", required=False, widget=forms.DateInput(day)) for end, word in (("from", "从"), ("to", "到"))}
    if column.choices:
        return {path: forms.ChoiceField(label=name, required=False, choices=[("", "全部"), *column.flatchoices])}
    if column.get_internal_type() == "BooleanField":
        return {path: forms.ChoiceField(label=name, required=False, choices=[("", "全部"), ("True", "是"), ("False", "否")])}
    return {path: forms.CharField(label=name, required=False)}


def _heading(register: Register, code: str, query: registers.Query) -> Heading:
    column = register.column(code)
    name = column.name if column.show else cells.heading(register, column)
    if code not in {register.order.lstrip("-"), *register.sorts}:
        return Heading(name)
    order = query.order or register.order
    down = order == f"-{code}"
    state = "descending" if down else "ascending" if order == code else ""
    return Heading(name, _address(replace(query, order=code if down or not state else f"-{code}")), state)


def _address(query: registers.Query, *, after: str = "") -> str:
    words = {**query.filters, "q": query.search, "order": query.order, "after": after}
    return "?" + urlencode({n: v for n, v in words.items() if v})


def _parameters(request: HttpRequest) -> dict[str, str]:
    return QueryDict(request.POST.get("parameters", "")).dict()
