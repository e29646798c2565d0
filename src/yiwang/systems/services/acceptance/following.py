"""What an open or finished case means for its applicant: what happens now, what they must do, by when, and what to do after a refusal."""

from dataclasses import dataclass
from typing import Any

from yiwang.engines.procedures.models import Case
from yiwang.kit.declare import APPLICANT
from yiwang.systems.services.acceptance.models import Application, Delivery

#: What an applicant may do after a final state that is not a grant. 行政复议法第二十条, 行政诉讼法第四十六条.
REMEDY = "不服的，可以自收到决定书之日起六十日内申请行政复议，或者六个月内提起行政诉讼，详见决定书。"
AFTER = {
    "refused": REMEDY,
    "not-accepted": REMEDY,
    "lapsed": "上次填写的内容可以在办件里查看。备齐材料后可以重新申请，不影响您的权利。",
    "withdrawn": "需要时可以重新申请。",
}
WAIT = "您现在不用做什么。有进展时，我们会发消息和短信告诉您。"


@dataclass(frozen=True)
class Todo:
    """The first thing on the page of a case."""

    title: str
    words: str
    tone: str  #: "" nothing to do, "warn" the applicant must act, "good" done, "bad" refused or ended
    again: bool  #: a new application makes sense


def todo_of(case: Case, application: Application | None) -> Todo:
    """In the applicant's words."""
    state = case.declared.state(case.state)
    title = state.public or state.name
    if case.closed_at is not None and case.outcome != Case.Outcome.GRANTED:
        return Todo(title, AFTER.get(case.state, ""), "bad", again=True)
    if case.closed_at is not None:
        return Todo(title, _handed(application), "good", again=False)
    if state.awaits == APPLICANT:
        return Todo(title, _asked(case), "warn", again=False)
    if case.state == "delivering":
        return Todo(title, _collect(case, application), "warn", again=False)
    return Todo(title, WAIT, "", again=False)


def _asked(case: Case) -> str:
    return "请按下面的要求补齐，一次交全；逾期没有补正的，本次申请终止。" if case.state == "correcting" else "请在下面缴费，到账后自动制作证照。"


def _collect(case: Case, application: Application | None) -> str:
    delivery = delivery_of(application)
    if delivery and delivery.way == Delivery.Way.EXPRESS:
        return "结果将邮寄给您，寄出后这里会显示运单号。"
    task = case.tasks.filter(closed_at=None).select_related("organ").first()
    return f"请带身份证到{task.organ.name if task else case.organ.name}领取，也可以请人代领。"


def _handed(application: Application | None) -> str:
    delivery = delivery_of(application)
    if delivery and delivery.tracking:
        return f"已寄出，运单号 {delivery.tracking}。"
    return "电子证照和文书随时可以查看、下载和出示。"


def delivery_of(application: Application | None) -> Any:
    """How the result reaches the applicant, if that is known."""
    return getattr(application, "delivery", None) if application else None
