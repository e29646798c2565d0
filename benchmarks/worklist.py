"""An approver's work list and a case page among a million cases, beside the least raw SQL that fetches the same rows through the same server.

    python -m benchmarks.worklist [--cases N] [--clients N] [--seconds S] [--quick] [--json]

Asked are the whole list, the list of one lamp, its next page, and the pages of the open cases that lie before the approver, each by all clients at once
over kept connections, signed in by a session as a browser is. The floor asks no session, no right and no template: it fetches the rows and writes JSON.
The cases lie in a database of their own (`<name>_bench_cases_N`, kept between runs), never in the installation's.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

import psycopg

from benchmarks import cases, city

NAMES = {"list": "我的任务", "lamp": "按灯筛选", "next": "下一页", "case": "办件页"}
TASKS = """
SELECT t.id, t.title, t.due_at, t.warn_at, t.opened_at, m.name, c.id, c.subject, c.number, c.urged_at, p.name
FROM procedures_task t JOIN procedures_case c ON c.id = t.case_id JOIN parties_party p ON p.id = c.applicant_id LEFT JOIN parties_party m ON m.id = t.assignee_id
WHERE t.closed_at IS NULL AND t.organ_id = %(organ)s AND t.role = 'approver' {more} ORDER BY t.due_at NULLS LAST, t.id LIMIT 31
"""
COUNTS = """
SELECT count(*) FILTER (WHERE due_at < now()), count(*) FILTER (WHERE due_at >= now() AND warn_at <= now()), count(*) FILTER (WHERE due_at >= now() AND warn_at > now()),
  count(*) FILTER (WHERE due_at IS NULL) FROM procedures_task WHERE closed_at IS NULL AND organ_id = %(organ)s AND role = 'approver'
"""
LISTS = {
    "list": TASKS.replace("{more}", ""),
    "lamp": TASKS.replace("{more}", "AND t.due_at >= now() AND t.warn_at <= now()"),
    "next": TASKS.replace("{more}", "AND (t.due_at, t.id) > (%(due)s, %(id)s)"),
}
CASE = (
    """SELECT c.*, a.name, o.name, d.name FROM procedures_case c JOIN parties_party a ON a.id = c.applicant_id JOIN parties_organisation o ON o.id = c.organ_id
    JOIN parties_division d ON d.code = c.division_id WHERE c.id = %(case)s""",
    """SELECT a.answers, a.sources, v.fields, i.name FROM acceptance_application a JOIN items_itemversion v ON v.id = a.version_id JOIN items_item i ON i.id = v.item_id
    WHERE a.case_id = %(case)s""",
    """SELECT e.name, e.at, e.opinion, o.name, p.id, d.title, d.number FROM procedures_event e LEFT JOIN parties_organisation o ON o.id = e.organ_id
    LEFT JOIN procedures_paper p ON p.event_id = e.id LEFT JOIN documents_document d ON d.id = p.document_id WHERE e.case_id = %(case)s ORDER BY e.sequence""",
    """SELECT d.name, d.amount, d.basis, m.at, m.kind, m.by, m.reason FROM procedures_deadline d JOIN procedures_deadlinemove m ON m.deadline_id = d.id
    WHERE d.case_id = %(case)s ORDER BY d.started_at""",
    """SELECT m.id, m.name, m.way, m.round, f.name FROM acceptance_material m JOIN acceptance_application a ON a.id = m.application_id LEFT JOIN documents_file f ON f.id = m.file_id
    WHERE a.case_id = %(case)s ORDER BY m.code""",
    "SELECT id, role, organ_id, assignee_id FROM procedures_task WHERE case_id = %(case)s AND closed_at IS NULL",
)


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    url = _database(options.cases)
    asked = _asked(options)
    out: dict[str, Any] = {"benchmark": "worklist", "cases": options.cases, "clients": options.clients, "seconds": options.seconds, **_office()}
    out["pages"] = {name: {"queries": _queries(requests[0][0])} for name, requests in asked.items()}
    for way, target in (("page", "yiwang.config.wsgi:application"), ("floor", "benchmarks.worklist:floor")):
        with city.served(target, DATABASE_URL=url) as port:
            for name, requests in asked.items():
                city.say(f"测量 {NAMES[name]}（{'页面' if way == 'page' else '裸 SQL'}）…")
                wire = [request[1] if way == "page" else request[2] for request in requests]
                out["pages"][name][way] = city.measure(port, wire, clients=options.clients, seconds=options.seconds, expect="测速".encode())
    for page in out["pages"].values():
        page["ratio"] = round(page["page"]["per_second"] / page["floor"]["per_second"], 3)
    print(json.dumps(out, ensure_ascii=False) if options.json else _words(out))
    return 0


def floor(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The least that could answer: prepared statements, their rows as JSON. /list/ORGAN, /lamp/ORGAN, /next/ORGAN/DUE/ID, /case/ID."""
    name, first, *rest = environ["PATH_INFO"].strip("/").split("/")
    values = {"case": first} if name == "case" else {"organ": first, "due": rest[0] if rest else None, "id": rest[1] if rest else None}
    statements = CASE if name == "case" else (LISTS[name], COUNTS)
    rows = [_connection().execute(statement, values, prepare=True).fetchall() for statement in statements]
    body = json.dumps(rows, ensure_ascii=False, default=str).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


_kept: "list[psycopg.Connection[Any]]" = []


def _connection() -> "psycopg.Connection[Any]":
    if not _kept:
        _kept.append(psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, options=city.SYSTEM))
    return _kept[0]


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="worklist", description="an approver's work list and case pages among a million cases, beside raw SQL")
    parser.add_argument("--cases", "--scale", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--quick", action="store_true", help="20,000 cases, 2 seconds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.quick:
        options.cases, options.seconds = min(options.cases, 20_000), 2.0
    return options


def _database(count: int) -> str:
    kind = f"cases_{count}"
    url = city.own_database(kind)
    if cases.loaded(url) != cases.fingerprint(count):
        city.drop_database(url)
        url = city.own_database(kind)
        city.move_to(url)
        city.say(f"载入 {count:,} 件办件 …")
        cases.load(url, count)
    else:
        city.move_to(url)
    return url


def _office() -> dict[str, int]:
    """How much lies before the approver: the office's cases and the open tasks of the role."""
    from yiwang.engines.procedures.models import Case, Task

    return {
        "office_cases": Case.objects.filter(organ__key=cases.OFFICE).count(),
        "office_tasks": Task.objects.filter(organ__key=cases.OFFICE, role="approver", closed_at=None).count(),
    }


def _asked(options: argparse.Namespace) -> dict[str, list[tuple[str, bytes, bytes]]]:
    """For every page: path, request with the approver's session, and the floor's request for the same rows."""
    from yiwang.engines.procedures import api as procedures
    from yiwang.platforms.identity import api as identity

    cookie = f"sessionid={_signed_in()}"
    actor = identity.actor_of_account(cases.APPROVER)
    organ = actor.seats[0].organ
    first = procedures.waiting(actor)
    due, _, last = first.after.partition("|")
    paths = {
        "list": [("/work/", f"/list/{organ}")],
        "lamp": [("/work/?lamp=yellow", f"/lamp/{organ}")],
        "next": [(f"/work/?after={quote(first.after)}", f"/next/{organ}/{quote(due)}/{last}")],
        "case": [(f"/work/cases/{task.case_id}", f"/case/{task.case_id}") for task in procedures.waiting(actor, size=options.clients * 20).tasks],
    }
    return {name: [(page, city.get(page, Cookie=cookie), city.get(floor)) for page, floor in both] for name, both in paths.items()}


def _signed_in() -> str:
    """A session of the approver, as signing in makes one."""
    from django.test import Client

    from yiwang.platforms.identity.models import Account

    client = Client()
    client.force_login(Account.objects.get(username=cases.APPROVER), backend="yiwang.platforms.identity.doors.AccountBackend")
    return client.cookies["sessionid"].value


def _queries(path: str) -> int:
    """How many statements the page sends to the database."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(headers={"Host": "127.0.0.1"})
    client.cookies["sessionid"] = _signed_in()
    client.get(path)  # what a process keeps after its first page (calendar, templates) is not counted
    with CaptureQueriesContext(connection) as seen:
        if client.get(path).status_code != 200:
            raise SystemExit(f"{path} does not answer")
    return len(seen)


def _words(out: dict[str, Any]) -> str:
    head = f"{out['cases']:,} 件办件（本单位 {out['office_cases']:,} 件，待办 {out['office_tasks']:,} 项），{out['clients']} 个客户端，各 {out['seconds']} 秒"
    rows = [
        f"  {NAMES[name]:5} {p['page']['per_second']:>8,.1f}/s  p50 {p['page']['p50_ms']:>7} ms  p95 {p['page']['p95_ms']:>7} ms  {p['queries']} 次查询"
        f"   裸 SQL {p['floor']['per_second']:>8,.1f}/s  p95 {p['floor']['p95_ms']:>7} ms   {p['ratio']:.1%}"
        for name, p in out["pages"].items()
    ]
    return "\n".join([head, *rows])


if __name__ == "__main__":
    sys.exit(main())
