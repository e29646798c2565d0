"""The form of a register: made from the model's own fields and constraints, in words of the trade; keys to other rows are typed, not chosen from a million."""

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any, cast

from django import forms
from django.contrib.gis.db.models import GeometryField
from django.contrib.gis.gdal.error import GDALException
from django.contrib.gis.geos import GEOSGeometry, WKBWriter
from django.contrib.gis.geos.error import GEOSException
from django.db.models import CharField, ForeignKey, Model, Q, QuerySet

from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Register

FEW = 60  # rows of another table that may stand in a drop-down
SRID = 4490
PAIR = re.compile(r"\s*(\d{1,3}(?:\.\d+)?)\s*[,，\s]\s*(\d{1,2}(?:\.\d+)?)\s*")  # longitude and latitude, as a table or a person writes them
NUMBERED = re.compile(r"（(\d{1,18})）$")  # how `written` names a row that has neither code nor name


class KeyField(forms.ModelChoiceField):  # type: ignore[type-arg]  # of whichever model
    """A row of another table by its number, its unique code or its name. One that several rows bear is refused with their codes."""

    widget: type[forms.Widget] = forms.TextInput

    def prepare_value(self, value: Any) -> Any:
        found = value if isinstance(value, Model) else self._by_number(value)
        return _natural(found) if found is not None else value

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        if isinstance(value, Model):
            return value
        text = str(value).strip()
        text = numbered.group(1) if (numbered := NUMBERED.search(text)) else text
        found = list(self._rows().filter(_named(self._rows().model, text))[:3])
        if not found:
            raise forms.ValidationError(f"没有找到“{text}”。")
        if len(found) > 1:
            exact = [row for row in found if _natural(row) == text or str(row.pk) == text]
            if len(exact) != 1:
                raise forms.ValidationError(f"“{text}”不止一个，请填写编码，例如 {'、'.join(_natural(row) for row in found)}。")
            return exact[0]
        return found[0]

    def _rows(self) -> "QuerySet[Any]":
        return cast("QuerySet[Any]", self.queryset)

    def _by_number(self, value: Any) -> Model | None:
        return self._rows().filter(pk=value).first() if value not in self.empty_values and _is_number(str(value)) else None


class FewField(KeyField):
    """The same where the rows stand in a drop-down: the page sends a number, a file or another system says code or name."""

    widget = forms.Select

    def prepare_value(self, value: Any) -> Any:
        return forms.ModelChoiceField.prepare_value(self, value)


class PlaceField(forms.CharField):
    """A geometry as GeoJSON (RFC 7946) in CGCS2000, a point also as “longitude, latitude”; the map writes it, a person may paste it."""

    widget = forms.Textarea({"rows": 3, "spellcheck": "false"})

    def __init__(self, *, kind: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.kind = {"POINT": "Point", "LINESTRING": "LineString", "POLYGON": "Polygon", "MULTILINESTRING": "MultiLineString", "MULTIPOLYGON": "MultiPolygon"}.get(kind, "")

    def prepare_value(self, value: Any) -> Any:
        return value.geojson if isinstance(value, GEOSGeometry) else value

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values or isinstance(value, GEOSGeometry):
            return value or None
        if self.kind == "Point" and isinstance(value, str) and (pair := PAIR.fullmatch(value)):
            value = {"type": "Point", "coordinates": [float(pair[1]), float(pair[2])]}
        try:
            shape = _flat(GEOSGeometry(json.dumps(json.loads(value) if isinstance(value, str) else value)))
            shape = GEOSGeometry(f"{self.kind.upper()}({shape.wkt[shape.wkt.index('('):]})") if self.kind == f"Multi{shape.geom_type}" else shape
            if shape.empty:  # the reader gives an empty shape for some broken ones
                raise ValueError
        except (ValueError, GEOSException, GDALException, TypeError, RecursionError):
            raise forms.ValidationError(f"{'位置应当是“经度,纬度”（例如 110.36,21.27）或' if self.kind == 'Point' else '位置应当是'} GeoJSON。") from None
        if self.kind and shape.geom_type != self.kind:
            raise forms.ValidationError(f"这里需要 {self.kind}，给的是 {shape.geom_type}。")
        west, south, east, north = shape.extent
        if not (west >= -180 and east <= 180 and south >= -90 and north <= 90):  # also what is no number
            raise forms.ValidationError("坐标超出经纬度的范围：应当是 CGCS2000 或 WGS 84 的度，不是投影坐标。")
        if not shape.valid:
            raise forms.ValidationError(f"图形不正确：{shape.valid_reason}")
        shape.srid = SRID  # RFC 7946 speaks of WGS 84; it and CGCS2000 differ by centimetres
        return shape


def _flat(shape: GEOSGeometry) -> GEOSGeometry:
    """Without heights, which no register keeps."""
    return GEOSGeometry(memoryview(WKBWriter(dim=2).write(shape))) if shape.hasz else shape


class NamedField(forms.ChoiceField):
    """A code that people choose by its name; a file may say either. `choices` may be a function, asked when the form is shown."""

    def to_python(self, value: Any) -> str:
        text = str(value or "").strip()
        return next((str(code) for code, name in cast("Iterable[tuple[str, str]]", self.choices) if str(name) == text), text)


class KeptForm(forms.ModelForm):  # type: ignore[type-arg]  # of whichever model
    """What a generated form is. Its keys are restricted to what the actor may see, and to what the row already says: who changes a phone need not see whose it is."""

    error_css_class = "bad"

    def restrict_to(self, actor: Actor) -> None:
        for name, field in self.fields.items():
            if isinstance(field, forms.ModelChoiceField) and field.queryset is not None and hasattr(field.queryset.model, "visible_to"):
                said = field.queryset.filter(pk=self.initial.get(name))
                field.queryset = restrict(actor, field.queryset) | said


@cache
def form_of(register: Register) -> type[forms.ModelForm]:  # type: ignore[type-arg]
    """The form class of a register: its own, or made from its fields; a KeptForm of its own brings those fields that are asked otherwise."""
    if register.form is not None and not issubclass(register.form, KeptForm):
        return register.form  # type: ignore[return-value]  # a ModelForm by declaration
    return forms.modelform_factory(register.model, form=register.form or KeptForm, fields=register.fields, formfield_callback=_field)


def _field(field: Any, **options: Any) -> forms.Field | None:
    if isinstance(field, ForeignKey):
        target = field.related_model
        few = getattr(target, "few", False)
        kind = FewField if few else KeyField
        return kind(
            queryset=target._default_manager.all(), required=not field.blank and not field.null, label=field.verbose_name,
            empty_label="请选择", help_text="" if few else f"填写{target._meta.verbose_name}的名称或编码",
        )  # fmt: skip
    if isinstance(field, GeometryField):
        return PlaceField(kind=field.geom_type, required=not field.blank and not field.null, label=field.verbose_name)
    made: forms.Field | None = field.formfield(**options)
    if isinstance(made, forms.TypedChoiceField):
        made.choices = [(code, label if code != "" else "请选择") for code, label in cast("list[tuple[Any, Any]]", list(made.choices))]  # type: ignore[arg-type]  # of a model's field: never a function
    if isinstance(made, forms.DateTimeField):
        made.widget = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    elif isinstance(made, forms.DateField):
        made.widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    return made


def written(row: Model) -> str:
    """How a file names a row so that KeyField finds it again: as people call it, with its number where neither a code nor a name says it."""
    text = str(row)
    return text if text in {getattr(row, "name", None), *(str(getattr(row, code)) for code in _codes(type(row)))} else f"{text}（{row.pk}）"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18


def _natural(row: Model) -> str:
    """How a person names the row: its unique code, else its name."""
    for field in _codes(type(row)):
        return str(getattr(row, field))
    return str(row)


def _codes(model: type[Model]) -> list[str]:
    """Unique text fields; a text primary key is one."""
    return [f.name for f in model._meta.concrete_fields if isinstance(f, CharField) and f.unique]


def _named(model: type[Model], text: str) -> Q:
    named = Q(pk=int(text)) if _is_number(text) and model._meta.pk.get_internal_type() == "BigIntegerField" else Q(pk__in=())
    for field in _codes(model):
        named |= Q(**{field: text})
    if any(f.name == "name" for f in model._meta.concrete_fields):
        named |= Q(name=text)
    return named
