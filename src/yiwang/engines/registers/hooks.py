"""Telling outside systems of changes: signed as Standard Webhooks 1.0 says, at least once, from where each was left."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.registers.feed import Feed, changes_since
from yiwang.engines.registers.models import Hook
from yiwang.engines.registers.rows import may_read
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Register
from yiwang.kit.registry import registry

TIMEOUT = 10  # seconds for a whole delivery, however slowly the other side answers
LONGEST = 300  # characters of an address
GIVE_UP = 50  # failures in a row after which an administrator must look


@transaction.atomic
def ask_hook(actor: Actor, register: Register, url: str) -> tuple[Hook, str]:
    """A system asks to be told at `url`; the signing secret is returned once. Nothing is sent before an administrator lets it. Raises NotAllowed, Invalid, Conflict."""
    if not actor.client or not may_read(actor, register):
        raise NotAllowed(f"对接系统没有读取“{register.name}”的授权。")
    if not _is_outside(url):
        raise Invalid("接收地址不正确。", fields={"url": "请填写以 http 或 https 开头的地址，不能是本机或内部保留的地址"})
    hook, fresh = Hook.objects.get_or_create(client=actor.client, register=register.code, url=url)
    if not fresh:
        raise Conflict("这个地址已经登记过。")
    audit.record(actor, "hook.ask", subject=hook, summary=f"申请接收“{register.name}”的变更通知", detail={"url": url})
    return hook, secret(hook)


@transaction.atomic
def approve_hook(actor: Actor, hook: int) -> Hook:
    """Lets an outside address be told. By a system administrator. Raises NotAllowed, NotFound."""
    found = _administered(actor, hook)
    found.approved_by, found.failures, found.problem = actor.name, 0, ""
    found.save(update_fields=["approved_by", "failures", "problem"])
    audit.record(actor, "hook.approve", subject=found, summary=f"批准变更通知 {found.client}", detail={"url": found.url})
    return found


@transaction.atomic
def end_hook(actor: Actor, hook: int) -> None:
    """Ends telling: by the system itself or an administrator. Raises NotFound, NotAllowed."""
    found = Hook.objects.filter(pk=hook, client=actor.client).first() if actor.client else _administered(actor, hook)
    if found is None:
        raise NotFound("没有这个变更通知。")
    audit.record(actor, "hook.end", subject=found, summary=f"结束变更通知 {found.client}", detail={"url": found.url})
    found.delete()


def end_hooks_of(actor: Actor, client: str) -> int:
    """Ends whatever a system is told that is shut out; returns how many."""
    found = list(Hook.objects.filter(client=client))
    for hook in found:
        end_hook(actor, hook.pk)
    return len(found)


def tell_all() -> int:
    """Tells every hook what is new; returns how many deliveries were taken. One that fails does not stop the others."""
    return sum(tell(pk) for pk in Hook.objects.exclude(approved_by="").filter(failures__lt=GIVE_UP).values_list("pk", flat=True))


def tell(hook: int) -> bool:
    """Posts the next changes to one hook and moves its cursor when they were taken. Two at once: the second finds it busy and leaves.

    No transaction is open while the other side takes its time: an open one would hold back the change feed of everybody.
    """
    with _alone(hook) as free:
        found = Hook.objects.exclude(approved_by="").filter(pk=hook).first() if free else None
        register = registry().registers.get(found.register) if found else None
        if found is None or register is None:
            return False
        feed = changes_since(Actor(client=found.client, name=found.client, scope=(f"register:{register.code}",)), register, found.cursor)
        problem = _deliver(found, register, feed) if feed.changes else ""
        if problem:
            Hook.objects.filter(pk=hook).update(failures=F("failures") + 1, problem=problem[:200])
        elif feed.cursor != found.cursor:
            news = {"failures": 0, "problem": "", "told_at": timezone.now()} if feed.changes else {}
            Hook.objects.filter(pk=hook).update(cursor=feed.cursor, **news)
        return bool(feed.changes) and not problem


@contextmanager
def _alone(hook: int) -> Iterator[bool]:
    """Whether nobody else tells this hook just now; nobody begins inside the block."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [f"hook:{hook}"])
        (free,) = cursor.fetchone() or (False,)
    try:
        yield free
    finally:
        if free:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [f"hook:{hook}"])


def _deliver(hook: Hook, register: Register, feed: Feed) -> str:
    """What went wrong; "" when the changes were taken."""
    import httpx  # a third of a second at every start, for what only a job does

    body = json.dumps({"register": register.code, "cursor": feed.cursor, "changes": [asdict(c) for c in feed.changes]}, cls=DjangoJSONEncoder, ensure_ascii=False).encode()
    try:
        asyncio.run(asyncio.wait_for(_post(hook.url, body, sign(hook, body, feed.cursor)), TIMEOUT))
    except TimeoutError:
        return f"{TIMEOUT} 秒内没有回答"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as problem:
        return str(problem) or type(problem).__name__
    return ""


async def _post(url: str, body: bytes, headers: dict[str, str]) -> None:
    """To the very address that was looked up and found to lie outside, by whatever name; no redirect is followed, no answer read. Raises for anything but 2xx."""
    import httpx

    asked = httpx.URL(url)
    found = await asyncio.get_running_loop().getaddrinfo(asked.host, asked.port or {"http": 80, "https": 443}[asked.scheme], type=socket.SOCK_STREAM)
    places = [str(place[4][0]) for place in found]
    if not places or any(map(is_inside, places)):
        raise ValueError("接收地址指向本机或内部保留的地址，没有发送")
    named = {"host": asked.netloc.decode(), **headers}
    async with (
        httpx.AsyncClient(timeout=TIMEOUT) as client,
        client.stream("POST", asked.copy_with(host=places[0]), content=body, headers=named, extensions={"sni_hostname": asked.host}) as answer,
    ):
        answer.raise_for_status()


def is_inside(address: str) -> bool:
    """Of this machine, of its link (where clouds keep their keys), or of nobody. Private networks are where other offices are: an administrator lets each hook."""
    found = ip_address(address.partition("%")[0])
    found = getattr(found, "ipv4_mapped", None) or found
    return found.is_loopback or found.is_link_local or found.is_multicast or found.is_unspecified or (found.is_reserved and not found.is_private)


def _is_outside(url: str) -> bool:
    """As far as the address itself says it; where its name leads is asked at every delivery."""
    try:
        parts = urlsplit(url)
        host, fits = parts.hostname or "", parts.port is None or parts.port > 0
        numeric = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST) if host else []
    except socket.gaierror:  # a name
        numeric = []
    except ValueError:
        return False
    named = bool(host) and not host.endswith("localhost") and not any(is_inside(str(place[4][0])) for place in numeric)
    return parts.scheme in {"http", "https"} and fits and named and not parts.username and len(url) <= LONGEST


def sign(hook: Hook, body: bytes, message: str) -> dict[str, str]:
    """Headers of Standard Webhooks: HMAC-SHA256 over id, time and body; the id is the cursor, so a repeated delivery is recognised."""
    stamp = str(int(time.time()))
    key = base64.b64decode(secret(hook).removeprefix("whsec_"))
    signature = base64.b64encode(hmac.new(key, b".".join((message.encode(), stamp.encode(), body)), hashlib.sha256).digest()).decode()
    return {"content-type": "application/json", "webhook-id": message, "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}


def secret(hook: Hook) -> str:
    """The hook's signing secret: derived from the installation's key, so that it lies nowhere."""
    return "whsec_" + base64.b64encode(hmac.new(settings.SECRET_KEY.encode(), f"hook:{hook.pk}".encode(), hashlib.sha256).digest()).decode()


def _administered(actor: Actor, hook: int) -> Hook:
    if not (actor.system or actor.holds("system-admin")):
        raise NotAllowed("变更通知由系统管理员批准。")
    found = Hook.objects.select_for_update().filter(pk=hook).first()
    if found is None:
        raise NotFound("没有这个变更通知。")
    return found
