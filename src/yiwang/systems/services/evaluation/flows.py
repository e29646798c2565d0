"""The duty that a bad grade opens: contact, mend, answer; a revisit by the evaluation office; or an appeal that it reviews.

国办发〔2019〕51号: 差评 are answered case by case (核实, 整改, 回访) and malicious ones are not counted. The office never learns from this flow who gave the grade:
it writes to the person through the case, and only the evaluation office, which revisits, is shown the name.
"""

from typing import Any

from django import forms

from yiwang.engines.parties import api as parties
from yiwang.kit.declare import SYSTEM_ROLE, Clock, Procedure, State, Step
from yiwang.systems.services.evaluation import rules

OFFICER = "evaluation-officer"


def _text(label: str, rows: int, missing: str) -> forms.CharField:
    return forms.CharField(label=label, max_length=1000, widget=forms.Textarea(attrs={"rows": rows}), error_messages={"required": missing})


class ContactForm(forms.Form):
    """What the office tells or asks the person; it is sent to them."""

    opinion = _text("给评价人的话", 3, "请写明要告知或询问评价人的内容。")


class AnswerForm(forms.Form):
    """What was found, what was done, what the person was told."""

    opinion = _text("核实情况和整改措施", 4, "请写明核实情况和整改措施。")


class RevisitForm(forms.Form):
    """Whether the person accepts the answer."""

    opinion = _text("回访情况", 3, "请写明回访情况。")


class AppealForm(forms.Form):
    """Why the office holds the grade to be false or malicious."""

    opinion = _text("申诉理由和证据", 4, "请写明申诉理由和证据。")


class ReviewForm(forms.Form):
    """What the review found."""

    opinion = _text("复核意见", 3, "请写明复核意见。")


def _officer(case: Any) -> int:
    """The office that revisits and reviews: the bureau for government services."""
    return parties.organ_for("government_services_data", case.division_id[:4].ljust(12, "0")).pk


reply = Procedure(
    code="evaluation-reply",
    name="差评整改",
    start="new",
    stages=("联系", "整改", "回访"),
    applicant_seen_by=OFFICER,
    states=(
        State(code="new", name="新建", stage="联系"),
        State(code="contacting", name="待联系核实", public="承办单位正在核实", stage="联系", awaits="approver", task="差评核实"),
        State(code="answering", name="待整改", public="承办单位正在整改", stage="整改", awaits="approver", task="差评整改"),
        State(code="appealed", name="申诉复核", public="正在复核", stage="整改", awaits=OFFICER, organ=_officer, task="差评申诉复核"),
        State(code="revisiting", name="待回访", public="正在回访", stage="回访", awaits=OFFICER, organ=_officer, task="差评回访"),
        State(code="done", name="已办结", public="已经整改并回访", stage="回访", final=True),
        State(code="set-aside", name="不纳入统计", public="经复核，这条评价保留，不纳入统计", stage="整改", final=True),
    ),
    steps=(
        Step(code="open", name="差评交办", source="new", target="contacting", by=SYSTEM_ROLE, starts=("contact", "answer")),
        Step(
            code="contact", name="联系评价人", source="contacting", target="answering", by="approver", form=ContactForm, finishes=("contact",),
            message="rating-contacted", style="primary",
        ),
        Step(
            code="answer", name="提交整改结果", source="answering", target="revisiting", by="approver", form=AnswerForm, finishes=("answer",),
            message="rating-answered", style="primary",
        ),
        Step(code="appeal", name="提出申诉", source=("contacting", "answering"), target="appealed", by="approver", form=AppealForm, suspends=("answer",), public=False),
        Step(
            code="set_aside", name="申诉成立，不纳入统计", source="appealed", target="set-aside", by=OFFICER, form=ReviewForm, finishes=("answer",),
            effect=rules.set_aside, message="rating-set-aside",
        ),
        Step(code="dismiss", name="申诉不成立，继续整改", source="appealed", target="answering", by=OFFICER, form=ReviewForm, resumes=("answer",), public=False, style="primary"),
        Step(code="accept", name="回访满意", source="revisiting", target="done", by=OFFICER, form=RevisitForm, style="primary"),
        Step(code="reject", name="退回重新整改", source="revisiting", target="answering", by=OFFICER, needs_reason=True, starts=("answer",), style="danger"),
    ),
    clocks=(
        Clock(code="contact", name="联系评价人时限", amount=rules.contact_days, basis="国办发〔2019〕51号；本市时限见政策参数"),
        Clock(code="answer", name="差评整改时限", amount=rules.reply_days, basis="国办发〔2019〕51号；本市时限见政策参数"),
    ),
)
