"""挖马路: three departments at once, one clock, a fee paid at the channel's own page, a permit. Forged and replayed notices change nothing."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import date, timedelta

from tests.journeys.conftest import Person
from tests.journeys.test_food import act

Make = Callable[..., Person]


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
        builder.page.locator(f"#f-{code}").set_input_files(photo)
        builder.page.locator(f".material:has(#f-{code})").get_by_role("button", name="上传").click()
        builder.page.wait_for_load_state()
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
    builder.page.goto(address)
    builder.until("查看电子证照").click("查看电子证照", role="link").sees("城市道路许可证").look("permit")


def forged(builder: Person, bill: str) -> int:
    """A notice that anybody could write: the right bill, somebody else's signature."""
    body = json.dumps({"order": bill, "serial": "FORGED1", "amount": 1165000, "paid_at": "2026-11-24T10:00:00+08:00"}).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json", "X-Time": "1", "X-Nonce": "n" * 16, "X-Signature": "AAAA"}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{builder.city.url}/pay/notice/unified", data=body, headers=headers), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as problem:
        return problem.code
