"""Telling outside systems of changes: signed as Standard Webhooks 1.0 says, at least once, from where each was left."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import asdict
from urllib.parse import urlsplit

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.registers.feed import changes_since
from yiwang.engines.registers.models import Hook
from yiwang.engines.registers.rows import may_read
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Register
from yiwang.kit.registry import registry

TIMEOUT = 10  # seconds
GIVE_UP = 50  # failures in a row after which an administrator must look


@transaction.atomic
def ask_hook(actor: Actor, register: Register, url: str) -> tuple[Hook, str]:
    """A system asks to be told at `url`; the signing secret is returned once. Nothing is sent before an administrator lets it. Raises NotAllowed, Invalid, Conflict."""
    if not actor.client or not may_read(actor, register):
        raise NotAllowed(f"对接系统没有读取“{register.name}”的授权。")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise Invalid("接收地址不正确。", fields={"url": "请填写以 http 或 https 开头的地址"})
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


def tell_all() -> int:
    """Tells every hook what is new; returns how many deliveries were taken. One that fails does not stop the others."""
    return sum(tell(pk) for pk in Hook.objects.exclude(approved_by="").filter(failures__lt=GIVE_UP).values_list("pk", flat=True))


@transaction.atomic
def tell(hook: int) -> bool:
    """Posts the next changes to one hook and moves its cursor when they were taken. Two at once: the second finds it locked and leaves."""
    import httpx  # a third of a second at every start, for what only a job does

    found = Hook.objects.select_for_update(skip_locked=True).filter(pk=hook).first()
    register = registry().registers.get(found.register) if found else None
    if found is None or register is None:
        return False
    feed = changes_since(Actor(client=found.client, name=found.client, scope=(f"register:{register.code}",)), register, found.cursor)
    if not feed.changes:
        if feed.cursor != found.cursor:
            Hook.objects.filter(pk=hook).update(cursor=feed.cursor)
        return False
    body = json.dumps({"register": register.code, "cursor": feed.cursor, "changes": [asdict(c) for c in feed.changes]}, cls=DjangoJSONEncoder, ensure_ascii=False).encode()
    try:
        httpx.post(found.url, content=body, headers=sign(found, body, feed.cursor), timeout=TIMEOUT).raise_for_status()
    except httpx.HTTPError as problem:
        found.failures, found.problem = found.failures + 1, str(problem)[:200]
        found.save(update_fields=["failures", "problem"])
        return False
    found.cursor, found.failures, found.problem, found.told_at = feed.cursor, 0, "", timezone.now()
    found.save(update_fields=["cursor", "failures", "problem", "told_at"])
    return True


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
    if not actor.holds("system-admin"):
        raise NotAllowed("变更通知由系统管理员批准。")
    found = Hook.objects.select_for_update().filter(pk=hook).first()
    if found is None:
        raise NotFound("没有这个变更通知。")
    return found
