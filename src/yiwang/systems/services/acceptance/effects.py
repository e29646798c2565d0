"""What steps write beside the case itself, and the conditions and amounts that depend on the application. All run inside the step's transaction."""

from typing import Any, cast

from django.db.models import QuerySet
from django.utils import timezone

from yiwang.engines.parties import api as parties
from yiwang.engines.procedures import api as procedures
from yiwang.engines.registers import api as registers
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.statements import Statement
from yiwang.platforms.items.models import ItemVersion
from yiwang.systems.services.acceptance import fees, granting
from yiwang.systems.services.acceptance.models import Application, Correction, Delivery, Inspection, Material


def application_of(case: Any) -> Application:
    return Application.objects.select_related("version", "service").get(case=case)


def version_of(case: Any) -> ItemVersion:
    """The version of the item that the case was submitted under. It never changes, so it is read once for a case at hand."""
    if not hasattr(case, "item_version"):
        case.item_version = application_of(case).version
    return cast("ItemVersion", case.item_version)


def lend(case: Any, application: Application | None) -> None:
    """A page that has read the application lends its version to the questions below."""
    if application is not None:
        case.item_version = application.version


# --- what a drawn flow may ask ----------------------------------------------------------------------------------------------------------------


def owed(case: Any) -> int:
    """How many materials the applicant promised to bring later (容缺) and has not brought."""
    return Material.objects.filter(application__case=case, way=Material.Way.PROMISE).count()


def corrected(case: Any) -> bool:
    """Whether the applicant was asked for corrections, which the law allows once (行政许可法第三十二条)."""
    return Correction.objects.filter(application__case=case).exists()


# --- amounts of clocks -------------------------------------------------------------------------------------------------------------------------


def promised_amount(case: Any) -> int:
    """The office's promise; without one, the legal limit; without both, no clock."""
    version = version_of(case)
    return version.promise_amount or version.limit_amount or 0


def promised_unit(case: Any) -> str:
    version = version_of(case)
    return str(version.promise_unit if version.promise_amount else version.limit_unit)


def limit_basis(case: Any) -> str:
    return str(version_of(case).limit_basis)


def correction_days(case: Any) -> int:
    """Working days to answer a correction notice: set by the city, dated, never a constant."""
    return int(registers.policy("acceptance.correction-days", division=case.division_id, on=timezone.localdate()))


def consult_days(case: Any) -> int:
    """Working days for a department's opinion in joint approval."""
    return int(registers.policy("acceptance.consult-days", division=case.division_id, on=timezone.localdate()))


def longest_extension(case: Any) -> int:
    """What the item's law allows in the head's hand (行政许可法第四十二条: ten working days unless it says otherwise)."""
    return int(version_of(case).extension)


def accepted_at(case: Any) -> Any:
    """The limit of the decision runs from acceptance (行政许可法第四十二条), also where silence put that day back; None before there is one."""
    return case.accepted_at


def window(case: Any) -> int:
    """The one window that takes in and hands out: the service hall that covers the division, or the office itself where there is none (towns)."""
    return parties.window_for(case.organ_id)


# --- conditions --------------------------------------------------------------------------------------------------------------------------------


def corrected_before(case: Any, actor: Actor) -> str | None:
    if Correction.objects.filter(application__case=case).exists():
        return "补正应当一次告知，这件申请已经告知过补正，现在只能受理或者不予受理。"
    return None


def correction_incomplete(case: Any, actor: Actor) -> str | None:
    """Every material named in the notice must have been given anew."""
    application = application_of(case)
    asked = {p["code"] for p in application.correction.points if p["code"].startswith("material:")}
    given = {f"material:{code}" for code in application.materials.filter(round__gt=1).values_list("code", flat=True)}
    missing = [p["name"] for p in application.correction.points if p["code"] in asked - given]
    return f"还有材料没有补交：{'、'.join(missing)}。" if missing else None


def inspected_before(case: Any, actor: Actor) -> str | None:
    if _inspected(False, case=case.pk):
        return "已经安排了现场核查，请等待结果。"
    return None


def inspection_missing(case: Any, actor: Actor) -> str | None:
    if not _inspected(True, case=case.pk):
        return "还没有收到现场核查记录。请在手机的现场核查页面填写并提交。"
    return None


def inspection_owed(case: Any, actor: Actor) -> str | None:
    """Items whose law asks for a look at the place cannot be proposed before somebody looked."""
    if version_of(case).needs_inspection and not _inspected(True, case=case.pk):
        return "这一事项依法需要现场核查，请先安排现场核查。"
    return None


@Statement
def _inspected(received: bool, *, case: int) -> QuerySet[Inspection, int]:
    """Of the on-site checks of a case, one that has been received, or one that is awaited."""
    return Inspection.objects.filter(application__case=case, received_at__isnull=not received).values_list("pk", flat=True)[:1]


# --- effects -----------------------------------------------------------------------------------------------------------------------------------


def ask_correction(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    application = application_of(case)
    Correction.objects.create(application=application, points=data["points"])
    codes = [p["code"].removeprefix("material:") for p in data["points"] if p["code"].startswith("material:")]
    application.materials.filter(code__in=codes).update(check_result=Material.Check.WRONG)


def answer_correction(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    Correction.objects.filter(application__case=case).update(answered_at=timezone.now())


def accept(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """The moment of acceptance; by silence it is when the application, or its whole correction, was received (行政许可法第三十二条第四、五项)."""
    corrected = Correction.objects.filter(application__case=case).values_list("answered_at", flat=True).first()
    case.accepted_at = timezone.now() if not actor.system else corrected or case.opened_at


def accept_and_consult(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """Accepts and asks every department of the joint approval at the same time, each by a child case."""
    accept(case, actor, data)
    application = application_of(case)
    for function in application.version.joint:
        organ = parties.organ_for(function, case.division_id)
        opening = procedures.Opening(
            procedure="opinion",
            item_key=case.item_key,
            subject=f"{case.subject}（{organ.short}会审）",
            applicant=case.applicant_id,
            organ=organ.pk,
            division=case.division_id,
            channel="office",
            parent=case.pk,
            key=f"{case.pk}:{function}",
        )
        child, fresh = procedures.start(SYSTEM, opening)
        if fresh:
            procedures.move(SYSTEM, child, child.declared.step("ask"), {})


def gather(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """The departments' opinions stand in their child cases; the examiner reads them there. Nothing is copied."""


def order_inspection(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    Inspection.objects.create(application=application_of(case), planned_on=data["planned_on"], instructions=data["instructions"])


def propose(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    Application.objects.filter(case=case).update(proposal=data["proposal"])


def decide_at_once(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """Where every condition is a fact that a register confirms, the decision needs nobody: the job takes it as soon as the submission is committed."""
    granting.decide_later(case)


def grant(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """The decision. A fee is billed now; the licence is made after commit when nothing is owed."""
    case.outcome = case.Outcome.GRANTED
    if not fees.bill_for(case, actor):
        granting.make_later(case)


def after_grant(case: Any, data: dict[str, Any]) -> str:
    return "paying" if fees.amount_due(case) else "licensing"


def make_licence(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    granting.make_later(case)


def after_licence(case: Any, data: dict[str, Any]) -> str:
    """An electronic result is delivered by being there; paper waits at the window or for the courier."""
    way = Delivery.objects.filter(application__case=case).values_list("way", flat=True).first()
    return "done" if way in (None, Delivery.Way.ELECTRONIC) else "delivering"


def after_licensed(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    if case.state == "done":
        Delivery.objects.filter(application__case=case).update(handed_at=timezone.now())


def deliver(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    Delivery.objects.filter(application__case=case).update(receiver=data["receiver"], tracking=data["tracking"], handed_at=timezone.now())


def refuse(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    case.outcome = case.Outcome.REFUSED


def end_not_accepted(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    case.outcome = case.Outcome.NOT_ACCEPTED


def end_lapsed(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    case.outcome = case.Outcome.ENDED


def end_withdrawn(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """Withdrawing ends the departments' work and the bill too."""
    case.outcome = case.Outcome.WITHDRAWN
    fees.cancel_for(case, actor)
    case.save(update_fields=["state"])  # before the children close: the last of them must not move a case that is over
    for child in case.children.filter(closed_at=None):
        procedures.perform(SYSTEM, child.pk, "end")
