"""Authorised systems: a secret shown once, short-lived signed tokens, the items that they may submit, how often they may call."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence

from django.core import signing
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone

from yiwang.base.errors import Conflict, NotAllowed, NotFound, SignInNeeded, TooMany
from yiwang.base.ids import new_id
from yiwang.engines.audit import api as audit
from yiwang.engines.registers import api as registers
from yiwang.kit.actors import Actor
from yiwang.platforms.identity.models import Client

LIFE = 3600  # seconds
SALT = "identity.client"
RATE = 600  # calls a minute, unless its registration says otherwise
COUNT = (
    "INSERT INTO identity_usage (id, client_id, minute, calls) VALUES (%s, %s, date_trunc('minute', now()), 1)"
    " ON CONFLICT (client_id, minute) DO UPDATE SET calls = identity_usage.calls + 1 RETURNING calls"
)


@transaction.atomic
def make_client(actor: Actor, *, code: str, name: str, organ: int, scope: Sequence[str], rate: int = RATE) -> tuple[Client, str]:
    """A new authorised system and its secret, which is shown only now. By a system administrator. Raises NotAllowed, Conflict."""
    _administrator(actor)
    if Client.objects.filter(code=code).exists():
        raise Conflict("这个标识已经登记过。", fields={"code": "请换一个标识"})
    secret = secrets.token_urlsafe(32)
    made = Client.objects.create(code=code, name=name, organ_id=organ, scope=list(scope), rate=rate, secret_digest=_digest(secret))
    audit.record(actor, "client.make", subject=made, summary=f"登记对接系统 {name}", detail={"scope": list(scope), "rate": rate})
    return made, secret


@transaction.atomic
def renew_secret(actor: Actor, client: int) -> tuple[Client, str]:
    """A new secret, shown only now; the old one and all its tokens are void at once. Raises NotAllowed, NotFound."""
    found, secret = _to_change(actor, client), secrets.token_urlsafe(32)
    found.secret_digest = _digest(secret)
    found.save(update_fields=["secret_digest"])
    audit.record(actor, "client.renew-secret", subject=found, summary=f"更换对接系统 {found.name} 的密钥")
    return found, secret


@transaction.atomic
def close_client(actor: Actor, client: int) -> Client:
    """Shuts an authorised system out at once, tokens included, and tells it no more changes. Raises NotAllowed, NotFound."""
    found = _to_change(actor, client)
    registers.end_hooks_of(actor, found.code)
    found.active = False
    found.save(update_fields=["active"])
    audit.record(actor, "client.close", subject=found, summary=f"停用对接系统 {found.name}")
    return found


def token(code: str, secret: str) -> str:
    """A token of an hour (OAuth 2.0 client credentials, RFC 6749 section 4.4). Raises SignInNeeded."""
    found = Client.objects.filter(code=code, active=True).first() if code.isprintable() else None
    if found is None or not hmac.compare_digest(found.secret_digest, _digest(secret)):
        audit.record(Actor(name="对接系统"), "client.token.failed", summary="对接系统换取令牌失败", detail={"code": ascii(code)[:60]})
        raise SignInNeeded("对接系统的标识或密钥不正确。")
    return signing.dumps({"client": code, "secret": found.secret_digest[:16]}, salt=SALT)


def authenticate_client(request: HttpRequest) -> Actor:
    """The actor of `Authorization: Bearer …`. Raises SignInNeeded when the token is false, old, or its system closed; TooMany above its rate."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        claims = signing.loads(given, salt=SALT, max_age=LIFE)
        code, secret = str(claims["client"]), str(claims["secret"])
    except (signing.BadSignature, KeyError, TypeError):
        raise SignInNeeded("访问令牌无效或已过期。", hint="请重新获取令牌。") from None
    found = Client.objects.filter(code=code, active=True).first()
    if found is None or not hmac.compare_digest(found.secret_digest[:16], secret):
        raise SignInNeeded("对接系统已停用或更换了密钥。", hint="请联系平台的系统管理员。")
    if _calls_this_minute(found.pk) > found.rate:
        refusal = TooMany(f"调用超过每分钟 {found.rate} 次的上限。", hint="请在下一分钟继续。")
        refusal.retry_after = 60 - timezone.now().second
        raise refusal
    return Actor(name=found.name, client=found.code, scope=tuple(found.scope), address=request.META.get("REMOTE_ADDR", ""))


def _calls_this_minute(client: int) -> int:
    """Counts this call. One row per minute in the database, so the limit holds over all processes."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [new_id(), client])
        return int(cursor.fetchone()[0])


def _administrator(actor: Actor) -> None:
    if not (actor.system or actor.holds("system-admin")):
        raise NotAllowed("对接系统由系统管理员登记。")


def _to_change(actor: Actor, client: int) -> Client:
    _administrator(actor)
    found = Client.objects.select_for_update().filter(pk=client, active=True).first()
    if found is None:
        raise NotFound("没有找到这个对接系统，或者它已经停用。")
    return found


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()  # a random secret of 256 bits needs no slow hash
