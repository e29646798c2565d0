"""Bills, payments, refunds, reconciliation. Every fen has one path; every key counts once."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Q, Sum
from django.utils import timezone

from yiwang.base import identifiers
from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.ledger.models import Account, Bill, BillLine, Difference, Entry, Payment, Transaction
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated

DIFFERENCE = "difference"  #: money that came in and fits no bill, until it is given back
MISFIT = (Difference.Kind.WRONG_AMOUNT, Difference.Kind.TWICE, Difference.Kind.NOT_OPEN)
ONE_SIDED = (Difference.Kind.UNKNOWN_TO_US, Difference.Kind.UNKNOWN_TO_CHANNEL)


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
    Raises Invalid for no money, NotFound for no bill, Conflict for a serial that was another payment; nothing is written then.
    """
    if amount <= 0:
        raise Invalid("支付的金额应当大于零。")
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
        _book(f"payment:{payment.pk}", f"差异 {serial}", {f"channel:{channel}": amount, DIFFERENCE: -amount})
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
    """Ends an open bill. Raises NotFound, and Conflict when it has been paid."""
    with elevated():  # the step that ends the case has checked the right; an agent ends a case whose bill is not theirs
        found = Bill.objects.select_for_update().filter(pk=bill).first()
        if found is None:
            raise NotFound("没有找到这张缴款单。")
        if found.state == Bill.State.CANCELLED:
            return found
        if found.state != Bill.State.OPEN:
            raise Conflict("这张缴款单已经缴费，请办理退费。")
        found.state = Bill.State.CANCELLED
        found.save(update_fields=["state"])
        receivable, income = f"receivable:{found.organ_id}", f"income:{found.organ_id}"
        _book(f"cancel:{found.pk}", f"取消 {found.number}", {receivable: -found.amount, income: found.amount})
        audit.record(actor, "bill.cancel", subject=found, summary=reason, case=found.case)
    return found


@transaction.atomic
def refund(actor: Actor, *, payment: int, amount: int, reason: str, key: str) -> Payment:
    """Gives money back, once per payment and key, never more than came in.

    Money that fitted its bill is taken from the income, and the bill is refunded when all of it is back. Money that did not fit is taken
    from the difference; all of it back settles the named Difference and leaves the bill alone.
    Raises NotFound, NotAllowed, Invalid for too much, Conflict for a key used for another amount.
    """
    found = Payment.objects.select_for_update(of=("self",)).select_related("bill").filter(pk=payment).first()
    if found is None:
        raise NotFound("没有找到这笔支付。")
    if not (actor.system or actor.holds("accountant", found.bill.organ_id)):
        raise NotAllowed("只有执收单位的收费会计可以办理退费。")
    booked = f"refund:{found.pk}:{key}"
    if _refunded_before(booked, found.channel, amount):
        return found
    if not 0 < amount <= found.amount - found.refunded:
        raise Invalid("退费金额超过可退金额。", fields={"amount": f"最多可退 {found.amount - found.refunded} 分"})
    found.refunded += amount
    found.save(update_fields=["refunded"])
    misfit = Entry.objects.filter(transaction__key=f"payment:{found.pk}", account=DIFFERENCE).exists()
    source = DIFFERENCE if misfit else f"income:{found.bill.organ_id}"
    _book(booked, f"退费 {found.serial}", {f"channel:{found.channel}": -amount, source: amount})
    if found.refunded == found.amount and misfit:
        _settle_differences(found, MISFIT, by=actor.name, words=reason)
    elif found.refunded == found.amount:
        Bill.objects.filter(pk=found.bill_id).update(state=Bill.State.REFUNDED)
    audit.record(actor, "payment.refund", subject=found, summary=reason, detail={"amount": amount}, case=found.bill.case, organ=found.bill.organ_id)
    return found


@transaction.atomic
def reconcile(channel: str, day: date, statement: Iterable[Statement]) -> list[Difference]:
    """Compares a channel's statement of a local day with our payments and their bills, serial by serial.

    Each payment is marked reconciled or ends in a named difference. A serial of the statement is looked up on every day, for the two
    clocks may stand on either side of midnight; a match settles what an earlier comparison found on one side only.
    """
    theirs = {row.serial: row for row in statement}
    first = timezone.make_aware(datetime.combine(day, time.min))
    of_day = Q(paid_at__gte=first, paid_at__lt=first + timedelta(days=1), reconciled_on=None)
    ours = {p.serial: p for p in Payment.objects.filter(of_day | Q(serial__in=theirs), channel=channel).select_related("bill")}
    found: list[Difference] = []
    for serial in sorted(theirs.keys() | ours.keys()):
        payment, row = ours.get(serial), theirs.get(serial)
        kind = _disagreement(payment, row)
        if kind:
            found.append(_difference(kind, channel, serial, payment.amount if payment else None, row.amount if row else None))
        elif payment:
            Payment.objects.filter(pk=payment.pk, reconciled_on=None).update(reconciled_on=day)
            _settle_differences(payment, ONE_SIDED, by="系统", words=f"{day.isoformat()}账单相符")
    return found


def balance(account: str) -> int:
    """Fen."""
    return int(Entry.objects.filter(account=account).aggregate(total=Sum("amount"))["total"] or 0)


def _refunded_before(booked: str, channel: str, amount: int) -> bool:
    before = Entry.objects.filter(transaction__key=booked, account=f"channel:{channel}").values_list("amount", flat=True).first()
    if before not in (None, -amount):
        raise Conflict("同一退费标识的金额与先前不符。")
    return before is not None


def _settle_differences(payment: Payment, kinds: Sequence[str], *, by: str, words: str) -> None:
    """Ends the open differences of a payment that have found their answer."""
    waiting = Difference.objects.filter(channel=payment.channel, serial=payment.serial, kind__in=kinds, settled_at=None)
    waiting.update(settled_at=timezone.now(), settled_by=by, words=words[:300])


def _disagreement(payment: Payment | None, row: Statement | None) -> str:
    """How our book and the channel's disagree about one serial; empty when bill and amount are the same."""
    if payment is None:
        return Difference.Kind.UNKNOWN_TO_US
    if row is None:
        return Difference.Kind.UNKNOWN_TO_CHANNEL
    if payment.bill.number != row.bill:
        return Difference.Kind.WRONG_BILL
    return "" if payment.amount == row.amount else Difference.Kind.MISSTATED


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
    Account.objects.bulk_create((Account(code=code, name=code) for code in sorted(sides)), ignore_conflicts=True)  # one order: no deadlock
    Entry.objects.bulk_create(Entry(transaction=booked, account_id=code, amount=amount) for code, amount in sides.items())


def _number() -> str:
    """20 digits; the last is a check digit of this node (ISO 7064 MOD 11,10), as the treasury's own algorithm is not published."""
    digits = f"{timezone.localtime():%y%m%d}" + "".join(secrets.choice("0123456789") for _ in range(13))
    return digits + identifiers.mod11_10(digits)
