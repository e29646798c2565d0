"""Words of Chinese text, for PostgreSQL full text: what is indexed and what is asked.

A segmenter cuts one text differently from another (南渡河, 南渡|河), so words alone miss. Indexed are overlapping pairs of characters (bigrams, as in Lucene's
CJKBigramFilter) and each last character; asked are the segmenter's words, each by its pairs. Latin words and numbers are found by their beginning.
"""

import re

_RUN = re.compile(r"[0-9a-z]+|[\u3400-\u9fff]+")


def cut(text: str) -> list[str]:
    """The words of `text`: lower case, without punctuation, in order."""
    import rjieba  # its dictionary takes 30 MB and half a second: only where something is asked

    return [word for part in rjieba.cut(text.lower()) for word in _RUN.findall(part)]


def terms(text: str) -> list[str]:
    """What an index holds of `text`."""
    found: list[str] = []
    for run in _RUN.findall(text.lower()):
        found += [run] if run.isascii() else [*_pairs(run), run[-1]]
    return found


def query(text: str) -> str:
    """A tsquery (configuration simple) that holds for texts with every word of `text`; "" for a text without words."""
    asked: list[str] = []
    for word in cut(text):
        asked += [f"{word}:*"] if word.isascii() or len(word) == 1 else _pairs(word)
    return " & ".join(dict.fromkeys(asked))


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run) - 1)]
