"""The wire to the province's petition system: what is registered and how it goes on is told upwards, what is sent down is registered here.

JSON over HTTPS, each request signed with Ed25519 (`base.signed`). A report is written in the transaction of its cause and sent after it, again and again
until it is taken; its id is the key by which the other side takes it once. What comes down is registered once for the province's number.
"""

import json
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from yiwang.base import signed
from yiwang.base.errors import Invalid, NotFound, YiwangError
from yiwang.engines.audit import api as audit
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Division
from yiwang.kit.actors import SYSTEM
from yiwang.kit.rowsecurity import elevated
from yiwang.systems.welfare.online_petition.models import Peer, Petition, Report

TIMEOUT = 10  # seconds
log = logging.getLogger(__name__)


def tell(petition: Petition, case: Any, state: str) -> None:
    """Writes one report for every system above; an accusation goes up without its words, which the organ of discipline alone reads."""
    from yiwang.systems.welfare.online_petition.jobs import send_report  # the job module imports this one

    for peer in Peer.objects.filter(active=True):
        body = {
            "number": case.number, "outside": petition.outside, "state": state, "kind": petition.kind, "channel": petition.channel, "matter": petition.matter_id or "",
            "division": petition.division_id, "organ": case.organ.name, "people": petition.people, "at": timezone.now().isoformat(),
            "title": "" if petition.is_accusation else petition.title,
        }  # fmt: skip
        with elevated():  # a citizen's step tells the province too
            report = Report.objects.create(petition=petition, peer=peer, body=body)
        send_report.defer(report=report.pk)


def send(report: int) -> bool:
    """Sends one report; False where it had been taken before. Raises Unavailable-like httpx errors, so that the job is tried again."""
    import httpx  # only where something is sent

    row = Report.objects.select_related("peer").get(pk=report)
    if row.sent_at:
        return False
    content = json.dumps({"key": str(row.pk), **row.body}, ensure_ascii=False).encode()
    try:
        _post(row.peer, "/reports", content)
    except (httpx.HTTPError, OSError) as problem:
        Report.objects.filter(pk=row.pk).update(tries=row.tries + 1, problem=str(problem)[:200])
        raise
    Report.objects.filter(pk=row.pk).update(sent_at=timezone.now(), tries=row.tries + 1, problem="")
    return True


def send_waiting(limit: int = 200) -> int:
    """What no job has got through yet, the oldest first; a province that does not answer is left alone until the next round. Returns how many were taken."""
    import httpx

    taken = 0
    for pk in Report.objects.filter(sent_at=None, made_at__lt=timezone.now() - timedelta(minutes=2)).order_by("made_at").values_list("pk", flat=True)[:limit]:
        try:
            taken += send(pk)
        except (httpx.HTTPError, OSError) as problem:
            log.warning("report %s: %s", pk, problem)
            break
    return taken


def _post(peer: Peer, path: str, content: bytes) -> None:
    import httpx

    key = serialization.load_pem_private_key((settings.KEYS / peer.key_file).read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    headers = {"X-Account": peer.account, "Content-Type": "application/json", **signed.sign(key, "POST", path, content)}
    httpx.post(peer.url + path, content=content, headers=headers, timeout=TIMEOUT).raise_for_status()


def take(peer: str, path: str, headers: Mapping[str, str], content: bytes) -> Petition:
    """What the province sends down, registered once for its number. Raises NotFound, Tampered, Invalid; every refusal is on the record."""
    above = Peer.objects.filter(pk=peer, active=True).first()
    if above is None:
        raise NotFound("没有这个上级信访系统。")
    try:
        stamp, nonce, signature = (headers.get(name, "") for name in ("X-Time", "X-Nonce", "X-Signature"))
        signed.check(above.public_key, "POST", path, stamp, nonce, signature, content)
        with elevated(), transaction.atomic():  # the province is not a party; the signature is its right
            return _register(content)
    except YiwangError as problem:
        audit.record(SYSTEM, "petition.above-refused", summary=f"{above.name}：{problem.message}")
        raise


def _register(content: bytes) -> Petition:
    from yiwang.systems.welfare.online_petition import filing  # filing tells the province, so it imports this module

    said = _read(content)
    known = Petition.objects.select_related("case").filter(outside=said["number"]).first()
    if known:
        return known
    person = _person(said)
    accused = tuple({"name": str(a.get("name", "")), "organ": str(a.get("organ", ""))} for a in said.get("accused", ()))
    return filing.file(
        SYSTEM,
        filing.Filing(
            key=f"above:{said['number']}", kind=said["kind"], title=said["title"][:60], words=said["words"][:5000], claims=str(said.get("claims", ""))[:1000],
            division=said["division"], channel=Petition.Channel.ABOVE, contact=str(said.get("phone", ""))[:20], outside=said["number"], accused=accused,
        ),
        petitioner=person,
    )  # fmt: skip


def _person(said: dict[str, Any]) -> int:
    from yiwang.systems.welfare.online_petition import filing

    if said.get("id_number"):
        return parties.find_or_register_person(SYSTEM, name=said["name"], number=str(said["id_number"]), division=said["division"])[0].pk
    return filing.stranger(said["name"][:120], str(said.get("phone", ""))[:20], said["division"]).pk


def _read(content: bytes) -> dict[str, Any]:
    try:
        said = json.loads(content)
    except ValueError:
        raise Invalid("内容不是 JSON。") from None
    needed = ("number", "kind", "title", "words", "division", "name")
    missing = [name for name in needed if not isinstance(said, dict) or not isinstance(said.get(name), str) or not said[name]]
    if missing or said["kind"] not in Petition.Kind.values or not Division.objects.filter(pk=said["division"]).exists():
        raise Invalid("转送内容不完整。", fields=dict.fromkeys(missing or ("kind", "division"), "缺少或者不正确"))
    return dict(said)
