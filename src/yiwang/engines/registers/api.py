"""Registers: calendar, policies, what is known, corrections."""

from yiwang.engines.registers.asking import OfMine, about, answer, ask, asked_by, row_of, waiting
from yiwang.engines.registers.corrections import correct
from yiwang.engines.registers.days import confirm_year, open_year, seed_calendar, set_day, working_calendar
from yiwang.engines.registers.elements import DECLARED, READERS, Known, known, seed_elements
from yiwang.engines.registers.exports import ask_export, decide_export, exports_of, take_export, whole
from yiwang.engines.registers.feed import Feed, changes_since
from yiwang.engines.registers.history import Change, as_known, changes, read, replaced, versions
from yiwang.engines.registers.hooks import GIVE_UP, approve_hook, ask_hook, end_hook, end_hooks_of
from yiwang.engines.registers.imports import confirm, drop, receive, wrong_lines
from yiwang.engines.registers.listing import Count, Listed, Query, by_day, count, matching, names, page, parse, shown
from yiwang.engines.registers.machines import change_once, keep_once
from yiwang.engines.registers.policies import add_policy, policy, policy_row, seed_policies, verify_policy
from yiwang.engines.registers.rows import (
    GUARDED,
    change,
    change_many,
    erase,
    find,
    freeze,
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
    "DECLARED", "GIVE_UP", "GUARDED", "READERS", "Change", "Count", "Feed", "Known", "Listed", "OfMine", "Query", "about", "add_policy", "answer",
    "approve_hook", "as_known", "ask", "ask_export", "ask_hook", "asked_by", "by_day", "change", "change_many", "change_once", "changes", "changes_since",
    "confirm", "confirm_year", "correct", "count", "decide_export", "drop", "end_hook", "end_hooks_of", "erase", "exports_of", "find", "forget_view", "freeze",
    "keep", "keep_once", "known", "matching", "may_edit", "may_read", "names", "open_year", "page", "parse", "policy", "policy_row", "read",
    "receive", "replaced", "reveal", "row_of", "rows", "save_view", "seed_calendar", "seed_elements", "seed_policies", "set_day", "shown", "snapshot", "subject_of",
    "take_export", "validated", "verify_policy", "versions", "views_of", "waiting", "whole", "working_calendar", "wrong_lines",
]
