"""A million cases as a city has them: 95 % closed over two and a half years, the open ones recent, with events, clocks, tasks, applications and papers.

Loaded into empty tables without indexes and keys, which come back afterwards, so that a million cases take minutes. The offices, posts, items and
officials are the demo city's.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import psycopg.sql

from benchmarks.city import SYSTEM, say

OFFICE = "market_regulation@440802"  # where the approver of the benchmark works
SHARE, LEAST = 0.01, 3_000  # of all cases, and how many at least, lie with that office
APPROVER, LEADER, CLERK = "shichang", "shichang_leader", "chikan_window"
TABLES = (
    "procedures_case", "procedures_event", "procedures_task", "procedures_deadline", "procedures_deadlinemove", "procedures_paper",
    "acceptance_application", "acceptance_material", "documents_file", "documents_document",
)  # fmt: skip


def fingerprint(count: int) -> str:
    """What a loaded database is known by: another number or another way of loading is another database."""
    return f"{count} {hashlib.sha256(repr(STATEMENTS).encode()).hexdigest()[:16]}"


def loaded(url: str) -> str:
    """The fingerprint that the database carries; empty for one that was never loaded to the end."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()").fetchone()
    return (found and found[0]) or ""


def load(url: str, count: int) -> None:
    """Fills the empty database of a migrated city."""
    _city()
    with psycopg.connect(url, options=SYSTEM, autocommit=True) as connection:
        with _bare(connection):
            for name, statement in STATEMENTS:
                say(f"  {name} …")
                connection.execute(_filled(statement, count))  # type: ignore[arg-type]  # our own text
            say("  索引和约束 …")
        connection.execute("VACUUM ANALYZE")
        name = psycopg.sql.Identifier(connection.info.dbname)
        connection.execute(psycopg.sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, psycopg.sql.Literal(fingerprint(count))))


def _filled(statement: str, count: int) -> str:
    values = {"count": count, "office": OFFICE, "share": max(SHARE, min(LEAST / count, 0.5))}
    for name, value in values.items():
        statement = statement.replace(f"{{{name}}}", str(value))
    return statement


def _city() -> None:
    from demo import cast, divisions
    from yiwang.engines.registers import api as registers
    from yiwang.platforms.items import api as items
    from yiwang.platforms.licences import api as licences

    for step in (registers.seed_calendar, divisions.load_divisions, divisions.load_organisations, licences.load_types, items.load_catalogue, cast.load_cast):
        step()


@contextmanager
def _bare(connection: "psycopg.Connection[tuple[str, ...]]") -> Iterator[None]:
    """Without the tables' indexes and keys to other tables inside the block; exactly those come back after it."""
    keys = connection.execute(KEYS, [list(TABLES)]).fetchall()
    indexes = connection.execute(INDEXES, [list(TABLES)]).fetchall()
    for table, name, _ in keys:
        connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')  # type: ignore[arg-type]
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"')  # type: ignore[arg-type]
    yield
    connection.execute("SET maintenance_work_mem = '256MB'")
    for _, definition in indexes:
        connection.execute(definition)  # type: ignore[arg-type]
    for table, name, definition in keys:
        connection.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')  # type: ignore[arg-type]


KEYS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid::regclass::text = ANY(%s) AND contype IN ('u', 'f') ORDER BY contype DESC, conname
"""
INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
WHERE i.indrelid::regclass::text = ANY(%s) AND NOT i.indisprimary AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype = 'u')
"""

# Ids as the application makes them: milliseconds since 2024 in the upper bits, so rows lie in the order of time. A child's id is its case's and a little more.
STATEMENTS = (
    ("申请人", """
INSERT INTO parties_party (id, kind, name, scheme, number, division_id, phone, address, verified, invented)
  SELECT n, 'person', '测速' || n, '111', 'B' || n, d.code, '154' || lpad(n::text, 8, '0'), '演示路' || n % 300 || '号', '人口库', true
  FROM generate_series(1, greatest({count} * 3 / 10, 100)) n
  JOIN (SELECT code, row_number() OVER (ORDER BY code) - 1 AS place, count(*) OVER () AS towns FROM parties_division WHERE level = 4) d ON d.place = n % d.towns
"""),
    ("实施清单", """
CREATE UNLOGGED TABLE bench_service AS
  SELECT row_number() OVER (ORDER BY o.key = '{office}' DESC, hashint8(p.id)) - 1 AS n, p.id, v.id AS version, i.key, i.name, p.organ_id, p.division_id, o.key AS office,
    coalesce((SELECT w.id FROM parties_organisation w WHERE w.function = 'admin_service_centre' AND w.division_id = left(p.division_id, 6) || '000000'), p.organ_id) AS hall,
    coalesce((SELECT jsonb_object_agg(f->>'code', CASE f->>'type' WHEN 'number' THEN '86' WHEN 'date' THEN '2026-03-02' WHEN 'phone' THEN '15499000001'
      WHEN 'citizen' THEN '440899198501010016' ELSE '湛江市赤坎区中华街道演示路88号' END) FROM jsonb_array_elements(v.fields) f), '{}') AS answers
  FROM items_implementation p JOIN items_item i ON i.id = p.item_id JOIN items_itemversion v ON v.item_id = i.id AND v.state = 'published'
  JOIN parties_organisation o ON o.id = p.organ_id WHERE v.procedure = 'promise' AND p.active
"""),
    ("经过", """
CREATE UNLOGGED TABLE bench_path (state text, k int, step text, name text, source text, target text, public bool, paper text);
INSERT INTO bench_path SELECT s.state, p.k, p.step, p.name, p.source, p.target, p.public, p.paper FROM (VALUES
  ('submitted', 1), ('correcting', 2), ('reviewing', 3), ('special', 4), ('deciding', 5), ('delivering', 7), ('done', 8), ('refused', 9), ('not-accepted', 10)) s (state, path),
  LATERAL (VALUES
  (1, 'submit', '提交申请', 'new', 'submitted', true, 'receipt', '{1,2,3,4,5,7,8,9,10}'::int[]),
  (2, 'ask_correction', '一次性告知补正', 'submitted', 'correcting', true, 'correction-notice', '{2}'),
  (2, 'decline', '不予受理', 'submitted', 'not-accepted', true, 'not-accepted', '{10}'),
  (2, 'accept', '受理', 'submitted', 'reviewing', true, 'acceptance', '{3,4,5,7,8,9}'),
  (3, 'begin_special', '进入特别程序', 'reviewing', 'special', true, '', '{4}'),
  (3, 'propose', '提交审查意见', 'reviewing', 'deciding', false, '', '{5,7,8,9}'),
  (4, 'grant', '准予许可', 'deciding', 'licensing', true, 'approval', '{7,8}'),
  (4, 'refuse', '不予许可', 'deciding', 'refused', true, 'refusal', '{9}'),
  (5, 'licensed', '证照制成', 'licensing', 'delivering', true, '', '{7,8}'),
  (6, 'deliver', '出件', 'delivering', 'done', true, '', '{8}')) p (k, step, name, source, target, public, paper, paths)
  WHERE s.path = ANY(p.paths);
ALTER TABLE bench_path ADD COLUMN opinion text;
UPDATE bench_path SET opinion = CASE step WHEN 'propose' THEN '材料齐全，符合法定条件，建议准予许可' WHEN 'grant' THEN '同意' ELSE '' END;
CREATE UNLOGGED TABLE bench_clock (state text, k int, code text, name text, amount int, basis text, expiry text, deems text, ended text);
INSERT INTO bench_clock SELECT s.state, c.k, c.code, c.name, c.amount, c.basis, c.expiry, c.deems, CASE WHEN s.last > c.k OR s.closed THEN 'finish' WHEN s.state = 'special' THEN 'suspend' ELSE '' END
  FROM (VALUES ('submitted', 1, false), ('correcting', 2, false), ('reviewing', 3, false), ('special', 3, false), ('deciding', 3, false), ('delivering', 4, false), ('done', 4, true),
    ('refused', 3, true), ('not-accepted', 1, true)) s (state, last, closed)
  JOIN (VALUES (1, 'accept', '受理期限', 5, '行政许可法第三十二条', 'deem', 'deem_accepted'), (2, 'correct', '补正期限', 10, '补正告知书', 'deem', 'lapse'),
    (3, 'decide', '办理时限', 7, '行政许可法第四十二条', 'alert', ''), (4, 'license', '制证送达期限', 10, '行政许可法第四十四条', 'alert', '')) c (k, code, name, amount, basis, expiry, deems)
  ON c.k <= s.last AND (c.k <> 2 OR s.state = 'correcting')
"""),
    ("抽签", """
SELECT setseed(0.5);
CREATE UNLOGGED TABLE bench_draw AS
  SELECT n, now() - interval '900 days' * (1 - n / {count}.0) AS opened, random() AS a, random() AS b, random() AS c, random() AS d FROM generate_series(1, {count}) n;
CREATE UNLOGGED TABLE bench_case AS
  SELECT r.n, (floor(extract(epoch FROM r.opened) * 1000)::bigint - 1704067200000) << 22 AS id, r.opened, s.id AS service, s.version, s.key, s.name, s.organ_id, s.hall, s.division_id, s.answers,
    1 + floor(r.d ^ 2 * greatest({count} * 3 / 10, 100))::bigint AS applicant,
    CASE WHEN r.a < CASE WHEN r.opened > now() - interval '45 days' THEN 0.95 ELSE 0.003 END
      THEN CASE WHEN r.b < 0.2 THEN 'submitted' WHEN r.b < 0.3 THEN 'correcting' WHEN r.b < 0.75 THEN 'reviewing' WHEN r.b < 0.8 THEN 'special' WHEN r.b < 0.95 THEN 'deciding' ELSE 'delivering' END
      ELSE CASE WHEN r.b < 0.92 THEN 'done' WHEN r.b < 0.96 THEN 'refused' ELSE 'not-accepted' END END AS state,
    r.a, now() + interval '1 day' * (r.d * 12 - 1.5) AS due
  FROM bench_draw r CROSS JOIN (SELECT count(*) AS all_services, count(*) FILTER (WHERE office = '{office}') AS own FROM bench_service) t
  JOIN bench_service s ON s.n = CASE WHEN r.c < {share} THEN floor(r.c / {share} * t.own) ELSE t.own + floor(((r.c - {share}) / (1 - {share})) ^ 2 * (t.all_services - t.own)) END;
ALTER TABLE bench_case ADD COLUMN closed timestamptz, ADD COLUMN runs bool;
UPDATE bench_case SET closed = CASE WHEN state IN ('done', 'refused', 'not-accepted') THEN least(opened + interval '1 day' * (1 + a * 12), now()) END, runs = state NOT IN ('done', 'refused', 'not-accepted', 'special');
ANALYZE bench_case
"""),
    ("办件", """
INSERT INTO procedures_case (id, number, procedure, version, state, subject, item_key, applicant_id, organ_id, division_id, channel, client, key, revision, opened_at, accepted_at, closed_at, outcome, due_at, warn_at)
  SELECT c.id, left(division_id, 6) || to_char(opened, 'YYYYMMDD') || lpad(n::text, 7, '0'), 'promise', 1, c.state, c.name, c.key, applicant, organ_id, division_id,
    CASE n % 3 WHEN 0 THEN 'counter' ELSE 'internet' END, '', 'bench-' || n, p.events, opened, CASE WHEN p.accepted THEN opened + interval '1 day' END, closed,
    CASE c.state WHEN 'done' THEN 'granted' WHEN 'refused' THEN 'refused' WHEN 'not-accepted' THEN 'not-accepted' ELSE '' END,
    CASE WHEN runs THEN due END, CASE WHEN runs THEN due - interval '2 days' END
  FROM bench_case c JOIN (SELECT state, max(k) AS events, bool_or(step = 'accept') AS accepted FROM bench_path GROUP BY state) p USING (state) ORDER BY n
"""),
    ("办理记录", """
INSERT INTO procedures_event (id, case_id, sequence, step, name, source, target, at, actor, opinion, public, data, organ_id)
  SELECT c.id + p.k, c.id, p.k, p.step, p.name, p.source, p.target, opened + interval '1 day' * (p.k - 1) * 0.8, '测速', p.opinion, p.public, '{}', CASE WHEN p.k > 1 THEN organ_id END
  FROM bench_case c JOIN bench_path p USING (state) ORDER BY n, p.k
"""),
    ("任务", """
INSERT INTO procedures_task (id, case_id, state, title, role, organ_id, opened_at, closed_at, due_at, warn_at)
  SELECT c.id + t.k, c.id, t.state, t.title, t.role, CASE t.role WHEN 'window-clerk' THEN hall ELSE organ_id END, opened + interval '1 day' * t.k * 0.8,
    CASE WHEN c.state <> t.state THEN opened + interval '1 day' * (t.k + 1) * 0.8 END, CASE WHEN runs THEN due END, CASE WHEN runs THEN due - interval '2 days' END
  FROM bench_case c JOIN bench_path p USING (state)
  JOIN (VALUES (1, 'submitted', '受理审查', 'window-clerk'), (2, 'correcting', '补正材料', 'applicant'), (3, 'reviewing', '审查', 'approver'), (4, 'special', '特别程序', 'approver'),
    (5, 'deciding', '作出决定', 'reviewer'), (6, 'delivering', '出件', 'window-clerk')) t (k, state, title, role) ON t.state = p.target
  ORDER BY n, t.k
"""),
    ("时限", """
INSERT INTO procedures_deadline (id, case_id, code, name, amount, unit, basis, extended, started_at, due_at, warn_at, suspended_at, finished_at, expiry, deems)
  SELECT c.id + k.k, c.id, k.code, k.name, k.amount, 'working', k.basis, 0, opened + interval '1 day' * k.k, CASE WHEN k.ended <> 'suspend' THEN due END, CASE WHEN k.ended <> 'suspend' THEN due - interval '2 days' END,
    CASE k.ended WHEN 'suspend' THEN opened + interval '2 days' END, CASE k.ended WHEN 'finish' THEN opened + interval '1 day' * (k.k + 1) END, k.expiry, k.deems
  FROM bench_case c JOIN bench_clock k USING (state) ORDER BY n, k.k
"""),
    ("计时记录", """
INSERT INTO procedures_deadlinemove (id, deadline_id, kind, at, by, amount, reason)
  SELECT c.id + k.k * 2 + m.later, c.id + k.k, CASE m.later WHEN 0 THEN 'start' ELSE k.ended END, opened + interval '1 day' * (k.k + m.later), '测速', 0, ''
  FROM bench_case c JOIN bench_clock k USING (state) JOIN (VALUES (0), (1)) m (later) ON m.later = 0 OR k.ended <> '' ORDER BY n, k.k
"""),
    ("文件和文书", """
INSERT INTO documents_file (id, digest, sm3, size, media_type, name, owner, "case", stored_at)
  SELECT id, md5(n::text), md5(n::text), 20000, 'application/pdf', '测速.pdf', NULL, id, opened FROM bench_case ORDER BY n;
INSERT INTO documents_document (id, number, template, template_digest, title, data, file_id, organ_id, "case", issued_at)
  SELECT c.id + p.k, '测速〔2026〕' || n || '-' || p.k || '号', p.paper, '', p.name || '通知书', '{}', c.id, organ_id, c.id, opened
  FROM bench_case c JOIN bench_path p USING (state) WHERE p.paper <> '' ORDER BY n, p.k;
INSERT INTO procedures_paper (id, event_id, template, document_id, made_at)
  SELECT c.id + p.k, c.id + p.k, p.paper, c.id + p.k, opened FROM bench_case c JOIN bench_path p USING (state) WHERE p.paper <> '' ORDER BY n, p.k
"""),
    ("申请和材料", """
INSERT INTO acceptance_application (id, case_id, service_id, version_id, situation, answers, sources, proposal)
  SELECT id, id, service, version, '{}', answers, '{}', CASE WHEN state IN ('deciding', 'delivering', 'done') THEN 'grant' ELSE '' END FROM bench_case ORDER BY n;
INSERT INTO acceptance_material (id, application_id, code, name, way, file_id, round, check_result, note, given_at)
  SELECT c.id + m, c.id, 'm' || m, '申请材料' || m, CASE m WHEN 1 THEN 'upload' ELSE 'register' END, CASE m WHEN 1 THEN c.id END, 1, '', '', opened
  FROM bench_case c CROSS JOIN generate_series(1, 2) m ORDER BY n, m;
DROP TABLE bench_case, bench_draw, bench_service, bench_path, bench_clock
"""),
)  # fmt: skip
