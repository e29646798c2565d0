"""Incidents: tell, answer, rate, reopen; the flow for a system's own roles; who answers for what."""

from yiwang.platforms.incidents.flows import Hint, IncidentClosed, procedure
from yiwang.platforms.incidents.limits import seed
from yiwang.platforms.incidents.reporting import Told, answer, caller, may_reopen, rate, reopen, route, seen_by_receipt, tell, urge
from yiwang.platforms.incidents.rules import Candidate, decide, likeness, overlap

__all__ = ["Candidate", "Hint", "IncidentClosed", "Told", "answer", "caller", "decide", "likeness", "may_reopen", "overlap", "procedure", "rate", "reopen", "route", "seed", "seen_by_receipt", "tell", "urge"]
