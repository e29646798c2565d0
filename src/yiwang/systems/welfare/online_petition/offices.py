"""What goes to the system of a single department: a petition transferred to it, letters of supervision, and what others do meanwhile to a petition that lies there."""

from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from yiwang.base.errors import NotFound
from yiwang.engines.documents.models import File
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.systems.welfare.online_petition import limits, secrecy, wire
from yiwang.systems.welfare.online_petition.models import Exchange, Material, Peer, Petition, Supervision, Transfer

HANDED = Q(direction=Exchange.Direction.OUT, what=Exchange.What.TRANSFER) | Q(direction=Exchange.Direction.IN, what=Exchange.What.REGISTERED)


def client_of(peer: Peer) -> str:
    """By which name the system's acts stand on the record."""
    return f"peer:{peer.code}"


def hand(petition: Petition, case: Any, sent: Transfer) -> Exchange | None:
    """A petition that goes to an office with a system of its own goes to that system, unless it must not leave (`secrecy.may_leave`); then people there handle it here."""
    peer = Peer.objects.filter(organ=sent.receiver_id, active=True).first()
    if peer is None or not secrecy.may_leave(petition, sent.receiver_id or 0):
        return None
    return wire.queue(petition, peer, Exchange.What.TRANSFER, {**_letter(petition, case), **_order(petition, sent, peer)})


def tell(petition: Petition, case: Any, state: str, actor: Actor, words: str = "") -> None:
    """The system in which the petition lies hears what somebody else did to it: withdrawn, ended, answered by hand here."""
    peer = holder(petition, case.organ_id)
    if peer and actor.client != client_of(peer):
        wire.queue(petition, peer, Exchange.What.STATE, {"number": case.number, "state": state, "words": words[:500], "at": timezone.now().isoformat()})


def press(asked: Supervision) -> None:
    """督查, 督办 of an office that handles the petition in its own system."""
    peer = holder(asked.petition, asked.organ_id)
    if peer:
        body = {"number": asked.case.number, "supervision": str(asked.pk), "kind": asked.get_kind_display(), "reason": asked.reason, "due_at": asked.due_at.isoformat()}
        wire.queue(asked.petition, peer, Exchange.What.SUPERVISION, body)


def holder(petition: Petition, organ: int) -> Peer | None:
    """The system of that office if the petition was handed to it, or began in it, and has not been taken back since."""
    with elevated():  # a petitioner's step asks too
        last = Exchange.objects.filter(HANDED, petition=petition, peer__organ=organ).select_related("peer").order_by("-pk").first()
    return last.peer if last else None


def file_for(peer: Peer, material: int) -> File:
    """A file of a petition that lies with that system now. The same NotFound for any other."""
    with elevated():  # its signature is its right
        found = Material.objects.filter(pk=material).select_related("file", "petition__case").first()
        lies = found and found.petition.case.organ_id == peer.organ_id and holder(found.petition, peer.organ_id or 0) and secrecy.may_leave(found.petition, peer.organ_id or 0)
    if found is None or not lies:
        raise NotFound("没有这份材料，或者它的信访件不在贵单位办理。")
    return found.file


def _letter(petition: Petition, case: Any) -> dict[str, Any]:
    """What the office needs to handle it. Who asked for secrecy is not named; letters and notices reach them from here."""
    person = {} if petition.secret or petition.anonymous else {"name": case.applicant.name, "phone": petition.contact}
    speakers = [] if petition.secret else list(petition.members.filter(represents=True).values_list("name", flat=True))
    accused = [{"name": a.name, "title": a.title, "organ": a.organ.name if a.organ else ""} for a in petition.accused.select_related("organ")] if petition.is_accusation else []
    return {
        "number": case.number, "kind": petition.kind, "route": petition.route, "channel": petition.channel, "matter": petition.matter_id or "",
        "matter_name": str(petition.matter or ""), "division": petition.division_id, "place": [petition.point.x, petition.point.y] if petition.point else None,
        "title": petition.title, "words": petition.words, "claims": petition.claims, "people": petition.people, "representatives": speakers,
        "person": person, "secret": petition.secret, "accused": accused, "registered_at": petition.registered_at.isoformat(),
        "previous": petition.previous.case.number if petition.previous else "",
    }  # fmt: skip


def _order(petition: Petition, sent: Transfer, peer: Peer) -> dict[str, Any]:
    """What is asked of the office and until when, as our clocks begin now; where its answers go."""
    now, place = timezone.now(), petition.division_id
    return {
        "manner": sent.manner, "order": sent.words, "sender": sent.sender.name, "report_by": sent.due_at.isoformat() if sent.due_at else "",
        "tell_by": limits.end(limits.value("tell-days", place), "calendar", now).isoformat(),
        "object_by": limits.end(limits.value("object-days", place), "working", now).isoformat(),
        "files": [
            {"id": str(m.pk), "name": m.name, "media_type": m.file.media_type, "size": m.file.size, "sha256": m.file.digest, "url": f"{settings.PUBLIC_URL}/petitions/peers/{peer.code}/files/{m.pk}"}
            for m in petition.materials.select_related("file").order_by("pk")
        ],
        "handle_days": limits.value("handle-days", place), "events": f"{settings.PUBLIC_URL}/petitions/peers/{peer.code}",
    }  # fmt: skip
