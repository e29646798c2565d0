"""Which combinations of inputs the rules of a decision table catch: overlaps, gaps, rules that never fire. Pure: no XML, no database.

Each input is cut into regions between which no rule of the table tells a difference (the values and thresholds that it names, what lies between them, everything
else, and nothing at all). A rule is then a box: for every input the set of regions it takes, as the bits of an int. Overlaps are boxes that meet; gaps
are found by walking the inputs in turn with the rules still possible, as in Calvanese, Dumas, Laurson, Maggi, Montali and Teinemaa, Semantics and
Analysis of DMN Decision Tables (2016). Whether a region passes a cell is asked of the cell itself, so what is told here is what the engine does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, floor
from typing import Any

from yiwang.engines.procedures.bpmn import expressions

BUDGET = 1_000_000  # regions looked at before a table is too tangled to be proven
Box = tuple[int, ...]


class TooMany(Exception):
    """The table has too many combinations to be walked."""


@dataclass
class Budget:
    """How much may still be walked, over several questions."""

    left: int = BUDGET

    def spend(self, much: int) -> None:
        self.left -= much
        if self.left < 0:
            raise TooMany


@dataclass(frozen=True)
class Domain:
    """What an input can be."""

    label: str
    kind: str = "text"  #: text, number, count (whole, from 0) or yes
    values: Mapping[Any, str] = field(default_factory=dict)  #: all it can be → what people call it; empty: anything of its kind
    empty: bool = False  #: there may be none
    where: str = ""  #: where it comes from, in people's words


@dataclass(frozen=True)
class Region:
    """Values that no rule tells apart: one value, or for numbers everything between two."""

    sample: Any
    low: float | None = None  #: the ends of a span; None: open
    high: float | None = None
    span: bool = False
    other: bool = False  #: any text that is not named

    @property
    def point(self) -> bool:
        return not self.span and not self.other


def regions(domain: Domain, tests: Iterable[str]) -> list[Region]:
    """The domain cut at everything that the cells of its column name; numbers in order."""
    named = [value for test in tests for value in expressions.constants(test) if value is not None]
    found = _numbers(domain.kind, named) if domain.kind in {"number", "count"} else _others(domain, named)
    return [*found, *([Region(None)] if domain.empty else [])]


def _others(domain: Domain, named: list[Any]) -> list[Region]:
    if domain.kind == "yes":
        return [Region(True), Region(False)]
    if domain.values:
        return [Region(value) for value in domain.values]
    texts = sorted({value for value in named if isinstance(value, str)})
    other = "其他"
    while other in texts:
        other += "值"
    return [*(Region(value) for value in texts), Region(other, other=True)]


def _numbers(kind: str, named: list[Any]) -> list[Region]:
    cuts = sorted({value for value in named if isinstance(value, int | float) and not isinstance(value, bool)})
    if kind == "count":
        return _counts(sorted({n for cut in cuts for n in (floor(cut), ceil(cut)) if n >= 0}))
    if not cuts:
        return [Region(0, span=True)]
    between = [Region(_between(a, b), a, b, span=True) for a, b in pairwise(cuts)]
    inner = [part for i, cut in enumerate(cuts) for part in (Region(cut, cut, cut), *between[i : i + 1])]
    return [Region(cuts[0] - 1, None, cuts[0], span=True), *inner, Region(cuts[-1] + 1, cuts[-1], None, span=True)]


def _between(low: float, high: float) -> float:
    middle = (low + high) / 2
    return int(middle) if low < int(middle) < high else middle


def _counts(cuts: list[int]) -> list[Region]:
    """Whole numbers from 0: the ends of a span belong to it."""
    found, begin = [], 0
    for cut in cuts:
        if begin < cut:
            found.append(Region(begin, begin, cut - 1, span=True))
        found.append(Region(cut, cut, cut))
        begin = cut + 1
    return [*found, Region(begin, begin, None, span=True)]


def box(tests: Sequence[str], cut: Sequence[Sequence[Region]]) -> Box:
    """For every input the regions that pass its cell."""
    return tuple(sum(1 << i for i, region in enumerate(parts) if expressions.holds(test, region.sample)) for test, parts in zip(tests, cut, strict=True))


def whole(cut: Sequence[Sequence[Region]]) -> Box:
    """Everything there can be."""
    return tuple((1 << len(parts)) - 1 for parts in cut)


def meet(one: Box, other: Box) -> Box | None:
    """What two boxes have in common; None for nothing."""
    both = tuple(a & b for a, b in zip(one, other, strict=True))
    return both if all(both) else None


def overlaps(boxes: Sequence[Box]) -> Iterator[tuple[int, int, Box]]:
    """Pairs of rules, counted from 0, that hold at the same time, and where."""
    for j, later in enumerate(boxes):
        for i, earlier in enumerate(boxes[:j]):
            both = meet(earlier, later)
            if both:
                yield i, j, both


def uncovered(boxes: Sequence[Box], within: Box, budget: Budget | None = None) -> Iterator[Box]:
    """Parts of `within` that no box takes, each once. Raises TooMany."""
    budget = budget or Budget()
    budget.spend(len(boxes))
    parts = [both for both in (meet(one, within) for one in boxes) if both]
    if within in parts:
        return iter(())
    return _Walk(parts, within, budget).gaps(0, (1 << len(parts)) - 1)


class _Walk:
    """Input after input, with the rules that are still possible as the bits of an int."""

    def __init__(self, boxes: Sequence[Box], within: Box, budget: Budget) -> None:
        self.within, self.budget = within, budget
        self.full: set[tuple[int, int]] = set()  #: (input, rules) from which nothing is missed
        size = len(within)
        budget.spend(len(boxes) * sum(mask.bit_count() for mask in within))
        self.takes = [[(bit, sum(1 << r for r, one in enumerate(boxes) if one[k] & bit)) for bit in _bits(within[k])] for k in range(size)]
        self.rest = [sum(1 << r for r, one in enumerate(boxes) if one[k:] == within[k:]) for k in range(size + 1)]  #: rules that take all that is left from this input on

    def gaps(self, at: int, rules: int) -> Iterator[Box]:
        self.budget.spend(1)
        if not rules:
            yield self.within[at:]
            return
        if rules & self.rest[at] or (at, rules) in self.full:
            return
        ways: dict[int, int] = {}
        self.budget.spend(len(self.takes[at]))
        for bit, taken in self.takes[at]:
            ways[rules & taken] = ways.get(rules & taken, 0) | bit
        found = False
        for left, bits in ways.items():
            for tail in self.gaps(at + 1, left):
                found = True
                yield (bits, *tail)
        if not found:
            self.full.add((at, rules))


def _bits(mask: int) -> Iterator[int]:
    while mask:
        yield mask & -mask
        mask &= mask - 1


# --- in words ---------------------------------------------------------------------------------------------------------------------------------------


def said(domain: Domain, cut: Sequence[Region], mask: int) -> str:
    """A set of regions as people say it: 渠道为“窗口”, 件数不小于 3; "" for everything."""
    if mask == (1 << len(cut)) - 1:
        return ""
    chosen = [region for i, region in enumerate(cut) if mask >> i & 1]
    parts = [_nothing() for region in chosen if region.sample is None]
    if domain.kind in {"number", "count"}:
        runs = _runs([i for i, region in enumerate(cut) if mask >> i & 1 and region.sample is not None])
        parts = [_span(domain.kind, cut[a], cut[b]) for a, b in runs] + parts
    else:
        parts = [_one(domain, region) for region in chosen if region.sample is not None] + parts
    return f"{domain.label}{'或'.join(parts)}"


def example(domains: Sequence[Domain], cut: Sequence[Sequence[Region]], found: Box) -> str:
    """One combination in full: 渠道“内部”，件数 4."""
    first = [parts[(mask & -mask).bit_length() - 1] for parts, mask in zip(cut, found, strict=True)]
    return "，".join(f"{domain.label} {told(domain, region.sample)}" for domain, region in zip(domains, first, strict=True))


def told(domain: Domain, value: Any) -> str:
    """A value as people say it."""
    if value is None:
        return "（空）"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int | float):
        return f"{value:g}"
    return f"“{domain.values.get(value, value)}”"


def _nothing() -> str:
    return "为空"


def _one(domain: Domain, region: Region) -> str:
    return "为其他任何值" if region.other else f"为{told(domain, region.sample)}"


def _runs(places: list[int]) -> list[tuple[int, int]]:
    """Neighbours taken together: first and last."""
    found: list[tuple[int, int]] = []
    for place in places:
        if found and found[-1][1] == place - 1:
            found[-1] = (found[-1][0], place)
        else:
            found.append((place, place))
    return found


def _span(kind: str, first: Region, last: Region) -> str:
    low, high = first.low, last.high
    with_low, with_high = (kind == "count" or first.point), (kind == "count" or last.point)
    if kind == "count" and not low:
        low = None
    if low is not None and low == high:
        return f"为 {low:g}"
    if low is None and high is None:
        return "为任何数"
    if low is None:
        return f"{'不超过' if with_high else '小于'} {high:g}"
    if high is None:
        return f"{'不小于' if with_low else '大于'} {low:g}"
    return f"{'不小于' if with_low else '大于'} {low:g} 且{'不超过' if with_high else '小于'} {high:g}"
