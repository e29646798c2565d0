"""Registers: calendar, policies, what is known, corrections."""

from yiwang.engines.registers.corrections import correct
from yiwang.engines.registers.days import open_year, seed_calendar, set_day, working_calendar
from yiwang.engines.registers.elements import DECLARED, READERS, Known, known, seed_elements
from yiwang.engines.registers.history import Change, as_known, changes, read, versions
from yiwang.engines.registers.listing import Count, Listed, Query, count, first, matching, page, parse
from yiwang.engines.registers.policies import policy, policy_row, seed_policies
from yiwang.engines.registers.rows import (
    change,
    change_many,
    erase,
    find,
    freeze,
    index,
    keep,
    may_edit,
    may_read,
    reveal,
    rows,
    snapshot,
    subject_of,
    validated,
)
from yiwang.engines.registers.views import forget_view, save_view, views_of

__all__ = [
    "DECLARED", "READERS", "Change", "Count", "Known", "Listed", "Query", "as_known", "change", "change_many", "changes", "correct", "count", "erase", "find", "first",
    "forget_view", "freeze", "index", "keep", "known", "matching", "may_edit", "may_read", "open_year", "page", "parse", "policy", "policy_row", "read", "reveal", "rows",
    "save_view", "seed_calendar", "seed_elements", "seed_policies", "set_day", "snapshot", "subject_of", "validated", "versions", "views_of", "working_calendar",
]  # fmt: skip
