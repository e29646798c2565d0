"""Figures as people read them: of a division and period, over time, division by division, and down to the rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from django.db.models import Q, QuerySet
from django.db.models.functions import Left

from yiwang.base.errors import NotAllowed
from yiwang.engines.indicators.computing import LEVELS, chosen, declared, node
from yiwang.engines.indicators.models import Series
from yiwang.engines.indicators.periods import Period
from yiwang.engines.parties.models import Division
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Indicator
from yiwang.kit.registry import registry

Part = Literal["all", "counted", "rest"]


@dataclass(frozen=True)
class Place:
    """A division of figures: a prefix and its name; "440802000" is the county's own level."""

    division: str
    name: str


@dataclass(frozen=True)
class Figure:
    """One indicator of one division in one period."""

    indicator: Indicator
    division: str
    period: Period
    total: Decimal
    base: int | None  #: mean and share: what `total` is divided by
    computed_at: datetime

    @property
    def value(self) -> Decimal | None:
        """In the indicator's unit; None where there is nothing to divide by."""
        if self.indicator.kind in {"mean", "share"}:
            if not self.base:
                return None
            return self.total * 100 / self.base if self.indicator.kind == "share" else self.total / (self.base * self.indicator.scale)
        return self.total / self.indicator.scale

    @property
    def words(self) -> str:
        """1,204; 98.6; 无."""
        value = self.value
        if value is None:
            return "无"
        return f"{value:,.0f}" if value == value.to_integral_value() else f"{value:,.2f}" if self.indicator.scale == 100 else f"{value:,.1f}"


def figures(actor: Actor, division: str, periods: Sequence[Period]) -> dict[str, list[Figure]]:
    """Every indicator in these periods of one span, oldest first, in one query. Nought where there was nothing; left out where nothing was computed yet.

    Raises NotAllowed for a division that none of the actor's posts covers.
    """
    _check(actor, division)
    own = node()
    rows = Series.objects.filter(division__in={division, own}, span=periods[0].span, start__gte=periods[0].first, start__lte=periods[-1].first)
    known = {(row.indicator, row.division, row.start): row for row in rows}  # the node's own row says that the period was computed; no more of it is shown
    return {
        code: [_figure(indicator, division, p, known[code, own, p.first], known.get((code, division, p.first))) for p in periods if (code, own, p.first) in known]
        for code, indicator in registry().indicators.items()
    }


def series(actor: Actor, indicator: str, division: str, periods: Sequence[Period]) -> list[Figure]:
    """One indicator over time. Raises KeyError, NotAllowed."""
    declared(indicator)
    return figures(actor, division, periods)[indicator]


def latest(actor: Actor, indicator: str, division: str, period: Period) -> Figure | None:
    """One figure; None before its period was computed."""
    return next(iter(series(actor, indicator, division, [period])), None)


def children(actor: Actor, indicator: str, division: str, period: Period) -> list[tuple[Place, Figure]]:
    """The figure of every division one level below, by code, the division's own level first where it has rows. They sum up to the division's."""
    whole = latest(actor, indicator, division, period)
    length = next((n for n in LEVELS if n > len(division)), None)
    if whole is None or length is None:
        return []
    rows = restrict(actor, Series.objects.filter(indicator=indicator, division__startswith=division, span=period.span, start=period.first))
    found = {row.division: row for row in rows if len(row.division) == length}
    names = dict(Division.objects.filter(parent=division.ljust(12, "0"), valid_to=None).values_list("code", "name"))
    places = {code[:length] for code in names} | set(found)
    nothing = replace(whole, total=Decimal(0), base=0 if whole.base is not None else None)
    return [
        (Place(p, names.get(p.ljust(12, "0")) or place_name(p)), replace(nothing, division=p, **_parts(found.get(p)))) for p in sorted(places)
    ]


def roll_up(parts: Iterable[Figure]) -> Figure:
    """The sum of figures of one indicator: shares and means by what they are divided by, never the mean of means. Raises ValueError for none."""
    every = list(parts)
    if not every:
        raise ValueError("nothing to roll up")
    base = sum(f.base or 0 for f in every) if every[0].base is not None else None
    return replace(every[0], total=sum((f.total for f in every), Decimal(0)), base=base)


def rows(actor: Actor, indicator: str, division: str, period: Period, *, part: Part = "all") -> "QuerySet[Any]":
    """The rows behind a figure that this actor may see, newest first; of a share also only those that count, or only the rest.

    Raises KeyError, NotAllowed. A figure may count rows that the actor may not open: money received is seen by its accountants.
    """
    _check(actor, division)
    figure = declared(indicator)
    found = chosen(figure, period).alias(figure_place=Left(figure.division, len(division))).filter(figure_place=division)
    if figure.part is not None and part != "all":
        own = figure.of._default_manager.filter(figure.part).values("pk")
        found = found.filter(pk__in=own) if part == "counted" else found.exclude(pk__in=own)
    return restrict(actor, found).order_by(f"-{figure.at}", "-pk")


def before(queryset: "QuerySet[Any]", figure: Indicator, at: Any, pk: int) -> "QuerySet[Any]":
    """What follows a row in the order of `rows`: the next page by key."""
    return queryset.filter(Q(**{f"{figure.at}__lt": at}) | Q(**{figure.at: at, "pk__lt": pk}))


def places(actor: Actor) -> list[Place]:
    """The divisions that the actor's posts cover, the widest first, with those one level below each."""
    own = [seat.division for seat in actor.seats if len(seat.division) <= LEVELS[-1]]
    widest = sorted({d for d in own if not any(d != o and d.startswith(o) for o in own)})
    made = []
    for division in widest:
        made.append(Place(division, place_name(division)))
        length = next((n for n in LEVELS if n > len(division)), None)
        below = Division.objects.filter(parent=division.ljust(12, "0"), valid_to=None).order_by("code") if length else ()
        made += [Place(d.prefix, d.name) for d in below]
    return made


def place_name(division: str) -> str:
    """湛江市; 赤坎区本级 for a division's own level."""
    found = Division.objects.filter(code=division.ljust(12, "0")).first()
    if found is None:
        return division
    return found.name if found.prefix == division else f"{found.name}本级"


def _check(actor: Actor, division: str) -> None:
    if not actor.system and not any(division.startswith(seat.division) for seat in actor.seats):
        raise NotAllowed("您的岗位不包括这个地区的数据。")


def _figure(indicator: Indicator, division: str, period: Period, sign: Series, row: Series | None) -> Figure:
    nothing = Figure(indicator, division, period, Decimal(0), 0 if sign.base is not None else None, sign.computed_at)
    return replace(nothing, **_parts(row))


def _parts(row: Series | None) -> dict[str, Any]:
    return {"total": row.total, "base": row.base} if row else {}
