"""Where a trace along a river jumps: pure rules that find candidates for outfalls nobody registered. The thresholds are policy values.

Conductivity (a step): with the medians m_up and m_down of `window` points above and below a spot, and the noise
sigma = 1.4826 MAD(first differences) / sqrt 2 (a step is one difference among many and does not count),

    z = (m_down - m_up) / (1.2533 sigma sqrt(2 / window))

is nearly standard normal where nothing flows in, for 1.2533 sigma / sqrt n is the standard error of a median of n values. A spot is a candidate
where |z| reaches `sigmas` and the step `share` of the water above; of neighbours within a window the greatest. A median shrugs off single outliers,
which a running mean does not; Pettitt's test finds one change in a whole series, where a river may have several.

Temperature (a spot, by infrared from the air): the value less the median of `window` points on each side, against 1.4826 MAD of these rests.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import median

FLOOR = 0.001  # of the median value: what instruments resolve; a trace without any noise is no proof of anything finer


@dataclass(frozen=True)
class Jump:
    """A candidate: at which point of the trace, by how much, and how many times the noise that is."""

    at: int
    step: float
    score: float


def noise(values: Sequence[float]) -> float:
    """The standard deviation of what is not water, by first differences. Nought for fewer than two values."""
    steps = [after - before for before, after in pairwise(values)]
    return max(spread(steps) / sqrt(2), FLOOR * abs(median(values))) if steps else 0.0


def spread(values: Sequence[float]) -> float:
    """1.4826 MAD: the standard deviation of normal values whatever a few wild ones say."""
    middle = median(values)
    return 1.4826 * median(abs(value - middle) for value in values)


def steps(values: Sequence[float], *, window: int, sigmas: float, share: float) -> list[Jump]:
    """Spots at which the water below differs from the water above, in order along the river; none for fewer than two windows of points."""
    error = 1.2533 * noise(values) * sqrt(2 / window)
    found = []
    for at in range(window, len(values) - window + 1):
        above, below = median(values[at - window : at]), median(values[at : at + window])
        score = (below - above) / error if error else 0.0
        if abs(score) >= sigmas and abs(below - above) >= share * abs(above):
            found.append(Jump(at, below - above, score))
    return _apart(found, window)


def spots(values: Sequence[float], *, window: int, sigmas: float, least: float) -> list[Jump]:
    """Points warmer or colder than the water around them by `least` and by `sigmas` times the noise; none for fewer than two windows of points."""
    if len(values) < 2 * window:
        return []
    rests = [value - median(values[max(0, at - window) : at + window + 1]) for at, value in enumerate(values)]
    error = max(spread(rests), FLOOR * abs(median(values)))
    found = [Jump(at, rest, rest / error if error else 0.0) for at, rest in enumerate(rests) if abs(rest) >= least and abs(rest) >= sigmas * error]
    return _apart(found, window)


def _apart(found: list[Jump], window: int) -> list[Jump]:
    """The greatest of neighbours within a window, in order."""
    kept: list[Jump] = []
    for jump in sorted(found, key=lambda j: (-abs(j.score), j.at)):
        if all(abs(jump.at - other.at) > window for other in kept):
            kept.append(jump)
    return sorted(kept, key=lambda j: j.at)
