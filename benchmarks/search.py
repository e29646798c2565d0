"""Portal search in plain words over the whole 实施清单: how often the right item stands first, and how long an answer takes, beside plain SQL on the same rows.

    python -m benchmarks.search [--questions FILE] [--rounds N] [--quick] [--json] [--misses]

Each question is asked at a place (the places in turn), as the portal asks it: `items.search(question, division=place)`. It reads the installation that
DATABASE_URL names; where that holds no items, the shipped catalogue is loaded first and rolled back at the end. Nothing stays.
The floors see the same implementations, one row each with the same names, sayings and words: ILIKE of any word, and full text (tsvector, GIN).
One client, one process; the encoder is loaded before the clock starts and the time of its loading is told apart.
"""

import argparse
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

OWN = Path(__file__).parent / "questions" / "own.tsv"
DEPTHS = (1, 3, 5, 10)
Ask = Callable[[str, str], list[str]]  # question, place → names of items, the best first
FLOOR = """
CREATE TEMP TABLE floor ON COMMIT DROP AS
  SELECT p.id, p.item_id, p.division_id, i.name, i.name || ' ' || array_to_string(i.says, ' ') AS said, i.words
  FROM items_implementation p JOIN items_item i ON i.id = p.item_id WHERE p.active;
CREATE INDEX ON floor USING gin (words);
CREATE INDEX ON floor (division_id);
ANALYZE floor
"""
ILIKE = """
SELECT name FROM (SELECT name, (SELECT count(*) FROM unnest(%s::text[]) w WHERE said ILIKE '%%' || w || '%%') AS met FROM floor WHERE division_id = ANY(%s)) f
WHERE met > 0 GROUP BY name ORDER BY max(met) DESC, name LIMIT 10
"""
FULL_TEXT = """
SELECT name FROM floor, to_tsquery('simple', %s) q WHERE words @@ q AND division_id = ANY(%s) GROUP BY name ORDER BY max(ts_rank_cd(words, q)) DESC, name LIMIT 10
"""


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    asked = questions(options.questions)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yiwang.config.settings")
    import django

    django.setup()
    with _catalogue() as counts:
        begun = time.perf_counter()
        ask, ilike, full_text = _asking()
        ask("开饭店", "")
        first = time.perf_counter() - begun
        places = _places()
        found = {name: measure(way, asked, places, options.rounds) for name, way in (("search", ask), ("ilike", ilike), ("full_text", full_text))}
    missed = {name: result.pop("missed") for name, result in found.items()}["search"]
    for floor in ("ilike", "full_text"):
        for ratio, of in (("recall_ratio", "recall@3"), ("p95_ratio", "p95_ms")):
            found[floor][ratio] = round(found["search"][of] / found[floor][of], 2) if found[floor][of] else None
    out = {"benchmark": "search", "questions": len(asked), **counts, "first_answer_ms": _ms(first), **found} | ({"missed": missed} if options.misses else {})
    print(json.dumps(out, ensure_ascii=False) if options.json else _words(out))
    return 0


def questions(path: Path) -> list[tuple[str, re.Pattern[str]]]:
    """One question, a tab, a regular expression for the name of a right item; says which line is wrong."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        question, tab, pattern = line.partition("\t")
        try:
            if not (question.strip() and tab and pattern.strip()):
                raise ValueError("a question, a tab and a regular expression are needed")
            found.append((question.strip(), re.compile(pattern.strip())))
        except (ValueError, re.error) as problem:
            raise SystemExit(f"{path}:{number}: {problem}") from problem
    if not found:
        raise SystemExit(f"{path}: no questions")
    return found


def measure(ask: Ask, asked: list[tuple[str, re.Pattern[str]]], places: list[str], rounds: int) -> dict[str, Any]:
    """Recall from the first round, at places that handle every level; times from all rounds, at each place in turn."""
    ranks = {question: _rank(ask(question, ""), pattern) for question, pattern in asked}
    times, place = [], cycle(places)
    for _ in range(rounds):
        for question, _ in asked:
            begun = time.perf_counter()
            ask(question, next(place))
            times.append(time.perf_counter() - begun)
    times.sort()
    recall = {f"recall@{depth}": round(sum(rank <= depth for rank in ranks.values()) / len(asked), 3) for depth in DEPTHS}
    missed = {question: None if rank == NEVER else rank for question, rank in ranks.items() if rank > 1}
    return {**recall, "p50_ms": _ms(statistics.median(times)), "p95_ms": _ms(times[int(len(times) * 0.95)]), "answers": len(times), "missed": missed}


NEVER = 10**6


def _rank(names: list[str], pattern: re.Pattern[str]) -> int:
    return next((number for number, name in enumerate(names, 1) if pattern.search(name)), NEVER)


def _asking() -> tuple[Ask, Ask, Ask]:
    """The product's search and the two floors, all with the words that rjieba cuts."""
    from django.db import connection

    from yiwang.engines.parties import api as parties
    from yiwang.platforms.items import api as items
    from yiwang.platforms.items.phrases import tokens

    with connection.cursor() as cursor:
        cursor.execute(FLOOR)
        cursor.execute("SELECT array_agg(DISTINCT division_id) FROM floor")
        everywhere = cursor.fetchone()[0]

    def rows(statement: str, words: Any, place: str) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(statement, [words, parties.divisions_above(place) if place else everywhere])
            return [name for (name,) in cursor.fetchall()]

    def ask(question: str, place: str) -> list[str]:
        return [hit.item.name for hit in items.search(question, division=place, limit=10)]

    def ilike(question: str, place: str) -> list[str]:
        return rows(ILIKE, tokens(question) or [question], place)

    def full_text(question: str, place: str) -> list[str]:
        words = " | ".join(f"'{word}'" for word in tokens(question))
        return rows(FULL_TEXT, words, place) if words else []

    return ask, ilike, full_text


@contextmanager
def _catalogue() -> Iterator[dict[str, int]]:
    """The installation's items, or the shipped ones for as long as it lasts."""
    from django.core.management import call_command
    from django.db import transaction

    call_command("migrate", verbosity=0)
    from yiwang.platforms.items.models import Implementation, Item

    with transaction.atomic():
        if not Item.objects.exists():
            from demo import divisions
            from yiwang.platforms.items import api as items

            divisions.load_divisions()
            divisions.load_organisations()
            items.load_catalogue()
        yield {"items": Item.objects.count(), "implementations": Implementation.objects.filter(active=True).count()}
        transaction.set_rollback(True)


def _places() -> list[str]:
    from yiwang.platforms.items.models import Implementation

    return list(Implementation.objects.order_by("division").values_list("division", flat=True).distinct())


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="search", description="recall and latency of the portal's search, beside plain SQL")
    parser.add_argument("--questions", type=Path, default=OWN, help="one question, a tab, a regular expression for the item's name")
    parser.add_argument("--rounds", type=int, default=5, help="how often every question is asked")
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--misses", action="store_true", help="also list the questions whose item did not stand first")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if not options.questions.is_file():
        parser.error(f"{options.questions}: no such file")
    options.rounds = 1 if options.quick else options.rounds
    return options


def _words(out: dict[str, Any]) -> str:
    head = f"{out['questions']} 个问题，{out['items']} 个事项，{out['implementations']:,} 条实施清单；首次应答（含装载模型）{out['first_answer_ms']:.0f} ms"
    names = {"search": "检索", "ilike": "ILIKE", "full_text": "tsvector"}
    rows = [
        f"  {name:9} 首位 {r['recall@1']:>6.1%}  前三 {r['recall@3']:>6.1%}  前十 {r['recall@10']:>6.1%}   p50 {r['p50_ms']:>7.2f} ms  p95 {r['p95_ms']:>7.2f} ms"
        for name, r in ((names[key], out[key]) for key in names)
    ]
    ratios = [f"  比 {names[f]}：前三 {out[f]['recall_ratio']} 倍，p95 {out[f]['p95_ratio']} 倍" for f in ("ilike", "full_text")]
    missed = [f"  {'未找到' if rank is None else f'第 {rank} 位'}  {question}" for question, rank in out.get("missed", {}).items()]
    return "\n".join([head, *rows, *ratios, *missed])


if __name__ == "__main__":
    sys.exit(main())
