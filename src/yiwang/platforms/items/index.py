"""What search keeps of the catalogue: words and vectors in PostgreSQL, and in each process one copy made for asking, read again when it has a new version."""

import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from yiwang.base.errors import Unavailable
from yiwang.platforms.items import meaning
from yiwang.platforms.items.models import Bundle, Item, ItemVersion, Synonym
from yiwang.platforms.items.phrases import grams, phrases, plain, tokens

Places = NDArray[np.intp]
Scores = NDArray[np.float32]
_lock = threading.Lock()
_kept: "Index | None" = None


@dataclass(frozen=True)
class Likeness:
    """Phrases by the grams they hold: tf-idf with the cosine, in postings (Salton, Buckley 1988)."""

    texts: list[str]
    owner: Places  #: whose phrase it is, one place for each of `texts`
    rarity: dict[str, float]
    postings: dict[str, tuple[Places, Scores]]

    @classmethod
    def of(cls, groups: Sequence[Sequence[str]]) -> "Likeness":
        texts = [phrase for group in groups for phrase in group]
        held = [dict.fromkeys(grams(phrase)) for phrase in texts]
        counts: dict[str, int] = defaultdict(int)
        for some in held:
            for gram in some:
                counts[gram] += 1
        rarity = {gram: _weight(gram) * log((len(texts) + 1) / (n + 0.5)) for gram, n in counts.items()}
        lists: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, some in enumerate(held):
            length = sqrt(sum(rarity[g] ** 2 for g in some)) or 1.0
            for gram in some:
                lists[gram].append((place, rarity[gram] / length))
        postings = {g: (np.array([p for p, _ in rows]), np.array([w for _, w in rows], np.float32)) for g, rows in lists.items()}
        return cls(texts, np.repeat(np.arange(len(groups)), [len(group) for group in groups]), rarity, postings)

    def to(self, question: str) -> Scores:
        """The cosine of the question and each phrase, 0 to 1."""
        scores = np.zeros(len(self.texts), np.float32)
        asked = dict.fromkeys(grams(question))
        unheard = log(len(self.texts) + 2)  # a gram that no phrase holds still lengthens the question
        length = sqrt(sum(self.rarity.get(g, _weight(g) * unheard * 0.5) ** 2 for g in asked)) or 1.0
        for gram in asked:
            if gram in self.postings:
                places, weights = self.postings[gram]
                scores[places] += weights * np.float32(self.rarity[gram] / length)
        return scores


@dataclass(frozen=True)
class Index:
    """One version of the index, as a process keeps it."""

    version: int
    items: list[int]
    owner: Places  #: place in `items`, one for each row of `vectors`
    vectors: meaning.Vectors
    holders: dict[str, int]  #: word → how many items hold it
    likeness: Likeness  #: of items, by place in `items`
    synonyms: dict[str, list[str]]
    bundles: list[int]
    bundle_owner: Places
    bundle_vectors: meaning.Vectors
    bundle_likeness: Likeness

    def rarity(self, word: str) -> float:
        return log((len(self.items) + 1) / (self.holders.get(word, 0) + 0.5))

    def meant(self, question: str) -> list[str]:
        """What the catalogue calls the things that the question names; the longest word counts where one holds another."""
        said = [word for word in self.synonyms if word in question]
        longest = [word for word in said if not any(word != other and word in other for other in said)]
        return list(dict.fromkeys(meant for word in longest for meant in self.synonyms[word]))


def best_of(owner: Places, scores: NDArray[np.float32], size: int) -> NDArray[np.float64]:
    """Each owner's best score; 0 for whoever has none."""
    best = np.zeros(size)
    np.maximum.at(best, owner, scores)
    return best


def build(items: Iterable[Item]) -> None:
    """(Re)builds words and meaning of these items; the caller's transaction covers it. Without the encoder the meaning waits for the next `load_catalogue`."""
    rows = list(items)
    results = _results()
    groups = [phrases(item.name, item.says, results.get(item.pk, "")) for item in rows]
    try:
        vectors = meaning.encode([phrase for group in groups for phrase in group]) if rows else None
    except Unavailable:
        vectors = None
    start = 0
    with connection.cursor() as cursor:
        for item, group in zip(rows, groups, strict=True):
            packed = None if vectors is None else meaning.pack(vectors[start : start + len(group)])
            start += len(group)
            cursor.execute(
                "UPDATE items_item SET meaning = %s, words = setweight(to_tsvector('simple', %s), 'A') || setweight(to_tsvector('simple', %s), 'B')"
                " || setweight(to_tsvector('simple', %s), 'C') WHERE id = %s",
                [packed, _words(item.name), _words(*item.says), _words(results.get(item.pk, ""), *item.person_topics, *item.legal_topics), item.pk],
            )
    renew()


def renew() -> None:
    """Makes every process read the index again. The clock, not a count: a number that a rollback gave back would be given again to other content."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE items_searchversion SET version = greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)")


def current() -> Index:
    """The index as it is now."""
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
    results = _results()
    rows = list(Item.objects.order_by("pk").only("pk", "name", "says", "meaning"))
    parts = [meaning.unpack(item.meaning or b"") for item in rows]
    with connection.cursor() as cursor:
        cursor.execute("SELECT word, ndoc FROM ts_stat('SELECT words FROM items_item')")
        holders = dict(cursor.fetchall())
    bundles = list(Bundle.objects.order_by("pk"))
    groups = [list(dict.fromkeys([plain(said) for said in (b.name.removesuffix("一件事"), *b.says)])) for b in bundles]
    return Index(
        version=version,
        items=[item.pk for item in rows],
        owner=np.repeat(np.arange(len(rows)), [len(part) for part in parts]),
        vectors=np.concatenate([np.empty((0, meaning.SIZE), np.float32), *parts]),
        holders=holders,
        likeness=Likeness.of([phrases(item.name, item.says, results.get(item.pk, "")) for item in rows]),
        synonyms={row.word: row.means for row in Synonym.objects.all()},
        bundles=[bundle.pk for bundle in bundles],
        bundle_owner=np.repeat(np.arange(len(groups)), [len(group) for group in groups]),
        bundle_vectors=_bundle_vectors(groups),
        bundle_likeness=Likeness.of(groups),
    )


def _bundle_vectors(groups: list[list[str]]) -> meaning.Vectors:
    """A few score short phrases: cheaper to encode again than to keep in step."""
    said = [phrase for group in groups for phrase in group]
    try:
        return meaning.encode(said) if said else np.empty((0, meaning.SIZE), np.float32)
    except Unavailable:
        return np.zeros((len(said), meaning.SIZE), np.float32)


def _results() -> dict[int, str]:
    """Item → what its newest published version gives."""
    newest = ItemVersion.objects.filter(state=ItemVersion.State.PUBLISHED).order_by("item", "-number").distinct("item")
    return {pk: name for pk, name, kind in newest.values_list("item", "result_name", "result_kind") if name != kind}


def _words(*texts: str) -> str:
    return " ".join(tokens(" ".join(texts)))


def _weight(gram: str) -> float:
    """A pair of characters says most; a sound less, because many characters share it; one character least."""
    return 0.6 if gram.startswith("~") else 1.0 if len(gram) > 1 else 0.4
