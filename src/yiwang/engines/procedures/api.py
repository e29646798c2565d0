"""Cases: start, perform, urge, extend, hand over, lists. Everything outside this engine comes through here."""

from yiwang.engines.procedures import flows
from yiwang.engines.procedures.cases import Opening, cases_of, find, lock, start
from yiwang.engines.procedures.moves import Offer, is_applicant, move, offers, perform
from yiwang.engines.procedures.requests import (
    ask_extension,
    clocks_of,
    colleagues,
    decide_extension,
    extend,
    extension_waiting,
    hand_over,
    late_cases,
    open_task,
    running_deadlines,
    supervise,
    supervised,
    urge,
)
from yiwang.engines.procedures.worklist import Lamp, Page, Waiting, counts, lamp_of, waiting

__all__ = [
    "Lamp", "Offer", "Opening", "Page", "Waiting", "ask_extension", "cases_of", "clocks_of", "colleagues", "counts", "decide_extension", "extend", "extension_waiting", "find", "flows", "hand_over", "is_applicant", "lamp_of",
    "late_cases", "lock", "move", "offers", "open_task", "perform", "running_deadlines", "start", "supervise", "supervised", "urge", "waiting",
]
