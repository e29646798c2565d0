"""The ledger: every booking sums to zero, every key counts once, money that does not fit ends in a named difference."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import TypeVar
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.db.models import Count, Sum
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound, YiwangError
from yiwang.engines.audit.models import Entry as Record
from yiwang.engines.ledger import api
from yiwang.engines.ledger.models import Account, Bill, BillLine, Difference, Entry, Payment, Transaction
from yiwang.engines.parties.models import Organisation, Party
from yiwang.kit.access import restrict
from yiwang.kit.actors import SYSTEM, Actor, Seat
from yiwang.kit.rowsecurity import acting

pytestmark = pytest.mark.django_db
T = TypeVar("T")
FEE = 12_345
NOON = datetime.fromisoformat("2026-03-02T12:00:00+08:00")
DAY = NOON.date()


def office() -> Organisation:
    return Organisation.objects.get(key="urban_management@440802")


def citizens() -> list[Party]:
    return list(Party.objects.filter(kind="person").order_by("pk")[:2])


def person(party: Party) -> Actor:
    return Actor(account=1, name=party.name, party=party.pk, acting_for=party.pk)


def accountant(organ: Organisation) -> Actor:
    seat = Seat(post=1, title="收费会计", organ=organ.pk, organ_name=organ.name, division="440802", roles=frozenset({"accountant"}))
    return Actor(account=2, name="试验会计", seats=(seat,))


def billed(amount: int = FEE, **given: str) -> Bill:
    lines = [api.Line(name="占道费", quantity="10 平方米", price="1 元", amount=amount, basis="试验依据")]
    return api.bill(SYSTEM, payer=citizens()[0].pk, organ=office().pk, lines=lines, key=given.get("key", uuid4().hex))


def paid(bill: Bill, *, amount: int = FEE, channel: str = "bank", serial: str = "", at: datetime = NOON) -> Payment:
    return api.settle(SYSTEM, number=bill.number, channel=channel, serial=serial or uuid4().hex, amount=amount, paid_at=at)[0]


def state(bill: Bill) -> str:
    return Bill.objects.values_list("state", flat=True).get(pk=bill.pk)


def elsewhere(work: Callable[[], T]) -> T:
    """Runs with a connection of its own that commits, as another process would."""
    try:
        return work()
    finally:
        connections.close_all()


# --- bills and payments ------------------------------------------------------------------------------------------------------------------------


def test_a_key_is_one_bill_with_its_lines_and_one_booking() -> None:
    first, again = billed(key="case:1"), billed(key="case:1")
    assert first.pk == again.pk and len(first.number) == 20 and BillLine.objects.filter(bill=first).count() == 1
    assert Entry.objects.filter(transaction__key=f"bill:{first.pk}").count() == 2
    assert Record.objects.filter(action="bill.make", subject_id=str(first.pk)).count() == 1


@pytest.mark.parametrize("amounts", [(), (0,), (100, -1)])
def test_nothing_and_less_is_not_billed(amounts: tuple[int, ...]) -> None:
    lines = [api.Line(name="费", quantity="1", price="1", amount=amount, basis="试验") for amount in amounts]
    with pytest.raises(Invalid):
        api.bill(SYSTEM, payer=citizens()[0].pk, organ=office().pk, lines=lines, key="none")


def test_a_serial_counts_once_and_never_for_something_else() -> None:
    bill, other = billed(), billed()
    assert paid(bill, serial="S1").pk == paid(bill, serial="S1").pk
    assert state(bill) == "paid" and api.balance("channel:bank") == FEE
    for wrong, amount in ((other, FEE), (bill, 1)):
        with pytest.raises(Conflict):
            paid(wrong, serial="S1", amount=amount)
    with pytest.raises(NotFound):
        api.settle(SYSTEM, number="0" * 20, channel="bank", serial="S2", amount=1, paid_at=NOON)
    with pytest.raises(Invalid):
        paid(bill, amount=0)
    assert state(other) == "open" and api.balance("channel:bank") == FEE


def test_eight_at_once_make_one_payment() -> None:
    with ThreadPoolExecutor(8) as pool:
        bill = pool.submit(elsewhere, billed).result()
        serial, start = uuid4().hex, Barrier(8)

        def pay() -> bool:
            start.wait()
            return api.settle(SYSTEM, number=bill.number, channel="crowd", serial=serial, amount=FEE, paid_at=NOON)[1]

        settled = list(pool.map(lambda _: elsewhere(pay), range(8)))
    assert settled.count(True) == 1 and Entry.objects.filter(transaction__key=f"payment:{Payment.objects.get(serial=serial).pk}").count() == 2


def test_an_open_bill_ends_and_a_paid_one_does_not() -> None:
    bill, other = billed(), billed()
    assert api.cancel(SYSTEM, bill=bill.pk, reason="撤回").state == api.cancel(SYSTEM, bill=bill.pk, reason="撤回").state == "cancelled"
    assert Entry.objects.filter(transaction__key=f"cancel:{bill.pk}").aggregate(n=Count("pk"), s=Sum("amount")) == {"n": 2, "s": 0}
    paid(other)
    with pytest.raises(Conflict):
        api.cancel(SYSTEM, bill=other.pk, reason="撤回")
    with pytest.raises(NotFound):
        api.cancel(SYSTEM, bill=1, reason="撤回")


# --- refunds -----------------------------------------------------------------------------------------------------------------------------------


def test_a_refund_takes_back_the_income_and_ends_the_bill() -> None:
    bill = billed()
    payment, income = paid(bill), f"income:{office().pk}"
    before = api.balance(income)
    part = api.refund(SYSTEM, payment=payment.pk, amount=345, reason="多缴", key="a")
    assert part.refunded == 345 and state(bill) == "paid"
    api.refund(SYSTEM, payment=payment.pk, amount=345, reason="多缴", key="a")  # asked again: nothing more
    with pytest.raises(Conflict):
        api.refund(SYSTEM, payment=payment.pk, amount=1, reason="多缴", key="a")
    with pytest.raises(Invalid):
        api.refund(SYSTEM, payment=payment.pk, amount=FEE, reason="多缴", key="b")
    api.refund(SYSTEM, payment=payment.pk, amount=FEE - 345, reason="不予许可", key="b")
    assert state(bill) == "refunded" and api.balance(income) == before + FEE and api.balance("channel:bank") == 0


def twice() -> tuple[Bill, Payment]:
    bill = billed()
    paid(bill)
    return bill, paid(bill)


def wrong_amount() -> tuple[Bill, Payment]:
    bill = billed()
    return bill, paid(bill, amount=FEE + 1)


def not_open() -> tuple[Bill, Payment]:
    bill = billed()
    api.cancel(SYSTEM, bill=bill.pk, reason="撤回")
    return bill, paid(bill)


@pytest.mark.parametrize("misfit", [twice, wrong_amount, not_open])
def test_money_that_does_not_fit_goes_back_from_the_difference(misfit: Callable[[], tuple[Bill, Payment]]) -> None:
    bill, payment = misfit()
    before, income = state(bill), api.balance(f"income:{office().pk}")
    waiting = Difference.objects.get(serial=payment.serial)
    assert waiting.kind == misfit.__name__.replace("_", "-") and waiting.settled_at is None and api.balance(api.DIFFERENCE) == -payment.amount
    api.refund(SYSTEM, payment=payment.pk, amount=1, reason="误缴", key="a")
    waiting.refresh_from_db()
    assert waiting.settled_at is None
    api.refund(SYSTEM, payment=payment.pk, amount=payment.amount - 1, reason="误缴", key="b")
    waiting.refresh_from_db()
    assert waiting.settled_at is not None and (waiting.settled_by, waiting.words) == ("系统", "误缴")
    assert state(bill) == before and api.balance(f"income:{office().pk}") == income and api.balance(api.DIFFERENCE) == 0


def test_only_the_accountant_of_the_office_gives_back() -> None:
    payment = paid(billed())
    other = Organisation.objects.exclude(pk=office().pk).first()
    assert other is not None
    for actor in (person(citizens()[0]), accountant(other)):
        with pytest.raises(NotAllowed):
            api.refund(actor, payment=payment.pk, amount=1, reason="试", key="x")
    with acting(accountant(office())):
        api.refund(accountant(office()), payment=payment.pk, amount=1, reason="多缴", key="x")
    told = Record.objects.get(action="payment.refund", subject_id=str(payment.pk))
    assert (told.actor, told.detail, told.organ) == ("试验会计", {"amount": 1}, office().pk)
    with pytest.raises(NotFound):
        api.refund(SYSTEM, payment=1, amount=1, reason="试", key="x")


# --- comparing with a statement ----------------------------------------------------------------------------------------------------------------


def row(payment: Payment, **changes: object) -> api.Statement:
    fields = {"serial": payment.serial, "bill": payment.bill.number, "amount": payment.amount, "paid_at": payment.paid_at}
    return api.Statement(**{**fields, **changes})  # type: ignore[arg-type]  # changed field by field


def test_serial_bill_and_amount_must_agree() -> None:
    good, misstated, wrong_bill, unsaid = (paid(billed(), channel="sure") for _ in range(4))
    said = [row(good), row(misstated, amount=1), row(wrong_bill, bill="1" * 20), api.Statement("NEW", "2" * 20, 5, NOON)]
    found = {d.serial: d.kind for d in api.reconcile("sure", DAY, said)}
    assert found == {misstated.serial: "misstated", wrong_bill.serial: "wrong-bill", unsaid.serial: "unknown-to-channel", "NEW": "unknown-to-us"}
    assert set(Payment.objects.filter(channel="sure", reconciled_on=DAY)) == {good}
    api.reconcile("sure", DAY, said)
    assert Difference.objects.filter(channel="sure").count() == 4


def test_a_payment_around_midnight_is_found_on_the_other_day() -> None:
    late = paid(billed(), channel="late", at=datetime.fromisoformat("2026-03-02T23:59:59.9+08:00"))
    early = paid(billed(), channel="late", at=datetime.fromisoformat("2026-03-02T00:00:00+08:00"))  # the day before in UTC
    assert [d.serial for d in api.reconcile("late", DAY, [row(early)])] == [late.serial]
    assert api.reconcile("late", DAY + timedelta(days=1), [row(late)]) == []
    assert Difference.objects.get(serial=late.serial).words == "2026-03-03账单相符"
    assert api.reconcile("late", DAY, [row(early)]) == []  # compared again: what has been answered stays so
    assert set(Payment.objects.filter(channel="late").values_list("serial", "reconciled_on")) == {(early.serial, DAY), (late.serial, date(2026, 3, 3))}


def test_a_refund_does_not_settle_what_the_statement_got_wrong() -> None:
    payment = paid(billed(), channel="odd")
    api.reconcile("odd", DAY, [row(payment, amount=1)])
    api.refund(SYSTEM, payment=payment.pk, amount=FEE, reason="退", key="a")
    assert Difference.objects.get(serial=payment.serial).settled_at is None and state(payment.bill) == "refunded"


# --- what the database itself refuses ----------------------------------------------------------------------------------------------------------


def test_a_booking_that_does_not_balance_is_refused() -> None:
    booked = Transaction.objects.create(key="crooked", words="试验")
    Account.objects.get_or_create(code="a", name="a")
    with pytest.raises(IntegrityError, match="does not balance"), transaction.atomic():
        Entry.objects.create(transaction=booked, account_id="a", amount=1)
        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_transaction"])
@pytest.mark.parametrize("act", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_a_booking_is_never_changed_or_removed(table: str, act: str) -> None:
    billed()
    connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")  # TRUNCATE waits for no pending check
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        connection.cursor().execute(act.format(table))


def test_a_person_reaches_only_their_own_bills_and_payments() -> None:
    payment = paid(billed())
    payer, stranger = citizens()
    for actor, seen in ((person(payer), 1), (person(stranger), 0)):
        with acting(actor):
            assert Bill.objects.filter(pk=payment.bill_id).count() == BillLine.objects.filter(bill=payment.bill_id).count() == seen
            assert Payment.objects.filter(pk=payment.pk).count() == restrict(actor, Payment.objects.filter(pk=payment.pk)).count() == seen
            assert not restrict(actor, Entry.objects.all()).exists() and not restrict(actor, Difference.objects.all()).exists()


# --- properties --------------------------------------------------------------------------------------------------------------------------------


@dataclass
class World:
    """One bill and its channel; every act may be refused by a named error, none may leave the books crooked."""

    bill: Bill
    channel: str = field(default_factory=lambda: uuid4().hex[:12])

    def settle(self, serial: int, amount: int) -> None:
        paid(self.bill, amount=amount, channel=self.channel, serial=f"{self.channel}-{serial}")

    def refund(self, serial: int, amount: int) -> None:
        payment = Payment.objects.filter(channel=self.channel, serial=f"{self.channel}-{serial}").first()
        api.refund(SYSTEM, payment=payment.pk if payment else 1, amount=amount, reason="退", key=str(amount))

    def cancel(self, *_: int) -> None:
        api.cancel(SYSTEM, bill=self.bill.pk, reason="撤回")

    def rebill(self, *_: int) -> None:
        billed(key=self.bill.key)


ACTS = st.tuples(st.sampled_from(["settle", "refund", "cancel", "rebill"]), st.integers(0, 2), st.sampled_from([1, 40, 100, 101, 200]))


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTS, max_size=10))
def test_whatever_the_order_the_books_balance_and_a_replay_is_harmless(acts: list[tuple[str, int, int]]) -> None:
    start = Transaction.objects.count()
    with transaction.atomic():
        world = World(billed(100))
        for verb, serial, amount in acts:
            written = -1
            for _ in range(2):
                with suppress(YiwangError):
                    getattr(world, verb)(serial, amount)
                assert written in (-1, Transaction.objects.count())
                written = Transaction.objects.count()
        _check(world)
        transaction.set_rollback(True)
    assert Transaction.objects.count() == start


def _check(world: World) -> None:
    assert not Transaction.objects.annotate(sum=Sum("entries__amount")).exclude(sum=0).exists()
    payments = list(Payment.objects.filter(channel=world.channel))
    kept = sum(p.amount - p.refunded for p in payments)
    assert api.balance(f"channel:{world.channel}") == kept
    misfits = set(Difference.objects.filter(channel=world.channel).values_list("serial", flat=True))
    held = sum(p.amount - p.refunded for p in payments if p.serial in misfits)
    fitting = [p for p in payments if p.serial not in misfits]
    assert len(fitting) <= 1 and (state(world.bill) in ("paid", "refunded")) == bool(fitting)
    bookings = Entry.objects.filter(account=f"channel:{world.channel}").values("transaction")
    assert -sum(Entry.objects.filter(account=api.DIFFERENCE, transaction__in=bookings).values_list("amount", flat=True)) == held
    for payment in payments:
        waiting = Difference.objects.filter(channel=world.channel, serial=payment.serial).first()
        assert waiting is None or (waiting.settled_at is not None) == (payment.refunded == payment.amount)


def test_numbers_of_bills_carry_their_day_and_differ() -> None:
    numbers = {billed().number for _ in range(20)}
    assert len(numbers) == 20 and all(n.startswith(f"{timezone.localtime():%y%m%d}") and n.isdecimal() for n in numbers)


def test_the_example_of_the_page_runs() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "engines/ledger.md").read_text(encoding="utf-8")
    exec(page.split("```python")[1].split("```")[0], {})
