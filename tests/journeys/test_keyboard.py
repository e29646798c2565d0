"""Without a mouse: an elder's whole application and an official's decision, with a focus that is always seen."""

from collections.abc import Callable

from tests.journeys.conftest import Person
from tests.journeys.test_refusals import applied

Make = Callable[..., Person]
SHOWN = """() => {
  const at = document.activeElement;
  const shown = at.classList.contains("visually-hidden") && at.nextElementSibling?.tagName === "LABEL" ? at.nextElementSibling : at;
  const style = getComputedStyle(shown);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
}"""


class Keys:
    """Somebody at a keyboard."""

    def __init__(self, who: Person) -> None:
        self.who, self.page = who, who.page

    def to(self, selector: str, text: str = "") -> "Keys":
        """Tab until the focus is there; it must be visible."""
        for _ in range(150):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("([s, t]) => document.activeElement.matches(s) && document.activeElement.textContent.includes(t)", [selector, text]):
                assert self.page.evaluate(SHOWN), f"the focus on {selector} {text} is not visible"
                return self
        raise AssertionError(f"never reached {selector} {text} by Tab at {self.page.url}")

    def press(self, key: str) -> "Keys":
        """A key that leads to another page."""
        with self.page.expect_navigation():
            self.page.keyboard.press(key)
        return self

    def type(self, words: str) -> "Keys":
        self.page.keyboard.type(words)
        return self

    def choose(self, value: str) -> "Keys":
        """The arrow key until the select holds the value."""
        for _ in range(120):
            if self.page.evaluate("document.activeElement.value") == value:
                return self
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"no {value} here")


def test_an_elder_applies_by_keyboard_alone(person: Make, photo: str) -> None:
    elder = person()
    elder.go("/")
    keys = Keys(elder)
    keys.to("a.skip").page.keyboard.press("Enter")
    assert elder.page.evaluate("document.activeElement.id") == "content"
    keys.to("#q").type("老人免费坐公交").press("Enter")
    keys.to("main a", "老年人优待证办理").press("Enter")
    keys.to("#county").choose("440802000000").to("main button", "确定").press("Enter")
    keys.to("#town").choose("440802004000").to("main button", "确定").press("Enter")
    keys.to("main a", "在线办理").press("Enter")
    keys.to("[name=login]").type("haitang").to("[name=password]").type("Yiwang-haitang-2026").press("Enter")
    keys.to("[type=radio]").page.keyboard.press("Space")
    keys.to("main button", "下一步").press("Enter")
    keys.to("main button", "下一步").press("Enter")
    keys.to("#f-photo")
    with elder.page.expect_file_chooser() as chosen:
        elder.page.keyboard.press("Space")
    with elder.page.expect_navigation():
        chosen.value.set_files(photo)
    keys.to("main a", "下一步").press("Enter")
    keys.to("main button", "提交申请").press("Enter")
    elder.until("查看电子证照").look("keyboard-done")


def test_an_official_decides_by_keyboard_alone(person: Make, photo: str) -> None:
    young, number = applied(person, photo, "440802001000")
    clerk = person("town_window")
    clerk.go("/work/")
    keys = Keys(clerk)
    keys.to("a.skip").page.keyboard.press("Enter")
    case = clerk.page.locator("tr", has_text=number).get_by_role("link").first.get_attribute("href")
    keys.to(f"a[href='{case}']").press("Enter")
    keys.to("summary", "不予办理").page.keyboard.press("Enter")
    keys.to("#r-refuse").type("未满六十周岁").to("main button", "不予办理").press("Enter")
    young.page.reload()
    young.sees("未满六十周岁").sees("行政复议")
