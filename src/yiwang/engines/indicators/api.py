"""Indicators: compute, read over time and place, open down to rows, warn, forecast. Everything outside this engine comes through here."""

from yiwang.engines.indicators.computing import catch_up, compute, declared, node, refresh
from yiwang.engines.indicators.judging import Forecast, Lamp, Reading, board, forecast, load_targets, targets_for, warn
from yiwang.engines.indicators.periods import SPANS, Period, Span
from yiwang.engines.indicators.reading import (
    Figure,
    Part,
    Place,
    before,
    children,
    figures,
    latest,
    place_name,
    places,
    roll_up,
    rows,
    series,
)

__all__ = [
    "SPANS", "Figure", "Forecast", "Lamp", "Part", "Period", "Place", "Reading", "Span", "before", "board", "catch_up", "children", "compute", "declared", "figures",
    "forecast", "latest", "load_targets", "node", "place_name", "places", "refresh", "roll_up", "rows", "series", "targets_for", "warn",
]
