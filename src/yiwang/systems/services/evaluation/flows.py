"""The duty that a bad grade opens: contact, mend, answer; then a revisit by the evaluation office."""

from typing import Any

from django import forms

from yiwang.engines.parties import api as parties
from yiwang.kit.declare import SYSTEM_ROLE, Clock, Procedure, State, Step
from yiwang.systems.services.evaluation import rules


class AnswerForm(forms.Form):
    """What was found, what was done, what the person was told."""

    opinion = forms.CharField(label="核实情况和整改措施", max_length=1000, widget=forms.Textarea(attrs={"rows": 4}), error_messages={"required": "请写明核实情况和整改措施。"})


class RevisitForm(forms.Form):
    """Whether the person accepts the answer."""

    opinion = forms.CharField(label="回访情况", max_length=500, widget=forms.Textarea(attrs={"rows": 3}), error_messages={"required": "请写明回访情况。"})


def _officer(case: Any) -> int:
    """The office that revisits: the bureau for government services."""
    return parties.organ_for("government_services_data", case.division_id[:4].ljust(12, "0")).pk


reply = Procedure(
    code="evaluation-reply",
    name="差评整改",
    start="new",
    stages=("整改", "回访"),
    states=(
        State(code="new", name="新建", stage="整改"),
        State(code="answering", name="待整改", public="承办单位正在核实整改", stage="整改", awaits="approver", task="差评整改"),
        State(code="revisiting", name="待回访", public="正在回访", stage="回访", awaits="evaluation-officer", organ=_officer, task="差评回访"),
        State(code="done", name="已办结", public="已经整改并回访", stage="回访", final=True),
    ),
    steps=(
        Step(code="open", name="差评交办", source="new", target="answering", by=SYSTEM_ROLE, starts=("answer",)),
        Step(code="answer", name="提交整改结果", source="answering", target="revisiting", by="approver", form=AnswerForm, finishes=("answer",), message="rating-answered", style="primary"),
        Step(code="accept", name="回访满意", source="revisiting", target="done", by="evaluation-officer", form=RevisitForm, style="primary"),
        Step(code="reject", name="退回重新整改", source="revisiting", target="answering", by="evaluation-officer", needs_reason=True, starts=("answer",), style="danger"),
    ),
    clocks=(Clock(code="answer", name="差评整改时限", amount=rules.reply_days, basis="国办发〔2019〕51号；本市时限见政策参数"),),
)
