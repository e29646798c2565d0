"""What the registers already know of a person or an enterprise, element by element, with source and time. Every look is on the record."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from yiwang.base import identifiers
from yiwang.engines.audit import api as audit
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Party
from yiwang.engines.registers.models import DataElement
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated


@dataclass(frozen=True)
class Known:
    """A value that nobody needs to be asked for."""

    value: str
    source: str  #: 人口库
    at: datetime


PERSON, ENTITY = "人口库", "法人库"
DECLARED = "登记信息（未经核验）"  # what somebody said of themselves: it fills in a form and proves nothing
SENSITIVE = {"person.id", "unit.legal_rep_id"}  # 身份证件号码 (个人信息保护法第二十八条 with GB/T 35273)
KINDS: dict[str, str] = {Party.Kind.PERSON: "person.", Party.Kind.ENTITY: "unit."}
Reader = Callable[[Any], Any]
READERS: dict[str, tuple[str, str, str, Reader]] = {  # code → (name, register, source organ's function, how to read it from a party)
    "person.name": ("姓名", PERSON, "public_security", lambda p: p.name),
    "person.id": ("公民身份号码", PERSON, "public_security", lambda p: p.number),
    "person.sex": ("性别", PERSON, "public_security", lambda p: p.as_person.sex),
    "person.birth_date": ("出生日期", PERSON, "public_security", lambda p: p.as_person.birth.isoformat()),
    "person.age": ("年龄", PERSON, "public_security", lambda p: identifiers.age(p.as_person.birth, timezone.localdate())),
    "person.nation": ("民族", PERSON, "public_security", lambda p: p.as_person.nation),
    "person.hukou_address": ("户籍地址", PERSON, "public_security", lambda p: p.as_person.household),
    "person.phone": ("联系电话", "账号资料", "", lambda p: p.phone),
    "person.address": ("常住地址", "账号资料", "", lambda p: p.address),
    "unit.name": ("名称", ENTITY, "market_regulation", lambda p: p.name),
    "unit.uscc": ("统一社会信用代码", ENTITY, "market_regulation", lambda p: p.number),
    "unit.kind": ("主体类型", ENTITY, "market_regulation", lambda p: p.as_entity.kind),
    "unit.address": ("住所", ENTITY, "market_regulation", lambda p: p.address),
    "unit.scope": ("经营范围", ENTITY, "market_regulation", lambda p: p.as_entity.business),
    "unit.legal_rep": ("法定代表人（负责人）", ENTITY, "market_regulation", lambda p: p.as_entity.representative.name),
    "unit.legal_rep_id": ("法定代表人身份号码", ENTITY, "market_regulation", lambda p: p.as_entity.representative.number),
    "unit.phone": ("联系电话", "账号资料", "", lambda p: p.phone),
    "unit.established": ("成立日期", ENTITY, "market_regulation", lambda p: p.as_entity.established.isoformat()),
}


def known(actor: Actor, party: int, elements: Iterable[str], *, purpose: str, case: int | None = None) -> dict[str, Known]:
    """What the registers know of `party` among `elements`. The look is recorded with its purpose and shown to the person."""
    with elevated():  # what the registers know of a party names others (a representative); the look is recorded below
        found = parties.facts_of(party)
    now = timezone.now()
    answers: dict[str, Known] = {}
    for element in elements:
        if element not in READERS or not element.startswith(KINDS[found.kind]):
            continue  # nobody's, or of the other kind: a person has no 法人库 name
        _, register, _, read = READERS[element]
        try:
            value = read(found)
        except (AttributeError, ValueError):  # not this kind of party, or the register has no such fact
            continue
        if value not in (None, ""):
            answers[element] = Known(str(value), register if found.verified else DECLARED, found.verified_at or now)
    if answers:
        audit.record_access(actor, party=party, what="登记信息", purpose=purpose, case=case, fields=sorted(answers))
    return answers


def seed_elements(further: Iterable[tuple[str, str]] = ()) -> int:
    """Enters the elements above and `further` (code, name) that items bind to; returns how many are known now."""
    rows = [DataElement(code=c, name=n, register=r, organ=o, sensitive=c in SENSITIVE) for c, (n, r, o, _) in READERS.items()]
    rows += [DataElement(code=code, name=name) for code, name in further if code not in READERS]
    DataElement.objects.bulk_create(rows, ignore_conflicts=True)
    return DataElement.objects.count()
