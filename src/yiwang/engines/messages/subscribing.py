"""Where a party's messages go besides the inbox: the phone it is known by, an e-mail address it has confirmed, a system of its own."""

import hmac
import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from yiwang.base.crypto import sha256
from yiwang.base.errors import Gone, Invalid, NotAllowed, NotFound, TooMany, Unavailable
from yiwang.engines.audit import api as audit
from yiwang.engines.messages.gateways import secret_of
from yiwang.engines.messages.jobs import dispatch
from yiwang.engines.messages.models import Channel, Dispatch, Gateway, Message, Subscription
from yiwang.engines.parties import api as parties
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.registry import registry

LIFE = timedelta(minutes=30)
TRIES = 5
CONFIRM = "message-address"


def address_of(party: int, channel: str) -> str:
    """Where the party is reached by the channel; "" where it is not."""
    if channel == Channel.SMS:
        return parties.facts_of(party).phone
    return Subscription.objects.filter(party=party, channel=channel, ended_at=None, confirmed_at__isnull=False).values_list("address", flat=True).first() or ""


def hand_over(message: Message, channel: str, address: str) -> None:
    """One delivery, tried after commit."""
    if address:
        made = Dispatch.objects.create(message=message, channel=channel, address=address)
        dispatch.defer(dispatch=made.pk)


@transaction.atomic
def subscribe_address(actor: Actor, address: str) -> Subscription:
    """The actor's messages shall also go to this e-mail address, once the code sent there has come back. Replaces the one before. Raises Invalid, NotAllowed, Unavailable."""
    party, wanted = _own(actor), address.strip()
    try:
        validate_email(wanted)
    except ValidationError:
        raise Invalid("邮箱地址不正确。", fields={"address": "请检查邮箱地址，例如 name@example.cn"}) from None
    if not Gateway.objects.filter(channel=Channel.EMAIL).exists():
        raise Unavailable("还没有开通邮件提醒。", hint="消息仍会发到站内和手机。")
    code = f"{secrets.randbelow(10**6):06d}"
    _end(party, Channel.EMAIL)
    made = Subscription.objects.create(party_id=party, channel=Channel.EMAIL, address=wanted, code=_digest(code), code_until=timezone.now() + LIFE)
    words = registry().messages[CONFIRM]
    body = words.body.format(code=code, minutes=int(LIFE.total_seconds() // 60))
    message = Message.objects.create(to_id=party, template=CONFIRM, title=words.title, body=body, key=f"address:{made.pk}", shown=False)
    hand_over(message, Channel.EMAIL, wanted)
    audit.record(actor, "message.subscribe", subject=made, summary="登记邮箱，等待确认")
    return made


def confirm_address(actor: Actor, code: str) -> Subscription:
    """Raises NotFound (nothing waits), Gone (too late), TooMany (five false codes), Invalid (a false code)."""
    with transaction.atomic():
        waiting = restrict(actor, Subscription.objects.select_for_update().filter(channel=Channel.EMAIL, ended_at=None, confirmed_at=None)).first()
        if waiting is None or waiting.code_until is None:
            raise NotFound("没有等待确认的邮箱。")
        if waiting.code_until < timezone.now():
            raise Gone("确认码已经失效。", hint="请重新填写邮箱，我们会再发一个确认码。")
        if waiting.tries >= TRIES:
            raise TooMany("确认码输错次数过多。", hint="请重新填写邮箱，我们会再发一个确认码。")
        right = hmac.compare_digest(waiting.code, _digest(code.strip()))
        waiting.tries += 1
        waiting.confirmed_at = timezone.now() if right else None
        waiting.save(update_fields=["tries", "confirmed_at"])
        if right:
            audit.record(actor, "message.confirm", subject=waiting, summary="确认邮箱")
    if not right:  # after commit, so that the try is counted
        raise Invalid("确认码不正确。", fields={"code": "请核对邮件中的六位数字"})
    return waiting


@transaction.atomic
def unsubscribe(actor: Actor, subscription: int) -> None:
    """Raises NotFound for another's."""
    found = restrict(actor, Subscription.objects.filter(pk=subscription, ended_at=None)).first()
    if found is None:
        raise NotFound("没有这项订阅。")
    _end(found.party_id, found.channel)
    audit.record(actor, "message.unsubscribe", subject=found, summary=f"停用{found.get_channel_display()}")


@transaction.atomic
def register_webhook(actor: Actor, party: int, url: str) -> tuple[Subscription, str]:
    """A party's own system gets its messages pushed; also the secret by which it checks our signature, shown once. By a system administrator. Raises NotAllowed, Invalid, Unavailable."""
    if not (actor.system or actor.holds("system-admin")):
        raise NotAllowed("系统推送由系统管理员登记。")
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise Invalid("推送地址不正确。", fields={"url": "请填写 https:// 开头的地址"})
    gateway = Gateway.objects.filter(channel=Channel.WEBHOOK).first()
    if gateway is None:
        raise Unavailable("还没有开通系统推送。")
    _end(party, Channel.WEBHOOK)
    made = Subscription.objects.create(party_id=party, channel=Channel.WEBHOOK, address=url, confirmed_at=timezone.now())
    audit.record(actor, "message.webhook", subject=made, summary="登记系统推送")
    return made, secret_of(gateway, url).hex()


def _own(actor: Actor) -> int:
    party = actor.acting_for or actor.party
    if party is None:
        raise NotAllowed("请先登录。")
    return party


def _end(party: int, channel: str) -> None:
    Subscription.objects.filter(party=party, channel=channel, ended_at=None).update(ended_at=timezone.now())


def _digest(code: str) -> str:
    return sha256(code.encode()).hex()
