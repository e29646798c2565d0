"""互联网+河长制: a chief walks a reach with a phone, what is found is settled by four people, a cheat is refused, a citizen reports by QR and rates; a stranger sees no reporter."""

import json
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

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


def walk(chief: Person, places: list[tuple[float, float]], *, minutes: float) -> None:
    """Records the places on the phone; the phone's clock runs as long as a walk would take."""
    page = chief.page
    stand(chief, places[0])
    page.add_init_script("Object.defineProperty(GeolocationPosition.prototype, 'timestamp', { get() { return Date.now(); } })")  # the receiver's clock is the phone's
    page.clock.install(time=datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(minutes=minutes))
    page.reload()
    page.get_by_role("button", name="开始记录轨迹").click()
    for number, place in enumerate(places[1:], 2):
        stand(chief, place)
        page.clock.run_for(int(minutes * 60_000 / len(places)))
        page.wait_for_function(f"Number(document.querySelector('[data-track]').dataset.points || 0) >= {number}")


def open_patrol(chief: Person) -> None:
    chief.go("/field/rivers").page.locator("a.tile", has_text="南桥河").first.click()
    chief.sees("有效要求")


def test_a_walk_finds_a_problem_that_four_people_settle(person: Make, city: City, photo: str) -> None:
    chief = person("zhenhezhang", **PHONE)
    chief.go("/field/rivers").look("river-field")
    open_patrol(chief)
    chief.look("river-patrol")
    chief.page.set_viewport_size({"width": 360, "height": 800})
    walk(chief, course(city), minutes=40)
    chief.page.get_by_text("发现的问题 1").click()
    chief.page.locator("#f1-kind").select_option(label="垃圾漂浮物")
    chief.sees("位置已记录")
    chief.page.locator("#f1-note").fill("桥下有一堆生活垃圾")
    chief.page.locator("#f1-photo").set_input_files(photo)
    chief.click("结束并提交").sees("巡河有效").look("river-walked")
    settled(person)


def settled(person: Make) -> None:
    office = person("hezhangban")
    office.go("/work/r/river-problem/").until("垃圾漂浮物")
    office.page.locator("main").get_by_role("link", name="垃圾漂浮物").first.click()
    office.sees("桥下有一堆生活垃圾").look("river-problem").click("查看办理过程", role="link")
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
    office.go("/work/r/river-problem/board").sees("已销号").look("river-board")
    office.go("/work/r/river/").page.locator("main").get_by_role("link", name="ZJ4408CK01", exact=True).first.click()
    office.click("打开一河一档", role="link").sees("沿河里程").look("river-file")
    office.go("/work/r/patrol-duty/calendar").look("river-calendar")
    office.go("/work/river-standards").sees("河长公示和巡查规范").look("river-standards")
    office.go("/work/river-scores").sees("巡河完成").look("river-scores")


def test_a_track_that_cheats_is_kept_but_does_not_count(person: Make, city: City) -> None:
    chief = person("zhenhezhang", **PHONE)
    open_patrol(chief)
    walk(chief, course(city, 14), minutes=1.05)  # a kilometre: 57 km/h, and still a car where this machine is slow
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
    assert first == second and first["valid"] is True
    assert city.sql("SELECT count(*) FROM patrols_round WHERE key = %s", key) == [(1,)]
    stranger = person("hedao")
    assert stranger.page.request.get(address).status == 403
    other = person("hezhang")
    assert other.page.request.get(address).status == 404


def post(who: Person, address: str, form: dict[str, Any]) -> dict[str, Any]:
    token = next(c["value"] for c in who.context.cookies() if c["name"] == "csrftoken")
    answer = who.page.request.post(address, form=form, headers={"X-CSRFToken": token, "Accept": "application/json", "Referer": address})
    assert answer.ok, answer.text()
    return dict(answer.json())


def test_a_citizen_reports_by_the_sign_and_rates_and_no_stranger_learns_who(person: Make, city: City, photo: str) -> None:
    office = person("hezhangban")
    office.go("/work/r/reach/").page.locator("main").get_by_role("link", name=REACH).first.click()
    office.click("打印公示牌", role="link").sees("扫一扫").look("river-sign")
    assert f"/rivers/{REACH}" in office.page.locator("main").inner_text()
    citizen = person("haitang", **PHONE)
    stand(citizen, course(city)[5])
    citizen.go(f"/rivers/{REACH}").sees("莫知夏").look("river-public")
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
    office.go("/work/river-reports").sees("水葫芦长满了半边河").look("river-reports")
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
