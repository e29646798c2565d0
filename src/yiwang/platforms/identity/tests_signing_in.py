"""Signing in: password, second factor, recovery; lock-out, idle sessions, links; what each level opens."""

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from yiwang.engines.audit.models import Entry
from yiwang.engines.messages.models import Message
from yiwang.kit.actors import NOBODY
from yiwang.platforms.identity import api, proving, security, sessions
from yiwang.platforms.identity.models import Account

pytestmark = pytest.mark.django_db
BACKEND = "yiwang.platforms.identity.doors.AccountBackend"
PASSWORD = "Yiwang-ruoxi-2026"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def account(username: str = "ruoxi") -> Account:
    return Account.objects.get(username=username)


def sign_in(client: Client, username: str = "ruoxi", password: str = PASSWORD, **more: str) -> Any:
    return client.post("/accounts/login/", {"login": username, "password": password, **more})


def signed_in(username: str = "ruoxi") -> Client:
    client = Client()
    client.force_login(account(username), BACKEND)
    return client


def number(secret: str = SECRET, *, ahead: int = 0) -> str:
    """What the authenticator application shows (RFC 6238)."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + ahead)))


def is_in(client: Client) -> bool:
    return client.get("/my/account").status_code == 200


def of(action: str, username: str = "ruoxi") -> int:
    return Entry.objects.filter(action=action, subject_id=str(account(username).pk)).count()


# --- password ----------------------------------------------------------------------------------------------------------------------------------


def test_the_right_password_and_only_that() -> None:
    client = Client()
    client.get("/accounts/login/")
    assert sign_in(client, password="falsch").status_code == 200 and not is_in(client)
    assert Entry.objects.filter(action="sign-in.failed", detail__username="ruoxi").count() == 1
    assert sign_in(client, "RUOXI").status_code == 302 and is_in(client)
    assert of("sign-in") == 1
    client.post("/accounts/logout/")
    assert of("sign-out") == 1 and not is_in(client)


def test_whether_there_is_such_an_account_is_not_said() -> None:
    wrong, nobody = (sign_in(Client(), name, "falsch").content.decode() for name in ("ruoxi", "niemand"))
    assert re.findall(r'role="alert">(.*?)<', wrong) == re.findall(r'role="alert">(.*?)<', nobody) == ["用户名或密码不正确。"]


def test_a_session_key_planted_before_is_worth_nothing_after() -> None:
    client = Client()
    client.get("/accounts/login/")
    session = client.session
    session["planted"] = 1
    session.save()
    before = session.session_key
    sign_in(client)
    assert client.session.session_key != before


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere(to: str) -> None:
    client = Client()
    assert sign_in(client, next=to)["Location"] == "/"
    assert client.post("/my/act-for", {"party": "", "next": to})["Location"] == "/"
    assert client.post("/my/act-for", {"party": "", "next": "/my/cases"})["Location"] == "/my/cases"


def test_five_wrong_passwords_lock_and_a_security_administrator_unlocks() -> None:
    client = Client()
    for _ in range(5):
        answer = sign_in(client, password="falsch")
    assert answer.status_code == 429 and "暂时锁定" in answer.content.decode()
    assert sign_in(client).status_code == 429, "also the right one"
    assert sign_in(Client(REMOTE_ADDR="10.1.1.1")).status_code == 302, "a stranger elsewhere does not shut its owner out"
    assert Entry.objects.filter(action="sign-in.locked").exists()
    lock = security.locks()[0]
    assert lock.username == "ruoxi" and lock.failures >= 5
    security.unlock(api.actor_of_account("secadmin"), lock.key)
    assert of("account.unlock") == 1
    assert sign_in(client).status_code == 302


def test_another_way_of_writing_the_name_is_no_other_account() -> None:
    for name in ("ruoxi", "Ruoxi", "RUOXI", "ruoXi ", "rUoxi"):
        answer = sign_in(Client(), name, "falsch")
    assert answer.status_code == 429


def test_a_password_typed_as_a_user_name_is_not_shown_to_anybody() -> None:
    for _ in range(5):
        sign_in(Client(), username="Geheim-2026-wort", password="x")
    assert [lock.username for lock in security.locks()] == ["（没有这个用户名）"]


def test_a_success_forgets_the_failures_before() -> None:
    client = Client()
    for _ in range(2):
        for _ in range(4):
            sign_in(client, password="falsch")
        cache.clear()  # allauth's own, slower limit
        assert sign_in(client).status_code == 302
        client.post("/accounts/logout/")


def test_a_closed_account_is_out_at_once() -> None:
    client = signed_in()
    assert is_in(client)
    Account.objects.filter(username="ruoxi").update(is_active=False)
    assert not is_in(client)
    assert not is_in(Client()) and "/inactive" in sign_in(Client()).get("Location", "/inactive")


# --- forgotten ---------------------------------------------------------------------------------------------------------------------------------


def link() -> str:
    found = re.search(r"/accounts/password/reset/key/\S+/", Message.objects.filter(template="identity-reset").latest("sent_at").body)
    assert found
    return found.group()


def test_the_link_goes_to_the_phone_on_record_and_the_answer_is_the_same_for_nobody() -> None:
    there, nobody = (Client().post("/accounts/forgotten", {"username": name}).content.decode() for name in ("ruoxi", "niemand"))
    mask = re.compile(r'csrfmiddlewaretoken" value="[^"]+"')
    assert mask.sub("", there) == mask.sub("", nobody)
    assert Message.objects.filter(template="identity-reset").count() == 1


def test_one_link_an_hour_however_often_it_is_asked_for_and_not_too_often() -> None:
    for _ in range(5):
        assert Client().post("/accounts/forgotten", {"username": "ruoxi"}).status_code == 200
    assert Message.objects.filter(template="identity-reset").count() == 1
    assert Client().post("/accounts/forgotten", {"username": "Ruoxi"}).status_code == 429


def reset(path: str, password: str = "Neues-2026-wort") -> bool:
    client = Client()
    form = client.get(path, follow=True)
    if "已经用过或者过期" in form.content.decode():
        return False
    return bool(client.post(form.redirect_chain[-1][0], {"password1": password, "password2": password}).status_code == 302)


def test_a_link_sets_a_password_once_and_ends_all_sessions() -> None:
    client = signed_in()
    proving.forgotten(NOBODY, "ruoxi")
    path = link()
    assert reset(path) and not reset(path)
    assert not is_in(client)
    assert sign_in(Client(), password="Neues-2026-wort").status_code == 302
    assert of("account.change") == 1 and Message.objects.filter(template="identity-changed", body__contains="重设").exists()


def test_a_link_dies_with_a_change_of_password_a_sign_in_and_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    path = proving.reset_path(account())
    sign_in(Client())
    assert not reset(path), "whoever signs in has not forgotten"
    path = proving.reset_path(account())
    monkeypatch.setattr(settings, "PASSWORD_RESET_TIMEOUT", -1)
    assert not reset(path)


def test_a_weak_new_password_is_refused_with_the_rules() -> None:
    client = Client()
    form = client.get(proving.reset_path(account()), follow=True)
    answer = client.post(form.redirect_chain[-1][0], {"password1": "1234567890", "password2": "1234567890"})
    assert answer.status_code == 200 and "两种" in answer.content.decode()


def test_a_new_password_asks_for_the_old_one_and_ends_the_other_sessions() -> None:
    here, there = signed_in(), signed_in()
    change = {"password1": "Neues-2026-wort", "password2": "Neues-2026-wort"}
    assert here.post("/accounts/password/change/", {"oldpassword": "falsch", **change}).status_code == 200
    assert here.post("/accounts/password/change/", {"oldpassword": PASSWORD, **change}).status_code == 302
    assert not is_in(there)
    assert of("account.change") == 1


@pytest.mark.parametrize("path", ["password/reset/", "email/", "confirm-email/", "confirm-email/abc/", "password/set/", "login/code/confirm/"])
def test_pages_that_rest_on_e_mail_lead_back(path: str) -> None:
    assert Client().get(f"/accounts/{path}").status_code == 302


# --- second factor -----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def enrolled() -> Account:
    TOTP.activate(account(), SECRET)
    return account()


def test_the_seed_lies_encrypted_and_the_codes_too(enrolled: Account) -> None:
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    RecoveryCodes.activate(enrolled)
    kept = list(Authenticator.objects.filter(user=enrolled).values_list("data", flat=True))
    assert len(kept) == 2 and SECRET not in str(kept)
    shown = RecoveryCodes(Authenticator.objects.get(user=enrolled, type="recovery_codes")).get_unused_codes()
    assert not [code for code in shown if code in str(kept)]


def test_the_password_alone_no_longer_signs_in(enrolled: Account) -> None:
    client = Client()
    assert sign_in(client)["Location"].startswith("/accounts/2fa/authenticate/")
    assert not is_in(client)
    assert client.post("/accounts/2fa/authenticate/", {"code": number(ahead=9)}).status_code == 200 and not is_in(client)
    assert of("sign-in.factor-failed") == 1
    code = number()
    assert client.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 302 and is_in(client)
    thief = Client()
    sign_in(thief)
    thief.post("/accounts/2fa/authenticate/", {"code": code})
    assert not is_in(thief), "a code seen over the shoulder is used up"


def test_second_factors_cannot_be_tried_out(enrolled: Account) -> None:
    client = Client()
    sign_in(client)
    for _ in range(10):
        client.post("/accounts/2fa/authenticate/", {"code": number(ahead=9)})
    answer = client.post("/accounts/2fa/authenticate/", {"code": number()})
    assert "请几分钟后再试" in answer.content.decode() and not is_in(client)


def test_a_recovery_code_signs_in_once(enrolled: Account) -> None:
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    code = RecoveryCodes.activate(enrolled).get_unused_codes()[0]
    for expected in (True, False):
        client = Client()
        sign_in(client)
        client.post("/accounts/2fa/authenticate/", {"code": code})
        assert is_in(client) is expected


@pytest.mark.parametrize("path", ["totp/activate/", "webauthn/add/", "recovery-codes/generate/"])
def test_how_one_signs_in_is_changed_only_after_showing_who_one_is_again(path: str, enrolled: Account) -> None:
    if path.startswith("totp"):
        Authenticator.objects.all().delete()
    client = signed_in()
    assert client.get(f"/accounts/2fa/{path}")["Location"].startswith("/accounts/reauthenticate/")
    again = client.post("/accounts/reauthenticate/", {"password": "falsch"})
    assert again.status_code == 200
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302
    assert client.get(f"/accounts/2fa/{path}").status_code == 200


def test_the_level_of_a_session_says_how_it_was_signed_in(enrolled: Account) -> None:
    client = Client()
    sign_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": number()})
    assert "实名核验并双因素登录" in client.get("/my/account").content.decode()
    Authenticator.objects.all().delete()
    plain = signed_in()
    assert "下一级“实名核验并双因素登录”" in plain.get("/my/account").content.decode()


PAGES = {"sysadmin": ["/work/clients", "/work/posts"], "secadmin": ["/work/security"]}


@pytest.mark.parametrize("username", PAGES)
def test_an_administrator_enters_only_with_a_second_factor(username: str) -> None:
    client = signed_in(username)
    for path in PAGES[username]:
        answer = client.get(path)
        assert answer.status_code == 403 and "第二验证因素" in answer.content.decode()
    TOTP.activate(account(username), SECRET)
    assert client.get(PAGES[username][0])["Location"].startswith("/accounts/2fa/reauthenticate/")
    client.post("/accounts/2fa/reauthenticate/", {"code": number()})
    assert [client.get(path).status_code for path in PAGES[username]] == [200] * len(PAGES[username])


# --- sessions ----------------------------------------------------------------------------------------------------------------------------------


def idle(client: Client, seconds: int) -> None:
    session = client.session
    session[sessions.SEEN] = time.time() - seconds
    session.save()


@pytest.mark.parametrize("username, stays, ends", [("ruoxi", 7100, 7300), ("chikan_window", 1700, 1900)])
def test_a_session_ends_when_nobody_is_there_sooner_for_officials(username: str, stays: int, ends: int) -> None:
    client = signed_in(username)
    assert is_in(client)
    idle(client, stays)
    assert is_in(client)
    idle(client, ends)
    assert "自动退出" in client.get("/my/account", follow=True).content.decode()
    assert Entry.objects.filter(action="sign-out.idle", account=account(username).pk).count() == 1
    assert not is_in(client)


def test_one_sees_where_one_is_signed_in_and_ends_the_others() -> None:
    here, there = Client(), Client(REMOTE_ADDR="10.2.2.2")
    sign_in(here), sign_in(there)
    page = here.get("/accounts/sessions/").content.decode()
    assert "这台设备" in page and "10.2.2.2" in page
    here.post("/accounts/sessions/")
    assert is_in(here) and not is_in(there)


def test_a_security_administrator_ends_sessions_and_nobody_else() -> None:
    client = Client()
    sign_in(client)
    for who in ("sysadmin", "auditadmin", "chikan_window"):
        with pytest.raises(Exception, match="安全管理员"):
            security.end_sessions(api.actor_of_account(who), account().pk)
    assert security.end_sessions(api.actor_of_account("secadmin"), account().pk) == 1
    assert not is_in(client) and of("account.end-sessions") == 1 and not UserSession.objects.filter(user=account()).exists()


def test_switching_whom_one_acts_for_keeps_the_session_findable() -> None:
    client = Client()
    sign_in(client, "zhiqiu", "Yiwang-zhiqiu-2026")
    client.post("/my/act-for", {"party": ""})
    assert security.end_sessions(api.actor_of_account("secadmin"), account("zhiqiu").pk) == 1
    assert not is_in(client)


def test_locks_pass_by_themselves() -> None:
    from axes.models import AccessAttempt

    client = Client()
    for _ in range(5):
        sign_in(client, password="falsch")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=31))
    cache.clear()
    assert not security.locks() and sign_in(client).status_code == 302
