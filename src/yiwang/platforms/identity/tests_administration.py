"""The administrators' pages: systems that call, posts, accounts; each right beside those who must not have it."""

import json
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client as Browser
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound, SignInNeeded
from yiwang.engines.audit.models import Access, Entry
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Membership, Organisation, Party, Post
from yiwang.engines.registers import api as registers
from yiwang.engines.registers.models import Hook
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.registry import registry
from yiwang.platforms.identity import api
from yiwang.platforms.identity.models import Account, Client, Usage

pytestmark = pytest.mark.django_db
BACKEND = "yiwang.platforms.identity.doors.AccountBackend"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
EVERYBODY = ["haitang", "chikan_window", "shichang", "supervisor", "sysadmin", "secadmin", "auditadmin"]


def browser(username: str) -> Browser:
    """Signed in with a second factor."""
    client, account = Browser(), Account.objects.get(username=username)
    client.force_login(account, BACKEND)
    TOTP.activate(account, SECRET)
    client.post("/accounts/2fa/reauthenticate/", {"code": format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))})
    return client


def organ() -> Organisation:
    return parties.organ_for("market_regulation", "440802000000")


@pytest.fixture
def made() -> tuple[Client, str]:
    return api.make_client(SYSTEM, code="pos", name="连锁餐饮系统", organ=organ().pk, scope=["food_operation"], rate=3)


def call(token: str) -> int:
    return Browser().get("/api/items", headers={"authorization": f"Bearer {token}"}).status_code


# --- who may enter -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path, who", [("/work/clients", "sysadmin"), ("/work/posts", "sysadmin"), ("/work/security", "secadmin")])
@pytest.mark.parametrize("username", EVERYBODY)
def test_each_page_is_one_administrators(path: str, who: str, username: str) -> None:
    assert browser(username).get(path).status_code == (200 if username == who else 403)


def test_nobody_enters_without_signing_in() -> None:
    for path in ("/work/clients", "/work/posts", "/work/security", "/work/accounts"):
        assert Browser().get(path).status_code == 302


# --- systems that call -------------------------------------------------------------------------------------------------------------------------


def test_a_secret_is_shown_once_renewed_and_closed() -> None:
    admin = browser("sysadmin")
    form = {"name": "连锁餐饮系统", "code": "pos", "organ": organ().key, "scope": "food_operation", "rate": 60}
    page = admin.post("/work/clients", form).content.decode()
    secret = page.split("client_secret</dt><dd><code>")[1].split("<")[0]
    found = Client.objects.get(code="pos")
    assert secret not in found.secret_digest and secret not in admin.get("/work/clients").content.decode()
    old = api.token("pos", secret)
    again = admin.post(f"/work/clients/{found.pk}/renew").content.decode()
    renewed = again.split("client_secret</dt><dd><code>")[1].split("<")[0]
    with pytest.raises(SignInNeeded):
        api.token("pos", secret)
    assert call(old) == 401, "the token died with its secret"
    token = api.token("pos", renewed)
    assert call(token) != 401
    assert admin.post(f"/work/clients/{found.pk}/close").status_code == 302
    assert call(token) == 401
    with pytest.raises(SignInNeeded):
        api.token("pos", renewed)
    assert admin.post(f"/work/clients/{found.pk}/renew").status_code == 404
    assert [e.action for e in Entry.objects.filter(subject_type="identity.client").order_by("at", "id")] == ["client.make", "client.renew-secret", "client.close"]


@pytest.mark.parametrize(
    "changes, said",
    [({"code": "P"}, "标识只能用"), ({"organ": "nirgends"}, "没有这个机构标识"), ({"scope": "falsch"}, "没有这些事项或登记簿"), ({"scope": "register:niemand"}, "没有这些事项或登记簿"), ({"rate": 0}, ""), ({"code": "pos"}, "请换一个标识")],
)
def test_what_is_no_system(changes: dict[str, Any], said: str, made: tuple[Client, str]) -> None:
    form = {"name": "新系统", "code": "neu", "organ": organ().key, "scope": "food_operation", "rate": 60}
    answer = browser("sysadmin").post("/work/clients", form | changes)
    assert answer.status_code == 422 and said in answer.content.decode()
    assert Client.objects.count() == 1


def test_a_system_that_may_read_a_register_is_told_of_changes_once_an_administrator_lets_it() -> None:
    admin = browser("sysadmin")
    made = admin.post("/work/clients", {"name": "水文平台", "code": "water", "organ": organ().key, "scope": "register:river", "rate": 60})
    assert made.status_code == 200 and Client.objects.get(code="water").scope == ["register:river"]
    system = Actor(name="水文平台", client="water", scope=("register:river",))
    hook, _ = registers.ask_hook(system, registry().registers["river"], "https://water.example/told")
    with pytest.raises(NotAllowed):  # all items are not all registers
        registers.ask_hook(Actor(name="收银", client="pos", scope=("*",)), next(r for r in registry().registers.values() if r.share != "open"), "https://pos.example/told")
    assert "等待批准" in admin.get("/work/clients").content.decode()
    assert browser("auditadmin").post(f"/work/clients/hooks/{hook.pk}/approve").status_code == 403
    admin.post(f"/work/clients/hooks/{hook.pk}/approve")
    assert "正在通知" in admin.get("/work/clients").content.decode()
    Hook.objects.filter(pk=hook.pk).update(failures=registers.GIVE_UP, problem="502 Bad Gateway")
    page = admin.get("/work/clients").content.decode()
    assert "已停止" in page and "502 Bad Gateway" in page and "重新通知" in page
    admin.post(f"/work/clients/hooks/{hook.pk}/approve")
    assert Hook.objects.get(pk=hook.pk).failures == 0
    admin.post(f"/work/clients/hooks/{hook.pk}/end")
    assert not Hook.objects.exists()


@pytest.mark.parametrize("username", [name for name in EVERYBODY if name != "sysadmin"])
def test_only_a_system_administrator_registers_systems(username: str, made: tuple[Client, str]) -> None:
    actor = api.actor_of_account(username)
    for refused in (
        lambda: api.make_client(actor, code="neu", name="新系统", organ=organ().pk, scope=["*"]),
        lambda: api.renew_secret(actor, made[0].pk),
        lambda: api.close_client(actor, made[0].pk),
    ):
        with pytest.raises(NotAllowed):
            refused()


@pytest.mark.parametrize("code, secret", [("pos", "falsch"), ("niemand", "x"), ("po\x00s", "x"), ("", "")])
def test_a_false_secret_gets_no_token_and_is_on_the_record(code: str, secret: str, made: tuple[Client, str]) -> None:
    with pytest.raises(SignInNeeded):
        api.token(code, secret)
    assert Entry.objects.filter(action="client.token.failed").count() == 1


def test_a_token_lasts_an_hour_and_cannot_be_made_up(made: tuple[Client, str], monkeypatch: pytest.MonkeyPatch) -> None:
    token = api.token("pos", made[1])
    assert call(token[:-2] + "xx") == 401 and call("") == 401
    monkeypatch.setattr("yiwang.platforms.identity.clients.LIFE", -1)
    assert call(token) == 401


def test_calls_above_the_rate_are_refused(made: tuple[Client, str]) -> None:
    token = api.token("pos", made[1])
    assert [call(token) == 429 for _ in range(4)] == [False, False, False, True]
    assert Usage.objects.get(client=made[0]).calls == 4


# --- posts -------------------------------------------------------------------------------------------------------------------------------------


def appoint(admin: Browser, to: Post, **changes: str) -> Any:
    who = Party.objects.get(name="刘若溪")
    form = {"post": to.pk, "name": who.name, "number": who.number, "since": timezone.localdate().isoformat()}
    return admin.post(f"/work/posts/{to.organisation_id}", form | changes)


def test_a_system_administrator_finds_an_office_appoints_and_ends() -> None:
    admin, post = browser("sysadmin"), Post.objects.get(title="综合窗口")
    assert post.organisation.name in admin.get("/work/posts", {"q": "行政服务中心"}).content.decode()
    assert appoint(admin, post).status_code == 302
    held = Membership.objects.get(post=post, party__name="刘若溪")
    page = admin.get(f"/work/posts/{post.organisation_id}").content.decode()
    assert "刘若溪" in page and held.party.number not in page, "masked"
    assert Browser().get("/work/accounts").status_code == 302
    clerk = Browser()
    clerk.force_login(Account.objects.get(username="ruoxi"), BACKEND)
    assert clerk.get("/work/accounts").status_code == 200
    Membership.objects.filter(pk=held.pk).update(valid_from=timezone.localdate() - timedelta(days=9))
    yesterday = (timezone.localdate() - timedelta(days=1)).isoformat()
    assert admin.post(f"/work/posts/leave/{held.pk}", {"until": yesterday}).status_code == 302
    assert clerk.get("/work/accounts").status_code == 403, "at once"
    assert "以前的任职" in admin.get(f"/work/posts/{post.organisation_id}").content.decode()
    assert Access.objects.filter(party=held.party_id, purpose="办理任职").exists()
    assert {"post.hold", "post.leave"} <= set(Entry.objects.values_list("action", flat=True))


def test_an_end_already_set_is_never_put_off() -> None:
    held = Membership.objects.filter(party__name="张予安")[0]
    today, admin = timezone.localdate(), api.actor_of_account("sysadmin")
    parties.leave_post(admin, held.pk, until=today - timedelta(days=1))
    with pytest.raises(Conflict):
        parties.leave_post(admin, held.pk, until=today + timedelta(days=999))


@pytest.mark.parametrize(
    "changes, said", [({"name": "刘若川"}, "没有找到"), ({"number": "1"}, "没有找到"), ({"post": "1"}, ""), ({"since": ""}, "请选择日期")]
)
def test_who_is_not_appointed(changes: dict[str, str], said: str) -> None:
    answer = appoint(browser("sysadmin"), Post.objects.get(title="综合窗口"), **changes)
    assert answer.status_code == 422 and said in answer.content.decode()


def test_the_three_administrators_are_three_people_and_nobody_appoints_themselves() -> None:
    admin = browser("sysadmin")
    audit, system = Post.objects.get(title="审计管理"), Post.objects.get(title="系统管理")
    own, other = (Party.objects.get(name=name) for name in ("陈子衿", "李清和"))
    assert appoint(admin, audit, name=own.name, number=own.number).status_code == 403
    answer = appoint(admin, system, name=other.name, number=other.number)
    assert answer.status_code == 422 and "不能由一人兼任" in answer.content.decode()


def test_a_new_post() -> None:
    admin, office = browser("sysadmin"), parties.organ_for("market_regulation", "440803000000")
    path = f"/work/posts/{office.pk}/make"
    assert admin.post(path, {"title": "食品许可审批", "roles": ["approver"]}).status_code == 302
    assert "同名的岗位" in admin.post(path, {"title": "食品许可审批", "roles": ["approver"]}).content.decode()
    assert admin.post(path, {"title": "万能岗位", "roles": ["superuser"]}).status_code == 422
    assert admin.post(path, {"title": "", "roles": []}).status_code == 422
    assert "不能由一人兼任" in admin.post(path, {"title": "全权", "roles": ["system-admin", "audit-admin"]}).content.decode()
    assert Post.objects.get(organisation=office, title="食品许可审批").division_id == office.division_id
    with pytest.raises(Invalid):
        parties.make_post(api.actor_of_account("sysadmin"), organ=office.pk, title="x", roles=["superuser"])


@pytest.mark.parametrize("username", [name for name in EVERYBODY if name != "sysadmin"])
def test_only_a_system_administrator_keeps_posts(username: str) -> None:
    actor, held = api.actor_of_account(username), Membership.objects.filter(party__name="张予安")[0]
    who = Party.objects.get(name="刘若溪")
    for refused in (
        lambda: parties.candidate(actor, name=who.name, number=who.number),
        lambda: parties.hold_post(actor, party=who.pk, post=held.post_id, since=timezone.localdate()),
        lambda: parties.leave_post(actor, held.pk, until=timezone.localdate()),
        lambda: parties.make_post(actor, organ=organ().pk, title="x", roles=["approver"]),
    ):
        with pytest.raises(NotAllowed):
            refused()


# --- accounts seen by a security administrator -------------------------------------------------------------------------------------------------


def test_a_look_at_somebodys_sign_ins_is_on_their_record() -> None:
    admin = browser("secadmin")
    there = Browser(REMOTE_ADDR="10.3.3.3")
    there.post("/accounts/login/", {"login": "ruoxi", "password": "Yiwang-ruoxi-2026"})
    page = admin.get("/work/security", {"username": "RuoXi"}).content.decode()
    assert "10.3.3.3" in page and "刘**" in page.replace("刘*溪", "刘**")
    account = Account.objects.get(username="ruoxi")
    assert account.party_id and Access.objects.filter(party=account.party_id, purpose="安全管理").count() == 1
    assert admin.post(f"/work/security/{account.pk}/end").status_code == 302
    assert there.get("/my/account").status_code == 302
    assert "没有这个用户名" in admin.get("/work/security", {"username": "niemand"}).content.decode()
    assert admin.post("/work/security/1/unlock").status_code == 404


def test_whoever_is_not_there_cannot_be_found() -> None:
    with pytest.raises(NotFound):
        parties.candidate(api.actor_of_account("sysadmin"), name="刘若溪", number="440802199005200000")


# --- demo accounts -----------------------------------------------------------------------------------------------------------------------------


def test_the_demo_accounts_are_printed_for_other_programs_and_sign_in() -> None:
    root = Path(__file__).parents[4]
    printed = subprocess.run([sys.executable, "-m", "demo", "people", "--json"], cwd=root, check=True, capture_output=True, text=True).stdout
    rows = json.loads(printed)
    assert len(rows) >= 20 and all({"name", "role", "username", "password"} <= set(row) for row in rows)
    for row in (rows[0], rows[-1]):
        client = Browser()
        assert client.post("/accounts/login/", {"login": row["username"], "password": row["password"]}).status_code == 302
        assert row["name"] in client.get("/").content.decode()
