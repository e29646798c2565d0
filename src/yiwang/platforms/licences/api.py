"""E-licences: load their types, issue, change, find, use, authorise, verify."""

from yiwang.platforms.licences.issuing import OFFICER, cancel, change_state, issue, replace, restore, revoke, suspend
from yiwang.platforms.licences.kinds import load_types
from yiwang.platforms.licences.showing import Shown, authorise, find, of_holder, offered, show, use, withdraw_authorisation
from yiwang.platforms.licences.verifying import Verdict, verify, verify_file

__all__ = [
    "OFFICER", "Shown", "Verdict", "authorise", "cancel", "change_state", "find", "issue", "load_types", "of_holder", "offered", "replace", "restore",
    "revoke", "show", "suspend", "use", "verify", "verify_file", "withdraw_authorisation",
]
