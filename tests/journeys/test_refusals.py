"""Refused on the way, and told why: a correction after its last day, a draft sent from two windows, an agent whose time is over, a late case that nobody hides."""

from collections.abc import Callable

from tests.journeys.conftest import Person
from tests.journeys.test_elderly import fill

Make = Callable[..., Person]
EXPIRE = "import django; django.setup(); from yiwang.engines.procedures import timers; timers.expire_due()"


def applied(person: Make, photo: str, town: str) -> tuple[Person, str]:
    """Somebody too young for the card: the case waits for a person."""
    young = person("ruoxi")
    young.go(f"/items/elderly_card_apply?county=440802000000&town={town}").click("在线办理", role="link")
    fill(young, photo)
    young.click("提交申请").sees("正在核对，当场办结")
    return young, young.case_number()


def test_a_correction_after_its_last_day_is_refused_and_the_way_back_is_shown(person: Make, photo: str) -> None:
    young, number = applied(person, photo, "440802001000")
    address = young.page.url
    clerk = person("town_window")
    clerk.go("/work/").page.locator("tr", has_text=number).get_by_role("link").first.click()
    clerk.page.locator("summary", has_text="一次性告知补正").click()
    clerk.page.locator("#p-photo").fill("照片不清楚，请重新拍")
    clerk.click("一次性告知补正").sees("已经办理")
    young.page.reload()
    young.sees("照片不清楚，请重新拍").look("correction-one")
    case = young.city.sql("UPDATE procedures_case SET due_at = now() - interval '1 minute' WHERE number = %s RETURNING id", number)[0][0]
    young.upload("#c-photo", photo).sees("补正期限已过").look("correction-late").click("返回刚才的页面", role="link").sees("需要您补充材料")
    young.city.sql("UPDATE procedures_deadline SET due_at = now() - interval '1 minute' WHERE case_id = %s AND code = 'correct'", case)
    young.city.run("-c", EXPIRE)  # what the clock's job does within the minute
    young.page.goto(address)
    young.sees("补正期限已过，本次申请终止，可以重新申请").look("lapsed").click("重新申请", role="link").sees("在哪里办")


def test_a_draft_sent_from_two_windows_is_one_case(person: Make, photo: str) -> None:
    young = person("ruoxi")
    young.go("/items/elderly_card_apply?county=440802000000&town=440802002000").click("在线办理", role="link")
    fill(young, photo)
    other = young.context.new_page()
    other.goto(young.page.url)
    young.click("提交申请").sees("正在核对，当场办结")
    number = young.case_number()
    other.get_by_role("button", name="提交申请").click()
    other.get_by_text("这份申请已经提交，没有重复提交").wait_for()
    assert number in other.locator("main").inner_text()
    young.go("/my/cases")
    assert young.page.get_by_text(number).count() == 1


def test_an_agent_whose_time_is_over_cannot_step_in_by_hand(person: Make) -> None:
    """The page offers nobody; who forges the form is refused too."""
    late = person("nanxing")
    firm = late.city.sql("SELECT id FROM parties_party WHERE name = '湛江望海餐饮店（演示）'")[0][0]
    late.go("/my")
    status = late.page.evaluate(
        """async (party) => {
          const body = new FormData(document.querySelector("form[action*='large-type']"));
          body.set("party", party);
          return (await fetch("/my/act-for", {method: "POST", body, headers: {Accept: "application/json"}})).status;
        }""",
        str(firm),
    )
    assert status == 403
    late.go("/my").sees("吴南星")


def test_what_is_late_is_seen_at_once_supervised_and_handed_over(person: Make, photo: str) -> None:
    young, number = applied(person, photo, "440802001000")
    case = young.city.sql("UPDATE procedures_case SET due_at = now() - interval '3 days' WHERE number = %s RETURNING id", number)[0][0]
    young.city.sql("UPDATE procedures_task SET due_at = now() - interval '3 days' WHERE case_id = %s AND closed_at IS NULL", case)
    supervisor = person("supervisor")
    supervisor.go("/work/late").sees(number)
    row = supervisor.page.locator("tr", has_text=number)
    row.locator("summary").click()
    row.get_by_label("督办要求").fill("请今日办结")
    row.get_by_role("button", name="发出督办").click()
    supervisor.sees("督办要求已送达").sees("请今日办结")
    clerk = person("town_window")
    clerk.go("/work/?lamp=red").sees(number)
    clerk.page.locator("tr", has_text=number).get_by_role("link").first.click()
    clerk.sees("请今日办结").click("交给同事办理", role="link")
    clerk.click("交出").sees("请选择交给哪位同事")  # refused: nobody chosen
    clerk.page.get_by_label("王思齐（由我办理）").check()
    clerk.click("交出").sees("任务归您办理")
    clerk.go("/my/messages").sees("请今日办结")
