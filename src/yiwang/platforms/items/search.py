"""Search in plain words, in two stages: by the words of the catalogue and by meaning; one score from both.

Words: PostgreSQL full text over rjieba's words and the synonyms of the question, an item's share of those words, each weighing by its rarity (inverse
document frequency, Sparck Jones 1972); and the nearest phrase by pairs of characters and of syllables, which holds when a word is mistyped.
Meaning: the cosine of the question and the item's nearest phrase. The parts are added: all lie near 0 to 1. Fusion by rank (Cormack et al. 2009) was
measured and left: it forgets how sure each stage is (docs/platforms/items.md).
"""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.db import connection, models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from yiwang.base.errors import Unavailable
from yiwang.engines.parties import api as parties
from yiwang.platforms.items import meaning
from yiwang.platforms.items.index import Index, best_of, build, current
from yiwang.platforms.items.models import Bundle, Implementation, Item, ItemVersion
from yiwang.platforms.items.phrases import is_pinyin, plain, standard, tokens

WORDS = 0.3  # weight of the words beside the meaning (measured on the working set; a wide plateau)
LIKE = 0.7  # weight of the nearest phrase by characters and sounds
NAME = 1.5  # weight of a word that stands in the name
MEANT = 0.5  # weight of a synonym beside a word of the question itself
ENOUGH = 0.55  # share of the best score below which an answer is no answer
SURE = 0.62  # a bundle at least this near is offered
LEAST = 0.66  # below this the best answer is none
__all__ = ["Bundles", "Counts", "Hit", "build", "bundles_for", "counts", "health", "relevant", "search", "suggest"]


@dataclass(frozen=True)
class Hit:
    """An item with its score; higher is better, comparable within one answer only. `why` is the phrase it was found by, when its name does not say so."""

    item: Item
    score: float
    why: str = ""


Bundles = list[Bundle]


def search(text: str, *, who: str = "", topic: str = "", function: str = "", division: str = "", limit: int = 20) -> list[Hit]:
    """The best items for a question. `who` is "person" or "entity"; `topic` and `function` narrow; `division` keeps what is handled there or above it.

    An empty question lists by name. Without the encoder the words alone decide.
    """
    allowed = _allowed(who, topic, function, division)
    question = standard(text.strip()[:100])
    if not question:
        return [Hit(item, 0.0) for item in allowed.order_by("name")[:limit]]
    index = current()
    matter = plain(question)
    near = index.likeness.to(matter)
    alike = best_of(index.likeness.owner, near, len(index.items))
    scores = LIKE * alike + (alike if is_pinyin(matter) else by_meaning(index, question))  # letters of pinyin mean nothing to the encoder
    shares = by_words(index, question)
    open_now = set(allowed.values_list("pk", flat=True))
    total = {pk: float(scores[place]) + WORDS * shares.get(pk, 0.0) for place, pk in enumerate(index.items) if pk in open_now}
    best = sorted((pk for pk in total if total[pk] > 0), key=lambda pk: (-total[pk], pk))[:limit]
    rows = Item.objects.defer("words", "meaning").in_bulk(best)
    place_of = {pk: place for place, pk in enumerate(index.items)}
    return [Hit(rows[pk], total[pk], _why(index, near, place_of[pk], rows[pk])) for pk in best]


def relevant(hits: list[Hit]) -> list[Hit]:
    """The hits worth reading: none when even the best is a guess, and no further than where the scores have fallen off."""
    if not hits or hits[0].score < LEAST:
        return []
    return [hit for hit in hits if hit.score >= ENOUGH * hits[0].score]


def bundles_for(text: str, limit: int = 2) -> Bundles:
    """一件事 that the question means, the nearest first; often none."""
    index, question = current(), standard(text.strip()[:100])
    if not question or not index.bundles:
        return []
    scores = best_of(index.bundle_owner, np.max(index.bundle_vectors @ _encoded(question).T, axis=1), len(index.bundles))
    scores = np.maximum(scores, best_of(index.bundle_likeness.owner, index.bundle_likeness.to(plain(question)), len(index.bundles)))
    best = [index.bundles[place] for place in np.argsort(-scores)[:limit] if scores[place] >= SURE]
    rows = Bundle.objects.in_bulk(best)
    return [rows[pk] for pk in best if pk in rows]


@dataclass(frozen=True)
class Counts:
    """How many items in force there are, for whom, by theme and by department."""

    total: int
    persons: dict[str, int]
    entities: dict[str, int]
    functions: dict[str, int]


def counts() -> Counts:
    rows = list(_allowed("", "", "", "").only("function", "objects_served", "person_topics", "legal_topics"))
    persons = Counter(topic for item in rows if item.for_persons for topic in item.person_topics + item.legal_topics)
    entities = Counter(topic for item in rows if item.for_entities for topic in item.person_topics + item.legal_topics)
    return Counts(len(rows), persons, entities, Counter(item.function for item in rows))


def by_words(index: Index, question: str) -> dict[int, float]:
    """Items that hold any word of the question or of its synonyms → their share of those words by rarity."""
    asked = {word: MEANT for phrase in index.meant(question) for word in tokens(phrase)} | dict.fromkeys(tokens(plain(question)), 1.0)
    weights = [weight * index.rarity(word) for word, weight in asked.items()]
    if not asked:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.id, sum(a.rarity * CASE WHEN i.words @@ (quote_literal(a.word) || ':A')::tsquery THEN %s ELSE 1 END) / %s"
            " FROM unnest(%s::text[], %s::float8[]) AS a (word, rarity) JOIN items_item i ON i.words @@ quote_literal(a.word)::tsquery GROUP BY i.id",
            [NAME, sum(weights), list(asked), weights],
        )
        return {pk: float(share) for pk, share in cursor.fetchall()}


def by_meaning(index: Index, question: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Each item's cosine of the question and its nearest phrase; zeros when the encoder does not answer."""
    if not len(index.vectors):
        return np.zeros(len(index.items))
    return best_of(index.owner, np.max(index.vectors @ _encoded(question).T, axis=1), len(index.items))


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


def health() -> tuple[bool, str]:
    """Whether meaning answers for every item; words always do."""
    index = current()
    missing = Item.objects.filter(meaning=None).count()
    try:
        meaning.encode(["开饭店"])
    except Unavailable as problem:
        return False, f"{problem.message}{problem.hint}"
    if missing:
        return False, f"{missing} 个事项没有语义向量，按词检索照常；重新载入事项目录即可补上"
    return bool(index.items), f"{len(index.items)} 个事项，{len(index.vectors)} 个说法"


@lru_cache(maxsize=4)  # items and bundles of one page ask for the same question
def _encoded(question: str) -> meaning.Vectors:
    """The question as asked and its matter; a row of zeros without the encoder."""
    try:
        return meaning.encode(list(dict.fromkeys([question, plain(question)])))
    except Unavailable:
        return np.zeros((1, meaning.SIZE), np.float32)


def _why(index: Index, near: "np.ndarray[tuple[int], np.dtype[np.float32]]", place: int, item: Item) -> str:
    own = np.flatnonzero(index.likeness.owner == place)
    best = own[np.argmax(near[own])]
    said = index.likeness.texts[best]
    return said if near[best] > 0.4 and said not in item.name else ""


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
