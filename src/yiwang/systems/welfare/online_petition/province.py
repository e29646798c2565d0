"""The wire to the province's petition system: what is registered and how it goes on is told upwards, what is sent down is registered here once for its number."""

import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from yiwang.base.errors import Invalid, YiwangError
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Division
from yiwang.kit.actors import SYSTEM
from yiwang.kit.rowsecurity import elevated
from yiwang.systems.welfare.online_petition import wire
from yiwang.systems.welfare.online_petition.models import Exchange, Peer, Petition


def tell(petition: Petition, case: Any, state: str) -> None:
    """One report for every system above; an accusation goes up without its words, which the organ of discipline alone reads."""
    for peer in Peer.objects.filter(kind=Peer.Kind.ABOVE, active=True):
        body = {
            "number": case.number, "outside": petition.outside if petition.channel == Petition.Channel.ABOVE else "", "state": state, "kind": petition.kind, "channel": petition.channel,
            "matter": petition.matter_id or "", "division": petition.division_id, "organ": case.organ.name, "people": petition.people, "at": timezone.now().isoformat(),
            "title": "" if petition.is_accusation else petition.title,
        }  # fmt: skip
        wire.queue(petition, peer, Exchange.What.REPORT, body)


def take(peer: str, path: str, headers: Mapping[str, str], content: bytes) -> Petition:
    """What the province sends down, registered once for its number. Raises NotFound, Tampered, Invalid; every refusal is on the record."""
    above = wire.proven(peer, Peer.Kind.ABOVE, path, headers, content)
    try:
        with elevated(), transaction.atomic():  # the province is not a party; the signature is its right
            return _register(above, content, headers.get("X-Signature", ""))
    except YiwangError as problem:
        wire.refused(above, problem)
        raise


def _register(above: Peer, content: bytes, signature: str) -> Petition:
    from yiwang.systems.welfare.online_petition import filing  # filing tells the province, so it imports this module

    said = read(content)
    known = Petition.objects.select_related("case").filter(outside=said["number"]).first()
    if known:
        return known
    made: Petition = filing.file(SYSTEM, filing_of(said, key=f"above:{said['number']}", channel=Petition.Channel.ABOVE, outside=said["number"]), petitioner=person_of(said))
    answer = {"result": "ok", "number": made.case.number}
    Exchange.objects.create(
        peer=above, petition=made, direction=Exchange.Direction.IN, what=Exchange.What.SENT_DOWN, key=said["number"][:80], body=said, signature=signature, answer=answer, done_at=timezone.now()
    )  # fmt: skip
    return made


def filing_of(said: dict[str, Any], *, key: str, channel: str, outside: str, lodged: int | None = None) -> Any:
    """The petition as another system tells it, as ours registers it."""
    from yiwang.systems.welfare.online_petition import filing

    accused = tuple({"name": str(a.get("name", "")), "organ": str(a.get("organ", ""))} for a in said.get("accused", ()))
    return filing.Filing(
        key=key, kind=said["kind"], title=said["title"][:60], words=said["words"][:5000], claims=str(said.get("claims", ""))[:1000], division=said["division"],
        channel=channel, contact=str(said.get("phone", ""))[:20], outside=outside, accused=accused, secret=said.get("secret") is True, lodged=lodged,
    )  # fmt: skip


def person_of(said: dict[str, Any]) -> int:
    """The petitioner: found by number where one is given, else somebody of their own."""
    from yiwang.systems.welfare.online_petition import filing

    if said.get("id_number"):
        return parties.find_or_register_person(SYSTEM, name=said["name"], number=str(said["id_number"]), division=said["division"])[0].pk
    return filing.stranger(said["name"][:120], str(said.get("phone", ""))[:20], said["division"]).pk


def read(content: bytes) -> dict[str, Any]:
    """A petition as another system sends it. Raises Invalid with what is missing."""
    try:
        said = json.loads(content)
    except ValueError:
        raise Invalid("内容不是 JSON。") from None
    return complete(said)


def complete(said: Any) -> dict[str, Any]:
    """Raises Invalid with what is missing."""
    needed = ("number", "kind", "title", "words", "division", "name")
    missing = [name for name in needed if not isinstance(said, dict) or not isinstance(said.get(name), str) or not said[name]]
    if missing or said["kind"] not in Petition.Kind.values or not Division.objects.filter(pk=said["division"]).exists():
        raise Invalid("转送内容不完整。", fields=dict.fromkeys(missing or ("kind", "division"), "缺少或者不正确"))
    return dict(said)
