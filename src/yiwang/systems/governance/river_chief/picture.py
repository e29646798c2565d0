"""The profile of a stretch as a drawing: the same lanes across a desk's screen, or down a phone's as the water runs. Layout only; the template writes the SVG.

Places are (t, v): t from 0 upstream to 1 downstream, v pixels across. Across a desk t runs to the right and v down, so the left bank lies above the water;
down a phone the whole is turned a quarter clockwise, so the left bank lies to the right of the water, as for somebody who looks downstream.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise

from yiwang.systems.governance.river_chief.models import GRADES, Reach
from yiwang.systems.governance.river_chief.models_bank import Bank, WaterZone
from yiwang.systems.governance.river_chief.profile import Profile

COLOURS = {"1": "#1f5fbf", "2": "#1f5fbf", "3": "#1b7a3d", "4": "#b58900", "5": "#c2570c", "6": "#b3261e"}  # of the classes, as maps of surface water draw them
BANKS = {"protect": "#d5ecd9", "reserve": "#e8f0d8", "control": "#fbeecb", "use": "#f6d9cf"}
ZONES = {"protect": "#d5ecd9", "buffer": "#e4e9f0", "use": "#fbeecb", "reserve": "#e8f0d8"}
FEW = 12  # outfalls whose loads are written beside their bars
INK, FAINT, WATER, BAD = "#24324a", "#5b6778", "#1f5fbf", "#b3261e"


@dataclass(frozen=True)
class Sizes:
    """Of one way of drawing, in pixels."""

    down: bool
    length: int  #: of the river
    head: int  #: before the river's beginning: the names of the lanes
    tail: int
    tick: int
    grade: int  #: one class
    load: int
    lane: int
    gutter: int
    water: int
    gap: int
    font: int


ACROSS = Sizes(down=False, length=900, head=84, tail=20, tick=22, grade=17, load=42, lane=24, gutter=15, water=12, gap=8, font=13)
HALF = replace(ACROSS, length=478)  # beside a map
DOWN = Sizes(down=True, length=760, head=74, tail=16, tick=34, grade=11, load=30, lane=19, gutter=12, water=10, gap=5, font=12)


@dataclass(frozen=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    fill: str
    stroke: str
    title: str
    text: str = ""
    text_x: float = 0.0
    text_y: float = 0.0


@dataclass(frozen=True)
class Line:
    x1: float
    y1: float
    x2: float
    y2: float
    stroke: str
    width: float = 1.0
    dash: str = ""


@dataclass(frozen=True)
class Spot:
    """A dot, or with `path` a mark of its own shape."""

    x: float
    y: float
    fill: str
    title: str
    path: str = ""


@dataclass(frozen=True)
class Label:
    x: float
    y: float
    text: str
    anchor: str = "start"
    fill: str = FAINT
    upright: bool = False  #: written downwards


@dataclass
class Picture:
    """Everything drawn, the lowest first."""

    sizes: Sizes
    words: str
    width: float = 0.0
    height: float = 0.0
    shades: list[Box] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    spots: list[Spot] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)


def both(profile: Profile, across: Sizes = ACROSS) -> list[tuple[str, Picture]]:
    """Each with the class that shows it on its screen."""
    return [("d-none d-md-block", draw(profile, across)), ("d-md-none", draw(profile, DOWN))]


def draw(profile: Profile, sizes: Sizes) -> Picture:
    return _Drawing(profile, sizes).picture


class _Drawing:
    """Goes from lane to lane; `v` is how far it has come."""

    def __init__(self, profile: Profile, sizes: Sizes) -> None:
        self.profile, self.s, self.v = profile, sizes, 0.0
        self.across = self._whole()
        self.picture = Picture(sizes, f"{profile.river.name} {profile.start:f}–{profile.end:f} 公里的水质类别、入河量、水功能区、岸线和河长；同样的内容在下面的文字和表里")
        size = (sizes.head + sizes.length + sizes.tail, self.across)
        self.picture.width, self.picture.height = (size[1], size[0]) if sizes.down else size
        self._ticks()
        self._grades()
        self._loads()
        self._zones()
        self._banks()
        self._reaches()

    def _whole(self) -> float:
        s, p = self.s, self.profile
        levels = len({z.level for z in p.zones}) + len({r.level for r, _ in p.reaches})
        return s.tick + 6 * s.grade + s.load + levels * (s.lane + 2) + 2 * s.lane + 2 * s.gutter + s.water + 5 * s.gap + 6

    # places -------------------------------------------------------------------------------------------------------------------------------------

    def _t(self, km: Decimal) -> float:
        share = float((km - self.profile.start) / (self.profile.end - self.profile.start))
        return self.s.head + self.s.length * min(max(share, 0.0), 1.0)

    def _at(self, t: float, v: float) -> tuple[float, float]:
        return (self.across - v, t) if self.s.down else (t, v)

    def _box(self, start: Decimal, end: Decimal, v: float, size: float, *, fill: str, stroke: str, title: str, text: str = "", whole: bool = False) -> Box:
        t1, t2 = self._t(start), self._t(end)
        x, y = self._at(t1, v + size) if self.s.down else (t1, v)
        width, height = (size, t2 - t1) if self.s.down else (t2 - t1, size)
        room = int((t2 - t1 - 8) / (self.s.font * 1.02))
        short = text if len(text) <= room else "" if whole else f"{text[: room - 1]}…" if room > 3 else text[:room] if room > 1 else ""
        text_x, text_y = (x + size / 2, y + 5) if self.s.down else (x + 5, y + size / 2 + self.s.font * 0.36)
        return Box(x, y, max(width, 1.0), max(height, 1.0), fill, stroke, title, short, text_x, text_y)

    def _name(self, text: str, v: float, size: float) -> None:
        """Of a lane, before the river begins."""
        x, y = self._at(self.s.head - 8, v + size / 2)
        self.picture.labels.append(Label(x, y if self.s.down else y + self.s.font * 0.36, text, "end", FAINT, self.s.down))

    def _line(self, one: tuple[float, float], other: tuple[float, float], stroke: str, width: float = 1.0, dash: str = "") -> None:
        self.picture.lines.append(Line(*self._at(*one), *self._at(*other), stroke, width, dash))

    # lanes --------------------------------------------------------------------------------------------------------------------------------------

    def _ticks(self) -> None:
        p, s = self.profile, self.s
        for km in round_ticks(p.start, p.end, s.length // 110):
            x, y = self._at(self._t(km), s.tick - 8)
            self.picture.labels.append(Label(x - 6 if s.down else x, y + (s.font * 0.36 if s.down else 0), f"{km.normalize():f}", "start" if s.down else "middle"))
            self._line((self._t(km), s.tick - 4), (self._t(km), self.across), "#e3e9f1")
        x, y = self._at(s.head - 8, s.tick - 8)
        self.picture.labels.append(Label(x, y, "公里", "end", FAINT, s.down))
        self.v = s.tick

    def _grades(self) -> None:
        """A dot for each section in the colour of its class, the target dashed, a break shaded from here to the banks."""
        p, s, top = self.profile, self.s, self.v
        for number, (_, name) in enumerate(GRADES):
            middle = top + (number + 0.5) * s.grade
            self._line((s.head, middle), (s.head + s.length, middle), "#eef2f7")
            if not s.down or number % 2 == 0:
                self._name(name, top + number * s.grade, s.grade)
        for start, end, grade in self._targets():
            v = top + (int(grade) - 0.5) * s.grade
            self._line((self._t(start), v), (self._t(end), v), FAINT, 1.5, "5 4")
        for found in p.breaks:
            title = f"{found.upper.section.name}到{found.lower.section.name}{found.words}：{found.items}"
            bank_end = self.across - len({r.level for r, _ in p.reaches}) * (s.lane + 2) - s.gap
            self.picture.shades.append(self._box(max(found.upper.section.km, p.start), min(found.lower.section.km, p.end), top, bank_end - top, fill="#fbe3e1", stroke="none", title=title))
        places = [(self._t(seen.section.km), top + (int(seen.row.grade) - 0.5) * s.grade) for seen in p.seen]
        for one, other in pairwise(places):
            self._line(one, other, BAD if other[1] > one[1] else FAINT, 3 if other[1] > one[1] else 1.5)
        for seen, place in zip(p.seen, places, strict=True):
            x, y = self._at(*place)
            self.picture.spots.append(Spot(x, y, COLOURS[seen.row.grade], f"{seen.section.km:f} 公里 {seen.section.name}：{seen.row.get_grade_display()}，目标{seen.section.get_target_display()}"))
        self.v = top + 6 * s.grade + s.gap

    def _targets(self) -> list[tuple[Decimal, Decimal, str]]:
        """By the zones of the second level, else the first; where none is, by the lowest reaches."""
        zones = [z for z in self.profile.zones if z.target]
        if zones:
            return [(z.from_km, z.to_km, z.target) for z in zones]
        rows = [r for r, _ in self.profile.reaches]
        lowest = max((Reach.Level.values.index(r.level) for r in rows), default=0)
        return [(r.from_km, r.to_km, r.target) for r in rows if Reach.Level.values.index(r.level) == lowest]

    def _loads(self) -> None:
        """A bar for each outfall, as high as what it brings; one that nobody measured is a stump."""
        s, base = self.s, self.v + self.s.load
        largest = max((source.load or 0.0 for source in self.profile.sources), default=0.0)
        self._name("入河氨氮", self.v, s.load)
        self._line((s.head, base), (s.head + s.length, base), "#c9d3e0")
        for source in self.profile.sources:
            size = max(4.0, (s.load - 4) * (source.load or 0.0) / largest) if largest else 4.0
            x, y = self._at(self._t(source.outfall.km) - 4, base - (0 if s.down else size))
            width, height = (size, 8) if s.down else (8, size)
            if source.load is not None and len(self.profile.sources) <= FEW:
                beside = self._at(self._t(source.outfall.km) + (s.font + 6 if s.down else 8), base - s.load / 2)
                self.picture.labels.append(Label(beside[0], beside[1], f"{source.load:.1f} 吨", "middle" if s.down else "start", INK))
            known = f"氨氮 {source.load:.1f} 吨/年" if source.load is not None else "没有登记入河负荷"
            self.picture.boxes.append(Box(x, y, width, height, "#4a5568" if source.load is not None else "#9aa5b5", "none", f"{source.outfall.km:f} 公里 {source.outfall.name}：{known}"))
        self.v = base + s.gap

    def _zones(self) -> None:
        s = self.s
        for level in sorted({z.level for z in self.profile.zones}):
            self._name("一级功能区" if level == 1 else "二级功能区", self.v, s.lane)
            for zone in (z for z in self.profile.zones if z.level == level):
                self.picture.boxes.append(self._zone(zone))
            self.v += s.lane + 2
        self.v += s.gap

    def _zone(self, zone: WaterZone) -> Box:
        target = f"，目标{zone.get_target_display()}" if zone.target else ""
        title = f"{zone.stretch} {zone.name}（{zone.purpose}{target}）"
        return self._box(zone.from_km, zone.to_km, self.v, self.s.lane, fill=ZONES[zone.first], stroke="#9aa5b5", title=title, text=f"{zone.purpose}{zone.get_target_display()}")

    def _banks(self) -> None:
        """The left bank, the water with what is wrong on each side of it, the right bank."""
        s, p, top = self.s, self.profile, self.v
        lanes = {"left": top, "right": top + s.lane + 2 * s.gutter + s.water}
        water = top + s.lane + s.gutter
        self.picture.boxes.append(self._box(p.start, p.end, water, s.water, fill="#bcd4f2", stroke=WATER, title=f"{p.river.name}，从上游到下游"))
        for held in p.holdings:
            self.picture.boxes.append(self._bank(held.bank, lanes[held.bank.side], held.words, held.holder, expired=held.expired))
        for fault in p.faults:
            gap = fault.kind == "gap"  # an overlap is a bar at the edge: the names of both stay to be read
            self.picture.boxes.append(
                self._box(fault.start, fault.end, lanes[fault.side], s.lane if gap else 5, fill="#ffffff" if gap else BAD, stroke=BAD, title=fault.words, text="未登记" if gap else "", whole=True)
            )  # fmt: skip
        middles = {"left": water - s.gutter / 2, "right": water + s.water + s.gutter / 2, "": water + s.water / 2}
        for problem in p.problems:
            x, y = self._at(self._t(problem.km), middles[problem.side])
            self.picture.spots.append(Spot(x, y, BAD, f"{problem}{problem.get_side_display()}：{problem.incident.get_stage_display()}", f"M{x:.1f} {y - 7:.1f} l7 12 h-14 z"))
        for candidate in p.candidates:
            x, y = self._at(self._t(candidate.km), middles[candidate.side])
            self.picture.spots.append(Spot(x, y, "#b58900", str(candidate), f"M{x:.1f} {y - 7:.1f} l7 7 l-7 7 l-7 -7 z"))
        self._name("左岸", lanes["left"], s.lane)
        self._name("河", water, s.water)
        self._name("右岸", lanes["right"], s.lane)
        self.v = lanes["right"] + s.lane + s.gap

    def _bank(self, bank: Bank, v: float, words: str, holder: str, *, expired: bool) -> Box:
        title = f"{bank.get_side_display()} {bank.stretch} {bank.get_kind_display()}：{words}{'，权利已到期' if expired else ''}"
        return self._box(bank.from_km, bank.to_km, v, self.s.lane, fill=BANKS[bank.kind], stroke=BAD if expired else "#9aa5b5", title=title, text=f"{'已到期 ' if expired else ''}{holder}")

    def _reaches(self) -> None:
        s = self.s
        for level in sorted({r.level for r, _ in self.profile.reaches}, key=Reach.Level.values.index):
            rows = [(r, c) for r, c in self.profile.reaches if r.level == level]
            self._name(f"{rows[0][0].get_level_display()}河长", self.v, s.lane)
            for reach, chief in rows:
                name = chief.name if chief else "没有河长"
                self.picture.boxes.append(self._box(max(reach.from_km, self.profile.start), min(reach.to_km, self.profile.end), self.v, s.lane, fill="#e6eefb", stroke=WATER, title=f"{reach.name}：{name}", text=name))
            self.v += s.lane + 2


def round_ticks(start: Decimal, end: Decimal, most: int) -> list[Decimal]:
    """Round kilometres, at most so many and the ends among them where they fit."""
    span = end - start
    step = next(s for s in (Decimal(x) for x in ("0.1", "0.2", "0.5", "1", "2", "5", "10", "20", "50", "100", "200", "500", "1000", "5000")) if span / s <= most)
    first = (start / step).to_integral_value(rounding="ROUND_CEILING") * step
    return [first + step * n for n in range(int((end - first) / step) + 1)] if first <= end else []
