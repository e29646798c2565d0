"""What a register offers, as a catalogue of resources lists it (政务信息资源目录): its fields, which are personal, how far it is shared. Made from the declaration."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.gis.db.models import GeometryField
from django.db.models import Field

from yiwang.kit.declare import Register, System
from yiwang.kit.forms import form_of
from yiwang.kit.records import Kept

SHARES = {"none": "不予共享", "conditional": "有条件共享", "open": "无条件共享"}
KINDS = {
    "CharField": "文本", "TextField": "长文本", "DateField": "日期", "DateTimeField": "时间", "DecimalField": "数值", "IntegerField": "整数", "BigIntegerField": "整数",
    "PositiveIntegerField": "整数", "PositiveSmallIntegerField": "整数", "SmallIntegerField": "整数", "FloatField": "数值", "BooleanField": "是否", "JSONField": "结构", "ForeignKey": "引用",
    "OneToOneField": "引用", "URLField": "网址", "EmailField": "邮箱", "ArrayField": "列表", "DateRangeField": "日期范围",
}  # fmt: skip
OWN = {"id", "revision", "standing", "changed_at", "words"}  # the kit's, not the trade's


@dataclass(frozen=True)
class Item:
    """One field of a resource (信息项)."""

    code: str
    name: str
    kind: str
    required: bool
    personal: bool
    values: str  #: what a choice may be, or what a key leads to


@dataclass(frozen=True)
class Resource:
    """A register as others find it in a catalogue."""

    code: str
    name: str
    about: str  #: what one row is
    owner: str  #: key of the organisation that answers for it
    system: str
    share: str
    items: tuple[Item, ...]
    versions: bool  #: whether every version is kept and changes are published in order


def describe(register: Register, system: System) -> Resource:
    """The resource that a register is."""
    kept = issubclass(register.model, Kept)
    about = (register.model.__doc__ or "").split("\n")[0]
    return Resource(register.code, register.name, about, system.owner, system.code, SHARES[register.share], tuple(items(register)), kept)


def items(register: Register) -> Iterator[Item]:
    """The fields of the trade, in the model's order."""
    asked = form_of(register).base_fields if register.fields or register.form else {}
    own = OWN if issubclass(register.model, Kept) else ()
    for field in register.model._meta.concrete_fields:
        if field.name in own or (field.primary_key and field.name not in register.fields):
            continue
        required = asked[field.name].required if field.name in asked else not field.blank and not field.null
        yield Item(field.name, str(field.verbose_name), kind_of(field), required, field.name in register.personal, _values(field))


def kind_of(field: "Field[object, object]") -> str:
    """The kind of a field in people's words."""
    if isinstance(field, GeometryField):
        return "空间位置"
    return KINDS.get(field.get_internal_type(), KINDS.get(type(field).__name__, "文本"))


def _values(field: "Field[object, object]") -> str:
    if field.choices:
        return "、".join(str(label) for _, label in field.flatchoices)
    return str(field.related_model._meta.verbose_name) if field.related_model is not None and not isinstance(field.related_model, str) else ""
