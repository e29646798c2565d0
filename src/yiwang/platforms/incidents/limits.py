"""The limits of an incident as the dated policy table holds them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.utils import timezone

from yiwang.engines.registers import api as registers

POLICIES = Path(__file__).parent / "data" / "policies.yaml"


def seed() -> int:
    """First values, until the office in charge enters its own; harmless when they are there."""
    return registers.seed_policies(POLICIES)


def value(name: str, division: str) -> int:
    """Today's value of incidents.<name>. Raises PolicyMissing."""
    return int(registers.policy(f"incidents.{name}", division=division, on=timezone.localdate()))


def of(name: str) -> Callable[[Any], int]:
    """The same as the amount of a clock: a function of the case."""
    return lambda case: value(name, case.division_id)


def source(name: str) -> Callable[[Any], str]:
    """What it rests on, as a clock shows it."""
    return lambda case: registers.policy_row(f"incidents.{name}", division=case.division_id, on=timezone.localdate()).source
