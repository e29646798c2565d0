"""运行图: every figure of a division and period in one look; one figure over time and place; and the rows behind it."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from yiwang.base.errors import NotFound
from yiwang.engines.indicators import api as indicators
from yiwang.engines.procedures import api as procedures
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Indicator
from yiwang.kit.guards import actor_of
from yiwang.kit.registry import registry
from yiwang.shells.console import pictures

SPANS = (("day", "日"), ("month", "月"), ("year", "年"))
BEFORE = {"day": "前一天", "month": "上月", "year": "上年"}
SIZE = 30


@dataclass(frozen=True)
class Choice:
    """What was chosen above the board: a division, a span and the period that a day lies in."""

    place: indicators.Place
    places: list[indicators.Place]
    period: indicators.Period

    def link(self, *, division: str = "", period: indicators.Period | None = None, **more: str) -> str:
        """The query of the same choice with something else in it."""
        chosen = period or self.period
        return "?" + urlencode({"division": division or self.place.division, "span": chosen.span, "on": chosen.first.isoformat(), **more})

    @property
    def earlier(self) -> str:
        return self.link(period=self.period.previous)

    @property
    def later(self) -> str:
        return "" if self.period.is_open else self.link(period=self.period.next)


@dataclass(frozen=True)
class Card:
    reading: indicators.Reading
    compared: str
    spark: str
    system: str  #: name of the system that declares it


@dataclass(frozen=True)
class BoardPage:
    choice: Choice
    spans: tuple[tuple[str, str], ...]
    cards: list[Card]
    warnings: list[tuple[str, str]]  #: code of the figure, plain sentence
    computed_at: datetime | None


@dataclass(frozen=True)
class FigurePage:
    choice: Choice
    spans: tuple[tuple[str, str], ...]
    card: Card
    chart: dict[str, Any]
    trend: list[indicators.Figure]
    bars: list[pictures.Bar]
    map: pictures.Map | None
    forecast: indicators.Forecast | None


@dataclass(frozen=True)
class Line:
    """One row behind a figure."""

    at: Any
    case: Any  #: the case it belongs to, if the actor may open it
    words: str
    measure: str
    place: str


@dataclass(frozen=True)
class RowsPage:
    choice: Choice
    figure: indicators.Figure
    lines: list[Line]
    part: str
    visible: int
    after: str


def board(request: HttpRequest) -> HttpResponse:
    """One look: cards with lamp, trend, target and the period before."""
    actor, choice = actor_of(request), _choice(request)
    readings = indicators.board(actor, choice.place.division, choice.period)
    page = BoardPage(
        choice=choice,
        spans=SPANS,
        cards=[_card(reading) for reading in readings],
        warnings=[(reading.figure.indicator.code, words) for reading in readings for words in reading.warnings],
        computed_at=max((reading.figure.computed_at for reading in readings), default=None),
    )
    return render(request, "console/figures.html", {"page": page})


def figure(request: HttpRequest, indicator: str) -> HttpResponse:
    """One figure: over time, by division as bars and as a map, with what is likely next."""
    actor, choice, kind = actor_of(request), _choice(request), _declared(indicator)
    reading = next((r for r in indicators.board(actor, choice.place.division, choice.period) if r.figure.indicator.code == indicator), None)
    if reading is None:
        raise NotFound("这个周期的数据还没有计算。", hint="当天的数据每五分钟计算一次，可以换一个周期查看。")
    below = indicators.children(actor, indicator, choice.place.division, choice.period)
    bars = pictures.bars([(place.name, choice.link(division=place.division), one) for place, one in below])
    page = FigurePage(
        choice=choice,
        spans=SPANS,
        card=_card(reading),
        chart=_chart(kind, reading),
        trend=reading.trend[::-1],
        bars=bars,
        map=pictures.county_map(kind.name, [(place.division, bar) for (place, _), bar in zip(below, bars, strict=True)]),
        forecast=indicators.forecast(reading.trend),
    )
    return render(request, "console/figure.html", {"page": page})


def rows(request: HttpRequest, indicator: str) -> HttpResponse:
    """The rows behind a figure that this actor may see, newest first, page by key."""
    actor, choice, kind = actor_of(request), _choice(request), _declared(indicator)
    whole = indicators.latest(actor, indicator, choice.place.division, choice.period)
    if whole is None:
        raise NotFound("这个周期的数据还没有计算。", hint="当天的数据每五分钟计算一次，可以换一个周期查看。")
    part: Any = request.GET.get("part", "all") if request.GET.get("part") in {"counted", "rest"} else "all"
    found = indicators.rows(actor, indicator, choice.place.division, choice.period, part=part)
    lines, after = _lines(actor, kind, found, request.GET.get("after", ""))
    page = RowsPage(choice, whole, lines, part, found.count(), choice.link(part=part, after=after) if after else "")
    return render(request, "console/figure_rows.html", {"page": page})


def _choice(request: HttpRequest) -> Choice:
    """From plain GET parameters; what is missing or wrong falls back to this month and the widest division of one's posts."""
    places = indicators.places(actor_of(request))
    if not places:
        raise NotFound("您的岗位没有对应的地区，不能查看运行图。", hint="请联系本单位的系统管理员核对任职。")
    wanted = request.GET.get("division", "") or places[0].division
    place = next((p for p in places if p.division == wanted), None) or indicators.Place(wanted, indicators.place_name(wanted))
    span: Any = request.GET.get("span") if request.GET.get("span") in indicators.SPANS else "month"
    return Choice(place, places if place in places else [*places, place], indicators.Period.of(span, min(_day(request.GET.get("on", "")), timezone.localdate())))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return timezone.localdate()


def _declared(code: str) -> Indicator:
    try:
        return indicators.declared(code)
    except KeyError:
        raise NotFound("没有这个指标。") from None


def _card(reading: indicators.Reading) -> Card:
    return Card(reading, _compared(reading), pictures.spark([f.value for f in reading.trend[-30:]]), _systems().get(reading.figure.indicator.code, ""))


@cache
def _systems() -> dict[str, str]:
    return {indicator.code: system.name for system in registry().systems.values() for indicator in system.indicators}


def _compared(reading: indicators.Reading) -> str:
    """上月全月 120 件; 比上月多 3 件; 比上月高 2.1 个百分点."""
    now, then = reading.figure, reading.previous
    if then is None or then.value is None or now.value is None:
        return ""
    name, unit, kind = BEFORE[now.period.span], now.indicator.unit, now.indicator.kind
    if now.period.is_open:
        return f"{name}{'末' if kind == 'stock' else ''} {then.words} {unit}"
    change = now.value - then.value
    if not change:
        return f"与{name}持平"
    words = "多 少" if kind in {"count", "sum", "stock"} else "高 低"
    size = f"{abs(change):,.1f}".removesuffix(".0")
    return f"比{name}{words.split()[change < 0]} {size} {'个百分点' if unit == '%' else unit}"


def _chart(kind: Indicator, reading: indicators.Reading) -> dict[str, Any]:
    target = float(reading.target.value) if reading.target else None
    values = [None if f.value is None else round(float(f.value), 2) for f in reading.trend]
    return {
        "name": kind.name, "unit": kind.unit, "kind": "bar" if kind.kind in {"count", "sum"} else "line", "target": target,
        "labels": [f.period.short for f in reading.trend], "values": values, "words": f"{kind.name}的变化，逐期数据见下面的表格。",
    }  # fmt: skip


def _lines(actor: Actor, kind: Indicator, found: Any, after: str) -> tuple[list[Line], str]:
    values: dict[str, Any] = {"figure_at": F(kind.at), "figure_division": F(kind.division)} | ({"figure_case": F(kind.case)} if kind.case else {})
    values |= {"figure_measure": F(kind.measure) if isinstance(kind.measure, str) else kind.measure} if kind.measure else {}
    at, _, pk = after.partition("|")
    if pk.isdecimal():
        found = indicators.before(found, kind, at, int(pk))
    listed = list(found.annotate(**values)[: SIZE + 1])
    shown, more = listed[:SIZE], len(listed) > SIZE
    cases = {c.pk: c for c in procedures.cases_of(actor).filter(pk__in=[getattr(row, "figure_case", None) for row in shown]).select_related("organ")}
    return [_line(kind, row, cases) for row in shown], f"{shown[-1].figure_at.isoformat()}|{shown[-1].pk}" if more else ""


def _line(kind: Indicator, row: Any, cases: dict[int, Any]) -> Line:
    case = cases.get(getattr(row, "figure_case", None) or 0)
    measure = f"{row.figure_measure / kind.scale:,.1f}".removesuffix(".0") + f" {kind.unit}" if kind.measure and row.figure_measure is not None else ""
    return Line(row.figure_at, case, str(row), measure, indicators.place_name(str(row.figure_division)[:9]))
