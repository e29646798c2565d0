"""The connected systems as people look after them: how each stands, sending again, registering, pausing, changing keys."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.parties.models import Organisation
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.systems.welfare.online_petition import wire
from yiwang.systems.welfare.online_petition.models import Exchange, Peer

OUT, IN = Exchange.Direction.OUT, Exchange.Direction.IN
LAG = timedelta(minutes=15)  # a message that waits longer than a round of tries has been left behind
CROWD = 50  # so many that wait are a queue, however young


@dataclass(frozen=True)
class Line:
    """How the wire to one system stands."""

    peer: Peer
    lamp: tuple[str, str]  #: colour and words
    waiting: int
    oldest: datetime | None
    sent: datetime | None
    heard: datetime | None


def lines(actor: Actor) -> list[Line]:
    """Every connected system, the broken ones first. Counts only: who is behind a message is read message by message."""
    now, waits = timezone.now(), Q(exchanges__direction=OUT, exchanges__done_at=None, exchanges__dropped_at=None)
    with elevated():  # a number of messages tells nothing of whom they are about
        rows = list(
            restrict(actor, Peer.objects.select_related("organ")).annotate(
                waiting=Count("exchanges", filter=waits), failing=Count("exchanges", filter=waits & ~Q(exchanges__problem="")), oldest=Min("exchanges__made_at", filter=waits),
                sent=Max("exchanges__done_at", filter=Q(exchanges__direction=OUT)), heard=Max("exchanges__done_at", filter=Q(exchanges__direction=IN)),
            )
        )  # fmt: skip
    found = [Line(p, lamp(p.active, p.waiting, p.failing, now - p.oldest if p.oldest else None), p.waiting, p.oldest, p.sent, p.heard) for p in rows]
    return sorted(found, key=lambda line: ("bad", "warn", "", "good").index(line.lamp[0]))


def lamp(active: bool, waiting: int, failing: int, age: timedelta | None) -> tuple[str, str]:
    """Colour and words: 暂停 (by the administrator), 中断 (what was tried has failed), 积压 (waits too long, or too many), 连通."""
    if not active:
        return "", "暂停"
    if failing:
        return "bad", "中断"
    return ("warn", "积压") if waiting > CROWD or (age or timedelta()) > LAG else ("good", "连通")


def send_again(actor: Actor, exchange: int) -> Exchange:
    """Tries one waiting message, and those before it, at once; whether it was taken stands in the row. Raises NotFound, Conflict."""
    import httpx

    row = restrict(actor, Exchange.objects.filter(pk=exchange, direction=OUT)).select_related("peer").first()
    if row is None:
        raise NotFound("没有找到这条往来。")
    if row.done_at:  # a job got it through meanwhile
        return row
    if row.dropped_at:
        raise Conflict("这条往来依照保密规定不再发送。")
    if not row.peer.active:
        raise Conflict("对方系统已经暂停对接，恢复以后会自动发送。")
    with elevated():  # the messages before it may be of nobody's desk
        with suppress(httpx.HTTPError, OSError):  # why is in the row
            wire.send(row.pk)
        row.refresh_from_db()
    audit.record(actor, "petition.send-again", subject=row, summary=f"重新发送：{row.peer.name} {row.get_what_display()}", case=row.petition.case_id)
    return row


@transaction.atomic
def keep(actor: Actor, code: str, *, name: str, organ: int | None, url: str, account: str, public_key: str) -> Peer:
    """Registers a system, or changes one: a department's with its office, the province's without. A key pair of ours is made with it. Raises NotAllowed, Invalid."""
    _administers(actor)
    problems = _wrong(url, public_key)
    if organ and not Organisation.objects.filter(pk=organ).exists():
        problems["organ"] = "没有这个单位"
    if organ and Peer.objects.filter(organ=organ).exclude(pk=code).exists():
        problems["organ"] = "这个单位已经登记了一个系统"
    if problems:
        raise Invalid("登记的内容需要修改。", fields=problems)
    kind = Peer.Kind.OFFICE if organ else Peer.Kind.ABOVE
    values = {"kind": kind, "name": name.strip(), "organ_id": organ, "url": url.strip().rstrip("/"), "account": account.strip(), "public_key": public_key.strip() + "\n"}
    peer, fresh = Peer.objects.update_or_create(pk=code, defaults=values, create_defaults={**values, "key_file": make_key(code)})
    audit.record(actor, "petition.peer", subject=peer, summary=f"{'登记' if fresh else '修改'}对接系统：{peer.name}", detail={"url": peer.url, "organ": organ})
    return peer


@transaction.atomic
def switch(actor: Actor, code: str, *, active: bool) -> Peer:
    """Pauses a system, or lets it go on: what waits stays and leaves afterwards, what comes in is refused meanwhile. Raises NotAllowed, NotFound."""
    _administers(actor)
    peer = _found(code)
    peer.active = active
    peer.save(update_fields=["active"])
    audit.record(actor, "petition.peer", subject=peer, summary=f"{'恢复' if active else '暂停'}对接系统：{peer.name}")
    return peer


@transaction.atomic
def change_key(actor: Actor, code: str) -> Peer:
    """A new key pair of ours for this system; the other side refuses us until it has the new public key, and nothing is lost meanwhile. Raises NotAllowed, NotFound."""
    _administers(actor)
    peer = _found(code)
    peer.key_file = make_key(code)
    peer.save(update_fields=["key_file"])
    audit.record(actor, "petition.peer", subject=peer, summary=f"更换我方密钥：{peer.name}")
    return peer


def our_key(peer: Peer) -> str:
    """Our public key as the other side has to register it; "" where the file is not on this machine."""
    try:
        key = serialization.load_pem_private_key((settings.KEYS / peer.key_file).read_bytes(), None)
    except OSError:
        return ""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def make_key(code: str) -> str:
    """The name below settings.KEYS of a fresh private key that only we can read; the older one stays, for what it has signed."""
    folder = settings.KEYS / "petitions"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{code}-{timezone.now():%Y%m%d%H%M%S}.key"
    path.touch(mode=0o600)
    path.write_bytes(Ed25519PrivateKey.generate().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return f"petitions/{path.name}"


def _administers(actor: Actor) -> None:
    if not actor.holds("system-admin"):
        raise NotAllowed("对接的系统由系统管理员登记。")


def _found(code: str) -> Peer:
    peer = Peer.objects.filter(pk=code).first()
    if peer is None:
        raise NotFound("没有这个对接系统。")
    return peer


def _wrong(url: str, public_key: str) -> dict[str, str]:
    parts, problems = urlsplit(url.strip()), {}
    if not parts.hostname or parts.scheme not in ("https", "http") or (parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1")):
        problems["url"] = "地址应当以 https:// 开头：来往的内容有个人信息"
    try:
        known = isinstance(serialization.load_pem_public_key(public_key.strip().encode()), Ed25519PublicKey)
    except ValueError:
        known = False
    return problems if known else problems | {"public_key": "应当是 PEM 格式的 Ed25519 公钥"}
