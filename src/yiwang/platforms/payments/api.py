"""Paying a bill through a channel: place the order, take the channel's notice, ask when it is silent, compare the day."""

import json
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotFound, Tampered
from yiwang.engines.audit import api as audit
from yiwang.engines.ledger import api as ledger
from yiwang.engines.ledger.models import Bill, Difference
from yiwang.kit.access import restrict
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.events import publish
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.payments import wire
from yiwang.platforms.payments.models import Channel, Notice, Order


@dataclass(frozen=True)
class BillSettled:
    """A bill has been paid in full."""

    bill: int
    case: int | None


def bill_of(actor: Actor, bill: int) -> Bill:
    """Raises NotFound unless the actor may see it."""
    found = restrict(actor, Bill.objects.filter(pk=bill)).select_related("organ", "payer").prefetch_related("lines").first()
    if found is None:
        raise NotFound("没有找到这张缴款单。")
    return found


def channels() -> list[Channel]:
    return list(Channel.objects.filter(active=True).order_by("code"))


def start(actor: Actor, bill: int, channel: str) -> str:
    """Places the bill with a channel and returns the address where the payer pays. Raises Conflict when nothing is open, Unavailable."""
    found = bill_of(actor, bill)
    if found.state != Bill.State.OPEN:
        raise Conflict(f"这张缴款单{found.get_state_display()}，不需要再缴费。")
    via = Channel.objects.filter(pk=channel, active=True).first()
    if via is None:
        raise NotFound("没有这个支付渠道。")
    order = Order.objects.filter(channel=via, bill=found, state=Order.State.PLACED).first()
    if order:
        return order.pay_url
    body = {
        "order": found.number,
        "amount": found.amount,
        "subject": "、".join(line.name for line in found.lines.all())[:60],
        "notify": f"{settings.PUBLIC_URL}/pay/notice/{via.code}",
        "back": f"{settings.PUBLIC_URL}/pay/{found.pk}",
    }
    answer = wire.call(via, "POST", "/orders", body)  # idempotent at the channel by order number, so a lost answer is asked again
    with transaction.atomic():
        Order.objects.get_or_create(channel=via, bill=found, defaults={"amount": found.amount, "pay_url": answer["pay_url"]})
        audit.record(actor, "payment.start", subject=found, summary=f"通过{via.name}缴费", case=found.case)
    return str(answer["pay_url"])


def take_notice(channel: str, path: str, headers: dict[str, str], content: bytes) -> bool:
    """A channel says that an order was paid. True when this notice settled the bill; a repeated one is acknowledged without effect.

    Raises Tampered for a false signature, an old time or content that does not belong to the order; every refusal is on the record.
    """
    via = Channel.objects.filter(pk=channel, active=True).first()
    if via is None:
        raise NotFound("没有这个支付渠道。")
    try:
        wire.check(via.public_key, "POST", path, headers.get("X-Time", ""), headers.get("X-Nonce", ""), headers.get("X-Signature", ""), content)
    except Tampered as problem:
        audit.record(SYSTEM, "payment.notice-refused", summary=f"{via.name}：{problem.message}", detail={"body": content[:500].decode(errors="replace")})
        raise
    try:
        body = json.loads(content)
        paid_at = datetime.fromisoformat(body["paid_at"])
        number, serial, amount = str(body["order"]), str(body["serial"]), int(body["amount"])
    except (ValueError, KeyError, TypeError):
        raise Invalid("通知的内容不完整。") from None
    with elevated(), transaction.atomic():  # the channel is not a party; the signature is its right
        _, fresh = Notice.objects.get_or_create(nonce=headers["X-Nonce"], defaults={"channel": via, "body": body})
        return fresh and _settle(via, number=number, serial=serial, amount=amount, paid_at=paid_at)


def ask_open_orders() -> int:
    """Asks the channels about orders whose notice has not come; returns how many turned out paid."""
    paid = 0
    for order in Order.objects.filter(state=Order.State.PLACED).select_related("channel", "bill")[:200]:
        answer = wire.call(order.channel, "GET", f"/orders/{order.bill.number}")
        Order.objects.filter(pk=order.pk).update(asked_at=timezone.now())
        if answer["state"] == "paid":
            with transaction.atomic():
                paid += _settle(
                    order.channel, number=order.bill.number, serial=answer["serial"], amount=int(answer["amount"]), paid_at=datetime.fromisoformat(answer["paid_at"])
                )
    return paid


def reconcile(day: date) -> list[Difference]:
    """Compares every channel's statement of a day with the ledger."""
    found: list[Difference] = []
    for channel in channels():
        rows = wire.call(channel, "GET", f"/statements/{day.isoformat()}")["rows"]
        statement = [ledger.Statement(r["serial"], r["order"], int(r["amount"]), datetime.fromisoformat(r["paid_at"])) for r in rows]
        found += ledger.reconcile(channel.code, day, statement)
    return found


def _settle(channel: Channel, *, number: str, serial: str, amount: int, paid_at: datetime) -> bool:
    payment, settled = ledger.settle(SYSTEM, number=number, channel=channel.code, serial=serial, amount=amount, paid_at=paid_at)
    Order.objects.filter(channel=channel, bill=payment.bill_id).update(state=Order.State.PAID)
    if settled and payment.bill is not None:
        publish(BillSettled(payment.bill.pk, payment.bill.case))
    return settled
