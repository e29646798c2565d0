"""The search for outfalls that nobody registered: the rule by hand and against noise, files that are read or refused in words, candidates until somebody has looked; posts that stand empty."""

import io
import json
import random
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound, TooLarge
from yiwang.engines.messages.models import Message
from yiwang.engines.parties.models import Membership, Party, Post
from yiwang.systems.governance.river_chief import searching, traces, tracing, vacant
from yiwang.systems.governance.river_chief.course import Course
from yiwang.systems.governance.river_chief.models import Candidate, Outfall, OutfallSearch, River, RiverProblem, Vacancy
from yiwang.systems.governance.river_chief.tests import actor, browser, photo
from yiwang.systems.governance.river_chief.tracechart import thin

OFFICE, CHIEF, TOWN = "徐听雨", "卢南渡", "莫知夏"
LIMITS: dict[str, Any] = {"window": 15, "sigmas": 5.0, "share": 0.03}
EAST = Course([[(110.0, 21.0), (110.1, 21.0)]], 10)

db = pytest.mark.django_db


# --- the rule ---------------------------------------------------------------------------------------------------------------------------------


def test_a_step_by_hand() -> None:
    values = [400, 401, 399, 402, 460, 458, 461, 459]
    # differences 1 −2 3 58 −2 3 −2: median 1, absolute rests 0 3 2 57 3 2 3, their median 3
    assert tracing.noise(values) == pytest.approx(1.4826 * 3 / 2**0.5)
    (jump,) = tracing.steps(values, window=4, sigmas=5, share=0.03)
    assert (jump.at, jump.step) == (4, 59.0)  # medians 400.5 above, 459.5 below
    assert jump.score == pytest.approx(59 / (1.2533 * 3.14507 * (2 / 4) ** 0.5), rel=1e-4)  # 21.17


def water(seed: int, *steps: tuple[int, float], points: int = 400, noise: float = 4.0) -> list[float]:
    rng = random.Random(seed)
    return [410 + sum(size for at, size in steps if n >= at) + rng.gauss(0, noise) for n in range(points)]


def test_noise_alone_is_no_outfall() -> None:
    alarms = sum(bool(tracing.steps(water(seed), **{**LIMITS, "share": 0.0})) for seed in range(300))
    assert alarms <= 1, f"{alarms} of 300 traces of noise fired, whatever the least step"


def test_single_outliers_and_a_slow_drift_are_no_outfall() -> None:
    wild = water(7)
    for at in (40, 41, 120, 250, 251, 300):
        wild[at] += 500
    assert tracing.steps(wild, **LIMITS) == []
    assert tracing.steps([value + n * 0.05 for n, value in enumerate(water(8))], **LIMITS) == [], "20 μS/cm over the whole trace"


def test_steps_are_found_where_they_are() -> None:
    found = [[j.at for j in tracing.steps(water(seed, (150, 30), (270, -25)), **LIMITS)] for seed in range(40)]
    assert all(len(at) == 2 and abs(at[0] - 150) <= 7 and abs(at[1] - 270) <= 7 for at in found), found


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(20, 80), st.floats(0.5, 20))
def test_the_level_of_the_water_moves_no_candidate(seed: int, at: int, scale: float) -> None:
    """Without a least step only the noise counts: neither another unit nor another level of the whole trace changes where it jumps."""
    values = [v - 410 for v in water(seed, (at, 40), points=100)]
    one = tracing.steps(values, **{**LIMITS, "share": 0.0})
    other = tracing.steps([value * scale for value in values], **{**LIMITS, "share": 0.0})
    assert [j.at for j in one] == [j.at for j in other]
    mirrored = tracing.steps([-value for value in values], **{**LIMITS, "share": 0.0})
    assert [(j.at, j.step) for j in mirrored] == [(j.at, -j.step) for j in one]
    assert all(b.at - a.at > LIMITS["window"] for a, b in pairwise(one))


def test_warm_spots() -> None:
    rng = random.Random(3)
    values = [24.5 + rng.gauss(0, 0.1) for _ in range(200)]
    assert tracing.spots(values, window=15, sigmas=5, least=1.0) == []
    values[90] += 3
    values[91] += 2.5
    assert [j.at for j in tracing.spots(values, window=15, sigmas=5, least=1.0)] == [90]
    assert tracing.spots(values[:20], window=15, sigmas=5, least=1.0) == [] and tracing.noise([]) == 0.0
    assert tracing.steps([5.0] * 100, **LIMITS) == []


def test_thinning_keeps_the_peaks() -> None:
    points = [(n / 1000, 1.0, "") for n in range(1000)]
    points[777] = (0.777, 9.0, "")
    assert (0.777, 9.0) in thin(points, 50) and len(thin(points, 50)) <= 100 and thin(points[:10], 50) == [(p[0], p[1]) for p in points[:10]]


# --- files ------------------------------------------------------------------------------------------------------------------------------------


def read(text: str | bytes, name: str = "a.csv") -> list[traces.Point]:
    return traces.read(io.BytesIO(text.encode() if isinstance(text, str) else text), name, EAST, 0, 10)


def test_files_are_read_by_kilometre_or_place() -> None:
    assert read("里程,电导率\n2,410\n1,400\n\n") == [(1.0, 400.0, ""), (2.0, 410.0, "")]
    assert read("经度,纬度,温度\n110.05,21.001,24.5\n".encode("gb18030")) == [(5.0, 24.5, "left")]
    shape = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {"type": "Point", "coordinates": [110.05, 20.999, 30]}, "properties": {"temperature": 25}}]}
    assert read(json.dumps(shape), "a.geojson") == [(5.0, 25.0, "right")]


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("里程,电导率\n1,400\nx,400\n2,abc\n3\n11,400\n1,nan\n", "a.csv", ("第 3 行：里程“x”不是数", "第 4 行：测值“abc”不是数", "第 5 行：缺少测值", "第 6 行：里程 11 公里不在排查范围", "第 7 行：测值“nan”不是数")),
        ("经度,纬度,温度\n110.05,21.5,24\n999,21,24\n", "a.csv", ("第 2 行：位置离河道 55,350 米", "第 3 行：经纬度不正确")),
        ("a,b\n1,2\n", "a.csv", ("需要“里程”",)), ("", "a.csv", ("需要“里程”",)), ("里程,电导率\n", "a.csv", ("请检查文件内容",)),
        ("{", "a.geojson", ("每个要素应当是点",)), ('{"features": [{"geometry": null}]}', "a.json", ("每个要素应当是点",)), ("[" * 100_000, "a.json", ("每个要素应当是点",)),
    ],
)  # fmt: skip
def test_wrong_lines_are_said_in_words(text: str, name: str, words: tuple[str, ...]) -> None:
    with pytest.raises(Invalid) as refused:
        read(text, name)
    assert tuple(any(word in said for said in refused.value.fields.values()) for word in words) == (True,) * len(words), refused.value.fields


def test_large_files_are_refused() -> None:
    with pytest.raises(TooLarge, match="5 MB"):
        read(b"x" * 5_000_001)
    with pytest.raises(TooLarge, match="20,000"):
        read("里程,电导率\n" + "1,400\n" * 20_001)
    with pytest.raises(Invalid) as refused:
        read("里程,电导率\n" + "x,1\n" * 50)
    assert len(refused.value.fields) == 10


# --- a search -----------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def own() -> River:
    return River.objects.get(code="ZJ4408CK01")


def plan(own: River, /, **changes: Any) -> searching.Plan:
    today = timezone.localdate()
    return searching.Plan(**{"river": own.pk, "from_km": Decimal("0.2"), "to_km": Decimal("1.6"), "method": "conduct", "reason": "来源不明", "leader": "梁书言", "day": today, "due": today + timedelta(days=10), **changes})


def csv_of(value: Callable[[float], float], *, seed: int = 1) -> io.BytesIO:
    rng = random.Random(seed)
    rows = [(0.2 + 1.4 * n / 199) for n in range(200)]
    return io.BytesIO("\n".join(["里程,电导率", *(f"{km:.3f},{value(km) + rng.gauss(0, 4):.2f}" for km in rows)]).encode())


@db
def test_a_search_is_opened_by_the_office_of_the_place_and_whole(own: River) -> None:
    for who in (CHIEF, TOWN, "林海棠"):
        with pytest.raises(NotAllowed):
            searching.begin(actor(who), plan(own))
    with pytest.raises(NotFound):
        searching.begin(actor(OFFICE), plan(own, river=1))
    wrong = {"from_km": Decimal(2)}, {"to_km": Decimal(99)}, {"from_km": None}, {"method": "x"}, {"reason": " "}, {"leader": ""}, {"day": None}, {"due": date(2020, 1, 1)}
    for changes in wrong:
        with pytest.raises(Invalid) as refused:
            searching.begin(actor(OFFICE), plan(own, **changes))
        assert refused.value.fields.keys() <= {"from_km", "method", "reason", "leader", "day", "due"}


@db
def test_a_trace_gives_candidates_which_somebody_settles_and_then_it_closes(own: River) -> None:
    search = searching.begin(actor(OFFICE), plan(own))
    trace, fresh = searching.take_trace(actor(TOWN), search.pk, csv_of(lambda km: 410 + 45 * (km > 0.7) + 40 * (km > 1.2)), "电导率.csv")
    assert fresh == 2 and len(trace.points) == 200
    _, again = searching.take_trace(actor(OFFICE), search.pk, csv_of(lambda km: 410 + 45 * (km > 0.7) + 40 * (km > 1.2), seed=2), "再测.csv")
    first, second = search.candidates.order_by("km")
    assert again == 0 and abs(float(first.km) - 0.7) < 0.05 and abs(float(second.km) - 1.2) < 0.05, "a second trace adds nothing to what is known"
    picture = photo("a.png").read()
    found = {"name": "试验暗管", "kind": "industry", "side": "left", "words": "管口出水", "photo": picture}
    with pytest.raises(NotAllowed):
        searching.confirm(actor("梁书言"), first.pk, **found)
    for missing in ("name", "kind", "side", "words", "photo"):
        with pytest.raises(Invalid) as refused:
            searching.confirm(actor(TOWN), first.pk, **{**found, missing: None if missing == "photo" else ""})
        assert set(refused.value.fields) == {missing}
    with pytest.raises(Conflict, match="2 处"):
        searching.close(actor(OFFICE), search.pk, "结束")
    done = searching.confirm(actor(TOWN), first.pk, **found)
    assert done.outfall and done.problem and (done.outfall.km, done.verified_by, done.problem.side, done.problem.kind) == (round(first.km, 2), TOWN, "left", "outfall")
    assert done.photo_id and done.problem.incident.case.state == "filing" and Outfall.objects.get(pk=done.outfall.pk).code.startswith(f"{own.code}S")
    with pytest.raises(Conflict):
        searching.dismiss(actor(TOWN), first.pk, "改主意")
    with pytest.raises(Invalid):
        searching.dismiss(actor(TOWN), second.pk, " ")
    assert searching.dismiss(actor(TOWN), second.pk, "支流汇入").stage == "no"
    with pytest.raises(NotAllowed):
        searching.close(actor(TOWN), search.pk, "结束")
    with pytest.raises(Invalid):
        searching.close(actor(OFFICE), search.pk, "")
    closed = searching.close(actor(OFFICE), search.pk, "查实一处")
    assert closed.closed_at and OutfallSearch.objects.get(pk=search.pk).found == 1
    with pytest.raises(Conflict):
        searching.take_trace(actor(OFFICE), search.pk, csv_of(lambda km: 410), "迟到.csv")


@db
def test_on_foot_there_is_no_trace_and_a_measured_one_needs_its_own(own: River) -> None:
    walked, measured = searching.begin(actor(OFFICE), plan(own, method="foot")), searching.begin(actor(OFFICE), plan(own))
    with pytest.raises(Conflict):
        searching.take_trace(actor(OFFICE), walked.pk, csv_of(lambda km: 410), "a.csv")
    given: dict[str, Any] = {"km": Decimal("0.5"), "side": "left", "note": "有异味"}
    for wrong in ({"km": Decimal(3)}, {"km": None}, {"side": "up"}, {"note": ""}):
        with pytest.raises(Invalid):
            searching.add_candidate(actor(TOWN), walked.pk, **{**given, **wrong})
    made = searching.add_candidate(actor(TOWN), walked.pk, km=Decimal("0.5"), side="left", note="有异味")
    assert made.stage == Candidate.Stage.WAITING and made.place.srid == 4490
    with pytest.raises(NotAllowed):
        searching.add_candidate(actor("梁书言"), walked.pk, km=Decimal("0.5"), side="", note="路过")
    searching.dismiss(actor(TOWN), made.pk, "雨水口")
    assert searching.close(actor(OFFICE), walked.pk, "没有").closed_at
    with pytest.raises(Conflict, match="轨迹"):
        searching.close(actor(OFFICE), measured.pk, "没有")
    with pytest.raises(Invalid, match="太少"):
        searching.take_trace(actor(OFFICE), measured.pk, io.BytesIO("里程,电导率\n1,400\n".encode()), "a.csv")


@db
def test_the_pages_of_a_search(own: River) -> None:
    office, town = browser("hezhangban"), browser("zhenhezhang")
    sent = {"river": own.pk, "from_km": "0.2", "to_km": "1.6", "method": "conduct", "reason": "试验排查", "leader": "梁书言", "day": str(timezone.localdate()), "due": str(timezone.localdate())}
    assert office.post("/work/river-searches/new", {**sent, "leader": ""}).status_code == 422
    assert town.get("/work/river-searches/new").status_code == town.post("/work/river-searches/new", sent).status_code == 403
    page = office.post("/work/river-searches/new", sent)
    address = page.headers["Location"]
    bad = office.post(f"{address}/trace", {"file": io.BytesIO("里程,电导率\n9,400\n".encode())})
    assert bad.status_code == 422
    assert office.post(f"{address}/trace", {}).status_code == 422
    file = csv_of(lambda km: 410 + 45 * (km > 0.7))
    file.name = "电导率.csv"
    assert town.post(f"{address}/trace", {"file": file}).status_code == 302
    candidate = Candidate.objects.get(search__reason="试验排查")
    shown = town.get(address).content.decode()
    assert "polyline" in shown and "0.7" in shown and "查实并立为问题" in shown
    assert "查实并立为问题" not in browser("hedao").get(address).content.decode()
    short = town.post(f"{address}/verify/{candidate.pk}", {"found": "1", "name": "试验管", "kind": "rain", "side": "left", "words": "出水"})
    assert short.status_code == 422 and "请选择现场照片" in short.content.decode() and 'value="试验管"' in short.content.decode()
    whole = {"found": "1", "name": "试验管", "kind": "rain", "side": "left", "words": "出水", "photo": photo("a.png")}
    assert town.post(f"{address}/verify/{candidate.pk}", whole).status_code == 302
    candidate.refresh_from_db()
    assert candidate.outfall and "试验管" in office.get(address).content.decode()
    assert office.get(f"/work/river-searches/photos/{candidate.pk}").status_code == 200 and Client().get(f"/work/river-searches/photos/{candidate.pk}").status_code in (302, 403, 404)
    assert "查看这次排查" in office.get(f"/work/r/outfall/{candidate.outfall_id}").content.decode()
    assert office.post(f"{address}/close", {"conclusion": ""}).status_code == 422
    assert office.post(f"{address}/close", {"conclusion": "查实一处"}).status_code == 302
    assert "试验排查" in office.get("/work/river-searches").content.decode() and RiverProblem.objects.get(incident__text__contains="试验管").side == "left"


# --- a post that stands empty ---------------------------------------------------------------------------------------------------------------------


@db
def test_a_post_that_nobody_took_is_told_once_shown_with_what_is_open_and_ends_when_filled() -> None:
    post = Post.objects.get(organisation__key="town_government@440802001", title="镇级河长")
    held = Membership.objects.get(post=post, valid_to=None)
    today = timezone.localdate()
    Membership.objects.filter(pk=held.pk).update(valid_to=today - timedelta(days=14))
    vacant.look(today)
    assert not Vacancy.objects.filter(post=post).exists(), "not yet fifteen days"
    Membership.objects.filter(pk=held.pk).update(valid_to=today - timedelta(days=15))
    assert [vacant.look(today) for _ in range(2)] == [1, 0]
    row = Vacancy.objects.get(post=post)
    assert (row.since, row.left_name, row.filled_on) == (today - timedelta(days=14), TOWN, None)
    told = Message.objects.filter(template="river-vacant", key__contains=f":{row.pk}:").values_list("to", flat=True)
    assert set(told) == {actor(OFFICE).party}
    ((seen, parts),) = [pair for pair in vacant.open_ones(actor(OFFICE)) if pair[0] == row]
    assert seen.left_name == TOWN and "负责的河段" in dict(parts)
    page = browser("hezhangban").get("/work/river-handovers").content.decode()
    assert "空缺的岗位" in page and "镇级河长" in page
    assert "空缺的岗位" not in browser("hezhang").get("/work/river-handovers").content.decode(), "another post's"
    Membership.objects.create(party=Party.objects.get(name="陈晓帆"), post=post, valid_from=today)
    vacant.look(today)
    row.refresh_from_db()
    assert row.filled_on == today and vacant.open_ones(actor(OFFICE)) == []


@db
def test_a_post_that_nobody_ever_held_is_no_vacancy() -> None:
    post = Post.objects.get(organisation__key="town_government@440802001", title="镇级河长")
    Membership.objects.filter(post=post).delete()
    assert vacant.look(timezone.localdate()) == 0
