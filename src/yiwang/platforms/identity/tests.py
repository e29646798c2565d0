"""Signing up and showing who one is: each way in beside what must not open it."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from demo.people import number_of
from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound, TooMany
from yiwang.engines.audit.models import Access, Entry
from yiwang.engines.messages.models import Dispatch, Message
from yiwang.engines.parties.models import Party
from yiwang.engines.registers.models import PolicyValue
from yiwang.kit.actors import NOBODY, SYSTEM, Actor
from yiwang.platforms.identity import api, proving
from yiwang.platforms.identity.assurance import Level
from yiwang.platforms.identity.models import Account, Code

pytestmark = pytest.mark.django_db
BIRTH = date(1990, 1, 1)
PASSWORD = "Shiyong-2026-mima"
BACKEND = "yiwang.platforms.identity.doors.AccountBackend"


def sign_up(client: Client | None = None, **changes: Any) -> Any:
    """The answer to a sign-up of a person whom nobody knows, unless changed."""
    asked = {"name": "程小满", "number": number_of(BIRTH, 555), "phone": "13800000001", "username": "xiaoman", "password1": PASSWORD, "password2": PASSWORD}
    return (client or Client()).post("/accounts/signup/", asked | changes)


def known(name: str = "程小满", *, phone: str = "13800000009", verified: str = "人口库") -> Party:
    """Somebody whom a register knows and who has no account."""
    from yiwang.engines.parties import api as parties

    party, _ = parties.find_or_register_person(SYSTEM, name=name, number=number_of(BIRTH, 555), phone=phone)
    Party.objects.filter(pk=party.pk).update(verified=verified, verified_at=timezone.now() if verified else None)
    return party


def waiting(username: str = "xiaoman") -> Account:
    """An account that claims to be the known person."""
    sign_up(username=username)
    return Account.objects.get(username=username)


def digits() -> str:
    found = re.search(r"\d{6}", Message.objects.filter(template="identity-code").latest("sent_at").body)
    assert found
    return found.group()


def later(**ago: int) -> None:
    """As if every code had been sent that long before."""
    for code in Code.objects.all():
        Code.objects.filter(pk=code.pk).update(sent_at=code.sent_at - timedelta(**ago))


def clerk() -> Actor:
    return api.actor_of_account("chikan_window")


# --- signing up --------------------------------------------------------------------------------------------------------------------------------


def test_whom_nobody_knows_is_taken_at_their_word_and_may_begin() -> None:
    client = Client()
    assert sign_up(client).status_code == 302
    account = Account.objects.get(username="xiaoman")
    assert account.party is not None and account.party.name == "程小满" and api.account_level(account) == Level.DECLARED
    assert client.get("/my/account").status_code == 200
    assert Entry.objects.filter(action="account.open", subject_id=str(account.pk)).count() == 1


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"number": number_of(BIRTH, 555)[:6] + "1990023" + number_of(BIRTH, 555)[13:]}, "身份证号码不正确"),
        ({"number": number_of(BIRTH, 555)[:-1] + "A"}, "身份证号码不正确"),
        ({"phone": "12345"}, "手机号码不正确"),
        ({"password2": "anders-2026-mima"}, ""),
        ({"password1": "kurz-1", "password2": "kurz-1"}, "10"),
        ({"password1": "abcdefghijklm", "password2": "abcdefghijklm"}, "两种"),
        ({"password1": "mima-800000001x000001", "password2": "mima-800000001x000001"}, "末六位"),
        ({"name": ""}, "请填写姓名"),
        ({"username": "HAITANG"}, "已经有人使用"),
    ],
)
def test_what_is_refused_at_sign_up(changes: dict[str, Any], said: str) -> None:
    answer = sign_up(**changes)
    assert answer.status_code == 200 and said in answer.content.decode()
    assert not Account.objects.filter(username="xiaoman").exists() and not Party.objects.filter(name="程小满").exists()


def test_the_age_is_a_dated_policy() -> None:
    today = timezone.localdate()
    thirteen = number_of(date(today.year - 13, 1, 1), 556)
    assert "未满 14 周岁" in sign_up(number=thirteen).content.decode()
    PolicyValue.objects.filter(key="identity.sign-up-age").update(value=12)
    assert sign_up(number=thirteen).status_code == 302


def test_a_false_name_is_refused_and_names_cannot_be_tried_out() -> None:
    known()
    for _ in range(5):
        assert "姓名与证件号码不相符" in sign_up(name="程大满").content.decode()
    assert "次数过多" in sign_up(name="程小满").content.decode()  # the right one is no longer told from the others
    assert Entry.objects.filter(action="sign-up.mismatch").count() == 5
    assert not Account.objects.filter(username="xiaoman").exists()


def test_one_person_has_one_account() -> None:
    sign_up()
    again = sign_up(username="xiaoman2")
    assert "已经注册" in again.content.decode() and not Account.objects.filter(username="xiaoman2").exists()


def test_an_account_does_not_open_what_a_register_holds_until_it_is_proven() -> None:
    party, client = known(), Client()
    assert sign_up(client)["Location"].endswith("/my/account/prove")
    account = Account.objects.get(username="xiaoman")
    assert account.party is None and account.claim == party and api.account_level(account) == Level.NONE
    for path in ("/my/account", "/my/cases", "/my/delegations"):
        answer = client.get(path, follow=True)
        assert answer.redirect_chain[-1][0] == "/my/account/prove" and "13800000009" not in answer.content.decode()


# --- by SMS ------------------------------------------------------------------------------------------------------------------------------------


def test_the_code_that_went_to_the_phone_on_record_binds() -> None:
    party, client = known(), Client()
    sign_up(client)
    key = client.session.session_key
    assert client.post("/my/account/prove", {"code": digits()}).status_code == 302
    account = Account.objects.get(username="xiaoman")
    assert account.party == party and account.claim is None and api.account_level(account) == Level.VERIFIED
    assert client.session.session_key != key, "another identity, another session"
    assert Entry.objects.filter(action="account.prove", subject_id=str(account.pk)).exists()


def test_a_phone_proves_only_whom_a_register_had_confirmed_before() -> None:
    party = known(verified="")
    account = waiting()
    bound = api.prove(NOBODY, account, digits())
    assert bound.party == party and api.account_level(bound) == Level.DECLARED
    Party.objects.filter(pk=party.pk).update(verified="人口库", verified_at=timezone.now() + timedelta(seconds=1))
    assert api.account_level(Account.objects.get(pk=account.pk)) == Level.DECLARED, "that phone was not the register's"


def test_a_phone_given_at_ones_own_sign_up_proves_nothing() -> None:
    client = Client()
    sign_up(client)
    assert client.post("/my/account/code").status_code == 403
    assert "窗口人员当面核对证件后立即生效" in client.get("/my/account/prove").content.decode()


def test_only_a_digest_of_the_code_is_kept_and_no_inbox_shows_it() -> None:
    from yiwang.engines.messages import api as messages

    party, account = known(), waiting()
    code = digits()
    assert code not in Code.objects.get(account=account).digest
    agent = Actor(account=1, party=2, acting_for=party.pk)
    assert Message.objects.filter(to=party).exists() and not messages.inbox(agent).exists()
    api.forgotten(NOBODY, api.prove(NOBODY, account, code).username)
    assert Message.objects.filter(to=party, template="identity-reset").exists() and not messages.inbox(agent).filter(template="identity-reset").exists()


@pytest.mark.parametrize("case", ["wrong", "old", "used", "older than the newest"])
def test_what_is_not_the_code(case: str) -> None:
    known()
    account = waiting()
    code = digits()
    if case == "wrong":
        code = f"{(int(code) + 1) % 10**6:06d}"
    elif case == "old":
        later(minutes=11)
    elif case == "used":
        api.prove(NOBODY, account, code)
    else:
        later(minutes=2)
        proving.send_code(NOBODY, account)
        if digits() == code:
            return
    with pytest.raises(Invalid):
        api.prove(NOBODY, account, code)
    assert Entry.objects.filter(action="account.prove.failed", subject_id=str(account.pk)).count() == 1


def test_five_tries_for_a_code_and_a_wrong_one_stays_counted() -> None:
    known()
    account = waiting()
    code = digits()
    for _ in range(5):
        with pytest.raises(Invalid):
            api.prove(NOBODY, account, f"{(int(code) + 1) % 10**6:06d}")
    with pytest.raises(Invalid):
        api.prove(NOBODY, account, code)


def test_a_minute_between_codes_and_five_a_day_for_one_person_from_whichever_account() -> None:
    known()
    account = waiting()
    with pytest.raises(TooMany, match="刚刚"):
        proving.send_code(NOBODY, account)
    for turn in range(4):
        later(minutes=2)
        if turn % 2:
            proving.send_code(NOBODY, account)
        else:
            waiting(f"other{turn}")  # signing up sends one
    later(minutes=2)
    with pytest.raises(TooMany, match="上限"):
        proving.send_code(NOBODY, account)
    later(hours=24)
    proving.send_code(NOBODY, account)


def test_of_two_accounts_that_claim_one_person_the_first_to_prove_it_wins() -> None:
    known()
    first, second = waiting("first"), waiting("second")
    code = digits()
    later(minutes=2)
    proving.send_code(NOBODY, second)
    api.prove(NOBODY, first, code)
    with pytest.raises(Conflict):
        api.prove(NOBODY, second, digits())
    assert Account.objects.get(pk=second.pk).party is None


@pytest.fixture
def send() -> Iterator[Callable[[int], bool]]:
    """Sends a code from a connection of its own; what was committed is taken back."""

    def once(_: int) -> bool:
        try:
            proving.send_code(NOBODY, Account.objects.get(username="ruoxi"))
            return True
        except TooMany:
            return False
        finally:
            connections["default"].close()

    yield once
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_forget).result()


def _forget() -> None:
    Dispatch.objects.filter(message__template="identity-code").delete()
    Message.objects.filter(template="identity-code").delete()
    Code.objects.all().delete()
    connections["default"].close()


def test_a_code_asked_for_several_times_at_once_goes_out_once(send: Callable[[int], bool]) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(send, range(8))).count(True) == 1


# --- at a window -------------------------------------------------------------------------------------------------------------------------------


def test_a_clerk_who_has_seen_the_card_confirms() -> None:
    party, account = known(), waiting()
    bound = api.confirm(clerk(), username="Xiaoman", name="程小满", number=party.number, phone="13900000003")
    assert bound.pk == account.pk and bound.party == party and api.account_level(bound) == Level.VERIFIED
    assert Party.objects.get(pk=party.pk).phone == "13900000003"
    with pytest.raises(NotFound):
        api.confirm(clerk(), username="nobody", name="程小满", number=party.number)


def test_an_account_that_is_bound_is_not_bound_to_another() -> None:
    known()
    with pytest.raises(Conflict):
        api.confirm(clerk(), username="haitang", name="程小满", number=number_of(BIRTH, 555))


@pytest.mark.parametrize("who", ["haitang", "shichang", "sysadmin", "auditadmin"])
def test_nobody_else_helps_with_accounts(who: str) -> None:
    person, actor = Party.objects.get(name="刘若溪"), api.actor_of_account(who)
    for refused in (
        lambda: api.confirm(actor, username="ruoxi", name=person.name, number=person.number),
        lambda: api.recover(actor, name=person.name, number=person.number),
        lambda: api.release(actor, name=person.name, number=person.number, reason="不是本人"),
    ):
        with pytest.raises(NotAllowed):
            refused()


def test_a_window_helps_citizens_and_the_security_administrator_officials_and_nobody_themselves() -> None:
    """Otherwise a window could take over any office, 三权分立 or not."""
    official, citizen, own = (Party.objects.get(name=name) for name in ("陈子衿", "刘若溪", "张予安"))
    security = api.actor_of_account("secadmin")
    with pytest.raises(NotAllowed, match="安全管理员"):
        api.recover(clerk(), name=official.name, number=official.number)
    with pytest.raises(NotAllowed, match="窗口"):
        api.recover(security, name=citizen.name, number=citizen.number)
    with pytest.raises(NotAllowed, match="自己"):
        api.recover(clerk(), name=own.name, number=own.number)
    assert api.recover(security, name=official.name, number=official.number)[0].username == "sysadmin"


def test_recovery_voids_password_second_factors_sessions_and_older_links() -> None:
    from allauth.mfa.models import Authenticator
    from allauth.mfa.totp.internal.auth import TOTP

    account, client = Account.objects.get(username="ruoxi"), Client()
    assert account.party is not None and account.party_id
    client.force_login(account, BACKEND)
    TOTP.activate(account, "JBSWY3DPEHPK3PXP")
    older = proving.reset_path(account)
    _, path = api.recover(clerk(), name="刘若溪", number=account.party.number, phone="13900000007")
    assert client.get("/my/account").status_code == 302
    assert not Authenticator.objects.filter(user=account).exists()
    assert "已经用过或者过期" in Client().get(older, follow=True).content.decode()
    assert Party.objects.get(pk=account.party_id).phone == "13900000007"
    assert set_password(path) and not set_password(path), "good once"
    assert Access.objects.filter(party=account.party_id, purpose="窗口办理账号业务").exists()


def set_password(path: str) -> bool:
    """Whether a new password could be set through the link."""
    client = Client()
    form = client.get(path, follow=True)
    if "已经用过或者过期" in form.content.decode():
        return False
    answer = client.post(form.redirect_chain[-1][0], {"password1": PASSWORD, "password2": PASSWORD})
    return answer.status_code == 302


def test_who_says_an_account_is_not_theirs_gets_it_closed_and_can_open_their_own() -> None:
    thief = Client()
    sign_up(thief)
    number = number_of(BIRTH, 555)
    with pytest.raises(Invalid):
        api.release(clerk(), name="程小满", number=number, reason=" ")
    api.release(clerk(), name="程小满", number=number, reason="从未注册")
    assert thief.get("/my/account").status_code == 302, "their session is over"
    assert Party.objects.get(number=number).phone == "", "codes must not go to the thief's phone"
    own = waiting("own")
    assert own.claim is not None
    assert api.confirm(clerk(), username="own", name="程小满", number=number, phone="13900000001").party == own.claim


def test_the_window_page_asks_for_what_the_wish_needs() -> None:
    client, person = Client(), Party.objects.get(name="刘若溪")
    client.force_login(Account.objects.get(username="chikan_window"), BACKEND)
    asked = {"name": person.name, "number": person.number, "seen": "on"}
    assert "请填写当事人的用户名" in client.post("/work/accounts", {**asked, "wish": "confirm"}).content.decode()
    assert "请填写当事人的说明" in client.post("/work/accounts", {**asked, "wish": "release"}).content.decode()
    assert "请先当面核对证件" in client.post("/work/accounts", {**asked, "wish": "recover", "seen": ""}).content.decode()
    assert "没有找到" in client.post("/work/accounts", {**asked, "name": "刘若川", "wish": "recover"}).content.decode()
    assert "请当事人扫码" in client.post("/work/accounts", {**asked, "wish": "recover"}).content.decode()
    client.force_login(Account.objects.get(username="haitang"), BACKEND)
    assert client.get("/work/accounts").status_code == 403


# --- documentation -----------------------------------------------------------------------------------------------------------------------------


def test_the_example_of_the_documentation_runs() -> None:
    page = (Path(__file__).parents[4] / "docs/platforms/identity.md").read_text(encoding="utf-8")
    exec(page.split("```python")[1].split("```")[0], {})
