"""Whether a register's declaration fits its model: every field named exists, every order has an index, nothing personal is searched."""

from collections.abc import Iterator
from typing import Any

from django.contrib.gis.db.models import GeometryField
from django.core.exceptions import FieldDoesNotExist
from django.db.models import CheckConstraint, DateField, Field, Model

from yiwang.base.names import meant
from yiwang.kit import cells
from yiwang.kit.declare import Register
from yiwang.kit.records import Kept


def wrong_in_register(register: Register, roles: set[str]) -> Iterator[str]:
    """Every mistake, as a sentence."""
    model = register.model
    for role in (*register.readers, *register.editors):
        if role not in roles:
            yield meant(role, roles, "role")
    named = [(c.code, "column") for c in register.shown if c.show is None]
    named += [(p, "filter") for p in register.filters] + [(p, "searched field") for p in register.search] + [(p, "form field") for p in register.fields]
    named += [(p, what) for p, what in ((register.place, "place"), (register.day, "day"), (register.groups, "groups"), (register.subject, "subject")) if p]
    for path, what in named:
        yield from _unknown(model, path, what)
    for path in {register.order.lstrip("-"), *register.sorts} - {"pk"}:
        yield from _unknown(model, path, "order") or _unordered(model, path)
    if register.editors and not issubclass(model, Kept):
        yield f"{model.__name__} has editors but is no Kept"
    if (register.fields or register.form) and not register.editors:
        yield "a form but nobody who may edit"
    for path in {*register.filters, *register.sorts, register.order.lstrip("-"), register.groups} - {"", "pk"}:
        if not list(_unknown(model, path, "")) and cells.is_personal(model, path):
            yield f"{path} is personal: who sees only its mask could ask for it by filter, order or group"
    for path in register.search:
        if not list(_unknown(model, path, "")) and cells.is_personal(model, path):
            yield f"{path} is personal and may not be searched"
    for constraint in model._meta.constraints:
        if isinstance(constraint, CheckConstraint) and not constraint.violation_error_message:
            yield f"constraint {constraint.name} says nothing to people: give it a violation_error_message"
    yield from _of_kind(model, register.place, GeometryField, "place is no geometry")
    yield from _of_kind(model, register.day, DateField, "day is no date")
    if register.day and not _unknown(model, register.day, ""):
        yield from _undated(model, register.day)
    if register.personal and not register.subject and issubclass(model, Kept):
        yield "personal data of nobody: say by `subject` whom a row is about"


def _unknown(model: type[Model], path: str, what: str) -> list[str]:
    at = model
    for name in path.split("__"):
        if at is None:
            return [f"{path} leads nowhere"]
        try:
            found: Any = at._meta.get_field(name)
        except FieldDoesNotExist:
            return [f"{at.__name__}: {meant(name, [f.name for f in at._meta.get_fields()], what)}"]
        at = found.related_model
    return []


def _unordered(model: type[Model], path: str) -> list[str]:
    """An order without an index sorts the whole table for every page."""
    field = model._meta.get_field(path)
    if getattr(field, "null", False):
        return [f"order {path} may be null: pages by key need a value"]
    indexed = [tuple(i.fields_orders[n][0] for n in range(len(i.fields_orders))) for i in model._meta.indexes]
    if any(names[:1] == (path,) for names in indexed) or getattr(field, "unique", False):
        return []
    return [f"order {path} has no index that begins with it"]


def _undated(model: type[Model], day: str) -> list[str]:
    """A timeline goes down the day and, within a day, the numbers: without an index of both it sorts the whole table for every page."""
    key = str(model._meta.pk.name)
    found = {index.name: index.fields_orders[:2] for index in model._meta.indexes if index.condition is None and index.fields_orders[:1]}
    if any([name for name, _ in fields] == [day, key] and len({order for _, order in fields}) == 1 for fields in found.values()):
        return []
    near = [name for name, fields in found.items() if fields[0][0] == day]
    wanted = f'models.Index(fields=["{day}", "{key}"], name="{model._meta.model_name}_by_{day}")'
    return [f"day {day} has no index ({day}, {key}) for its timeline: {f'let {near[0]} be' if near else 'give it'} {wanted}"]


def _of_kind(model: type[Model], path: str, kind: type["Field[Any, Any]"], problem: str) -> Iterator[str]:
    if path and not _unknown(model, path, "") and not isinstance(cells.field_at(model, path), kind):
        yield problem
