"""Which bank and whose; zones that meet their target or are told of; where along the kilometres quality breaks."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.gis.geos import LineString, MultiLineString, Point
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from yiwang.base.errors import Conflict, Invalid, NotAllowed
from yiwang.engines.messages.models import Message
from yiwang.engines.parties.models import Organisation, Party
from yiwang.engines.procedures import api as procedures
from yiwang.engines.registers import api as registers
from yiwang.kit import cells
from yiwang.kit.access import restrict
from yiwang.kit.actors import NOBODY, SYSTEM
from yiwang.kit.registry import registry
from yiwang.kit.rowsecurity import acting
from yiwang.platforms.incidents.models import Incident
from yiwang.systems.governance.river_chief import banks, picture, problems, profile, rules, zones
from yiwang.systems.governance.river_chief.course import Course
from yiwang.systems.governance.river_chief.models import (
    Bank,
    Outfall,
    Reach,
    River,
    RiverProblem,
    Sample,
    Section,
    WaterZone,
    ZoneNotice,
    ZoneOpinion,
    ZoneResult,
)
from yiwang.systems.governance.river_chief.tests import GOOD, actor, browser, citizen_report

OFFICE, CHIEF, ECOLOGY = "徐听雨", "卢南渡", "江白鹭"
REGISTERS = registry().registers
MONTH = (timezone.localdate().replace(day=1) - timedelta(days=1)).replace(day=1)  # the last whole one
EAST = Course([[(110.0, 21.0), (110.1, 21.0)]], 10)  # runs east: left is north

db = pytest.mark.django_db


# --- the course ----------------------------------------------------------------------------------------------------------------------------


def test_left_is_left_of_somebody_who_looks_downstream() -> None:
    north, south, on = EAST.locate(110.05, 21.01), EAST.locate(110.05, 20.99), EAST.locate(110.05, 21.0)
    assert (north.side, south.side, on.side) == ("left", "right", "") and north.km == south.km == on.km == 5.0
    assert EAST.locate(109.9, 21.01).km == 0.0 and EAST.locate(110.2, 21.01).km == 10.0
    assert EAST.at(5) == (110.05, 21.0) and EAST.at(-1) == (110.0, 21.0) and EAST.at(99) == (110.1, 21.0)


def test_at_a_sharp_bend_both_legs_agree() -> None:
    bend = Course([[(110.0, 21.0), (110.1, 21.0), (110.0, 21.02)]], 20)  # turns back to the left: the outside of the bend is the right bank
    assert bend.locate(110.12, 21.0).side == bend.locate(110.11, 21.01).side == "right"
    assert bend.locate(110.05, 21.004).side == "left"


def test_parts_of_a_course_follow_each_other() -> None:
    two = Course([[(110.0, 21.0), (110.05, 21.0)], [(110.05, 21.0), (110.1, 21.0)]], 10)
    assert two.locate(110.075, 21.001).km == 7.5 and two.at(7.5) == (110.075, 21.0) and two.at(2.5) == (110.025, 21.0)


@given(st.lists(st.tuples(st.floats(110, 110.2), st.floats(21, 21.2)), min_size=2, max_size=8, unique=True), st.floats(110, 110.2), st.floats(21, 21.2))
def test_upstream_the_other_bank(points: list[tuple[float, float]], x: float, y: float) -> None:
    """The same line the other way round: the sides change, the kilometres count from the other end."""
    down, up = Course([points], 10), Course([points[::-1]], 10)
    one, other = down.locate(x, y), up.locate(x, y)
    assert one.metres == pytest.approx(other.metres, abs=0.01)
    if one.km == pytest.approx(10 - other.km, abs=0.01):  # else two spots are equally near
        assert {one.side, other.side} in ({"left", "right"}, {""})


# --- whose bank ----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def own() -> River:
    return River.objects.get(code="ZJ4408CK01")


@pytest.fixture
def stream(own: River) -> River:
    """A straight river of ten kilometres that runs east, with one reach and nothing else."""
    course = LineString((109.30, 20.30), (109.40, 20.30), srid=4490)
    made: River = registers.keep(SYSTEM, REGISTERS["river"], {"code": "T4408BANK1", "name": "试验溪", "kind": "river", "division": own.division_id, "length_km": 10, "course": MultiLineString(course, srid=4490)})
    county = Reach.objects.get(river=own, level="county")
    registers.keep(SYSTEM, REGISTERS["reach"], {"river": made.pk, "code": "T4408BANK1X1", "name": "试验溪县级段", "level": "county", "division": own.division_id, "chief": county.chief_id, "from_km": 0, "to_km": 10, "target": "3", "course": course})
    return made


def bank(river: River, side: str, start: float, end: float, **changes: Any) -> Bank:
    office = Organisation.objects.get(key="water_affairs@440802")
    given = {"river": river.pk, "side": side, "from_km": start, "to_km": end, "kind": "use", "division": river.division_id, "organ": office.pk, "village": "", "holder": "", "right": "own", "permit": "", "until": "", **changes}
    made: Bank = registers.keep(actor(OFFICE), REGISTERS["bank"], given)
    return made


@db
def test_a_bank_is_one_holders_and_lies_on_its_river(stream: River) -> None:
    village = str(stream.division_id)
    for wrong, words in (({"village": village}, "填写其中一项"), ({"organ": ""}, "填写其中一项"), ({"from_km": 6}, "下游"), ({"to_km": 11}, "长度")):
        with pytest.raises(Invalid) as refused:
            bank(stream, "left", 0, 5, **wrong)
        assert words in f"{refused.value.message}{refused.value.fields}"
    with pytest.raises(NotAllowed):
        registers.keep(actor(CHIEF), REGISTERS["bank"], {})


@db
def test_a_person_who_holds_a_bank_is_named_by_number_and_shown_masked(stream: River) -> None:
    party = Party.objects.get(name="林海棠")
    with pytest.raises(Invalid):  # an official of the rivers may not look people up by name
        bank(stream, "left", 0, 5, organ="", holder="林海棠")
    made = bank(stream, "left", 0, 5, organ="", holder=party.number)
    assert made.holder_id == party.pk
    assert cells.cell(REGISTERS["bank"], made, REGISTERS["bank"].column("holder")) == "林*棠"
    page = browser("hezhangban").get(f"/work/r/bank/{made.pk}/edit").content.decode()
    assert "林海棠" not in page and f"林*棠（{party.pk}）" in page
    kept = registers.change(actor(OFFICE), REGISTERS["bank"], made.pk, {"permit": "承包 1 号", "holder": f"林*棠（{party.pk}）"}, revision=1)
    assert kept.holder_id == party.pk
    for shown in (f"/work/rivers/{stream.pk}", f"/work/r/bank/{made.pk}", f"/work/r/bank/?river={stream.pk}"):
        assert "林海棠" not in browser("hezhangban").get(shown).content.decode()
    assert restrict(actor("林海棠"), Bank.objects.filter(pk=made.pk)).exists() and not restrict(actor("陈晓帆"), Bank.objects.filter(pk=made.pk)).exists()
    with acting(actor("陈晓帆")):
        assert not Bank.objects.filter(pk=made.pk).exists(), "the database itself refuses"
    registers.erase(SYSTEM, REGISTERS["bank"], made.pk, reason="本人要求")
    assert Bank.objects.get(pk=made.pk).holder_id is None


@db
def test_gaps_overlaps_and_rights_that_ran_out_are_shown(stream: River) -> None:
    bank(stream, "left", 0, 4)
    bank(stream, "left", 3.5, 6, right="permit", permit="许可 1 号", until=str(timezone.localdate() - timedelta(days=1)))
    bank(stream, "right", 1, 10, right="permit", until=str(timezone.localdate()))
    found = profile.profile_of(actor(OFFICE), stream)
    assert [f.words for f in found.faults] == ["左岸 3.5–4 公里岸线重叠", "左岸 6–10 公里没有登记岸线", "右岸 0–1 公里没有登记岸线"]
    assert [h.bank.permit for h in found.expired] == ["许可 1 号"], "the last day still counts"
    part = profile.profile_of(actor(OFFICE), stream, Decimal(1), Decimal(3))
    assert part.faults == [] and len(part.holdings) == 2
    page = browser("hezhangban").get(f"/work/rivers/{stream.pk}").content.decode()
    assert "左岸 6–10 公里没有登记岸线" in page and "已到期" in page


@db
def test_a_problem_knows_its_bank_and_whoever_assigns_it_may_choose_the_office_of_the_shore(stream: River) -> None:
    shore = Organisation.objects.get(key="water_affairs@440802")
    bank(stream, "left", 0, 10, organ=shore.pk)
    bank(stream, "right", 0, 10, organ="", holder=Party.objects.get(name="林海棠").number, right="lease")
    reach = Reach.objects.get(code="T4408BANK1X1")
    report = citizen_report(reach, NOBODY, place=Point(109.35, 20.3005, srid=4490))
    problem = RiverProblem.objects.get(incident=report.incident)
    assert (problem.side, problem.km) == ("left", Decimal("5.00"))
    whose = banks.whose(actor(OFFICE), stream, problem.km, problem.side)
    assert whose.words == "左岸 5 公里" and whose.organ == shore and [h.holder for h in whose.holdings] == [shore.name]
    case = report.incident.case
    page = browser("hezhangban").get(f"/work/r/river-problem/{problem.pk}").content.decode()
    assert "左岸 5 公里" in page and shore.name in page
    Incident.objects.filter(pk=report.incident_id).update(owner=Organisation.objects.get(key="water_affairs@440800"))
    procedures.perform(actor(OFFICE), case.pk, "file", {"opinion": "属实"})
    asked: Any = case.declared.step("assign").form
    form = asked(case)()
    assert shore.name in form.fields["opinion"].help_text and str(shore.pk) in dict(form.fields["owner"].choices)
    with pytest.raises(Invalid):
        procedures.perform(actor(OFFICE), case.pk, "assign", {"opinion": "限期清理", "owner": str(Organisation.objects.get(key="county_government@440802").pk)})
    procedures.perform(actor(OFFICE), case.pk, "assign", {"opinion": "限期清理", "owner": str(shore.pk)})
    assert Incident.objects.get(pk=report.incident_id).owner == shore
    assert case.tasks.get(closed_at=None).organ_id == shore.pk


@db
def test_on_the_water_both_banks_are_named(stream: River) -> None:
    bank(stream, "left", 0, 10)
    bank(stream, "right", 0, 10)
    report = citizen_report(Reach.objects.get(code="T4408BANK1X1"), NOBODY, place=Point(109.32, 20.30, srid=4490))
    problem = RiverProblem.objects.get(incident=report.incident)
    whose = banks.whose(actor(OFFICE), stream, problem.km, problem.side)
    assert problem.side == "" and whose.words == "河中 2 公里" and [h.bank.side for h in whose.holdings] == ["left", "right"]
    receipt = Client().get(f"/river-reports/{report.key}").content.decode()
    assert "试验溪 2 公里" in receipt and "赤坎区水务局" not in receipt, "whose bank it is stays with the offices"
    assert problems.reach_at(Point(109.32, 20.30, srid=4490)) is not None


# --- where quality breaks ---------------------------------------------------------------------------------------------------------------------


def test_breaks_by_hand() -> None:
    assert rules.breaks([(2, True), (3, True), (3, True), (5, False), (4, False)]) == [rules.Break(0, 1, 1, False), rules.Break(2, 3, 2, True)]
    assert rules.breaks([(3, True), (3, False)]) == [rules.Break(0, 1, 0, True)], "the target below is stricter"
    assert rules.breaks([]) == rules.breaks([(1, True)]) == []


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=12))
def test_every_break_is_worse_below(grades: list[tuple[int, bool]]) -> None:
    for found in rules.breaks(grades):
        assert found.lower == found.upper + 1 and (grades[found.lower][0] > grades[found.upper][0] or (grades[found.upper][1] and not grades[found.lower][1]))


def section(river: River, number: int, km: float, **values: Any) -> Section:
    """With one month's sample."""
    spot = banks.course_of(river).at(km)  # type: ignore[union-attr]  # it has a course
    made: Section = registers.keep(SYSTEM, REGISTERS["section"], {"river": river.pk, "code": f"{river.code}D{number}", "name": f"试验断面{number}", "tier": "city", "division": river.division_id, "km": km, "target": "3", "station": "", "place": f"{spot[0]},{spot[1]}"})
    registers.keep(SYSTEM, REGISTERS["sample"], {"section": made.pk, "month": str(MONTH), **GOOD, "source": "试验", **values})
    return made


@db
def test_the_profile_says_where_it_breaks_what_lies_there_and_who_holds_both_banks(stream: River) -> None:
    bank(stream, "left", 0, 6)
    firm = Party.objects.get(name="湛江南渡管网工程有限公司（演示）")
    bank(stream, "right", 4, 8, organ="", holder=firm.number, right="permit")
    bank(stream, "left", 8, 10)
    section(stream, 1, 2)
    section(stream, 2, 7, ammonia=1.6)
    section(stream, 3, 9, ammonia=0.9)
    registers.keep(SYSTEM, REGISTERS["outfall"], {"river": stream.pk, "code": "T4408BANK1P1", "name": "试验排口", "kind": "rain", "permit": "", "km": 5, "place": "109.35,20.3"})
    found = profile.profile_of(actor(OFFICE), stream)
    (broke,) = found.breaks
    assert (broke.upper.section.name, broke.lower.section.name, broke.words, broke.items) == ("试验断面1", "试验断面2", "变差 4 级", "氨氮 0.1 → 1.6")
    assert [s.outfall.name for s in broke.sources] == ["试验排口"]
    assert [(side, [h.holder for h in held]) for side, held in broke.holdings] == [("左岸", ["赤坎区水务局"]), ("右岸", [firm.name])]
    assert not profile.profile_of(actor(OFFICE), stream, Decimal(7), Decimal(10)).breaks
    page = browser("hezhangban").get(f"/work/rivers/{stream.pk}").content.decode()
    assert "2–7 公里变差 4 级" in page and "氨氮 0.1 → 1.6 mg/L" in page and firm.name in page
    assert "沿河剖面" in browser("hezhangban").get(f"/work/r/reach/{Reach.objects.get(code='T4408BANK1X1').pk}").content.decode()


@db
@pytest.mark.parametrize("sizes", [picture.ACROSS, picture.DOWN])
def test_everything_drawn_lies_in_the_drawing_and_the_left_bank_where_it_belongs(own: River, sizes: picture.Sizes) -> None:
    drawn = picture.draw(profile.profile_of(actor(OFFICE), own), sizes)
    for box in (*drawn.boxes, *drawn.shades):
        assert box.x >= 0 and box.y >= 0 and box.x + box.width <= drawn.width + 0.1 and box.y + box.height <= drawn.height + 0.1, box.title
    left, right = (next(b for b in drawn.boxes if b.title.startswith(side)) for side in ("左岸", "右岸"))
    assert (left.x > right.x) if sizes.down else (left.y < right.y)
    assert sizes.down is False or drawn.width <= 330


@db
def test_an_empty_river_is_drawn_too(stream: River) -> None:
    drawn = picture.draw(profile.profile_of(actor(OFFICE), stream), picture.ACROSS)
    assert drawn.spots == [] and any(b.text == "未登记" for b in drawn.boxes)


# --- water functional zones ---------------------------------------------------------------------------------------------------------------------


def zone(river: River, number: int, start: float, end: float, **changes: Any) -> WaterZone:
    given = {"river": river.pk, "code": f"{river.code}G{number}", "name": f"试验区{number}", "first": "use", "second": "drink", "from_km": start, "to_km": end, "target": "3", "section": "", "division": river.division_id, "basis": "试验", "authority": "试验", **changes}
    made: WaterZone = registers.keep(actor(OFFICE), REGISTERS["water-zone"], given)
    return made


@db
def test_zones_of_one_level_do_not_overlap_and_end_within_the_river(stream: River) -> None:
    zone(stream, 1, 0, 10, second="", target="")
    zone(stream, 2, 0, 5)
    zone(stream, 3, 5, 8)  # neighbours touch
    for number, (start, end, changes, words) in enumerate((
        (4, 6, {}, "重叠"), (9, 12, {}, "长度"), (9, 9, {}, "下游"), (8, 9, {"first": "reserve"}, "二级区"), (8, 9, {"target": ""}, "水质目标"),
    )):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            zone(stream, 10 + number, start, end, **changes)
        assert words in f"{refused.value.message}{refused.value.fields}", words
    with pytest.raises(IntegrityError), transaction.atomic():  # two at the same moment, past the form
        WaterZone.objects.filter(code=f"{stream.code}G3").update(from_km=4)
    elsewhere = section(stream, 1, 9)
    with pytest.raises(Invalid, match="代表断面"):
        zone(stream, 20, 8, 8.5, section=elsewhere.pk)


def test_a_year_by_frequency() -> None:
    assert rules.year_of([True] * 8 + [False] * 2, least=6, share=0.8) == rules.Year(8, 10, True)
    assert rules.year_of([True] * 7 + [False] * 2, least=6, share=0.8).met is False
    assert rules.year_of([True] * 5, least=6, share=0.8).met is None
    with pytest.raises(ValueError, match="month"):
        rules.year_of([], least=6, share=0.8)


@db
def test_a_zone_is_judged_by_item_and_month_the_worst_section_where_people_drink(stream: River) -> None:
    drink, scenery = zone(stream, 1, 0, 5), zone(stream, 2, 5, 10, second="scenery")
    for number, km, ammonia in ((1, 1, 0.4), (2, 4, 1.2), (3, 6, 0.4), (4, 9, 1.2)):
        section(stream, number, km, ammonia=ammonia)
    one, other = zones.states([drink, scenery])
    assert [(m.met, m.missed) for m in one.months] == [(False, ("氨氮（超 0.20 倍）",))]
    assert [(m.met, m.missed) for m in other.months] == [(True, ())], "the mean of 0.4 and 1.2"
    assert ("氨氮", 0, 1) in one.by_item and ("pH", 1, 1) in one.by_item and one.judged == rules.Year(0, 1, None)
    chosen = registers.change(actor(OFFICE), REGISTERS["water-zone"], drink.pk, {"section": Section.objects.get(code=f"{stream.code}D1").pk})
    assert [m.met for m in zones.states([chosen])[0].months] == [True]
    zones.assess(timezone.localdate())
    assert [(r.month, r.met) for r in ZoneResult.objects.filter(zone=drink)] == [(MONTH, True)]
    Sample.objects.filter(section__code=f"{stream.code}D1").update(ammonia="1.5")
    zones.assess(timezone.localdate())
    assert [(r.met, r.missed) for r in ZoneResult.objects.filter(zone=drink)] == [(False, "氨氮（超 0.50 倍）")], "a late change counts, once"


@db
def test_what_comes_in_is_counted_by_outfall_and_by_length_of_the_lowest_reaches(stream: River) -> None:
    made, reach = zone(stream, 1, 0, 5), Reach.objects.get(code="T4408BANK1X1")
    registers.keep(SYSTEM, REGISTERS["load-basis"], {"reach": reach.pk, "year": 2026, "item": "ammonia", "flow": 10, "inflow": 0, "background": 0.5, "decay": 0, "speed": 0.2, "source": "试验"})
    assert zones.capacity_of(made, 2026, "ammonia") == Decimal("78.840"), "half of 157.68 t/a"
    outfall = registers.keep(SYSTEM, REGISTERS["outfall"], {"river": stream.pk, "code": "T4408BANK1P2", "name": "试验排口", "kind": "town", "permit": "", "km": 2, "place": "109.32,20.3"})
    for name, at in (("管", outfall.pk), ("田", "")):
        registers.keep(SYSTEM, REGISTERS["load-source"], {"reach": reach.pk, "year": 2026, "item": "ammonia", "name": name, "outfall": at, "concentration": 20, "flow": 0.1, "source": "试验"})
    assert zones.load_of(made, 2026, "ammonia") == pytest.approx(63.072 + 31.536, abs=0.01)
    Outfall.objects.filter(pk=outfall.pk).update(km=7)
    assert zones.load_of(made, 2026, "ammonia") == pytest.approx(31.536, abs=0.01)


@db
def test_an_opinion_is_no_more_than_the_capacity_and_what_exceeds_it_is_told_once_under_number(stream: River) -> None:
    made, reach = zone(stream, 1, 0, 10), Reach.objects.get(code="T4408BANK1X1")
    registers.keep(SYSTEM, REGISTERS["load-basis"], {"reach": reach.pk, "year": 2026, "item": "ammonia", "flow": 10, "inflow": 0, "background": 0.5, "decay": 0, "speed": 0.2, "source": "试验"})
    given = {"zone": made.pk, "year": 2026, "item": "ammonia", "basis": "试验"}
    with pytest.raises(Invalid, match="纳污能力"):
        registers.keep(actor(OFFICE), REGISTERS["zone-opinion"], {**given, "tonnes": "157.7"})
    kept: ZoneOpinion = registers.keep(actor(OFFICE), REGISTERS["zone-opinion"], {**given, "tonnes": "50"})
    assert kept.capacity == Decimal("157.680")
    with pytest.raises(Invalid, match="没有超过"):
        zones.tell(actor(OFFICE), made.pk, "exceed", "2026")
    registers.keep(SYSTEM, REGISTERS["load-source"], {"reach": reach.pk, "year": 2026, "item": "ammonia", "name": "管", "outfall": "", "concentration": 20, "flow": 0.1, "source": "试验"})
    for who in (CHIEF, ECOLOGY, "林海棠"):
        with pytest.raises(NotAllowed):
            zones.tell(actor(who), made.pk, "exceed", "2026")
    told = zones.tell(actor(OFFICE), made.pk, "exceed", "2026")
    assert "水通〔" in told.document.number and told.ecology.key == "ecology@440802" and told.government and "超过意见 50 吨/年" in told.text
    assert Message.objects.filter(template="river-zone-notice", to=actor(ECOLOGY).party, key__contains=f":{told.pk}:").count() == 1
    with pytest.raises(Conflict):
        zones.tell(actor(OFFICE), made.pk, "exceed", "2026")
    opinion = zones.tell(actor(OFFICE), made.pk, "opinion", "2026")
    assert "水限〔" in opinion.document.number and opinion.government is None and "157.68" in opinion.text
    with pytest.raises(Invalid, match="没有不达标"):
        zones.tell(actor(OFFICE), made.pk, "quality", f"{MONTH:%Y-%m}")
    with pytest.raises(NotAllowed):
        zones.receive(actor(OFFICE), told.pk)
    assert zones.receive(actor(ECOLOGY), told.pk).received_by == ECOLOGY
    with pytest.raises(Conflict):
        zones.receive(actor(ECOLOGY), told.pk)
    assert browser("shengtai").get(f"/work/river-notices/{told.pk}/paper").status_code == 200
    assert ZoneNotice.objects.filter(zone=made).count() == 2


@db
def test_the_pages_of_zones(stream: River) -> None:
    made = zone(stream, 1, 0, 10)
    section(stream, 1, 5, ammonia=1.6)
    office = browser("hezhangban")
    assert "试验区1" in office.get(f"/work/river-zones?river={stream.pk}").content.decode()
    page = office.get(f"/work/r/water-zone/{made.pk}").content.decode()
    assert f"通报 {MONTH:%Y-%m} 水质不达标" in page and "超 0.60 倍" in page
    assert f"通报 {MONTH:%Y-%m}" not in browser("hezhang").get(f"/work/r/water-zone/{made.pk}").content.decode()
    assert office.post(f"/work/river-zones/{made.pk}/tell", {"kind": "quality", "period": f"{MONTH:%Y-%m}"}).status_code == 302
    assert "水通〔" in office.get("/work/river-notices").content.decode()
    assert browser("hezhang").post(f"/work/river-zones/{made.pk}/tell", {"kind": "quality", "period": "2019-01"}).status_code == 403
    assert "签收" in browser("shengtai").get("/work/river-notices").content.decode()
