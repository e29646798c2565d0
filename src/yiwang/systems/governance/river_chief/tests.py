"""Classes, trends, capacity by hand; from a finding to a problem; scores from rows; standards that run on the data."""

import io
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.gis.geos import Point
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from yiwang.base.errors import Conflict, Gone, Invalid, NotAllowed, NotFound
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Party
from yiwang.engines.procedures.models import Case
from yiwang.engines.registers import api as registers
from yiwang.kit.actors import NOBODY, SYSTEM, Actor
from yiwang.kit.registry import registry
from yiwang.platforms.identity.models import Account
from yiwang.platforms.incidents import api as incidents
from yiwang.platforms.incidents.models import Incident, Report
from yiwang.platforms.patrols import api as patrols
from yiwang.platforms.patrols.models import Finding, PatrolPlan
from yiwang.systems.governance.river_chief import assessing, console, field, filing, monthly, problems, rules, standards
from yiwang.systems.governance.river_chief.models import Assessment, Clause, Reach, River, RiverProblem, Sample, Section, StandardDoc

SAMPLES = {
    "sample": lambda n: {"month": f"{2040 + n // 12}-{n % 12 + 1:02}-01", "ph": "7.2", "oxygen": "6.5"},
    "station-reading": lambda n: {"at": f"{2040 + n // 12}-{n % 12 + 1:02}-01T08:00", "ph": "7.2", "oxygen": "6.5"},
    "load-basis": lambda n: {"year": str(1990 + n)},
    "load-source": lambda n: {"year": str(1990 + n)},
    "bank": lambda n: {"village": "", "holder": "", "from_km": "0", "to_km": "1", "until": "2099-12-31"},
    "water-zone": lambda n: {"first": "use", "second": "drink", "from_km": f"{n / 100:.2f}", "to_km": f"{n / 100 + 0.01:.2f}", "section": ""},
    "zone-opinion": lambda n: {"year": str(1990 + n)},
    "repair-check": lambda n: {"day": str(date(2030, 1, 1) + timedelta(days=n))},
    "river-plan": lambda n: {"year": str(1990 + n)},
    "river-standard": lambda n: {"number": f"T/SL {n:03}"},
    "river-clause": lambda n: {"number": f"{n}.1"},
}
GOOD = {"ph": 7.2, "oxygen": 8.0, "permanganate": 1.5, "ammonia": 0.1, "phosphorus": 0.01}


@pytest.mark.parametrize(
    ("change", "grade", "by"),
    [
        ({}, 1, ()), ({"ammonia": 0.5}, 2, ("ammonia",)), ({"ammonia": 0.51}, 3, ("ammonia",)), ({"oxygen": 2.9, "phosphorus": 0.4}, 5, ("oxygen", "phosphorus")),
        ({"permanganate": 15.1}, 6, ("permanganate",)), ({"ph": 9.1}, 6, ("ph",)), ({"ph": 6.0}, 1, ()), ({"oxygen": None}, 1, ()),
    ],
)  # fmt: skip
def test_the_worst_item_decides_the_class(change: dict[str, Any], grade: int, by: tuple[str, ...]) -> None:
    assert rules.water_class({**GOOD, **change}) == rules.WaterClass(grade, by)


def test_a_lake_is_stricter_on_phosphorus_and_nothing_measured_is_no_class() -> None:
    assert rules.water_class({"phosphorus": 0.15}) == rules.WaterClass(3, ("phosphorus",))
    assert rules.water_class({"phosphorus": 0.15}, lake=True) == rules.WaterClass(5, ("phosphorus",))
    assert rules.water_class({"ph": None}) is None


@given(st.floats(0, 20), st.floats(0, 20))
def test_more_ammonia_is_never_better(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert rules.grade_of("ammonia", low) <= rules.grade_of("ammonia", high)


def test_trend_by_hand() -> None:
    found = rules.trend([1, 2, 3, 4, 5])
    assert (found.s, found.slope) == (10, 1.0)
    assert found.p == pytest.approx(0.0275, abs=0.0002)  # z = 9 / sqrt(5·4·15/18) = 2.2045
    assert rules.trend([1, 2, 4], at=[1, 2, 4]).slope == 1.0, "a month without a value is two steps long"
    assert rules.trend([2, 2, 2]).p == 1.0 and rules.trend([5, 4, 3, 2, 1]).words == "好转"
    with pytest.raises(ValueError, match="three"):
        rules.trend([1, 2])


def test_capacity_by_hand() -> None:
    assert rules.capacity(target=1, background=0.5, flow=10) == pytest.approx(157.68)
    assert rules.capacity(target=1, background=0.5, flow=10, decay=0.2, km=86.4, speed=1) == pytest.approx(31.536 * (10 - 5 * 0.8187307531))


def test_score_leaves_out_what_has_nothing_to_count() -> None:
    weights = {"patrol": 40, "on_time": 30, "water": 20, "recurrence": 10}
    assert rules.score({"patrol": (1, 2), "on_time": (1, 1), "water": (0, 2), "recurrence": (1, 1)}, weights)[0] == 60.0
    assert rules.score({"patrol": (1, 2), "on_time": (0, 0), "water": (2, 2), "recurrence": (0, 0)}, weights) == (66.67, {"patrol": 33.33, "water": 33.33})
    assert rules.score({"patrol": (0, 0)}, weights) == (None, {})


def actor(name: str) -> Actor:
    party = Party.objects.get(name=name)
    return parties.actor_for(party.pk, party.pk, name)


def browser(username: str) -> Client:
    client = Client()
    client.force_login(Account.objects.get(username=username), backend="yiwang.platforms.identity.doors.AccountBackend")
    return client


def photo(name: str) -> SimpleUploadedFile:
    held = io.BytesIO()
    Image.new("RGB", (8, 8), "#dde8f5").save(held, "PNG")
    return SimpleUploadedFile(name, held.getvalue(), "image/png")


@pytest.fixture
def reach(db: None) -> Reach:
    return Reach.objects.get(code="ZJ4408CK01Z1")


def walked(reach: Reach, **more: Any) -> dict[str, Any]:
    """A walk along the reach, thirty seconds from point to point of the course."""
    assert reach.course
    begun = timezone.now() - timedelta(hours=2)
    points = []
    line = reach.course
    for n in range(121):
        place = line.interpolate_normalized(n / 120)
        points.append([place.x, place.y, (begun + timedelta(seconds=n * 25)).isoformat(), 6, 0])
    return {"started_at": begun.isoformat(), "finished_at": points[-1][2], "track": {"points": points}, **more}


def found(reach: Reach, *, kind: str = "garbage", note: str = "岸边有一堆垃圾", share: float = 0.5) -> RiverProblem:
    assert reach.course
    place = reach.course.interpolate_normalized(share)
    plan = PatrolPlan.objects.get(subject="reach", subject_row=reach.pk)
    sent = walked(reach, findings=[{"kind": kind, "note": note, "place": [place.x, place.y], "seen_at": timezone.now().isoformat()}])
    made = patrols.receive(actor("莫知夏"), plan.pk, sent, key=str(uuid4()))
    assert made.valid, made.reasons
    problems.from_round(patrols.RoundReceived(round=made.pk))
    return RiverProblem.objects.get(finding__round=made)


def test_every_reach_with_a_chief_is_walked_as_often_as_its_level_says(reach: Reach) -> None:
    plans = {(p.times, p.period) for p in PatrolPlan.objects.filter(subject_row__in=Reach.objects.filter(level="town").values("pk"))}
    assert plans == {(1, "ten-days")}


def test_a_finding_becomes_a_problem_with_its_kilometre_reach_and_checker(reach: Reach) -> None:
    problem = found(reach)
    assert problem.reach == reach and float(problem.km) == pytest.approx(0.5, abs=0.02)
    assert problem.incident.eye == "patrol" and problem.incident.days == 3
    assert problem.incident.checker and problem.incident.checker.key == "county_government@440802"
    again = Finding.objects.get(round__findings=problem.finding)
    problems.found_by_patrol(reach, again)
    assert RiverProblem.objects.filter(incident=problem.incident).count() == 1


def test_the_same_kind_near_a_settled_one_is_it_again(reach: Reach) -> None:
    first = found(reach)
    moment = timezone.now() - timedelta(days=20)
    Case.objects.filter(pk=first.incident.case_id).update(closed_at=moment)
    Incident.objects.filter(pk=first.incident_id).update(closed_at=moment, stage="closed", opened_at=moment)
    assert found(reach, share=0.55).again == first
    assert found(reach, share=0.56, kind="dig", note="有人挖沙").again is None
    Incident.objects.filter(pk=first.incident_id).update(closed_at=moment - timedelta(days=200))
    RiverProblem.objects.exclude(pk=first.pk).update(again=None)
    assert found(reach, share=0.9, note="又有塑料瓶漂着").again is None


def citizen_report(reach: Reach, who: Actor, **more: Any) -> Report:
    given = {"key": uuid4(), "kind": "plants", "text": "水葫芦长满了河面", "place": None, "photo": None, "phone": "", "anonymous": False, **more}
    return problems.tell_by_citizen(who, reach, **given)


def test_a_citizen_tells_signed_in_or_not(reach: Reach) -> None:
    signed = citizen_report(reach, actor("林海棠"))
    unnamed = citizen_report(reach, NOBODY, place=Point(110.36, 21.2735, srid=4490), kind="dig", text="有人半夜采砂")
    assert signed.reporter_id and unnamed.reporter_id is None and unnamed.incident_id != signed.incident_id
    assert RiverProblem.objects.get(incident=signed.incident).kind == "plants"
    with pytest.raises(Invalid):
        citizen_report(reach, NOBODY, text=" ")


def test_the_public_page_holds_no_name_of_a_reporter(reach: Reach, client: Client) -> None:
    report = citizen_report(reach, actor("林海棠"), phone="15499999999")
    for path in (f"/rivers/{reach.code}", "/rivers"):
        answer = client.get(path)
        assert answer.status_code == 200 and "林海棠" not in answer.content.decode() and "15499999999" not in answer.content.decode()
    assert "莫知夏" in client.get(f"/rivers/{reach.code}").content.decode()
    assert client.get(f"/river-reports/{report.key}").status_code == 404


def test_the_receipt_tells_the_answer_to_the_reporter_only(reach: Reach, client: Client) -> None:
    report = citizen_report(reach, actor("林海棠"))
    incidents.answer(actor("徐听雨"), report.pk, "已安排三天内打捞")
    client.force_login(Account.objects.get(username="haitang"), backend="yiwang.platforms.identity.doors.AccountBackend")
    answer = client.get(f"/river-reports/{report.key}")
    assert "已安排三天内打捞" in answer.content.decode()
    client.force_login(Account.objects.get(username="ruoxi"), backend="yiwang.platforms.identity.doors.AccountBackend")
    assert client.get(f"/river-reports/{report.key}").status_code == 404


def test_a_sample_is_classed_by_its_values_never_by_hand(db: None) -> None:
    section = Section.objects.order_by("code")[0]
    register = registry().registers["sample"]
    made = registers.keep(actor("徐听雨"), register, {"section": section.pk, "month": "2020-05-17", **GOOD, "ammonia": 1.2, "source": "试验", "grade": "1"}, reason="录入")
    assert (made.grade, made.by, made.met, str(made.month)) == ("4", "氨氮", False, "2020-05-01")
    with pytest.raises(Invalid):
        registers.keep(actor("徐听雨"), register, {"section": section.pk, "month": "2020-06-01", "source": "试验"}, reason="录入")
    with pytest.raises(NotAllowed):
        registers.keep(actor("莫知夏"), register, {"section": section.pk, "month": "2020-06-01", **GOOD, "source": "试验"}, reason="录入")
    assert Sample.objects.filter(section=section, month="2020-06-01").count() == 0


def test_scores_come_from_rows_and_an_objection_is_heard_once(reach: Reach) -> None:
    month = timezone.localdate().replace(day=1)
    assessing.assess(month)
    row = Assessment.objects.get(post=reach.chief, month=month)
    with pytest.raises(NotFound):
        assessing.object_to(actor("林海棠"), row.pk, "不对")
    with pytest.raises(NotAllowed):
        assessing.object_to(actor("徐听雨"), row.pk, "不对")
    with pytest.raises(Invalid):
        assessing.object_to(actor("莫知夏"), row.pk, "")
    assessing.object_to(actor("莫知夏"), row.pk, "本旬已经巡河")
    with pytest.raises(Conflict):
        assessing.object_to(actor("莫知夏"), row.pk, "再说一次")
    with pytest.raises(NotAllowed):
        assessing.decide(actor("莫知夏"), row.pk, "我同意")
    before = dict(row.counts)
    found(reach)
    decided = assessing.decide(actor("徐听雨"), row.pk, "已核对记录")
    assert decided.decision and decided.counts != before


def test_an_objection_too_late_is_refused(reach: Reach) -> None:
    month = timezone.localdate().replace(day=1)
    assessing.assess(month)
    Assessment.objects.filter(post=reach.chief, month=month).update(computed_at=timezone.now() - timedelta(days=30))
    with pytest.raises(Gone):
        assessing.object_to(actor("莫知夏"), Assessment.objects.get(post=reach.chief, month=month).pk, "不对")


def test_a_standard_is_adopted_only_when_its_clauses_hold(reach: Reach) -> None:
    doc = StandardDoc.objects.create(number="T 1", version="1", title="试验", field="form")
    with pytest.raises(Conflict):
        standards.advance(SYSTEM, doc.pk)
    Clause.objects.create(doc=doc, number="1", text="公示牌", rule="reach-board")
    with pytest.raises(NotAllowed):
        standards.advance(actor("莫知夏"), doc.pk)
    standards.advance(actor("徐听雨"), doc.pk)
    board = reach.board
    Reach.objects.filter(pk=reach.pk).update(board=None)
    run = standards.run(actor("徐听雨"), doc.pk)[0]
    assert (run.wrong, run.examples, run.passed) == (1, [reach.name], False)
    with pytest.raises(Conflict, match="条款 1"):
        standards.advance(actor("徐听雨"), doc.pk)
    Reach.objects.filter(pk=reach.pk).update(board=board)
    standards.run(actor("徐听雨"), doc.pk)
    assert standards.advance(actor("徐听雨"), doc.pk).state == "adopted"


@pytest.mark.parametrize("rule", standards.CHECKS)
def test_every_check_runs_on_the_demo_city(db: None, rule: str) -> None:
    assert list(standards.CHECKS[rule]()) or rule == "problem-chain"


def test_overlapping_reaches_fail_the_check(reach: Reach) -> None:
    assert all(right for _, right in standards.CHECKS["reach-cover"]())
    Reach.objects.filter(pk=reach.pk).update(to_km=2)
    assert not all(right for _, right in standards.CHECKS["reach-cover"]())


def test_the_figures_of_a_reach_stand_by_month(reach: Reach) -> None:
    before = monthly.by_month(reach)[0]
    problem = found(reach)
    months = monthly.by_month(reach)
    assert [m.month.day for m in months] == [1] * 12 and months[0].month == timezone.localdate().replace(day=1) > months[1].month
    assert (months[0].found, months[0].valid) == (before.found + 1, (before.valid[0] + 1, before.valid[1] + 1))
    assert months[0].water == (0, 0) and months[1].water[1] == 1, "its one section, by its month's mean"
    Incident.objects.filter(pk=problem.incident_id).update(closed_at=timezone.now(), on_time=False)
    assert monthly.by_month(reach)[0].on_time == (before.on_time[0], before.on_time[1] + 1)
    Incident.objects.filter(pk=problem.incident_id).update(closed_at=None, stage="void")
    assert monthly.by_month(reach)[0].found == before.found, "what was not taken up is no problem"


def test_equal_scores_share_a_rank(reach: Reach) -> None:
    month = timezone.localdate().replace(day=1)
    assessing.assess(month)
    rows = list(Assessment.objects.filter(month=month).order_by("pk")[:3])
    for row, score in zip(rows, (90, 90, None), strict=True):
        row.score = score
    assert [rank for rank, _, _ in console._ranked(rows)] == ["1", "1", "—"]


def test_a_finding_without_a_place_lies_where_the_walker_was(reach: Reach) -> None:
    fixes = [[110.34, 21.28, "2026-03-02T09:00:00+08:00", 5, 0], [110.35, 21.28, "2026-03-02T09:10:00+08:00", 5, 0]]
    assert field._walked_by(fixes, datetime.fromisoformat("2026-03-02T09:09:00+08:00")) == (110.35, 21.28)
    assert field._walked_by([], timezone.now()) is None and field._fixes({"points": ["x"]}) == field._fixes("") == []


def test_two_photographs_of_one_finding_are_refused_in_words(reach: Reach) -> None:
    chief, plan = browser("zhenhezhang"), PatrolPlan.objects.get(subject="reach", subject_row=reach.pk)
    sent = walked(reach)
    form: dict[str, Any] = {"key": str(uuid4()), "track": json.dumps(sent["track"]), "f1-kind": "build", "f1-note": "有垃圾", "f1-photo": [photo("1.png"), photo("2.png")]}
    refused = chief.post(f"/field/patrols/{plan.pk}/record", form, headers={"Accept": "application/json"})
    assert refused.status_code == 422 and "最多 1 张照片" in refused.content.decode()
    form |= {"f1-photo": photo("1.png")}
    assert chief.post(f"/field/patrols/{plan.pk}/record", form, headers={"Accept": "application/json"}).json() == {"next": "/field/rivers"}
    assert Finding.objects.get(round__plan=plan, note="有垃圾").photo


@pytest.mark.parametrize("change", [{"f1-kind": ""}, {"f1-kind": "no-such"}, {"track": "[" * 100_000}])
def test_a_finding_without_a_kind_and_a_track_that_is_none_are_refused_in_words(reach: Reach, change: dict[str, str]) -> None:
    chief, plan = browser("zhenhezhang"), PatrolPlan.objects.get(subject="reach", subject_row=reach.pk)
    sent = walked(reach)
    form = {"key": str(uuid4()), "started_at": sent["started_at"], "finished_at": sent["finished_at"], "track": json.dumps(sent["track"]), "f1-kind": "build", "f1-photo": photo("1.png"), "f1-note": "违建"}
    refused = chief.post(f"/field/patrols/{plan.pk}/record", form | change, headers={"Accept": "application/json"})
    assert refused.status_code == 422 and ("还没有选择类型" in refused.content.decode() or "轨迹" in refused.content.decode())
    assert not Finding.objects.filter(round__plan=plan, note="违建").exists()


def test_a_picture_from_the_album_says_nothing_of_when_and_where(reach: Reach) -> None:
    fixes = [[110.34, 21.28, "2026-03-02T09:00:00+08:00", 5, 0], [110.35, 21.28, "2026-03-02T09:10:00+08:00", 5, 0]]
    old, noted = datetime.fromisoformat("2026-02-01T09:00:00+08:00"), datetime.fromisoformat("2026-03-02T09:01:00+08:00")
    assert field._on_the_way(fixes, old, noted) == noted and field._on_the_way(fixes, old, None) is None and field._on_the_way([], noted) is None
    assert field._walked_by(fixes, None) == (110.35, 21.28)


def test_what_is_owed_stands_among_todays_tasks_of_the_chief_only(reach: Reach) -> None:
    assert [e.title for e in field.errands(actor("莫知夏"))] == ["南桥河镇级段（0–1 公里）巡河"]
    found(reach)
    assert field.errands(actor("莫知夏")) == field.errands(actor("林海棠")) == []


def test_one_river_one_file(reach: Reach) -> None:
    problem = found(reach)
    page = filing.river_file(actor("徐听雨"), reach.river_id)
    assert problem in page.problems and page.open_count >= 1 and page.waters[0].trend
    assert not filing.river_file(actor("林海棠"), reach.river_id).problems
    assert River.objects.count() == 7


def test_the_page_s_example_runs() -> None:
    page = (Path(__file__).resolve().parents[5] / "docs" / "systems" / "river_chief.md").read_text(encoding="utf-8")
    for block in page.split("```python")[1:]:
        exec(block.split("```")[0], {})
