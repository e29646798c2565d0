"""互联网+河长制: a chief walks a reach with a phone, what is found is settled by four people, a cheat is refused, a citizen reports by QR and rates; a stranger sees no reporter."""

import json
import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.city import City
from tests.journeys.conftest import Person
from tests.journeys.test_food import act

Make = Callable[..., Person]
REACH = "ZJ4408CK01Z1"
PHONE: dict[str, Any] = {"width": 360, "permissions": ["geolocation"], "has_touch": True}


def course(city: City, points: int = 40) -> list[tuple[float, float]]:
    """Points along the reach, as the city keeps it."""
    rows = city.sql("SELECT ST_X(p), ST_Y(p) FROM river_chief_reach r, generate_series(0, %s) n, LATERAL ST_LineInterpolatePoint(r.course, n / %s::float) p WHERE r.code = %s", points, points, REACH)
    return [(float(x), float(y)) for x, y in rows]


def stand(who: Person, place: tuple[float, float]) -> None:
    who.context.set_geolocation({"longitude": place[0], "latitude": place[1], "accuracy": 5})


def walk(chief: Person, places: list[tuple[float, float]], *, minutes: float, end: int = 0) -> None:
    """Records the places, or those before `end`, on the phone; its clock runs as long as the whole walk would take."""
    page = chief.page
    stand(chief, places[0])
    page.add_init_script("Object.defineProperty(GeolocationPosition.prototype, 'timestamp', { get() { return Date.now(); } })")  # the receiver's clock is the phone's
    page.clock.install(time=datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(minutes=minutes))
    page.reload()
    page.locator("form[data-ready]").wait_for()
    page.get_by_role("button", name="开始记录轨迹").click()
    page.locator("[data-track][data-points='1']").wait_for()  # the first fix has come before the first step
    walk_on(chief, places, 1, end or len(places), minutes=minutes)


def walk_on(chief: Person, places: list[tuple[float, float]], begin: int, end: int, *, minutes: float) -> None:
    """Goes on from place to place; `minutes` are those of the whole walk."""
    for number in range(begin, end):
        chief.page.clock.run_for(int(minutes * 60_000 / len(places)))
        stand(chief, places[number])
        some = "|".join(str(n) for n in range(number + 1, number + 60))
        expect(chief.page.locator("[data-track]")).to_have_attribute("data-points", re.compile(f"^({some})$"), timeout=20_000)


def open_patrol(chief: Person) -> None:
    """From today's tasks, with the phone ready for a place without a network."""
    chief.go("/field/").page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    chief.go("/field/rivers").page.locator("a.tile", has_text="南桥河").first.click()
    chief.sees("有效要求")
    chief.page.locator("form[data-ready]").wait_for()


def found(chief: Person, photo: str, *, kind: str, note: str) -> None:
    page = chief.page
    page.get_by_text("发现的问题 1", exact=True).click()
    page.locator("#f1-kind").select_option(label=kind or "请选择")
    page.locator("#f1-note").fill(note)
    page.locator("#f1-photo").set_input_files(photo)
    page.locator("#f1-thumbs img").wait_for()


def test_a_walk_finds_a_problem_that_four_people_settle(person: Make, city: City, photo: str) -> None:
    chief = person("zhenhezhang", **PHONE)
    chief.go("/field/").sees("南桥河镇级段").look("river-errands")
    chief.go("/field/rivers")
    open_patrol(chief)
    chief.look("river-patrol")
    chief.page.set_viewport_size({"width": 360, "height": 800})
    walk(chief, course(city), minutes=40)
    found(chief, photo, kind="", note="桥下有一堆生活垃圾")
    chief.page.locator("#patrol details").first.locator("summary").click()
    chief.click("结束并提交").sees("请选择问题 1 的类型")  # refused on the spot, and unfolded
    chief.page.locator("#f1-kind").select_option(label="垃圾漂浮物")
    chief.page.locator("#patrol details").first.get_by_role("button", name="记录位置").click()
    chief.sees("已记录（误差约 5 米）")
    chief.click("结束并提交").sees("巡河有效").look("river-walked")
    settled(person, "垃圾漂浮物", "桥下有一堆生活垃圾")


def test_the_connection_is_cut_while_walking_and_nothing_is_lost(person: Make, city: City, photo: str) -> None:
    chief = person("zhenhezhang", **PHONE)
    open_patrol(chief)
    places = course(city)
    walk(chief, places, minutes=40, end=15)
    chief.context.set_offline(True)
    chief.page.reload()  # the page fell over, without a network: the walk so far and the form are on the phone
    chief.page.locator("form[data-ready]").wait_for()
    chief.sees("记录 15 点").click("继续记录")
    walk_on(chief, places, 15, len(places), minutes=40)
    found(chief, photo, kind="乱堆", note="岸边倒了一车渣土")
    chief.page.get_by_role("button", name="结束并提交").click()
    chief.page.wait_for_url("**/field/queue")
    chief.sees("等待发送").look("river-queue")
    assert city.sql("SELECT count(*) FROM patrols_finding WHERE note = '岸边倒了一车渣土'") == [(0,)]
    chief.context.set_offline(False)
    chief.sees("已发出")
    chief.go("/field/rivers").sees("巡河有效")
    kept = city.sql("SELECT r.valid, jsonb_array_length(r.seconds), f.photo_id IS NOT NULL, ST_Distance(f.place::geography, r.track::geography) < 1 FROM patrols_finding f JOIN patrols_round r ON r.id = f.round_id WHERE f.note = '岸边倒了一车渣土'")
    assert [(v, n >= len(places) - 1, p, d) for v, n, p, d in kept] == [(True, True, True, True)]
    seen = person("hezhangban").go("/work/r/river-problem/").until("乱堆")
    seen.page.locator("main").get_by_role("link", name="乱堆").first.click()
    seen.sees("岸边倒了一车渣土")
    assert seen.page.locator(".thumbs img").count() == 1


def settled(person: Make, kind: str, note: str) -> None:
    office = person("hezhangban")
    office.go("/work/r/river-problem/").until(kind)
    office.page.locator("main").get_by_role("link", name=kind).first.click()
    office.sees(note).look("river-problem").click("查看办理过程", role="link")
    number, address = office.case_number(), office.page.url
    act(office, number, "立案", opinion="属实，予以立案")
    act(office, number, "交办", opinion="三日内清理")
    handler = person("hedao")
    act(handler, number, "签收")
    act(handler, number, "提交整改结果", opinion="已清运两车")
    verifier = person("hezhang")
    act(verifier, number, "提交核查结论", passed="yes", opinion="现场已经干净")
    act(office, number, "销号", opinion="同意销号")
    office.page.goto(address)
    office.sees("已销号").look("river-closed")
    office.go("/work/r/river-problem/board").sees("已销号")
    office.go("/work/r/river/").page.locator("main").get_by_role("link", name="ZJ4408CK01", exact=True).first.click()
    office.click("打开一河一档", role="link").sees("沿河剖面").look("river-file")
    office.go("/work/r/patrol-duty/calendar")
    office.go("/work/river-scores").sees("巡河完成")


def keep(office: Person, register: str, **values: str) -> str:
    """Fills in the form of a register and keeps the row; its address."""
    page = office.go(f"/work/r/{register}/new").page
    for field, value in values.items():
        box = page.locator(f"#id_{field}")
        box.select_option(value) if box.evaluate("e => e.tagName") == "SELECT" else box.fill(value)
    page.locator("main form button.btn-primary").click()
    page.wait_for_url(re.compile(rf"/work/r/{register}/\d+$"))
    return page.url


@pytest.mark.serves("river_chief_platform:0")
def test_water_that_turns_bad_is_told_ordered_settled_and_the_shore_repaired(person: Make, city: City) -> None:
    office, chief, above, handler = person("hezhangban"), person("zhenhezhang"), person("hezhang"), person("hedao")
    bad_water(office, city)
    chief.go("/my/messages").sees("水质预警：南桥河上游断面")
    chief.go("/work/river-alerts").sees("南桥河上游断面").look("river-alerts")
    told = chief.page.locator("section", has_text="南桥河上游断面")
    told.get_by_label("处置情况").fill("沿岸排查，发现一处溢流口")
    told.get_by_role("button", name="记录处置").click()
    chief.sees("沿岸排查，发现一处溢流口").page.locator("section", has_text="南桥河上游断面").get_by_text("立为问题").first.click()
    told.get_by_label("类型").select_option("outfall")
    told.get_by_label("现场情况").fill("断面上游溢流口直排污水")
    told.get_by_role("button", name="立为问题").click()
    chief.sees("已立为问题").sees("断面上游溢流口直排污水")
    ordered(above, handler, chief.page.url)
    settled(person, "违规排污口", "断面上游溢流口直排污水")
    load_that_must_go(office, city)
    shore_repaired(office, city)


def bad_water(office: Person, city: City) -> None:
    """Two readings in a row miss the target; each is classed by its values."""
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    for minutes in (3, 2):
        keep(office, "station-reading", section="南桥河上游断面", at=f"{now - timedelta(minutes=minutes):%Y-%m-%dT%H:%M}", ph="7.2", oxygen="6.5", ammonia="1.8", source="自动站补录")
        office.sees("Ⅴ类").sees("氨氮")
    office.go("/work/river-alerts").click("现在核对").sees("已核对").sees("南桥河上游断面")


def ordered(above: Person, handler: Person, problem: str) -> None:
    """The county's chief presses the office that has to mend it, under number and seal."""
    above.page.goto(problem)
    above.click("签发督办单", role="link").look("river-new-order")
    above.page.locator("#to").select_option(label="赤坎区水务局")
    above.page.locator("#title").fill("溢流口限期封堵")
    above.page.locator("#text").fill("三日内封堵溢流口，查清来源。")
    above.page.locator("#due").fill(f"{datetime.now(ZoneInfo('Asia/Shanghai')) + timedelta(days=5):%Y-%m-%d}")
    above.click("编号用印并签发").sees("已签发").look("river-order")
    paper = above.context.request.get(f"{above.page.url}/paper")
    assert paper.ok and paper.body().startswith(b"%PDF") and b"/ByteRange" in paper.body()
    handler.go("/work/river-orders").sees("等您反馈").look("river-orders").page.goto(above.page.url)
    handler.page.locator("#words").fill("已封堵，来源为餐饮街合流管")
    handler.click("反馈").sees("待核销")
    above.page.reload()
    above.sees("已封堵，来源为餐饮街合流管").page.locator("#words").fill("情况属实")
    above.click("核销").sees("已办结")


def load_that_must_go(office: Person, city: City) -> None:
    """One more source, and the reach has more than it can take: what must go is shared by contribution."""
    (reach, year), = city.sql("SELECT r.id, max(b.year) FROM river_chief_reach r JOIN river_chief_loadbasis b ON b.reach_id = r.id WHERE r.code = %s GROUP BY r.id", REACH)
    keep(office, "load-source", reach=REACH, year=str(year), item="ammonia", name="餐饮街合流管", concentration="60", flow="0.05", source="现场监测")
    office.go(f"/work/r/reach/{reach}").sees("需要削减").look("river-loads")
    row = office.page.get_by_role("row", name="餐饮街合流管")
    assert "94.6" in row.inner_text()  # 31.536 × 60 × 0.05 t/a


def shore_repaired(office: Person, city: City) -> None:
    """A wetland is finished, measured and judged by its own goal; before, nothing can be said of it."""
    ((repair, river),) = city.sql("SELECT p.id, p.river_id FROM river_chief_repair p WHERE p.name = '南桥河河口湿地修复'")
    office.go(f"/work/rivers/{river}").sees("还没有监测")
    office.go(f"/work/r/river-repair/{repair}/edit").page.locator("#id_done_on").fill(f"{datetime.now(ZoneInfo('Asia/Shanghai')):%Y-%m-%d}")
    office.page.locator("main form button.btn-primary").click()
    office.sees("修复成效")
    keep(office, "repair-check", repair=str(repair), day=f"{datetime.now(ZoneInfo('Asia/Shanghai')):%Y-%m-%d}", value="16", method="样方调查")
    office.go(f"/work/r/river-repair/{repair}").sees("达到目标").look("river-repair")
    assert "达到目标" in office.go(f"/work/rivers/{river}").page.get_by_role("listitem").filter(has_text="南桥河河口湿地修复").inner_text()
    office.look("river-file-whole")


@pytest.mark.serves("river_chief_standards:0")
def test_a_standard_is_drafted_tried_on_the_data_and_adopted(person: Make) -> None:
    office = person("hezhangban")
    doc = keep(office, "river-standard", number="ZJHZ 09", version="2027", title="公示牌设置规范", field="form").rsplit("/", 1)[1]
    office.go("/work/river-standards")
    box = office.page.locator("section", has_text="公示牌设置规范")
    assert not box.get_by_role("row").filter(has_text="公示牌位置").count()
    keep(office, "river-clause", doc=doc, number="3.1", text="每个河段登记公示牌位置", rule="reach-board")
    office.go("/work/river-standards").page.locator("section", has_text="公示牌设置规范").get_by_role("button", name="开始试行").click()
    office.sees("现在是“试行”").page.locator("section", has_text="公示牌设置规范").get_by_role("button", name="施行").click()
    office.sees("还没有检查通过")  # a standard that nobody ran on the data is not adopted
    office.go("/work/river-standards").page.locator("section", has_text="公示牌设置规范").get_by_role("button", name="运行检查").click()
    office.sees("1/1 条通过").page.locator("section", has_text="公示牌设置规范").get_by_role("button", name="施行").click()
    office.sees("现在是“施行”").look("river-standards")
    chief = person("hezhang").go("/work/river-standards").sees("公示牌设置规范")
    assert not chief.page.get_by_role("button", name="运行检查").count()


def test_a_track_that_cheats_is_kept_but_does_not_count(person: Make, city: City) -> None:
    chief = person("zhenhezhang", **PHONE)
    open_patrol(chief)
    walk(chief, course(city, 14), minutes=2)  # a kilometre at 30 km/h, and still a car where this machine is slow
    chief.click("结束并提交").sees("不计入频次")
    chief.sees("像是乘车经过")


def test_a_record_sent_twice_is_one_round_and_nobody_elses(person: Make, city: City) -> None:
    chief = person("zhenhezhang")
    open_patrol(chief)
    address, key = chief.page.url, str(uuid.uuid4())
    begun = datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(hours=1)
    points = [[x, y, (begun + timedelta(minutes=n)).isoformat(), 5, 0] for n, (x, y) in enumerate(course(city))]
    sent = {"key": key, "started_at": points[0][2], "finished_at": points[-1][2], "track": json.dumps({"points": points})}
    first, second = (post(chief, f"{address}/record", sent) for _ in range(2))
    assert first == second == {"next": "/field/rivers"}
    assert city.sql("SELECT valid FROM patrols_round WHERE key = %s", key) == [(True,)]
    stranger = person("hedao")
    assert stranger.page.request.get(address).status == 403
    other = person("hezhang")
    assert other.page.request.get(address).status == 404


def post(who: Person, address: str, form: dict[str, Any]) -> dict[str, Any]:
    token = next(c["value"] for c in who.context.cookies() if c["name"] == "csrftoken")
    answer = who.page.request.post(address, form=form, headers={"X-CSRFToken": token, "Accept": "application/json", "Referer": address})
    assert answer.ok, answer.text()
    return dict(answer.json())


@pytest.mark.serves("river_chief_platform:1")
def test_a_citizen_reports_by_the_sign_and_rates_and_no_stranger_learns_who(person: Make, city: City, photo: str) -> None:
    office = person("hezhangban")
    office.go("/work/r/reach/").page.locator("main").get_by_role("link", name=REACH).first.click()
    office.sees("按月指标").click("打印公示牌", role="link").sees("扫一扫")
    assert f"/rivers/{REACH}" in office.page.locator("main").inner_text()
    citizen = person("haitang", **PHONE)
    stand(citizen, course(city)[5])
    citizen.go(f"/rivers/{REACH}").sees("莫知夏")
    citizen.page.locator("#text").fill("水葫芦长满了半边河")
    citizen.page.locator("#kind").select_option(label="水葫芦、藻类")
    citizen.page.locator("#photo").set_input_files(photo)
    citizen.click("使用我现在的位置").sees("已记录")
    citizen.click("提交反映").sees("已收到").look("river-receipt")
    receipt = citizen.page.url
    assert "林海棠" not in person().go("/rivers").page.content()
    stranger = person("ruoxi")
    assert stranger.page.request.get(receipt).status == 404
    for username in ("hezhang", "zhenhezhang"):
        seen = person(username).go("/work/river-reports").sees("水葫芦长满了半边河")
        assert "林海棠" not in seen.page.content() and not seen.page.get_by_text("查看反映人").count()
    office.go("/work/river-reports").sees("水葫芦长满了半边河")
    assert "林海棠" not in office.page.content()
    office.page.locator("section", has_text="水葫芦长满了半边河").get_by_role("link", name="查看反映人").click()
    office.sees("林海棠")
    box = office.page.locator("section", has_text="水葫芦长满了半边河")
    box.get_by_label("答复").fill("已安排三天内打捞")
    box.get_by_role("button", name="发出答复").click()
    office.sees("答复已发出")
    citizen.page.goto(receipt)
    citizen.sees("已安排三天内打捞").page.get_by_label("满意", exact=True).check()
    citizen.click("提交评价").sees("感谢您的评价").look("river-rated")
    citizen.go("/my/accesses").sees("反映人姓名和电话")


def trace(steps: tuple[float, ...]) -> dict[str, Any]:
    """A boat's record from 0.2 to 1.6 km: the water gets saltier by 45 μS/cm at each of the kilometres."""
    points = (0.2 + 1.4 * n / 199 for n in range(200))
    lines = [f"{km:.3f},{410 + 45 * sum(km > step for step in steps) + 4 * ((n * 7919) % 11 - 5) / 5:.2f}" for n, km in enumerate(points)]
    return {"name": "电导率.csv", "mimeType": "text/csv", "buffer": "\n".join(["里程,电导率", *lines]).encode()}


@pytest.mark.serves("river_chief_platform:0")
def test_a_hidden_outfall_is_searched_for_found_at_its_kilometre_and_bank_and_becomes_a_problem(person: Make, city: City, photo: str) -> None:
    office, chief = person("hezhangban"), person("zhenhezhang", **PHONE)
    today = f"{datetime.now(ZoneInfo('Asia/Shanghai')):%Y-%m-%d}"
    page = office.go("/work/river-searches").click("组织排查", role="link").page
    page.locator("#river").select_option(label="南桥河（3.2 公里）")
    for field, value in (("from_km", "0.2"), ("to_km", "1.6"), ("reason", "上游至中游氨氮来源不明"), ("leader", "莫知夏"), ("day", today), ("due", today)):
        page.locator(f"#{field}").fill(value)
    page.get_by_label("乘船测电导率").check()
    office.look("river-new-search").click("组织排查").sees("还没有上传轨迹")
    page.locator("#file").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": "里程,电导率\n9,410\n".encode()})
    office.click("上传并判定").sees("第 2 行：里程 9 公里不在排查范围")
    page.locator("#file").set_input_files(trace((0.5, 1.3)))
    office.click("上传并判定").sees("新增疑似排口 2 处").look("river-search")
    address = page.url
    chief.page.goto(address)
    box = chief.page.locator("div[id^=c]").first
    box.get_by_text("查实", exact=False).first.click()
    box.get_by_label("排口名称").fill("桥下暗管")
    box.get_by_label("类型").select_option("other")
    box.get_by_label("左岸").check()
    box.get_by_label("现场情况").fill("桥墩后有一根管，正在排水")
    box.get_by_label("现场照片").set_input_files(photo)
    chief.click("查实并立为问题").sees("已查实").look("river-search-found")
    page.goto(address)
    office.sees("全部疑似排口现场核实以后才能办结")
    second = page.locator("div[id^=c]").nth(1)
    second.get_by_text("排除", exact=False).first.click()
    second.get_by_label("理由").fill("支沟汇入，水质正常")
    second.get_by_role("button", name="排除").click()
    office.sees("已排除").page.locator("#conclusion").fill("查实暗管一处")
    office.click("办结").sees("排查已办结").sees("查实暗管一处")
    page.get_by_role("link", name="违规排污口（南桥河").first.click()
    office.sees("桥墩后有一根管").sees("左岸 0.").sees("赤坎区水务局")
    office.go("/work/river-searches").sees("每公里查实").look("river-searches")


@pytest.mark.serves("river_chief_platform:0")
def test_a_zone_is_judged_and_what_exceeds_its_opinion_is_told_to_the_environment_department(person: Make, city: City) -> None:
    office = person("hezhangban")
    ((zone, year),) = city.sql("SELECT z.id, max(o.year) FROM river_chief_waterzone z JOIN river_chief_zoneopinion o ON o.zone_id = z.id WHERE z.code = 'ZJ4408CK01G31' GROUP BY z.id")
    river = city.sql("SELECT river_id FROM river_chief_waterzone WHERE id = %s", zone)[0][0]
    office.go(f"/work/river-zones?river={river}").sees("年度达标的水功能区").look("river-zones")
    office.go(f"/work/r/water-zone/{zone}").sees("次达标").look("river-zone").click(f"通报 {year} 年排放总量超标").sees("已发送")
    told = person("shengtai")
    told.go("/my/messages").sees("水功能区通报").go("/work/river-notices").sees("超过意见").look("river-notices")
    paper = told.context.request.get(city.url + str(told.page.locator("a[href$='/paper']").first.get_attribute("href")))
    assert paper.ok and paper.body().startswith(b"%PDF") and b"/ByteRange" in paper.body()
    told.page.get_by_role("button", name="签收").first.click()
    told.sees("已签收")
    office.go("/work/river-notices").sees("江白鹭")


def test_a_chief_leaves_and_both_sign_the_sheet_and_no_stranger_sees_it(person: Make, city: City) -> None:
    """The post of the second town's reach passes from one person to another; neither is an official otherwise."""
    ((post,),) = city.sql("SELECT chief_id FROM river_chief_reach WHERE code = 'ZJ4408CK01Z2'")
    giver, taker = (city.sql("SELECT party_id FROM identity_account WHERE username = %s", username)[0][0] for username in ("changfeng", "nanxing"))
    city.sql("INSERT INTO parties_membership (id, party_id, post_id, valid_from, valid_to) VALUES (901, %s, %s, current_date - 60, current_date - 1), (902, %s, %s, current_date, NULL)", giver, post, taker, post)
    try:
        office = person("hezhangban")
        office.go("/work/river-handovers").click("核对任职变动").sees("新增").sees("梁长风").look("river-handovers")
        ((sheet,),) = city.sql("SELECT id FROM river_chief_handover WHERE giver_id = %s AND taker_id = %s", giver, taker)
        leaves, comes = person("changfeng"), person("nanxing")
        leaves.go("/my/messages").sees("河长交接").go(f"/river-handovers/{sheet}").sees("负责的河段").look("river-handover")
        assert not leaves.page.get_by_role("button", name="确认接收").count()
        comes.go(f"/river-handovers/{sheet}").sees("待移交")
        assert not comes.page.get_by_role("button", name="确认移交").count()
        leaves.page.locator("#words").fill("在办事项已当面说明")
        leaves.click("确认移交").sees("已移交，等待接收")
        comes.go(f"/river-handovers/{sheet}").page.locator("#words").fill("核对一致")
        comes.click("确认接收").sees("交接完成")
        stranger = person("ruoxi")
        assert stranger.page.request.get(f"{city.url}/river-handovers/{sheet}").status == 404
        assert post_status(stranger, f"{city.url}/river-handovers/{sheet}/take") == 404
        office.go("/work/river-handovers").sees("已交接")
    finally:
        city.sql("DELETE FROM parties_membership WHERE id IN (901, 902)")


def post_status(who: Person, address: str) -> int:
    token = next(c["value"] for c in who.context.cookies() if c["name"] == "csrftoken")
    return int(who.page.request.post(address, form={"words": "冒领"}, headers={"X-CSRFToken": token, "Referer": address}).status)
