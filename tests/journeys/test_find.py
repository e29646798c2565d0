"""Somebody finds what to do: asks in their own words, browses by theme and department, reads the guide for their situation."""

from collections.abc import Callable

import pytest

from tests.journeys.conftest import Person

Make = Callable[..., Person]


@pytest.mark.serves("government_services_network_zhanjiang:1")
def test_asks_and_reads_the_guide_for_the_situation(person: Make) -> None:
    someone = person()
    someone.go("/").look("home").page.get_by_label("用您自己的话说").fill("我想开饭店要办什么手续")
    someone.click("搜索").sees("食品经营许可（新办）").click("看怎么办", role="link")
    someone.sees("全部 7 项").page.get_by_label("您打算怎样经营？").select_option("sales")
    someone.page.get_by_label("由谁办理？").select_option("self")
    someone.page.get_by_label("经营场所是？").select_option("own")
    someone.click("只看我需要的材料").sees("按您的情况，需要 4 项")
    assert not someone.page.get_by_text("房屋租赁合同").count()
    someone.page.get_by_label("县（市、区）").select_option(label="赤坎区")
    someone.click("确定").sees("在线办理")


@pytest.mark.serves("government_services_network_zhanjiang:1")
def test_browses_by_theme_department_and_bundle(person: Make) -> None:
    someone = person()
    someone.go("/").page.locator("main a", has_text="户籍办理").click()
    someone.sees("个事项").page.locator("main a", has_text="出生登记").first.click()
    someone.sees("依据和来源").look("guide-sparse")
    someone.go("/departments").page.locator("main a", has_text="公安局").first.click()
    someone.sees("个事项").go("/bundles").sees("新生儿出生一件事")


def test_nothing_found_says_what_to_do(person: Make) -> None:
    person().go("/search?q=qwxzkj").sees("没有找到相近的事项").look("search-none")
