"""规划任务台账 and 关于本系统: any official reads what the city planned, what is served by which test, and who may do what; others are sent away."""

from collections.abc import Callable

from tests.journeys.conftest import Person

Make = Callable[..., Person]


def test_an_official_follows_a_duty_to_the_test_that_shows_it_and_the_system_that_answers(person: Make) -> None:
    official = person("biaozhun")
    official.go("/work/").click("规划任务台账", role="link").sees("313 项")
    official.page.get_by_label("查找", exact=True).fill("好差评")
    official.page.get_by_label("状态").select_option("begun")
    official.click("查找").sees("1 项符合条件")
    entry = official.page.locator("#service_evaluation_good_bad")
    entry.locator("summary").click()
    official.sees("tests/journeys/test_elderly.py::test_an_elder").look("plan-entry")
    assert entry.get_by_role("link", name="六（二）1（7）").count() == 1
    entry.get_by_role("link", name="政务服务“好差评”").click()
    official.sees("承担的规划项").sees("平均满意度")
    official.go("/work/plan/text#六（二）1（7）").sees("立足现状，绘制数字政府建设新蓝图")
    official.go("/work/plan?q=没有这一项").sees("没有符合条件的规划项").look("plan-empty")
    with official.page.expect_download() as taken:
        official.go("/work/plan?layer=security").click("导出 CSV", role="link")
    lines = taken.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("编号,名称,篇章") and all(",安全保障," in line for line in lines[1:]) and len(lines) > 13


def test_every_role_with_what_it_may_do(person: Make) -> None:
    official = person("shichang")
    official.go("/work/systems").click("角色权限表", role="link")
    official.page.locator("tr", has=official.page.get_by_role("cell", name="河长办工作人员", exact=True)).locator("summary").click()
    official.sees("登记和修改：河湖").look("roles-open")
    official.go("/work/systems/river_chief").sees("无条件共享").sees("水污染防治法")
    official.go("/work/systems/river_cheif").sees("没有这个系统")


def test_a_citizen_is_refused_and_nobody_is_asked_to_sign_in(person: Make) -> None:
    citizen, nobody = person("ruoxi"), person()
    for path in ("/work/plan", "/work/plan/text", "/work/plan.csv", "/work/systems", "/work/systems/river_chief", "/work/roles"):
        citizen.go(path).sees("您当前的身份不能进入这一页")
        nobody.go(path)
        assert "/accounts/login/" in nobody.page.url
