"""Issuing licences in immutable versions, and what their issuer orders afterwards: suspend, restore, revoke, cancel, replace."""

from collections.abc import Mapping
from dataclasses import replace as changed
from datetime import date

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from yiwang.base import identifiers
from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.documents import api as documents
from yiwang.engines.messages import api as messages
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Organisation
from yiwang.kit.access import restrict
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.platforms.licences.kinds import type_code
from yiwang.platforms.licences.models import Licence, LicenceType

OFFICER = "licence-officer"
State = Licence.State
MOVES: dict[str, tuple[str, ...]] = {  # from → to that an officer may order
    State.VALID: (State.SUSPENDED, State.REVOKED, State.CANCELLED),
    State.SUSPENDED: (State.VALID, State.REVOKED, State.CANCELLED),
}
CARDS = {"elderly_card", "veteran_card", "preferential_card"}  # people carry them in the pocket


@transaction.atomic
def issue(
    actor: Actor, *, type: str, holder: int, fields: Mapping[str, str], issuer: int, valid_from: date, valid_to: date | None, number: str, case: int | None = None
) -> Licence:
    """A new licence with its sealed face; once per case and type, however often and from however many workers it is asked.

    Raises NotAllowed unless a procedure (the system) or the issuer's licence officer asks, NotFound for an unknown type or office,
    Invalid for a number or term that does not hold, Conflict when the issuer has given this number already.
    """
    if not (actor.system or actor.holds(OFFICER, issuer)):
        raise NotAllowed("证照由颁发机构的证照管理人员颁发。")
    kind, office = LicenceType.objects.filter(pk=type).first(), Organisation.objects.filter(pk=issuer).first()
    if kind is None or office is None:
        raise NotFound(f"没有证照类型“{type}”或颁发机构。")
    if known := _of_case(case, type):
        return known
    made = Licence(type=kind, number=number, holder_id=holder, issuer=office, fields=dict(fields), valid_from=valid_from, valid_to=valid_to, case=case)
    try:
        with transaction.atomic():
            _complete(actor, made)
    except IntegrityError:
        if known := _of_case(case, type):  # another worker was first
            return known
        raise Conflict(f"编号 {number} 的{kind.name}已经颁发。") from None
    audit.record(actor, "licence.issue", subject=made, summary=f"颁发{kind.name} {number}", case=case, organ=issuer)
    return made


@transaction.atomic
def replace(
    actor: Actor, licence: int, *, reason: str, fields: Mapping[str, str] | None = None, valid_from: date | None = None, valid_to: date | None = None
) -> Licence:
    """The next version with changed content or a longer term (变更、延续); the old one says that it was replaced. Raises NotAllowed, NotFound, Invalid, Conflict."""
    _check_reason(reason)
    old = _held(actor, licence)
    if old.state != State.VALID:
        raise Conflict("只有有效的证照可以换发。")
    made = Licence(
        type=old.type, number=old.number, version=old.version + 1, holder_id=old.holder_id, issuer=old.issuer, fields={**old.fields, **(fields or {})},
        valid_from=valid_from or old.valid_from, valid_to=valid_to or old.valid_to, previous=old,
    )  # fmt: skip
    _complete(actor, made)
    _change(actor, old, State.REPLACED, reason.strip())
    return made


@transaction.atomic
def change_state(actor: Actor, licence: int, state: str, *, reason: str) -> Licence:
    """Suspends, restores, revokes or cancels, by the issuing office; the holder is told. Raises NotAllowed, NotFound, Conflict, Invalid."""
    _check_reason(reason)
    found = _held(actor, licence)
    if state not in MOVES.get(found.state, ()):
        raise Conflict(f"证照现在的状态是“{found.get_state_display()}”，不能这样办理。")
    return _change(actor, found, state, reason.strip())


def suspend(actor: Actor, licence: int, *, reason: str) -> Licence:
    return change_state(actor, licence, State.SUSPENDED, reason=reason)


def restore(actor: Actor, licence: int, *, reason: str) -> Licence:
    return change_state(actor, licence, State.VALID, reason=reason)


def revoke(actor: Actor, licence: int, *, reason: str) -> Licence:
    return change_state(actor, licence, State.REVOKED, reason=reason)


def cancel(actor: Actor, licence: int, *, reason: str) -> Licence:
    return change_state(actor, licence, State.CANCELLED, reason=reason)


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid("请写明理由。", fields={"reason": "请写明理由和依据"})


def _of_case(case: int | None, type: str) -> Licence | None:
    return Licence.objects.filter(case=case, type=type, previous=None).first() if case else None


def _complete(actor: Actor, made: Licence) -> None:
    """Identifier, sealed face, row."""
    serial = "".join(c for c in made.number.upper() if c in identifiers.A36)
    if not serial:
        raise Invalid("证照编号中没有数字或字母。", fields={"number": "请填写带数字或字母的编号"})
    if made.valid_to and made.valid_to < made.valid_from:
        raise Invalid("有效期止不能早于有效期起。", fields={"valid_to": "请核对有效期"})
    issuing = made.issuer.uscc or made.issuer.key.split("@")[-1]
    made.identifier = identifiers.licence_identifier(type_code(made.type), issuing, serial, made.version)
    made.file = documents.store(_face(actor, made), name=f"{made.type.name}.pdf", owner=made.holder_id, case=made.case)
    made.save(force_insert=True)


def _face(actor: Actor, licence: Licence) -> bytes:
    """The right was checked; the procedure seals, and the record of seal uses names who ordered it."""
    holder = parties.facts_of(licence.holder_id)
    until = f"{_day(licence.valid_from)}至{_day(licence.valid_to)}" if licence.valid_to else f"{_day(licence.valid_from)}起长期有效"
    shown = {name: value for name, value in licence.fields.items() if value and name != "许可证编号"} or {"持有人": holder.name}
    data = {
        "title": licence.type.name, "organ": licence.issuer.name, "number": licence.number, "identifier": licence.identifier,
        "date": timezone.localdate().isoformat(), "qr": documents.qr(f"{settings.PUBLIC_URL}/verify/{licence.identifier}"),
        "rows": [*({"name": n, "value": str(v)} for n, v in shown.items()), {"name": "有效期", "value": until}],
    }  # fmt: skip
    typeset = documents.render("licence-card" if licence.type_id in CARDS else "licence", data)
    return documents.seal(changed(SYSTEM, name=actor.name), typeset, licence.issuer, what=f"{licence.type.name} {licence.number}")


def _day(value: date) -> str:
    return f"{value.year}年{value.month}月{value.day}日"


def _held(actor: Actor, licence: int) -> Licence:
    found = restrict(actor, Licence.objects.select_for_update(of=("self",)).filter(pk=licence)).select_related("type", "issuer").first()
    if found is None:
        raise NotFound("没有找到这份证照。")
    if not (actor.system or actor.holds(OFFICER, found.issuer_id)):
        raise NotAllowed("证照由颁发机构的证照管理人员办理。")
    return found


def _change(actor: Actor, licence: Licence, state: str, reason: str) -> Licence:
    licence.state, licence.reason, licence.changed_at = state, reason, timezone.now()
    licence.save(update_fields=["state", "reason", "changed_at"])
    audit.record(actor, f"licence.{state}", subject=licence, summary=f"{licence}：{reason}", organ=licence.issuer_id)
    values = {"licence": str(licence), "state": licence.get_state_display(), "reason": reason, "organ": licence.issuer.name}
    messages.send(to=licence.holder_id, template="licence-changed", values=values, key=f"licence:{licence.pk}:{licence.changed_at.timestamp()}")
    return licence
