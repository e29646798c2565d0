"""时限与标准: every dated value with its place, days and text; a new one follows the one before, nothing is overwritten."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import messages as flash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotFound
from yiwang.engines.parties.models import Division
from yiwang.engines.registers import policies
from yiwang.engines.registers.models import PolicyValue, Version
from yiwang.kit.access import restrict
from yiwang.kit.guards import actor_of

FEN = "分"
WHY = {"required": "请填写。"}


@dataclass(frozen=True)
class Row:
    """One value as officials read it."""

    policy: PolicyValue
    place: str
    values: list[tuple[str, str]]  #: item, amount with unit; the item is "" when there is one value
    state: str  #: 现行 | 将施行 | 已停止


@dataclass(frozen=True)
class PoliciesPage:
    keys: list[tuple[str, str, list[Row]]]  # key, name, values in force


@dataclass(frozen=True)
class PolicyPage:
    key: str
    name: str
    rows: list[Row]
    form: forms.Form
    verifying: forms.Form | None
    corrections: list[Version]


class VerifyForm(forms.Form):
    """Where the value was read."""

    row = forms.IntegerField(widget=forms.HiddenInput)
    source = forms.CharField(label="来源", max_length=200, help_text="文件名称和文号。", error_messages=WHY)
    article = forms.CharField(label="条款", max_length=60, required=False)
    reason = forms.CharField(label="核对说明", max_length=200, error_messages=WHY)


class AddForm(forms.Form):
    """The next value. Its fields for the value follow the form of the values before."""

    division = forms.ChoiceField(label="适用区划")
    valid_from = forms.DateField(label="施行日期", widget=forms.DateInput({"type": "date"}), error_messages={"required": "请选择施行日期。"})
    source = forms.CharField(label="来源", max_length=200, help_text="文件名称和文号。", error_messages=WHY)
    article = forms.CharField(label="条款", max_length=60, required=False)
    verified = forms.BooleanField(label="已与公布的文本核对", required=False)
    reason = forms.CharField(label="录入理由", max_length=200, error_messages=WHY)

    def __init__(self, like: PolicyValue, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.like = like
        self.items = list(like.value) if isinstance(like.value, dict) else [""]
        unit = unit_words(like.unit)
        made = {f"value-{n}": _field(like, f"{item or '取值'}（{unit}）" if unit else item or "取值") for n, item in enumerate(self.items)}
        self.fields = {**{name: self.fields[name] for name in ("division", "valid_from")}, **made, **self.fields}
        self.fields["division"].choices = _places()  # type: ignore[attr-defined]  # a choice field

    def value(self) -> Any:
        """As the table keeps it: money in fen."""
        read = [self.cleaned_data[f"value-{n}"] for n in range(len(self.items))]
        kept = [int(v * 100) if isinstance(v, Decimal) else v for v in read]  # at most two decimals
        return dict(zip(self.items, kept, strict=True)) if isinstance(self.like.value, dict) else kept[0]


def policies_list(request: HttpRequest) -> HttpResponse:
    """What holds today, by key."""
    rows = restrict(actor_of(request), PolicyValue.objects.filter(valid__contains=timezone.localdate()).order_by("key", "division"))
    names = dict(_places())
    keys = [(key, "", [_row(policy, names) for policy in group]) for key, group in groupby(rows, key=lambda policy: policy.key)]
    return render(request, "registers/policies.html", {"page": PoliciesPage([(key, found[0].policy.name or key, found) for key, _, found in keys])})


def policy(request: HttpRequest, key: str) -> HttpResponse:
    """One key: all its values, a new one, and the check of one against its text."""
    rows = list(restrict(actor_of(request), PolicyValue.objects.filter(key=key)).order_by("division", "-valid"))
    if not rows:
        raise NotFound("没有这个参数。")
    like = max(rows, key=lambda row: row.valid.lower)
    adding = request.method == "POST" and "row" not in request.POST
    form = AddForm(like, request.POST if adding else None, initial={"division": like.division}, auto_id="add-%s")
    verifying = _verifying(request, rows)
    if request.method == "POST" and _done(request, key, form if adding else verifying):
        return redirect("registers:policy", key=key)
    names = dict(_places())
    seen = restrict(actor_of(request), Version.objects.filter(subject_type=PolicyValue._meta.label_lower, subject_id__in=[str(row.pk) for row in rows]))
    page = PolicyPage(key, like.name or key, [_row(row, names) for row in rows], form, verifying, list(seen.order_by("-at")))
    return render(request, "registers/policy.html", {"page": page}, status=422 if request.method == "POST" else 200)


def _verifying(request: HttpRequest, rows: list[PolicyValue]) -> VerifyForm | None:
    if request.method == "POST" and "row" in request.POST:
        return VerifyForm(request.POST, auto_id="verify-%s")
    asked = request.GET.get("verify", "")
    row = next((row for row in rows if str(row.pk) == asked), None)
    return VerifyForm(initial={"row": row.pk, "source": row.source, "article": row.article}, auto_id="verify-%s") if row else None


def _done(request: HttpRequest, key: str, form: forms.Form | None) -> bool:
    """Whether what was sent holds and is written; otherwise the form says what does not."""
    if form is None or not form.is_valid():
        return False
    data = {name: value for name, value in form.cleaned_data.items() if not name.startswith("value-")}
    try:
        if isinstance(form, AddForm):
            policies.add_policy(actor_of(request), key, value=form.value(), **data)
            flash.success(request, "已录入。之前的取值到施行日的前一天为止，仍可查到。")
        else:
            policies.verify_policy(actor_of(request), data.pop("row"), **data)
            flash.success(request, "已标为核实，原来的来源仍可查到。")
    except (Invalid, Conflict) as problem:
        for field, words in problem.fields.items():
            form.add_error({"value": "value-0"}.get(field, field), words)
        if not problem.fields:
            form.add_error(None, problem.message)
        return False
    return True


def _row(policy: PolicyValue, names: dict[str, str]) -> Row:
    items = policy.value.items() if isinstance(policy.value, dict) else [("", policy.value)]
    today = timezone.localdate()
    return Row(policy, names.get(policy.division, policy.division), [(item, amount_words(v, policy.unit)) for item, v in items], _state(policy, today))


def _state(policy: PolicyValue, today: date) -> str:
    if today < policy.valid.lower:
        return "将施行"
    return "现行" if policy.valid.upper is None or today < policy.valid.upper else "已停止"


def amount_words(value: Any, unit: str) -> str:
    """10 工作日; money in yuan: 0.50 元/平方米·天"""
    shown = f"{Decimal(value) / 100:.2f}" if unit.startswith(FEN) else str(value)
    return f"{shown} {unit_words(unit)}".strip()


def unit_words(unit: str) -> str:
    return "元" + unit.removeprefix(FEN) if unit.startswith(FEN) else unit


def _field(like: PolicyValue, label: str) -> forms.Field:
    one = next(iter(like.value.values())) if isinstance(like.value, dict) else like.value
    wrong = {"required": "请填写。", "invalid": "请填写数字。"}
    if like.unit.startswith(FEN):
        return forms.DecimalField(label=label, min_value=0, decimal_places=2, error_messages=wrong)
    if isinstance(one, int):
        return forms.IntegerField(label=label, min_value=0, error_messages=wrong)
    if isinstance(one, float):
        return forms.FloatField(label=label, error_messages=wrong)
    return forms.CharField(label=label, max_length=200, error_messages=wrong)


def _places() -> list[tuple[str, str]]:
    """Whole country, province, city, counties: prefix and name."""
    found = Division.objects.filter(level__lte=Division.Level.COUNTY).order_by("code")
    return [(policies.NATION, "全国"), *((d.prefix, d.name) for d in found)]
