"""What makes a round: vectors by hand, properties, and what the upload refuses."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.gis.geos import LineString, MultiLineString
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString as Line

from yiwang.base.errors import Conflict, Invalid, NotFound
from yiwang.engines.messages.models import Message
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Membership, Party, Post
from yiwang.kit.actors import NOBODY, Actor
from yiwang.kit.rowsecurity import acting
from yiwang.platforms.patrols import planning, rules
from yiwang.platforms.patrols.api import Fix, Limits, judge, length, receive, window
from yiwang.platforms.patrols.models import Duty, PatrolPlan, Round

SAMPLES = {"patrol-plan": lambda n: {"subject": "reach", "subject_row": str(900_000 + n), "overseer": "river-office", "checks": "", "since": "2025-03-03", "until": "2035-03-03"}}
LIMITS = Limits(near=100, share=0.8, minutes_per_5km=20, fast_kmh=20, fast_seconds=60, jump_kmh=150, gap=300, accuracy=100, longest_hours=24)
METRE = 1 / 111_320  # degrees of longitude on the equator
COURSE = Line([(0, 0), (2000 * METRE, 0)])


def walk(metres: float = 2000, *, speed: float = 1.2, off: float = 0.0, step: float = 24.0) -> list[Fix]:
    """Along the equator, so that a metre is a metre."""
    count = int(metres / step) + 1
    return [Fix(n * step * METRE, off * METRE, n * step / speed) for n in range(count)]


def test_a_walk_along_the_whole_course_is_valid() -> None:
    found = judge(walk(), COURSE, LIMITS)
    assert found.valid and found.coverage == 1.0
    assert found.metres == pytest.approx(1992, rel=0.002) and found.minutes == pytest.approx(1992 / 1.2 / 60, rel=0.002)


def test_half_the_course_is_refused_and_the_margin_counts() -> None:
    found = judge(walk(1000), COURSE, LIMITS)
    assert found.coverage == pytest.approx((984 + 100) / 2000, abs=0.005)
    assert any("只走到河段的 54%" in reason for reason in found.reasons)


@pytest.mark.parametrize(("off", "valid"), [(90, True), (110, False)])
def test_a_hundred_metres_beside_the_course(off: float, valid: bool) -> None:
    assert judge(walk(off=off), COURSE, LIMITS).valid is valid


def test_a_car_is_seen_and_a_short_sprint_is_not() -> None:
    assert any("像是乘车" in r for r in judge(walk(speed=30 / 3.6), COURSE, LIMITS).reasons)
    sprint = [*walk(960), *[Fix((960 + n * 24) * METRE, 0, 800 + n * 3) for n in range(1, 11)]]  # 240 m in 30 s
    after = [Fix((1200 + n * 24) * METRE, 0, 830 + n * 20) for n in range(1, 34)]
    assert judge([*sprint, *after], COURSE, LIMITS).valid


def test_across_a_jump_and_a_pause_nothing_was_walked() -> None:
    jumped = judge([Fix(0, 0, 0), Fix(2000 * METRE, 0, 10)], COURSE, LIMITS)
    assert any("跳跃" in r for r in jumped.reasons) and jumped.coverage == pytest.approx(0.1, abs=0.01)
    ends = [Fix(0, 0, 0), Fix(24 * METRE, 0, 20)], [Fix(200 * METRE, 0, 2000, segment=1), Fix(2000 * METRE, 0, 4000, segment=1)]
    assert judge([*ends[0], *ends[1]], COURSE, LIMITS).coverage < 0.25


def test_too_quick_is_told_in_minutes() -> None:
    slow = Limits(**{**LIMITS.__dict__, "minutes_per_5km": 200})
    assert any("至少需要 80 分钟" in r for r in judge(walk(), COURSE, slow).reasons)


def test_bad_fixes_are_left_out() -> None:
    assert judge([Fix(0, 0, 0, 500), Fix(METRE, 0, 1, 500)], COURSE, LIMITS).reasons == ("有效定位不足两个，请在开阔处重新巡查",)


def test_time_backwards_is_refused() -> None:
    assert any("前后颠倒" in r for r in judge([Fix(0, 0, 10), Fix(METRE, 0, 5), *walk()[3:]], COURSE, LIMITS).reasons)


def test_length_of_a_degree() -> None:
    assert length(Line([(0, 0), (1, 0)])) == pytest.approx(111_319.49, abs=0.01)  # GRS 80: a π/180, a = 6 378 137


@given(st.floats(0, 2000), st.floats(0, 400))
def test_coverage_is_a_share_and_grows_with_the_walk(metres: float, off: float) -> None:
    short, long = (rules.coverage(walk(m + 48, off=off), COURSE, LIMITS) for m in (metres, metres + 200))
    assert 0 <= short <= long <= 1


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0.5, 100)), min_size=1, max_size=30), st.floats(1, 200))
def test_sustained_speed_is_never_above_the_fastest_leg(legs: list[tuple[float, float]], seconds: float) -> None:
    assert rules.sustained(legs, seconds) <= max(rules.kmh(m, s) for m, s in legs) + 1e-6


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0.5, 100)), min_size=1, max_size=12), st.floats(1, 200))
def test_sustained_speed_is_that_of_the_fastest_stretch(legs: list[tuple[float, float]], seconds: float) -> None:
    stretches = [legs[a:b] for a in range(len(legs)) for b in range(a + 1, len(legs) + 1)]
    speeds = [rules.kmh(sum(m for m, _ in some), sum(s for _, s in some)) for some in stretches if sum(s for _, s in some) >= seconds * (1 + 1e-9)]
    longer = [rules.kmh(sum(m for m, _ in some), sum(s for _, s in some)) for some in stretches if sum(s for _, s in some) >= seconds * (1 - 1e-9)]
    assert max(speeds, default=0) - 1e-6 <= rules.sustained(legs, seconds) <= max(longer, default=0) + 1e-6


def test_a_stretch_that_is_fast_as_a_whole_is_seen() -> None:
    legs = [(400.0, 60.0), (200.0, 40.0), (400.0, 60.0)]  # no single minute of it is the fastest whole
    assert rules.sustained(legs, 100) == pytest.approx(1000 / 160 * 3.6)


def test_a_pause_is_no_walking_and_a_walk_of_days_is_none() -> None:
    half = walk(960)
    rest = [Fix(f.longitude + 984 * METRE, 0, f.at + 3 * 86_400, segment=1) for f in half]
    found = judge([*half, *rest], COURSE, LIMITS)
    assert found.minutes == pytest.approx(2 * 960 / 1.2 / 60, rel=0.01) and found.metres == pytest.approx(1920, rel=0.01)
    assert [r for r in found.reasons if "像是几次巡查连在了一起" in r]
    fast = [Fix(f.longitude + 984 * METRE, 0, f.at + 7200, segment=1) for f in walk(960, speed=5)]
    quick = judge([*walk(960, speed=5), *fast], COURSE, LIMITS)
    assert any("用时 6 分钟" in r for r in quick.reasons), quick.reasons  # two hours of pause do not make it long enough


@pytest.mark.parametrize(
    ("period", "day", "first", "last"),
    [
        ("week", "2026-03-01", "2026-02-23", "2026-03-01"),
        ("ten-days", "2026-02-28", "2026-02-21", "2026-02-28"),
        ("ten-days", "2026-01-31", "2026-01-21", "2026-01-31"),
        ("ten-days", "2026-03-10", "2026-03-01", "2026-03-10"),
        ("month", "2024-02-10", "2024-02-01", "2024-02-29"),
        ("quarter", "2026-12-31", "2026-10-01", "2026-12-31"),
        ("year", "2026-05-05", "2026-01-01", "2026-12-31"),
    ],
)
def test_windows(period: str, day: str, first: str, last: str) -> None:
    assert window(period, date.fromisoformat(day)) == (date.fromisoformat(first), date.fromisoformat(last))


@given(st.dates(date(2020, 1, 1), date(2035, 12, 31)), st.sampled_from(["year", "quarter", "month", "ten-days", "week"]))
def test_windows_hold_their_day_and_meet_the_next(day: date, period: str) -> None:
    first, last = window(period, day)
    assert first <= day <= last and window(period, last + timedelta(days=1))[0] == last + timedelta(days=1)


def actor(name: str) -> Actor:
    party = Party.objects.get(name=name)
    return parties.actor_for(party.pk, party.pk, name)


@pytest.fixture
def plan(db: None) -> PatrolPlan:
    post = Post.objects.get(organisation__key="town_government@440802001", title="镇级河长")
    return PatrolPlan.objects.create(
        name="试验线路", subject="test", subject_row=1, course=MultiLineString(LineString((110.34, 21.28), (110.35, 21.28), srid=4490), srid=4490), post=post,
        overseer="river-office", division_id="440802001000", period="week",
    )  # fmt: skip


def record(*, share: float = 1.0, speed: float = 1.2, begun: datetime | None = None, **more: Any) -> dict[str, Any]:
    """A walk along the fixture's kilometre."""
    begun = begun or timezone.now() - timedelta(hours=1)
    metre = 0.01 / 1037.6
    points = [[110.34 + n * 20 * metre, 21.28, (begun + timedelta(seconds=n * 20 / speed)).isoformat(), 8, 0] for n in range(int(51 * share) + 1)]
    return {"started_at": begun.isoformat(), "finished_at": points[-1][2], "track": {"points": points}, **more}


def test_one_record_sent_twice_is_one_round(plan: PatrolPlan) -> None:
    key, chief = str(uuid4()), actor("莫知夏")
    sent = record(findings=[{"kind": "garbage", "note": "岸边有垃圾", "place": [110.345, 21.28], "seen_at": timezone.now().isoformat()}])
    made = receive(chief, plan.pk, sent, key=key)
    assert made.valid and receive(chief, plan.pk, record(share=0.1), key=key).pk == made.pk
    assert Round.objects.filter(plan=plan).count() == 1 and made.findings.count() == 1
    assert Duty.objects.get(plan=plan).met


def test_a_key_of_somebody_else_is_refused(plan: PatrolPlan) -> None:
    key = str(uuid4())
    receive(actor("莫知夏"), plan.pk, record(), key=key)
    with pytest.raises(Conflict):
        receive(actor("徐听雨"), plan.pk, record(), key=key)


def test_an_invalid_round_is_kept_with_its_reason_and_does_not_count(plan: PatrolPlan) -> None:
    made = receive(actor("莫知夏"), plan.pk, record(speed=10), key=str(uuid4()))
    duty = Duty.objects.get(plan=plan)
    assert not made.valid and "像是乘车" in made.reasons[0] and not duty.met and duty.invalid == 1


def test_a_delegated_round_is_counted_apart(plan: PatrolPlan) -> None:
    assert receive(actor("徐听雨"), plan.pk, record(), key=str(uuid4())).delegated
    duty = Duty.objects.get(plan=plan)
    assert (duty.own, duty.delegated, duty.met) == (0, 1, True)


@pytest.mark.parametrize("who", ["卢南渡", "林海棠"])
def test_a_stranger_finds_no_plan(plan: PatrolPlan, who: str) -> None:
    with pytest.raises(NotFound):
        receive(actor(who), plan.pk, record(), key=str(uuid4()))
    with pytest.raises(NotFound):
        receive(NOBODY, plan.pk, record(), key=str(uuid4()))


def test_a_round_walked_in_office_is_taken_when_the_post_is_another_s(plan: PatrolPlan) -> None:
    chief, today = actor("莫知夏"), timezone.localdate()
    walked = record(begun=timezone.now() - timedelta(days=3))
    Membership.objects.filter(party=chief.party).update(valid_to=today - timedelta(days=2))
    former = actor("莫知夏")
    assert not former.seats
    with acting(former):
        made = receive(former, plan.pk, walked, key=str(uuid4()))
        assert receive(former, plan.pk, walked, key=str(made.key)).pk == made.pk
    assert made.valid and not made.delegated and Duty.objects.get(plan=plan).own == 1
    with pytest.raises(NotFound):  # after the last day in office it is nobody's walk
        receive(former, plan.pk, record(begun=timezone.now() - timedelta(days=1)), key=str(uuid4()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"track": {}}, {"track": {"points": [["x", 1, "2026-01-01", 1, 0]]}}, {"track": {"points": [[400, 21, timezone.now().isoformat(), 1, 0]]}}, {"finished_at": "never"}, {"started_at": "0001-01-01T00:00:00+08:00"},
        {"finished_at": (timezone.now() + timedelta(days=1)).isoformat()}, {"started_at": (timezone.now() - timedelta(days=60)).isoformat()},
        {"findings": [{"note": "没有位置"}]},
    ],
)  # fmt: skip
def test_a_record_that_is_not_whole_is_refused(plan: PatrolPlan, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        receive(actor("莫知夏"), plan.pk, {**record(), **wrong}, key=str(uuid4()))
    assert not Round.objects.filter(plan=plan).exists()


def test_a_track_across_the_world_is_refused_in_words(plan: PatrolPlan) -> None:
    sent = record()
    for n, point in enumerate(sent["track"]["points"]):
        point[0] = -179.0 if n % 2 else 1.0
    sent["track"]["points"] *= 20
    with pytest.raises(Invalid, match="不可能"):
        receive(actor("莫知夏"), plan.pk, sent, key=str(uuid4()))
    sent = record()
    sent["track"]["points"][0][4] = float("inf")
    with pytest.raises(Invalid, match="格式"):
        receive(actor("莫知夏"), plan.pk, sent, key=str(uuid4()))


@pytest.mark.parametrize(("seen", "kept"), [(timedelta(minutes=5), True), (timedelta(days=-30), False), (timedelta(days=1), False)])
def test_what_was_found_was_seen_on_the_round(plan: PatrolPlan, seen: timedelta, kept: bool) -> None:
    begun = timezone.now() - timedelta(hours=1)
    finding = {"kind": "garbage", "note": "岸边有垃圾", "place": [110.345, 21.28], "seen_at": (begun + seen).isoformat()}
    made = receive(actor("莫知夏"), plan.pk, record(begun=begun, findings=[finding]), key=str(uuid4()))
    assert made.findings.get().seen_at == (begun + seen if kept else made.finished_at)


@pytest.mark.parametrize("how", ["until", "frozen", "since"])
def test_a_plan_that_was_not_in_force_to_the_end_owes_no_round(plan: PatrolPlan, how: str) -> None:
    Duty.objects.exclude(plan=plan).update(met=True)
    last = planning.duty(plan, timezone.localdate() - timedelta(days=7)).last
    if how == "frozen":
        plan.standing = PatrolPlan.Standing.FROZEN
    elif how == "until":
        plan.since, plan.until = last - timedelta(days=30), last - timedelta(days=1)
    else:
        plan.since = last + timedelta(days=1)
    plan.save()
    assert planning.remind(timezone.localdate())[1] == 0
    assert not Duty.objects.filter(plan=plan).exists()  # nor is it counted


def test_a_period_that_ended_before_its_plan_stays_owed(plan: PatrolPlan) -> None:
    Duty.objects.exclude(plan=plan).update(met=True)
    owed = planning.duty(plan, timezone.localdate() - timedelta(days=7))
    plan.since, plan.until = owed.first, owed.last
    plan.save()
    assert planning.remind(timezone.localdate())[1] == 1
    plan.standing = PatrolPlan.Standing.FROZEN
    plan.save()
    planning.remind(timezone.localdate())
    assert Duty.objects.filter(pk=owed.pk, overdue_at__isnull=False).exists()  # told is told


def test_a_missed_period_is_told_once_to_the_chief_and_the_office(plan: PatrolPlan) -> None:
    day = timezone.localdate() - timedelta(days=7)
    PatrolPlan.objects.filter(pk=plan.pk).update(since=day)
    planning.duty(plan, day)
    Duty.objects.exclude(plan=plan).update(met=True)
    assert planning.remind(timezone.localdate())[1] == 1
    assert planning.remind(timezone.localdate())[1] == 0
    told = set(Message.objects.filter(template="patrol-overdue", title__contains="试验线路").values_list("to__name", flat=True))
    assert {"莫知夏", "徐听雨"} <= told


def test_the_page_s_example_runs() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "platforms" / "patrols.md").read_text(encoding="utf-8")
    exec(page.split("```python")[1].split("```")[0], {})
