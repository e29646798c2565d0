"""Names while typing: what may stand in a field that points to a row of another table. People's names are never offered."""

from typing import Any

from django import forms
from django.db.models import CharField, Model, Q
from django.http import HttpRequest, JsonResponse
from django.urls import reverse

from yiwang.base.errors import NotFound
from yiwang.engines.registers import api as registers
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Register
from yiwang.kit.forms import KeyField, form_of, written
from yiwang.kit.guards import actor_of
from yiwang.kit.registry import registry
from yiwang.shells.console.lists import declared

FEW = 10


def offer(register: Register, form: forms.BaseForm) -> None:
    """Tells each field of the form that can be helped where its names are asked for."""
    for name, field in form.fields.items():
        if _helps(field):
            field.widget.attrs |= {"autocomplete": "off", "data-suggest": reverse("register:names", args=[register.code, name])}


def names(request: HttpRequest, register: str, field: str) -> JsonResponse:
    """At most ten pairs of what the field takes and what it is called. Raises NotFound for whoever does not fill in this form, and for a field without names."""
    actor, found = actor_of(request), declared(register)
    asked: Any = form_of(found).base_fields.get(field)
    if asked is None or not _helps(asked) or not registers.may_edit(actor, found):
        raise NotFound("这个字段没有可选的名称。")
    words = request.GET.get("q", "").strip()[:60]
    rows = _rows(actor, asked.queryset.model, words) if words else []
    return JsonResponse({"names": [[_taken(asked, row), str(row)] for row in rows]})


def _helps(field: Any) -> bool:
    """A key that is typed, of a table that has codes or names, none of them a person's."""
    if type(field) is not KeyField or field.queryset is None:
        return False
    model = field.queryset.model
    return not getattr(model, "personal", ()) and bool(_codes(model) or _is_named(model))


def _rows(actor: Actor, model: type[Model], words: str) -> list[Any]:
    """By the beginning of a code, which is indexed; then by words where a register finds them, else by a part of the name."""
    seen: Any = restrict(actor, model._default_manager.all()) if hasattr(model, "visible_to") else model._default_manager.all()
    by_code = Q(pk__in=())
    for code in _codes(model):
        by_code |= Q(**{f"{code}__startswith": words})
    found = list(seen.filter(by_code)[:FEW]) if _codes(model) else []
    listed = next((r for r in registry().registers.values() if r.model is model and r.search), None)
    if listed and registers.may_read(actor, listed):
        found += registers.page(actor, listed, registers.Query(search=words)).rows[:FEW]
    elif _is_named(model):
        found += seen.filter(name__contains=words)[:FEW]
    return list({row.pk: row for row in found}.values())[:FEW]


def _codes(model: type[Model]) -> list[str]:
    return [f.name for f in model._meta.concrete_fields if isinstance(f, CharField) and f.unique]


def _is_named(model: type[Model]) -> bool:
    return any(f.name == "name" for f in model._meta.concrete_fields)


def _taken(field: KeyField, row: Model) -> str:
    """What the field finds the row by: its code, else its name, with its number where neither is enough."""
    code = str(field.prepare_value(row))
    return code if code != str(row) else written(row)
