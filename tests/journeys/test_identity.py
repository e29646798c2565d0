"""Who one is, from the first page to the last: signing up, proving it, second factors, passkeys, recovery, acting for others, the three administrators."""

import base64
import hashlib
import hmac
import json
import re
import struct
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest

from demo.cast import CAST, FIRMS, PHONES
from demo.people import number_of, phone_of
from tests.city import City
from tests.journeys.conftest import Person

Someone = Callable[..., Person]
PASSWORD = "Shiyong-2026-mima"
FIRM = FIRMS[0][0]
HOME = re.compile(r"//[^/]+/$")


LEAVE = """
import django; django.setup()
from django.utils import timezone
from allauth.mfa.models import Authenticator
from yiwang.platforms.identity.models import Account
from demo.cast import CAST
Authenticator.objects.all().delete()
taker = Account.objects.filter(username="changfeng2").exclude(party=None).first()
if taker:
    party = taker.party_id
    Account.objects.filter(pk=taker.pk).update(party=None)
    Account.objects.filter(username="changfeng").update(party=party, is_active=True, proof="window", proven_at=timezone.now())
for player in CAST:
    account = Account.objects.filter(username=player.username).first()
    if account and not account.check_password(player.password):
        account.set_password(player.password)
        account.save(update_fields=["password"])
"""


@pytest.fixture(scope="module", autouse=True)
def as_before(city: City) -> Iterator[None]:
    """Those who enrolled a second factor or changed a password here sign in as before in the other journeys."""
    yield
    city.run("-c", LEAVE)


def sms(city: City, to: str, containing: str) -> str:
    """The newest message that the SMS gateway has taken for a phone; waits for the worker to hand it over."""
    for _ in range(120):
        with urllib.request.urlopen(f"http://127.0.0.1:{city.sms_port}/messages", timeout=5) as answer:
            found = [m["text"] for m in json.load(answer)["messages"] if m["to"] == to and containing in m["text"]]
        if found:
            return str(found[-1])
        time.sleep(0.25)  # another process sends: nothing in ours to wait on
    raise AssertionError(f"no SMS to {to} with {containing}")


def totp(secret: str, *, ahead: int = 0) -> str:
    """RFC 6238, as the application on a phone computes it."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30 + ahead), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def fill(who: Person, **answers: str) -> Person:
    for label, value in answers.items():
        who.page.get_by_label(label, exact=False).first.fill(value)
    return who


def shows(who: Person, text: str) -> Person:
    """Sees it in the page itself, not in its menus."""
    who.page.locator("main").get_by_text(text).first.wait_for()
    return who


def sign_up(who: Person, *, name: str, number: str, phone: str, username: str) -> Person:
    who.go("/accounts/signup/")
    fill(who, 姓名=name, 公民身份号码=number, 手机号码=phone, 用户名=username)
    who.page.locator("#id_password1").fill(PASSWORD)
    who.page.locator("#id_password2").fill(PASSWORD)
    return who.click("注册")


def password_in(who: Person, username: str, password: str = PASSWORD) -> Person:
    who.go("/accounts/login/")
    who.page.get_by_label("用户名").fill(username)
    who.page.get_by_label("密码").fill(password)
    return who.click("登录")


def leave(who: Person) -> Person:
    return who.click("退出")


def confirmed(who: Person, password: str) -> Person:
    """Shows again who they are, where they are asked."""
    if "reauthenticate" in who.page.url:
        who.page.get_by_label("密码").fill(password)
        who.click("确认身份")
    return who


def enrol(who: Person, password: str) -> str:
    """An authenticator application; its secret."""
    who.go("/accounts/2fa/totp/activate/")
    confirmed(who, password)
    who.sees("在手机上打开验证器应用")
    secret = who.page.locator("code").first.inner_text().strip()
    who.page.locator("#id_code").fill(totp(secret))
    who.click("启用")
    return secret


def administrator(someone: Someone, username: str, first: str) -> Person:
    """Signed in with a second factor, at their page."""
    who = someone(username)
    who.go(first).sees("这一页需要第二验证因素").look("second-factor")
    secret = enrol(who, f"Yiwang-{username}-2026")
    who.go(first).sees("验证器应用上的 6 位数字").look("reauthenticate-totp")
    who.page.locator("#id_code").fill(totp(secret))
    return who.click("确认")


def number_at(place: int) -> str:
    """The citizen number of a demo person."""
    return number_of(CAST[place].birth, 901 + place)


# --- citizens ----------------------------------------------------------------------------------------------------------------------------------


def test_a_fresh_person_signs_up_and_comes_to_the_first_page(person: Someone) -> None:
    who = person()
    who.go("/accounts/signup/").look("signup")
    sign_up(who, name="程小满", number="440803199002301234", phone="13800000001", username="xiaoman")
    who.sees("身份证号码不正确").look("signup-refused")
    sign_up(who, name="程小满", number=number_of(date(1990, 3, 4), 701), phone="13800000001", username="xiaoman")
    who.page.wait_for_url(HOME)
    who.sees("程小满")
    who.go("/my/account").sees("本人申报").look("account")
    who.click("怎样实名核验", role="link").sees("窗口人员当面核对证件").look("prove-window")
    who.go("/my/delegations").sees("需要先完成实名核验").look("delegations-declared")


def test_whom_a_register_knows_proves_it_by_sms_and_a_second_account_is_refused(city: City, person: Someone) -> None:
    """The account of somebody known is closed at the window first, so that the person is free to open their own."""
    place = next(i for i, p in enumerate(CAST) if p.username == "changfeng")
    clerk = person("chikan_window")
    clerk.go("/work/accounts")
    clerk.page.get_by_label("关闭不是本人开的账号").check()
    fill(clerk, 姓名="梁长风", 公民身份号码=number_at(place), 当事人的说明="手机被盗，账号被人占用")
    clerk.page.get_by_label("已当面核对身份证原件").check()
    clerk.click("办理").sees("已经办好")

    who = person()
    sign_up(who, name="梁长凤", number=number_at(place), phone="13800000002", username="changfeng2").sees("姓名与证件号码不相符")
    sign_up(who, name="梁长风", number=number_at(place), phone="13800000002", username="changfeng2").sees("实名核验").look("prove")
    who.page.get_by_label("验证码").fill("000000")
    who.click("确认").sees("验证码不正确或已经失效").look("prove-wrong")
    code = re.search(r"\d{6}", sms(city, phone_of(PHONES + place), "实名核验码"))
    assert code
    who.page.get_by_label("验证码").fill(code.group())
    who.click("确认").sees("实名核验完成").sees("登记手机核验").look("account-proven")
    shows(who.go("/my/enterprises"), "湛江南渡管网工程有限公司")
    other = person()
    sign_up(other, name="梁长风", number=number_at(place), phone="13800000003", username="changfeng3").sees("已经注册")


def test_a_second_factor_recovery_codes_and_the_devices(person: Someone) -> None:
    who = person("ruoxi")
    who.go("/accounts/2fa/").look("security")
    secret = enrol(who, "Yiwang-ruoxi-2026")
    who.page.wait_for_load_state()
    who.go("/accounts/2fa/recovery-codes/").sees("还有").look("recovery-codes")
    recovery = who.page.locator("main li code").first.inner_text()
    who.go("/accounts/sessions/").sees("这台设备").look("devices")
    leave(who)
    password_in(who, "ruoxi", "Yiwang-ruoxi-2026").sees("两步验证").look("authenticate")
    who.page.locator("#id_code").fill("000000")
    who.click("继续").sees("验证码不正确").look("authenticate-wrong")
    who.page.locator("#id_code").fill(totp(secret))
    who.click("继续")
    who.go("/my/account").sees("实名核验并双因素登录")
    leave(who)
    password_in(who, "ruoxi", "Yiwang-ruoxi-2026")
    who.page.locator("#id_code").fill(recovery)
    who.click("继续")
    who.go("/my/account").sees("刘若溪")
    leave(who)
    password_in(who, "ruoxi", "Yiwang-ruoxi-2026")
    who.page.locator("#id_code").fill(recovery)
    who.click("继续").sees("验证码不正确")


def test_a_passkey_signs_in_without_a_password(person: Someone) -> None:
    who = person("haitang")
    device = who.context.new_cdp_session(who.page)
    device.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options | {"automaticPresenceSimulation": True}})
    who.go("/accounts/2fa/webauthn/add/")
    confirmed(who, "Yiwang-haitang-2026")
    who.sees("登记通行密钥").look("passkey-add")
    who.page.get_by_label("名称").fill("我的手机")
    who.click("登记").page.wait_for_url(re.compile(r"recovery-codes|webauthn/$"))
    who.go("/accounts/2fa/webauthn/").sees("我的手机").look("passkeys")
    leave(who)
    who.go("/accounts/login/").look("login")
    who.click("用通行密钥登录")
    who.page.wait_for_url(HOME)
    who.go("/my/account").sees("林海棠").sees("实名核验并双因素登录").look("account-strong")


def test_a_forgotten_password(city: City, person: Someone) -> None:
    place = next(i for i, p in enumerate(CAST) if p.username == "pingjia")
    who = person()
    who.go("/accounts/forgotten").look("forgotten")
    who.page.get_by_label("用户名").fill("pingjia")
    who.click("发送链接").sees("链接已经发到那个手机").look("forgotten-sent")
    link = re.search(r"http\S+/accounts/password/reset/key/\S+/", sms(city, phone_of(PHONES + place), "重设登录密码"))
    assert link
    who.page.goto(link.group())
    who.sees("设置新密码").look("new-password")
    who.page.locator("#id_password1").fill("1234567890")
    who.page.locator("#id_password2").fill("1234567890")
    who.click("保存新密码").sees("两种").look("new-password-weak")
    who.page.locator("#id_password1").fill(PASSWORD)
    who.page.locator("#id_password2").fill(PASSWORD)
    who.click("保存新密码").sees("密码已经更新").look("new-password-done")
    who.page.goto(link.group())
    who.sees("这个链接已经用过或者过期").look("link-used")
    password_in(who, "pingjia", "Yiwang-pingjia-2026").sees("用户名或密码不正确")
    password_in(who, "pingjia").sees("杨听澜")


# --- enterprises -------------------------------------------------------------------------------------------------------------------------------


def test_a_representative_delegates_the_agent_acts_and_is_refused_after_the_withdrawal(person: Someone) -> None:
    owner = person("xiaofan").act_for(FIRM)
    owner.go("/my/delegations")
    place = next(i for i, p in enumerate(CAST) if p.username == "chengguan")
    fill(owner, 代办人姓名="罗景行", 代办人公民身份号码=number_at(place), 委托到哪一天=(date.today() + timedelta(days=30)).isoformat())
    item = owner.page.locator("#items option").first.get_attribute("value") or ""
    owner.page.get_by_label("只办哪一项").fill(item)
    owner.click("委托").sees("委托已经生效").sees(item).look("delegations-given")

    agent = person("chengguan").act_for(FIRM)
    agent.go("/my/delegations").sees("代办人不能再委托他人").look("delegations-agent")
    agent.go("/work/clients").sees("您当前的身份不能进入这一页").look("refused")
    owner.page.get_by_role("row", name="罗景行").get_by_role("button", name="撤回").click()
    owner.sees("委托已经撤回")
    agent.go("/my/cases").sees("您代办的授权已经到期或被撤回").look("withdrawn")
    agent.go("/my/account").sees("罗景行")


def test_an_agent_whose_time_is_over_is_told_so(person: Someone) -> None:
    who = person("nanxing").go("/my/delegations").sees("已到期").look("delegations-expired")
    assert not who.page.get_by_text(f"为“{FIRM}”办事").count()
    party = who.page.evaluate("document.querySelector('input[name=csrfmiddlewaretoken]').value")
    answer = who.page.request.post(f"{who.city.url}/my/act-for", form={"csrfmiddlewaretoken": party, "party": "1"}, headers={"Referer": who.page.url})
    assert answer.status == 403 and "您现在不能为对方办事，委托可能已经到期或被撤回" in answer.text()


# --- officials ---------------------------------------------------------------------------------------------------------------------------------


def test_a_window_lets_somebody_back_in_with_a_link_and_confirms_an_account(person: Someone) -> None:
    place = next(i for i, p in enumerate(CAST) if p.username == "zhiqiu")
    clerk, who = person("chikan_window"), person()
    clerk.go("/work/accounts")
    clerk.page.get_by_label("重设登录方式").check()
    fill(clerk, 姓名="黄知秋", 公民身份号码=number_at(place), 新的手机号码="13900000009")
    clerk.page.get_by_label("已当面核对身份证原件").check()
    clerk.click("办理").sees("请当事人扫码设置新密码").look("window-link")
    link = clerk.page.locator("main a[href*='password/reset/key']").get_attribute("href")
    password_in(who, "zhiqiu", "Yiwang-zhiqiu-2026").sees("用户名或密码不正确")
    who.page.goto(str(link))
    who.page.locator("#id_password1").fill(PASSWORD)
    who.page.locator("#id_password2").fill(PASSWORD)
    who.click("保存新密码").sees("密码已经更新")
    password_in(who, "zhiqiu").go("/my/account").sees("139****0009")

    fresh = person()
    number = number_of(date(1988, 8, 8), 702)
    sign_up(fresh, name="邓立秋", number=number, phone="13800000004", username="liqiu")
    clerk.go("/work/accounts")
    fill(clerk, 姓名="邓立秋", 公民身份号码=number, 用户名="liqiu")
    clerk.page.get_by_label("已当面核对身份证原件").check()
    clerk.click("办理").sees("已经办好")
    fresh.go("/my/account").sees("窗口核验证件")


def test_a_system_administrator_keeps_systems_and_posts_and_the_others_do_not_see_them(person: Someone) -> None:
    admin = administrator(person, "sysadmin", "/work/clients").sees("登记新的系统")
    fill(admin, 系统名称="收银系统", 标识="till", 所属机构标识="market_regulation@440802", 授权范围="food_operation")
    admin.click("登记").sees("只显示这一次").look("client-secret")
    admin.page.get_by_role("button", name="更换 收银系统 的密钥").click()
    admin.sees("只显示这一次")
    admin.page.get_by_role("button", name="停用 收银系统").click()
    admin.sees("它的令牌立即失效").look("client-closed")

    place = next(i for i, p in enumerate(CAST) if p.username == "nanxing")
    admin.go("/work/posts")
    admin.page.get_by_label("机构名称").fill("赤坎区市场监督管理局")
    admin.click("查找机构").page.get_by_role("link", name="赤坎区市场监督管理局", exact=True).click()
    admin.sees("安排任职")
    admin.page.get_by_label("岗位", exact=False).first.select_option(index=1)
    fill(admin, 姓名="吴南星", 公民身份号码=number_at(place))
    admin.click("任职").sees("吴南星 已经任职").look("office-appointed")
    person("nanxing").sees("工作台")
    held = admin.page.get_by_role("listitem").filter(has_text="吴南星")
    held.get_by_label("任职到哪一天").fill(date.today().isoformat())
    held.get_by_role("button", name="登记离任").click()
    admin.sees("离任已经登记")

    for username in ("secadmin", "auditadmin", "chikan_window"):
        other = person(username)
        for path in ("/work/clients", "/work/posts"):
            other.go(path).sees("您当前的身份不能进入这一页")
        assert not other.page.get_by_role("link", name="任职管理").count()


def test_a_security_administrator_unlocks_and_ends_sessions(person: Someone) -> None:
    victim = person()
    for _ in range(5):
        password_in(victim, "jiaojing", "falsch")
    victim.sees("暂时锁定").look("locked")
    admin = administrator(person, "secadmin", "/work/security").sees("jiaojing").look("security-locks")
    admin.page.get_by_role("button", name="解除锁定").first.click()
    admin.sees("已经解除锁定")
    password_in(victim, "jiaojing", "Yiwang-jiaojing-2026").sees("蔡星野")
    admin.go("/work/security?username=jiaojing").sees("结束全部登录").look("security-account")
    admin.click("结束全部登录").sees("对方需要重新登录")
    victim.go("/my/account").sees("一个账号办理全市的政务服务")
    person("auditadmin").go("/work/security").sees("您当前的身份不能进入这一页")
