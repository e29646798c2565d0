"""Incidents: tell, answer, rate, reopen; the flow for a system's own roles; who answers for what."""

from yiwang.platforms.incidents.flows import Hint, procedure
from yiwang.platforms.incidents.reporting import Told, answer, caller, rate, reopen, route, seen_by_receipt, tell, urge
from yiwang.platforms.incidents.rules import Candidate, decide, likeness, overlap

__all__ = ["Candidate", "Hint", "Told", "answer", "caller", "decide", "likeness", "overlap", "procedure", "rate", "reopen", "route", "seen_by_receipt", "tell", "urge"]
