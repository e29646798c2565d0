"""From an item to a case: a draft saved as typed, what the registers know filled in, materials, and a submission that happens exactly once."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.documents import api as documents
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Party
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Case
from yiwang.engines.registers import api as registers
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.items import api as items
from yiwang.platforms.items.models import Implementation, ItemVersion
from yiwang.platforms.licences import api as licences
from yiwang.systems.services.acceptance.models import Application, Delivery, Draft, Material

CLERK = "window-clerk"
REGISTERS = {"人口库", "法人库"}  #: those that can confirm a fact today instead of a paper


def draft_at(actor: Actor, service: int, *, applicant: int | None = None) -> Draft:
    """The open draft of this author for this applicant and office, of the item as it is published today; one that was never typed in is nowhere yet.

    A clerk names the applicant. Writes nothing: who only looks at the first page, or whose browser looks ahead, has begun nothing. Raises NotFound, Invalid, NotAllowed.
    """
    place = Implementation.objects.select_related("item", "organ").filter(pk=service).first()
    if place is None:
        raise NotFound("没有这个办理机构。", hint="请从办事指南重新选择。")
    who = _applicant(actor, applicant, place.item.key)
    serves(place, who)
    draft = Draft.objects.filter(author=actor.party, applicant=who, service=place, submitted_as=None).first()
    found = draft or Draft(author_id=actor.party or who.pk, applicant=who, service=place)
    found.applicant, found.service, found.version = who, place, items.published(place.item_id)  # the item may have changed since: what still fits is kept
    return found


@transaction.atomic
def open_draft(actor: Actor, service: int, *, applicant: int | None = None) -> Draft:
    """The draft of `draft_at`, kept: begun by whoever types, once, however many windows are open. Raises what `draft_at` raises."""
    found = draft_at(actor, service, applicant=applicant)
    mine = {"author_id": found.author_id, "applicant_id": found.applicant_id, "service_id": found.service_id, "submitted_as": None}
    draft, _ = Draft.objects.get_or_create(**mine, defaults={"version": found.version})
    if draft.version_id != found.version.pk:
        draft.version = found.version
        draft.save(update_fields=["version"])
    return draft


def draft_of(actor: Actor, draft: int) -> Draft:
    """Raises NotFound unless it is the actor's."""
    found = restrict(actor, Draft.objects.filter(pk=draft, submitted_as=None)).select_related("applicant", "service__item", "service__organ", "version__item").first()
    if found is None:
        raise NotFound("没有找到这份草稿。", hint="可能已经提交，请在“我的办件”中查看。")
    return found


def submitted_as(actor: Actor, draft: int) -> Case | None:
    """The case that the actor's draft became, if it was submitted."""
    found = restrict(actor, Draft.objects.filter(pk=draft, submitted_as__isnull=False)).select_related("submitted_as").first()
    return found.submitted_as if found else None


def known_for(actor: Actor, draft: Draft) -> dict[str, registers.Known]:
    """What the registers know for this form, by field code, put into the draft unsaved; values that people typed stay. The look is on the record."""
    fields = items.fields_for(draft.version, situation_of(draft))
    elements = {field["element"]: field["code"] for field in fields if field.get("element")}
    purpose = f"办理“{draft.version.item.name}”预填表单"
    known = {elements[e]: k for e, k in registers.known(actor, draft.applicant_id, elements, purpose=purpose).items()}
    for code, fact in known.items():
        draft.answers.setdefault(code, fact.value)
    draft.sources = {code: {"source": fact.source, "at": fact.at.isoformat()} for code, fact in known.items() if draft.answers.get(code) == fact.value}
    return known


@transaction.atomic
def fill_in(actor: Actor, draft: Draft) -> dict[str, registers.Known]:
    """The same, saved."""
    known = known_for(actor, draft)
    draft.save(update_fields=["answers", "sources", "saved_at"])
    return known


def situation_of(draft: Draft) -> dict[str, str]:
    """The answers to the situation questions, with who applies, which some field groups depend on."""
    return {**draft.situation, "_party": "person" if draft.applicant.kind == "person" else "organisation"}


@transaction.atomic
def save(actor: Actor, draft: int, *, situation: Mapping[str, str] | None = None, answers: Mapping[str, Any] | None = None, delivery: Mapping[str, str] | None = None) -> Draft:
    """Keeps what was typed, checked or not: nothing typed is ever lost."""
    found = draft_of(actor, draft)
    locked = Draft.objects.select_for_update().get(pk=found.pk)
    if situation is not None:
        locked.situation = {**locked.situation, **situation}
    if answers is not None:
        locked.answers = {**locked.answers, **answers}
        locked.sources = {c: s for c, s in locked.sources.items() if locked.answers.get(c) == found.answers.get(c)}
    if delivery is not None:
        locked.delivery = dict(delivery)
    locked.save()
    return locked


@transaction.atomic
def attach(actor: Actor, draft: int, code: str, *, content: bytes, name: str) -> Material:
    """A file for a material of the draft; a second one replaces the first. Raises what the file store raises, NotFound for an unknown material."""
    found = draft_of(actor, draft)
    wanted = _material(found.version, code)
    file = documents.store(content, name=name, owner=found.applicant_id)
    found.materials.filter(code=code).delete()
    return Material.objects.create(draft=found, code=code, name=wanted["name"], way=Material.Way.UPLOAD, file=file)


@transaction.atomic
def choose(actor: Actor, draft: int, code: str, way: str, *, promised_by: date | None = None) -> Material:
    """An e-licence instead of an upload, a promise to bring it later, or paper taken at the counter. Raises Invalid where the item does not allow it."""
    found = draft_of(actor, draft)
    wanted = _material(found.version, code)
    licence = None
    if way == Material.Way.LICENCE:
        licence = licences.offered(actor, found.applicant_id, [wanted["licence"]]).get(wanted["licence"])
        if licence is None:
            raise Invalid("没有可用的电子证照。", hint="请上传证照的照片或扫描件。")
    elif way == Material.Way.PROMISE and not wanted.get("deferrable"):
        raise Invalid("这项材料不能后补。")
    elif way == Material.Way.PAPER and not actor.holds(CLERK):
        raise NotAllowed("纸质材料由窗口收取。")
    found.materials.filter(code=code).delete()
    return Material.objects.create(draft=found, code=code, name=wanted["name"], way=way, licence=licence, promised_by=promised_by)


@transaction.atomic
def detach(actor: Actor, draft: int, code: str) -> None:
    draft_of(actor, draft).materials.filter(code=code).delete()


@transaction.atomic
def submit(actor: Actor, draft: int) -> Case:
    """Makes the case: once, however often the button is pressed. Raises Invalid naming every field and material that is missing."""
    found = Draft.objects.select_for_update(of=("self",)).select_related("applicant", "service__item", "service__organ", "version__item").filter(pk=draft)
    mine = restrict(actor, found).first()
    if mine is None:
        raise NotFound("没有找到这份草稿。")
    if mine.submitted_as_id:
        return Case.objects.get(pk=mine.submitted_as_id)
    _applicant(actor, mine.applicant_id if actor.holds(CLERK) else None, mine.service.item.key)
    mine.version = items.published(mine.service.item_id)  # of today, as the law asks, should the draft be older
    situation = situation_of(mine)
    answers = items.validate(mine.version, situation, mine.answers)
    _by_registers(actor, mine, situation)
    _complete(mine, situation)
    return make_case(actor, mine, situation, answers)


def make_case(actor: Actor, draft: Draft, situation: Mapping[str, str], answers: dict[str, Any], *, key: str = "", handed: Iterable[Material] = ()) -> Case:
    """The case of a checked application with its first step taken; a case known by its key is returned as it is."""
    version, place = draft.version, draft.service
    at_counter = actor.holds(CLERK) and draft.applicant_id not in (actor.party, actor.acting_for)
    opening = procedures.Opening(
        procedure=version.procedure,
        item_key=place.item.key,
        subject=version.item.name,
        applicant=draft.applicant_id,
        organ=place.organ_id,
        division=place.division_id,
        channel=Case.Channel.API if actor.client else Case.Channel.COUNTER if at_counter else Case.Channel.INTERNET,
        agent=None if at_counter or actor.client else parties.agent_of(actor, draft.applicant_id),
        key=key or str(draft.key),
    )
    case, fresh = procedures.start(actor, opening)
    if not fresh:
        return case
    application = Application.objects.create(case=case, service=place, version=version, situation=dict(situation), answers=answers, sources=draft.sources)
    for material in handed:  # before the first step, which may decide at once
        material.application = application
        material.save()
    way = draft.delivery.get("way") or Delivery.Way.ELECTRONIC
    Delivery.objects.create(
        application=application, way=way, receiver=draft.delivery.get("receiver", ""), phone=draft.delivery.get("phone", ""), address=draft.delivery.get("address", "")
    )
    if not key:
        draft.materials.update(application=application, draft=None)
        draft.submitted_as = case
        draft.save(update_fields=["version", "submitted_as"])
        for used in application.materials.filter(way=Material.Way.LICENCE).select_related("licence"):
            if used.licence:
                licences.use(actor, used.licence, by=place.organ.name, purpose=f"办理“{version.item.name}”", case=case.pk)
    case.organ, case.item_version = place.organ, version  # type: ignore[attr-defined]  # known already: what follows need not read them (effects.version_of)
    procedures.move(actor, case, case.declared.step("submit"), {})
    return case


def _applicant(actor: Actor, applicant: int | None, item: str) -> Party:
    """Who applies: oneself, the principal within the delegation's scope, or whom a clerk serves."""
    if applicant is not None:
        if not actor.holds(CLERK):
            raise NotAllowed("只有窗口可以为到场的申请人录入。")
        return _at_window(actor, applicant)
    if actor.party is None or actor.acting_for is None:
        raise NotAllowed("请先登录并完成实名。")
    if "*" not in actor.scope and item not in actor.scope:
        raise NotAllowed("您的代办授权不包括这一事项。", hint="请委托人重新授权，或由委托人本人办理。")
    return Party.objects.get(pk=actor.acting_for)


def _at_window(actor: Actor, applicant: int) -> Party:
    found = restrict(actor, Party.objects.filter(pk=applicant)).first()
    if found is None:
        raise NotFound("没有找到这个申请人。", hint="请先在窗口收件里查找或登记申请人。")
    return found


def serves(place: Implementation, who: Party) -> None:
    """Raises Invalid where the item is for the other kind of party."""
    if refusal := place.item.closed_to(who.kind):
        raise Invalid(refusal[0], hint=refusal[1])


def _material(version: ItemVersion, code: str) -> dict[str, Any]:
    found = next((m for m in version.materials if m["code"] == code), None)
    if found is None:
        raise NotFound("这个事项没有这项材料。")
    return dict(found)


def _by_registers(actor: Actor, draft: Draft, situation: Mapping[str, str]) -> None:
    """What the government itself issued is not asked for: an e-licence is used, or the register confirms (在线政务服务若干规定第七条)."""
    given = set(draft.materials.values_list("code", flat=True))
    open_ones = [m for m in items.materials_for(draft.version, situation) if m["code"] not in given and m["source"] == "政府部门"]
    offered = licences.offered(actor, draft.applicant_id, [m["licence"] for m in open_ones if m.get("licence")])
    for wanted in [m for m in open_ones if m.get("licence", "") in offered]:
        Material.objects.create(draft=draft, code=wanted["code"], name=wanted["name"], way=Material.Way.LICENCE, licence=offered[wanted["licence"]])
    for confirmed in confirmed_by_registers(actor, draft.version, draft.applicant_id, [m for m in open_ones if m.get("licence", "") not in offered]):
        confirmed.draft = draft
        confirmed.save()


def confirmed_by_registers(actor: Actor, version: ItemVersion, applicant: int, wanted: Iterable[Mapping[str, Any]]) -> list[Material]:
    """Materials (not saved yet) that need not be handed in because a register knows the applicant; each look is on the applicant's record."""
    with elevated():
        verified = parties.facts_of(applicant).verified
    confirmed = [m for m in wanted if verified and m["source"] == "政府部门" and m.get("register") in REGISTERS]
    for one in confirmed:
        audit.record_access(actor, party=applicant, what=one["name"], purpose=f"办理“{version.item.name}”核验免提交")
    return [Material(code=one["code"], name=one["name"], way=Material.Way.REGISTER) for one in confirmed]


def _complete(draft: Draft, situation: Mapping[str, str]) -> None:
    given = set(draft.materials.values_list("code", flat=True))
    wanted = items.materials_for(draft.version, situation)
    missing = {f"material:{m['code']}": f"请提交{m['name']}。" for m in wanted if m.get("required", True) and m["code"] not in given}
    if missing:
        raise Invalid("还有材料没有提交。", fields=missing)
    if draft.delivery.get("way") == Delivery.Way.EXPRESS and not draft.delivery.get("address"):
        raise Invalid("请填写邮寄地址。", fields={"address": "选择邮寄时需要地址"})


# --- after submission --------------------------------------------------------------------------------------------------------------------------


@transaction.atomic
def correct(actor: Actor, case: int, *, code: str, content: bytes, name: str) -> Material:
    """A corrected material, while the notice is open. Raises Conflict when the time has passed or nothing is asked."""
    application = _correcting(actor, case)
    wanted = _material(application.version, code)
    file = documents.store(content, name=name, owner=application.case.applicant_id, case=case)
    return Material.objects.create(application=application, code=code, name=wanted["name"], way=Material.Way.UPLOAD, file=file, round=2)


@transaction.atomic
def supply(actor: Actor, case: int, *, code: str, content: bytes, name: str) -> Material:
    """A material promised for later (容缺后补), while the case is open. Raises NotAllowed; Conflict when it is over or nothing is owed."""
    locked = procedures.lock(actor, case)
    if not procedures.is_applicant(actor, locked) and not actor.holds(CLERK):
        raise NotAllowed("只有申请人或代办人可以补交材料。")
    owed = Material.objects.select_for_update().filter(application__case=locked, code=code, way=Material.Way.PROMISE).first()
    if locked.closed_at or owed is None:
        raise Conflict("这项材料现在不用补交。", hint="可能已经补交，或者办件已经办结。")
    owed.file = documents.store(content, name=name, owner=locked.applicant_id, case=case)
    owed.way, owed.given_at, owed.note = Material.Way.UPLOAD, timezone.now(), "承诺后补，已补交"
    owed.save()
    audit.record(actor, "material.supply", subject=owed, summary=f"补交{owed.name}", case=case)
    return owed


@transaction.atomic
def amend(actor: Actor, case: int, answers: Mapping[str, Any]) -> Application:
    """Corrected answers, only for the fields that the notice names; the values before stay in the audit. Raises Invalid, Conflict."""
    application = _correcting(actor, case)
    asked = {p["code"].removeprefix("field:") for p in application.correction.points if p["code"].startswith("field:")}
    changed = {name: value for name, value in answers.items() if name in asked}
    checked = items.validate(application.version, application.situation, {**application.answers, **changed})
    audit.record(actor, "application.amend", subject=application, summary="补正表单内容", detail={"before": {n: application.answers.get(n) for n in changed}}, case=case)
    application.answers = checked
    application.save(update_fields=["answers"])
    return application


def _correcting(actor: Actor, case: int) -> Application:
    locked = procedures.lock(actor, case)
    if not procedures.is_applicant(actor, locked) and not actor.holds(CLERK):
        raise NotAllowed("只有申请人或代办人可以补正。")
    if locked.state != "correcting":
        state = locked.declared.state(locked.state).name
        raise Conflict(f"这件办件现在是“{state}”，不能补正。", hint="补正期限已过的，可以重新申请。" if locked.state == "lapsed" else "")
    if locked.due_at is not None and locked.due_at <= timezone.now():  # the job that ends it runs within the minute
        raise Conflict("补正期限已过，不能再补正。", hint="刚才的材料没有保存。备齐材料后可以重新申请。")
    return Application.objects.select_related("case", "version__item", "correction").get(case=locked)
