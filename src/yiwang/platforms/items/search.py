"""Search in plain words: by the words of the catalogue and its synonyms, and by meaning; one score from both.

Words: PostgreSQL full text over rjieba's words. An item's share of the question's words, each word weighing by its rarity (inverse document
frequency, Sparck Jones 1972), half as much again in the name. Meaning: the cosine of the question and the item's nearest phrase. The two are added: both lie
near 0 to 1. Fusion by rank (Cormack et al. 2009) was measured and left: it forgets how sure each stage is (docs/platforms/items.md).
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from math import log

import numpy as np
import rjieba
from django.db import connection, models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from yiwang.base.errors import Unavailable
from yiwang.engines.parties import api as parties
from yiwang.platforms.items import meaning
from yiwang.platforms.items.models import Implementation, Item, ItemVersion, Synonym

STOP = frozenset(
    "的 了 吗 呢 啊 要 想 我 我们 你 怎么 怎么办 如何 什么 哪些 哪里 在 去 和 与 或 及 有 是 可以 需要 应该 请问 一下 一个 手续 办理 办 证件 材料 流程".split()  # noqa: SIM905  # a list of words reads best as words
)
WORDS = 0.4  # weight of the words beside the meaning; any value from 0.2 to 0.8 finds nearly the same (measured on the working set)
NAME = 1.5  # weight of a word that stands in the name
_lock = threading.Lock()
_kept: "Index | None" = None


@dataclass(frozen=True)
class Hit:
    """An item with its score; higher is better, comparable within one answer only."""

    item: Item
    score: float


@dataclass(frozen=True)
class Index:
    """What a process keeps of one version of the index: the vector of each phrase, whose phrase it is, how many items hold each word."""

    version: int
    items: list[int]
    owner: "np.ndarray[tuple[int], np.dtype[np.intp]]"  #: place in `items`, one for each row of `vectors`
    vectors: meaning.Vectors
    holders: dict[str, int]

    def rarity(self, word: str) -> float:
        return log((len(self.items) + 1) / (self.holders.get(word, 0) + 0.5))


def search(text: str, *, who: str = "", topic: str = "", function: str = "", division: str = "", limit: int = 20) -> list[Hit]:
    """The best items for a question. `who` is "person" or "entity"; `topic` and `function` narrow; `division` keeps what is handled there or above it.

    An empty question lists by name. Without the encoder the words alone decide.
    """
    allowed = _allowed(who, topic, function, division)
    question = text.strip()[:100]
    if not question:
        return [Hit(item, 0.0) for item in allowed.order_by("name")[:limit]]
    scores = by_meaning(question)
    for pk, share in by_words(question).items():
        scores[pk] = scores.get(pk, 0.0) + WORDS * share
    open_now = set(allowed.values_list("pk", flat=True))
    best = sorted(open_now & scores.keys(), key=lambda pk: (-scores[pk], pk))[:limit]
    rows = Item.objects.defer("words", "meaning").in_bulk(best)
    return [Hit(rows[pk], scores[pk]) for pk in best]


def by_words(question: str) -> dict[int, float]:
    """Items that hold any word of the question or of its synonyms → their share of those words by rarity."""
    index = _index()
    asked = dict.fromkeys(tokens(question) + [word for phrase in synonyms(question) for word in tokens(phrase)])
    rarity = [index.rarity(word) for word in asked]
    if not asked:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.id, sum(a.rarity * CASE WHEN i.words @@ (quote_literal(a.word) || ':A')::tsquery THEN %s ELSE 1 END) / %s"
            " FROM unnest(%s::text[], %s::float8[]) AS a (word, rarity) JOIN items_item i ON i.words @@ quote_literal(a.word)::tsquery GROUP BY i.id",
            [NAME, sum(rarity), list(asked), rarity],
        )
        return {pk: float(share) for pk, share in cursor.fetchall()}


def by_meaning(question: str) -> dict[int, float]:
    """Every item → the cosine of the question and its nearest phrase; nothing when the encoder does not answer."""
    index = _index()
    try:
        asked = meaning.encode([question])[0]
    except Unavailable:
        return {}
    nearest = np.full(len(index.items), -1.0)
    np.maximum.at(nearest, index.owner, index.vectors @ asked)
    return dict(zip(index.items, nearest.tolist(), strict=True))


def suggest(prefix: str, limit: int = 8) -> list[str]:
    """Names for the search box while typing: those that begin so, those that contain it, those that people call so."""
    typed = prefix.strip()
    if not typed:
        return []
    ranked = sorted(
        (place, name)
        for name, says in _allowed("", "", "", "").values_list("name", "says")
        if (place := 0 if name.startswith(typed) else 1 if typed in name else 2 if any(typed in saying for saying in says) else None) is not None
    )
    return [name for _, name in ranked[:limit]]


def tokens(text: str) -> list[str]:
    """Words as the index holds them: cut for search, without empty words."""
    cut = rjieba.cut_for_search(text)
    return [word for word in (w.strip().lower() for w in cut) if word and word not in STOP and (word.isalnum())]


def synonyms(question: str) -> list[str]:
    """What the catalogue calls the things that the question names."""
    return [meant for row in Synonym.objects.all() if row.word in question for meant in row.means]


def index(items: Iterable[Item]) -> None:
    """(Re)builds words and meaning of these items; the caller's transaction covers it. Without the encoder the meaning waits for the next `load_catalogue`."""
    rows = list(items)
    if not rows:
        return
    phrases = [_phrases(item) for item in rows]
    try:
        vectors = meaning.encode([phrase for group in phrases for phrase in group])
    except Unavailable:
        vectors = None
    start = 0
    with connection.cursor() as cursor:
        for item, group in zip(rows, phrases, strict=True):
            packed = None if vectors is None else meaning.pack(vectors[start : start + len(group)])
            start += len(group)
            cursor.execute(
                "UPDATE items_item SET meaning = %s, words = setweight(to_tsvector('simple', %s), 'A') || setweight(to_tsvector('simple', %s), 'B')"
                " WHERE id = %s",
                [packed, " ".join(tokens(item.name)), " ".join(tokens(" ".join(item.says))), item.pk],
            )
        # the clock, not a count: a number that a rollback gave back would be given again to other content
        cursor.execute("UPDATE items_searchversion SET version = greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)")


def health() -> tuple[bool, str]:
    """Whether meaning answers for every item; words always do."""
    index = _index()
    missing = Item.objects.filter(meaning=None).count()
    try:
        meaning.encode(["开饭店"])
    except Unavailable as problem:
        return False, f"{problem.message}{problem.hint}"
    if missing:
        return False, f"{missing} 个事项没有语义向量，按词检索照常；重新载入事项目录即可补上"
    return bool(index.items), f"{len(index.items)} 个事项，{len(index.vectors)} 个说法"


def _phrases(item: Item) -> list[str]:
    return list(dict.fromkeys([item.name, *item.says]))


def _allowed(who: str, topic: str, function: str, division: str) -> models.QuerySet[Item]:
    """Items with a version in force today, narrowed."""
    in_force = ItemVersion.objects.filter(item=OuterRef("pk"), state=ItemVersion.State.PUBLISHED, valid_from__lte=timezone.localdate())
    rows = Item.objects.defer("words", "meaning").filter(Exists(in_force))
    if who == "person":
        rows = rows.filter(objects_served__contains=["自然人"])
    elif who == "entity":
        rows = rows.exclude(objects_served=["自然人"])
    if topic:
        rows = rows.filter(Q(person_topics__contains=[topic]) | Q(legal_topics__contains=[topic]))
    if division:
        here = Implementation.objects.filter(item=OuterRef("pk"), active=True, division__in=parties.divisions_above(division))
        rows = rows.filter(Exists(here))
    return rows.filter(function=function) if function else rows


def _index() -> Index:
    """The index as it is now; read again when it has a new version."""
    global _kept  # one index per process
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM items_searchversion")
        version = cursor.fetchone()[0]
    kept = _kept
    if kept is None or kept.version != version:
        with _lock:
            kept = _kept = _read(version)
    return kept


def _read(version: int) -> Index:
    rows = [(pk, meaning.unpack(packed or b"")) for pk, packed in Item.objects.order_by("pk").values_list("pk", "meaning")]
    owner = np.repeat(np.arange(len(rows)), [len(part) for _, part in rows])
    vectors = np.concatenate([np.empty((0, meaning.SIZE), np.float32), *(part for _, part in rows)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT word, ndoc FROM ts_stat('SELECT words FROM items_item')")
        holders = dict(cursor.fetchall())
    return Index(version, [pk for pk, _ in rows], owner, vectors, holders)
