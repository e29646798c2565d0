"""What a row said, by valid time (since when it holds) and system time (when we knew it): "as it was known on that day" (Snodgrass, TSQL2)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, Q
from django.utils import timezone

from yiwang.engines.registers.models import Version
from yiwang.engines.registers.rows import GUARDED
from yiwang.kit import cells
from yiwang.kit.declare import Register


@dataclass(frozen=True)
class Change:
    """One version as people read it."""

    at: datetime
    by: str
    reason: str
    valid_from: date
    fields: list[tuple[str, str, str]]  #: name, before, after


def versions(row: Model, *, limit: int = 200) -> "list[Version]":
    """The row's versions, the newest first."""
    return list(Version.objects.filter(_of(row)).order_by("-at", "-id")[:limit])


def replaced(row: Any, revision: int) -> dict[str, Any]:
    """What the fields changed after `revision` said at that revision, as a snapshot holds it."""
    said: dict[str, Any] = {}
    for version in versions(row, limit=max(row.revision - revision, 0)):
        said |= version.before  # the newest first: what an older one says is nearer to the revision
    return said


def changes(register: Register, row: Model, *, clear: bool = False) -> list[Change]:
    """The timeline of a row; personal values are masked unless `clear`."""
    called = _Called()
    return [
        Change(v.at, v.by, v.reason, v.valid_from, [_said(register, called, name, v.before.get(name), new, clear=clear) for name, new in v.after.items() if name != "id"])
        for v in versions(row)
    ]


def as_known(row: Model, *, on: date, at: datetime | None = None) -> dict[str, Any]:
    """What was known at `at` (default now) of how the row stood on `on`; empty when nothing was known or nothing held yet."""
    known = Version.objects.filter(_of(row), at__lte=at or timezone.now(), valid_from__lte=on).order_by("valid_from", "at", "id")
    said: dict[str, Any] = {}
    for version in known:
        said |= version.after
    return {name: value for name, value in said.items() if name not in GUARDED}


def read(register: Register, said: dict[str, Any], *, clear: bool = False) -> list[tuple[str, str]]:
    """Names and texts of what a row said."""
    called = _Called()
    return [(name, text) for name, _, text in (_said(register, called, n, None, v, clear=clear) for n, v in said.items())]


class _Called(dict[tuple[type[Model], Any], str]):
    """What rows of other tables are called: each asked once, however many versions name it."""

    def __missing__(self, key: tuple[type[Model], Any]) -> str:
        model, pk = key
        named = model._default_manager.filter(pk=pk).first()
        self[key] = str(named) if named else str(pk)
        return self[key]


def _of(row: Model) -> Q:
    return Q(subject_type=row._meta.label_lower, subject_id=str(row.pk))


def _said(register: Register, called: _Called, name: str, before: Any, after: Any, *, clear: bool) -> tuple[str, str, str]:
    try:
        field = cells.field_at(register.model, name)
    except FieldDoesNotExist:
        return name, cells.words(before), cells.words(after)
    hidden = cells.is_personal(register.model, name) and not clear
    return str(field.verbose_name), _text(field, called, before, hidden=hidden), _text(field, called, after, hidden=hidden)


def _text(field: Any, called: _Called, value: Any, *, hidden: bool) -> str:
    if value in (None, ""):
        return cells.NOTHING
    if field.is_relation:
        text = called[field.related_model, value]
    elif isinstance(value, dict) and "coordinates" in value:
        text = cells.SHAPES.get(value.get("type", ""), "有位置")
    else:
        label = getattr(field.model(**{field.attname: value}), f"get_{field.name}_display", None)  # Django's for choices, the model's own for codes
        text = cells.words(label() if label else value)
    return cells.mask(text) if hidden else text
