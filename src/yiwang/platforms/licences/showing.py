"""Finding and showing licences: one's own, those an application may use, those a holder lets somebody see; every use on the record."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from yiwang.base.errors import Conflict, Gone, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.licences.models import Authorisation, Licence, Use

State = Licence.State
LONGEST = 30 * 24  # hours that one authorisation may last


@dataclass(frozen=True)
class Shown:
    """What somebody sees whom the holder lets see a licence."""

    type: str
    number: str
    identifier: str
    fields: dict[str, str]
    issuer: str
    valid_from: date
    valid_to: date | None
    state: str
    to_whom: str
    purpose: str


def of_holder(party: int) -> "QuerySet[Licence]":
    """The holder's licences, without versions that were replaced."""
    return Licence.objects.filter(holder=party).exclude(state=State.REPLACED).select_related("type", "issuer").order_by("-issued_at")


def offered(actor: Actor, party: int, types: Iterable[str]) -> dict[str, Licence]:
    """The licences of `party` in force today, by type: what an application uses instead of asking for a copy."""
    today = timezone.localdate()
    rows = restrict(actor, of_holder(party)).filter(
        Q(valid_to=None) | Q(valid_to__gte=today), type__in=list(types), state=State.VALID, valid_from__lte=today
    )
    return {row.type_id: row for row in rows}


def find(actor: Actor, identifier: str) -> Licence:
    """Raises NotFound unless the actor may see it; the look of anybody but the holder goes on the holder's record."""
    found = restrict(actor, Licence.objects.filter(identifier=identifier)).select_related("type", "issuer", "holder", "file").first()
    if found is None:
        raise NotFound("没有找到这份证照。")
    if not actor.system:
        audit.record_access(actor, party=found.holder_id, what=str(found), purpose=actor.purpose or "证照管理", fields=list(found.fields))
    return found


def use(actor: Actor, licence: Licence, *, by: str, purpose: str, case: int | None = None) -> Use:
    """Records that a licence serves in a matter. Raises NotFound for a licence the actor may not see."""
    if not restrict(actor, Licence.objects.filter(pk=licence.pk)).exists():
        raise NotFound("没有找到这份证照。")
    return Use.objects.create(licence=licence, by=by, purpose=purpose, case=case)


@transaction.atomic
def authorise(actor: Actor, identifier: str, *, to_whom: str, purpose: str, hours: int) -> Authorisation:
    """The holder lets somebody see the whole licence for a purpose and a time. Raises NotFound, NotAllowed, Invalid, Conflict."""
    licence = find(actor, identifier)
    if licence.holder_id != (actor.acting_for or actor.party):
        raise NotAllowed("只有持有人可以授权他人查看证照。")
    faults = {name: "请填写" for name, value in (("to_whom", to_whom), ("purpose", purpose)) if not value.strip()}
    if not 1 <= hours <= LONGEST:
        faults["hours"] = f"请填写 1 到 {LONGEST} 之间的小时数"
    if faults:
        raise Invalid("请把授权内容填写完整。", fields=faults)
    if licence.state != State.VALID:
        raise Conflict("只有有效的证照可以授权他人查看。")
    until = timezone.now() + timedelta(hours=hours)
    made = Authorisation.objects.create(
        licence=licence, token=secrets.token_urlsafe(24), to_whom=to_whom.strip()[:120], purpose=purpose.strip()[:200], valid_to=until
    )
    audit.record(actor, "licence.authorise", subject=made, summary=f"授权{made.to_whom}查看{licence}：{made.purpose}")
    return made


@transaction.atomic
def withdraw_authorisation(actor: Actor, authorisation: int) -> None:
    """Ends it now. Raises NotFound for another's."""
    mine = Authorisation.objects.filter(licence__holder=actor.acting_for or actor.party or 0, pk=authorisation, withdrawn_at=None)
    if not restrict(actor, mine).update(withdrawn_at=timezone.now()):
        raise NotFound("没有找到这项授权，或已经撤回。")
    audit.record(actor, "licence.withdraw", summary=f"撤回授权 {authorisation}")


@transaction.atomic
def show(token: str) -> Shown:
    """What the bearer of an authorisation sees; the look is a use that the holder finds. Raises NotFound, Gone."""
    with elevated():  # the holder has allowed exactly this licence to exactly whoever has the token
        given = Authorisation.objects.select_related("licence__type", "licence__issuer").filter(token=token).first()
        if given is None:
            raise NotFound("没有这项授权，请核对链接。")
        if given.withdrawn_at or given.valid_to <= timezone.now():
            raise Gone("这项授权已经到期或被持有人撤回。", hint="请持有人重新授权。")
        licence = given.licence
        Use.objects.create(licence=licence, by=given.to_whom, purpose=given.purpose)
    return Shown(
        licence.type.name, licence.number, licence.identifier, licence.fields, licence.issuer.name, licence.valid_from, licence.valid_to,
        licence.get_state_display(), given.to_whom, given.purpose,
    )  # fmt: skip
