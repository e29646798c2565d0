"""The record: what was done, who looked, and the proof that nobody changed it afterwards."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Model, QuerySet

from yiwang.engines.audit.checking import ask_check
from yiwang.engines.audit.models import Access, Entry, Withheld
from yiwang.engines.audit.sealing import Proof, check_chain, prove, seal_batch
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor

__all__ = ["Proof", "accesses", "ask_check", "check_chain", "prove", "record", "record_access", "seal_batch", "withhold"]


def record(
    actor: Actor,
    action: str,
    *,
    subject: Model | None = None,
    summary: str = "",
    detail: Mapping[str, Any] | None = None,
    case: int | None = None,
    organ: int | None = None,
) -> Entry:
    """One entry, in the caller's transaction: it stands if and only if what it tells of stands."""
    return Entry.objects.create(
        actor=actor.name or actor.client or "访客",
        account=actor.account,
        party=actor.party,
        acting_for=actor.acting_for,
        organ=organ or next((seat.organ for seat in actor.seats), None),
        client=actor.client,
        address=actor.address,
        action=action,
        subject_type=subject._meta.label_lower if subject is not None else "",
        subject_id=str(subject.pk) if subject is not None else "",
        case=case,
        summary=summary[:300],
        detail=dict(detail or {}),
    )


def record_access(actor: Actor, *, party: int, what: str, purpose: str, case: int | None = None, fields: Sequence[str] = ()) -> None:
    """One look at the data of `party`. Looking at one's own is not recorded."""
    if party in (actor.party, actor.acting_for):
        return
    seat = actor.seats[0] if actor.seats else None
    Access.objects.create(
        party=party,
        actor=actor.name or actor.client or "系统",
        account=actor.account,
        organ=seat.organ if seat else None,
        organ_name=seat.organ_name if seat else actor.client,
        what=what,
        fields=list(fields),
        purpose=purpose,
        case=case,
    )


def withhold(case: int, *, parties: Iterable[int] = (), organs: Iterable[int] = ()) -> None:
    """From now on these people, and whoever has a post in these offices, learn nothing of the case. Saying it twice is harmless."""
    rows = [Withheld(case=case, party=party) for party in parties] + [Withheld(case=case, organ=organ) for organ in organs]
    Withheld.objects.bulk_create(rows, ignore_conflicts=True)


def accesses(actor: Actor) -> "QuerySet[Access]":
    """谁看过我的信息: newest first."""
    return restrict(actor, Access.objects.all()).order_by("-at", "-id")
