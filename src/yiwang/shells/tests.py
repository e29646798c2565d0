"""The generic pages of registers, shown on rivers and reaches: seen, filled in, refused."""

import io
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from lxml import html

from yiwang.engines.parties.models import Organisation
from yiwang.engines.registers import api as registers
from yiwang.engines.registers import imports
from yiwang.engines.registers.models import Import
from yiwang.kit.actors import SYSTEM
from yiwang.kit.registry import registry
from yiwang.platforms.identity.models import Account

River: Any = registry().registers["river"].model
Reach: Any = registry().registers["reach"].model
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_rivers")]
LINE = {"type": "MultiLineString", "coordinates": [[[110.28, 21.66], [110.36, 21.27]]]}
FORM = {"code": "GD-1", "name": "九洲江", "kind": "river", "division": "廉江市", "length_km": "168.5", "course": json.dumps(LINE)}


def browser(username: str) -> Client:
    client = Client()
    client.force_login(Account.objects.get(username=username), backend="yiwang.platforms.identity.doors.AccountBackend")
    return client


def river(code: str = "GD-1") -> Any:
    kept: Any = registers.keep(SYSTEM, registry().registers["river"], {**FORM, "code": code})
    return kept


def test_an_official_adds_finds_changes_and_reads_a_row() -> None:
    office = browser("hezhangban")
    assert "登记第一条" in office.get("/work/r/river/").content.decode()
    assert "没有找到" in office.post("/work/r/river/new", {**FORM, "division": "没有的县"}).content.decode()
    made = office.post("/work/r/river/new", FORM)
    assert made.status_code == 302
    row = office.get(made["Location"]).content.decode()
    assert "九洲江" in row and "168.5" in row and "data-shape" in row and "登记" in row
    assert "九洲江" in office.get("/work/r/river/?q=九洲&kind=river").content.decode()
    assert "没有符合条件" in office.get("/work/r/river/?kind=lake").content.decode()
    pk = River.objects.get().pk
    assert office.post(f"/work/r/river/{pk}/edit", {**FORM, "name": "九洲江干流", "revision": "1", "reason": "更名"}).status_code == 302
    late = office.post(f"/work/r/river/{pk}/edit", {**FORM, "name": "九州江", "revision": "1"})
    assert late.status_code == 409 and "没有保存" in late.content.decode() and "现在是 九洲江干流" in late.content.decode()
    page = office.post(f"/work/r/river/{pk}/edit", {**FORM, "length_km": "170", "revision": "1"}).content.decode()
    assert 'value="170"' in page and 'value="九洲江干流"' in page, "what was typed stays; what was left as it was says what is so now"
    past = office.get(f"/work/r/river/{pk}?on=2020-01-01").content.decode()
    assert "当时还没有这条记录" in past and "更名" in past


def test_the_menu_shows_a_system_with_its_first_registers_and_opens_the_rest_where_one_is() -> None:
    office = browser("hezhangban")
    tree = html.fromstring(office.get("/work/r/river/").content.decode())
    group = tree.xpath("//nav[@id='menu']//div[@aria-label='互联网+河长制']")[0]
    assert [a.text_content().strip() for a in group.xpath("./a[@aria-current]")] == ["河湖"] and not group.xpath("./details[@open]")
    further = html.fromstring(office.get("/work/r/river-plan/").content.decode())
    assert [a.text_content().strip() for a in further.xpath("//nav[@id='menu']//details[@open]/a[@aria-current]")] == ["一河一策"]
    few = html.fromstring(browser("sysadmin").get("/work/").content.decode())
    assert not few.xpath("//nav[@id='menu']//details") and not few.xpath("//nav[@id='menu']//div[@aria-label]"), "a short menu has no headings"


def test_a_phone_is_told_what_each_cell_is() -> None:
    river()
    tree = html.fromstring(browser("hezhangban").get("/work/r/river/").content.decode())
    cells = {td.get("data-label"): td.text for td in tree.xpath("//table[contains(@class,'cards')]/tbody/tr/td[@data-label]")}
    assert cells["名称"] == "九洲江" and cells["类型"] == "河流"
    assert len(tree.xpath("//thead[@class='sorts']//th[contains(@class,'sort')]/a")) == 2


def test_a_form_says_what_to_choose_and_lets_a_place_be_drawn_or_written() -> None:
    tree = html.fromstring(browser("hezhangban").get("/work/r/reach/new").content.decode())
    assert tree.xpath("//select[@name='level']/option[@value='']/text()") == ["请选择"]
    assert tree.xpath("//textarea[@name='board']/ancestor::details") and tree.xpath("//*[@data-draws='id_board']")
    wrong = html.fromstring(browser("hezhangban").post("/work/r/reach/new", {"board": "不是位置"}).content.decode())
    assert wrong.xpath("//textarea[@name='board']/ancestor::details[@open]//*[@role='alert']")


def test_a_key_is_offered_by_code_and_by_name_to_who_fills_in_the_form() -> None:
    kept = river()
    office = browser("hezhangban")
    form = html.fromstring(office.get("/work/r/reach/new").content.decode())
    address = form.xpath("//input[@name='river']/@data-suggest")[0]
    assert office.get(f"{address}?q=GD").json() == {"names": [["GD-1", "九洲江"]]} == office.get(f"{address}?q=九洲").json()
    assert office.get(f"{address}?q=没有").json() == office.get(f"{address}?q=").json() == {"names": []}
    places = office.get("/work/r/reach/names/division?q=廉江市").json()["names"]
    assert office.post("/work/r/river/new", {**FORM, "code": "GD-2", "division": places[0][0]}).status_code == 302
    assert office.get("/work/r/reach/names/level").status_code == 404 and kept.pk
    assert browser("hezhang").get(f"{address}?q=GD").status_code == 404, "who reads the register without filling it in"
    assert browser("haitang").get(f"{address}?q=GD").status_code == 403


def test_ticked_rows_change_together() -> None:
    office = browser("hezhangban")
    rows = [f"{river(f'GD-{n}').pk}-1" for n in range(2)]
    assert office.post("/work/r/river/bulk", {"row": rows, "kind": "lake", "reason": "归类"}).status_code == 302
    assert set(River.objects.values_list("kind", flat=True)) == {"lake"}
    assert "勾选" in office.post("/work/r/river/bulk", {"kind": "river", "reason": "归类"}).content.decode()


def test_board_calendar_and_map() -> None:
    office = browser("hezhangban")
    kept = river()
    form = {"river": str(kept.pk), "code": "R-1", "name": "九洲江廉江段", "level": "county", "division": "廉江市", "from_km": "0", "to_km": "9", "target": "3", "chief": "", "course": "", "board": ""}
    assert office.post("/work/r/reach/new", form).status_code == 302
    board = office.get("/work/r/reach/board").content.decode()
    assert "县级" in board and Reach.objects.get().name in board
    assert office.get("/work/r/reach/calendar").status_code == 404
    shown = office.get("/work/r/river/features.geojson?bbox=110,21,111,22").json()
    assert shown["numberReturned"] == 1 and shown["complete"] and shown["features"][0]["properties"]["name"] == "九洲江"
    assert office.get("/work/r/river/features.geojson?bbox=100,21,101,22").json()["features"] == []
    assert office.get("/work/r/river/features.geojson?bbox=1,2").status_code == 422
    assert "河段" in office.get(f"/work/r/river/{kept.pk}").content.decode(), "what points here is named"


def test_views_are_saved_and_forgotten() -> None:
    office = browser("hezhangban")
    assert office.post("/work/r/river/views", {"parameters": "kind=lake", "name": "湖泊"}).status_code == 302
    assert "湖泊" in office.get("/work/r/river/").content.decode()


@pytest.mark.parametrize("path", ["", "new", "map", "features.geojson"])
def test_who_has_no_role_for_it_does_not_pass(path: str) -> None:
    assert browser("shichang").get(f"/work/r/river/{path}").status_code == 403
    assert browser("haitang").get(f"/work/r/river/{path}").status_code == 403
    assert Client().get(f"/work/r/river/{path}").status_code == 302


def test_a_reader_does_not_edit_and_an_unknown_register_is_said() -> None:
    assert browser("hezhang").get("/work/r/river/new").status_code == 403
    assert browser("hezhang").get("/work/r/rivr/").status_code == 404


def test_the_pages_of_bringing_in_and_taking_away() -> None:
    office = browser("hezhangban")
    held = io.BytesIO("河湖编码,名称,类型,所属区划,长度（公里）\nGD-1,九洲江,河流,廉江市,168.5\nGD-2,x,河流,没有的县,1\n".encode())
    held.name = "河湖.csv"
    assert "必填" in office.get("/work/r/river/import").content.decode()
    assert "“经度”“纬度”两列" in office.get("/work/r/outfall/import").content.decode()
    made = office.post("/work/r/river/import", {"file": held, "matching": "add"})
    source = Import.objects.get()
    assert "正在检查" in office.get(made["Location"]).content.decode()
    imports.run(source.pk)
    assert "没有找到" in office.get(made["Location"]).content.decode()
    wrong = b"".join(office.get(f"/work/r/river/import/{source.pk}/wrong.csv")).decode("utf-8-sig")
    assert "问题" in wrong and "没有的县" in wrong and "九洲江" not in wrong
    assert office.post(f"/work/r/river/import/{source.pk}/confirm", {"mode": "good"}).status_code == 302
    imports.run(source.pk)
    export = office.post("/work/r/river/export", {"format": "csv", "reason": "核对"})
    assert "九洲江" in b"".join(office.get(export["Location"])).decode()
    assert office.get("/work/exports/").status_code == 200
    assert browser("hezhang").get("/work/r/river/import").status_code == 404


def test_a_full_day_of_the_calendar_shows_the_first_and_says_how_many_there_are() -> None:
    measures, plans = (registry().registers[code].model._default_manager for code in ("river-measure", "river-plan"))
    plan = plans.create(river=river(), year=2026, target="3", goals="清四乱", budget_fen=1)
    for number in range(7):
        measures.create(plan=plan, name=f"清障{number}", owner=Organisation.objects.earliest("pk"), due="2026-05-31" if number else "2026-05-02")
    page = browser("hezhangban").get("/work/r/river-measure/calendar?month=2026-05").content.decode()
    assert page.count("清障") == 5 and "共 6 条" in page and "清障6" not in page and "清障0" in page


def test_a_row_named_by_many_versions_is_asked_for_once(django_assert_max_num_queries: Any) -> None:
    one, office = river(), browser("hezhangban")
    for number in range(12):
        registers.change(SYSTEM, registry().registers["river"], one.pk, {"division": "雷州市" if number % 2 else "廉江市", "name": f"河{number}"})
    with django_assert_max_num_queries(40):
        assert "雷州市" in office.get(f"/work/r/river/{one.pk}").content.decode()
    with django_assert_max_num_queries(4):
        assert len(registers.changes(registry().registers["river"], one)) == 13


def test_a_false_host_is_answered_with_a_page() -> None:
    answer = Client(SERVER_NAME="elsewhere.example").get("/", headers={"Referer": "http://elsewhere.example/x"})
    assert answer.status_code == 422 and "没有提交" in answer.content.decode()


@pytest.mark.parametrize("path", ["/search?q=%00", "/items/%00", "/api/registers/reach/rows?river=%00"])
def test_an_address_that_no_column_can_hold_is_answered(path: str) -> None:
    assert Client().get(path, headers={"Accept": "application/json"}).status_code == 422


def test_so_is_such_a_form() -> None:
    answer = Client().post("/accounts/login/", {"login": "hai\0tang", "password": "x"})
    assert answer.status_code == 422 and "不能保存的字符" in answer.content.decode()


def test_a_flow_is_redrawn_for_one_item_by_its_name() -> None:
    editor = browser("editor")
    made = editor.post("/work/flows/new", {"procedure": "promise", "name": "食品", "item": "食品经营许可（新办）"})
    assert made.status_code == 302 and "食品经营许可（新办）" in editor.get(made["Location"]).content.decode()
    assert "食品经营许可（新办）" in editor.get("/work/flows/").content.decode()
    wrong = editor.post("/work/flows/new", {"procedure": "promise", "name": "食品", "item": "没有的事项"})
    assert wrong.status_code == 422 and "没有叫“没有的事项”的事项" in wrong.content.decode()


def test_a_decision_table_is_changed_in_the_console() -> None:
    """Begun, changed row by row, kept with its report; a file in and out; nothing for whoever is no flow editor."""
    editor = browser("editor")
    flow = editor.post("/work/flows/new", {"procedure": "promise", "name": "表"})["Location"]
    made = editor.post(f"{flow}/new-table", {"name": "分办", "revision": "1"})["Location"]
    assert made == f"{flow}/tables/table_1" and "第 1 行没有写结果" in editor.get(made).content.decode()
    form = {"name": "分办", "policy": "FIRST", "in": "channel", "out": "way", "out-label": "走法", "rows": "1", "c-0-0": "窗口、网上申办", "a-0-0": "简易", "revision": "2"}
    more = editor.post(made, {**form, "act": "row:1"}).content.decode()
    assert "有改动，还没有保存" in more and 'name="c-1-0"' in more and 'value="窗口、网上申办"' in more
    assert editor.post(made, form).status_code == 302
    kept = editor.get(f"{made}/file.dmn").content.decode()
    assert '"counter", "internet"' in kept and "有遗漏，没有一行符合：渠道为“系统对接”或为“内部”" in editor.get(made).content.decode()
    assert editor.post(made, form).status_code == 409  # an earlier revision
    assert editor.post(made, {**form, "revision": "3", "name": "\x01"}).status_code == 422
    assert editor.post(made, {**form, "revision": "3", "policy": "COLLECT"}).status_code == 422
    assert "没有找到这件办件" in editor.post(made, {**form, "act": "weigh", "number": "1"}).content.decode()
    file = SimpleUploadedFile("t.dmn", kept.replace("简易", "快速").encode())
    assert editor.post(f"{flow}/import-tables", {"revision": "3", "dmn": file}).status_code == 302 and "快速" in editor.get(made).content.decode()
    bad = SimpleUploadedFile("t.dmn", kept.replace('"counter", "internet"', "f(1)").encode())
    assert "不能有运算、函数或程序" in editor.post(f"{flow}/import-tables", {"revision": "4", "dmn": bad}, follow=True).content.decode()
    assert editor.post(f"{made}/drop", {"revision": "4"}).status_code == 302 and editor.get(made).status_code == 404
    assert browser("hezhang").get(made).status_code in {302, 403, 404}
