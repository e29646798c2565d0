"""Payments: a notice counts once and only if the channel signed it just now; a silent channel is asked; a day is compared. Over the wire, with the stand-in."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from threading import Barrier, Thread
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings as project
from django.db import connections
from django.test import Client
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import Settings

from demo.peers import payment
from yiwang.base.errors import Conflict, Invalid, NotFound, Tampered, Unavailable, YiwangError
from yiwang.engines.audit.models import Entry as Record
from yiwang.engines.ledger import api as ledger
from yiwang.engines.ledger.models import Bill, Difference, Entry, Payment
from yiwang.engines.parties.models import Organisation
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.rowsecurity import acting
from yiwang.platforms.identity import api as identity
from yiwang.platforms.payments import api, jobs
from yiwang.platforms.payments.models import Channel, Notice, Order

pytestmark = pytest.mark.django_db
T = TypeVar("T")
FEE, NOWHERE = 4_500, "http://127.0.0.1:9"


def payer() -> Actor:
    return identity.actor_of_account("haitang")


def billed(actor: Actor | None = None) -> Bill:
    organ = Organisation.objects.get(key="urban_management@440802")
    lines = [ledger.Line(name="占道费", quantity="1", price="45 元", amount=FEE, basis="试验依据")]
    return ledger.bill(SYSTEM, payer=(actor or payer()).party or 0, organ=organ.pk, lines=lines, key=uuid4().hex)


def channel(code: str = "unified", url: str = NOWHERE) -> Channel:
    """A channel with the stand-in's keys."""
    known = Channel.objects.get(pk="unified")
    fields = {"name": code, "merchant": known.merchant, "key_file": known.key_file, "public_key": known.public_key, "url": url}
    return Channel.objects.update_or_create(pk=code, defaults=fields)[0]


def said(bill: Bill, **changes: Any) -> dict[str, Any]:
    return {"order": bill.number, "serial": f"S{bill.pk}", "amount": FEE, "paid_at": timezone.now().isoformat(), **changes}


def signed(body: bytes, *, code: str = "unified", at: float | None = None, nonce: str | None = None, name: str = "payment") -> dict[str, str]:
    """The headers of a notice as the channel would sign it."""
    key = serialization.load_pem_private_key((Path(project.KEYS) / "peers" / f"{name}.key").read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    stamp, nonce = str(int(at or time.time())), secrets.token_hex(16) if nonce is None else nonce
    text = "\n".join(("POST", f"/pay/notice/{code}", stamp, nonce, hashlib.sha256(body).hexdigest()))
    return {"X-Time": stamp, "X-Nonce": nonce, "X-Signature": base64.b64encode(key.sign(text.encode())).decode()}


def notify(content: Any, headers: dict[str, str] | None = None, *, code: str = "unified") -> bool:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return api.take_notice(code, f"/pay/notice/{code}", headers or signed(body, code=code), body)


def state(bill: Bill) -> str:
    return Bill.objects.values_list("state", flat=True).get(pk=bill.pk)


def written() -> tuple[int, int, int, int]:
    return Notice.objects.count(), Payment.objects.count(), Entry.objects.count(), Difference.objects.count()


def refused(content: Any, headers: dict[str, str] | None = None, *, error: type[YiwangError], code: str = "unified") -> str:
    """Sends a notice that must be refused by name, told on the record, and leave nothing else behind; returns what the record says."""
    before, told = written(), Record.objects.filter(action="payment.notice-refused").count()
    with pytest.raises(error):
        notify(content, headers, code=code)
    assert written() == before
    records = Record.objects.filter(action="payment.notice-refused").order_by("id")
    assert records.count() == told + 1
    last = records.last()
    assert last is not None
    return last.summary


# --- notices -----------------------------------------------------------------------------------------------------------------------------------


def test_a_signed_notice_settles_once_and_its_replay_is_acknowledged() -> None:
    bill = billed()
    body = json.dumps(said(bill)).encode()
    headers = signed(body)
    assert notify(body, headers) is True and state(bill) == "paid"
    before, jobs_before = written(), ProcrastinateJob.objects.count()
    assert notify(body, headers) is False
    assert notify(body) is False  # the channel's own second try has another nonce
    assert written() == (before[0] + 1, *before[1:]) and ProcrastinateJob.objects.count() == jobs_before
    heard = ProcrastinateJob.objects.filter(task_name="events.deliver", args__values__bill=bill.pk)
    assert heard.count() == 1  # exactly one event


def test_a_forged_notice_is_refused_and_on_the_record() -> None:
    bill = billed()
    body = json.dumps(said(bill)).encode()
    good = signed(body)
    forged = [
        {**good, "X-Signature": base64.b64encode(bytes(64)).decode()}, {**good, "X-Signature": "不是签名"}, {**good, "X-Nonce": "another-nonce"}, {},
        {**good, "X-Time": "soon"}, signed(body, name="merchant"), signed(body, code="other"), signed(body + b" "),
    ]  # fmt: skip
    for headers in forged:
        assert "签名" in refused(body, headers or {"X-Time": ""}, error=Tampered)
    assert state(bill) == "open" and notify(body, good)


@pytest.mark.parametrize("seconds", [-301, 302])
def test_a_notice_of_another_time_is_refused(seconds: int) -> None:
    body = json.dumps(said(billed())).encode()
    assert "时间" in refused(body, signed(body, at=time.time() + seconds), error=Tampered)


@pytest.mark.parametrize("nonce", ["", "short", "n" * 81])
def test_an_odd_nonce_is_refused(nonce: str) -> None:
    body = json.dumps(said(billed())).encode()
    assert "随机数" in refused(body, signed(body, nonce=nonce), error=Tampered)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 0}, {"amount": -FEE}, {"amount": "4500"}, {"amount": 45.5}, {"amount": True}, {"amount": 10**15}, {"paid_at": "2026-03-02T12:00:00"},
        {"paid_at": "soon"}, {"paid_at": None}, {"serial": ""}, {"serial": "S" * 81},
    ],
    ids=str,
)  # fmt: skip
def test_content_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    bill = billed()
    refused(said(bill, **change), error=Invalid)
    assert state(bill) == "open"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"paid"', b"{}", b"\xff\xfe"])
def test_content_that_is_no_notice_is_refused(body: bytes) -> None:
    refused(body, error=Invalid)


def test_an_unknown_bill_and_a_used_serial_or_nonce_leave_nothing_behind() -> None:
    bill, other = billed(), billed()
    assert "没有缴款单" in refused(said(bill, order="0" * 20), error=NotFound)
    nonce = secrets.token_hex(16)
    body = json.dumps(said(bill)).encode()
    assert notify(body, signed(body, nonce=nonce))
    assert "流水" in refused(said(other, serial=f"S{bill.pk}"), error=Conflict)
    twin = json.dumps(said(other)).encode()
    assert "随机数" in refused(twin, signed(twin, nonce=nonce), error=Conflict)
    channel("second")  # its nonces are its own
    assert notify(twin, signed(twin, code="second", nonce=nonce), code="second") and state(other) == "paid"
    with pytest.raises(NotFound):
        notify(twin, code="nobody")


def test_money_that_does_not_fit_is_counted_and_the_order_stays_open() -> None:
    bill = billed()
    Order.objects.create(channel=channel(), bill=bill, amount=FEE, pay_url=NOWHERE)
    assert notify(said(bill, amount=FEE - 1)) is False
    assert (state(bill), Order.objects.get(bill=bill).state) == ("open", "placed") and Difference.objects.get(serial=f"S{bill.pk}").kind == "wrong-amount"
    assert notify(said(bill, serial="S-right")) and Order.objects.get(bill=bill).state == "paid"


def test_the_order_of_a_cancelled_bill_is_closed_when_money_comes() -> None:
    bill = billed()
    Order.objects.create(channel=channel(), bill=bill, amount=FEE, pay_url=NOWHERE)
    ledger.cancel(SYSTEM, bill=bill.pk, reason="撤回")
    assert notify(said(bill)) is False
    assert Order.objects.get(bill=bill).state == "closed" and Difference.objects.get(serial=f"S{bill.pk}").kind == "not-open"


def elsewhere(work: Callable[[], T]) -> T:
    """Runs with a connection of its own that commits, as another process would."""
    try:
        return work()
    finally:
        connections.close_all()


def test_four_threads_with_the_same_notice_have_one_effect() -> None:
    with ThreadPoolExecutor(4) as pool:
        bill = pool.submit(elsewhere, billed).result()
        pool.submit(elsewhere, lambda: channel("crowd")).result()
        body = json.dumps(said(bill)).encode()
        headers, start = signed(body, code="crowd"), Barrier(4)

        def take() -> bool:
            start.wait()
            return notify(body, headers, code="crowd")

        taken = list(pool.map(lambda _: elsewhere(take), range(4)))
        pool.submit(elsewhere, lambda: Channel.objects.filter(pk="crowd").update(active=False)).result()
    assert sorted(taken) == [False, False, False, True] and state(bill) == "paid"
    assert Payment.objects.filter(bill=bill).count() == Notice.objects.filter(nonce=headers["X-Nonce"]).count() == 1
    assert ProcrastinateJob.objects.filter(task_name="events.deliver", args__values__bill=bill.pk).count() == 1


# --- over the wire, with the stand-in ----------------------------------------------------------------------------------------------------------


@dataclass
class Standin:
    """The stand-in channel on a free port, and a door that catches its notices."""

    url: str
    book: payment.Book
    notices: "Queue[tuple[str, dict[str, str], bytes]]"
    statuses: "Queue[int]"


@pytest.fixture
def standin(settings: Settings) -> Iterator[Standin]:
    server = payment.serve(Path(project.KEYS) / "peers", 0)
    notices: Queue[tuple[str, dict[str, str], bytes]] = Queue()
    statuses: Queue[int] = Queue()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            notices.put((self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(statuses.get(timeout=20))
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    door = HTTPServer(("127.0.0.1", 0), Door)
    settings.PUBLIC_URL = f"http://127.0.0.1:{door.server_port}"
    for each in (server, door):
        Thread(target=each.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    channel("unified", url)
    Channel.objects.exclude(pk="unified").update(active=False)
    yield Standin(url, server.RequestHandlerClass.book, notices, statuses)  # type: ignore[attr-defined]  # bound by payment.serve
    for each in (server, door):
        each.shutdown()
        each.server_close()


def test_a_bill_is_paid_at_the_channel_and_its_notice_comes_through_the_door(standin: Standin, client: Client) -> None:
    me, bill = payer(), billed()
    with acting(me):
        address = api.start(me, bill.pk, "unified")
        assert api.start(me, bill.pk, "unified") == address and Order.objects.filter(bill=bill).count() == 1
    assert "确认支付" in httpx.get(address).text and "支付成功" in httpx.post(address).text
    path, headers, body = standin.notices.get(timeout=20)
    answers = [
        client.post(path, body, content_type="application/json", headers={k: headers[k] for k in ("X-Time", "X-Nonce", "X-Signature")}) for _ in range(2)
    ]
    standin.statuses.put(200)
    assert [(a.status_code, a.json()) for a in answers] == [(200, {"result": "ok"})] * 2
    assert state(bill) == "paid" and Order.objects.get(bill=bill).state == "paid" and Payment.objects.filter(bill=bill).count() == 1
    with acting(me), pytest.raises(Conflict):
        api.start(me, bill.pk, "unified")
    assert api.reconcile(timezone.localdate()) == [] and Payment.objects.get(bill=bill).reconciled_on == timezone.localdate()


def test_a_forged_notice_at_the_door_is_answered_422(client: Client) -> None:
    body = json.dumps(said(billed())).encode()
    headers = {**signed(body), "X-Time": "0"}
    assert client.post("/pay/notice/unified", body, content_type="application/json", headers=headers).status_code == 422
    assert Record.objects.filter(action="payment.notice-refused").exists()


def test_a_lost_notice_is_asked_for(standin: Standin) -> None:
    bills = [billed() for _ in range(3)]
    for bill in bills:
        api.start(payer(), bill.pk, "unified")
    standin.book.notify = lambda order: None  # type: ignore[method-assign]  # the notice is lost
    standin.book.pay(bills[0].number)
    del standin.book.orders[bills[1].number]  # an order that the channel has forgotten does not stop the others
    standin.book.pay(bills[2].number)
    assert api.ask_open_orders() == 2 and [state(b) for b in bills] == ["paid", "open", "paid"]
    asked = dict(Order.objects.filter(bill__in=bills).values_list("bill", "asked_at"))
    assert all(asked.values()) and api.ask_open_orders() == 0


def test_orders_never_asked_come_first(standin: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def call(channel: Channel, method: str, path: str, body: Any = None) -> dict[str, Any]:
        asked.append(path.removeprefix("/orders/"))
        return {"state": "placed"}

    monkeypatch.setattr("yiwang.platforms.payments.wire.call", call)
    now = timezone.now()
    bills = [billed() for _ in range(3)]
    Order.objects.filter(state="placed").update(state="closed")
    for bill, at in zip(bills, (now, None, now - timedelta(hours=1)), strict=True):
        Order.objects.create(channel_id="unified", bill=bill, amount=FEE, pay_url=NOWHERE, asked_at=at)
    api.ask_open_orders()
    assert asked == [bills[1].number, bills[2].number, bills[0].number]


@pytest.mark.parametrize("answer", [{"state": "paid"}, {"state": "paid", "order": "0" * 20, "serial": "X", "amount": 1, "paid_at": "2026-03-02T12:00:00+08:00"}])
def test_an_answer_that_cannot_be_changes_nothing(standin: Standin, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> None:
    bill = billed()
    Order.objects.create(channel_id="unified", bill=bill, amount=FEE, pay_url=NOWHERE)
    monkeypatch.setattr("yiwang.platforms.payments.wire.call", lambda *_: answer)
    before = written()
    assert api.ask_open_orders() == 0 and written() == before


def test_a_channel_that_does_not_answer_is_asked_once_a_round_and_named_at_night() -> None:
    Channel.objects.exclude(pk="unified").update(active=False)
    channel("unified", NOWHERE)
    Order.objects.filter(state="placed").update(state="closed")
    bills = [billed(), billed()]
    for bill in bills:
        Order.objects.create(channel_id="unified", bill=bill, amount=FEE, pay_url=NOWHERE)
    assert api.ask_open_orders() == 0 and Order.objects.filter(bill__in=bills, asked_at=None).count() == 1
    with pytest.raises(Unavailable, match="unified没有提供2026-03-02的账单"):
        jobs.reconcile(int(datetime.fromisoformat("2026-03-03T02:30:00+08:00").timestamp()))


def test_a_statement_is_of_a_local_day_on_both_sides(standin: Standin) -> None:
    bill = billed()
    early = "2026-03-02T00:30:00+08:00"  # the first of March in UTC
    order = said(bill, state="paid", paid_at=early)
    standin.book.orders[bill.number] = order
    assert notify({k: order[k] for k in ("order", "serial", "amount", "paid_at")})
    assert api.reconcile(datetime.fromisoformat(early).date()) == [] and Payment.objects.get(bill=bill).reconciled_on is not None
    order["order"] = "9" * 20  # the channel's book names another bill
    assert [d.kind for d in api.reconcile(datetime.fromisoformat(early).date())] == ["wrong-bill"]


def test_the_stand_in_refuses_who_is_not_the_merchant(standin: Standin) -> None:
    assert httpx.post(f"{standin.url}/orders", json={"order": "1"}).status_code == 401
    assert httpx.get(f"{standin.url}/statements/2026-03-02").status_code == 401


# --- rows --------------------------------------------------------------------------------------------------------------------------------------


def test_a_person_reaches_only_their_own_orders_and_bills() -> None:
    bill, stranger = billed(), identity.actor_of_account("ruoxi")
    Order.objects.create(channel=channel(), bill=bill, amount=FEE, pay_url=NOWHERE)
    with acting(payer()):
        assert Order.objects.filter(bill=bill).exists() and api.bill_of(payer(), bill.pk) == bill
    with acting(stranger):
        assert not Order.objects.filter(bill=bill).exists()
        with pytest.raises(NotFound):
            api.start(stranger, bill.pk, "unified")
