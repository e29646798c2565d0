"""Authorised systems: a secret shown once, short-lived signed tokens, the items that they may submit."""

import hashlib
import hmac
import secrets

from django.core import signing
from django.db import transaction

from yiwang.base.errors import NotAllowed, SignInNeeded
from yiwang.engines.audit import api as audit
from yiwang.kit.actors import Actor
from yiwang.platforms.identity.models import Client

LIFE = 3600  # seconds
SALT = "identity.client"


@transaction.atomic
def make_client(actor: Actor, *, code: str, name: str, organ: int, scope: list[str]) -> tuple[Client, str]:
    """A new authorised system and its secret, which is shown only now. By a system administrator."""
    if not (actor.system or actor.holds("system-admin")):
        raise NotAllowed("对接系统由系统管理员登记。")
    secret = secrets.token_urlsafe(32)
    made = Client.objects.create(code=code, name=name, organ_id=organ, scope=scope, secret_digest=_digest(secret))
    audit.record(actor, "client.make", subject=made, summary=f"登记对接系统 {name}")
    return made, secret


def token(code: str, secret: str) -> str:
    """A token of an hour (OAuth 2.0 client credentials, RFC 6749 section 4.4). Raises SignInNeeded."""
    found = Client.objects.filter(code=code, active=True).first()
    if found is None or not hmac.compare_digest(found.secret_digest, _digest(secret)):
        raise SignInNeeded("对接系统的标识或密钥不正确。")
    return signing.dumps({"client": code}, salt=SALT)


def actor_for(token: str, *, address: str = "") -> Actor:
    """The actor of a token. Raises SignInNeeded when it is false, old, or its system has been closed."""
    try:
        code = signing.loads(token, salt=SALT, max_age=LIFE)["client"]
    except (signing.BadSignature, KeyError, TypeError):
        raise SignInNeeded("访问令牌无效或已过期。", hint="请重新获取令牌。") from None
    found = Client.objects.filter(code=code, active=True).first()
    if found is None:
        raise SignInNeeded("对接系统已停用。")
    return Actor(name=found.name, client=found.code, scope=tuple(found.scope), address=address)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()  # a random secret of 256 bits needs no slow hash
