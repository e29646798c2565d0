"""What every connected system shares: messages that leave once their cause stands and are tried until they are taken; proof of who speaks to us.

JSON over HTTPS, each request signed with Ed25519 (`base.signed`). An outgoing message is written in the transaction of its cause and sent after it, the
messages of one petition in the order of their causes; its id is the key by which the other side takes it once. The protocol is in docs/systems/online_petition.md.
"""

import json
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.utils import timezone

from yiwang.base import signed
from yiwang.base.errors import NotFound, YiwangError
from yiwang.engines.audit import api as audit
from yiwang.kit.actors import SYSTEM
from yiwang.kit.rowsecurity import elevated
from yiwang.systems.welfare.online_petition import secrecy
from yiwang.systems.welfare.online_petition.jobs import send_exchange
from yiwang.systems.welfare.online_petition.models import Exchange, Peer, Petition

TIMEOUT = 10  # seconds
LONGEST = 2_000_000  # bytes of a message that comes in
PATHS = {Peer.Kind.ABOVE: "/reports", Peer.Kind.OFFICE: "/petitions"}
SIGNS = ("X-Time", "X-Nonce", "X-Signature")
WAITING = {"direction": Exchange.Direction.OUT, "done_at": None, "dropped_at": None}
log = logging.getLogger(__name__)


def queue(petition: Petition, peer: Peer, what: str, body: dict[str, Any]) -> Exchange:
    """Writes one message in the caller's transaction; it leaves when that is committed."""
    with elevated():  # a citizen's step tells other systems too
        row = Exchange.objects.create(petition=petition, peer=peer, what=what, body=body)
    send_exchange.defer(exchange=row.pk)
    return row


def send(exchange: int) -> bool:
    """Sends one message, after those of the same petition to the same system that still wait. False where nothing was to be sent.

    Raises httpx errors, so that the job is tried again; what happened is kept in words.
    """
    row = Exchange.objects.select_related("peer").get(pk=exchange)
    if row.done_at or row.dropped_at or not row.peer.active:
        return False
    before = Exchange.objects.filter(**WAITING, petition=row.petition_id, peer=row.peer_id, pk__lte=row.pk)
    for waiting in before.select_related("peer", "petition").order_by("pk"):
        _deliver(waiting)
    return True


def send_waiting(limit: int = 500) -> int:
    """What no job has got through yet, the oldest first. A system that cannot be reached is left alone until the next round, one that refuses a
    message only with that petition. Returns how many were taken."""
    import httpx  # only where something is sent

    taken, silent, stuck = 0, set(), set()
    rows = Exchange.objects.filter(**WAITING, peer__active=True, made_at__lt=timezone.now() - timedelta(minutes=2)).order_by("pk")
    for pk, peer, petition in rows.values_list("pk", "peer", "petition")[:limit]:
        if peer in silent or (peer, petition) in stuck:
            continue
        try:
            taken += send(pk)
        except httpx.HTTPStatusError as problem:
            stuck.add((peer, petition))
            silent |= {peer} if problem.response.status_code >= 500 else set()
        except (httpx.HTTPError, OSError) as problem:
            silent.add(peer)
            log.warning("exchange %s: %s", pk, problem)
    return taken


def _deliver(row: Exchange) -> None:
    """Raises httpx errors. What has become secret from the other side since it was written is dropped unsent, words and all."""
    import httpx

    if row.peer.organ_id and not secrecy.may_leave(row.petition, row.peer.organ_id):
        Exchange.objects.filter(pk=row.pk).update(dropped_at=timezone.now(), body={}, problem="依照保密规定不再发送")
        return
    tried: dict[str, Any] = {"tries": row.tries + 1}
    try:
        said = _post(row.peer, json.dumps({"key": str(row.pk), "what": row.what, **row.body}, ensure_ascii=False).encode())
    except (httpx.HTTPError, OSError) as problem:
        Exchange.objects.filter(pk=row.pk).update(problem=_why(problem), **tried)
        raise
    Exchange.objects.filter(pk=row.pk).update(done_at=timezone.now(), problem="", answer=said, **tried)


def _post(peer: Peer, content: bytes) -> dict[str, Any]:
    import httpx

    url = peer.url + PATHS[Peer.Kind(peer.kind)]
    key = serialization.load_pem_private_key((settings.KEYS / peer.key_file).read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    headers = {"X-Account": peer.account, "Content-Type": "application/json", **signed.sign(key, "POST", urlsplit(url).path, content)}
    answer = httpx.post(url, content=content, headers=headers, timeout=TIMEOUT).raise_for_status()
    try:
        said = answer.json()
    except ValueError:
        said = {}
    return {name: str(value)[:200] for name, value in said.items() if name in ("result", "number")} if isinstance(said, dict) else {}


def _why(problem: Exception) -> str:
    """Why a message was not taken, for whoever looks at the page."""
    import httpx

    if isinstance(problem, httpx.HTTPStatusError):
        return _said(problem.response.status_code, problem.response.text)
    return f"对方系统 {TIMEOUT} 秒内没有答复" if isinstance(problem, httpx.TimeoutException) else "连接不上对方系统"


def _said(status: int, text: str) -> str:
    """What the other side means, with its own words where it gave some (`problem`)."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    words = str(answer.get("problem", ""))[:140] if isinstance(answer, dict) else ""
    meaning = "对方系统暂时不能接收" if status >= 500 else "对方系统不认可我方的签名，请核对密钥" if status in (401, 403) else "对方系统拒绝接收"
    return f"{meaning}（状态 {status}）{'：' + words if words else ''}"


def proven(code: str, kind: str, path: str, headers: Mapping[str, str], content: bytes, *, method: str = "POST") -> Peer:
    """Whoever sent exactly this, just now. Raises NotFound, Tampered; a refusal is on the record."""
    peer = Peer.objects.select_related("organ__division").filter(pk=code, kind=kind, active=True).first()
    if peer is None:
        raise NotFound("没有这个对接的信访系统，或者已经暂停。")
    try:
        stamp, nonce, signature = (headers.get(name, "") for name in SIGNS)
        signed.check(peer.public_key, method, path, stamp, nonce, signature, content)
    except YiwangError as problem:
        refused(peer, problem)
        raise
    return peer


def refused(peer: Peer, problem: YiwangError) -> None:
    """Keeps the last refusal with the system it came from, and every one on the record."""
    with elevated():  # nobody is signed in
        audit.record(SYSTEM, f"petition.{peer.kind}-refused", summary=f"{peer.name}：{problem.message}")
        Peer.objects.filter(pk=peer.pk).update(refused_at=timezone.now(), refusal=problem.message[:200])
