"""E-licences: issue, find, verify, change, use."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from yiwang.base import identifiers
from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.documents import api as documents
from yiwang.engines.messages import api as messages
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Organisation
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.licences.models import Licence, LicenceType, Use

OFFICER = "licence-officer"
FOLDER = Path(__file__).parent / "data"
State = Licence.State
MOVES: dict[str, tuple[str, ...]] = {  # from → to that an officer may order
    State.VALID: (State.SUSPENDED, State.REVOKED, State.CANCELLED),
    State.SUSPENDED: (State.VALID, State.REVOKED, State.CANCELLED),
}


@dataclass(frozen=True)
class Verdict:
    """What anybody may know about a licence by its identifier."""

    result: str  #: valid | expired | suspended | revoked | cancelled | replaced | unknown
    words: str
    type: str = ""
    holder: str = ""  #: masked for natural persons
    issuer: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    successor: str = ""  #: identifier of the version that replaced it


def load_types() -> int:
    """Loads the types that are not there yet. Raises Invalid for a repeated key."""
    rows = yaml.load((FOLDER / "licence_types.yaml").read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["licence_types"]
    if len({row["key"] for row in rows}) != len(rows):
        raise Invalid("证照类型数据有重复的标识。")
    LicenceType.objects.bulk_create(
        (
            LicenceType(
                key=r["key"], code=r.get("national_code") or "", name=r["name"], issuer=r["issuer"], holders=r["holders"], fields=r["fields"], validity=r.get("validity") or "",
                mark=r["mark"], source=r.get("source", ""),
            )
            for r in rows
        ),
        ignore_conflicts=True,
    )
    return LicenceType.objects.count()


@transaction.atomic
def issue(
    actor: Actor, *, type: str, holder: int, fields: Mapping[str, str], issuer: int, valid_from: date, valid_to: date | None, number: str, case: int | None = None
) -> Licence:
    """A new licence with its sealed face; once per case and type. Raises NotFound for an unknown type."""
    known = Licence.objects.filter(case=case, type=type, previous=None).first() if case else None
    if known:
        return known
    kind = LicenceType.objects.filter(pk=type).first()
    if kind is None:
        raise NotFound(f"没有证照类型“{type}”。")
    made = _version(actor, kind, holder, fields, Organisation.objects.get(pk=issuer), valid_from, valid_to, number, 1, case=case)
    audit.record(actor, "licence.issue", subject=made, summary=f"颁发{kind.name} {number}", case=case, organ=issuer)
    return made


@transaction.atomic
def replace(actor: Actor, licence: int, *, fields: Mapping[str, str], reason: str) -> Licence:
    """The next version with changed content; the old one says that it was replaced."""
    old = _held(actor, licence)
    if old.state != State.VALID:
        raise Conflict("只有有效的证照可以换发。")
    made = _version(actor, old.type, old.holder_id, {**old.fields, **fields}, old.issuer, old.valid_from, old.valid_to, old.number, old.version + 1, previous=old)
    _change(actor, old, State.REPLACED, reason)
    return made


@transaction.atomic
def change_state(actor: Actor, licence: int, state: str, *, reason: str) -> Licence:
    """Suspends, restores, revokes or cancels, with a reason, by the issuing office. Raises NotAllowed, Conflict, Invalid."""
    if not reason.strip():
        raise Invalid("请写明理由。", fields={"reason": "请写明理由和依据"})
    found = _held(actor, licence)
    if state not in MOVES.get(found.state, ()):
        raise Conflict(f"证照现在的状态是“{found.get_state_display()}”，不能这样办理。")
    return _change(actor, found, state, reason.strip())


def of_holder(party: int) -> "QuerySet[Licence]":
    """The holder's licences, without versions that were replaced."""
    return Licence.objects.filter(holder=party).exclude(state=State.REPLACED).select_related("type", "issuer").order_by("-issued_at")


def offered(actor: Actor, party: int, types: Iterable[str]) -> dict[str, Licence]:
    """The valid licences of `party` by type: what an application uses instead of asking for a copy."""
    today = timezone.localdate()
    rows = restrict(actor, of_holder(party)).filter(Q(valid_to=None) | Q(valid_to__gte=today), type__in=list(types), state=State.VALID)
    return {row.type_id: row for row in rows}


def use(actor: Actor, licence: Licence, *, by: str, purpose: str, case: int | None = None) -> Use:
    """Records that a licence serves in a matter."""
    return Use.objects.create(licence=licence, by=by, purpose=purpose, case=case)


def find(actor: Actor, identifier: str) -> Licence:
    """Raises NotFound unless the actor may see it."""
    found = restrict(actor, Licence.objects.filter(identifier=identifier)).select_related("type", "issuer", "holder", "file").first()
    if found is None:
        raise NotFound("没有找到这份证照。")
    return found


def verify(identifier: str, *, on: date | None = None) -> Verdict:
    """The public answer, by one indexed lookup: nothing that the paper in the asker's hand does not show."""
    with elevated():  # verification is public by purpose; only the fields below leave
        row = (
            Licence.objects.filter(identifier=identifier)
            .values_list("state", "valid_from", "valid_to", "type__name", "holder__name", "holder__kind", "issuer__name", "next__identifier")
            .first()
        )
    if row is None:
        words = "标识格式正确，但不是本市颁发的证照。" if identifiers.is_licence_identifier(identifier) else "标识的格式或校验位不正确。"
        return Verdict("unknown", words)
    state, start, end, kind, holder, holder_kind, issuer, successor = row
    result = "expired" if state == State.VALID and end and end < (on or timezone.localdate()) else str(state)
    shown = identifiers.mask_name(holder) if holder_kind == "person" else holder
    return Verdict(result, WORDS[result], kind, shown, issuer, start, end, successor or "")


WORDS = {
    "valid": "证照有效。",
    "expired": "证照已过有效期。",
    "suspended": "证照已被暂扣，暂扣期间无效。",
    "revoked": "证照已被吊销或撤销，无效。",
    "cancelled": "证照已注销，无效。",
    "replaced": "证照已换发新版本，请以新版本为准。",
}


def _version(
    actor: Actor, kind: LicenceType, holder: int, fields: Mapping[str, str], issuer: Organisation, valid_from: date, valid_to: date | None, number: str, version: int,
    *, case: int | None = None, previous: Licence | None = None,
) -> Licence:  # fmt: skip
    issuing = issuer.uscc or issuer.key.split("@")[-1]
    kind_code = kind.code or _local_code(kind)
    identifier = identifiers.licence_identifier(kind_code, issuing, "".join(c for c in number if c.isalnum() and c.isascii()).upper(), version)
    made = Licence(
        identifier=identifier, type=kind, number=number, version=version, holder_id=holder, issuer=issuer, fields=dict(fields), valid_from=valid_from,
        valid_to=valid_to, case=case, previous=previous,
    )
    made.file = documents.store(_face(actor, made), name=f"{kind.name}.pdf", owner=holder, case=case)
    made.save()
    return made


def _local_code(kind: LicenceType) -> str:
    """A type whose national code has not been entered is numbered by this node: its credit code stands for the defining authority."""
    place = list(LicenceType.objects.order_by("key").values_list("key", flat=True)).index(kind.key) + 1
    return f"{settings.NODE_USCC}{place:03d}"


def _face(actor: Actor, licence: Licence) -> bytes:
    holder = parties.facts_of(licence.holder_id)
    until = f"{licence.valid_from} 至 {licence.valid_to}" if licence.valid_to else f"{licence.valid_from} 起长期有效"
    shown = {name: value for name, value in licence.fields.items() if value and name != "许可证编号"} or {"持有人": holder.name}
    data = {
        "title": licence.type.name, "organ": licence.issuer.name, "number": licence.number, "identifier": licence.identifier,
        "date": timezone.localdate().isoformat(), "qr": documents.qr(f"{settings.PUBLIC_URL}/verify/{licence.identifier}"),
        "rows": [*({"name": n, "value": v} for n, v in shown.items()), {"name": "有效期", "value": until}],
    }
    return documents.seal(actor, documents.render("licence", data), licence.issuer, what=f"{licence.type.name} {licence.number}")


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
