"""Licence verification among a million licences, beside one raw indexed SELECT through the same server.

    python -m benchmarks.verify [--licences N] [--clients N] [--seconds S] [--quick] [--json]

Both are served by granian with the same workers and threads, asked by the same client over kept connections, for the same identifiers in
the same order. The licences lie in a database of their own (`<name>_bench_licences`, kept between runs), never in the installation's.
"""

import argparse
import json
import os
import random
import sys
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import psycopg

from benchmarks import city

ISSUER, TYPE, HOLDERS = "114408020070000001", "11440800007021234D001", 1000
SELECT = "SELECT state, valid_from, valid_to FROM licences_licence WHERE identifier = %s"


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    url = city.own_database("licences")
    city.move_to(url)
    city.say(f"载入 {options.licences:,} 份证照 …")
    _load(url, options.licences)
    chosen = [city.get(f"/verify/{_identifier(n)}", Accept="application/json") for n in random.Random(1).choices(range(options.licences), k=20_000)]
    results: dict[str, Any] = {}
    for name, target in (("raw", "benchmarks.verify:raw"), ("verify", "yiwang.config.wsgi:application")):
        with city.served(target, DATABASE_URL=url) as port:
            city.say(f"测量 {name} …")
            results[name] = city.measure(port, chosen, clients=options.clients, seconds=options.seconds, expect=b'"valid"')
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
        _kept.append(psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, options=city.SYSTEM))
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


def _identifier(number: int) -> str:
    from yiwang.base import identifiers

    return identifiers.licence_identifier(TYPE, ISSUER, f"{number:011d}")


def _load(url: str, count: int) -> None:
    """By COPY into a plain table (COPY does not pass row security), then one INSERT."""
    with psycopg.connect(url, options=city.SYSTEM) as connection:
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


def _words(out: dict[str, Any]) -> str:
    head = f"{out['licences']:,} 份证照，{out['clients']} 个客户端，{out['seconds']} 秒"
    rows = [f"  {n:7} {out[n]['per_second']:>9,.1f}/s   p50 {out[n]['p50_ms']} ms   p95 {out[n]['p95_ms']} ms" for n in ("raw", "verify")]
    return "\n".join([head, *rows, f"  核验是裸查询的 {out['ratio']:.1%}"])


if __name__ == "__main__":
    sys.exit(main())
