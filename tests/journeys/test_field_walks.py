"""A walk on the phone: kept point by point, corrected, begun anew, never mixed with the next one."""

from playwright.sync_api import Page, Route

from tests.journeys.conftest import Person
from tests.journeys.test_field import COUNT, PHONE, Make

FORM = """<form method="post" action="/field/probe/record" data-offline data-title="试走">
    <div data-track></div><label>说明<input name="note"></label><div data-problems role="alert"></div><button type="submit">交</button><p data-draft-note></p></form>"""


class Probe:
    """A form with a walk and the server behind it, which answers as it is told and remembers what came."""

    def __init__(self, who: Person) -> None:
        self.who, self.status, self.came = who, 422, ""
        who.context.route("**/field/probe", self._page)
        who.context.route("**/field/probe/record", self._record)

    def _page(self, route: Route) -> None:
        page = route.fetch(url=f"{self.who.city.url}/field/queue")
        route.fulfill(response=page, body=page.text().replace("<div data-queue", f"{FORM}<div data-nothing"))

    def _record(self, route: Route) -> None:
        self.came = route.request.post_data or ""
        route.fulfill(status=self.status, json={"detail": "不收", "next": "/field/queue"})

    def open(self) -> Page:
        self.who.go("/field/probe").page.locator("form[data-ready]").wait_for()
        return self.who.page

    def walk(self, longitude: float, note: str) -> None:
        """Two points from there on, and a note; paused, and on the phone."""
        page = self.who.page
        for n in (0, 1):
            self.who.context.set_geolocation({"longitude": longitude + n / 10_000, "latitude": 21.27, "accuracy": 8})
            if n == 0:
                page.get_by_role("button", name="开始记录轨迹").click()
            page.locator(f"[data-points='{n + 1}']").wait_for()
        page.get_by_role("button", name="暂停记录").click()
        page.get_by_label("说明").fill(note)
        page.get_by_text("已保存在手机里").wait_for()


def test_a_refused_walk_and_the_next_one_do_not_touch_each_other(person: Make) -> None:
    who = person("hecha", service_workers="block", **PHONE)
    probe = Probe(who)
    page = probe.open()
    probe.walk(110.36, "甲")
    page.get_by_role("button", name="交", exact=True).click()
    page.locator("form[data-ready]").get_by_text("不收").wait_for()  # it stays, to be corrected
    assert page.get_by_label("说明").input_value() == "甲" and page.locator("[data-points='2']").count() == 1
    who.go("/field/queue")  # from another page: a hash alone would not open the form anew
    page = probe.open()
    assert page.get_by_label("说明").input_value() == "" and page.locator("[data-points='0']").count() == 1
    probe.walk(110.37, "乙")
    page.on("dialog", lambda dialog: dialog.accept())

    who.go("/field/queue").click("打开更正", role="link")
    page.locator("form[data-ready]").wait_for()
    assert page.get_by_label("说明").input_value() == "甲"
    page.get_by_label("说明").fill("甲，改好")
    probe.status = 200
    page.get_by_role("button", name="交", exact=True).click()
    who.sees("已发出")
    assert "甲，改好" in probe.came and "[110.36," in probe.came and "[110.37" not in probe.came

    page = probe.open()  # the next walk is as it was left
    assert page.get_by_label("说明").input_value() == "乙" and page.locator("[data-points='2']").count() == 1
    second = who.context.new_page()
    second.goto(page.url)
    second.get_by_text("正在另一个标签页里填写").wait_for()
    second.close()
    who.click("重新记录").sees("还没有开始记录")
    page.reload()
    page.locator("form[data-ready] [data-points='0']").wait_for()
    assert page.get_by_label("说明").input_value() == "乙"
    probe.walk(110.38, "丙")
    probe.status = 422
    page.get_by_role("button", name="交", exact=True).click()
    page.locator("form[data-ready]").get_by_text("不收").wait_for()
    page.get_by_label("说明").fill("丁")
    page.get_by_text("已保存在手机里").wait_for()
    who.go("/field/queue").click("不要了")
    page.locator("[data-state=needs]").wait_for(state="detached")
    assert [page.evaluate(COUNT)[name] for name in ("records", "drafts", "points")] == [1, 0, 0]  # the one, listed as sent


def test_a_walk_is_kept_point_by_point(person: Make) -> None:
    inspector = person("hecha", **PHONE)
    inspector.go("/field/queue").page.evaluate(
        """async () => { const box = document.body.appendChild(document.createElement("div")); box.dataset.track = ""; box.id = "walk";
        window.walk = await FieldTrack.start(box, await Field.ready, "/field/walk"); }"""
    )
    page = inspector.page
    page.get_by_role("button", name="开始记录轨迹").click()
    page.locator("#walk[data-points='1']").wait_for()
    for n, longitude in enumerate((110.3601, 110.3602, 110.3603)):
        inspector.context.set_geolocation({"longitude": longitude, "latitude": 21.27, "accuracy": 8})
        page.locator(f"#walk[data-points='{n + 2}']").wait_for()
    inspector.context.set_geolocation({"longitude": 110.37, "latitude": 21.27, "accuracy": 400})
    page.get_by_text("信号弱（误差约 400 米）").wait_for()
    assert "已走 31 米" in page.locator("#walk").inner_text()
    page.evaluate("() => { window.put = FieldStore.put; FieldStore.put = async () => { throw new DOMException('full', 'QuotaExceededError'); }; }")
    inspector.context.set_geolocation({"longitude": 110.3604, "latitude": 21.27, "accuracy": 8})
    page.get_by_text("手机存储已满，最近 1 点还没有存到手机里").wait_for()
    page.evaluate("() => { FieldStore.put = window.put; }")
    inspector.context.set_geolocation({"longitude": 110.3605, "latitude": 21.27, "accuracy": 8})
    page.locator("#walk[data-points='6']").wait_for()  # what did not fit is tried again
    page.reload()  # the page fell over: nothing is lost, and a walk goes on after a pause
    again = page.evaluate(
        """async () => { const box = document.body.appendChild(document.createElement("div")); box.id = "walk";
        const walk = await FieldTrack.start(box, await Field.ready, "/field/walk"); const value = JSON.parse(walk.value()); await walk.clear(); return [value, walk.value()]; }"""
    )
    assert len(again[0]["points"]) == 6 and again[0]["metres"] == 52 and again[1] == ""
