"""The bureau edits an item, is told what is missing, previews and publishes; whoever is not the editor is refused."""

from collections.abc import Callable
from datetime import date, timedelta

from tests.journeys.conftest import Person

Make = Callable[..., Person]


def test_a_new_version_from_a_day_on(person: Make) -> None:
    editor = person("editor")
    editor.go("/work/items?q=食品经营许可").page.locator("tr", has_text="食品经营许可（新办）").get_by_role("button").click()
    editor.page.wait_for_load_state()
    basis = editor.page.locator("#basis").input_value()
    editor.page.locator("#basis").fill("")
    editor.page.locator("#valid_from").fill(str(date.today() + timedelta(days=30)))
    editor.click("发布").sees("缺少设定依据").look("edit-refused")
    editor.page.locator("#basis").fill(basis)
    editor.page.locator("#promise_amount").fill("6")
    table = editor.page.locator("section", has=editor.page.get_by_role("heading", name="材料", exact=True))
    table.get_by_label("材料名称").last.fill("食品安全承诺书")
    table.get_by_label("只在这些选项时需要").last.fill("马戏团")
    editor.click("保存草稿").sees("不是任何情形问题的选项")
    editor.page.locator("#promise_amount").fill("6")
    whens = table.get_by_label("只在这些选项时需要")
    kept = whens.nth(whens.count() - 3)  # what was typed is still there, above the two blank rows
    assert kept.input_value() == "马戏团"
    kept.fill("租用")
    editor.click("保存草稿").sees("草稿已保存").look("edit")
    editor.click("预览", role="link").sees("承诺 6 个工作日").sees("食品安全承诺书")
    editor.page.go_back()
    editor.page.locator("#valid_from").fill(str(date.today() + timedelta(days=30)))
    editor.click("发布").sees("已发布")
    editor.go("/items/food_operation").sees("承诺 7 个工作日")  # until the day comes


def test_others_are_refused(person: Make) -> None:
    clerk = person("chikan_window")
    clerk.go("/work/items").sees("您当前的身份不能进入这一页").look("refused-page")
