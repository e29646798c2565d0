"""The channel's wire: JSON over HTTP, signed as `base.signed` says."""

import json
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from yiwang.base import signed
from yiwang.base.errors import Conflict, Unavailable
from yiwang.platforms.payments.models import Channel

TIMEOUT = 10  # seconds


def call(channel: Channel, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """A signed request and its answer. Raises Unavailable when the channel does not answer, Conflict when it refuses this request."""
    import httpx  # only where a channel is asked

    content = json.dumps(body, ensure_ascii=False).encode() if body is not None else b""
    key = serialization.load_pem_private_key((settings.KEYS / channel.key_file).read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    headers = {"X-Merchant": channel.merchant, "Content-Type": "application/json", **signed.sign(key, method, path, content)}
    try:
        answer = httpx.request(method, channel.url + path, content=content, headers=headers, timeout=TIMEOUT)
        if answer.is_client_error:
            raise Conflict(f"支付渠道没有接受这笔请求（{answer.status_code}）。", hint="没有扣款。请稍后再试，或者换一个渠道。")
        answer.raise_for_status()
        result: dict[str, Any] = dict(answer.json())
    except (httpx.HTTPError, ValueError, TypeError) as problem:
        raise Unavailable("支付渠道暂时没有回应，没有扣款。", hint="请稍后再试；如已付款，系统会自动核对。") from problem
    return result
