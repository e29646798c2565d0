"""Clients of the channels outside. The SMS gateway speaks JSON over HTTP, each request signed with HMAC-SHA256 over time, nonce and body."""

import hashlib
import hmac
import json
import secrets
import time

import httpx
from django.conf import settings
from django.utils import timezone

from yiwang.base.errors import Unavailable
from yiwang.engines.messages.models import Dispatch, Gateway

TIMEOUT = httpx.Timeout(10)


def deliver(gateway: Gateway, dispatch: Dispatch) -> None:
    """Sends one message; its id is the gateway's idempotency key, so a repeated try is not a second SMS. Raises Unavailable."""
    dispatch.tries += 1
    text = f"【{settings.SMS_SIGNATURE}】{dispatch.message.body}"
    body = json.dumps({"id": str(dispatch.pk), "to": dispatch.address, "text": text}, ensure_ascii=False).encode()
    try:
        answer = httpx.post(f"{gateway.url}/messages", content=body, headers=_headers(gateway, body), timeout=TIMEOUT)
        answer.raise_for_status()
    except httpx.HTTPError as problem:
        dispatch.state, dispatch.problem = Dispatch.State.FAILED, str(problem)[:200]
        dispatch.save()
        raise Unavailable(f"短信网关没有接收：{problem}") from problem
    dispatch.state, dispatch.receipt, dispatch.problem, dispatch.done_at = Dispatch.State.SENT, str(answer.json()["receipt"])[:120], "", timezone.now()
    dispatch.save()


def sign(secret: bytes, stamp: str, nonce: str, body: bytes) -> str:
    """Hex HMAC-SHA256 of time, nonce and body, each on its own line."""
    return hmac.new(secret, b"\n".join((stamp.encode(), nonce.encode(), body)), hashlib.sha256).hexdigest()


def _headers(gateway: Gateway, body: bytes) -> dict[str, str]:
    secret = (settings.KEYS / gateway.key_file).read_bytes().strip()
    stamp, nonce = str(int(time.time())), secrets.token_hex(8)
    return {
        "Content-Type": "application/json; charset=utf-8",
        "X-Account": gateway.account,
        "X-Time": stamp,
        "X-Nonce": nonce,
        "X-Signature": sign(secret, stamp, nonce, body),
    }
