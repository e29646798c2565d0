"""The officials behind the rules: calendar and dated values by the standards officer, the record by the audit administrator; whoever is neither is refused."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.journeys.conftest import Person

Make = Callable[..., Person]
CHECKER = Path(__file__).resolve().parents[2] / "docs" / "examples" / "check_audit_proof.py"


def test_a_year_is_entered_changed_and_confirmed(person: Make) -> None:
    officer = person("biaozhun")
    officer.go("/work/calendar?year=2026").sees("248 个工作日")
    trial(officer, "2026-02-10").sees("最后一天是 2026年2月24日（星期二）").look("calendar-trial")

    officer.page.get_by_label("年份 *").fill("2030")
    officer.page.locator("#opening-reason").fill("提前准备")
    officer.click("录入年份").sees("待国务院公布").look("calendar-opened")
    trial(officer, "2030-09-28").sees("2030 年的工作日安排尚未录入")

    officer.page.locator('a[href*="day=2030-10-01"]').click()
    officer.page.locator("#day-name").fill("国庆节")
    officer.page.locator("#day-reason").fill(" ")  # what the browser lets pass
    officer.click("保存修改").sees("请写明依据。").look("calendar-refused")
    officer.page.locator("#day-name").fill("国庆节")
    officer.page.locator("#day-reason").fill("国办发明电〔2029〕1号（演示）")
    officer.click("保存修改").sees("2030-10-01 已改为放假")
    officer.page.locator("#confirming-source").fill("国办发明电〔2029〕1号（演示）")
    officer.click("确认并用于计算期限").sees("2030 年已确认").sees("放假（国庆节）").look("calendar-confirmed")
    trial(officer, "2030-09-27").sees("最后一天是 2030年10月7日")  # five working days, 1 October not among them


def trial(officer: Person, start: str) -> Person:
    officer.page.locator("#trial-start").fill(start)
    officer.page.locator("#trial-amount").fill("5")
    return officer.click("计算")


def test_a_new_value_follows_the_old_one(person: Make) -> None:
    officer = person("biaozhun")
    officer.go("/work/policies").sees("城市道路占用费")
    officer.click("城市道路占用费", role="link").sees("0.50 元/平方米·天")
    fill = officer.page.locator
    fill("#add-valid_from").fill("2027-01-01")
    fill("#add-value-0").fill("0.60")
    fill("#add-reason").fill("省里调整")
    fill("#add-source").fill(" ")
    officer.click("录入").sees("请填写。").look("policy-refused")
    fill("#add-source").fill("粤发改价格〔2026〕1号（演示）")
    officer.click("录入").sees("已录入").sees("2027年1月1日停止").sees("0.60 元/平方米·天")
    officer.page.get_by_role("link", name="核对").last.click()
    fill("#verify-source").fill("粤发改价格〔2020〕1号（演示）")
    fill("#verify-reason").fill("与公布的文本核对")
    officer.click("标为已核实").sees("已标为核实").sees("与公布的文本核对").look("policy-verified")


def test_the_auditor_searches_checks_and_takes_a_proof(person: Make, tmp_path: Path) -> None:
    person("biaozhun")  # signs in: something to find
    auditor = person("auditadmin")
    auditor.go("/work/audit").until("已封存")
    auditor.click("核对全部记录").until("审计链完整，没有发现改动").look("audit-checked")
    auditor.page.locator("#id_actor").fill("罗云舟")
    auditor.page.locator("#id_action").select_option("sign-in")
    auditor.click("查找").sees("登录成功")
    assert auditor.page.locator("tbody tr").count() >= 1 and set(auditor.page.locator("tbody tr td:nth-child(2)").all_inner_texts()) == {"罗云舟"}
    auditor.page.locator("#id_actor").fill("没有这个人")
    auditor.click("查找").sees("没有符合条件的记录").look("audit-empty")

    auditor.go("/work/audit?until=2020-01-01").sees("没有符合条件的记录")
    auditor.go("/work/audit").page.locator("tbody tr").last.get_by_role("link").wait_for()
    with auditor.page.expect_download() as waiting:
        auditor.page.locator("tbody tr").last.get_by_role("link").click()
    path = tmp_path / "proof.json"
    waiting.value.save_as(path)
    assert json.loads(path.read_text(encoding="utf-8"))["row"]["summary"]
    done = subprocess.run([sys.executable, "-I", "-S", str(CHECKER), str(path)], capture_output=True, text=True, check=False)
    assert re.search("the proof holds", done.stdout)


def test_others_are_refused(person: Make) -> None:
    clerk = person("chikan_window")
    for path in ("/work/calendar", "/work/policies", "/work/policies/elderly-card.age", "/work/audit"):
        answer = clerk.page.goto(f"{clerk.city.url}{path}")
        assert answer is not None and answer.status == 403, path
        clerk.sees("您当前的身份不能进入这一页")
    for name, path in (("sysadmin", "/work/audit"), ("auditadmin", "/work/calendar"), ("editor", "/work/calendar")):
        answer = person(name).page.goto(f"{clerk.city.url}{path}")
        assert answer is not None and answer.status == 403, (name, path)
