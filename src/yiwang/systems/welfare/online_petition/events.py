"""What the system of a department says: each event takes the same step, with the same clocks and guards, as an official of that office would by hand.

Once for its key, in the order of its numbers; what the state refuses is refused in words, with the state, and leaves nothing half-written. The signature
stands for the office: who did it there is named in the history beside the system that said so.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotFound, YiwangError
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Case
from yiwang.kit.actors import Actor, Seat
from yiwang.kit.rowsecurity import elevated
from yiwang.systems.welfare.online_petition import filing, offices, province, secrecy, wire
from yiwang.systems.welfare.online_petition.models import Exchange, Peer, Petition

ROLES = frozenset(("petition-handler", "petition-head"))
REPLY = ("claims", "found", "result", "answer", "basis")
What = Exchange.What


def take(code: str, path: str, headers: Mapping[str, str], content: bytes) -> tuple[int, dict[str, Any]]:
    """Status and answer to one event. Raises NotFound, Tampered for who is not known, Invalid for what cannot be read."""
    peer = wire.proven(code, Peer.Kind.OFFICE, path, headers, content)
    said: dict[str, Any] = {}
    try:
        said = _read(content)
        with elevated(), transaction.atomic():  # the office's system is nobody's account; its signature is its right, the checks are below
            return 200, _once(peer, said, headers.get("X-Signature", ""))
    except YiwangError as problem:
        wire.refused(peer, problem)
        with elevated():
            return problem.status, _refusal(peer, said, problem, headers.get("X-Signature", ""))


def actor_of(peer: Peer, name: str) -> Actor:
    """Somebody of the office, as its system names them: with the posts of that office in petitions, and no others."""
    assert peer.organ is not None
    seat = Seat(post=0, title="系统对接", organ=peer.organ.pk, organ_name=peer.organ.name, division=peer.organ.division.prefix, roles=ROLES)
    return Actor(name=f"{name[:20]}（{peer.name}）"[:60], seats=(seat,), client=offices.client_of(peer))


def _read(content: bytes) -> dict[str, Any]:
    try:
        said = json.loads(content) if len(content) <= wire.LONGEST else None
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Invalid("内容不是 JSON，或者太大。")
    wrong = [name for name in ("id", "what", "number", "by") if not isinstance(said.get(name), str) or not said[name].strip()]
    wrong += ["id"] if len(str(said.get("id", ""))) > 80 else []
    wrong += ["what"] if said.get("what") not in ACTS else []
    wrong += ["sequence"] if said.get("what") != What.REGISTERED and not isinstance(said.get("sequence"), int) else []
    if wrong:
        raise Invalid("报文不完整。", fields=dict.fromkeys(wrong, "缺少或者不正确"))
    return said


def _once(peer: Peer, said: dict[str, Any], signature: str) -> dict[str, Any]:
    Peer.objects.select_for_update(of=("self",), no_key=True).get(pk=peer.pk) if said["what"] == What.REGISTERED else None  # two registrations of one letter wait for each other
    petition = _lodged(peer, said) if said["what"] == What.REGISTERED else _lying_with(peer, said)
    known = Exchange.objects.filter(peer=peer, key=said["id"], direction=Exchange.Direction.IN, done_at__isnull=False).first()
    if known:
        return dict(known.answer)
    if said["what"] != What.REGISTERED:
        _in_order(peer, petition, said["sequence"])
        ACTS[said["what"]](peer, petition, said)
    case = Case.objects.get(pk=petition.case_id)
    state = case.declared.state(case.state)
    answer = {"result": "ok", "number": case.number, "state": state.code, "state_name": state.name}
    values = {"petition": petition, "what": said["what"], "body": said, "signature": signature, "answer": answer, "done_at": timezone.now(), "problem": ""}
    Exchange.objects.update_or_create(peer=peer, key=said["id"], direction=Exchange.Direction.IN, defaults=values)
    return answer


def _lying_with(peer: Peer, said: dict[str, Any]) -> Petition:
    """A petition that was handed to this system, its case locked. The same refusal for what was not, does not exist, or must not be known."""
    found = Petition.objects.filter(case__number=said["number"], exchanges__in=Exchange.objects.filter(offices.HANDED, peer=peer)).first()
    if found is None or peer.organ_id is None or not secrecy.may_leave(found, peer.organ_id):
        raise NotFound("没有转送给贵单位的这件信访件。", hint="请核对编号。")
    procedures.lock(actor_of(peer, said["by"]), found.case_id)
    return found


def _in_order(peer: Peer, petition: Petition, number: int) -> None:
    """The events of a petition are counted from 1, so that none overtakes another on the way."""
    expected = _next(peer, petition)
    if number != expected:
        raise Conflict(f"应当先收到第 {expected} 号，收到的是第 {number} 号。", hint="请按顺序重新发送。")


def _next(peer: Peer, petition: Petition) -> int:
    return 1 + Exchange.objects.filter(peer=peer, petition=petition, direction=Exchange.Direction.IN, done_at__isnull=False).exclude(what=What.REGISTERED).count()


def _refusal(peer: Peer, said: dict[str, Any], problem: YiwangError, signature: str) -> dict[str, Any]:
    """The reason in words, the state it met and the number that comes next; kept with the petition, where there is one, until the same event is taken."""
    fields = problem.fields if isinstance(problem, Invalid) else {}
    words = "；".join((problem.message, *fields.values()))[:200]
    answer: dict[str, Any] = {"result": "refused", "problem": words, "hint": problem.hint, "fields": dict(fields)}
    petition = Petition.objects.filter(case__number=said.get("number", ""), exchanges__in=Exchange.objects.filter(offices.HANDED, peer=peer)).first() if said else None
    if petition is None or isinstance(problem, NotFound):
        return answer
    case = Case.objects.get(pk=petition.case_id)
    answer |= {"number": case.number, "state": case.state, "state_name": case.declared.state(case.state).name, "expected": _next(peer, petition)}
    row, fresh = Exchange.objects.get_or_create(
        peer=peer, key=said["id"], direction=Exchange.Direction.IN, defaults={"petition": petition, "what": said["what"], "body": said, "signature": signature, "problem": words, "tries": 1, "answer": answer}
    )  # fmt: skip
    if not fresh and row.done_at is None:
        Exchange.objects.filter(pk=row.pk).update(problem=words, tries=row.tries + 1, answer=answer)
    return answer


# --- what each event does ----------------------------------------------------------------------------------------------------------------------


def _lodged(peer: Peer, said: dict[str, Any]) -> Petition:
    """A petition that the office registered itself is entered here once (第二十一条) and lies with it already."""
    outside = f"{peer.code}:{said['number']}"
    known = Petition.objects.filter(outside=outside).first()
    if known:
        return known
    letter = province.complete(said)
    asked = province.filing_of(letter, key=outside[:80], channel=Petition.Channel.OFFICE, outside=outside, lodged=peer.organ_id)
    return filing.file(actor_of(peer, said["by"]), asked, petitioner=province.person_of(letter))


def _perform(peer: Peer, petition: Petition, said: dict[str, Any], *steps: tuple[str, dict[str, Any], str]) -> None:
    for step, data, name in steps:
        procedures.perform(actor_of(peer, name), petition.case_id, step, data)


def _text(said: dict[str, Any], name: str) -> str:
    return str(said.get(name) or "").strip()


def _signer(said: dict[str, Any]) -> str:
    """Who signed there is named, and is not who wrote it: the rule of our own desks (`effects.own_draft`)."""
    signer = _text(said, "signed_by")
    if not signer or signer == said["by"].strip():
        raise Invalid("签发人应当是经办人以外的负责人。", fields={"signed_by": "请写明批准或者签发的负责人"})
    return signer


def _received(peer: Peer, petition: Petition, said: dict[str, Any]) -> None:
    """Nothing moves; its number there is kept with the message."""


def _accepted(peer: Peer, petition: Petition, said: dict[str, Any]) -> None:
    _perform(peer, petition, said, ("accept", {"opinion": _text(said, "words")}, said["by"]))


def _objected(peer: Peer, petition: Petition, said: dict[str, Any]) -> None:
    _perform(peer, petition, said, ("object", {"reason": _text(said, "words")}, said["by"]))


def _declined(peer: Peer, petition: Petition, said: dict[str, Any]) -> None:
    data = {"route": _text(said, "route"), "reason": _text(said, "words"), "way": _text(said, "way"), "handed_to": _text(said, "handed_to"), "item_name": _text(said, "item"), "body": _text(said, "body")}
    _perform(peer, petition, said, ("decline", data, said["by"]))


def _extended(peer: Peer, petition: Petition, said: dict[str, Any]) -> None:
    """More time, granted there by the head of the office (第三十四条); our clock knows how much the law allows."""
    amount = said.get("days")
    procedures.extend(actor_of(peer, _signer(said)), petition.case_id, clock="handle", amount=amount if isinstance(amount, int) else 0, reason=_text(said, "words"))


def _answered(peer: Peer, petition: Petition, said: dict[str, Any]) -> None:
    """The opinion of the office (第三十二条), written by one and signed by another there; numbered and sealed here like every other."""
    signer = _signer(said)
    _perform(peer, petition, said, ("propose", {name: _text(said, name) for name in REPLY}, said["by"]), ("sign", {"opinion": ""}, signer))


def _reported(peer: Peer, petition: Petition, said: dict[str, Any]) -> None:
    _perform(peer, petition, said, ("report", {"opinion": _text(said, "words")}, said["by"]))


def _ended(peer: Peer, petition: Petition, said: dict[str, Any]) -> None:
    reason = {"reason": _text(said, "words")}
    _perform(peer, petition, said, ("ask_end", reason, said["by"]), ("terminate", reason, _signer(said)))


def _pressed(peer: Peer, petition: Petition, said: dict[str, Any]) -> None:
    number = _text(said, "supervision")
    found = petition.supervisions.filter(pk=int(number), organ=peer.organ_id).first() if number.isdecimal() else None
    if found is None:
        raise NotFound("没有发给贵单位的这份督办。")
    filing.answer_supervision(actor_of(peer, said["by"]), found.pk, words=_text(said, "words"))


ACTS: dict[str, Callable[[Peer, Petition, dict[str, Any]], None]] = {
    What.REGISTERED: _received, What.RECEIVED: _received, What.ACCEPTED: _accepted, What.OBJECTED: _objected, What.DECLINED: _declined, What.EXTENDED: _extended,
    What.ANSWERED: _answered, What.REPORTED: _reported, What.ENDED: _ended, What.PRESSED: _pressed,
}  # fmt: skip
