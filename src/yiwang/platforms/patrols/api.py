"""Patrols: plans, rounds received from phones, periods counted and reminded."""

from pathlib import Path

from yiwang.engines.registers import api as registers
from yiwang.platforms.patrols.forms import PlanForm
from yiwang.platforms.patrols.planning import checklist, count, duty, next_duties, open_duties, remind
from yiwang.platforms.patrols.receiving import RoundReceived, limits_for, plan_for, receive
from yiwang.platforms.patrols.rules import PERIODS, Fix, Limits, Verdict, distance, judge, length, window

POLICIES = Path(__file__).parent / "data" / "policies.yaml"

__all__ = [
    "PERIODS", "Fix", "Limits", "PlanForm", "RoundReceived", "Verdict", "checklist", "count", "distance", "duty", "judge", "length", "limits_for", "next_duties", "open_duties", "plan_for",
    "receive", "remind", "seed", "window",
]


def seed() -> int:
    """The thresholds that hold until the office enters its own; harmless when they are there."""
    return registers.seed_policies(POLICIES)
