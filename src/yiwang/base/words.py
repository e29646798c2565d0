"""Words of Chinese text: what full-text search indexes and what it looks for."""

import re

import rjieba

_WORD = re.compile(r"[0-9a-z\u3400-\u9fff]+")


def cut(text: str) -> list[str]:
    """The words of `text` for an index: long words and the shorter ones inside them, lower case, without punctuation, in order."""
    return [word for part in rjieba.cut_for_search(text.lower()) for word in _WORD.findall(part)]
