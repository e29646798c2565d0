"""Values that follow from others whichever way a row comes in; water that turns bad and who is told; what a reach bears; repairs that worked."""

import csv
import io
import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.messages.models import Message
from yiwang.engines.parties import api as parties
from yiwang.engines.registers import api as registers
from yiwang.engines.registers import imports
from yiwang.engines.registers.models import Version
from yiwang.kit.actors import SYSTEM
from yiwang.kit.registry import registry
from yiwang.platforms.identity import api as identity
from yiwang.systems.governance.river_chief import alerting, filing, loads, rules
from yiwang.systems.governance.river_chief.models import (
    LoadBasis,
    Reach,
    Reading,
    Repair,
    RepairCheck,
    River,
    RiverProblem,
    Sample,
    Section,
    WaterAlert,
)
from yiwang.systems.governance.river_chief.tests import GOOD, actor, browser
from yiwang.systems.governance.river_chief.water import of_check

pytestmark = pytest.mark.django_db
SAMPLE, READING = registry().registers["sample"], registry().registers["station-reading"]
BAD = {**GOOD, "ammonia": 1.6}


@pytest.fixture
def section() -> Section:
    """A section of the district's river whose station has been good so far."""
    return Section.objects.get(code="ZJ4408CK01D1")


def read(section: Section, at: datetime, **values: Any) -> Reading:
    made: Reading = registers.keep(SYSTEM, READING, {"section": section.pk, "at": timezone.localtime(at).strftime("%Y-%m-%dT%H:%M"), **GOOD, "source": "试验", **values})
    return made


# --- four ways in ------------------------------------------------------------------------------------------------------------------------------


def shown(row: Any) -> tuple[str, str, bool, str]:
    row.refresh_from_db()
    return row.grade, row.by, row.met, str(row.month)


def test_by_form_by_change_and_for_many_the_class_follows(section: Section) -> None:
    office = actor("徐听雨")
    made = [registers.keep(office, SAMPLE, {"section": section.pk, "month": f"2019-0{n}-17", **GOOD, "source": "试验", "grade": "6", "met": False}) for n in (1, 2)]
    assert [shown(row) for row in made] == [("1", "", True, "2019-01-01"), ("1", "", True, "2019-02-01")]
    changed = registers.change(office, SAMPLE, made[0].pk, {"ammonia": "1.2", "grade": "1"}, revision=1)
    assert shown(changed) == ("4", "氨氮", False, "2019-01-01")
    last = Version.objects.filter(subject_type="river_chief.sample", subject_id=str(changed.pk)).latest("id")
    assert last.after == {"ammonia": "1.200", "grade": "4", "by": "氨氮", "met": False}, "what followed is in the version"
    assert registers.change_many(office, SAMPLE, [row.pk for row in made], {"phosphorus": "0.5"}, reason="复核") == 2
    assert {shown(row)[:3] for row in made} == {("6", "总磷", False)}
    with pytest.raises(Invalid) as refused:
        registers.change(office, SAMPLE, made[0].pk, dict.fromkeys(GOOD, ""))
    assert set(refused.value.fields) == {"ph"} and shown(made[0])[0] == "6"
    with pytest.raises(Invalid, match="这个月已经有数据"):  # the first of the month is taken, though the day that was typed is not
        registers.keep(office, SAMPLE, {"section": section.pk, "month": "2019-02-03", **GOOD, "source": "试验"})
    page = browser("hezhangban").post("/work/r/sample/new", {"section": section.pk, "month": "2019-03-01", "source": "试验"})
    assert page.status_code == 422 and "五项监测值不能都空" in page.content.decode(), "said at the field"
    page = browser("hezhangban").post("/work/r/sample/new", {"section": section.pk, "month": "2019-02-09", **GOOD, "source": "试验"})
    assert page.status_code == 422 and "这个断面这个月已经有数据" in page.content.decode()


def test_an_import_derives_and_says_which_line_it_cannot(section: Section) -> None:
    head = ["断面", "月份", "pH", "溶解氧（mg/L）", "高锰酸盐指数（mg/L）", "氨氮（mg/L）", "总磷（mg/L）", "来源"]
    lines = [[section.code, "2018-03-09", "7.2", "8", "1.5", "1.2", "0.01", "试验"], [section.code, "2018-04-01", "", "", "", "", "", "试验"], [section.code, "2018-03-01", "7", "", "", "", "", "试验"]]
    text = io.StringIO()
    csv.writer(text).writerows([head, *lines])
    source = registers.receive(actor("徐听雨"), SAMPLE, io.BytesIO(text.getvalue().encode()), "断面.csv")
    imports.run(source.pk)
    wrong = {line.number: line.error for line in registers.wrong_lines(actor("徐听雨"), source.pk)}
    assert wrong == {2: "五项监测值不能都空", 3: "这个断面这个月已经有数据。"}
    registers.confirm(actor("徐听雨"), source.pk, "good")
    imports.run(source.pk)
    assert shown(Sample.objects.get(section=section, month__year=2018)) == ("4", "氨氮", False, "2018-03-01")


def test_an_outside_system_sends_values_and_not_classes(section: Section) -> None:
    organ = parties.organ_for("water_affairs", "440800000000").pk
    _, secret = identity.make_client(SYSTEM, code="station", name="水质自动站", organ=organ, scope=("register:station-reading:write",))
    station = Client(headers={"Authorization": f"Bearer {identity.token('station', secret)}"})

    def send(key: str, **fields: Any) -> Any:
        body = json.dumps({"fields": {"section": section.code, "at": "2019-05-01T08:00", "source": "自动站", **fields}})
        return station.post("/api/registers/station-reading/rows", body, content_type="application/json", headers={"Idempotency-Key": key})

    made = send("reading-0001", ammonia=1.6, flow=3.25)
    assert made.status_code == 201 and made.json()["fields"]["grade"] == "5" and made.json()["fields"]["met"] is False
    assert send("reading-0001", ammonia=1.6, flow=3.25).status_code == 200
    assert send("reading-0002", ammonia=0.1).status_code == 422, "the moment is taken"
    assert send("reading-0003", at="2019-05-01T12:00", grade="1", ammonia=0.1).status_code == 422, "a class is not given"
    assert send("reading-0004", at="2019-05-01T12:00").json()["errors"] == {"ph": "五项监测值不能都空"}
    row = made.json()
    changed = station.patch(f"/api/registers/station-reading/rows/{row['id']}", json.dumps({"fields": {"ammonia": "0.1"}}), content_type="application/json", headers={"If-Match": '"1"'})
    assert changed.json()["fields"]["grade"] == "1" and changed.json()["fields"]["met"] is True
    assert station.post("/api/registers/sample/rows", "{}", content_type="application/json", headers={"Idempotency-Key": "reading-0005"}).status_code in (403, 422)


# --- alerts ------------------------------------------------------------------------------------------------------------------------------------


def alerts(section: Section) -> list[WaterAlert]:
    return list(WaterAlert.objects.filter(section=section).order_by("raised_at"))


def test_alarm_by_hand() -> None:
    assert rules.alarm([False, False, True], times=2, standing=False) == "raise"
    assert rules.alarm([False, True, False], times=2, standing=False) == "" and rules.alarm([False], times=2, standing=False) == ""
    assert rules.alarm([True, True], times=2, standing=True) == "clear" and rules.alarm([True, False], times=2, standing=True) == ""


def test_twice_in_a_row_raises_one_alert_and_twice_good_ends_it(section: Section) -> None:
    now = timezone.now()
    read(section, now + timedelta(minutes=1), **BAD)
    alerting.check(now + timedelta(minutes=2))
    assert alerts(section) == []
    bad = read(section, now + timedelta(minutes=5), **BAD)
    alerting.check(now + timedelta(minutes=6))
    alerting.check(now + timedelta(minutes=7))
    (alert,) = alerts(section)
    assert (alert.reading_id, alert.grade, alert.by, alert.times, alert.closed_at) == (bad.pk, "5", "氨氮", 2, None)
    told = set(Message.objects.filter(template="river-water-alert", key__startswith=f"river-alert:{alert.pk}:").values_list("to", flat=True))
    assert told >= {actor(name).party for name in ("卢南渡", "莫知夏", "徐听雨")} and actor("梁书言").party not in told
    read(section, now + timedelta(minutes=8), **GOOD)
    alerting.check(now + timedelta(minutes=9))
    assert alerts(section)[0].closed_at is None
    read(section, now + timedelta(minutes=10), **GOOD)
    alerting.check(now + timedelta(minutes=11))
    assert alerts(section)[0].closed_at is not None


def raised(section: Section) -> WaterAlert:
    now = timezone.now()
    for minutes in (1, 2):
        read(section, now + timedelta(minutes=minutes), **BAD)
    alerting.check(now + timedelta(minutes=3))
    return alerts(section)[0]


def test_its_chief_says_what_was_done_and_nobody_else(section: Section) -> None:
    alert = raised(section)
    with pytest.raises(NotFound):
        alerting.note(actor("林海棠"), alert.pk, "x")
    with pytest.raises(NotAllowed):
        alerting.note(actor("梁书言"), alert.pk, "x")
    other = raised(Section.objects.get(code="ZJ4408JZ01D1"))
    with pytest.raises(NotAllowed):
        alerting.note(actor("莫知夏"), other.pk, "不是我的河段")
    with pytest.raises(Invalid):
        alerting.note(actor("莫知夏"), alert.pk, " ")
    assert alerting.note(actor("莫知夏"), alert.pk, "查到一处溢流口，已封堵").noted_by == "莫知夏"
    with pytest.raises(Conflict):
        alerting.note(actor("卢南渡"), alert.pk, "再写")


def test_an_alert_becomes_a_problem_once_with_its_place(section: Section) -> None:
    alert = raised(section)
    with pytest.raises(Invalid):
        alerting.make_problem(actor("莫知夏"), alert.pk, kind="x", text="溢流")
    made = alerting.make_problem(actor("莫知夏"), alert.pk, kind="outfall", text="断面上游溢流口排放污水")
    assert (made.incident.eye, made.kind, made.incident.stage) == ("device", "outfall", "filing") and made.reach and made.reach.code == "ZJ4408CK01Z1"
    with pytest.raises(Conflict):
        alerting.make_problem(actor("卢南渡"), alert.pk, kind="outfall", text="再立")


def test_a_page_of_many_alerts_costs_what_a_page_of_one_costs(section: Section, django_assert_num_queries: Any) -> None:
    sections = list(Section.objects.select_related("river"))
    assert len(sections) > 2
    with django_assert_num_queries(1):
        found = alerting.reaches_by(sections)
    assert found == {one.pk: alerting.reaches_of(one) for one in sections} and any(found.values())


def test_the_alert_page_acts_for_who_answers_for_it(section: Section) -> None:
    alert = raised(section)
    chief, handler = browser("zhenhezhang"), browser("hedao")
    page = chief.get("/work/river-alerts").content.decode()
    assert "南桥河上游断面" in page and f"n{alert.pk}" in page
    assert handler.get("/work/river-alerts").status_code == 403
    assert chief.post(f"/work/river-alerts/{alert.pk}/note", {"words": ""}).status_code == 422
    chief.post(f"/work/river-alerts/{alert.pk}/note", {"words": "已封堵"})
    assert "已封堵" in chief.get("/work/river-alerts").content.decode()
    answer = chief.post(f"/work/river-alerts/{alert.pk}/problem", {"kind": "outfall", "text": "溢流口"})
    assert answer.status_code == 302 and RiverProblem.objects.filter(pk=WaterAlert.objects.get(pk=alert.pk).problem_id or 0, kind="outfall").exists()
    assert browser("hezhangban").post("/work/river-alerts/check").status_code == 302


# --- loads -------------------------------------------------------------------------------------------------------------------------------------


def test_reduction_by_hand() -> None:
    """Q 10, Cs 1, C0 0.5, K 0 → 157.68 t/a; two sources bring 189.216 and 15.768: 47.304 must go, by contribution."""
    brought = {"甲": rules.load(20, 0.3), "乙": rules.load(10, 0.05)}
    assert brought == pytest.approx({"甲": 189.216, "乙": 15.768})
    found = rules.reduction(brought, rules.capacity(target=1, background=0.5, flow=10))
    assert (found.load, found.need) == pytest.approx((204.984, 47.304))
    assert [(s.name, round(s.cut, 4), round(s.part, 4)) for s in found.shares] == [("甲", 43.6652, 0.9231), ("乙", 3.6388, 0.0769)]
    assert rules.reduction(brought, 300).need == 0 and rules.reduction({}, 10).shares == ()
    assert rules.reduction(brought, -5).need == pytest.approx(204.984), "no more than everything can be cut"


def test_capacity_follows_from_target_and_length_and_the_panel_says_what_must_go() -> None:
    reach = Reach.objects.get(code="ZJ4408CK01Z1")
    LoadBasis.objects.filter(reach=reach).delete()
    registers.keep(actor("徐听雨"), registry().registers["load-basis"], {"reach": reach.code, "year": 2030, "item": "ammonia", "flow": 10, "inflow": 0, "background": 0.5, "decay": 0, "speed": 0.2, "source": "试验"})
    basis = LoadBasis.objects.get(reach=reach)
    assert (str(basis.limit), str(basis.km), str(basis.capacity)) == ("1.0000", "1.00", "157.680")
    for name, concentration, flow in (("甲", 20, "0.3"), ("乙", 10, "0.05")):
        registers.keep(SYSTEM, registry().registers["load-source"], {"reach": reach.code, "year": 2030, "item": "ammonia", "name": name, "concentration": concentration, "flow": flow, "source": "试验"})
    (load,) = loads.of_reaches([reach])[reach.pk]
    assert load.over and round(load.found.need, 3) == 47.304
    page = browser("hezhang").get(f"/work/r/reach/{reach.pk}").content.decode()
    assert "需要削减 47.3 吨/年" in page and "43.7" in page
    with pytest.raises(NotAllowed):
        registers.change(actor("莫知夏"), registry().registers["load-basis"], basis.pk, {"flow": 100})
    with pytest.raises(Invalid):
        registers.change(SYSTEM, registry().registers["load-basis"], basis.pk, {"speed": 0})


def test_balance_by_hand_and_a_hidden_outfall_is_suspected() -> None:
    assert rules.balance(100, 130, lateral=20).unexplained == pytest.approx(10 / 130)
    assert rules.balance(100, 90).unexplained == 0
    assert rules.balance(100, 100, decay=0.2, km=86.4, speed=1).expected == pytest.approx(81.873075)
    river = River.objects.get(code="ZJ4408SX01")
    one, other, _ = river.sections.order_by("km")
    at = timezone.now() + timedelta(minutes=1)
    read(one, at, ammonia="0.5", flow="10")
    read(other, at, ammonia="0.9", flow="30")
    first = loads.balance_of(river)[0]
    assert (first.upper, first.lower, first.hidden) == (one, other, True)
    read(other, at + timedelta(minutes=1), ammonia="0.1", flow="10")
    assert not loads.balance_of(river)[0].hidden


# --- repairs -----------------------------------------------------------------------------------------------------------------------------------


def test_whether_a_repair_worked_by_hand() -> None:
    day = date(2026, 1, 1)
    assert rules.repaired([], lasting=180) == "none"
    assert rules.repaired([(day, True), (day + timedelta(days=30), False)], lasting=180) == "missed"
    assert rules.repaired([(day, False), (day + timedelta(days=30), True)], lasting=180) == "reached"
    assert rules.repaired([(day, True), (day + timedelta(days=180), True)], lasting=180) == "lasting"
    assert rules.repaired([(day, True), (day + timedelta(days=90), False), (day + timedelta(days=180), True)], lasting=180) == "reached", "a miss begins it anew"


def test_a_repair_is_judged_by_what_was_measured_after_it_was_done() -> None:
    river, office = River.objects.get(code="ZJ4408CK01"), actor("徐听雨")
    repairs, checks = registry().registers["river-repair"], registry().registers["repair-check"]
    given = {
        "river": river.code, "name": "试验湿地", "kind": "wetland", "division": "440802000000", "from_km": 0, "to_km": 1, "owner": parties.organ_for("water_affairs", "440802000000").pk,
        "budget_fen": 0, "due": "2026-12-31", "done_on": "2026-01-10", "measure": "benthos", "baseline": 9, "goal": 15,
    }  # fmt: skip
    with pytest.raises(Invalid):
        registers.keep(office, repairs, {**given, "goal": 8})
    with pytest.raises(NotAllowed):
        registers.keep(actor("莫知夏"), repairs, given)
    repair: Repair = registers.keep(office, repairs, given)
    before = registers.keep(office, checks, {"repair": repair.pk, "day": "2026-01-05", "value": 16, "method": "样方"})
    assert (before.gained, before.reached, before.division_id) == (7, True, "440802000000")
    assert filing.repair_state(repair, list(repair.checks.all())) == "none", "measured before it was done"
    registers.keep(office, checks, {"repair": repair.pk, "day": "2026-03-01", "value": 12, "method": "样方"})
    assert filing.repair_state(repair, list(repair.checks.all())) == "missed"
    for day, value in (("2026-04-01", 15), ("2026-10-01", 17)):
        registers.keep(office, checks, {"repair": repair.pk, "day": day, "value": value, "method": "样方"})
    assert filing.repair_state(repair, list(repair.checks.all())) == "lasting"
    assert "稳定达标" in browser("hezhang").get(f"/work/r/river-repair/{repair.pk}").content.decode()
    page = browser("hezhangban").get(f"/work/rivers/{river.pk}").content.decode()
    assert "试验湿地" in page and "负荷和削减" in page


def test_a_class_gets_better_by_falling() -> None:
    river = River.objects.get(code="ZJ4408CK01")
    repair = Repair(river=river, division_id="440802000000", measure="grade", baseline=5, goal=3)
    assert of_check(RepairCheck(repair=repair, value=4))["reached"] is False and of_check(RepairCheck(repair=repair, value=3))["reached"] is True
