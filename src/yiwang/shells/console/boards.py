"""Other looks at a register: a board by state, a calendar and a timeline by day, a map. Each is bounded: a screen never asks for a whole table."""

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import isfinite
from typing import Any

from django.contrib.gis.geos import Polygon
from django.db.models import Count, DateTimeField, F, QuerySet, Window
from django.db.models.functions import RowNumber, TruncDate
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from yiwang.base.errors import Invalid, NotFound
from yiwang.engines.registers import api as registers
from yiwang.kit import cells
from yiwang.kit.declare import Register
from yiwang.kit.guards import actor_of
from yiwang.shells.console.lists import Ways, day_of, declared, ways

CARDS = 20  # cards of a column; the rest is a link to the list
MOMENTS = 50  # rows of one page of the timeline
MARKS = 4  # rows named on a day of the calendar
FEATURES = 2_000  # shapes on one map; beyond, the map asks to come nearer
SRID = 4490


@dataclass(frozen=True)
class Lane:
    """A column of the board."""

    name: str
    count: registers.Count
    cards: list[tuple[str, str, list[str]]]  #: link, title, further cells
    more: str  #: address of the list with all of them


@dataclass(frozen=True)
class BoardPage:
    register: Register
    ways: Ways
    lanes: list[Lane]


@dataclass(frozen=True)
class Day:
    """A square of the calendar."""

    date: date
    inside: bool  #: of the month shown
    today: bool
    marks: list[tuple[str, str]]  #: link, title
    count: int
    link: str


@dataclass(frozen=True)
class CalendarPage:
    register: Register
    ways: Ways
    month: date
    weeks: list[list[Day]]
    before: str
    after: str

    @property
    def empty(self) -> bool:
        return not any(day.marks for week in self.weeks for day in week if day.inside)


@dataclass(frozen=True)
class Moment:
    """A row on the timeline."""

    at: date | datetime
    timed: bool
    link: str
    title: str
    cells: list[str]


@dataclass(frozen=True)
class Month:
    first: date
    moments: list[Moment]


@dataclass(frozen=True)
class TimelinePage:
    register: Register
    ways: Ways
    months: list[Month]
    next: str
    first: str  #: address of the beginning; "" on it


@dataclass(frozen=True)
class MapPage:
    register: Register
    ways: Ways
    features: str  #: address of the GeoJSON


def board(request: HttpRequest, register: str) -> HttpResponse:
    """One lane for each choice of the grouping field."""
    found = declared(register)
    if not found.groups:
        raise NotFound("这个登记簿没有看板。")
    actor = actor_of(request)
    here, lanes, beside = reverse("register:list", args=[found.code]), [], _beside(found)
    for code, name in cells.field_at(found.model, found.groups).flatchoices:
        query = registers.Query(ready={found.groups: code}, size=CARDS)
        listed = registers.page(actor, found, query)
        cards = [(f"{here}{row.pk}", str(row), beside(row)) for row in listed.rows]
        lanes.append(Lane(str(name), registers.count(actor, found, query, listed), cards, f"{here}?{found.groups}={code}"))
    return render(request, "console/register_board.html", {"page": BoardPage(found, ways(found), lanes)})


def month(request: HttpRequest, register: str) -> HttpResponse:
    """A month of rows by their day."""
    found = declared(register)
    if not found.day:
        raise NotFound("这个登记簿没有日历。")
    asked = request.GET.get("month", "")
    first = day_of(f"{asked}-01" if asked else "", field="month") or timezone.localdate().replace(day=1)
    weeks = calendar.Calendar().monthdatescalendar(first.year, first.month)
    days = _by_day(registers.rows(actor_of(request), found), found, weeks[0][0], weeks[-1][-1])
    here = reverse("register:calendar", args=[found.code])
    page = CalendarPage(
        register=found,
        ways=ways(found),
        month=first,
        weeks=[[_day(found, day, first, *days.get(day, (0, []))) for day in week] for week in weeks],
        before=f"{here}?month={first - timedelta(days=1):%Y-%m}",
        after=f"{here}?month={first + timedelta(days=31):%Y-%m}",
    )
    return render(request, "console/register_calendar.html", {"page": page})


def timeline(request: HttpRequest, register: str) -> HttpResponse:
    """The rows by their day, the latest first, under their months; by key, so that it goes on as far as the table does."""
    found = declared(register)
    if not found.day:
        raise NotFound("这个登记簿没有时间线。")
    listed = registers.by_day(actor_of(request), found, after=request.GET.get("after", ""), size=MOMENTS)
    here, base, beside = reverse("register:timeline", args=[found.code]), reverse("register:list", args=[found.code]), _beside(found, apart=found.day)
    months: list[Month] = []
    for row in listed.rows:
        at = getattr(row, found.day)
        day = timezone.localtime(at).date() if isinstance(at, datetime) else at
        if not months or months[-1].first != day.replace(day=1):
            months.append(Month(day.replace(day=1), []))
        months[-1].moments.append(Moment(at, isinstance(at, datetime), f"{base}{row.pk}", str(row), beside(row)))
    page = TimelinePage(found, ways(found), months, f"{here}?after={listed.after}" if listed.after else "", here if request.GET.get("after") else "")
    return render(request, "console/register_timeline.html", {"page": page})


def place(request: HttpRequest, register: str) -> HttpResponse:
    """The map, with the same rows as a list beside it for those who do not look at maps."""
    found = declared(register)
    if not found.place:
        raise NotFound("这个登记簿没有地图。")
    return render(request, "console/register_map.html", {"page": MapPage(found, ways(found), reverse("register:features", args=[found.code]))})


def features(request: HttpRequest, register: str) -> JsonResponse:
    """The rows with a place inside `bbox` (west,south,east,north in CGCS2000) as a FeatureCollection (RFC 7946); `numberReturned` and whether that is all."""
    found = declared(register)
    if not found.place or cells.is_personal(found.model, found.place):  # a map cannot mask where somebody lives
        raise NotFound("这个登记簿没有地图。")
    actor = actor_of(request)
    rows = registers.matching(actor, found, registers.parse(found, request.GET.dict(), actor)).exclude(**{found.place: None})
    if box := request.GET.get("bbox"):
        rows = rows.filter(**{f"{found.place}__bboverlaps": _box(box)})
    taken = list(registers.shown(found, rows, shapes=True).order_by(found.order)[: FEATURES + 1])
    feature = _feature_of(found)
    shapes = [feature(row) for row in taken[:FEATURES]]
    body = {"type": "FeatureCollection", "features": shapes, "numberReturned": len(shapes), "complete": len(taken) <= FEATURES}
    return JsonResponse(body, content_type="application/geo+json", json_dumps_params={"ensure_ascii": False})


def _feature_of(register: Register) -> Callable[[Any], dict[str, Any]]:
    here = reverse("register:list", args=[register.code])
    writers = [(cells.heading(register, c), cells.writer(register, c)) for c in register.shown[:5]]

    def feature(row: Any) -> dict[str, Any]:
        facts = {heading: write(row) for heading, write in writers}
        properties = {"name": str(row), "link": f"{here}{row.pk}", "facts": facts}
        return {"type": "Feature", "id": str(row.pk), "geometry": _geometry(getattr(row, register.place)), "properties": properties}

    return feature


def _geometry(shape: Any) -> Any:
    import json

    return json.loads(shape.simplify(0.0002, preserve_topology=True).geojson if shape.num_coords > 500 else shape.geojson)


def _box(text: str) -> Polygon:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
        if not all(map(isfinite, (west, south, east, north))):
            raise ValueError(text)
        box = Polygon.from_bbox((west, south, east, north))
    except (ValueError, TypeError):
        raise Invalid("地图范围不正确。", fields={"bbox": "应为 西,南,东,北"}) from None
    box.srid = SRID
    return box


def _by_day(seen: "QuerySet[Any]", register: Register, first: date, last: date) -> dict[date, tuple[int, list[Any]]]:
    """How many rows each day has, and the first few of them: two statements, however full the month is."""
    timed = isinstance(cells.field_at(register.model, register.day), DateTimeField)
    ends = [timezone.make_aware(datetime.combine(day, time.min)) if timed else day for day in (first, last + timedelta(days=1))]
    day = TruncDate(register.day) if timed else F(register.day)
    within = seen.filter(**{f"{register.day}__gte": ends[0], f"{register.day}__lt": ends[1]}).annotate(on_day=day).order_by()
    counts = dict(within.values_list("on_day").annotate(Count("pk")))
    few = registers.shown(register, within).annotate(place_in_day=Window(RowNumber(), partition_by=[day], order_by=[register.day, "pk"])).filter(place_in_day__lte=MARKS)
    marks: dict[date, list[Any]] = {}
    for row in few.order_by(register.day, "pk"):
        marks.setdefault(row.on_day, []).append(row)
    return {on: (number, marks.get(on, [])) for on, number in counts.items()}


def _day(register: Register, day: date, first: date, count: int, rows: list[Any]) -> Day:
    here = reverse("register:list", args=[register.code])
    marks = [(f"{here}{row.pk}", str(row)) for row in rows]
    return Day(day, day.month == first.month, day == timezone.localdate(), marks, count, f"{here}?{register.day}__from={day}&{register.day}__to={day}")


def _beside(register: Register, *, apart: str = "") -> Callable[[Any], list[str]]:
    """What writes what stands beside a row's title; `apart` is a column that is shown elsewhere."""
    writers = [cells.writer(register, c) for c in register.shown if c.code not in (register.groups, apart)]
    return lambda row: [text for write in writers if (text := write(row)) not in {str(row), cells.NOTHING}][:3]
