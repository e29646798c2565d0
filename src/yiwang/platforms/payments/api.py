"""Paying a bill through a channel: place the order, take the channel's notice, ask when it is silent, compare the day."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from yiwang.base import signed
from yiwang.base.errors import Conflict, Invalid, NotFound, Unavailable, YiwangError
from yiwang.engines.audit import api as audit
from yiwang.engines.ledger import api as ledger
from yiwang.engines.ledger.models import Bill, Difference
from yiwang.kit.access import restrict
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.events import publish
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.payments import wire
from yiwang.platforms.payments.models import Channel, Notice, Order

LARGEST = 10**15  #: fen; beyond it a number is a mistake
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BillSettled:
    """A bill has been paid in full."""

    bill: int
    case: int | None


@dataclass(frozen=True)
class Paid:
    """What a channel says of a paid order, in a notice, an answer or a statement."""

    order: str
    serial: str
    amount: int
    paid_at: datetime


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


def take_notice(channel: str, path: str, headers: Mapping[str, str], content: bytes) -> bool:
    """A channel says that an order was paid. True when this notice settled the bill; a repeated one is acknowledged without effect.

    Raises NotFound for an unknown channel or bill, Tampered for a false signature, an old time or an odd nonce, Invalid for incomplete content,
    Conflict for a nonce or serial used for something else; every refusal is on the record and leaves nothing else behind.
    """
    via = Channel.objects.filter(pk=channel, active=True).first()
    if via is None:
        raise NotFound("没有这个支付渠道。")
    stamp, nonce, signature = (headers.get(name, "") for name in ("X-Time", "X-Nonce", "X-Signature"))
    try:
        signed.check(via.public_key, "POST", path, stamp, nonce, signature, content)
        with elevated(), transaction.atomic():  # the channel is not a party; the signature is its right
            return _take(via, nonce, content)
    except YiwangError as problem:
        audit.record(SYSTEM, "payment.notice-refused", summary=f"{via.name}：{problem.message}", detail={"body": content[:500].decode(errors="replace")})
        raise


def ask_open_orders() -> int:
    """Asks the channels about orders whose notice has not come, longest unasked first; returns how many turned out paid.

    What one order answers does not stop the others; a channel that does not answer at all is left alone until the next round.
    """
    paid, silent = 0, set[str]()
    for order in Order.objects.filter(state=Order.State.PLACED).select_related("channel", "bill").order_by(F("asked_at").asc(nulls_first=True), "id")[:200]:
        if order.channel_id in silent:
            continue
        Order.objects.filter(pk=order.pk).update(asked_at=timezone.now())
        try:
            paid += _ask(order)
        except Unavailable as problem:
            silent.add(order.channel_id)
            log.warning("channel %s: %s", order.channel_id, problem)
        except YiwangError as problem:
            log.warning("order %s: %s", order.pk, problem)
    return paid


def reconcile(day: date) -> list[Difference]:
    """Compares every channel's statement of a local day with the ledger. Raises Unavailable after the others when a channel does not answer."""
    found: list[Difference] = []
    silent: list[str] = []
    for channel in channels():
        try:
            rows = wire.call(channel, "GET", f"/statements/{day.isoformat()}").get("rows")
        except Unavailable:
            silent.append(channel.name)
            continue
        paid = [_paid(row) for row in rows or ()]
        found += ledger.reconcile(channel.code, day, [ledger.Statement(p.serial, p.order, p.amount, p.paid_at) for p in paid])
    if silent:
        raise Unavailable(f"{'、'.join(silent)}没有提供{day.isoformat()}的账单。")
    return found


def _paid(said: object) -> Paid:
    """Raises Invalid for anything but an order, a serial, whole positive fen and a moment with its zone."""
    try:
        body: dict[str, Any] = dict(said)  # type: ignore[call-overload]  # whatever the wire brought; anything but an object fails here
        paid = Paid(str(body["order"]), str(body["serial"]), body["amount"], datetime.fromisoformat(body["paid_at"]))
    except (ValueError, KeyError, TypeError):
        raise Invalid("支付渠道的内容不完整。") from None
    if type(paid.amount) is not int or not 0 < paid.amount < LARGEST:
        raise Invalid("支付渠道的金额应当是大于零的整数（分）。")
    if paid.paid_at.tzinfo is None or not 0 < len(paid.serial) <= 80:
        raise Invalid("支付渠道的流水号或时间不正确。")
    return paid


def _take(channel: Channel, nonce: str, content: bytes) -> bool:
    try:
        body = json.loads(content)
    except ValueError:
        raise Invalid("支付渠道的内容不完整。") from None
    paid = _paid(body)
    known, fresh = Notice.objects.get_or_create(channel=channel, nonce=nonce, defaults={"body": body})
    if not fresh and known.body != body:
        raise Conflict("同一随机数的通知内容与先前不符。")
    return fresh and _settle(channel, paid)


def _ask(order: Order) -> bool:
    answer = wire.call(order.channel, "GET", f"/orders/{order.bill.number}")
    if answer.get("state") != "paid":
        return False
    paid = _paid(answer)
    if paid.order != order.bill.number:
        raise Conflict("支付渠道回答的不是所问的订单。")
    with transaction.atomic():
        return _settle(order.channel, paid)


def _settle(channel: Channel, paid: Paid) -> bool:
    payment, settled = ledger.settle(
        SYSTEM, number=paid.order, channel=channel.code, serial=paid.serial, amount=paid.amount, paid_at=paid.paid_at
    )
    if payment.bill.state == Bill.State.PAID:
        Order.objects.filter(channel=channel, bill=payment.bill_id).update(state=Order.State.PAID)
    elif payment.bill.state != Bill.State.OPEN:
        Order.objects.filter(channel=channel, bill=payment.bill_id).update(state=Order.State.CLOSED)
    if settled:
        publish(BillSettled(payment.bill_id, payment.bill.case))
    return settled
