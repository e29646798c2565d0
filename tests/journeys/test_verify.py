"""Refused at the door: an altered PDF, a licence that is not ours, somebody else's case, a second click, an agent whose time is over."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys.conftest import Person
from tests.journeys.test_elderly import fill

Make = Callable[..., Person]


@pytest.mark.serves("electronic_seal_service:3")
def test_an_altered_paper_is_refused_and_the_true_one_passes(person: Make, photo: str, tmp_path: Path) -> None:
    elder = person("haitang")
    elder.go("/items/elderly_card_apply?county=440802000000&town=440802002000").click("在线办理", role="link")
    fill(elder, photo)
    elder.click("提交申请").until("收件凭证")
    address = elder.page.get_by_role("link", name="收件凭证").get_attribute("href")
    encoded = elder.page.evaluate(
        "async (url) => { const b = new Uint8Array(await (await fetch(url)).arrayBuffer()); let s = ''; for (const x of b) s += String.fromCharCode(x); return btoa(s); }",
        address,
    )
    true, false = tmp_path / "true.pdf", tmp_path / "false.pdf"
    content = base64.b64decode(encoded)
    true.write_bytes(content)
    false.write_bytes(content[:2000] + bytes([content[2000] ^ 1]) + content[2001:])
    visitor = person()
    visitor.go("/verify/").page.locator("#file").set_input_files(str(true))
    visitor.click("上传核验").sees("文件真实，盖章后没有被修改").look("verify-true")
    visitor.page.locator("#file").set_input_files(str(false))
    visitor.click("上传核验").sees("文件没有通过核验").look("verify-false")
    visitor.go("/verify/1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U").sees("不是本市颁发的证照")


def test_somebody_elses_case_is_not_found_and_a_stranger_is_sent_to_sign_in(person: Make, photo: str) -> None:
    young = person("ruoxi")
    young.go("/items/elderly_card_apply?county=440802000000&town=440802003000").click("在线办理", role="link")
    fill(young, photo)
    young.click("提交申请")
    path = young.page.url.removeprefix(young.city.url)
    other = person("haitang")
    other.go(path).sees("没有找到这件办件").look("not-found")
    visitor = person()
    visitor.go(path).sees("登录")
    assert "/accounts/login/" in visitor.page.url


def test_the_second_click_is_told_who_was_first(person: Make, photo: str) -> None:
    young = person("ruoxi")
    young.go("/items/elderly_card_apply?county=440802000000&town=440802001000").click("在线办理", role="link")
    fill(young, photo)
    young.click("提交申请")
    number = young.case_number()
    first, second = person("town_window"), person("town_window")
    for clerk in (first, second):
        clerk.go("/work/").page.locator("tr", has_text=number).get_by_role("link").first.click()
    first.click("准予办理").sees("已经办理")
    second.click("准予办理").sees("王思齐已于").look("conflict")


def test_an_agent_whose_time_is_over_has_nobody_to_act_for(person: Make) -> None:
    late = person("nanxing")
    late.go("/my/delegations").sees("现在没有可以代办的企业或个人").look("delegations")
    assert late.page.locator("header details").count() == 0


def test_by_keyboard_alone_from_the_door_to_a_guide(person: Make) -> None:
    visitor = person()
    visitor.go("/")
    page = visitor.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "跳到主要内容"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("开饭店要办什么")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search**")
    for _ in range(60):
        page.keyboard.press("Tab")
        if "食品经营许可" in page.evaluate("document.activeElement.textContent"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/items/**")
    visitor.sees("食品经营许可")
    visitor.go("/").look("home")
    visitor.click("大字版").look("home-large")
    visitor.go("/accounts/login/").go("/accounts/signup/").go("/bundles").go("/departments")
