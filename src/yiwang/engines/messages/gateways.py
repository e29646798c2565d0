"""Clients of the channels outside, behind one interface: SMS and webhooks speak JSON over HTTP, signed with HMAC-SHA256 over time, nonce and body; e-mail speaks SMTP."""

import hashlib
import hmac
import json
import secrets
import smtplib
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils import timezone

from yiwang.base.errors import Unavailable
from yiwang.engines.messages.models import Channel, Dispatch, Gateway

TIMEOUT = 10  # seconds


def deliver(gateway: Gateway, dispatch: Dispatch) -> None:
    """Sends one message; its id is the key by which the other side knows it again, so a repeated try is not a second one. Raises Unavailable."""
    import httpx  # only where something is sent

    dispatch.tries += 1
    try:
        receipt = CHANNELS[dispatch.channel](gateway, dispatch)
    except (httpx.HTTPError, smtplib.SMTPException, OSError, ValueError, KeyError) as problem:
        dispatch.state, dispatch.problem = Dispatch.State.FAILED, str(problem)[:200]
        dispatch.save()
        raise Unavailable(f"{gateway}网关没有接收：{problem}") from problem
    dispatch.state, dispatch.receipt, dispatch.problem, dispatch.done_at = Dispatch.State.SENT, receipt[:120], "", timezone.now()
    dispatch.save()


def sign(secret: bytes, stamp: str, nonce: str, body: bytes) -> str:
    """Hex HMAC-SHA256 of time, nonce and body, each on its own line."""
    return hmac.new(secret, b"\n".join((stamp.encode(), nonce.encode(), body)), hashlib.sha256).hexdigest()


def secret_of(gateway: Gateway, url: str) -> bytes:
    """The secret that we share with one webhook's receiver: derived from the node's own, so that no other receiver can sign for us."""
    return hmac.new(_key(gateway), url.encode(), hashlib.sha256).digest()


def _sms(gateway: Gateway, dispatch: Dispatch) -> str:
    text = f"【{settings.SMS_SIGNATURE}】{dispatch.message.body}"
    answer = _post(f"{gateway.url}/messages", {"id": str(dispatch.pk), "to": dispatch.address, "text": text}, account=gateway.account, secret=_key(gateway))
    return str(answer.json()["receipt"])


def _webhook(gateway: Gateway, dispatch: Dispatch) -> str:
    message = dispatch.message
    content = {"id": str(dispatch.pk), "title": message.title, "body": message.body, "case": str(message.case or ""), "sent_at": message.sent_at.isoformat()}
    answer = _post(dispatch.address, content, account=gateway.account, secret=secret_of(gateway, dispatch.address))
    return f"HTTP {answer.status_code}"


def _email(gateway: Gateway, dispatch: Dispatch) -> str:
    place = urlsplit(gateway.url)
    user, password = (gateway.account, _key(gateway).decode()) if gateway.key_file else (None, None)
    connection = get_connection(
        "django.core.mail.backends.smtp.EmailBackend", host=place.hostname, port=place.port or 25, username=user, password=password,
        use_ssl=place.scheme == "smtps", timeout=10,
    )  # fmt: skip
    known = f"<{dispatch.pk}@{gateway.account.rpartition('@')[2]}>"
    message = EmailMessage(dispatch.message.title, dispatch.message.body, gateway.account, [dispatch.address], headers={"Message-ID": known}, connection=connection)
    message.send()
    return known


CHANNELS: dict[str, Callable[[Gateway, Dispatch], str]] = {Channel.SMS: _sms, Channel.EMAIL: _email, Channel.WEBHOOK: _webhook}


def _post(url: str, content: dict[str, str], *, account: str, secret: bytes) -> Any:
    import httpx

    body = json.dumps(content, ensure_ascii=False).encode()
    stamp, nonce = str(int(time.time())), secrets.token_hex(8)
    headers = {
        "Content-Type": "application/json; charset=utf-8", "X-Account": account, "X-Time": stamp, "X-Nonce": nonce,
        "X-Signature": sign(secret, stamp, nonce, body),
    }  # fmt: skip
    return httpx.post(url, content=body, headers=headers, timeout=TIMEOUT).raise_for_status()


def _key(gateway: Gateway) -> bytes:
    return (settings.KEYS / gateway.key_file).read_bytes().strip()
