"""Rows kept by officials: two people change one row; a file of 100,000 lines with a hundredth of them wrong is checked, corrected, sent again and written."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.city import City
from tests.journeys.conftest import Person

LINES, EACH = 100_000, 100  # one line of each hundred is wrong
HEADING = ["排口编码", "名称", "河湖", "类型", "里程（公里）", "经度", "纬度"]
WRONG = "不知道的类型"
SECOND = """
from demo import cast
from yiwang.engines.parties.models import Membership, Party, Post
post = Post.objects.get(title="河长办综合岗", organisation__key="water_affairs@440800")
Membership.objects.get_or_create(party_id=Party.objects.get(pk={party}).pk, post=post, defaults={{"valid_from": cast.SINCE}})
"""


@pytest.fixture
def second(city: City) -> str:
    """Another official of the river office."""
    party = city.sql("SELECT party_id FROM identity_account WHERE username = 'biaozhun'")[0][0]
    city.run("manage.py", "shell", "-v", "0", "-c", SECOND.format(party=party))
    return "biaozhun"


def kept(official: Person, code: str, name: str) -> str:
    """A new river; its address."""
    official.go("/work/r/river/new")
    for label, value in (("河湖编码", code), ("名称", name), ("所属区划", "廉江市"), ("长度（公里）", "12.5")):
        official.page.get_by_label(label, exact=False).first.fill(value)
    official.page.get_by_label("类型").select_option(label="河流")
    official.click("保存").sees(name)
    return official.page.url


def test_two_people_change_one_row_and_the_second_is_shown_what_the_first_wrote(city: City, person: Callable[..., Person], second: str) -> None:
    first, other = person("hezhangban"), person(second)
    address = kept(first, "T-2000", "试验沟")
    for one in (first, other):
        one.page.goto(f"{address.rstrip('/')}/edit")
    first.page.get_by_label("长度（公里）").fill("13.1")
    first.page.get_by_label("修改理由").fill("重新量测")
    first.click("保存").sees("已保存")
    other.page.get_by_label("名称").fill("试验沟（乙）")
    other.click("保存").sees("现在是 13.1").look("row-changed-meanwhile")
    assert other.page.get_by_label("名称").input_value() == "试验沟（乙）", "what the second typed is still there"
    assert other.page.get_by_label("长度（公里）").input_value() == "13.10", "what the first changed is taken over where the second changed nothing"
    other.click("保存").sees("已保存")
    assert city.sql("SELECT name, length_km::text, revision FROM river_chief_river WHERE code = 'T-2000'") == [("试验沟（乙）", "13.10", 3)]


def test_a_file_of_a_hundred_thousand_lines_with_a_hundredth_wrong(city: City, person: Callable[..., Person], tmp_path: Path) -> None:
    official = person("hezhangban")
    kept(official, "T-3000", "大河")
    rows = [[f"P{n:06d}", f"{n} 号排口", "大河", WRONG if n % EACH == 0 else "雨水排口", f"{n % 120}.5", "110.35", "21.27"] for n in range(LINES)]
    checked = bring(official, table(tmp_path / "排口.csv", [HEADING, *rows]), "检查完成").page.url
    official.sees(f"共 {LINES} 行").sees(f"{LINES // EACH} 行有错误").look("import-checked")
    official.page.get_by_label("全部正确才写入").check()
    official.click("写入").sees("没有写入任何一行").look("import-refused")
    assert count(city) == 0
    official.page.goto(checked)
    with official.page.expect_download() as taken:
        official.page.get_by_role("link", name="下载全部有错误的行").click()
    wrong = list(csv.reader(io.StringIO(Path(taken.value.path()).read_text("utf-8-sig"))))
    assert len(wrong) == LINES // EACH + 1 and all(WRONG in line[-1] for line in wrong[1:]), "each says what is wrong with it"
    official.page.get_by_label("只写入正确的").check()
    wait(official.click("写入"), "已写入").look("import-done")
    assert count(city) == LINES - LINES // EACH
    mended = [[cell.replace(WRONG, "雨水排口") for cell in line] for line in wrong]
    bring(official, table(tmp_path / "改正.csv", mended), "没有错误")
    wait(official.click("写入"), "已写入")
    assert count(city) == LINES


def bring(official: Person, path: str, until: str) -> Person:
    official.go("/work/r/outfall/import")
    official.page.locator("#file").set_input_files(path)
    return wait(official.click("上传并检查").sees("已处理"), until)


def count(city: City) -> int:
    return int(city.sql("SELECT count(*) FROM river_chief_outfall WHERE code LIKE 'P0%%'")[0][0])


def table(path: Path, rows: list[list[str]]) -> str:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)
    return str(path)


def wait(official: Person, text: str) -> Person:
    """The page reloads itself while the worker works: minutes, on a small machine."""
    official.page.get_by_text(text).first.wait_for(timeout=600_000)
    return official
