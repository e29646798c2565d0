"""Bills, payments, refunds, reconciliation. Every fen has one path; every key counts once."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from yiwang.base import identifiers
from yiwang.base.errors import Conflict, Invalid, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.ledger.models import Account, Bill, BillLine, Difference, Entry, Payment, Transaction
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a bill, computed and explained."""

    name: str
    quantity: str
    price: str
    amount: int  #: fen
    basis: str


@dataclass(frozen=True)
class Statement:
    """One row of a channel's daily statement."""

    serial: str
    bill: str
    amount: int
    paid_at: datetime


@transaction.atomic
def bill(actor: Actor, *, payer: int, organ: int, lines: Sequence[Line], key: str, case: int | None = None) -> Bill:
    """The bill of this key, made if new. Raises Invalid for nothing to pay or negative lines."""
    amount = sum(line.amount for line in lines)
    if amount <= 0 or any(line.amount < 0 for line in lines):
        raise Invalid("缴款单的金额应当大于零。")
    with elevated():  # an official bills a citizen, a citizen's own step may make the bill
        made, fresh = Bill.objects.get_or_create(
            key=key, defaults={"number": _number(), "payer_id": payer, "organ_id": organ, "case": case, "amount": amount}
        )
        if fresh:
            BillLine.objects.bulk_create(BillLine(bill=made, **vars(line)) for line in lines)
            _book(f"bill:{made.pk}", f"应收 {made.number}", {f"receivable:{organ}": amount, f"income:{organ}": -amount})
            audit.record(actor, "bill.make", subject=made, summary=f"开具缴款单 {made.number}", case=case, organ=organ)
    return made


@transaction.atomic
def settle(actor: Actor, *, number: str, channel: str, serial: str, amount: int, paid_at: datetime) -> tuple[Payment, bool]:
    """Counts a payment once by the channel's serial; returns it and whether the bill became paid by it.

    Money that does not fit (wrong amount, paid before, cancelled) is still counted and ends in a named difference to be refunded.
    """
    found = Bill.objects.select_for_update().filter(number=number).first()
    if found is None:
        raise NotFound(f"没有缴款单 {number}。")
    payment, fresh = Payment.objects.get_or_create(channel=channel, serial=serial, defaults={"bill": found, "amount": amount, "paid_at": paid_at})
    if not fresh:
        if (payment.bill_id, payment.amount) != (found.pk, amount):
            raise Conflict("同一渠道流水的缴款单或金额与先前不符。")
        return payment, False
    kind = _misfit(found, amount)
    if kind:
        _book(f"payment:{payment.pk}", f"差异 {serial}", {f"channel:{channel}": amount, "difference": -amount})
        Difference.objects.create(kind=kind, channel=channel, serial=serial, ours=found.amount, theirs=amount)
        audit.record(actor, "payment.difference", subject=found, summary=f"{Difference.Kind(kind).label} {serial}", case=found.case)
        return payment, False
    found.state, found.paid_at = Bill.State.PAID, paid_at
    found.save(update_fields=["state", "paid_at"])
    _book(f"payment:{payment.pk}", f"收款 {number}", {f"channel:{channel}": amount, f"receivable:{found.organ_id}": -amount})
    audit.record(actor, "bill.paid", subject=found, summary=f"缴款单 {number} 已缴费", case=found.case)
    return payment, True


@transaction.atomic
def cancel(actor: Actor, *, bill: int, reason: str) -> Bill:
    """Ends an open bill. Raises Conflict when it has been paid."""
    found = Bill.objects.select_for_update().get(pk=bill)
    if found.state == Bill.State.CANCELLED:
        return found
    if found.state != Bill.State.OPEN:
        raise Conflict("这张缴款单已经缴费，请办理退费。")
    found.state = Bill.State.CANCELLED
    found.save(update_fields=["state"])
    _book(f"cancel:{found.pk}", f"取消 {found.number}", {f"receivable:{found.organ_id}": -found.amount, f"income:{found.organ_id}": found.amount})
    audit.record(actor, "bill.cancel", subject=found, summary=reason, case=found.case)
    return found


@transaction.atomic
def refund(actor: Actor, *, payment: int, amount: int, reason: str, key: str) -> Payment:
    """Gives money back, once per key, never more than came in."""
    found = Payment.objects.select_for_update().select_related("bill").get(pk=payment)
    if Transaction.objects.filter(key=f"refund:{key}").exists():
        return found
    if not 0 < amount <= found.amount - found.refunded:
        raise Invalid("退费金额超过可退金额。", fields={"amount": f"最多可退 {found.amount - found.refunded} 分"})
    found.refunded += amount
    found.save(update_fields=["refunded"])
    income = f"income:{found.bill.organ_id}" if found.bill else "difference"
    _book(f"refund:{key}", f"退费 {found.serial}", {f"channel:{found.channel}": -amount, income: amount})
    if found.bill and found.refunded == found.amount:
        Bill.objects.filter(pk=found.bill_id).update(state=Bill.State.REFUNDED)
    audit.record(actor, "payment.refund", subject=found, summary=reason)
    return found


@transaction.atomic
def reconcile(channel: str, day: date, statement: Iterable[Statement]) -> list[Difference]:
    """Compares a channel's statement of a day with our payments: each is marked reconciled or ends in a named difference."""
    theirs = {row.serial: row for row in statement}
    ours = {p.serial: p for p in Payment.objects.filter(channel=channel, paid_at__date=day)}
    found: list[Difference] = []
    for serial in theirs.keys() - ours.keys():
        found.append(_difference(Difference.Kind.UNKNOWN_TO_US, channel, serial, None, theirs[serial].amount))
    for serial in ours.keys() - theirs.keys():
        found.append(_difference(Difference.Kind.UNKNOWN_TO_CHANNEL, channel, serial, ours[serial].amount, None))
    for serial in theirs.keys() & ours.keys():
        if theirs[serial].amount != ours[serial].amount:
            found.append(_difference(Difference.Kind.WRONG_AMOUNT, channel, serial, ours[serial].amount, theirs[serial].amount))
        else:
            Payment.objects.filter(pk=ours[serial].pk).update(reconciled_on=day)
    return found


def balance(account: str) -> int:
    """Fen."""
    from django.db.models import Sum

    return int(Entry.objects.filter(account=account).aggregate(total=Sum("amount"))["total"] or 0)


def _misfit(found: Bill, amount: int) -> str:
    if found.state == Bill.State.PAID:
        return Difference.Kind.TWICE
    if found.state != Bill.State.OPEN:
        return Difference.Kind.NOT_OPEN
    return "" if amount == found.amount else Difference.Kind.WRONG_AMOUNT


def _difference(kind: str, channel: str, serial: str, ours: int | None, theirs: int | None) -> Difference:
    made, _ = Difference.objects.get_or_create(kind=kind, channel=channel, serial=serial, defaults={"ours": ours, "theirs": theirs})
    return made


def _book(key: str, words: str, sides: dict[str, int]) -> None:
    booked = Transaction.objects.create(key=key, words=words)
    Account.objects.bulk_create((Account(code=code, name=code) for code in sides), ignore_conflicts=True)
    Entry.objects.bulk_create(Entry(transaction=booked, account_id=code, amount=amount) for code, amount in sides.items())


def _number() -> str:
    """20 digits; the last is a check digit of this node (ISO 7064 MOD 11,10), as the treasury's own algorithm is not published."""
    digits = f"{timezone.localtime():%y%m%d}" + "".join(secrets.choice("0123456789") for _ in range(13))
    return digits + identifiers.mod11_10(digits)
