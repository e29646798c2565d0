"""The phone in the field: a check filled in where there is no network, sent exactly once, refused in words, and nobody else's to see."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from tests.city import City
from tests.journeys.conftest import Person

Make = Callable[..., Person]
PHONE: dict[str, Any] = {"width": 390, "geolocation": {"longitude": 110.36, "latitude": 21.27, "accuracy": 12}, "permissions": ["geolocation"]}
ORDER = """
import django; django.setup()
from django.utils import timezone
from yiwang.engines.procedures import api as procedures
from yiwang.kit.rowsecurity import elevated
from yiwang.systems.services.acceptance.tests import person, submitted_food
with elevated():
    _, case = submitted_food()
    procedures.perform(person("chikan_window"), case.pk, "accept")
    procedures.perform(person("shichang"), case.pk, "order_inspection", {"planned_on": str(timezone.localdate()), "days": 3, "instructions": "看布局"})
"""
WITHDRAW = """
import django; django.setup()
from yiwang.engines.procedures import api as procedures
from yiwang.kit.rowsecurity import elevated
from yiwang.systems.services.acceptance.tests import firm
with elevated():
    procedures.perform(firm("xiaofan", "湛江望海餐饮店（演示）"), %d, "withdraw", {"reason": "店面不租了"})
"""
COUNT = """async () => {
    const open = await new Promise((done) => { const r = indexedDB.open("yiwang-field"); r.onsuccess = () => done(r.result); });
    const all = {};
    for (const name of open.objectStoreNames) all[name] = await new Promise((done) => { const r = open.transaction(name).objectStore(name).count(); r.onsuccess = () => done(r.result); });
    open.close();
    return all;
}"""
RAW = """async () => {
    const open = await new Promise((done) => { const r = indexedDB.open("yiwang-field"); r.onsuccess = () => done(r.result); });
    const words = [];
    const read = (value) => {
        if (value instanceof ArrayBuffer) words.push(new TextDecoder().decode(value));
        else if (ArrayBuffer.isView(value)) words.push(new TextDecoder().decode(value));
        else if (value instanceof CryptoKey) words.push(`key ${value.extractable}`);
        else if (value && typeof value === "object") Object.values(value).forEach(read);
        else words.push(String(value));
    };
    for (const name of open.objectStoreNames) (await new Promise((done) => { const r = open.transaction(name).objectStore(name).getAll(); r.onsuccess = () => done(r.result); })).forEach(read);
    open.close();
    for (const name of await caches.keys()) { const cache = await caches.open(name); for (const request of await cache.keys()) if (!/\\.(js|css|png|svg)$/.test(request.url)) words.push(await (await cache.match(request)).text()); }
    return words.join("\\n");
}"""


@pytest.fixture
def ordered(city: City) -> Iterator[tuple[int, int]]:
    """A check that waits for the office's inspector: its number and its case's. What is left of it afterwards is withdrawn: other journeys look at the same list."""
    city.run("-c", ORDER)
    check, case = city.sql(
        "SELECT i.id, a.case_id FROM acceptance_inspection i JOIN acceptance_application a ON a.id = i.application_id ORDER BY i.ordered_at DESC LIMIT 1"
    )[0]
    yield check, case
    if city.sql("SELECT 1 FROM procedures_case WHERE id = %s AND state = 'inspecting'", case):
        city.run("-c", WITHDRAW % case)


def ready(inspector: Person) -> Person:
    """Today's tasks are open, and the phone has them."""
    inspector.go("/field/").page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    inspector.go("/field/").sees("没有网络也能打开和填写")
    inspector.page.set_viewport_size({"width": 390, "height": 844})
    return inspector


def fill(inspector: Person, check: int, photo: str) -> Page:
    page = inspector.page
    inspector.go("/field/").sees("没有网络")
    page.locator(f"a[href='/field/inspections/{check}']").click()
    page.locator("form[data-ready]").wait_for()
    for code in ("site", "layout", "water", "storage", "waste", "staff"):
        page.locator(f"[name=r-{code}][value=good]").check()
    page.locator("#camera").set_input_files(photo)
    page.locator(".thumbs img").first.wait_for()
    page.get_by_role("button", name="记录当前位置").click()
    page.get_by_text("误差约 12 米").wait_for()
    page.get_by_label("符合条件", exact=True).check()
    page.get_by_label("核查情况").fill("布局与图纸一致")
    page.get_by_label("陪同人姓名").fill("陈晓帆")
    sign(page)
    return page


def sign(page: Page) -> None:
    page.locator("#sign").scroll_into_view_if_needed()
    box: Any = page.locator("#sign").bounding_box()
    page.mouse.move(box["x"] + 30, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 90, steps=8)
    page.mouse.up()
    page.get_by_text("已保存在手机里").wait_for()


def state(city: City, check: int) -> Any:
    """Records, photographs and moves that the city has of a check."""
    return city.sql(
        "SELECT count(i.received_at), (SELECT count(*) FROM acceptance_inspectionphoto p WHERE p.inspection_id = %s),"
        " (SELECT count(*) FROM procedures_event e WHERE e.case_id = a.case_id AND e.step = 'report_inspection')"
        " FROM acceptance_inspection i JOIN acceptance_application a ON a.id = i.application_id WHERE i.id = %s GROUP BY a.case_id", check, check,
    )[0]  # fmt: skip


def test_a_check_without_a_network_is_sent_exactly_once(city: City, person: Make, photo: str, ordered: tuple[int, int]) -> None:
    check, _ = ordered
    inspector = ready(person("hecha", **PHONE)).look("field-today")
    inspector.context.set_offline(True)
    page = fill(inspector, check, photo)
    inspector.look("field-check")
    page.get_by_label("陪同人姓名").fill("")
    inspector.click("提交核查结果").sees("请填写陪同人姓名")  # refused on the spot, without a network
    page.get_by_label("陪同人姓名").fill("陈晓帆")
    page.get_by_text("已保存在手机里").wait_for()
    page.reload()  # the phone was put away: what was typed, taken and signed is there
    page.locator("form[data-ready]").wait_for()
    assert page.get_by_label("核查情况").input_value() == "布局与图纸一致"
    assert page.locator(".thumbs img").count() == 1
    page.get_by_role("button", name="提交核查结果").click()
    page.wait_for_url("**/field/queue")
    inspector.sees("等待发送").look("field-queue")
    page.locator("summary").click()
    page.get_by_text("布局与图纸一致").wait_for()
    assert "陈晓帆" not in page.evaluate(RAW) and "key false" in page.evaluate(RAW)  # sealed at rest, with a key that cannot be taken out
    page.close()

    inspector.page = page = inspector.context.new_page()
    inspector.go("/field/queue").sees("等待发送")  # still without a network
    lost: list[int] = []

    def lose(route: Route) -> None:
        lost.append(route.fetch().status)
        route.abort("connectionreset")

    inspector.context.route("**/record", lose)
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/record")):
        inspector.context.set_offline(False)
    inspector.sees("试过")
    assert lost == [200] and state(city, check) == (1, 1, 1)  # the city has it, the phone does not know
    inspector.context.unroute("**/record")
    inspector.click("现在发送").sees("已发出")
    assert state(city, check) == (1, 1, 1)
    assert page.locator("[data-waiting]").inner_text() == "0"
    inspector.go("/field/")
    assert page.locator(f"a[href='/field/inspections/{check}']").count() == 0


def test_a_case_withdrawn_meanwhile_is_told_in_words_and_the_record_stays(city: City, person: Make, photo: str, ordered: tuple[int, int]) -> None:
    check, case = ordered
    inspector = ready(person("hecha", **PHONE))
    inspector.context.set_offline(True)
    page = fill(inspector, check, photo)
    page.get_by_role("button", name="提交核查结果").click()
    page.wait_for_url("**/field/queue")
    inspector.go("/field/").sees("已填写，还没有发出")
    city.run("-c", WITHDRAW % case)
    inspector.context.set_offline(False)
    inspector.go("/field/queue").sees("需要您处理").sees("不再需要现场核查").look("field-conflict")
    page.locator("summary").click()
    inspector.sees("布局与图纸一致")
    assert state(city, check) == (0, 0, 0)
    page.get_by_role("link", name="打开查看").click()
    page.locator("form[data-ready]").wait_for()
    assert page.get_by_label("陪同人姓名").input_value() == "陈晓帆"
    inspector.sees("不再需要现场核查")
    inspector.go("/field/queue")
    page.on("dialog", lambda dialog: dialog.accept())
    inspector.click("不要了").sees("没有待发的记录")


def test_what_the_server_does_not_take_is_corrected_under_the_same_key(city: City, person: Make, photo: str, ordered: tuple[int, int]) -> None:
    check, _ = ordered
    inspector = ready(person("hecha", **PHONE))
    inspector.context.set_offline(True)
    page = fill(inspector, check, photo)
    inspector.context.set_offline(False)
    page.locator("[name=r-site][value=wrong]").check()  # an essential point fails, and yet the check is said to be passed
    page.get_by_role("button", name="提交核查结果").click()
    inspector.sees("关键项不符合时不能通过").look("field-refused")
    inspector.go("/field/queue").sees("需要您处理").click("打开更正", role="link")
    page.locator("form[data-ready]").wait_for()
    assert page.locator("[name=r-site][value=wrong]").is_checked() and page.locator(".thumbs img").count() == 1
    page.get_by_label("不符合条件", exact=True).check()
    page.get_by_role("button", name="提交核查结果").click()
    page.wait_for_url("**/field/")
    assert state(city, check) == (1, 1, 1)
    assert [page.evaluate(COUNT)[name] for name in ("records", "drafts")] == [1, 0]  # the one, listed as sent


def test_the_worker_sends_with_every_page_closed(city: City, person: Make, photo: str, ordered: tuple[int, int]) -> None:
    check, _ = ordered
    inspector = ready(person("hecha", **PHONE))
    inspector.context.set_offline(True)
    page = fill(inspector, check, photo)
    page.get_by_role("button", name="提交核查结果").click()
    page.wait_for_url("**/field/queue")
    inspector.page = inspector.context.new_page()
    page.close()
    worker = inspector.context.service_workers[0]
    assert worker.evaluate("sendAll().catch((problem) => problem.message)") == "not sent yet"  # as the browser's Background Sync asks it to: it comes back after a failure only
    inspector.context.set_offline(False)
    assert worker.evaluate("sendAll()") is None
    assert state(city, check) == (1, 1, 1)
    inspector.go("/field/queue").sees("已发出")


def test_today_is_ordered_by_distance_where_the_place_is_known(city: City, person: Make, ordered: tuple[int, int]) -> None:
    city.sql("UPDATE acceptance_inspection SET place = ST_SetSRID(ST_MakePoint(110.37, 21.27), 4490) WHERE id = %s", ordered[0])
    inspector = ready(person("hecha", **PHONE))
    inspector.context.set_offline(True)
    inspector.go("/field/").sees("内容存于")
    inspector.page.locator("[data-map][data-ready]").wait_for()  # the map too, from what the phone keeps
    inspector.click("由近到远").sees("已经由近到远排列")
    first = inspector.page.locator(".errands li").first
    assert first.locator("[data-distance]").inner_text() == "· 约 1.0 公里"  # 0.01° of longitude at 21.27° north: 1,036 m


def test_another_person_on_the_same_phone_sees_nothing_and_signing_out_clears(city: City, person: Make, photo: str, ordered: tuple[int, int]) -> None:
    check, _ = ordered
    inspector = ready(person("hecha", **PHONE))
    inspector.context.set_offline(True)
    page = fill(inspector, check, photo)
    page.get_by_role("button", name="提交核查结果").click()
    page.wait_for_url("**/field/queue")
    inspector.context.clear_cookies()  # the session has ended
    inspector.context.set_offline(False)
    inspector.sees("登录已经过期，记录还在手机里").look("field-sign-in")
    assert page.evaluate(COUNT)["records"] == 1 and state(city, check) == (0, 0, 0)

    inspector.sign_in("shichang")
    inspector.go("/field/queue").sees("没有待发的记录")
    assert "何乐山" not in page.evaluate(RAW)
    inspector.context.set_offline(True)
    inspector.go(f"/field/inspections/{check}").sees("这一页还没有存到手机里")
    inspector.context.set_offline(False)
    inspector.go("/field/")
    inspector.click("退出")
    page.wait_for_url(f"{city.url}/")
    assert not any(page.evaluate(COUNT).values())
    assert state(city, check) == (0, 0, 0)


def test_signing_out_warns_of_what_is_not_sent_and_not_without_a_network(city: City, person: Make, photo: str, ordered: tuple[int, int]) -> None:
    check, _ = ordered
    inspector = ready(person("hecha", **PHONE))
    inspector.context.set_offline(True)
    page = fill(inspector, check, photo)
    inspector.click("退出").sees("现在没有网络，不能退出登录")
    page.get_by_role("button", name="提交核查结果").click()
    page.wait_for_url("**/field/queue")
    inspector.context.route("**/record", lambda route: route.abort())
    inspector.context.set_offline(False)
    page.once("dialog", lambda dialog: dialog.dismiss())
    with page.expect_event("dialog") as asked:
        inspector.click("退出")
    assert "1 条记录没有发出" in asked.value.message and page.evaluate(COUNT)["records"] == 1
    page.once("dialog", lambda dialog: dialog.accept())
    inspector.click("退出")
    page.wait_for_url(f"{city.url}/")
    assert not any(page.evaluate(COUNT).values())


def test_signing_out_elsewhere_warns_too_and_where_nobody_is_asked_nothing_is_lost(city: City, person: Make) -> None:
    inspector = person("hecha", **PHONE)
    page = inspector.go("/field/queue").page
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.evaluate("""async () => { const account = await Field.ready;
        await FieldStore.put("points", { account, track: `${account} /field/x/record track`, sealed: await FieldStore.seal(account, [[110.36, 21.27, new Date().toISOString(), 8, 0]]) });
        await FieldOutbox.add({ key: "k", account, address: "/field/nowhere", content: { title: "题", page: "/field/queue", fields: [], shown: [] }, files: [] }); }""")
    inspector.go("/work/")
    page.once("dialog", lambda dialog: dialog.dismiss())
    with page.expect_event("dialog") as asked:
        inspector.click("退出")
    assert "1 条记录没有发出，1 张现场表没有提交" in asked.value.message and page.url.startswith(f"{city.url}/work/")

    inspector.context.clear_cookies()  # the session ended, and the person turns back while signing in: no page could ask
    inspector.go("/accounts/login/").page.evaluate("fetch('/accounts/logout/', { method: 'POST' })")
    page.wait_for_function(f"({COUNT})().then((all) => all.state === 0)")
    assert page.evaluate(COUNT) == {"drafts": 0, "keys": 1, "pages": 0, "points": 1, "records": 1, "state": 0}
    inspector.go("/field/offline").page.wait_for_function("Field.ready.then((account) => account === '')")  # shown to nobody
    inspector.sign_in("hecha").go("/field/queue").sees("题").sees("需要您处理")  # sent at last, and this one refused
    page.once("dialog", lambda dialog: dialog.accept())
    inspector.click("退出")
    page.wait_for_url(f"{city.url}/")
    assert not any(page.evaluate(COUNT).values())


def test_without_scripts_it_is_a_plain_form(city: City, person: Make, photo: str, ordered: tuple[int, int]) -> None:
    check, _ = ordered
    inspector = person("hecha", width=390, java_script_enabled=False)
    inspector.go(f"/field/inspections/{check}")
    page = inspector.page
    for code in ("site", "layout", "water", "storage", "waste", "staff"):
        page.locator(f"[name=r-{code}][value=good]").check()
    page.locator("[name=passed][value=yes]").check()
    page.get_by_label("陪同人姓名").fill("陈晓帆")
    inspector.click("提交核查结果").sees("请现场陪同人员签名")
    assert page.get_by_label("陪同人姓名").input_value() == "陈晓帆" and page.locator("[name=r-site][value=good]").is_checked()
    page.get_by_label("签名的照片").set_input_files(photo)
    page.locator("#camera").set_input_files(photo)
    inspector.click("提交核查结果").sees("核查记录已经提交")
    assert state(city, check) == (1, 1, 1)


def test_every_answer_means_what_the_contract_says(person: Make) -> None:
    inspector = person("hecha", **PHONE)
    page = inspector.go("/field/offline").page
    inspector.context.route("**/field/probe/*", lambda route: route.fulfill(status=int(route.request.url.rsplit("/", 1)[1]), json={"detail": "原因"}))
    page.evaluate("async () => { await FieldStore.claim((await (await fetch(Field.bar.dataset.whose)).json()).account); }")
    send = """async (statuses) => {
        const account = await FieldStore.account(); const found = {};
        for (const [n, status] of statuses.entries()) await FieldOutbox.add({ key: `${n}-${status}`, account, address: `/field/probe/${status}`, content: { title: "", page: "", fields: [["a", "1"]], shown: [] }, files: [] });
        found.outcome = await FieldOutbox.flush({ now: true });
        for (const row of await FieldOutbox.list(account)) { found[row.key.split("-")[1]] = row.state; await FieldStore.drop("records", row.key); }
        return found; }"""
    assert page.evaluate(send, [409, 422, 403, 404, 413, 500, 201]) == {
        "outcome": "offline", "409": "needs", "422": "needs", "403": "needs", "404": "needs", "413": "needs", "500": "waiting", "201": "sent",
    }  # fmt: skip  # one that the server fails on does not hold up the next
    assert page.evaluate(send, [503, 200]) == {"outcome": "offline", "503": "waiting", "200": "waiting"}  # it takes nothing now
    assert page.evaluate(send, [401, 200]) == {"outcome": "sign-in", "401": "waiting", "200": "waiting"}
    assert page.evaluate(send, [200]) == {"outcome": "done", "200": "sent"}


def test_of_what_was_sent_the_title_stays_for_a_day(person: Make) -> None:
    inspector = person("hecha", service_workers="block", **PHONE)
    inspector.context.route("**/field/probe/*", lambda route: route.fulfill(json={}))
    page = inspector.go("/field/queue").page
    mark = """async () => { const mark = document.body.appendChild(document.createElement("span")); mark.dataset.queuedFor = "/field/probe/1"; await Field.count(); return mark.hidden ? "" : mark.textContent; }"""
    page.evaluate("""async () => { const account = await Field.ready;
        await FieldOutbox.add({ key: "k", account, address: "/field/probe/1", content: { title: "题", page: "/field/x", fields: [["note", "话"]], shown: [["说明", "话"]] }, files: [] }); }""")
    assert page.evaluate(mark) == "已填写，还没有发出"
    page.evaluate("Field.push({ now: true })")
    inspector.sees("已发出")
    assert page.evaluate(mark) == "已填写，已发出"
    assert page.evaluate("async () => (await FieldOutbox.read(await FieldStore.get('records', 'k'))).content") == {"title": "题"}
    page.reload()
    inspector.sees("已发出")
    assert page.evaluate(mark) == ""  # this page came after it: the city says what is still to be done
    page.evaluate("async () => FieldStore.put('records', { ...(await FieldStore.get('records', 'k')), sent_at: Date.now() - 25 * 3600_000 })")
    assert page.evaluate("async () => (await FieldOutbox.list(await Field.ready)).length") == 0 == page.evaluate(COUNT)["records"]


@pytest.mark.parametrize("path", ["/field/", "/field/queue", "/field/offline"])
def test_twice_the_text_still_fits_the_phone(person: Make, path: str) -> None:
    inspector = person("hecha", **PHONE)
    inspector.go(path).page.set_viewport_size({"width": 360, "height": 800})
    inspector.page.evaluate("document.documentElement.style.fontSize = '32px'")
    assert inspector.page.evaluate("document.documentElement.scrollWidth") <= 361


def test_a_code_is_read_from_a_photograph(person: Make, tmp_path: Any) -> None:
    import segno

    segno.make("https://example.invalid/r/440802-0017", error="m").save(str(tmp_path / "sign.png"), scale=6)
    inspector = person("hecha", **PHONE)
    page = inspector.go("/field/queue").page
    page.evaluate("""() => { const label = document.querySelector("main").appendChild(document.createElement("label")); label.textContent = "河段编号";
        const input = label.appendChild(document.createElement("input")); input.dataset.scan = "([0-9-]+)$"; input.id = "code"; FieldScan.start(input); }""")
    page.locator(".scan input[type=file]").set_input_files(str(tmp_path / "sign.png"))
    page.get_by_text("已读出").wait_for()
    assert page.locator("#code").input_value() == "440802-0017"
