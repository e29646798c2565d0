"""From rows to figures. One grouped query over the rows gives the smallest divisions; everything above is their sum, so nothing can disagree."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, DateField, F, Min, Q, QuerySet, Sum
from django.db.models.functions import Left, Trunc
from django.utils import timezone

from yiwang.base.names import meant
from yiwang.engines.indicators.models import Series
from yiwang.engines.indicators.periods import SPANS, Period, Span, between
from yiwang.kit.declare import Indicator
from yiwang.kit.registry import field_at, registry

LEVELS = (2, 4, 6, 9)  #: digits of a province, city, county, town
REVISED = timedelta(days=35)  #: how far back a night looks for rows that changed afterwards (a rating left out, a clock corrected)
Parts = tuple[Decimal, int]  #: total and base


def declared(code: str) -> Indicator:
    """Raises KeyError with what was probably meant."""
    found = registry().indicators.get(code)
    if found is None:
        raise KeyError(meant(code, registry().indicators, "indicator"))
    return found


def node() -> str:
    """The prefix of this installation's own division: "4408"."""
    city = settings.CITY.ljust(12, "0")
    return next((city[:length] for length in LEVELS if not city[length:].strip("0")), city[:9])


@transaction.atomic
def compute(indicator: str, span: Span, first: date, last: date) -> int:
    """Computes every period of `span` that holds a day from `first` to `last`, anew: a second time changes nothing. Returns how many figures there are.

    Two at once for one indicator: the second waits. Raises KeyError for an indicator that is not declared.
    """
    figure = declared(indicator)
    periods = list(between(span, first, last))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"indicator:{indicator}:{span}"])
    found = _stock(figure, periods) if figure.kind == "stock" else _flow(figure, periods)
    Series.objects.filter(indicator=indicator, span=span, start__gte=periods[0].first, start__lte=periods[-1].first).delete()
    halves = figure.kind in {"mean", "share"}
    made = [
        Series(indicator=indicator, division=place, span=span, start=start, total=total, base=base if halves else None)
        for (start, place), (total, base) in _rolled_up(found, periods).items()
    ]
    Series.objects.bulk_create(made, batch_size=2000)
    return len(made)


def refresh() -> None:
    """The periods under way: today, this month, this year."""
    today = timezone.localdate()
    for code in registry().indicators:
        for span in SPANS:
            compute(code, span, today, today)


def catch_up() -> int:
    """What is over: the last weeks once more, since rows may have been corrected, and everything that was never computed. Returns how many figures."""
    yesterday, made = timezone.localdate() - timedelta(days=1), 0
    for code, figure in registry().indicators.items():
        known = Series.objects.filter(indicator=code, span="day", start__lt=yesterday - REVISED).aggregate(first=Min("start"))["first"]
        begun = _first_day(figure)
        since = min(begun, yesterday - REVISED) if begun and (known is None or begun < known) else yesterday - REVISED
        if begun or known:
            made += sum(compute(code, span, since, yesterday) for span in SPANS)
    return made


def chosen(figure: Indicator, period: Period) -> "QuerySet[Any]":
    """The rows behind a figure in a period, of every division."""
    rows = figure.of._default_manager.filter(figure.where)
    begin, end = _edges(figure, period, figure.at)
    if figure.kind != "stock":
        return rows.filter(**{f"{figure.at}__gte": begin, f"{figure.at}__lt": end})
    now: Any = timezone.now() if isinstance(end, type(timezone.now())) else timezone.localdate() + timedelta(days=1)
    moment = min(end, now)  # a period under way is seen as it is now
    return rows.filter(Q(**{f"{figure.until}": None}) | Q(**{f"{figure.until}__gte": moment}), **{f"{figure.at}__lt": moment})


def _flow(figure: Indicator, periods: list[Period]) -> dict[tuple[date, str], Parts]:
    begin, end = _edges(figure, periods[0], figure.at)[0], _edges(figure, periods[-1], figure.at)[1]
    rows = figure.of._default_manager.filter(figure.where, **{f"{figure.at}__gte": begin, f"{figure.at}__lt": end})
    start = Trunc(figure.at, periods[0].span, output_field=DateField())
    return _grouped(figure, rows.annotate(figure_start=start), "figure_start")


def _stock(figure: Indicator, periods: list[Period]) -> dict[tuple[date, str], Parts]:
    found: dict[tuple[date, str], Parts] = {}
    for period in periods:
        found |= {(period.first, place): parts for (_, place), parts in _grouped(figure, chosen(figure, period), "").items()}
    return found


def _grouped(figure: Indicator, rows: "QuerySet[Any]", start: str) -> dict[tuple[date, str], Parts]:
    """One query: what each smallest division has, for each period if `start` names one."""
    keys = ("figure_place", start) if start else ("figure_place",)
    parts: dict[str, Any] = {"figure_total": Count("pk")}
    if figure.kind == "share":
        parts = {"figure_total": Count("pk", filter=figure.part), "figure_base": Count("pk")}
    elif figure.kind in {"sum", "mean"}:
        measure = F(figure.measure) if isinstance(figure.measure, str) else figure.measure
        parts = {"figure_total": Sum(measure), "figure_base": Count(measure)}
    counted = rows.annotate(figure_place=Left(figure.division, LEVELS[-1])).order_by().values(*keys).annotate(**parts)
    return {
        (row.get(start) or date.min, row["figure_place"]): (Decimal(row["figure_total"] or 0), row.get("figure_base") or 0)
        for row in counted
        if row["figure_place"]
    }


def _rolled_up(found: dict[tuple[date, str], Parts], periods: Iterable[Period]) -> dict[tuple[date, str], Parts]:
    """The same with every division above; the node's own row always, as the sign that the period was computed."""
    own = node()
    sums: dict[tuple[date, str], list[Any]] = defaultdict(lambda: [Decimal(0), 0])
    for period in periods:
        sums[period.first, own][1] += 0
    for (start, place), (total, base) in found.items():
        if place.startswith(own):
            for above in _above(place, own):
                sums[start, above][0] += total
                sums[start, above][1] += base
    return {key: (total, base) for key, (total, base) in sums.items()}


def _above(place: str, own: str) -> Iterator[str]:
    yield from (place[:length] for length in LEVELS if len(own) <= length <= len(place))


def _edges(figure: Indicator, period: Period, path: str) -> tuple[Any, Any]:
    """Where a period begins and ends, as dates or moments like the field at `path`."""
    if field_at(figure.of, path).get_internal_type() == "DateField":
        return period.first, period.next.first
    return period.bounds


def _first_day(figure: Indicator) -> date | None:
    first = figure.of._default_manager.filter(figure.where).aggregate(first=Min(figure.at))["first"]
    return timezone.localtime(first).date() if hasattr(first, "hour") else first
