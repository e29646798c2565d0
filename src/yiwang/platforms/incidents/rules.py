"""Whether two reports tell of one matter: how near, how soon, how alike in words. Pure.

s = 0.4 e^(-d/50 m) + 0.3 words + 0.2 same kind + 0.1 e^(-t/24 h) for reports of one family within 100 m and 72 h. From 0.92 a report joins by
itself, from 0.75 it is proposed. Words are Dice's overlap of character pairs, so that it needs no model and can be checked by hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Literal

from yiwang.base import words

NEAR, SOON = 100.0, 72.0  # metres, hours: beyond them nothing is the same
JOIN, PROPOSE = 0.92, 0.75


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An open incident near a fresh report."""

    incident: int
    metres: float
    hours: float
    text: str
    same_kind: bool


def likeness(text: str, candidate: Candidate) -> float:
    """0 to 1; 0 beyond the reach in place or time."""
    if candidate.metres > NEAR or candidate.hours > SOON:
        return 0.0
    return (
        0.4 * exp(-candidate.metres / 50) + 0.3 * overlap(text, candidate.text) + 0.2 * candidate.same_kind + 0.1 * exp(-candidate.hours / 24)
    )


def overlap(one: str, other: str) -> float:
    """Dice's coefficient of the sets of terms: 2 |A∩B| / (|A| + |B|)."""
    a, b = set(words.terms(one)), set(words.terms(other))
    return 2 * len(a & b) / (len(a) + len(b)) if a and b else 0.0


def decide(text: str, candidates: Sequence[Candidate]) -> tuple[Literal["join", "propose", "new"], int | None]:
    """What becomes of a report, and which incident it belongs or may belong to."""
    best = max(candidates, key=lambda c: likeness(text, c), default=None)
    score = likeness(text, best) if best else 0.0
    if best is None or score < PROPOSE:
        return "new", None
    return ("join" if score >= JOIN else "propose"), best.incident
