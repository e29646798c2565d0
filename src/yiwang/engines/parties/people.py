"""Finding and registering persons and enterprises by number. One row per number, whoever asks at the same time."""

from django.db import transaction
from django.utils import timezone

from yiwang.base import identifiers
from yiwang.base.errors import Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.parties.models import Division, LegalEntity, Party, Person
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated

CITIZEN, USCC = "111", "uscc"
KINDS = {  # GB 32100-2015: the registering authority and the kind it registers
    "11": "机关", "12": "事业单位", "13": "群众团体", "51": "社会团体", "52": "民办非企业单位", "53": "基金会",
    "91": "企业法人", "92": "个体工商户", "93": "农民专业合作社",
}  # fmt: skip


def facts_of(party: int) -> Party:
    """The party with what its register says. For engines that read on somebody's behalf; they record the look."""
    return Party.objects.select_related("as_person", "as_entity__representative").get(pk=party)


def find_party(actor: Actor, *, number: str, purpose: str) -> Party:
    """A clerk finds an applicant by number; the look is recorded. Raises NotAllowed, Invalid, NotFound."""
    if not actor.roles & {"window-clerk", "approver", "inspector"}:
        raise NotAllowed("只有窗口和审批人员可以按证件号码查找申请人。")
    wanted = number.strip().upper()
    if not (identifiers.is_citizen_number(wanted) or identifiers.is_uscc(wanted)):
        raise Invalid("证件号码不正确。", fields={"number": "校验位不符，请核对身份证号码或统一社会信用代码"})
    found = restrict(actor, Party.objects.filter(number=wanted, scheme__in=(CITIZEN, USCC))).first()
    if found is None:
        raise NotFound("还没有这个申请人，可以登记后继续。")
    audit.record_access(actor, party=found.pk, what="基本信息", purpose=purpose, fields=["name", "number", "phone"])
    return found


@transaction.atomic
def find_or_register_person(actor: Actor, *, name: str, number: str, phone: str = "", division: str = "", address: str = "") -> tuple[Party, bool]:
    """The person with this number, registered if new. Raises Invalid for a false number, or a name that is not the registered one."""
    wanted, called = number.strip().upper(), name.strip()
    read = identifiers.read_citizen_number(wanted)
    if read is None or read.birth > timezone.localdate():
        raise Invalid("身份证号码不正确。", fields={"number": "请核对 18 位公民身份号码"})
    if not called:
        raise Invalid("姓名没有填写。", fields={"name": "请填写姓名"})
    if phone and not identifiers.is_mobile(phone):
        raise Invalid("手机号码不正确。", fields={"phone": "请填写 11 位手机号码"})
    with elevated():  # whether a number is registered is asked before anybody is known
        party, fresh = Party.objects.get_or_create(
            scheme=CITIZEN, number=wanted,
            defaults={"kind": Party.Kind.PERSON, "name": called, "phone": phone, "address": address, "division": _division(division or read.region)},
        )
        if fresh:
            Person.objects.create(party=party, sex=read.sex, birth=read.birth)
            audit.record(actor, "party.register", subject=party, summary="登记自然人")
    if party.name != called:
        raise Invalid("姓名与证件号码不相符。", fields={"name": "与登记的姓名不一致，请核对"})
    return party, fresh


@transaction.atomic
def find_or_register_entity(
    actor: Actor, *, name: str, number: str, representative: int | None = None, phone: str = "", division: str = "", address: str = ""
) -> tuple[Party, bool]:
    """The entity with this unified social credit code, registered if new. Raises Invalid for a false code, or a name that is not the registered one.

    `representative` is taken only for a new entity: what the register says of a known one stays.
    """
    wanted, called = number.strip().upper(), name.strip()
    if not identifiers.is_uscc(wanted):
        raise Invalid("统一社会信用代码不正确。", fields={"number": "请核对 18 位统一社会信用代码"})
    if not called:
        raise Invalid("名称没有填写。", fields={"name": "请填写名称"})
    with elevated():  # whether a code is registered is asked before anybody is known
        party, fresh = Party.objects.get_or_create(
            scheme=USCC, number=wanted,
            defaults={"kind": Party.Kind.ENTITY, "name": called, "phone": phone, "address": address, "division": _division(division or wanted[2:8])},
        )
        if fresh:
            LegalEntity.objects.create(party=party, kind=KINDS.get(wanted[:2], "其他组织"), representative_id=representative)
            audit.record(actor, "party.register", subject=party, summary="登记法人或非法人组织")
    if party.name != called:
        raise Invalid("名称与统一社会信用代码不相符。", fields={"name": "与登记的名称不一致，请核对"})
    return party, fresh


@transaction.atomic
def change_phone(actor: Actor, party: int, phone: str) -> None:
    """Another phone on record. The caller has made sure who asks. Raises Invalid."""
    if not identifiers.is_mobile(phone):
        raise Invalid("手机号码不正确。", fields={"phone": "请填写 11 位手机号码"})
    found = Party.objects.select_for_update().get(pk=party)
    if found.phone != phone:
        before, found.phone = found.phone, phone
        found.save(update_fields=["phone"])
        audit.record(actor, "party.phone", subject=found, summary="更换登记的手机号码", detail={"before": identifiers.mask_phone(before)} if before else {})


def _division(code: str) -> Division:
    """The deepest division that the code falls into; numbers may carry abolished regions, which fall to the city."""
    for length in (12, 9, 6, 4):
        found = Division.objects.filter(code=code[:length].ljust(12, "0")).first()
        if found:
            return found
    fallback = Division.objects.filter(level=Division.Level.CITY).first()
    if fallback is None:
        raise NotFound("行政区划还没有载入。")
    return fallback
