"""What stands in a cell: a field's value in people's words, masked where it is personal. One way for lists, detail pages, exports and the interface."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from inspect import getattr_static, isfunction
from typing import Any

from django.contrib.gis.db.models import GeometryField
from django.contrib.gis.geos import GEOSGeometry
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, ForeignKey, Model
from django.utils import timezone

from yiwang.base import identifiers
from yiwang.kit.declare import Column, Register

NOTHING = "—"
SHAPES = {"Point": "已定位", "LineString": "线", "MultiLineString": "线", "Polygon": "面", "MultiPolygon": "面"}
LONGEST = 60  # characters of a long text that a list shows


def heading(register: Register, column: Column) -> str:
    """The column's name, else what its field is called."""
    return column.name or str(field_at(register.model, column.code).verbose_name)


@cache
def field_at(model: type[Model], path: str) -> "Field[Any, Any]":
    """The field that `path` ends in ("reach__river"). Raises FieldDoesNotExist."""
    first, _, rest = path.partition("__")
    field = model._meta.get_field(first)
    if not isinstance(field, Field):
        raise FieldDoesNotExist(f"{model.__name__}.{path} is not a column")
    if not rest:
        return field
    if not isinstance(field, ForeignKey):
        raise FieldDoesNotExist(f"{model.__name__}.{first} leads nowhere")
    return field_at(field.related_model, rest)


@cache
def is_personal(model: type[Model], path: str) -> bool:
    """Whether any part of the path is named as personal by the model that holds it."""
    first, _, rest = path.partition("__")
    own = first in getattr(model, "personal", ())
    if own or not rest:
        return own
    field = model._meta.get_field(first)
    return is_personal(field.related_model, rest) if isinstance(field, ForeignKey) else False


def value(row: Model, path: str) -> Any:
    """The value at the end of the path, None where the path breaks off."""
    if "__" not in path:
        return getattr(row, path, None)
    found: Any = row
    for name in path.split("__"):
        found = getattr(found, name, None)
        if found is None:
            return None
    return found


def cell(register: Register, row: Model, column: Column, *, clear: bool = False) -> str:
    """The text of a cell; personal ones are masked unless `clear`. For many rows, `writer` once."""
    return writer(register, column, clear=clear)(row)


def writer(register: Register, column: Column, *, clear: bool = False) -> Callable[[Any], str]:
    """What writes a column's cells: labels, path and mask are decided once for the column, not for every row."""
    if column.show:
        show = column.show
        return lambda row: words(show(row))
    text, read = speller(register, column, clear=clear), _reader(register.model, column.code)
    return lambda row: text(read(row))


def needs_row(register: Register, column: Column) -> bool:
    """Whether a cell follows from the row and not from the value alone: a computed column, a field that its model puts into words (`get_…_display`)."""
    return column.show is not None or bool(_own_words(register.model, column.code))


def _reader(model: type[Model], path: str) -> Callable[[Any], Any]:
    method, holder = _own_words(model, path), path.rpartition("__")[0]
    if not method:
        return lambda row: value(row, path)
    return lambda row: getattr(owner, method)() if (owner := value(row, holder) if holder else row) is not None else None


def _own_words(model: type[Model], path: str) -> str:
    """The name of the model's own method for a field's words; "" where Django's for choices, or none, is there."""
    holder, _, name = path.rpartition("__")
    owner = field_at(model, holder).related_model if holder else model
    method = f"get_{name}_display"
    return method if isfunction(getattr_static(owner, method, None)) else ""


def speller(register: Register, column: Column, *, clear: bool = False) -> Callable[[Any], str]:
    """The text of a column's value, of a choice its label; personal ones are masked unless `clear`. Not for one that `needs_row`."""
    labels = {code: str(label) for code, label in field_at(register.model, column.code).flatchoices}
    def spell(found: Any) -> str:
        return words(labels.get(found, found))

    def masked(found: Any) -> str:
        return text if (text := spell(found)) == NOTHING else mask(text)

    if is_personal(register.model, column.code) and not clear:
        return masked
    return spell if labels else words


def words(found: Any) -> str:
    """A value as people read it."""
    if found is None or isinstance(found, str):
        return str(found or NOTHING)
    if isinstance(found, bool):
        return "是" if found else "否"
    if isinstance(found, datetime):
        return timezone.localtime(found).isoformat(" ", "minutes")[:16]
    if isinstance(found, date):
        return found.isoformat()
    if isinstance(found, float | Decimal):
        return f"{found:,.2f}".rstrip("0").rstrip(".")
    if isinstance(found, GEOSGeometry):
        return SHAPES.get(found.geom_type, "有位置")
    if isinstance(found, list | tuple):
        return "、".join(str(v) for v in found) or NOTHING
    return str(found)


def mask(text: str) -> str:
    """Numbers, phones and names lose their middle; anything longer keeps its first two characters."""
    if identifiers.is_mobile(text):
        return identifiers.mask_phone(text)
    if text.isascii() and len(text) > 6:
        return identifiers.mask_number(text)
    return identifiers.mask_name(text) if len(text) <= 4 else f"{text[:2]}******"


def is_geometry(model: type[Model], path: str) -> bool:
    return isinstance(field_at(model, path), GeometryField)
