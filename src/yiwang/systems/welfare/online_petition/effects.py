"""What the steps of the three instances write beside the case. All run inside the step's transaction."""

from typing import Any

from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotFound
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Division, Organisation
from yiwang.engines.procedures import api as procedures
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.systems.welfare.online_petition import limits, offices, province, secrecy
from yiwang.systems.welfare.online_petition.models import Hearing, Instance, Petition, Reply, Transfer

Manner = Transfer.Manner


def petition_of(case: Any) -> Petition:
    """The petition of any of its instances."""
    return Petition.objects.select_related("desk", "matter").get(instances__case=case)


@elevated()  # asked once the step's effect is written: whoever took the step may be shut out by it
def desk(case: Any) -> int:
    return petition_of(case).desk_id


@elevated()  # as above
def report_days(case: Any) -> int:
    """Calendar days to report on what was assigned (交办); 0, no clock, for what was only forwarded or is counted already."""
    assigned = Transfer.objects.filter(petition=petition_of(case), manner=Manner.ASSIGN, closed_at=None)
    running = any(d.code == "report" for d in procedures.running_deadlines(case))
    return limits.value("report-days", case.division_id) if assigned.exists() and not running else 0


# --- conditions --------------------------------------------------------------------------------------------------------------------------------


def ended_before(case: Any, actor: Actor) -> str | None:
    """After 复核 the same facts and reasons are not accepted again, by anybody (第三十六条第三款)."""
    before = petition_of(case).previous
    if before and before.instances.filter(level=Instance.Level.REREVIEW, answered_at__isnull=False).exists():
        return f"信访人就同一事实和理由已经复核终结（{before.case.number}），依照第三十六条不再受理，请办理“不予受理”。"
    return None


def over(case: Any, actor: Actor) -> str | None:
    """An office that holds the matter not to be its own says so within five working days and gives everything back (第二十三条)."""
    if not any(d.code == "object" and d.expired_at is None for d in procedures.running_deadlines(case)):
        return "提出异议的 5 个工作日已过，或者异议没有被同意，应当受理或者依法告知不予受理（信访工作条例第二十三条）。"
    return None


def is_from_above(case: Any, actor: Actor) -> str | None:
    sent = Transfer.objects.filter(petition=petition_of(case), receiver=petition_of(case).desk_id).exists()
    return None if sent else "这件信访件不是上级转来的，不需要退回。"


# --- effects -----------------------------------------------------------------------------------------------------------------------------------


def transfer(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """To the organ that handles it: it becomes the case's own organ."""
    petition = _classified(case, data)
    with elevated():  # the sender's own office may be the accused one: from here on it sees nothing of what it still has to write down
        offices.hand(petition, case, _send(petition, case, data))


def send_down(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """To the petition office one level down: it registers and divides in its turn."""
    petition = _classified(case, data)
    with elevated():  # as above
        _send(petition, case, data)
        petition.desk_id = data["organ"]
        petition.save(update_fields=["desk"])


def give_back(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """The matter returns, with everything, to the office that sent it: once the desk agrees to an objection, or from desk to desk."""
    petition = petition_of(case)
    last = Transfer.objects.filter(petition=petition, receiver=case.organ_id).exclude(manner=Manner.RETURN).order_by("-sent_at", "-pk").first()
    back = last.sender_id if last else petition.desk_id
    words = str(data.get("reason") or data.get("opinion") or _objection(case))
    offices.tell(petition, case, "returned", actor, words)
    Transfer.objects.create(petition=petition, manner=Manner.RETURN, sender_id=case.organ_id, receiver_id=back, words=words[:500])
    if last:
        Transfer.objects.filter(pk=last.pk).update(closed_at=timezone.now())
    case.organ_id = back
    if petition.desk_id != back:
        petition.desk_id = back
        petition.save(update_fields=["desk"])


def insist(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """The desk does not agree: the office decides whether to accept, in what is left of its fifteen days."""
    offices.tell(petition_of(case), case, "insisted", actor, data["reason"])


def _objection(case: Any) -> str:
    last = case.events.filter(step="object").order_by("-sequence").first()
    return last.opinion if last else ""


def _classified(case: Any, data: dict[str, Any]) -> Petition:
    petition = petition_of(case)
    petition.kind, petition.matter_id, petition.route = data["kind"], data["matter"], data["route"]
    petition.save(update_fields=["kind", "matter", "route"])
    secrecy.shield(petition)
    secrecy.refuse(petition, data["organ"])
    return petition


def _send(petition: Petition, case: Any, data: dict[str, Any]) -> Transfer:
    due = limits.end(limits.value("report-days", case.division_id), "calendar", timezone.now()) if data["manner"] == Manner.ASSIGN else None
    sent = Transfer.objects.create(petition=petition, manner=data["manner"], sender_id=petition.desk_id, receiver_id=data["organ"], words=data["words"], due_at=due)
    case.organ = Organisation.objects.get(pk=data["organ"])
    province.tell(petition, case, "transferred")
    return sent


def lodge(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """Registered by an office in its own system: it lies there already (第二十一条)."""
    case.organ = Organisation.objects.get(pk=data["organ"])
    province.tell(petition_of(case), case, "transferred")


def told(case: Any, actor: Actor, state: str, words: str = "") -> None:
    """The province hears of every move, and the system in which the petition lies of those that others make."""
    petition = petition_of(case)
    province.tell(petition, case, state)
    offices.tell(petition, case, state, actor, words)


def accept(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    case.accepted_at = timezone.now()
    Instance.objects.filter(case=case).update(accepted_late=_is_late(case, "tell"))
    told(case, actor, "accepted")


def decline(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """Not accepted, with the route to go; where another system's case was opened its number is kept."""
    case.outcome = case.Outcome.NOT_ACCEPTED
    petition = petition_of(case)
    petition.route = data["route"] if data["route"] in Petition.Route.values else petition.route
    petition.handed_to, petition.item_key, petition.body_id = data["handed_to"], data.get("item") or "", data.get("body") or None
    petition.save(update_fields=["route", "handed_to", "item_key", "body"])
    Transfer.objects.filter(petition=petition, closed_at=None).update(closed_at=timezone.now())
    told(case, actor, "declined", data["reason"])


def join(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """Into another open petition of the same matter: one answer for all. Raises Invalid for one that is closed, unknown or this one."""
    petition = petition_of(case)
    lead = Petition.objects.filter(case__number=data["number"].strip(), case__in=procedures.cases_of(actor), case__closed_at=None).exclude(pk=petition.pk).first()
    if lead is None:
        raise Invalid("没有找到可以并入的信访件。", fields={"number": "请核对编号；只能并入本单位能看到、还没有办结的信访件"})
    attach(petition, lead)
    case.outcome = case.Outcome.ENDED


def attach(petition: Petition, lead: Petition) -> None:
    """Its people count with the lead's; a repeat by the same person adds nobody."""
    petition.joined_to = lead
    petition.save(update_fields=["joined_to"])
    if petition.petitioner_id != lead.petitioner_id:
        lead.people += petition.people
        lead.save(update_fields=["people"])


def repeat(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    case.outcome = case.Outcome.ENDED


def propose(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    fields = {name: data[name] for name in ("claims", "found", "answer", "basis", "result")}
    Reply.objects.update_or_create(case=case, defaults={**fields, "drafted_by_id": actor.party})


def own_draft(case: Any, actor: Actor) -> str | None:
    """Who wrote an answer does not sign it."""
    if actor.party and Reply.objects.filter(case=case, drafted_by=actor.party).exists():  # an office's own system names who wrote and who signed (`events`)
        return "拟稿人不能签发自己拟的意见书，请由另一位负责人签发。"
    return None


def sign(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """The answer stands from now on; the days to ask for a review run."""
    now = timezone.now()
    Reply.objects.filter(case=case).update(signed_at=now)
    Instance.objects.filter(case=case).update(answered_at=now, answered_late=_is_late(case, "handle" if case.procedure == "petition" else "review"))
    case.outcome = case.Outcome.ANSWERED
    told(case, actor, "answered")


def _is_late(case: Any, code: str) -> bool:
    """Whether the limit of that clock has passed. Effects run before the step finishes it."""
    running = next((d for d in procedures.running_deadlines(case) if d.code == code), None)
    return running is not None and running.due_at is not None and running.due_at <= timezone.now()


def after_sign(case: Any, data: dict[str, Any]) -> str:
    """What was assigned (交办) is reported up before it is closed."""
    assigned = Transfer.objects.filter(petition=petition_of(case), manner=Manner.ASSIGN, closed_at=None)
    return "reporting" if assigned.exists() else "answered"


def report(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    petition = petition_of(case)
    for sent in Transfer.objects.filter(petition=petition, manner=Manner.ASSIGN, closed_at=None):
        Transfer.objects.create(petition=petition, manner=Manner.REPORT, sender_id=case.organ_id, receiver_id=sent.sender_id, words=data["opinion"][:500], closed_at=timezone.now())
    Transfer.objects.filter(petition=petition, closed_at=None).update(closed_at=timezone.now())


def withdraw(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    case.outcome = case.Outcome.WITHDRAWN
    Transfer.objects.filter(petition=petition_of(case), closed_at=None).update(closed_at=timezone.now())
    told(case, actor, "withdrawn", data["reason"])


def terminate(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    case.outcome = case.Outcome.ENDED
    Transfer.objects.filter(petition=petition_of(case), closed_at=None).update(closed_at=timezone.now())
    told(case, actor, "ended", data["reason"])


def refuse_review(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    case.outcome = case.Outcome.NOT_ACCEPTED


def plan_hearing(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    Hearing.objects.create(case=case, planned_on=data["planned_on"])


def hold_hearing(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    Hearing.objects.filter(case=case, held_on=None).update(held_on=data["held_on"], record=data["record"])


def upper_organ(organ: Organisation) -> Organisation:
    """Where an answer of `organ` is reviewed: the same function one level up, else the government of that level (第三十五条). Raises Conflict above the city."""
    level = organ.division.level
    city = f"{organ.division_id[:4]}00000000"
    if level >= Division.Level.TOWN:
        return parties.organ_named(f"county_government@{organ.division_id[:6]}")
    if level == Division.Level.COUNTY or organ.parent_id:
        same = Organisation.objects.filter(function=organ.function, division=city, parent=None).exclude(pk=organ.pk).first()
        return same or parties.organ_named(f"gov_office@{city[:6]}")
    if organ.function == "gov_office":
        raise Conflict("市人民政府的意见请向省人民政府请求复查、复核。", hint="可以凭意见书在省信访网提出。")
    try:
        return parties.organ_named(f"gov_office@{city[:6]}")
    except NotFound:
        raise Conflict("没有找到复查机关。", hint="请拨打 12345。") from None
