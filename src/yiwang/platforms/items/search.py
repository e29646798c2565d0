"""Search in plain words: by the words of the catalogue and its synonyms, and by meaning; the two rankings are fused.

Keywords: PostgreSQL full text over rjieba's words, names weigh more than sayings. Meaning: the nearest phrase of an item to the question, by cosine.
Fusion: reciprocal rank (Cormack et al. 2009), so that neither scale matters.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import rjieba
from django.db import connection, models
from django.db.models import Q

from yiwang.platforms.items import meaning
from yiwang.platforms.items.models import Item, Synonym

STOP = frozenset(
    "的 了 吗 呢 啊 要 想 我 我们 你 怎么 怎么办 如何 什么 哪些 哪里 在 去 和 与 或 及 有 是 可以 需要 应该 请问 一下 一个 手续 办理 办 证件 材料 流程".split()  # noqa: SIM905  # a list of words reads best as words
)
KEEP_ANY = 60  # candidates from each ranking
_lock = threading.Lock()
_kept: "tuple[int, list[int], meaning.Vectors] | None" = None


@dataclass(frozen=True)
class Hit:
    """An item with its score; higher is better, comparable within one answer only."""

    item: Item
    score: float


def search(text: str, *, who: str = "", topic: str = "", function: str = "", limit: int = 20) -> list[Hit]:
    """The best items for a question. `who` is "person" or "entity"; `topic` and `function` narrow. An empty question lists by name."""
    allowed = _allowed(who, topic, function)
    question = text.strip()[:100]
    if not question:
        return [Hit(item, 0.0) for item in allowed.order_by("name")[:limit]]
    scores: dict[int, float] = {}
    for weight, ranking in ((1.0, by_words(question)), (1.0, by_meaning(question))):
        for rank, (pk, strength) in enumerate(ranking):
            scores[pk] = scores.get(pk, 0.0) + weight * (1 / (20 + rank)) + 0.01 * strength
    rows = {item.pk: item for item in allowed.filter(pk__in=scores)}
    ranked = sorted((pk for pk in scores if pk in rows), key=lambda pk: -scores[pk])
    return [Hit(rows[pk], scores[pk]) for pk in ranked[:limit]]


def by_words(question: str) -> list[tuple[int, float]]:
    """Items whose words meet any word of the question or its synonyms, the best first."""
    words = tokens(question) + [word for phrase in synonyms(question) for word in tokens(phrase)]
    if not words:
        return []
    query = " | ".join(f"'{word}'" for word in dict.fromkeys(words))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, ts_rank_cd('{0.1,0.3,0.6,1.0}', words, q, 1) AS rank FROM items_item, to_tsquery('simple', %s) q"
            " WHERE words @@ q ORDER BY rank DESC, id LIMIT %s",
            [query, KEEP_ANY],
        )
        return [(pk, float(rank)) for pk, rank in cursor.fetchall()]


def by_meaning(question: str) -> list[tuple[int, float]]:
    """Items whose nearest phrase means what the question means, the best first."""
    ids, matrix = _matrix()
    if not ids:
        return []
    nearness = matrix @ meaning.encode([question])[0]
    best: dict[int, float] = {}
    for place in np.argsort(-nearness)[: KEEP_ANY * 3]:
        best.setdefault(ids[place], float(nearness[place]))
        if len(best) == KEEP_ANY:
            break
    return list(best.items())


def suggest(prefix: str, limit: int = 8) -> list[str]:
    """Names and sayings that contain what was typed, for the search box."""
    typed = prefix.strip()
    if not typed:
        return []
    found = Item.objects.filter(Q(name__contains=typed) | Q(says__contains=[typed])).order_by("name").values_list("name", flat=True)
    return list(found[:limit])


def tokens(text: str) -> list[str]:
    """Words as the index holds them: cut for search, without empty words."""
    cut = rjieba.cut_for_search(text)
    return [word for word in (w.strip().lower() for w in cut) if word and word not in STOP and (word.isalnum())]


def synonyms(question: str) -> list[str]:
    """What the catalogue calls the things that the question names."""
    return [meant for row in Synonym.objects.all() if row.word in question for meant in row.means]


def index(items: Iterable[Item]) -> None:
    """(Re)builds words and meaning of these items; the caller's transaction covers it."""
    rows = list(items)
    phrases = [_phrases(item) for item in rows]
    vectors = meaning.encode([phrase for group in phrases for phrase in group])
    start = 0
    with connection.cursor() as cursor:
        for item, group in zip(rows, phrases, strict=True):
            packed = meaning.pack(vectors[start : start + len(group)])
            start += len(group)
            cursor.execute(
                "UPDATE items_item SET meaning = %s, words = setweight(to_tsvector('simple', %s), 'A') || setweight(to_tsvector('simple', %s), 'B')"
                " WHERE id = %s",
                [packed, " ".join(tokens(item.name)), " ".join(tokens(" ".join(item.says))), item.pk],
            )
        cursor.execute("UPDATE items_searchversion SET version = version + 1")


def health() -> tuple[bool, str]:
    """Whether meaning answers; words always do."""
    ids, _ = _matrix()
    meaning.encode(["开饭店"])
    return bool(ids), f"{len(set(ids))} 个事项，{len(ids)} 个说法"


def _phrases(item: Item) -> list[str]:
    return list(dict.fromkeys([item.name, *item.says]))


def _allowed(who: str, topic: str, function: str) -> models.QuerySet[Item]:
    rows = Item.objects.defer("words", "meaning").filter(versions__state="published").distinct()
    if who == "person":
        rows = rows.filter(objects_served__contains=["自然人"])
    elif who == "entity":
        rows = rows.exclude(objects_served=["自然人"])
    if topic:
        rows = rows.filter(Q(person_topics__contains=[topic]) | Q(legal_topics__contains=[topic]))
    return rows.filter(function=function) if function else rows


def _matrix() -> tuple[Sequence[int], meaning.Vectors]:
    """All phrases' vectors with the item of each row; read again when the index has a new version."""
    global _kept  # one matrix per process
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM items_searchversion")
        version = cursor.fetchone()[0]
    if _kept is None or _kept[0] != version:
        with _lock:
            ids: list[int] = []
            parts = [np.empty((0, meaning.SIZE), np.float32)]
            for pk, packed in Item.objects.exclude(meaning=None).values_list("pk", "meaning"):
                part = meaning.unpack(packed or b"")
                ids += [pk] * len(part)
                parts.append(part)
            _kept = version, ids, np.concatenate(parts)
    return _kept[1], _kept[2]
