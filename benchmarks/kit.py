"""The generic register: lists and the interface among ten million rows, files in and out, each beside what PostgreSQL does alone.

    python -m benchmarks.kit [--rows N] [--clients N] [--seconds S] [--lines N] [--quick] [--json]

Asked are a filtered and ordered list, its page by key far down, a search, and through the interface the same list and one row by its key, by all clients at
once over kept connections; the floor is the least SQL for the same rows behind the same server. Imported and exported are `--lines` rows, beside COPY of the
same rows. The rows lie in a database of their own (`<name>_bench_kit_N`, kept between runs), never in the installation's.
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
import psycopg.sql

from benchmarks import city

USER = "hezhangban"
KIND = "canal"  # one row in fifty
LIST = "SELECT id, code, name, kind, division_id, length_km, changed_at FROM river_chief_river WHERE standing = 'live' AND kind = %s {more} ORDER BY changed_at DESC, id DESC LIMIT 51"
WORD = "SELECT id, code, name, kind, division_id, length_km, changed_at FROM river_chief_river WHERE standing = 'live' AND words @@ %s::tsquery ORDER BY name, id LIMIT 51"
ROW = "SELECT id, code, name, kind, division_id, length_km, changed_at, revision FROM river_chief_river WHERE id = %s"
FILL = """
INSERT INTO river_chief_river (id, revision, standing, changed_at, words, code, name, kind, division_id, length_km, course)
SELECT n, 1, 'live', timestamptz '2020-01-01' + n * interval '15 seconds', (replace(terms, '#', ''))::tsvector, 'B-' || n, name || n, kind, '440881000000', 1 + n % 300, NULL
FROM (SELECT n, (ARRAY['南渡河','九洲江','鉴江','遂溪河','袂花江','青年渠','鹤地','湖光'])[1 + n % 8] AS name,
  (ARRAY['南渡:1A 渡河:1A','九洲:1A 洲江:1A','鉴江:1A','遂溪:1A 溪河:1A','袂花:1A 花江:1A','青年:1A 年渠:1A','鹤地:1A','湖光:1A'])[1 + n % 8] AS terms,
  CASE WHEN n % 50 = 0 THEN 'canal' WHEN n % 7 = 0 THEN 'lake' ELSE 'river' END AS kind FROM generate_series({first}, {last}) AS n) AS made
"""
NAMES = {"list": "筛选加排序", "deep": "按键翻页（深处）", "search": "查找一个词", "rest": "接口：列表", "row": "接口：一条"}


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    url = _database(options.rows)
    out: dict[str, Any] = {"benchmark": "kit", "rows": options.rows, "clients": options.clients, "seconds": options.seconds, "pages": {}}
    asked = _asked(options.rows)
    for target, kind in (("benchmarks.kit:floor", "floor"), ("yiwang.config.wsgi:application", "page")):
        with city.served(target) as port:
            for name, (page, least, expect) in asked.items():
                city.say(f"{NAMES[name]}（{kind}）……")
                wire = [least] if kind == "floor" else [page]
                found = city.measure(port, wire, clients=options.clients, seconds=options.seconds, expect=b"B-" if kind == "floor" else expect)
                out["pages"].setdefault(name, {})[kind] = found
    for both in out["pages"].values():
        both["ratio"] = round(both["page"]["per_second"] / both["floor"]["per_second"], 4)
    out["import"], out["export"] = _import(url, options.lines), _export(url, options.lines)
    print(json.dumps(out, ensure_ascii=False) if options.json else _words(out))
    return 0


def floor(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The rows by one statement, as JSON."""
    kind, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
    if kind == "row":
        statement, values = ROW, [int(key)]
    elif kind == "search":
        statement, values = WORD, ["南渡 & 渡河"]
    else:
        statement, values = LIST.format(more=f"AND (changed_at, id) < ((SELECT changed_at FROM river_chief_river WHERE id = {int(key)}), {int(key)})" if key else ""), [KIND]
    body = json.dumps(_connection().execute(statement, values, prepare=True).fetchall(), default=str).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


_kept: list["psycopg.Connection[Any]"] = []


def _connection() -> "psycopg.Connection[Any]":
    if not _kept:
        _kept.append(psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, options=city.SYSTEM))
    return _kept[0]


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="kit", description="generic lists, interface, import and export beside PostgreSQL alone")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--lines", type=int, default=20_000, help="rows brought in and taken away")
    parser.add_argument("--quick", action="store_true", help="100,000 rows, 2,000 lines, 2 seconds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rows, options.lines, options.seconds = min(options.rows, 100_000), min(options.lines, 2_000), 2.0
    return options


def _database(rows: int) -> str:
    """The rows by one transaction, half a million a statement, the indexes of the product made afterwards: cut off, nothing is there, and the next run begins anew."""
    url = city.own_database(f"kit_{rows}")
    city.move_to(url)
    _people()
    with psycopg.connect(url, autocommit=True, options=city.SYSTEM) as connection:
        if _loaded(connection) < rows:
            _load(connection, rows)
            connection.execute("VACUUM ANALYZE river_chief_river")
    return url


def _people() -> None:
    from demo import cast, divisions
    from yiwang.engines.registers import api as registers
    from yiwang.platforms.identity.models import Account

    if not Account.objects.filter(username=USER).exists():
        registers.seed_calendar()
        divisions.load_divisions()
        divisions.load_organisations()
        cast.load_cast()


def _loaded(connection: "psycopg.Connection[Any]") -> int:
    row = connection.execute("SELECT count(*) FROM river_chief_river WHERE code LIKE 'B-%'").fetchone()
    return int(row[0]) if row else 0


def _load(connection: "psycopg.Connection[Any]", rows: int) -> None:
    begun = time.monotonic()
    with connection.transaction():
        connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # keys are looked up after each statement: a transaction would remember every row until its end
        connection.execute("DELETE FROM river_chief_river")
        made = connection.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'river_chief_river' AND indexdef NOT LIKE 'CREATE UNIQUE%'").fetchall()
        for name, _ in made:
            connection.execute(psycopg.sql.SQL("DROP INDEX {}").format(psycopg.sql.Identifier(name)))
        for first in range(1, rows + 1, 500_000):
            connection.execute(FILL.format(first=first, last=min(first + 499_999, rows)))  # type: ignore[call-overload]  # numbers made here
            city.say(f"载入 {min(first + 499_999, rows):,}/{rows:,}，{time.monotonic() - begun:.0f} 秒")
        for name, definition in made:
            connection.execute(definition)
            city.say(f"索引 {name}，{time.monotonic() - begun:.0f} 秒")


def _asked(rows: int) -> dict[str, tuple[bytes, bytes, bytes]]:
    """For every page: its request, the floor's request for the same rows, and what must stand in the answer."""
    from django.test import Client

    from yiwang.engines.registers import api as registers
    from yiwang.kit.registry import registry
    from yiwang.platforms.identity.models import Account

    client = Client()
    client.force_login(Account.objects.get(username=USER), backend="yiwang.platforms.identity.doors.AccountBackend")
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    river = registry().registers["river"]
    middle = river.model._default_manager.get(pk=rows // 2 // 50 * 50)
    from yiwang.engines.registers import listing

    key = listing._key(middle, "changed_at")
    query = f"kind={KIND}&order=-changed_at"
    assert registers.parse(river, {"kind": KIND, "order": "-changed_at", "after": key}).after == key
    return {
        "list": (city.get(f"/work/r/river/?{query}", Cookie=cookie), city.get("/list"), b"B-"),
        "deep": (city.get(f"/work/r/river/?{query}&after={key}", Cookie=cookie), city.get(f"/list/{middle.pk}"), b"B-"),
        "search": (city.get("/work/r/river/?q=%E5%8D%97%E6%B8%A1%E6%B2%B3", Cookie=cookie), city.get("/search"), b"B-"),
        "rest": (city.get(f"/api/registers/river/rows?{query}"), city.get("/list"), b"B-"),
        "row": (city.get(f"/api/registers/river/rows/{middle.pk}"), city.get(f"/row/{middle.pk}"), b"B-"),
    }


def _import(url: str, lines: int) -> dict[str, float]:
    """Rows a second from the file to the register (read, checked, written with versions), and by COPY into a table without rules."""
    from yiwang.engines.registers import api as registers
    from yiwang.engines.registers import imports
    from yiwang.kit.registry import registry
    from yiwang.platforms.identity import api as identity

    city.say("导入……")
    river, actor, stamp = registry().registers["river"], identity.actor_of_account(USER), int(time.time())
    rows = [(f"I-{stamp}-{n}", f"导入河{n}", "河流", "廉江市", str(1 + n % 90)) for n in range(lines)]
    text = "河湖编码,名称,类型,所属区划,长度（公里）\n" + "\n".join(",".join(row) for row in rows)
    begun = time.perf_counter()
    source = registers.receive(actor, river, io.BytesIO(text.encode()), "测速.csv")
    imports.run(source.pk)
    checked = time.perf_counter()
    registers.confirm(actor, source.pk, "all")
    imports.run(source.pk)
    written = time.perf_counter()
    with psycopg.connect(url, autocommit=True, options=city.SYSTEM) as connection:
        connection.execute("CREATE TEMP TABLE plain (code text, name text, kind text, division text, length numeric)")
        copied = time.perf_counter()
        with connection.cursor().copy("COPY plain FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        floor = time.perf_counter() - copied
        connection.execute("DELETE FROM registers_version WHERE subject_id IN (SELECT id::text FROM river_chief_river WHERE code LIKE %s)", [f"I-{stamp}-%"])
        connection.execute("DELETE FROM river_chief_river WHERE code LIKE %s", [f"I-{stamp}-%"])
        connection.execute("DELETE FROM registers_importline WHERE source_id = %s", [source.pk])
    whole = written - begun
    return {"check_per_second": round(lines / (checked - begun)), "write_per_second": round(lines / (written - checked)), "per_second": round(lines / whole),
            "copy_per_second": round(lines / floor), "ratio": round(floor / whole, 4)}  # fmt: skip


def _export(url: str, lines: int) -> dict[str, float]:
    """Rows a second and peak memory of a process that takes `lines` rows away as CSV, and by COPY TO."""
    city.say("导出……")
    done = subprocess.run([sys.executable, "-c", "from benchmarks import kit; kit.take_away()", str(lines * 10)], check=True, capture_output=True, text=True)
    mine = json.loads(done.stdout.splitlines()[-1])
    with psycopg.connect(url, options=city.SYSTEM) as connection:
        begun = time.perf_counter()
        columns = "code, name, kind, division_id, length_km, changed_at"
        with connection.cursor().copy(f"COPY (SELECT {columns} FROM river_chief_river WHERE kind = '{KIND}' ORDER BY name, id LIMIT {int(mine['rows'])}) TO STDOUT (FORMAT csv)") as copy:  # type: ignore[arg-type]  # numbers made here
            size = sum(len(part) for part in copy)
        floor = time.perf_counter() - begun
    assert size
    return {**mine, "copy_per_second": round(mine["rows"] / floor), "ratio": round(mine["per_second"] * floor / mine["rows"], 4)}


def take_away() -> None:
    """In a process of its own: its memory is the export's."""
    import django

    django.setup()
    from yiwang.engines.registers import writing
    from yiwang.engines.registers.models import Export
    from yiwang.kit.actors import SYSTEM
    from yiwang.kit.registry import registry

    registry()
    most, base = int(sys.argv[1]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun, rows = time.perf_counter(), 0
    export = Export(register="river", format="csv", reason="测速", by_name="测速", rows=most)
    for part in writing.content(SYSTEM, registry().registers["river"], writing.Query(filters={"kind": KIND}), export):
        rows += part.count(b"\n")
        if rows >= most:
            break
    seconds = time.perf_counter() - begun
    print(json.dumps({"rows": rows, "per_second": round(rows / seconds), "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024), "base_mb": round(base / 1024)}))


def _words(out: dict[str, Any]) -> str:
    rows = [
        f"  {NAMES[name]:10} {p['page']['per_second']:>8,.1f}/s  p95 {p['page']['p95_ms']:>8} ms   裸 SQL {p['floor']['per_second']:>8,.1f}/s  p95 {p['floor']['p95_ms']:>7} ms   {p['ratio']:.1%}"
        for name, p in out["pages"].items()
    ]
    brought, taken = out["import"], out["export"]
    return "\n".join([
        f"{out['rows']:,} 行，{out['clients']} 个客户端，各 {out['seconds']} 秒", *rows,
        f"  导入 {brought['per_second']:,} 行/秒（检查 {brought['check_per_second']:,}，写入 {brought['write_per_second']:,}），COPY {brought['copy_per_second']:,} 行/秒，{brought['ratio']:.1%}",
        f"  导出 {taken['per_second']:,} 行/秒，内存最多 {taken['peak_mb']} MB（不导出时 {taken['base_mb']} MB），COPY {taken['copy_per_second']:,} 行/秒，{taken['ratio']:.1%}",
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
