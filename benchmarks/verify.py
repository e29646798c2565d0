"""Licence verification among a million licences, beside one raw indexed SELECT through the same server.

    python -m benchmarks.verify [--licences N] [--clients N] [--seconds S] [--quick] [--json]

Both are served by granian with the same workers and threads, asked by the same client over kept connections, for the same identifiers in
the same order. The licences lie in a database of their own (`<name>_bench`, kept between runs), never in the installation's.
"""

import argparse
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import date
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

import psycopg
import psycopg.sql

ISSUER, TYPE, HOLDERS = "114408020070000001", "11440800007021234D001", 1000
SELECT = "SELECT state, valid_from, valid_to FROM licences_licence WHERE identifier = %s"
SERVE = ("--host", "127.0.0.1", "--no-ws", "--log-level", "error", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "1")


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    url = _own_database()
    os.environ |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "yiwang.config.settings", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    _say(options, f"载入 {options.licences:,} 份证照 …")
    _load(url, options.licences)
    chosen = [_identifier(n) for n in random.Random(1).choices(range(options.licences), k=20_000)]
    results: dict[str, Any] = {}
    for name, target in (("raw", "benchmarks.verify:raw"), ("verify", "yiwang.config.wsgi:application")):
        with _server(target) as port:
            _ask(port, chosen[:200], 1)  # warm
            _say(options, f"测量 {name} …")
            results[name] = _measure(port, chosen, options)
    results["ratio"] = round(results["verify"]["per_second"] / results["raw"]["per_second"], 3)
    out = {"benchmark": "verify", "licences": options.licences, "clients": options.clients, "seconds": options.seconds, **results}
    print(json.dumps(out, ensure_ascii=False) if options.json else _words(out))
    return 0


def raw(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The least that could answer: one prepared SELECT, three columns as JSON."""
    row = _connection().execute(SELECT, [environ["PATH_INFO"].rsplit("/", 1)[1]], prepare=True).fetchone()
    body = json.dumps(row and [row[0], str(row[1]), str(row[2])]).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


_kept: list[psycopg.Connection[Any]] = []


def _connection() -> psycopg.Connection[Any]:
    if not _kept:
        _kept.append(psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, options="-c yiwang.mode=system"))
    return _kept[0]


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="verify", description="verification lookups per second beside one raw indexed SELECT")
    parser.add_argument("--licences", "--scale", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--quick", action="store_true", help="20,000 licences, 2 seconds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.quick:
        options.licences, options.seconds = min(options.licences, 20_000), 2.0
    return options


# --- the licences ------------------------------------------------------------------------------------------------------------------------------


def _own_database() -> str:
    """`<name>_bench` on the server of DATABASE_URL, made when it is not there."""
    given = urlsplit(os.environ["DATABASE_URL"])
    name = f"{given.path.lstrip('/') or 'yiwang'}_bench"
    with psycopg.connect(given.geturl(), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    return given._replace(path=f"/{name}").geturl()


def _identifier(number: int) -> str:
    from yiwang.base import identifiers

    return identifiers.licence_identifier(TYPE, ISSUER, f"{number:011d}")


def _load(url: str, count: int) -> None:
    """By COPY into a plain table (COPY does not pass row security), then one INSERT."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    with psycopg.connect(url, options="-c yiwang.mode=system") as connection:
        if connection.execute("SELECT count(*) FROM licences_licence").fetchone() == (count,):
            return
        connection.execute("TRUNCATE licences_licencetype, parties_party, parties_organisation, parties_division CASCADE")
        connection.execute(FIRST)
        connection.execute("CREATE TEMP TABLE fresh (id bigint, identifier text, holder bigint)")
        with connection.cursor().copy("COPY fresh FROM STDIN") as copy:
            for number in range(count):
                copy.write_row((number + 1, _identifier(number), number % HOLDERS + 1))
        connection.execute(SECOND, [date(2026, 1, 1), date(2036, 1, 1)])
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE licences_licence")


FIRST = f"""
INSERT INTO parties_division (code, name, level, kind, pinyin, source) VALUES ('440800000000', '湛江市', 2, '', '', '');
INSERT INTO parties_organisation (id, key, function, name, short, kind, uscc, division_id, duty, phone, address, source, invented)
  VALUES (1, 'bench@440800', 'bench', '测速局', '测速', '部门', '{ISSUER}', '440800000000', '', '', '', '', true);
INSERT INTO parties_party (id, kind, name, scheme, number, division_id, phone, address, verified, invented)
  SELECT n, 'entity', '测速企业' || n, 'uscc', 'B' || n, '440800000000', '', '', '', true FROM generate_series(1, {HOLDERS}) n;
INSERT INTO licences_licencetype (key, serial, code, name, issuer, holders, fields, validity, mark, source)
  VALUES ('bench', 1, '{TYPE}', '测速证', 'bench', '{{企业}}', '{{名称}}', '', 'K', '');
"""
SECOND = """
INSERT INTO licences_licence (id, identifier, number, version, fields, state, valid_from, valid_to, issued_at, reason, holder_id, issuer_id, type_id)
  SELECT id, identifier, id::text, 1, '{"名称": "测速"}', 'valid', %s, %s, now(), '', holder, 1, 'bench' FROM fresh
"""


# --- the server and its clients ----------------------------------------------------------------------------------------------------------------


@contextmanager
def _server(target: str) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = subprocess.Popen([sys.executable, "-m", "granian", *SERVE, "--port", str(port), target], env={**os.environ, "YIWANG_PROCESS": "web"})
    try:
        _await(port, running)
        yield port
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(20)


def _await(port: int, running: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and running.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


def _measure(port: int, chosen: list[str], options: argparse.Namespace) -> dict[str, float]:
    """All clients at once, each a process with one kept connection."""
    with ProcessPoolExecutor(options.clients) as pool:
        waits = [pool.submit(_ask, port, chosen[n :: options.clients], options.seconds) for n in range(options.clients)]
        times = sorted(t for wait in waits for t in wait.result())
    return {
        "per_second": round(len(times) / options.seconds, 1),
        "p50_ms": round(statistics.median(times) * 1000, 2),
        "p95_ms": round(times[int(len(times) * 0.95)] * 1000, 2),
    }


def _ask(port: int, identifiers: list[str], seconds: float) -> list[float]:
    """Seconds that each answer took. Every answer must be 200 and say that the licence is valid: a fast refusal is no lookup."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as answers:
        for identifier in cycle(identifiers):
            begun = time.perf_counter()
            if begun >= end:
                return times
            connection.sendall(f"GET /verify/{identifier} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n".encode())
            if b'"valid"' not in _answer(answers):
                raise SystemExit(f"{identifier}: not verified")
            times.append(time.perf_counter() - begun)
    return times


def _answer(answers: Any) -> bytes:
    status, length = answers.readline(), 0
    if b" 200 " not in status:
        raise SystemExit(f"the server answered {status!r}")
    while (line := answers.readline()) not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return bytes(answers.read(length))


def _say(options: argparse.Namespace, words: str) -> None:
    if not options.json:
        print(words, flush=True)


def _words(out: dict[str, Any]) -> str:
    head = f"{out['licences']:,} 份证照，{out['clients']} 个客户端，{out['seconds']} 秒"
    rows = [f"  {n:7} {out[n]['per_second']:>9,.1f}/s   p50 {out[n]['p50_ms']} ms   p95 {out[n]['p95_ms']} ms" for n in ("raw", "verify")]
    return "\n".join([head, *rows, f"  核验是裸查询的 {out['ratio']:.1%}"])


if __name__ == "__main__":
    sys.exit(main())
