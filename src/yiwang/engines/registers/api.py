"""Registers: calendar, policies, what is known, corrections."""

from yiwang.engines.registers.corrections import correct
from yiwang.engines.registers.days import open_year, seed_calendar, set_day, working_calendar
from yiwang.engines.registers.elements import DECLARED, READERS, Known, known, seed_elements
from yiwang.engines.registers.policies import policy, policy_row, seed_policies

__all__ = [
    "DECLARED", "READERS", "Known", "correct", "known", "open_year", "policy", "policy_row", "seed_calendar", "seed_elements", "seed_policies", "set_day",
    "working_calendar",
]
