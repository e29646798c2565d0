"""The channel's wire: JSON over HTTP, signed with Ed25519 over method, path, time, nonce and the SHA-256 of the body, each on its own line."""

import base64
import hashlib
import json
import secrets
import time
from typing import Any

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from yiwang.base.errors import Conflict, Tampered, Unavailable
from yiwang.platforms.payments.models import Channel

WINDOW = 300  # seconds that clocks may differ
TIMEOUT = httpx.Timeout(10)


def call(channel: Channel, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """A signed request and its answer. Raises Unavailable when the channel does not answer, Conflict when it refuses this request."""
    content = json.dumps(body, ensure_ascii=False).encode() if body is not None else b""
    key = serialization.load_pem_private_key((settings.KEYS / channel.key_file).read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    headers = {"X-Merchant": channel.merchant, "Content-Type": "application/json", **sign(key, method, path, content)}
    try:
        answer = httpx.request(method, channel.url + path, content=content, headers=headers, timeout=TIMEOUT)
        if answer.is_client_error:
            raise Conflict(f"支付渠道没有接受这笔请求（{answer.status_code}）。", hint="没有扣款。请稍后再试，或者换一个渠道。")
        answer.raise_for_status()
        result: dict[str, Any] = dict(answer.json())
    except (httpx.HTTPError, ValueError, TypeError) as problem:
        raise Unavailable("支付渠道暂时没有回应，没有扣款。", hint="请稍后再试；如已付款，系统会自动核对。") from problem
    return result


def sign(key: Ed25519PrivateKey, method: str, path: str, content: bytes) -> dict[str, str]:
    """The headers that prove who sends this."""
    stamp, nonce = str(int(time.time())), secrets.token_hex(16)
    signature = key.sign(_text(method, path, stamp, nonce, content))
    return {"X-Time": stamp, "X-Nonce": nonce, "X-Signature": base64.b64encode(signature).decode()}


def check(public_key: str, method: str, path: str, stamp: str, nonce: str, signature: str, content: bytes) -> None:
    """Raises Tampered unless the holder of the key sent exactly this, just now."""
    key = serialization.load_pem_public_key(public_key.encode())
    assert isinstance(key, Ed25519PublicKey)
    try:
        key.verify(base64.b64decode(signature), _text(method, path, stamp, nonce, content))
        fresh = abs(time.time() - int(stamp)) <= WINDOW
    except (InvalidSignature, ValueError):
        raise Tampered("通知的签名不正确。") from None
    if not fresh:
        raise Tampered("通知的时间不在允许范围内。")
    if not 8 <= len(nonce) <= 80:
        raise Tampered("通知的随机数长度不正确。")


def _text(method: str, path: str, stamp: str, nonce: str, content: bytes) -> bytes:
    return "\n".join((method, path, stamp, nonce, hashlib.sha256(content).hexdigest())).encode()
