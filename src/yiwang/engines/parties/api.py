"""People, enterprises and offices: who acts, for whom, where; which office answers for a place."""

from yiwang.engines.parties.acting import Principal, actor_for, agent_of, delegate, principals_of, withdraw_delegation
from yiwang.engines.parties.offices import (
    candidate,
    divisions_above,
    hold_post,
    holders_of,
    leave_post,
    make_post,
    managing_organisation,
    office_names,
    offices_with,
    organ_for,
    organ_named,
    window_for,
)
from yiwang.engines.parties.people import change_phone, facts_of, find_or_register_entity, find_or_register_person, find_party

__all__ = [
    "Principal", "actor_for", "agent_of", "candidate", "change_phone", "delegate", "divisions_above", "facts_of", "find_or_register_entity", "find_or_register_person", "find_party", "hold_post", "holders_of",
    "leave_post", "make_post", "managing_organisation", "office_names", "offices_with", "organ_for", "organ_named", "principals_of", "window_for", "withdraw_delegation",
]
