"""Messages: after commit only, once however often tried, by every channel over the wire, held back at night, read by their receiver alone."""

import hashlib
import hmac
import json
import re
import threading
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from procrastinate.contrib.django.models import ProcrastinateJob as Job

from demo.peers import mail, sms
from yiwang.base.deadlines import ZONE
from yiwang.base.errors import Gone, Invalid, NotAllowed, NotFound, TooMany, Unavailable
from yiwang.engines.messages import api, jobs
from yiwang.engines.messages.models import Dispatch, Gateway, Message, Subscription
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Party
from yiwang.kit.access import restrict
from yiwang.kit.actors import NOBODY, SYSTEM, Actor
from yiwang.kit.rowsecurity import acting

pytestmark = pytest.mark.django_db
NOON, NIGHT = datetime(2026, 3, 2, 12, tzinfo=ZONE), datetime(2026, 3, 2, 23, tzinfo=ZONE)
CHANGED = {"licence": "食品经营许可证", "state": "有效", "reason": "换发", "organ": "市场监管局"}
CODE = {"code": "123456", "minutes": 5}


def actor(name: str) -> Actor:
    party = Party.objects.get(name=name)
    return parties.actor_for(1, party.pk, name)


def send(key: str, *, to: str = "刘若溪", template: str = "licence-changed") -> Message:
    party = Party.objects.get(name=to)
    api.send(to=party.pk, template=template, values=CODE if template == "identity-code" else CHANGED, key=key)
    return Message.objects.get(key=key)


def running(server: Any) -> Iterator[str]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "localtime", lambda: NOON)


@pytest.fixture
def gateway(at_noon: None) -> Iterator[str]:
    """The stand-in gateway of the demo city, over the wire."""
    for address in running(sms.serve(Path(settings.KEYS) / "peers", 0)):
        Gateway.objects.filter(channel="sms").update(url=f"http://{address}")
        yield f"http://{address}"


def sent(gateway: str) -> list[dict[str, str]]:
    return list(httpx.get(f"{gateway}/messages").json()["messages"])


def waiting(channel: str = "sms") -> list[Dispatch]:
    return list(Dispatch.objects.filter(channel=channel).exclude(state="sent").order_by("pk"))


# --- after commit, once ------------------------------------------------------------------------------------------------------------------------


def test_what_is_rolled_back_is_never_sent() -> None:
    jobs_before = Job.objects.count()
    with pytest.raises(RuntimeError), transaction.atomic():
        send("rolled-back")
        raise RuntimeError
    assert not Message.objects.filter(key="rolled-back").exists() and Job.objects.count() == jobs_before


def test_message_delivery_and_job_are_one_transaction(gateway: str) -> None:
    """The job stands beside the message in the same commit; until a worker takes it nothing leaves the house."""
    message = send("kept")
    dispatch = Dispatch.objects.get(message=message)
    assert Job.objects.filter(task_name="messages.dispatch", args__dispatch=dispatch.pk, status="todo").count() == 1
    assert sent(gateway) == []


def test_a_repeated_cause_is_one_message(gateway: str) -> None:
    first, again = send("same"), send("same")
    assert first == again and Dispatch.objects.filter(message=first).count() == 1


def test_two_deliveries_of_one_job_are_one_sms(gateway: str) -> None:
    dispatch = Dispatch.objects.get(message=send("twice"))
    jobs.dispatch(dispatch=dispatch.pk)
    jobs.dispatch(dispatch=dispatch.pk)
    Dispatch.objects.filter(pk=dispatch.pk).update(state="waiting")  # the worker died after the gateway had taken it
    jobs.dispatch(dispatch=dispatch.pk)
    assert [m["id"] for m in sent(gateway)] == [str(dispatch.pk)]
    dispatch.refresh_from_db()
    assert (dispatch.state, dispatch.receipt, dispatch.tries) == ("sent", "SMS00000001", 2)
    assert sent(gateway)[0]["to"] == Party.objects.get(name="刘若溪").phone and "食品经营许可证" in sent(gateway)[0]["text"]


def test_a_gateway_that_fails_is_tried_again(gateway: str) -> None:
    dispatch = Dispatch.objects.get(message=send("again"))
    Gateway.objects.filter(channel="sms").update(url="http://127.0.0.1:9")  # nobody listens
    with pytest.raises(Unavailable) as caught:
        jobs.dispatch(dispatch=dispatch.pk)
    dispatch.refresh_from_db()
    assert dispatch.state == "failed" and dispatch.problem and dispatch.tries == 1
    job, strategy = Job.objects.get(args__dispatch=dispatch.pk), jobs.dispatch.retry_strategy
    assert strategy is not None
    decided = strategy.get_retry_decision(exception=caught.value, job=cast("Any", job))
    assert decided is not None and decided.retry_at is not None and decided.retry_at > timezone.now()
    Gateway.objects.filter(channel="sms").update(url=gateway)
    jobs.dispatch(dispatch=dispatch.pk)
    dispatch.refresh_from_db()
    assert (dispatch.state, dispatch.problem, dispatch.tries) == ("sent", "", 2) and len(sent(gateway)) == 1


def test_a_false_signature_is_not_taken(gateway: str, tmp_path: Path) -> None:
    (Path(settings.KEYS) / "false.secret").write_text("another")
    Gateway.objects.filter(channel="sms").update(key_file="false.secret")
    with pytest.raises(Unavailable, match="401"):
        jobs.dispatch(dispatch=Dispatch.objects.get(message=send("forged")).pk)
    assert sent(gateway) == []


def test_an_undeclared_template_and_a_missing_value_are_errors() -> None:
    party = Party.objects.get(name="刘若溪").pk
    with pytest.raises(KeyError):
        api.send(to=party, template="no-such", values={}, key="k1")
    with pytest.raises(KeyError):
        api.send(to=party, template="licence-changed", values={"licence": "x"}, key="k2")
    assert not Message.objects.filter(key__in=("k1", "k2")).exists()


# --- quiet hours -------------------------------------------------------------------------------------------------------------------------------


def test_at_night_a_message_waits_until_morning_and_a_code_does_not(gateway: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "localtime", lambda: NIGHT)
    held, urgent = (Dispatch.objects.get(message=send(t, template=t)) for t in ("licence-changed", "identity-code"))
    jobs.dispatch(dispatch=held.pk)
    jobs.dispatch(dispatch=urgent.pk)
    assert [m["id"] for m in sent(gateway)] == [str(urgent.pk)]
    later = Job.objects.filter(args__dispatch=held.pk).exclude(scheduled_at=None).get()
    assert later.scheduled_at == datetime(2026, 3, 3, 8, tzinfo=ZONE)
    held.refresh_from_db()
    assert held.state == "waiting"


@given(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)), st.times(), st.times())
def test_quiet_hours_end_where_they_should(naive: datetime, start: time, end: time) -> None:
    """Whenever it is held back: the end lies ahead, within a day, at the hour that is set, and is no longer quiet itself."""
    now = naive.replace(tzinfo=ZONE)
    until = jobs.quiet_until(now, start, end)
    if until is not None:
        assert now < until <= now + timedelta(days=1) and until.time() == end and jobs.quiet_until(until, start, end) is None
    assert jobs.quiet_until(now, None, end) is None and jobs.quiet_until(now, start, start) is None


@pytest.mark.parametrize(
    "hour, until",
    [(21, None), (22, (3, 8)), (23, (3, 8)), (0, (2, 8)), (7, (2, 8)), (8, None), (12, None)],
)
def test_quiet_hours_over_midnight(hour: int, until: tuple[int, int] | None) -> None:
    found = jobs.quiet_until(datetime(2026, 3, 2, hour, tzinfo=ZONE), time(22), time(8))
    assert (found and (found.day, found.hour)) == until


# --- the inbox ---------------------------------------------------------------------------------------------------------------------------------


def test_one_reads_and_counts_ones_own(at_noon: None) -> None:
    mine, theirs = send("mine"), send("theirs", to="陈晓帆")
    me = actor("刘若溪")
    assert mine in api.inbox(me) and theirs not in api.inbox(me)
    assert api.unread(me) == api.inbox(me).count() and api.unread(NOBODY) == 0
    assert api.mark_read(me, theirs.pk) == 0 and api.mark_read(me, mine.pk) == 1 and api.mark_read(me, mine.pk) == 0
    theirs.refresh_from_db()
    assert theirs.read_at is None
    with acting(me):
        assert set(Message.objects.values_list("to", flat=True)) == {me.party} and not Dispatch.objects.filter(message=theirs).exists()
    assert not restrict(me, Dispatch.objects.all()).exists() and restrict(actor("陈子衿"), Dispatch.objects.all()).exists()


def test_a_code_stands_only_where_it_was_sent() -> None:
    code = send("code", template="identity-code")
    assert code not in api.inbox(actor("刘若溪")) and Dispatch.objects.filter(message=code, channel="sms").exists()


# --- e-mail ------------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def post(at_noon: None) -> Iterator[Any]:
    """A mail server over the wire; gives the class that keeps what came."""
    server = mail.serve(0)
    for address in running(server):
        Gateway.objects.create(channel="email", url=f"smtp://{address}", account="noreply@zhanjiang.example")
        yield server.RequestHandlerClass


def code_in(letter: Any) -> str:
    found = re.search(r"\d{6}", letter.get_content())
    assert found
    return found.group()


def confirmed(post: Any) -> Actor:
    me = actor("刘若溪")
    api.subscribe_address(me, "ruoxi@example.cn")
    jobs.dispatch(dispatch=waiting("email")[-1].pk)
    api.confirm_address(me, code_in(post.taken[-1]))
    return me


def test_mail_goes_to_a_confirmed_address_only(post: Any) -> None:
    me = actor("刘若溪")
    api.subscribe_address(me, " ruoxi@example.cn ")
    assert not Dispatch.objects.filter(message=send("before"), channel="email").exists()
    jobs.dispatch(dispatch=waiting("email")[0].pk)
    assert post.taken[0]["To"] == "ruoxi@example.cn" and not api.inbox(me).filter(template="message-address").exists()
    api.confirm_address(me, code_in(post.taken[0]))
    dispatch = Dispatch.objects.get(message=send("after"), channel="email")
    jobs.dispatch(dispatch=dispatch.pk)
    letter = post.taken[1]
    assert (letter["Subject"], letter["From"], letter["Message-ID"]) == ("证照状态变化", "noreply@zhanjiang.example", f"<{dispatch.pk}@zhanjiang.example>")
    assert "食品经营许可证" in letter.get_content()
    assert not Dispatch.objects.filter(message=send("other", to="陈晓帆"), channel="email").exists()


def test_a_mail_server_that_asks_to_wait_is_tried_again(post: Any) -> None:
    confirmed(post)
    dispatch = Dispatch.objects.get(message=send("later"), channel="email")
    post.refuses.append(True)
    with pytest.raises(Unavailable):
        jobs.dispatch(dispatch=dispatch.pk)
    post.refuses.clear()
    jobs.dispatch(dispatch=dispatch.pk)
    dispatch.refresh_from_db()
    assert (dispatch.state, dispatch.tries) == ("sent", 2) and len(post.taken) == 2


def test_codes_are_counted_and_run_out(post: Any) -> None:
    me = actor("刘若溪")
    with pytest.raises(NotFound):
        api.confirm_address(me, "000000")
    with pytest.raises(Invalid):
        api.subscribe_address(me, "no address")
    waits = api.subscribe_address(me, "ruoxi@example.cn")
    for _ in range(5):
        with pytest.raises(Invalid):
            api.confirm_address(me, "nothing")
    with pytest.raises(TooMany):
        api.confirm_address(me, "nothing")
    Subscription.objects.filter(pk=waits.pk).update(code_until=timezone.now() - timedelta(minutes=1))
    with pytest.raises(Gone):
        api.confirm_address(me, "nothing")


def test_only_its_party_ends_a_subscription(post: Any) -> None:
    me = confirmed(post)
    mine = Subscription.objects.get(ended_at=None)
    with pytest.raises(NotFound):
        api.unsubscribe(actor("陈晓帆"), mine.pk)
    api.unsubscribe(me, mine.pk)
    assert not Dispatch.objects.filter(message=send("ended"), channel="email").exists()
    with acting(actor("陈晓帆")):
        assert not Subscription.objects.exists()


def test_without_a_mail_server_nobody_subscribes() -> None:
    with pytest.raises(Unavailable):
        api.subscribe_address(actor("刘若溪"), "ruoxi@example.cn")
    with pytest.raises(NotAllowed):
        api.subscribe_address(NOBODY, "ruoxi@example.cn")


# --- webhooks ----------------------------------------------------------------------------------------------------------------------------------


class Receiver(BaseHTTPRequestHandler):
    """A firm's own system."""

    came: list[tuple[Any, bytes]]

    def do_POST(self) -> None:
        self.came.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def firm_system(at_noon: None) -> Iterator[tuple[str, list[tuple[Any, bytes]]]]:
    came: list[tuple[Any, bytes]] = []
    Gateway.objects.create(channel="webhook", account="zhanjiang", key_file="peers/sms.secret")
    for address in running(ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Receiver,), {"came": came}))):
        yield f"http://{address}/messages", came


def test_a_webhook_is_pushed_with_a_signature_that_its_receiver_checks(firm_system: tuple[str, list[tuple[Any, bytes]]]) -> None:
    url, came = firm_system
    firm = Party.objects.get(name="湛江望海餐饮店（演示）")
    _, secret = api.register_webhook(SYSTEM, firm.pk, url)
    dispatch = Dispatch.objects.get(message=send("push", to=firm.name), channel="webhook")
    jobs.dispatch(dispatch=dispatch.pk)
    headers, body = came[0]
    signed = b"\n".join((headers["X-Time"].encode(), headers["X-Nonce"].encode(), body))
    assert headers["X-Signature"] == hmac.new(bytes.fromhex(secret), signed, hashlib.sha256).hexdigest()
    said = json.loads(body)
    assert said["id"] == str(dispatch.pk) and "食品经营许可证" in said["body"]
    _, other = api.register_webhook(SYSTEM, firm.pk, url + "/2")
    assert other != secret and Subscription.objects.filter(party=firm, channel="webhook", ended_at=None).count() == 1


def test_webhooks_are_registered_by_the_system_administrator(firm_system: tuple[str, list[tuple[Any, bytes]]]) -> None:
    firm = Party.objects.get(name="湛江望海餐饮店（演示）").pk
    for name in ("陈晓帆", "张予安"):
        with pytest.raises(NotAllowed):
            api.register_webhook(actor(name), firm, firm_system[0])
    with pytest.raises(Invalid):
        api.register_webhook(actor("陈子衿"), firm, "file:///etc/passwd")
    assert api.register_webhook(actor("陈子衿"), firm, firm_system[0])


def test_the_example_of_the_page_runs() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "engines/messages.md").read_text(encoding="utf-8")
    exec(page.split("```python")[1].split("```")[0], {})
