"""Rivers of Zhanjiang for the demo city. Names are real; lengths are from knowledge (K); courses are invented lines (示意), and so is everything found on them."""

import itertools
import math
import random
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import shapely
from django.contrib.gis.geos import LineString, MultiLineString, Point
from django.db import transaction
from django.utils import timezone

from demo import people, river_banks
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Membership, Organisation, Post
from yiwang.engines.registers import api as registers
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.registry import registry
from yiwang.platforms.patrols import api as patrols
from yiwang.platforms.patrols.models import CheckItem, CheckList, PatrolPlan, Round
from yiwang.systems.governance.river_chief import api as river_chief
from yiwang.systems.governance.river_chief.models import ChiefOrder, River

SEED = 20260301
SPACE = UUID("6b6e8f0e-5b0a-4d0e-9a51-0d7f5d3f4408")
NOTE = "示意数据：河名为实名，走向为示意线，长度待核对"
MONTHS = 12
READINGS = 12  # of each station, four hours apart
SPOILT = ("ZJ4408CK01", 3)  # river and number of the section whose water has just turned bad
RIVERS = (  # code, name, kind, division, length km (K), course from the source
    ("ZJ4408JZ01", "九洲江", "river", "440881", 162.0, ((110.02, 21.95), (110.10, 21.80), (110.12, 21.66), (110.02, 21.55), (109.92, 21.47))),
    ("ZJ4408JJ01", "鉴江", "river", "440883", 232.0, ((110.90, 21.75), (110.78, 21.62), (110.72, 21.48), (110.66, 21.36), (110.62, 21.25))),
    ("ZJ4408MH01", "袂花江", "river", "440883", 106.0, ((110.95, 21.62), (110.86, 21.52), (110.76, 21.45), (110.70, 21.42))),
    ("ZJ4408ND01", "南渡河", "river", "440882", 88.0, ((109.88, 20.98), (109.98, 20.90), (110.06, 20.86), (110.16, 20.83))),
    ("ZJ4408SX01", "遂溪河", "river", "440823", 80.0, ((110.08, 21.40), (110.18, 21.37), (110.28, 21.33), (110.37, 21.29))),
    ("ZJ4408QN01", "雷州青年运河", "canal", "440800", 271.0, ((110.28, 21.72), (110.20, 21.55), (110.12, 21.38), (110.08, 21.15), (110.08, 20.92))),
    ("ZJ4408CK01", "南桥河", "river", "440802", 3.2, ((110.340, 21.285), (110.348, 21.281), (110.356, 21.277), (110.365, 21.270))),
)  # fmt: skip
CHIEFS = ("守川", "护源", "澄波", "巡岸", "润泽", "安澜", "清源")  # given names that nobody else of the demo bears
TOWN_SHORT = 1.0  # km of the demo town's reach: one can walk it in a journey
CHECKS = (("occupy", "有没有乱占、乱建"), ("dig", "有没有乱采、乱堆"), ("outfall", "排污口有没有异常"), ("garbage", "水面和岸边是否干净"), ("board", "公示牌是否完好"))
CLAUSES = (
    ("ZJHZ 01", "河湖和河段编码规范", "code", (("4.1", "每条河湖有 8 至 20 位大写字母和数字组成的编码", "river-code"), ("4.2", "河段编码以所属河湖编码开头", "reach-code"), ("4.3", "同级河段首尾相接、不重叠", "reach-cover"))),
    ("ZJHZ 02", "河长公示和巡查规范", "form", (("5.1", "每个河段有现任河长", "reach-chief"), ("5.2", "每个河段有公示牌并登记位置", "reach-board"), ("5.3", "每个河段按级别频次编制巡查计划", "patrol-plan"))),
    ("ZJHZ 03", "断面数据汇交规范", "interface", (("6.1", "断面月数据五项齐全", "sample-complete"),)),
    ("ZJHZ 04", "问题办理和考核规范", "assessment", (("7.1", "销号的问题有整改人以外的人核查", "problem-chain"),)),
)  # fmt: skip


@transaction.atomic
def load_rivers() -> int:
    """Everything of the river chiefs that is not there yet; returns the number of rivers."""
    river_chief.seed()
    CheckList.objects.get_or_create(code="river", defaults={"name": "河湖巡查检查表"})
    for place, (code, name) in enumerate(CHECKS):
        CheckItem.objects.get_or_create(listing="river", code=code, defaults={"name": name, "place": place})
    if not River.objects.exists():
        rng = random.Random(SEED)
        for row in RIVERS:
            _river(row, rng)
        _standards()
        _history(rng)
        river_chief.assess(timezone.localdate().replace(day=1) - timedelta(days=1))
        river_chief.assess(timezone.localdate())
        river_chief.check_water()
        river_banks.load()
    return River.objects.count()


def _keep(register: str, **data: object) -> Any:
    return registers.keep(SYSTEM, registry().registers[register], data, reason=NOTE)


def _river(row: tuple[str, str, str, str, float, tuple[tuple[float, float], ...]], rng: random.Random) -> None:
    code, name, kind, division, km, points = row
    course = _winding(points, rng)
    river = _keep("river", code=code, name=name, kind=kind, division=division.ljust(12, "0"), length_km=km, course=MultiLineString(course, srid=4490))
    if division == "440802":
        _own_reaches(river, course, km)
    else:
        _reach(river, "city", "C1", 0, km, course, _chief("water_affairs@440800", "市级河长", "440800000000"), "440800000000")
        if division != "440800":
            half = round(km / 2, 1)
            chief = _chief(f"county_government@{division}", "县级河长", division.ljust(12, "0"))
            for part, (start, end) in enumerate(((0, half), (half, km)), 1):
                _reach(river, "county", f"X{part}", start, end, _cut(course, start / km, end / km), chief, division.ljust(12, "0"))
    _sections(river, course, km, division, rng)
    _plan(river, division)


def _own_reaches(river: River, course: LineString, km: float) -> None:
    """The river of the demo district, with the chiefs who can sign in."""
    county = Post.objects.get(organisation__key="county_government@440802", title="区级河长")
    town = Post.objects.get(organisation__key="town_government@440802001", title="镇级河长")
    _reach(river, "county", "X1", 0, km, course, county, "440802000000")
    _reach(river, "town", "Z1", 0, TOWN_SHORT, _cut(course, 0, TOWN_SHORT / km), town, "440802001000")
    other = Organisation.objects.filter(function="town_government", division__parent="440802000000").exclude(key="town_government@440802001").order_by("key").first()
    if other:
        _reach(river, "town", "Z2", TOWN_SHORT, km, _cut(course, TOWN_SHORT / km, 1), _chief(other.key, "镇级河长", other.division_id), other.division_id)


def _reach(river: River, level: str, suffix: str, start: float, end: float, course: LineString, chief: Post, division: str) -> None:
    names = {"city": "市级段", "county": "县级段", "town": "镇级段"}
    reach = _keep(
        "reach", river=river.pk, code=f"{river.code}{suffix}", name=f"{river.name}{names[level]}（{start:g}–{end:g} 公里）", level=level, division=division,
        chief=chief.pk, from_km=start, to_km=end, target="3", course=course, board=Point(course[0], srid=4490),
    )  # fmt: skip
    river_chief.plan(SYSTEM, reach)


def _chief(organ: str, title: str, division: str) -> Post:
    """A chief's post, held by an invented person."""
    office = Organisation.objects.get(key=organ)
    post, fresh = Post.objects.get_or_create(organisation=office, title=title, defaults={"roles": ["river-chief", "river-verifier"], "division_id": division})
    if fresh:
        number = people.number_of(date(1970, 1, 1) + timedelta(days=Post.objects.filter(title__endswith="级河长").count() * 97), 998)
        person, _ = parties.find_or_register_person(SYSTEM, name=f"{people.SURNAMES[int(division[4:6]) % 20]}{CHIEFS[int(division[2:9]) % len(CHIEFS)]}", number=number, phone=people.phone_of(98_000_000 + post.pk % 900_000), division="440802001000", address="演示路")
        type(person).objects.filter(pk=person.pk).update(invented=True)
        Membership.objects.get_or_create(party=person, post=post, defaults={"valid_from": date(2024, 1, 1)})
    return post


def _winding(points: tuple[tuple[float, float], ...], rng: random.Random) -> LineString:
    """A line that bends between the given points."""
    made: list[tuple[float, float]] = []
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        size, phase = math.hypot(x2 - x1, y2 - y1) * 0.04, rng.random() * 6
        for step in range(20):
            t = step / 20
            bend = size * math.sin(math.pi * 2 * t + phase) * math.sin(math.pi * t)
            made.append((round(x1 + (x2 - x1) * t - bend * (y2 - y1) / size * 0.04, 6), round(y1 + (y2 - y1) * t + bend, 6)))
    return LineString([*made, points[-1]], srid=4490)


def _cut(course: LineString, start: float, end: float) -> LineString:
    """The part of a line between two shares of its length."""
    inner = [p for p in course if start < course.project_normalized(Point(p)) < end]
    return LineString([course.interpolate_normalized(start), *(Point(p) for p in inner), course.interpolate_normalized(end)], srid=4490)


def _sections(river: River, course: LineString, km: float, division: str, rng: random.Random) -> None:
    first = timezone.localdate().replace(day=1)
    for number, share in enumerate((0.2, 0.6, 0.95), 1):
        place = course.interpolate_normalized(share)
        section = _keep(
            "section", river=river.pk, code=f"{river.code}D{number}", name=f"{river.name}{'上中下'[number - 1]}游断面", tier=("city", "province", "nation")[number - 1],
            division=division.ljust(12, "0"), km=round(km * share, 2), target="3", station=f"4408{number:04d}{river.code[-4:]}", place=Point(place.coords, srid=4490),
        )  # fmt: skip
        base = 0.3 + 0.25 * number + rng.random() * 0.2
        for back in range(MONTHS, 0, -1):
            month = first
            for _ in range(back):
                month = (month - timedelta(days=1)).replace(day=1)
            ammonia = max(0.05, base * (0.75 + back / MONTHS * 0.4) + rng.gauss(0, 0.08))
            _keep(
                "sample", section=section.pk, month=month, ph=round(rng.uniform(6.8, 7.9), 2), oxygen=round(rng.uniform(5.2, 8.2), 2), permanganate=round(rng.uniform(2.5, 5.8), 2),
                ammonia=round(ammonia, 3), phosphorus=round(0.06 + 0.04 * number + rng.random() * 0.05, 3), source="示意数据",
            )  # fmt: skip
        _readings(section, ammonia, short=bool(river.code == SPOILT[0] and number == SPOILT[1]), flow=round(km / 20 * (0.4 + share), 3))
    place = course.interpolate_normalized(0.35)
    outfall = _keep("outfall", river=river.pk, code=f"{river.code}P1", name=f"{river.name}污水处理厂排污口", kind="town", permit="湛环许（示意）1 号", km=round(km * 0.35, 2), place=Point(place.coords, srid=4490))
    _loads(river, outfall.pk, km)


def _readings(section: Any, ammonia: float, *, short: bool, flow: float) -> None:
    """Two days of an automatic station, every four hours; one station of the city ends in water that misses its target."""
    last = timezone.localtime().replace(minute=0, second=0, microsecond=0)
    last -= timedelta(hours=last.hour % 4)
    for back in range(READINGS, -1, -1):
        found = 1.6 if short and back < 3 else min(ammonia, 0.9) * (0.9 + 0.02 * (back % 5))
        _keep(
            "station-reading", section=section.pk, at=(last - timedelta(hours=4 * back)).strftime("%Y-%m-%dT%H:%M"), ph=round(7.1 + 0.05 * (back % 4), 2), oxygen=round(6.1 + 0.1 * (back % 6), 2),
            permanganate=round(3.4 + 0.1 * (back % 5), 2), ammonia=round(found, 3), phosphorus=0.12, flow=flow, source="示意数据",
        )  # fmt: skip


def _loads(river: River, outfall: int, km: float) -> None:
    """Hydrology and sources of each reach for ammonia, in proportion to its water: some reaches have more than they can take."""
    year = timezone.localdate().year
    for number, reach in enumerate(river.reaches.order_by("code")):
        flow = round(km / 25 + 0.5, 3)
        _keep("load-basis", reach=reach.pk, year=year, item="ammonia", flow=flow, inflow=round(flow * 0.05, 3), background=0.45, decay=0.12, speed=0.25, source=NOTE[:100])
        sources: tuple[tuple[str, float, float, int | None], ...] = (("城镇污水处理厂尾水", 2.4, round(flow * 0.11, 5), outfall), ("农田退水", 1.1, round(flow * 0.05 * (1 + number), 5), None), ("沿岸生活污水", 9.5, round(flow * 0.02 * (1 + number), 5), None))
        for name, concentration, amount, at in sources:
            _keep("load-source", reach=reach.pk, year=year, item="ammonia", name=name, outfall=at if reach.from_km <= km * 0.35 <= reach.to_km else None, concentration=concentration, flow=amount, source=NOTE[:100])


def _repair(river: River, division: str, organ: int, year: int) -> None:
    """A finished bank with two surveys, and a wetland under way."""
    done = timezone.localdate() - timedelta(days=300)
    half = round(float(river.length_km) / 2, 2)
    bank = _keep(
        "river-repair", river=river.pk, name=f"{river.name}生态岸线修复", kind="bank", division=division, from_km=0, to_km=half, owner=organ, budget_fen=120_000_000,
        due=done, done_on=done, measure="cover", baseline=35, goal=60,
    )  # fmt: skip
    for days, value in ((90, 58), (250, 66)):
        _keep("repair-check", repair=bank.pk, day=done + timedelta(days=days), value=value, method="示意数据：遥感解译和样方调查")
    _keep(
        "river-repair", river=river.pk, name=f"{river.name}河口湿地修复", kind="wetland", division=division, from_km=half, to_km=river.length_km, owner=organ, budget_fen=260_000_000,
        due=date(year + 1, 6, 30), done_on=None, measure="benthos", baseline=9, goal=15,
    )  # fmt: skip


def _plan(river: River, division: str) -> None:
    year = timezone.localdate().year
    plan = _keep("river-plan", river=river.pk, year=year, target="3", goals="断面稳定达到Ⅲ类；清理四乱问题；岸线垃圾日产日清。", budget_fen=350_000_000, state="adopted", review="")
    organ = parties.organ_for("water_affairs", division.ljust(12, "0"))
    _keep("river-measure", plan=plan.pk, name="清淤疏浚和岸坡整治", owner=organ.pk, budget_fen=200_000_000, due=date(year, 10, 31), done_on=None)
    _keep("river-measure", plan=plan.pk, name="入河排污口排查整治", owner=organ.pk, budget_fen=150_000_000, due=date(year, 12, 31), done_on=None)
    _repair(river, division.ljust(12, "0"), organ.pk, year)


def _standards() -> None:
    for number, title, field, clauses in CLAUSES:
        doc = _keep("river-standard", number=number, version="2026", title=title, field=field)
        for clause, text, rule in clauses:
            _keep("river-clause", doc=doc.pk, number=clause, text=text, rule=rule)
        river_chief.advance(SYSTEM, doc.pk)
        if all(run.passed for run in river_chief.run(SYSTEM, doc.pk)):
            river_chief.advance(SYSTEM, doc.pk)


def _history(rng: random.Random) -> None:
    """Half a year of rounds, nearly all walked well; those of the demo people are left for them to walk this period."""
    today = timezone.localdate()
    mine = ("区级河长", "镇级河长")
    for plan in PatrolPlan.objects.select_related("post"):
        held = Membership.objects.filter(post=plan.post).first()
        if held is None:
            continue
        PatrolPlan.objects.filter(pk=plan.pk).update(since=today - timedelta(days=190))
        day = today - timedelta(days=180)
        while day < today:
            first, last = patrols.window(plan.period, day)
            current = last >= today
            walked = rng.random() < 0.92 and not (current and plan.post.title in mine and plan.division_id.startswith("440802"))
            if walked:
                _round(plan, held.party_id, first + timedelta(days=rng.randrange(max(1, (min(last, today) - first).days))), rng)
            patrols.count(plan, first)
            day = last + timedelta(days=1)


@transaction.atomic
def load_orders() -> int:
    """What the district's chief has asked for: one order done and closed, one under way. Returns how many there are."""
    if ChiefOrder.objects.exists():
        return ChiefOrder.objects.count()
    chief = _actor("区级河长", "county_government@440802")
    town = Post.objects.get(organisation__key="town_government@440802001", title="镇级河长")
    office = Organisation.objects.get(key="water_affairs@440802")
    due = timezone.localdate() + timedelta(days=15)
    done = river_chief.issue(chief, river_chief.Draft(kind="order", title="开展汛前河道清障", text="对辖区河段逐段排查，清除阻水障碍物，建立台账。", due=due, receiver=town.pk))
    river_chief.answer(_actor(town.title, town.organisation.key), done.pk, "已排查全部河段，清除阻水障碍物 3 处，台账已建立。")
    river_chief.settle(chief, done.pk, passed=True, words="情况属实，同意核销。")
    handlers = Post.objects.filter(organisation=office, roles__contains=["river-handler"])
    if handlers.exists():
        river_chief.issue(chief, river_chief.Draft(kind="press", title="南桥河沿岸生活污水直排", text="查明来源，落实截污措施，每周报送进展。", due=due, organ=office.pk, river=River.objects.get(code="ZJ4408CK01").pk))
    return ChiefOrder.objects.count()


def _actor(title: str, organ: str) -> Actor:
    held = Membership.objects.select_related("party").get(post__title=title, post__organisation__key=organ)
    return parties.actor_for(0, held.party_id, held.party.name)


def _round(plan: PatrolPlan, walker: int, day: date, rng: random.Random) -> None:
    began = timezone.make_aware(datetime(day.year, day.month, day.day, 9, rng.randrange(60)))
    line = plan.course[0]
    metres = patrols.length(_shapely(line)) * 0.97
    minutes = metres / 1000 / (4.5 if metres < 8_000 else 16) * 60  # on foot; long reaches by boat
    good = rng.random() > 0.08
    Round.objects.create(
        plan=plan, division_id=plan.division_id, walker_id=walker, started_at=began, finished_at=began + timedelta(minutes=minutes), received_at=began + timedelta(minutes=minutes + 5),
        track=line, seconds=[], metres=round(metres, 1), minutes=round(minutes, 2), coverage=0.97 if good else 0.55, valid=good,
        reasons=[] if good else ["只走到河段的 55%，应当不少于 80%（线路两侧 100 米以内）"], note="示意数据", key=uuid5(SPACE, f"{plan.pk}:{day}"),
    )  # fmt: skip


def _shapely(line: LineString) -> shapely.Geometry:
    return shapely.from_wkb(bytes(line.wkb))
