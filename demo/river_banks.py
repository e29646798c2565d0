"""Banks, water functional zones and searches for outfalls of the demo's rivers. All of it is invented (示意)."""

import io
import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from django.contrib.gis.geos import Point
from django.utils import timezone
from PIL import Image

from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Division, Membership, Party
from yiwang.engines.registers import api as registers
from yiwang.kit.actors import NOBODY, SYSTEM, Actor
from yiwang.kit.registry import registry
from yiwang.systems.governance.river_chief import api as river_chief
from yiwang.systems.governance.river_chief.models import River

OWN, OTHER = "ZJ4408CK01", "ZJ4408SX01"  # the river of the demo district, and one that was searched to the end
NOTE = "示意数据"
SPACE = UUID("6b6e8f0e-5b0a-4d0e-9a51-0d7f5d3f4409")
FIRM, PERSON = "湛江南渡管网工程有限公司（演示）", "林海棠"
ZONES = (  # code, name, first, second, from and to as shares, target
    ("1", "源头水保护区", "protect", "", 0, 0.15, "2"), ("2", "保留区", "reserve", "", 0.15, 0.4, "3"), ("3", "开发利用区", "use", "", 0.4, 1, ""),
    ("31", "饮用水源区", "use", "drink", 0.4, 0.65, "3"), ("32", "景观娱乐用水区", "use", "scenery", 0.65, 0.85, "3"), ("33", "排污控制区", "use", "discharge", 0.85, 0.9, ""),
    ("34", "过渡区", "use", "pass", 0.9, 1, "3"),
)  # fmt: skip


def load() -> None:
    """Once, after the rivers with their reaches, sections and loads."""
    rng = random.Random(20260501)
    for river in River.objects.order_by("code"):
        _zones(river)
        (_own_banks if river.code == OWN else _banks)(river)
    river_chief.assess_zones(timezone.localdate(), months=12)
    _searches(rng)
    _told()
    _problems(River.objects.get(code=OWN))


def _keep(register: str, **data: object) -> Any:
    return registers.keep(SYSTEM, registry().registers[register], data, reason=NOTE)


def _zones(river: River) -> None:
    year, km = timezone.localdate().year, river.length_km
    for code, name, first, second, start, end, target in ZONES:
        zone = _keep(
            "water-zone", river=river.pk, code=f"{river.code}G{code}", name=f"{river.name}{name}", first=first, second=second, from_km=_km(km, start), to_km=_km(km, end), target=target,
            section="", division=river.division_id, basis=f"湛江市水功能区划（{NOTE}）", authority="广东省人民政府",
        )  # fmt: skip
        capacity = river_chief.capacity_of(zone, year, "ammonia") if second in ("drink", "scenery") else None
        if capacity is not None:
            _keep("zone-opinion", zone=zone.pk, year=year, item="ammonia", tonnes=str(round(max(capacity, Decimal(0)) * Decimal("0.9"), 1)), basis=NOTE)


def _banks(river: River) -> None:
    """Half of each bank is the water department's, the rest the villages'."""
    organ = parties.organ_for("water_affairs", river.division_id)
    villages = list(Division.objects.filter(code__startswith=river.division_id[:6], level=Division.Level.TOWN).order_by("code")[:2])
    kinds = ("protect", "reserve", "control", "use")
    for side in ("left", "right"):
        for number, kind in enumerate(kinds):
            village = villages[number % 2] if villages and (number + (side == "right")) % 2 else None
            _bank(river, side, number / 4, (number + 1) / 4, kind, village=village.pk if village else "", organ="" if village else organ.pk, right="own")


def _own_banks(river: River) -> None:
    """Short enough to look at every stretch: a permit that ran out, a private holder, a gap and an overlap."""
    organ = parties.organ_for("water_affairs", "440802000000")
    village = Division.objects.filter(parent="440802001000").order_by("code").first()
    today = timezone.localdate()
    firm, person = (Party.objects.filter(name=name).order_by("-pk").first() for name in (FIRM, PERSON))
    rows = (
        ("left", 0, 1.2, "protect", {"organ": organ.pk, "right": "own", "permit": "赤水岸权（示意）1 号"}),
        ("left", 1.2, 2.0, "control", {"village": village.pk if village else "", "organ": "" if village else organ.pk, "right": "own"}),
        ("left", 2.0, 2.6, "use", {"holder": firm.pk, "right": "permit", "permit": "湛涉河许（示意）7 号", "until": today - timedelta(days=40)} if firm else {"organ": organ.pk, "right": "own"}),
        ("left", 2.75, 3.2, "control", {"holder": person.pk, "right": "lease", "permit": "承包合同（示意）3 号", "until": today.replace(year=today.year + 3, day=1)} if person else {"organ": organ.pk, "right": "own"}),
        ("right", 0, 1.0, "protect", {"organ": organ.pk, "right": "own"}),
        ("right", 1.0, 2.1, "reserve", {"organ": organ.pk, "right": "own"}),
        ("right", 2.0, 3.2, "control", {"village": village.pk if village else "", "organ": "" if village else organ.pk, "right": "own"}),
    )  # fmt: skip
    for side, start, end, kind, held in rows:
        _bank(river, side, start / 3.2, end / 3.2, kind, **held)


def _bank(river: River, side: str, start: float, end: float, kind: str, **held: Any) -> None:
    given = {"organ": "", "village": "", "holder": "", "permit": "", "until": "", **held}
    _keep("bank", river=river.pk, side=side, from_km=_km(river.length_km, start), to_km=_km(river.length_km, end), kind=kind, division=river.division_id, width_m=30, **given)


def _searches(rng: random.Random) -> None:
    """One is under way on the district's river, where the balance does not close; one was closed."""
    office, today = _office(), timezone.localdate()
    own, other = River.objects.get(code=OWN), River.objects.get(code=OTHER)
    going = river_chief.begin(office, _plan(own, "1.9", "3.0", "conduct", "中游至下游氨氮来源不明", today))
    river_chief.take_trace(office, going.pk, _trace(rng, 1.9, 3.0, lambda km: 412 + 55 * (km > 2.28) + 38 * (km > 2.66)), "南桥河电导率.csv")
    done = river_chief.begin(office, _plan(other, "40", "46", "thermal", "群众反映夜间偷排", today - timedelta(days=30)))
    river_chief.take_trace(office, done.pk, _trace(rng, 40, 46, lambda km: 24.5 + 3.2 * (42.10 < km < 42.14) + 2.4 * (44.30 < km < 44.34), noise=0.12, head="温度"), "遂溪河热红外.csv")
    found, nothing = list(done.candidates.order_by("km"))[:2]
    river_chief.confirm(office, found.pk, name="遂溪河左岸暗管", kind="industry", side="left", words="草丛下有一根管，正在排水，水温明显偏高", photo=_photo())
    river_chief.dismiss(office, nothing.pk, "浅滩晒热，没有排口")
    river_chief.close(office, done.pk, "查实暗管一处，已立案；另一处为浅滩。")


def _plan(river: River, start: str, end: str, method: str, reason: str, day: Any) -> river_chief.Plan:
    return river_chief.Plan(river=river.pk, from_km=Decimal(start), to_km=Decimal(end), method=method, reason=f"{reason}（{NOTE}）", leader="徐听雨", day=day, due=day + timedelta(days=15))


def _trace(rng: random.Random, start: float, end: float, water: Callable[[float], float], *, noise: float = 4.0, head: str = "电导率") -> io.BytesIO:
    """Three hundred points with the noise of an instrument."""
    points = [start + (end - start) * n / 299 for n in range(300)]
    return io.BytesIO("\n".join([f"里程,{head}", *(f"{km:.3f},{rng.gauss(water(round(km, 3)), noise):.2f}" for km in points)]).encode())


def _photo() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (640, 480), (92, 110, 84)).save(made, "JPEG")
    return made.getvalue()


def _told() -> None:
    """What the district's river office put to the environment department."""
    for zone in River.objects.get(code=OWN).zones.filter(second="drink"):
        river_chief.tell(_office(), zone.pk, "opinion", str(timezone.localdate().year))


def _problems(river: River) -> None:
    """Two that somebody passing by told of, one on each bank."""
    reach = river.reaches.get(level="county")
    course: Any = river.course
    for share, north, kind, text in ((2.35 / 3.2, 0.0002, "occupy", "岸边搭棚堆料，占了河堤"), (1.5 / 3.2, -0.0002, "build", "河堤内侧在砌围墙")):
        spot = course[0].interpolate_normalized(share)
        river_chief.tell_by_citizen(NOBODY, reach, key=uuid5(SPACE, text), kind=kind, text=text, place=Point(spot.x, spot.y + north, srid=4490), photo=None, phone="", anonymous=True)


def _office() -> Actor:
    held = Membership.objects.select_related("party").get(post__title="河长办综合岗", post__organisation__key="water_affairs@440800")
    return parties.actor_for(0, held.party_id, held.party.name)


def _km(whole: Decimal, share: float) -> str:
    return str(round(whole * Decimal(str(round(share, 6))), 2))

