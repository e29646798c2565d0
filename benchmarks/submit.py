"""Submitting an application, beside the very same rows written by plain psycopg.

    python -m benchmarks.submit [--seconds S] [--quick] [--json]

`submit` is the verb that the machine interface calls: it validates, opens the case, its task, clock, event, audit entry, message and jobs, and
commits. `rows` writes what one such submission wrote (found in the tables afterwards, with fresh ids and keys) by prepared INSERTs in one
commit: what no implementation on this schema can beat without fewer round trips. Both in processes of their own, each with one connection.
The cases lie in a database of their own (`<name>_submit`, kept between runs), never in the installation's.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import psycopg
import psycopg.sql
from psycopg.types.json import Jsonb

CLIENTS = (1, 8)
WARM = 5  # commits of each client before its clock runs
ROUNDS = 4  # both are measured in turns, so that a machine with other work treats them alike
TOWN, BORN, NAMES = "440802001000", "1999-05-01", "甲乙丙丁戊己庚辛"
EMPTY = "TRUNCATE procedures_case, messaging_message, procrastinate_jobs RESTART IDENTITY CASCADE"  # the record stays: it refuses even this
BY_TRIGGER = ("procrastinate_events",)  # rows that the database writes itself when a job is written
AFTER = ("procrastinate_jobs",)  # tables whose ids the database gives

_at_once: Any = None  # barrier of the clients of one measure
_acts: dict[str, Callable[[int], Callable[[], Any]]] = {}  # what is measured, by name


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    url = _own_database()
    os.environ |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "yiwang.config.settings", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    _load(url, options)
    found = _capture(url)
    out: dict[str, Any] = {"benchmark": "submit", "seconds": options.seconds, "statements": found.pop("statements"), "rows": sum(map(len, found["rows"].values()))}
    for clients in CLIENTS:
        _say(options, f"测量 {clients} 个客户端 …")
        out |= _measure(clients, options.seconds, found)
        out[f"ratio_{clients}"] = round(out[f"submit_{clients}"] / out[f"rows_{clients}"], 3)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(EMPTY)
    print(json.dumps(out, ensure_ascii=False) if options.json else _words(out))
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="submit", description="submissions per second beside the same rows by plain psycopg")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--quick", action="store_true", help="2 seconds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.quick:
        options.seconds = 2.0
    return options


# --- a city of its own -------------------------------------------------------------------------------------------------------------------------


def _own_database() -> str:
    """`<name>_submit` on the server of DATABASE_URL, made when it is not there."""
    given = urlsplit(os.environ["DATABASE_URL"])
    name = f"{given.path.lstrip('/') or 'yiwang'}_submit"
    with psycopg.connect(given.geturl(), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    return given._replace(path=f"/{name}").geturl()


def _load(url: str, options: argparse.Namespace) -> None:
    """The demo city with few people, and nothing submitted."""
    _say(options, "准备数据 …")
    for command in (["manage.py", "migrate", "-v", "0"], ["-m", "demo", "load", "--scale", "0"]):
        subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(EMPTY)


def _applications(client: int) -> Iterator[Callable[[], Any]]:
    """Submissions of one applicant, each under a key of its own."""
    from demo.people import number_of
    from yiwang.engines.parties import api as parties
    from yiwang.kit.actors import SYSTEM, Actor
    from yiwang.platforms.items import api as items
    from yiwang.platforms.items.models import Item
    from yiwang.systems.services.acceptance import integrating

    number, name = number_of(_date(BORN), 800 + client), f"测速者{NAMES[client]}"
    party, _ = parties.find_or_register_person(SYSTEM, name=name, number=number, phone=f"154980000{client:02d}")
    actor = Actor(name="测速系统", client="bench", scope=("*",))
    service = items.service_for(Item.objects.get(key="elderly_card_apply").pk, TOWN).pk
    answers = {"name": name, "number": number, "birth": BORN, "phone": f"154980000{client:02d}"}
    papers = [integrating.Handed(code, f"{code}.pdf", b"%PDF-1.4\n%EOF") for code in ("id", "photo")]  # the same content each time: kept once, written down for each
    for _ in itertools.count():
        key = secrets.token_hex(16)
        yield lambda key=key: integrating.submit_for(actor, service=service, applicant=party, situation={"who": "self"}, answers=answers, materials=papers, key=key)


def _date(text: str) -> Any:
    from datetime import date

    return date.fromisoformat(text)


# --- what one submission writes ----------------------------------------------------------------------------------------------------------------


def _capture(url: str) -> dict[str, Any]:
    """The rows of one submission by table, in an order that foreign keys allow, and how many statements it took."""
    import django

    django.setup()
    from django.db import connection

    submissions = _applications(0)
    for _ in range(3):
        next(submissions)()
    statements: list[str] = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        before = cursor.fetchone()[0]

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        next(submissions)()
    connection.close()
    with psycopg.connect(url, options="-c yiwang.mode=system", row_factory=psycopg.rows.dict_row) as reader:
        tables = [row["relname"] for row in reader.execute(WRITABLE)]
        rows = {t: found for t in tables if (found := _written(reader, t, before)) and t not in BY_TRIGGER}
    return {"rows": _in_order(rows), "statements": len(statements)}


WRITABLE = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"


def _written(reader: "psycopg.Connection[Any]", table: str, since: int) -> list[dict[str, Any]]:
    query = psycopg.sql.SQL("SELECT * FROM {} WHERE xmin::text::bigint > %s").format(psycopg.sql.Identifier(table))
    return [dict(row) for row in reader.execute(query, [since])]


def _in_order(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """What is pointed to comes before what points."""
    placed: dict[str, list[dict[str, Any]]] = {}
    while rest := {t: found for t, found in rows.items() if t not in placed}:
        waiting = {row["id"] for found in rest.values() for row in found if "id" in row}
        for table, found in rest.items():
            own = {row.get("id") for row in found}
            if all(value not in waiting - own for row in found for value in row.values() if isinstance(value, int)):
                placed[table] = found
    return placed


def _statements(rows: dict[str, list[dict[str, Any]]]) -> list[tuple[str, list[str], dict[str, Any]]]:
    made = []
    for table, found in rows.items():
        for row in found:
            kept = {k: v for k, v in row.items() if not (table in AFTER and k == "id")}
            columns = ", ".join(f'"{name}"' for name in kept)
            made.append((f'INSERT INTO {table} ({columns}) VALUES ({", ".join(["%s"] * len(kept))})', list(kept), kept))
    return made


def _fresh(rows: dict[str, list[dict[str, Any]]]) -> Callable[[Any], Any]:
    """Renames the ids, keys and numbers of the captured rows, wherever they stand, to ones never used."""
    from yiwang.base.ids import new_id

    case = rows["procedures_case"][0]
    ids = {row["id"]: new_id() for table, found in rows.items() if table not in AFTER for row in found}
    words = {str(old): str(new) for old, new in ids.items()} | {case["key"]: secrets.token_hex(16), case["number"]: secrets.token_hex(10)}

    def renamed(value: Any) -> Any:
        if isinstance(value, bool):
            return value
        if isinstance(value, int):
            return ids.get(value, value)
        if isinstance(value, str):
            return next((value.replace(old, new) for old, new in words.items() if old in value), value)
        if isinstance(value, (dict, list)):
            text = json.dumps(value)
            return Jsonb(json.loads(next((text.replace(old, new) for old, new in words.items() if old in text), text)))
        return value

    return renamed


# --- the measure -------------------------------------------------------------------------------------------------------------------------------


def _measure(clients: int, seconds: float, found: dict[str, Any]) -> dict[str, float]:
    """Commits per second of all clients together and the processor time of one in its client, for both, in turns."""
    context = multiprocessing.get_context("spawn")
    done: dict[str, list[tuple[int, float]]] = {"rows": [], "submit": []}
    with ProcessPoolExecutor(clients, mp_context=context, initializer=_enter, initargs=(context.Barrier(clients), found)) as pool:
        for _ in range(ROUNDS):
            for name, counted in done.items():
                waits = [pool.submit(_count, name, number, seconds / ROUNDS) for number in range(clients)]
                counted += [wait.result() for wait in waits]
    out: dict[str, float] = {}
    for name, counted in done.items():
        commits = sum(number for number, _ in counted)
        out[f"{name}_{clients}"] = round(commits / seconds, 1)
        out[f"{name}_{clients}_cpu_ms"] = round(sum(spent for _, spent in counted) / commits * 1000, 2)
    return out


def _enter(barrier: Any, found: dict[str, Any]) -> None:
    """A client process: Django ready, the barrier at hand."""
    import django

    global _at_once, _acts  # one per process
    django.setup()
    _at_once, _acts = barrier, {"rows": _rows(found["rows"]), "submit": _submissions}


def _count(name: str, number: int, seconds: float) -> tuple[int, float]:
    """Commits in so many seconds after all clients are warm, and the processor seconds they took here."""
    act = _acts[name](number)
    for _ in range(WARM):
        act()
    _at_once.wait()
    done, end, spent = 0, time.perf_counter() + seconds, time.process_time()
    while time.perf_counter() < end:
        act()
        done += 1
    return done, time.process_time() - spent


def _submissions(number: int) -> Callable[[], Any]:
    submissions = _applications(number)
    return lambda: next(submissions)()


def _rows(rows: dict[str, list[dict[str, Any]]]) -> Callable[[int], Callable[[], None]]:
    """Writes the rows under fresh ids by prepared INSERTs, in one commit."""
    statements = _statements(rows)
    connection = psycopg.connect(os.environ["DATABASE_URL"], options="-c yiwang.mode=system", prepare_threshold=0)

    def write() -> None:
        renamed = _fresh(rows)
        with connection.cursor() as cursor:
            for statement, names, row in statements:
                cursor.execute(statement, [renamed(row[name]) for name in names])
        connection.commit()

    return lambda number: write


def _say(options: argparse.Namespace, words: str) -> None:
    if not options.json:
        print(words, flush=True)


def _words(out: dict[str, Any]) -> str:
    head = f"一次申请 {out['rows']} 行，{out['statements']} 条语句；每次 {out['seconds']} 秒"
    lines = [f"  {clients} 个客户端：裸写 {out[f'rows_{clients}']:,.1f}/s，提交 {out[f'submit_{clients}']:,.1f}/s，{out[f'ratio_{clients}']:.1%}；客户端处理器 {out[f'rows_{clients}_cpu_ms']} / {out[f'submit_{clients}_cpu_ms']} ms" for clients in CLIENTS]
    return "\n".join([head, *lines])


if __name__ == "__main__":
    sys.exit(main())
