"""A petition on the phone and across the desks: divided, answered by a sealed letter, reviewed twice; the accused finds nothing; the leader sees what grows."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.city import City
from tests.journeys.conftest import Person

Make = Callable[..., Person]
WORDS = "去年十月房屋被征收，协议写明三个月内支付补偿款，到现在没有拿到。"
HEAR = "window.heard = []; new EventSource(document.body.dataset.stream, {withCredentials: true}).addEventListener('changed', e => window.heard.push(JSON.parse(e.data).what))"
TRANSFER = "form[action$='/act/transfer'] button[type=submit]"


def write(person: Person, kind: str, title: str, words: str) -> str:
    """Fills in the form and sends it; the address of the petition."""
    page = person.go("/petitions/write").page
    page.get_by_label(kind).check()
    page.locator("#id_title").fill(title)
    page.locator("#id_division").select_option("440802001000")
    page.locator("#id_words").fill(words)
    page.locator("#id_claims").fill("请支付补偿款")
    if kind == "检举控告":
        page.locator("#id_accused").fill("钱世荣")
    person.click("提交").sees("已经登记")
    return person.page.url


def case_of(person: Person) -> str:
    """The number of the case in the page's address."""
    return person.page.url.split("?")[0].rstrip("/").rsplit("/", 1)[1]


def open_case(person: Person, title: str, at: str = "/work/petitions") -> Person:
    person.go(at).page.get_by_role("link", name=title, exact=True).first.click()
    person.page.wait_for_url("**/work/petitions/*")
    return person


def send(clerk: Person, organ: str, matter: str) -> None:
    clerk.page.locator("#transfer-organ").select_option(label=organ)
    clerk.page.locator("#transfer-matter").select_option(matter)
    clerk.page.locator(TRANSFER).click()
    clerk.sees("已经办理")


def answer(handler: Person, head: Person, title: str) -> None:
    """Drafts in the case that is open before the handler, signs as the head."""
    for field, words in (("claims", "支付补偿款"), ("found", "协议属实"), ("answer", "十五日内支付"), ("basis", "征收与补偿条例第二十五条")):
        handler.page.locator(f"#propose-{field}").fill(words)
    handler.page.locator("[name=result][value=support]").check()
    handler.page.locator("form[action$='/act/propose'] button[type=submit]").click()
    handler.sees("待签发")
    open_case(head, title).page.locator("form[action$='/act/sign'] button[type=submit]").click()
    head.sees("已答复")


def ask_above(writer: Person, name: str) -> None:
    writer.page.locator("summary", has_text=f"请求{name}").click()
    writer.page.get_by_label("不服的理由").fill("金额不对")
    writer.page.locator("form[action*='/review/'] button").click()
    writer.sees("已收到您的请求")


def sealed(person: Person, title: str) -> None:
    """The newest letter of that title bears a number and a signature."""
    link = person.page.get_by_role("link", name=title).first
    assert "〔20" in link.inner_text() and "号" in link.inner_text()
    got = person.context.request.get(f"{person.city.url}{link.get_attribute('href')}")
    assert got.ok and got.body().startswith(b"%PDF") and b"/ByteRange" in got.body()


def refused(person: Person, *cases: str) -> None:
    for case in cases:
        assert person.page.goto(f"{person.city.url}/work/petitions/{case}").status == 404  # type: ignore[union-attr]


def reported(city: City, number: str) -> list[str]:
    """What the province has been told of it, in the order in which it came."""
    with urllib.request.urlopen(f"http://127.0.0.1:{city.province_port}/reports", timeout=10) as answer:
        rows: list[dict[str, Any]] = json.loads(answer.read())["rows"]
    return [row["state"] for row in rows if row["number"] == number]


@pytest.mark.serves("online_petition_system:0")
def test_a_claim_is_answered_by_a_sealed_letter_and_reviewed_twice(person: Make) -> None:
    title = "征收补偿款没有支付"
    writer = person("haitang", width=360)
    address = write(writer, "申诉求决", title, WORDS)
    first = case_of(writer)
    clerk = open_case(person("xinfang"), title)
    send(clerk.look("petition-desk"), "赤坎区住房和城乡建设局", "010101")
    handler, head = person("zhuandan"), person("zhuandan_head")
    open_case(handler, title).click("受理").sees("办理中")
    answer(handler, head, title)
    writer.page.goto(address)
    writer.until("信访事项处理意见书").look("petition-answered")
    sealed(writer, "信访事项处理意见书")
    writer.page.get_by_label("不满意", exact=True).first.check()
    writer.click("提交评价").sees("感谢您的评价")

    ask_above(writer, "复查")
    writer.sees("湛江市住房和城乡建设局")
    second = case_of(writer)
    reviewer = open_case(person("fucha"), title).sees("金额不对")
    assert case_of(reviewer) == second != first
    answer(reviewer, person("fucha_head"), title)
    writer.page.reload()
    writer.until("信访事项复查意见书")
    sealed(writer, "信访事项复查意见书")

    ask_above(writer, "复核")
    third = case_of(writer)
    last = open_case(person("fuhe"), title)
    answer(last, person("fuhe_head"), title)
    writer.page.reload()
    writer.until("信访事项复核意见书").look("petition-final")
    sealed(writer, "信访事项复核意见书")
    assert writer.page.locator("summary", has_text="请求复").count() == 0  # the third is the last

    refused(handler, second, third)  # who is reviewed does not see the review
    refused(person("zhen_xinfang"), first, second, third)
    refused(person("jijian"), first)


def test_the_accused_signs_in_and_finds_nothing(person: Make) -> None:
    title = "举报收受好处"
    accused, clerk = person("beifanying"), person("xinfang")
    for listening in (accused.go("/work/"), clerk.go("/work/petitions")):
        listening.page.wait_for_function("document.body.dataset.stream")
        listening.page.evaluate(HEAR)
    listening.page.wait_for_timeout(1500)  # both streams stand before anything happens
    writer = person("ruoxi")
    address = write(writer, "检举控告", title, "钱世荣收受商户好处，包庇违法占道。")
    number, case = writer.case_number(), address.rstrip("/").rsplit("/", 1)[1]
    clerk.page.wait_for_function(f"window.heard.includes('case:{case}')")
    assert not [what for what in accused.page.evaluate("window.heard") if case in what or what == "tasks"]
    for path in (
        "/work/", "/work/petitions", f"/work/petitions?q={number}", "/work/petitions?q=钱世荣", "/work/r/petition/", f"/work/r/petition/?q={number}", "/work/r/petition-accused/",
        "/work/r/petition-instance/", "/my/messages", f"/work/petitions/{case}", f"/work/cases/{case}", f"/petitions/{case}",
    ):  # fmt: skip
        text = accused.go(path).page.locator("main").inner_text()
        assert title not in text and number not in text and "刘若溪" not in text, path
    for path in ("/api/v1/registers/petition/rows", "/api/v1/registers/petition-accused/rows", "/api/v1/registers/petition/changes"):
        got = accused.context.request.get(f"{accused.city.url}{path}")
        assert got.status in (401, 403, 404) and number not in got.text(), path
    send(open_case(clerk, title).sees("被反映的人和单位不得知悉"), "中共湛江市纪律检查委员会监察委员会", "080101")
    refused(accused, case)
    open_case(person("jijian"), title).sees("刘若溪")


@pytest.mark.serves("online_petition_system:0")
def test_the_leader_sees_what_grows_and_presses_who_is_slow(person: Make) -> None:
    clerk = person("xinfang")
    for number in range(6):
        visit(clerk, f"夜市油烟扰民{number}", people=8 if number == 0 else 1)
    send(clerk, "赤坎区城市管理和综合执法局", "010302")  # the last of them
    pressed = case_of(clerk)
    leader = person("xinfang_leader").go("/work/petitions/warnings").click("现在比较")
    row = leader.page.get_by_role("row", name="市容噪声").first
    assert "赤坎区" in row.inner_text()
    leader.go("/work/petitions/leader").sees("夜市油烟扰民0").sees("8 人")
    leader.go("/work/petitions/warnings").page.get_by_label("处置情况").first.fill("约谈夜市管理方")
    leader.click("记录").sees("约谈夜市管理方")
    clerk.go(f"/work/petitions/{pressed}").page.locator("summary", has_text="督查督办").click()
    clerk.page.locator("#s-reason").fill("群众反映集中，请尽快办理")
    clerk.click("制发督办函").sees("督办函已制发")
    organ = person("beifanying").go(f"/work/petitions/{pressed}")
    organ.page.get_by_label("反馈办理情况").fill("已责令安装油烟净化设备")
    organ.click("反馈").sees("已反馈")
    clerk.go("/work/petitions/supervisions").sees("已责令安装油烟净化设备")


def visit(clerk: Person, title: str, *, people: int) -> None:
    """Registers a visit; a joint one with two who speak for the others."""
    page = clerk.go("/work/petitions/register").page
    page.get_by_label("来访").check()
    page.get_by_label("申诉求决").check()
    for field, words in (("name", f"住户{title[-1]}"), ("title", title), ("words", f"楼下夜市凌晨还在营业，油烟进屋。{title}"), ("claims", "规定营业时间"), ("people", str(people))):
        page.locator(f"#id_{field}").fill(words)
    if people > 5:
        page.locator("#id_members").fill("*代表甲\n*代表乙")
    page.locator("#id_division").select_option("440802000000")
    page.locator("#id_matter").select_option("010302")
    clerk.click("登记").sees("已登记")


def send_down(clerk: Person, office: str) -> None:
    clerk.page.locator("summary", has_text="转下级信访部门").click()
    clerk.page.locator("#send_down-organ").select_option(label=office)
    clerk.page.locator("#send_down-matter").select_option("020101")
    clerk.page.locator("form[action$='/act/send_down'] button[type=submit]").click()
    clerk.page.wait_for_load_state()


@pytest.mark.serves("online_petition_system:2", "online_petition_system:3")
def test_from_the_province_to_the_town_and_the_province_is_told(person: Make, city: City) -> None:
    title = "省里转来的信"
    petition = {"number": "GD2026-100001", "kind": "claim", "title": title, "words": "工地拖欠工资三个月，请求支付。", "division": "440800000000", "name": "李远山"}
    order = json.dumps({"url": f"{city.url}/petitions/above/province", "petition": petition}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{city.province_port}/send", data=order), timeout=30) as said:
        number = json.loads(json.loads(said.read())["said"])["number"]
    send_down(open_case(person("shixinfang"), title).sees("GD2026-100001").sees("上级转送"), "赤坎区信访局")
    send_down(open_case(person("xinfang"), title), "赤坎区中华街道办事处")
    town = open_case(person("zhen_xinfang"), title).sees("待分流")
    send(town, "赤坎区中华街道办事处", "020101")
    open_case(town, title).click("受理").sees("办理中")
    told = ["registered", "transferred", "transferred", "transferred", "accepted"]
    for _ in range(60):
        if reported(city, number) == told:
            break
        town.page.wait_for_timeout(500)
    assert reported(city, number) == told


def told(city: City, office: str, path: str, content: dict[str, Any]) -> dict[str, Any]:
    """Plays the department at its own system; what came of it."""
    request = urllib.request.Request(f"http://127.0.0.1:{city.province_port}/offices/{office}/{path}", data=json.dumps(content).encode(), headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return dict(json.loads(answer.read()))


def received(city: City, office: str, number: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{city.province_port}/offices/{office}/petitions", timeout=10) as answer:
        return [row for row in json.loads(answer.read())["rows"] if row["number"] == number]


@pytest.mark.serves("online_petition_system:1")
def test_a_department_answers_from_its_own_system_and_the_province_hears_of_it(person: Make, city: City) -> None:
    """推进系统与省信访局系统及各级各部门信访系统对接: through the browser and the wire, cut in between."""
    title, office = "退休金少发两百元", "human_resources"
    writer = person("haitang")
    address = write(writer, "申诉求决", title, "退休三年，每月少发两百元，多次询问没有结果。")
    number = writer.case_number()
    told(city, office, "cut", {"times": 1000})  # the wire is down
    clerk = open_case(person("xinfang"), title)
    send(clerk, "湛江市人力资源和社会保障局", "020201")
    clerk.page.reload()
    clerk.sees("在“市人社局信访办理系统”中办理")
    clerk.go("/work/petitions/peers").until("状态 503").look("petition-peers")
    told(city, office, "cut", {"times": 0})
    clerk.page.get_by_role("button", name=f"重新发送 {number}").click()
    clerk.sees("已送达")
    (letter,) = received(city, office, number)
    assert letter["words"].startswith("退休三年") and letter["claims"] == "请支付补偿款"

    def say(**event: Any) -> dict[str, Any]:
        return told(city, office, "say", {"event": {"number": number, "signed_by": "许怀谷", **event}})

    early = say(what="answered", claims="补发", found="属实", result="support", answer="下月补发", basis="社会保险法第十六条")
    assert early["status"] == 409 and early["said"]["state_name"] == "待受理"
    first = say(what="accepted", id="same")
    again = say(what="accepted", id="same", sequence=1)  # its answer was lost, it says it again
    assert first["said"] == again["said"] and first["said"]["state_name"] == "办理中"
    done = say(what="answered", claims="补发", found="经核查属实", result="support", answer="下月补发差额", basis="社会保险法第十六条")
    assert done["said"]["state_name"] == "已答复"

    writer.page.goto(address)
    writer.sees("下月补发差额").until("信访事项处理意见书")
    sealed(writer, "信访事项处理意见书")
    clerk.go(f"/work/petitions/{case_of(writer)}").sees("与其他系统的往来").sees("已拒绝").look("petition-exchanges")
    for _ in range(60):
        if reported(city, number) == ["registered", "transferred", "accepted", "answered"]:
            break
        clerk.page.wait_for_timeout(500)
    assert reported(city, number) == ["registered", "transferred", "accepted", "answered"]
    assert len(received(city, office, number)) == 1
