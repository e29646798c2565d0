"""Bringing a petition forward, on any channel; taking an answer to the next instance; rating it; the office's letters of supervision."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml
from django.contrib.gis.geos import Point
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.documents import api as documents
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Organisation, Party
from yiwang.engines.procedures import api as procedures
from yiwang.engines.registers import api as registers
from yiwang.kit.access import restrict
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.systems.welfare.online_petition import effects, limits, offices, province, rules, secrecy, ways
from yiwang.systems.welfare.online_petition.models import Accused, Draft, Instance, Material, Matter, Member, Petition, Supervision

DATA = Path(__file__).parent / "data"
CHANNELS = {"online": "internet", "above": "api", "office": "api"}  # of the case; everything else came over the desk
CLERK, LEADER = "petition-clerk", "petition-leader"
NEXT = {1: ("petition-review", "复查"), 2: ("petition-rereview", "复核")}


@dataclass(frozen=True, kw_only=True)
class Filing:
    """A petition as it comes in."""

    key: str  #: of the page or the letter: at most one petition for each
    kind: str
    title: str
    words: str
    division: str  #: where the matter is, 12 digits
    claims: str = ""
    point: Point | None = None  #: EPSG:4490
    matter: str = ""
    channel: str = Petition.Channel.ONLINE
    contact: str = ""
    people: int = 1
    members: tuple[tuple[str, bool], ...] = ()  #: name, whether a representative
    accused: tuple[dict[str, str], ...] = field(default=())  #: name, title, organ: as written
    secret: bool = False
    outside: str = ""
    files: tuple[tuple[str, bytes], ...] = ()  #: name and content of each
    lodged: int | None = None  #: parties.Organisation in whose own system it was registered


def seed() -> int:
    """The tree of matters and the limits; harmless when they are there."""
    rows = yaml.safe_load((DATA / "matters.yaml").read_text(encoding="utf-8"))
    source = "信访内容分类（示意，待市信访局核对）"
    for row in rows:
        values = {"name": row["name"], "words": row.get("words", ""), "function": row.get("function", ""), "source": source, "parent_id": row["code"][:-2] or None}
        Matter.objects.update_or_create(code=row["code"], defaults=values)
    registers.seed_policies(DATA / "policies.yaml")
    ways.seed()
    return len(rows)


@transaction.atomic
def file(actor: Actor, filing: Filing, *, petitioner: int | None = None) -> Petition:
    """Registers a petition, once for a key. One who has the same matter under way already is attached to it and told (重复信访).

    `petitioner` is the party whose letter a clerk registers; without one it is the actor's own, or nobody's (匿名, advice only).
    Raises NotAllowed, Invalid, TooLarge for a file.
    """
    _may_file(actor, filing, petitioner)
    with elevated():  # whom it accuses, who wrote the same, an anonymous writer: none of it is the writer's to read
        party = petitioner or (actor.acting_for if filing.channel == Petition.Channel.ONLINE else None) or stranger("匿名", "", filing.division).pk
        accused = [_meant(row) for row in filing.accused]
        office = secrecy.desk_for(filing.division, accused, parties.organ_for("petition", filing.division))
        case, fresh = procedures.start(SYSTEM, _opening(filing, party, office.pk))
        if not fresh:
            return Petition.objects.select_related("case").get(case=case)
        petition = _keep(filing, case, party, office.pk, accused)
        _begin(actor, petition, case, filing)
        audit.record(actor, "petition.file", subject=petition, summary=f"登记信访件：{case.number}", case=case.pk)
    Draft.objects.filter(author=actor.party, key=filing.key).delete() if actor.party and len(filing.key) == 36 else None
    return petition


def stranger(name: str, phone: str, division: str) -> Party:
    """Somebody who wrote or came without a number: a party of their own, never matched with another."""
    return Party.objects.create(kind=Party.Kind.PERSON, name=name, scheme="none", number=f"WX{uuid4().hex[:24].upper()}", division_id=division, phone=phone)


def _may_file(actor: Actor, filing: Filing, petitioner: int | None) -> None:
    wired = (filing.channel == Petition.Channel.ABOVE and actor.system) or (filing.channel == Petition.Channel.OFFICE and actor.client and filing.lodged in actor.organs)
    if filing.channel in (Petition.Channel.ABOVE, Petition.Channel.OFFICE) and not wired:
        raise NotAllowed("上级转送和部门系统的信访件由系统对接登记。")
    if filing.channel != Petition.Channel.ONLINE and not wired and CLERK not in actor.roles:
        raise NotAllowed("来信、来访、来电由信访部门登记。")
    if filing.channel == Petition.Channel.ONLINE and petitioner and petitioner != actor.acting_for and not actor.system:
        raise NotAllowed("只能以自己的名义提出。")
    anonymous = filing.channel == Petition.Channel.ONLINE and not actor.acting_for and not petitioner
    if anonymous and filing.kind != Petition.Kind.ADVICE:
        raise NotAllowed("提出申诉求决和检举控告需要登录，以便告知您结果。", hint="匿名可以提出建议和意见。")
    limit = limits.value("representatives", filing.division)
    if wrong := rules.may_represent(filing.people, sum(chosen for _, chosen in filing.members), channel=filing.channel, limit=limit):
        raise Invalid("多人走访应当推选代表。", fields={"members": wrong})


def _opening(filing: Filing, party: int, office: int) -> procedures.Opening:
    secret = filing.kind == Petition.Kind.ACCUSATION
    return procedures.Opening(
        procedure="petition", item_key="petition", subject="检举控告类信访件" if secret else filing.title, applicant=party, organ=office, division=filing.division,
        channel=CHANNELS.get(filing.channel, "counter"), key=f"petition:{filing.key}",
    )  # fmt: skip


def _keep(filing: Filing, case: Any, party: int, office: int, accused: list[Accused]) -> Petition:
    known = Matter.objects.exclude(words="").values_list("code", "words")
    matter = filing.matter or rules.matter_of(f"{filing.title} {filing.words}", known)
    petition = Petition.objects.create(
        case=case, petitioner_id=party, desk_id=office, channel=filing.channel, kind=filing.kind, matter_id=matter or None, division_id=filing.division, point=filing.point,
        route=rules.route_of(filing.words), title=filing.title, words=filing.words, claims=filing.claims, contact=filing.contact, people=max(filing.people, len(filing.members), 1),
        anonymous=Party.objects.filter(pk=party, scheme="none", name="匿名").exists(), secret=filing.secret, outside=filing.outside,
    )  # fmt: skip
    Instance.objects.create(petition=petition, case=case, level=Instance.Level.HANDLING, division_id=filing.division)
    Member.objects.bulk_create((Member(petition=petition, name=name, represents=chosen) for name, chosen in filing.members), ignore_conflicts=True)
    for name, content in filing.files:
        try:
            file = documents.store(content, name=name, owner=party, case=case.pk)
        except Invalid as problem:
            raise Invalid("材料没有收下，请重新选择。", fields={"papers": f"“{name}”：{problem.message}{problem.hint}"}) from None
        Material.objects.create(petition=petition, file=file, name=file.name)
    for one in accused:
        one.petition = petition
        one.save()
    secrecy.shield(petition)
    return petition


def _begin(actor: Actor, petition: Petition, case: Any, filing: Filing) -> None:
    """Under way already: attached. Else it goes to the desk, with what went before, or lies with the office that registered it, if that may have it."""
    before = same_by(petition)
    open_one = next((p for p in before if p.instances.filter(case__closed_at=None).exists()), None)
    petition.previous = open_one or (before[0] if before else None)
    petition.save(update_fields=["previous"])
    if open_one:
        effects.attach(petition, open_one)
    province.tell(petition, case, "registered")
    if filing.lodged and not open_one and secrecy.may_leave(petition, filing.lodged):
        procedures.move(actor, case, case.declared.step("lodge"), {"organ": filing.lodged})
    else:
        procedures.move(SYSTEM, case, case.declared.step("repeat" if open_one else "register"), {})


def same_by(petition: Petition) -> list[Petition]:
    """Earlier petitions of the same person about the same, the newest first; those merged into others stand for themselves no longer."""
    others = Petition.objects.filter(petitioner=petition.petitioner_id, matter=petition.matter_id, joined_to=None).exclude(pk=petition.pk).select_related("case").order_by("-registered_at")
    return [p for p in others if rules.is_same(p.title + p.words, petition.title + petition.words)]


def same_by_others(actor: Actor, petition: Petition, *, limit: int = 5) -> list[Petition]:
    """Open petitions of other people about the same matter in the same county: proposed to be joined. Accusations are never proposed."""
    if petition.is_accusation or petition.matter_id is None:
        return []
    there = petition.division_id[:6]
    others = Petition.objects.filter(
        Exists(Instance.objects.filter(petition=OuterRef("pk"), case__closed_at=None)), matter=petition.matter_id, joined_to=None,
        division__gte=there.ljust(12, "0"), division__lt=str(int(there) + 1).ljust(12, "0"),
    ).exclude(petitioner=petition.petitioner_id).exclude(kind=Petition.Kind.ACCUSATION)  # fmt: skip
    found = restrict(actor, others).select_related("case").order_by("registered_at")[:200]
    return [p for p in found if rules.likeness(p.title + p.words, petition.title + petition.words) >= rules.SAME / 2][:limit]


def _meant(row: dict[str, str]) -> Accused:
    """Whom the writer may mean: an organ by its name or short name. A person is left to the office; until then everybody of that name is shut out."""
    called = row.get("organ", "").strip()
    organ = Organisation.objects.filter(name=called).first() or Organisation.objects.filter(short=called).first() if called else None
    return Accused(name=row.get("name", "").strip(), title=row.get("title", "").strip() or ("" if organ else called), organ=organ)


@transaction.atomic
def identify(actor: Actor, accused: int, *, organ: int | None, party: int | None = None) -> Accused:
    """The office says whom an accusation means; from now on they and their office are shut out. Raises NotFound, NotAllowed."""
    found = restrict(actor, Accused.objects.filter(pk=accused)).select_related("petition").first()
    if found is None:
        raise NotFound("没有找到这条记录。")
    if not actor.roles & {CLERK, "discipline-officer"}:
        raise NotAllowed("被反映人由信访部门或者纪检监察机关认定。")
    found.organ_id, found.party_id = organ or found.organ_id, party or found.party_id
    found.save(update_fields=["organ", "party"])
    secrecy.shield(found.petition)
    audit.record(actor, "petition.identify", subject=found.petition, summary="认定被反映人", case=found.petition.case_id)
    return found


def last_of(petition: Petition) -> Instance:
    """The instance it has come to."""
    return petition.instances.select_related("case__organ__division").order_by("-level")[0]


@transaction.atomic
def ask_review(actor: Actor, petition: int, *, grounds: str) -> Instance:
    """The petitioner takes the answer to the organ above: 复查, then 复核 (第三十五条、第三十六条). Raises NotFound, NotAllowed, Invalid, Conflict."""
    found = restrict(actor, Petition.objects.select_for_update(of=("self",), no_key=True).filter(pk=petition)).first()
    if found is None:
        raise NotFound("没有找到这件信访件。")
    last = last_of(found)
    if not procedures.is_applicant(actor, last.case):
        raise NotAllowed("只有信访人可以请求复查、复核。")
    if reason := review_refusal(found, last):
        raise Conflict(reason)
    if not grounds.strip():
        raise Invalid("请写明不服的理由。", fields={"grounds": "请写明不服的理由"})
    code, name = NEXT[last.level]
    with elevated():  # the organ above is found and given its task
        organ = effects.upper_organ(last.case.organ)
        opening = procedures.Opening(
            procedure=code, item_key="petition", subject=f"{name}：{last.case.subject.split('：')[-1]}", applicant=found.petitioner_id, organ=organ.pk,
            division=found.division_id, channel="internet", parent=found.case_id, key=f"{code}:{found.pk}",
        )  # fmt: skip
        case, _ = procedures.start(SYSTEM, opening)
        made = Instance.objects.create(petition=found, case=case, level=last.level + 1, division_id=found.division_id, grounds=grounds.strip()[:2000])
        Instance.objects.filter(pk=last.pk).update(taken_on=True)
        secrecy.shield(found)
        procedures.move(actor, case, case.declared.step("ask"), {})
        audit.record(actor, "petition.review", subject=found, summary=f"请求{name}：{case.number}", case=case.pk)
    return made


@transaction.atomic
def urge(actor: Actor, case: int, *, words: str) -> None:
    """The petitioner asks to hurry; an office that handles it in its own system is told there too. Raises what `procedures.urge` raises."""
    found = procedures.urge(actor, case, words)
    with elevated():  # in which system it lies is not the petitioner's to read
        offices.tell(effects.petition_of(found), found, "urged", actor, words.strip())


def review_refusal(petition: Petition, last: Instance) -> str | None:
    """Why the last answer cannot be taken further; None if it can."""
    if last.level == Instance.Level.REREVIEW:
        return "复核意见是最终意见，同一事实和理由不再受理（信访工作条例第三十六条）。" if last.answered_at else "正在复核，请等待答复。"
    if last.answered_at is None:
        return "还没有答复，不能请求复查、复核。"
    if petition.kind != Petition.Kind.CLAIM:
        return "复查、复核适用于申诉求决类事项。"
    if timezone.now() >= limits.review_until(last.answered_at, level=last.level, division=petition.division_id):
        return "自收到答复之日起三十日的期限已过，不能再请求复查、复核。"
    return None


@transaction.atomic
def rate(actor: Actor, case: int, *, grade: int, words: str = "") -> Instance:
    """The petitioner rates one answered instance, once (第二十一条). Raises NotFound, NotAllowed, Invalid, Conflict."""
    found = restrict(actor, Instance.objects.select_for_update(of=("self",), no_key=True).filter(case=case)).select_related("case").first()
    if found is None:
        raise NotFound("没有找到这件信访件。")
    if not procedures.is_applicant(actor, found.case):
        raise NotAllowed("只有信访人可以评价。")
    if found.answered_at is None:
        raise Conflict("答复以后才能评价。")
    if grade not in Instance.Grade.values:
        raise Invalid("请选择满意程度。", fields={"grade": "请选择满意程度"})
    if found.rated_at:
        raise Conflict("已经评价过，感谢您的反馈。")
    found.grade, found.rating, found.rated_at = grade, words.strip()[:300], timezone.now()
    found.save(update_fields=["grade", "rating", "rated_at"])
    audit.record(actor, "petition.rate", subject=found, summary=found.get_grade_display(), case=case)
    return found


@transaction.atomic
def supervise(actor: Actor, case: int, *, kind: str, reason: str) -> Supervision:
    """督查, 督办: the petition office asks the organ that handles a petition by a sealed letter (第四十六条). Raises NotFound, NotAllowed, Invalid, Conflict."""
    found = procedures.lock(actor, case)
    petition = effects.petition_of(found)
    if not any(actor.holds(role, petition.desk_id) for role in (CLERK, LEADER)):
        raise NotAllowed("督查督办由登记这件信访件的信访部门发起。")
    if found.closed_at or found.organ_id == petition.desk_id:
        raise Conflict("这件信访件现在没有在承办单位办理，不需要督办。")
    if not reason.strip() or kind not in Supervision.Kind.values:
        raise Invalid("请写明督办事由。", fields={"reason": "请写明督办事由"})
    if Supervision.objects.filter(case=found, organ=found.organ_id, answered_at=None).exists():
        raise Conflict("已有一份督办等待反馈。")
    due = limits.end(limits.value("supervision-days", found.division_id), "working", timezone.now())
    made = Supervision(petition=petition, case=found, kind=kind, sender_id=petition.desk_id, organ_id=found.organ_id, reason=reason.strip()[:300], due_at=due)
    content = {
        "case_number": found.number, "to_organ": found.organ.name, "kind": made.get_kind_display(), "reason": made.reason,
        "due": timezone.localtime(due).date().isoformat(), "date": timezone.localdate().isoformat(), "applicant": found.organ.name,
    }  # fmt: skip
    made.document = documents.issue("petition-supervision", content, organ=petition.desk_id, case=found.pk, actor=SYSTEM)
    made.save()
    offices.press(made)
    audit.record(actor, "petition.supervise", subject=made, summary=f"{made.get_kind_display()}：{found.number}", case=found.pk)
    return made


@transaction.atomic
def answer_supervision(actor: Actor, supervision: int, *, words: str) -> Supervision:
    """The organ answers a letter of supervision. Raises NotFound, NotAllowed, Invalid, Conflict."""
    found = restrict(actor, Supervision.objects.select_for_update(of=("self",), no_key=True).filter(pk=supervision)).first()
    if found is None:
        raise NotFound("没有找到这份督办。")
    if not any(actor.holds(role, found.organ_id) for role in ("petition-handler", "petition-head")):
        raise NotAllowed("督办由被督办单位反馈。")
    if found.answered_at:
        raise Conflict("这份督办已经反馈。")
    if not words.strip():
        raise Invalid("请写明办理情况。", fields={"words": "请写明办理情况"})
    found.answer, found.answered_at = words.strip()[:1000], timezone.now()
    found.save(update_fields=["answer", "answered_at"])
    audit.record(actor, "petition.answer-supervision", subject=found, summary="反馈督办", case=found.case_id)
    return found


def members_of(text: str) -> tuple[tuple[str, bool], ...]:
    """Lines of names, a star before those who speak for the others."""
    return tuple((line.strip().lstrip("*＊ ")[:60], line.strip()[0] in "*＊") for line in text.splitlines() if line.strip().lstrip("*＊ "))


def filing_of(data: dict[str, Any], *, key: str, channel: str = Petition.Channel.ONLINE) -> Filing:
    """From a cleaned form."""
    named: Iterable[dict[str, str]] = [{"name": data["accused"], "title": data["accused_title"], "organ": data["accused_organ"]}]
    accused = tuple(row for row in named if row["name"] or row["organ"]) if data["kind"] == Petition.Kind.ACCUSATION else ()
    copied = {name: data[name] for name in ("kind", "title", "words", "division", "point", "claims", "matter", "contact", "people", "secret")}
    files = tuple((str(file.name), file.read()) for file in data.get("papers") or ())
    return Filing(key=key, channel=channel, members=members_of(data["members"]), accused=accused, files=files, **copied)
