"""老年人优待证: decided at once from any place, by phone; at the window of any town; rated; a bad grade is answered and revisited."""

from collections.abc import Callable

import pytest

from tests.journeys.conftest import Person
from tests.journeys.test_food import act

Make = Callable[..., Person]


def fill(person: Person, photo: str) -> None:
    """Situation, form and photograph of the card."""
    person.page.get_by_label("本人").check()
    person.click("下一步")
    person.sees("已经登记过的信息为您填好了").click("下一步")
    person.upload("#f-photo", photo)
    person.click("下一步", role="link")


@pytest.mark.serves("service_evaluation_good_bad:1")
def test_an_elder_with_a_phone_gets_the_card_at_once_and_says_what_was_bad(person: Make, photo: str) -> None:
    elder = person("haitang", width=360)
    elder.go("/").page.get_by_label("用您自己的话说").fill("老人免费坐公交")
    elder.click("搜索").page.get_by_role("link", name="老年人优待证办理").first.click()
    elder.page.locator("#county").select_option(label="赤坎区")
    elder.click("确定").page.locator("#town").select_option(label="中华街道")
    elder.click("确定").click("在线办理", role="link")
    fill(elder, photo)
    elder.click("提交申请").until("查看电子证照").look("elder-done")
    case = elder.page.url
    elder.click("查看电子证照", role="link").sees("长期")
    elder.page.goto(case)
    elder.click("评价这次服务", role="link")
    elder.click("提交评价").sees("请选择满意程度")
    elder.page.get_by_label("不满意", exact=True).check()
    elder.page.get_by_label("还想说什么（选填）").fill("字太小")
    elder.look("rate").click("提交评价").sees("感谢您的评价")
    town = person("town_window")
    town.go("/work/").page.locator("tr", has_text="差评整改").get_by_role("link").first.click()
    town.sees("不显示评价人").look("reply-case")
    assert "林海棠" not in town.page.locator("main").inner_text()  # the rated office does not learn who gave the grade
    town.page.get_by_label("给评价人的话").fill("您说的是哪一页的字小？我们来改。")
    town.click("联系评价人").page.get_by_label("核实情况和整改措施").fill("已增加大字版指引")
    town.click("提交整改结果")
    officer = person("pingjia")
    officer.go("/work/ratings").sees("字太小").page.get_by_role("link", name="4408").first.click()
    officer.sees("林海棠")  # who revisits is told whom to call
    officer.page.locator("#accept-opinion").fill("已电话回访，表示满意")
    officer.click("回访满意")
    elder.go("/my/messages").sees("您的差评已有整改结果")


def test_the_window_of_a_town_takes_one_in_under_two_minutes(person: Make, photo: str) -> None:
    clerk = person("town_window")
    clerk.go("/work/counter").page.get_by_label("身份证号码或统一社会信用代码").fill("440899198001010011")
    clerk.click("查找申请人").sees("校验位不符").look("counter")  # refused: a false number
    clerk.page.get_by_label("身份证号码或统一社会信用代码").fill("440899195501010013")
    clerk.click("查找申请人").sees("还没有登记过这个申请人")
    clerk.page.get_by_label("姓名或名称（首次登记时填写）").fill("许海棠")
    clerk.page.get_by_label("联系电话（首次登记时填写）").fill("19922220001")
    clerk.click("登记并继续").page.get_by_label("办什么事").fill("老人证")
    clerk.click("查找事项").page.locator("tr", has_text="老年人优待证办理").get_by_role("button", name="收件").click()
    clerk.page.get_by_label("本人").check()
    clerk.click("下一步").sees("未经核验").click("下一步")
    for code in ("id", "photo"):
        clerk.page.locator(f".material:has(#f-{code})").get_by_role("button", name="已收纸质件").click()
        clerk.page.wait_for_load_state()
    clerk.click("下一步", role="link").click("提交申请").sees("收件凭证").look("receipt")
    number = clerk.case_number()
    act(clerk, number, "准予办理")


def test_who_is_too_young_waits_for_a_person_and_is_refused_with_the_reason(person: Make, photo: str) -> None:
    young = person("ruoxi")
    young.go("/items/elderly_card_apply?county=440802000000&town=440802001000").click("在线办理", role="link")
    fill(young, photo)
    young.click("提交申请").sees("正在核对，当场办结")
    number = young.case_number()
    clerk = person("town_window")
    clerk.go("/work/").page.locator("tr", has_text=number).get_by_role("link").first.click()
    panel = clerk.page.locator("details.panel", has_text="不予办理")
    panel.locator("summary").click()
    panel.locator("[name=reason]").fill("未满六十周岁")
    panel.get_by_role("button", name="不予办理").click()
    young.page.reload()
    young.sees("未满六十周岁").until("不予行政许可决定书").look("refused")
