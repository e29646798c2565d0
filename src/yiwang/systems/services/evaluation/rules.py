"""Rating once; the duty that a bad grade opens; leaving a false one out of the figures."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed
from yiwang.engines.audit import api as audit
from yiwang.engines.procedures import api as procedures
from yiwang.engines.registers import api as registers
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.systems.services.evaluation.models import Rating

BAD = (Rating.Grade.BAD, Rating.Grade.VERY_BAD)


def reply_days(case: Any) -> int:
    """Working days to answer: local, dated, in the policy table."""
    return int(registers.policy("evaluation.reply-days", division=case.division_id, on=timezone.localdate()))


def contact_days(case: Any) -> int:
    """Working days to reach the person: local, dated, in the policy table."""
    return int(registers.policy("evaluation.contact-days", division=case.division_id, on=timezone.localdate()))


def set_aside(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """A grade found false or malicious is kept for ever and no longer counted."""
    Rating.objects.filter(reply=case).update(counted=False)


@transaction.atomic
def rate(actor: Actor, case: int, *, grade: int, words: str = "") -> Rating:
    """The applicant rates a finished case, once. A bad grade opens a case for the office to contact, mend and answer. Raises Conflict, Invalid, NotAllowed."""
    rated = procedures.lock(actor, case)
    if not procedures.is_applicant(actor, rated):
        raise NotAllowed("只有申请人或代办人可以评价。")
    if rated.closed_at is None:
        raise Conflict("办结以后才能评价。")
    if grade not in Rating.Grade.values:
        raise Invalid("请选择一个等级。", fields={"grade": "请选择满意程度"})
    if Rating.objects.filter(case=rated).exists():
        raise Conflict("这件办件已经评价过，感谢您的反馈。")
    made = Rating.objects.create(case=rated, organ_id=rated.organ_id, division_id=rated.division_id, grade=grade, words=words.strip()[:500])
    if grade in BAD:
        made.reply = _open_reply(rated, made)
        made.save(update_fields=["reply"])
    audit.record(actor, "case.rate", subject=made, summary=made.get_grade_display(), case=rated.pk)
    return made


def rating_of(actor: Actor, case: int) -> Rating | None:
    return Rating.objects.select_related("reply").filter(case=case, case__in=procedures.cases_of(actor)).first()


def _open_reply(rated: Any, rating: Rating) -> Any:
    opening = procedures.Opening(
        procedure="evaluation-reply",
        item_key="evaluation-reply",
        subject=f"差评整改：{rated.subject}",
        applicant=rated.applicant_id,
        organ=rated.organ_id,
        division=rated.division_id,
        channel="office",
        key=f"rating:{rating.pk}",
    )
    with elevated():  # the duty belongs to the office; the citizen who opened it does not act in it
        case, _ = procedures.start(SYSTEM, opening)
        procedures.move(SYSTEM, case, case.declared.step("open"), {"opinion": rating.words})
    return case
