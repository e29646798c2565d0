"""Telling of something: a fresh incident or one more report of a known one; the answer to the reporter, their rating, their right to reopen."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from django.contrib.gis.db.models.functions import Distance
from django.contrib.gis.geos import Point
from django.contrib.gis.measure import D
from django.db import connection, transaction
from django.utils import timezone

from yiwang.base import deadlines
from yiwang.base.errors import Conflict, Gone, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.documents import api as documents
from yiwang.engines.messages import api as messages
from yiwang.engines.messages.models import Message
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Organisation, Party
from yiwang.engines.procedures import api as procedures
from yiwang.engines.registers import api as registers
from yiwang.kit.access import restrict
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.incidents import limits, rules
from yiwang.platforms.incidents.models import Category, Incident, Report, RoutingRule

BOX = 0.0015  # degrees, more than the 100 m that count: the index narrows, the ellipsoid decides


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a person, a patrol or a device says, and where it goes."""

    key: UUID
    procedure: str
    category: str
    eye: str
    text: str
    place: Point
    division: str  #: 12-digit code
    office: int  #: parties.Organisation that files and closes
    checker: int | None = None  #: parties.Organisation whose people check
    accuracy: float | None = None
    photo: bytes | None = None
    photo_file: int | None = None  #: documents.File that is already here
    phone: str = ""
    anonymous: bool = False


@transaction.atomic
def tell(actor: Actor, told: Told) -> tuple[Report, Literal["new", "join", "propose", "known"]]:
    """Keeps a report, once for its key: it joins the incident that it is surely about, else opens one. Raises Invalid."""
    text = told.text.strip()
    if not text:
        raise Invalid("请说明看到了什么。", fields={"text": "请说明看到了什么"})
    with elevated():  # whoever reports cannot read what others reported; the report is kept for them all the same
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [str(told.key)])
        known = Report.objects.filter(key=told.key).first()
        if known:
            return known, "known"
        what, twin = rules.decide(text, _candidates(told))
        incident = Incident.objects.get(pk=twin) if what == "join" and twin else _open(actor, told, text, twin)
        report = Report.objects.create(
            key=told.key, incident=incident, reporter_id=None if told.anonymous else actor.party, phone=told.phone.strip()[:20], text=text[:500], place=told.place,
            photo_id=told.photo_file or (documents.store(told.photo, name="现场照片.jpg").pk if told.photo else None), due_at=_answer_by(told.division),
        )  # fmt: skip
        audit.record(SYSTEM if told.anonymous else actor, "incident.report", subject=report, summary=f"{incident.category.name}：{text[:80]}", case=incident.case_id)
    return report, what


@transaction.atomic
def answer(actor: Actor, report: int, words: str) -> Report:
    """The office answers the reporter, once, and once more after it was taken up again; a signed-in one gets it as a message. Raises NotFound, NotAllowed, Conflict, Invalid."""
    found = restrict(actor, Report.objects.select_for_update(of=("self",)).filter(pk=report)).select_related("incident__case").first()
    if found is None:
        raise NotFound("没有找到这条反映。")
    _answers_for(actor, found)
    if not words.strip():
        raise Invalid("请写明答复。", fields={"words": "请写明答复内容"})
    if found.answered_at and not _taken_up_again(found, found.answered_at):
        raise Conflict(f"{found.answered_by}已于 {timezone.localtime(found.answered_at):%m月%d日 %H:%M} 答复。", hint="您写的内容没有发出。")
    before = {"answer": found.answer, "by": found.answered_by, "grade": found.grade, "grade_words": found.grade_words} if found.answered_at else {}
    found.answer, found.answered_at, found.answered_by = words.strip()[:500], timezone.now(), actor.name
    found.grade, found.grade_words, found.graded_at = None, "", None  # what was rated is the answer before, which stays on the record
    found.save(update_fields=["answer", "answered_at", "answered_by", "grade", "grade_words", "graded_at"])
    audit.record(actor, "incident.answer", subject=found, summary=found.answer[:80], detail={"before": before} if before else None, case=found.incident.case_id)
    if found.reporter_id:
        messages.send(to=found.reporter_id, template="report-answered", values={"text": found.text[:40], "answer": found.answer}, key=f"report-answer:{found.pk}:{found.answered_at:%s}")
    return found


@transaction.atomic
def urge(actor: Actor, incident: int, words: str) -> int:
    """The office that filed it asks whoever holds the open task to hurry, once a day; returns how many were told. Raises NotFound, NotAllowed, Conflict, Invalid."""
    found = restrict(actor, Incident.objects.filter(pk=incident)).select_related("case").first()
    if found is None:
        raise NotFound("没有找到这个事件。")
    case = found.case
    if not actor.holds(case.declared.state("filing").awaits, case.organ_id):
        raise NotAllowed("催办由受理单位进行。")
    task = case.tasks.filter(closed_at=None).first()
    if task is None:
        raise Conflict("已经办结，不需要催办。")
    if not words.strip():
        raise Invalid("请写明催办要求。", fields={"words": "请写明催办要求"})
    today = f"incident-urged:{task.pk}:{timezone.localdate()}"
    if Message.objects.filter(key__startswith=f"{today}:").exists():
        raise Conflict("今天已经催办过，明天可以再催。")
    holders = parties.holders_of(task.role, organ=task.organ_id)
    for party in holders:
        key = f"{today}:{party}"
        messages.send(to=party, template="incident-urged", values={"subject": case.subject, "number": case.number, "words": words.strip()[:300]}, case=case.pk, key=key)
    audit.record(actor, "incident.urge", subject=found, summary=f"催办：{words.strip()[:80]}", case=case.pk)
    return len(holders)


def caller(actor: Actor, report: int) -> tuple[str, str]:
    """Name and phone of who told it, for the one who must call back; the look is on the record. Raises NotFound, NotAllowed."""
    found = restrict(actor, Report.objects.filter(pk=report)).select_related("incident__case", "reporter").first()
    if found is None:
        raise NotFound("没有找到这条反映。")
    _answers_for(actor, found)
    audit.record(actor, "incident.caller", subject=found, summary=f"查看反映人联系方式：{found.text[:40]}", case=found.incident.case_id)
    if found.reporter_id:
        audit.record_access(actor, party=found.reporter_id, what="反映人姓名和电话", purpose=f"回访“{found.text[:40]}”", case=found.incident.case_id)
    name = found.reporter.name if found.reporter else "匿名"
    return name, found.phone or (found.reporter.phone if found.reporter else "")


@transaction.atomic
def rate(actor: Actor, key: UUID, *, grade: int, words: str = "") -> Report:
    """The reporter, or for an anonymous report whoever holds its receipt, rates the answer once. Raises NotFound, Conflict, Invalid."""
    with elevated():  # an anonymous reporter is known by the receipt only
        found = _mine(actor, key)
        if found.answered_at is None:
            raise Conflict("答复以后才能评价。")
        if found.grade is not None:
            raise Conflict("您已经评价过，感谢您的反馈。")
        if grade not in (1, 2, 3, 4, 5):
            raise Invalid("请选择一个等级。", fields={"grade": "请选择满意程度"})
        found.grade, found.grade_words, found.graded_at = grade, words.strip()[:300], timezone.now()
        found.save(update_fields=["grade", "grade_words", "graded_at"])
    return found


@transaction.atomic
def reopen(actor: Actor, key: UUID, reason: str) -> Report:
    """The reporter says it is not mended: within the days after it was closed the matter is taken up again. Raises NotFound, Conflict, Gone, Invalid."""
    with elevated():  # the case is the office's; the reporter only sets it going again
        found = _mine(actor, key)
        incident = Incident.objects.get(pk=found.incident_id)
        if incident.closed_at is None:
            raise Conflict("这个问题还在办理，不需要重新办理。")
        if not may_reopen(incident):
            raise Gone(f"销号已超过 {limits.value('reopen-days', incident.division_id)} 天，请重新反映。")
        if not reason.strip():
            raise Invalid("请说明哪里没有解决。", fields={"reason": "请说明哪里没有解决"})
        procedures.perform(SYSTEM, incident.case_id, "reopen", {"opinion": f"反映人：{reason.strip()[:300]}"})
    return found


def may_reopen(incident: Incident) -> bool:
    """Whether whoever told of it may still have it taken up again. Raises PolicyMissing."""
    return incident.closed_at is not None and timezone.now() - incident.closed_at <= timedelta(days=limits.value("reopen-days", incident.division_id))


def seen_by_receipt(actor: Actor, key: UUID) -> Report:
    """One's own report, or an anonymous one by its receipt. Raises NotFound."""
    with elevated():  # see `rate`
        return _mine(actor, key)


def route(category: str, division: str, day: date) -> tuple[Organisation | None, int]:
    """The office that answers for a kind in a place and the days it has; None where no rule says."""
    places = parties.divisions_above(division)
    rows = RoutingRule.objects.filter(category__code=category, division__in=places, since__lte=day, standing="live").order_by("since")
    held = {r.division_id: r for r in rows if r.until is None or r.until >= day}
    rule = next((held[p] for p in places if p in held), None)
    if rule is None:
        return None, 15
    try:
        return parties.organ_for(rule.function, division), rule.days
    except NotFound:
        return None, rule.days


def _mine(actor: Actor, key: UUID) -> Report:
    found = Report.objects.select_related("incident__category", "incident__case").filter(key=key).first()
    if found is None or (found.reporter_id and found.reporter_id != actor.party):
        raise NotFound("没有找到这条反映。", hint="请核对回执；实名反映需要本人登录查看。")
    return found


def _answers_for(actor: Actor, report: Report) -> None:
    case = report.incident.case
    filing = case.declared.state("filing").awaits
    if not actor.holds(filing, case.organ_id):
        raise NotAllowed("答复和回访由受理这条反映的单位进行。")


def _taken_up_again(report: Report, since: datetime) -> bool:
    return bool(report.incident.case.events.filter(step="reopen", at__gt=since).exists())


def _candidates(told: Told) -> list[rules.Candidate]:
    kind = Category.objects.get(code=told.category)
    since = timezone.now() - timedelta(hours=rules.SOON)
    open_ones = Incident.objects.filter(category__family=kind.family, opened_at__gte=since, closed_at=None).exclude(stage=Incident.Stage.VOID)
    near = open_ones.filter(place__dwithin=(told.place, BOX)).annotate(metres=Distance("place", told.place, spheroid=True)).filter(metres__lte=D(m=rules.NEAR))
    return [
        rules.Candidate(
            incident=row.pk, metres=row.metres.m, hours=(timezone.now() - row.opened_at).total_seconds() / 3600, text=row.text, same_kind=row.category_id == kind.pk
        )
        for row in near[:50]
    ]


def _open(actor: Actor, told: Told, text: str, twin: int | None) -> Incident:
    """The office opens it of its own motion: who told it stands nowhere in the case."""
    category, office = Category.objects.get(code=told.category), Organisation.objects.get(pk=told.office)
    owner, days = route(told.category, told.division, timezone.localdate())
    opening = procedures.Opening(
        procedure=told.procedure, item_key=told.procedure, subject=f"{category.name}：{text[:60]}", applicant=_party_of(office).pk, organ=office.pk,
        division=told.division, channel="office", key=f"incident:{told.key}",
    )  # fmt: skip
    case, _ = procedures.start(SYSTEM, opening)
    made = Incident.objects.create(
        category=category, eye=told.eye, place=told.place, accuracy=told.accuracy, division_id=told.division, text=text[:500], owner=owner, days=days,
        checker_id=told.checker, case=case, duplicate_of_id=twin,
    )  # fmt: skip
    procedures.move(SYSTEM, case, case.declared.step("open"), {"opinion": text[:300]})
    made.refresh_from_db()
    return made


def _party_of(office: Organisation) -> Party:
    """The office as a legal entity (机关法人), by its credit code."""
    found, _ = Party.objects.get_or_create(
        scheme="uscc", number=office.uscc, defaults={"kind": Party.Kind.ENTITY, "name": office.name, "division_id": office.division_id, "verified": "机构编制库", "invented": office.invented}
    )  # fmt: skip
    return found


def _answer_by(division: str) -> datetime:
    return deadlines.due_at(deadlines.Term(limits.value("answer-days", division), "working"), timezone.now(), calendar=registers.working_calendar())

