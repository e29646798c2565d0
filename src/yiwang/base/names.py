"""What was probably meant by a name that nobody knows."""

import difflib
from collections.abc import Iterable


def meant(name: str, known: Iterable[str], what: str) -> str:
    """`unknown role 'aprover': did you mean 'approver'?`"""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"unknown {what} {name!r}" + (f": did you mean {close[0]!r}?" if close else "")
