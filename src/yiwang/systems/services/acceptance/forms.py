"""What officials fill in when they take a step."""

import json
from typing import Any

from django import forms
from django.utils import timezone


class OpinionForm(forms.Form):
    """An opinion, if there is something to say."""

    opinion = forms.CharField(label="意见", max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3}))


class ProposalForm(forms.Form):
    """What the approver proposes to whoever decides."""

    proposal = forms.ChoiceField(label="拟办意见", choices=[("grant", "建议准予"), ("refuse", "建议不予许可")], widget=forms.RadioSelect)
    opinion = forms.CharField(label="审查意见", max_length=1000, widget=forms.Textarea(attrs={"rows": 4}), error_messages={"required": "请写明审查意见。"})


class CorrectionForm(forms.Form):
    """Everything that has to be corrected, in one notice."""

    points = forms.JSONField(label="补正内容", error_messages={"required": "请逐项写明需要补正的内容。", "invalid": "补正内容的格式不正确。"})
    opinion = forms.CharField(label="总的说明", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def clean_points(self) -> list[dict[str, str]]:
        points = self.cleaned_data["points"]
        if not isinstance(points, list) or not points:
            raise forms.ValidationError("请至少写明一项需要补正的内容。")
        return [_point(point) for point in points]

    @staticmethod
    def pack(data: Any) -> dict[str, Any]:
        """A page's repeated fields (code, name, words) as the one field of this form."""
        triples = zip(data.getlist("point_code"), data.getlist("point_name"), data.getlist("point_words"), strict=True)
        points = [{"code": code, "name": name, "words": words} for code, name, words in triples if words.strip()]
        return {"points": json.dumps(points, ensure_ascii=False), "opinion": data.get("opinion", "")}


def _point(point: Any) -> dict[str, str]:
    words = str(point.get("words", "")).strip() if isinstance(point, dict) else ""
    if not words:
        raise forms.ValidationError("每一项都要写明怎样补正。")
    return {"code": str(point.get("code", ""))[:80], "name": str(point.get("name", ""))[:200], "words": words[:300]}


class InspectionOrderForm(forms.Form):
    """When to go and what to look at."""

    planned_on = forms.DateField(label="计划核查日期", widget=forms.DateInput(attrs={"type": "date"}), error_messages={"required": "请选择核查日期。"})
    instructions = forms.CharField(label="核查重点", max_length=300, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    days = forms.IntegerField(label="预计所需工作日", min_value=1, max_value=60, initial=5)

    def clean_planned_on(self) -> Any:
        day = self.cleaned_data["planned_on"]
        if day < timezone.localdate():
            raise forms.ValidationError("核查日期不能早于今天。")
        return day


class SpecialForm(forms.Form):
    """Which special procedure, and how long it will take: the applicant must be told (行政许可法第四十五条)."""

    kind = forms.ChoiceField(label="特别程序", choices=[(k, k) for k in ("听证", "招标", "拍卖", "检验", "检测", "检疫", "鉴定", "专家评审")])
    days = forms.IntegerField(label="所需工作日", min_value=1, max_value=180)
    opinion = forms.CharField(label="说明", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))


class DeliveryForm(forms.Form):
    """Handing the result over at the window or to the courier."""

    receiver = forms.CharField(label="领取人", max_length=60, error_messages={"required": "请填写领取人姓名。"})
    tracking = forms.CharField(label="运单号（邮寄时）", max_length=40, required=False)
