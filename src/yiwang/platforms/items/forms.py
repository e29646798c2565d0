"""From an item's typed schema to what a person fills in: which fields and materials apply in their situation, and a checked form."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django import forms
from django.core.validators import RegexValidator

from yiwang.base import identifiers
from yiwang.base.errors import Invalid
from yiwang.platforms.items.models import ItemVersion


class CitizenField(forms.CharField):
    def clean(self, value: Any) -> str:
        text = str(super().clean(value)).strip().upper()
        if text and not identifiers.is_citizen_number(text):
            raise forms.ValidationError("身份证号码的校验位不正确，请核对。")
        return text


class UsccField(forms.CharField):
    def clean(self, value: Any) -> str:
        text = str(super().clean(value)).strip().upper()
        if text and not identifiers.is_uscc(text):
            raise forms.ValidationError("统一社会信用代码的校验位不正确，请核对。")
        return text


def applies(thing: Mapping[str, Any], situation: Mapping[str, str]) -> bool:
    """Whether a field or material is asked for in this situation: `when` maps question → accepted options; no `when` means always."""
    return all(situation.get(question) in options for question, options in thing.get("when", {}).items())


def fields_for(version: ItemVersion, situation: Mapping[str, str]) -> list[dict[str, Any]]:
    return [field for field in version.fields if applies(field, situation)]


def materials_for(version: ItemVersion, situation: Mapping[str, str]) -> list[dict[str, Any]]:
    """The materials that this situation needs."""
    return [material for material in version.materials if applies(material, situation)]


def situation_form(version: ItemVersion) -> type[forms.Form]:
    """The questions that prune fields and materials."""
    made: dict[str, forms.Field] = {
        q["code"]: forms.ChoiceField(
            label=q["text"], choices=[(o["code"], o["text"]) for o in q["options"]], widget=forms.RadioSelect, error_messages={"required": "请选择一项。"}
        )
        for q in version.questions
    }
    return type("SituationForm", (forms.Form,), made)


def form_for(version: ItemVersion, situation: Mapping[str, str], known: Iterable[str] = ()) -> type[forms.Form]:
    """The form of this version in this situation. `known` are codes of fields that a register filled in: shown, not asked."""
    fixed = set(known)
    made = {field["code"]: _field(field, fixed=field["code"] in fixed) for field in fields_for(version, situation)}
    return type("ItemForm", (forms.Form,), made)


def validate(version: ItemVersion, situation: Mapping[str, str], answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers as they are kept: only known fields, dates as ISO text. Raises Invalid naming each field."""
    asked = situation_form(version)({**situation})
    form = form_for(version, situation)(dict(answers))
    problems: dict[str, str] = {}
    for one in (asked, form):
        if not one.is_valid():
            problems |= {name: "；".join(str(e) for e in errors) for name, errors in one.errors.items()}
    if problems:
        raise Invalid("有内容需要补充或修改。", fields=problems)
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in form.cleaned_data.items()}


def schema(version: ItemVersion) -> dict[str, Any]:
    """JSON Schema (2020-12) of the answers, for integrators."""
    kinds: dict[str, dict[str, Any]] = {"number": {"type": "number"}, "date": {"type": "string", "format": "date"}, "multi": {"type": "array", "items": {"type": "string"}}}
    properties = {}
    for field in version.fields:
        shape: dict[str, Any] = dict(kinds.get(field["type"], {"type": "string"}), title=field["name"])
        if field["type"] == "choice":
            shape["enum"] = field["options"]
        properties[field["code"]] = shape
    required = [f["code"] for f in version.fields if f.get("required", True) and "when" not in f]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": properties, "required": required}


def _field(field: Mapping[str, Any], *, fixed: bool) -> forms.Field:
    common: dict[str, Any] = {
        "label": field["name"], "required": field.get("required", True), "help_text": field.get("help", ""),
        "error_messages": {"required": f"请填写{field['name']}。"},
    }
    made = _typed(field, common)
    if fixed:
        made.widget.attrs["readonly"] = True
    return made


def _typed(field: Mapping[str, Any], common: dict[str, Any]) -> forms.Field:
    kind = field["type"]
    if kind == "choice":
        return forms.ChoiceField(choices=[("", "请选择"), *((o, o) for o in field["options"])], **common)
    if kind == "multi":
        return forms.MultipleChoiceField(choices=[(o, o) for o in field["options"]], widget=forms.CheckboxSelectMultiple, **common)
    if kind == "date":
        common["error_messages"]["invalid"] = "请填写日期，例如 2026-03-01。"
        return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **common)
    if kind == "number":
        common["error_messages"]["invalid"] = "请填写数字。"
        made = forms.FloatField(min_value=field.get("min", 0), max_value=field.get("max", 1e9), **common)
        made.widget.attrs |= {"inputmode": "decimal", "step": "any"}
        return made
    if kind == "citizen":
        return CitizenField(max_length=18, **common)
    if kind == "uscc":
        return UsccField(max_length=18, **common)
    if kind == "phone":
        check = RegexValidator(r"^(1[3-9]\d{9}|0\d{2,3}-?\d{7,8})$", "请填写 11 位手机号码，或带区号的座机号码。")
        return forms.CharField(max_length=20, validators=[check], widget=forms.TextInput(attrs={"inputmode": "tel"}), **common)
    if kind == "long":
        return forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), **common)
    return forms.CharField(max_length=300, **common)
