"""挖马路: three departments at once, one clock, a fee paid at the channel's own page, a permit. Forged and replayed notices change nothing."""

import base64
import hashlib
import json
import re
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from tests.city import City
from tests.journeys.conftest import Person
from tests.journeys.test_food import act

Make = Callable[..., Person]


@pytest.mark.serves("integrated_online_services:9")
def test_whole(person: Make, photo: str) -> None:
    builder = person("changfeng").act_for("湛江南渡管网工程有限公司（演示）")
    builder.go("/search?q=挖马路埋管子").page.get_by_role("link", name="城市道路占用挖掘许可").first.click()
    builder.page.locator("#county").select_option(label="赤坎区")
    builder.click("确定").click("在线办理", role="link")
    builder.page.get_by_label("挖掘道路").check()
    builder.page.get_by_label("是", exact=True).check()
    builder.click("下一步")
    today = date.today()
    answers = {
        "道路名称和路段": "人民大道中", "占用挖掘位置": "海滨路口东侧二十米", "占用面积（平方米）": "60", "占用天数": "15", "挖掘面积（平方米）": "40",
        "开工日期": str(today), "完工日期": str(today + timedelta(days=14)), "现场负责人": "梁长风", "现场负责人电话": "19911110004",
    }  # fmt: skip
    for label, value in answers.items():
        builder.page.get_by_label(re.compile(rf"^{re.escape(label)}( \*)?$")).fill(value)
    builder.page.get_by_label("用途").select_option(label="供水管道")
    builder.page.get_by_label("路面类型").select_option(label="沥青混凝土车行道")
    builder.click("下一步")
    for code in ("plan", "traffic", "protect"):
        builder.upload(f"#f-{code}", photo)
    builder.click("承诺后补").click("下一步", role="link").click("提交申请").sees("材料已收到")
    number, address = builder.case_number(), builder.page.url
    act(person("chikan_window"), number, "受理")
    builder.page.reload()
    builder.sees("有关部门正在同时审查").look("consulting")
    for username in ("jiaojing", "ziran", "zhujian"):
        department = person(username)
        department.go("/work/").page.locator("tr", has_text="会审").get_by_role("link").first.click()
        department.look(f"opinion-{username}") if username == "ziran" else None
        department.click("同意")
    act(person("chengguan"), number, "提交审查意见", proposal="grant", opinion="三个部门均同意")
    act(person("chengguan_leader"), number, "准予许可")
    builder.page.goto(address)
    builder.sees("11,650.00").click("去缴费", role="link").sees("壹万壹仟陆佰伍拾元整").look("bill")
    bill = builder.page.locator("dd").first.inner_text()
    assert forged(builder, bill) == 422
    builder.page.reload()
    builder.sees("待缴费")
    builder.click("通过统一公共支付平台缴费").click("确认支付").sees("支付成功")
    builder.click("返回政务服务网", role="link").until("已缴费")
    replayed(builder, bill)
    stranger = person("ruoxi")
    stranger.page.goto(builder.page.url)
    stranger.sees("12345").look("bill-of-somebody-else")  # refused: the bill is not theirs to see
    assert "11,650.00" not in stranger.page.locator("main").inner_text()
    builder.page.goto(address)
    builder.until("查看电子证照").click("查看电子证照", role="link").sees("城市道路许可证").look("permit")


def forged(builder: Person, bill: str) -> int:
    """A notice that anybody could write: the right bill, somebody else's signature."""
    headers = {"X-Time": str(int(time.time())), "X-Nonce": "n" * 16, "X-Signature": base64.b64encode(bytes(64)).decode()}
    return send(builder.city, notice_of(bill, "FORGED1"), headers)


def replayed(builder: Person, bill: str) -> None:
    """True notices of the channel, sent again, changed, or kept back too long: nothing is paid twice and nothing else changes."""
    city = builder.city
    serial, before = city.sql("SELECT serial, (SELECT count(*) FROM ledger_payment) FROM ledger_payment ORDER BY id DESC LIMIT 1")[0]
    body = notice_of(bill, serial)
    headers = signed(city, body)
    assert [send(city, body, headers) for _ in range(3)] == [200, 200, 200]  # acknowledged, so that the channel stops; without effect
    assert send(city, notice_of(bill, "ANOTHER"), headers) == 422  # the signature is of other words
    assert send(city, body, signed(city, body, at=time.time() - 3600)) == 422  # recorded an hour ago
    assert city.sql("SELECT count(*) FROM ledger_payment")[0][0] == before
    assert city.sql("SELECT count(*) FROM audit_entry WHERE action = 'payment.notice-refused'")[0][0] >= 3


def notice_of(bill: str, serial: str) -> bytes:
    return json.dumps({"order": bill, "serial": serial, "amount": 1165000, "paid_at": "2026-11-24T10:00:00+08:00"}).encode()


def signed(city: City, body: bytes, *, at: float | None = None) -> dict[str, str]:
    """As the stand-in channel signs, with its own key."""
    key: Any = serialization.load_pem_private_key((city.home / "keys" / "peers" / "payment.key").read_bytes(), None)
    stamp, nonce = str(int(at or time.time())), secrets.token_hex(16)
    text = "\n".join(("POST", "/pay/notice/unified", stamp, nonce, hashlib.sha256(body).hexdigest()))
    return {"X-Time": stamp, "X-Nonce": nonce, "X-Signature": base64.b64encode(key.sign(text.encode())).decode()}


def send(city: City, body: bytes, headers: dict[str, str]) -> int:
    everything = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{city.url}/pay/notice/unified", data=body, headers=everything), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as problem:
        return problem.code
