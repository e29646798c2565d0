"""Requests between systems, signed with Ed25519 over method, path, time, nonce and the SHA-256 of the body, each on its own line."""

import base64
import hashlib
import secrets
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from yiwang.base.errors import Tampered

WINDOW = 300  # seconds that clocks may differ


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
