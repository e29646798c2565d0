"""`kill -9` of web, worker and database at random points of 200 submissions: every acknowledged case is there exactly once, with all that belongs to it."""

import base64
import ctypes
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from demo import people
from tests.city import ROOT, City, raise_city
from tools.launcher import cluster

COUNT, CLIENTS, KILLS, SEED = 200, 4, 9, 20260302
PATIENCE = 240  # seconds in which one submission must come through, kills and all; and in which the queue must be empty afterwards
CITY, TOWN = "440800000000", "440802001000"
PHOTO = b"%PDF-1.4\n%EOF"
MAKE = f"""
import django; django.setup()
from yiwang.engines.messages.models import Gateway
from yiwang.engines.parties import api as parties
from yiwang.kit.actors import SYSTEM
from yiwang.platforms.identity import api as identity
Gateway.objects.update(quiet_from=None, quiet_to=None)  # short messages wait until the morning, at night this test too would
organ = parties.organ_for("government_services_data", "{CITY}").pk
print(identity.make_client(SYSTEM, code="endure", name="试验系统", organ=organ, scope=["elderly_card_apply"], rate=1_000_000)[1])
"""
SEAL = """
import django; django.setup()
from yiwang.engines.audit import api as audit
while audit.seal_batch(): pass
"""
RECEIPTS = """
import django; django.setup()
from yiwang.engines.documents import api as documents
from yiwang.engines.documents.models import Document
bad = [d.number for d in Document.objects.filter(template="receipt").select_related("file") if not documents.verify(documents.read(d.file)).holds]
assert not bad, bad
"""


# --- a city whose database can be killed too ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def city() -> Iterator[City]:
    """On a cluster of its own, in a folder of its own."""
    home = Path(tempfile.mkdtemp(prefix="yiwang-endurance-"))
    home.chmod(0o711)  # the cluster's user passes through
    before = {name: os.environ.pop(name, None) for name in ("YIWANG_HOME", "DATABASE_URL")}
    os.environ["YIWANG_HOME"] = str(home)
    raised = None
    _adopt_orphans()
    try:
        cluster.start()
        raised = raise_city(scale=0)
        yield raised
    finally:
        for name in list(raised.processes) if raised else ():
            raised.kill(name)
        if raised:
            shutil.rmtree(raised.home, ignore_errors=True)
        cluster.stop()
        shutil.rmtree(cluster.place_of_cluster(), ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)
        os.environ.pop("YIWANG_HOME")
        os.environ.update({name: value for name, value in before.items() if value is not None})


def kill_database() -> None:
    """The postmaster and every backend, at one blow; then up again through its recovery."""
    postmaster = int((cluster.place_of_cluster() / "postmaster.pid").read_text().split()[0])
    struck = [postmaster, *_children(postmaster)]
    for process in struck:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue
    for process in struck:
        _bury(process)
    cluster.start()


def _children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(status.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(status.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _adopt_orphans() -> None:
    """The processes whose parents die become ours, to be buried: not every container's first process does that, and pg_ctl takes the unburied for alive."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER, linux/prctl.h


def _bury(process: int) -> None:
    while Path(f"/proc/{process}").exists():
        try:
            os.waitpid(process, 0)
        except ChildProcessError:
            time.sleep(0.02)  # not ours yet: its parent is dying


# --- clients that never give up ----------------------------------------------------------------------------------------------------------------


@dataclass
class Race:
    """The clients' side: what was acknowledged, and when the killer strikes."""

    city: City
    secret: str
    token: str = ""
    begun: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    failures: Counter[str] = field(default_factory=Counter)
    acknowledged: dict[str, str] = field(default_factory=dict)  # key → case
    lock: threading.Lock = field(default_factory=threading.Lock)

    def submit(self, number: int) -> None:
        """One submission, tried again with its key until it is acknowledged."""
        with self.lock:
            self.begun += 1
        key, end = f"endure-{number:04d}", time.monotonic() + PATIENCE
        while time.monotonic() < end and not self.over.is_set():
            status, body = self._call("/api/cases", application(number, key), self.token)
            if status in (200, 201):
                self.acknowledged[key] = body["id"]
                return
            self.failures[str(status or body)] += 1
            assert status is None or status >= 500 or status == 401, (status, body)
            time.sleep(0.15)
        raise AssertionError(f"{key} was never acknowledged; {self.failures}")

    def sign_in(self) -> None:
        status, body = self._call("/api/oauth/token", {"client_id": "endure", "client_secret": self.secret})
        assert status == 200, body
        self.token = body["access_token"]

    def _call(self, path: str, body: Any, token: str = "") -> tuple[int | None, Any]:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        request = urllib.request.Request(self.city.url + path, data=json.dumps(body).encode(), headers=headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as problem:
            return problem.code, problem.read()[:300]
        except (OSError, ValueError, urllib.error.URLError, EOFError) as broken:  # refused, cut off in the middle, half an answer
            return None, type(broken).__name__
        except Exception as broken:  # noqa: BLE001  # http.client names a cut connection in several ways
            return None, type(broken).__name__


def application(number: int, key: str) -> dict[str, Any]:
    """Of a person too young for the card, so that it waits for the window: ten applications each."""
    born, who = date(1999, 5, 1), number // 10
    citizen, name, phone = people.number_of(born, 700 + who), f"试验者{'甲乙丙丁戊己庚辛壬癸'[who % 10]}", people.phone_of(98_000_000 + who)
    return {
        "key": key, "item": "elderly_card_apply", "division": TOWN, "applicant": {"name": name, "number": citizen, "phone": phone}, "situation": {"who": "self"},
        "answers": {"name": name, "number": citizen, "birth": born.isoformat(), "phone": phone},
        "materials": [{"code": code, "name": f"{code}.pdf", "content": base64.b64encode(PHOTO).decode()} for code in ("id", "photo")],
    }  # fmt: skip


def strike(race: Race) -> list[str]:
    """Kills at seeded points of the run, restarts at once, and revives whatever died of it, until the run is over; its own failure ends the run."""
    try:
        return _strike(race)
    finally:
        race.over.set()


def _strike(race: Race) -> list[str]:
    chance = random.Random(SEED)
    points = sorted(chance.sample(range(5, COUNT - 30), KILLS))
    targets = ["web", "worker", "database"] * (KILLS // 3)
    chance.shuffle(targets)
    struck: list[str] = []
    while not race.over.is_set():
        if points and race.begun >= points[0]:
            points.pop(0)
            time.sleep(chance.random() * 0.1)
            struck.append(targets[len(struck)])
            if struck[-1] == "database":
                kill_database()
            else:
                race.city.kill(struck[-1])
                race.city.start(struck[-1])
        race.city.revive()
        time.sleep(0.01)
    return struck


# --- what must be true afterwards --------------------------------------------------------------------------------------------------------------


def drained(connection: "psycopg.Connection[Any]", city: City) -> None:
    """Until no job of ours is left. A job that failed for good is a failure of ours."""
    open_jobs = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND task_name IN ('procedures.make_paper', 'acceptance.decide', 'messages.dispatch')"
    end = time.monotonic() + PATIENCE
    while connection.execute(open_jobs).fetchone() != (0,):
        city.revive()
        assert time.monotonic() < end, connection.execute("SELECT task_name, status, attempts, scheduled_at, count(*) FROM procrastinate_jobs GROUP BY 1, 2, 3, 4").fetchall()
        time.sleep(0.3)
    assert connection.execute("SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed' AND task_name NOT LIKE 'kit.%%'").fetchone() == (0,)


EACH = """
SELECT c.key, c.id::text,
  (SELECT count(*) FROM procedures_task WHERE case_id = c.id),
  (SELECT count(*) FROM procedures_task WHERE case_id = c.id AND closed_at IS NULL),
  (SELECT string_agg(sequence || step, ' ' ORDER BY sequence) FROM procedures_event WHERE case_id = c.id),
  (SELECT string_agg(d.code || ':' || m.kind, ' ' ORDER BY m.at) FROM procedures_deadline d JOIN procedures_deadlinemove m ON m.deadline_id = d.id WHERE d.case_id = c.id),
  (SELECT count(*) FROM audit_entry WHERE "case" = c.id AND action = 'case.submit'),
  (SELECT count(*) FROM audit_entry WHERE "case" = c.id AND action = 'document.issue'),
  (SELECT count(*) FROM messaging_message WHERE "case" = c.id),
  (SELECT string_agg(x.channel || ':' || x.state, ' ') FROM messaging_dispatch x JOIN messaging_message m ON m.id = x.message_id WHERE m."case" = c.id),
  (SELECT count(*) FROM procedures_paper p JOIN procedures_event e ON e.id = p.event_id WHERE e.case_id = c.id AND p.document_id IS NOT NULL),
  (SELECT count(*) FROM documents_document WHERE "case" = c.id AND template = 'receipt'),
  (SELECT count(*) FROM acceptance_application WHERE case_id = c.id)
FROM procedures_case c WHERE c.client = 'endure'
"""
WHOLE = (1, 1, "1submit", "decide:start", 1, 1, 1, "sms:sent", 1, 1, 1)


def run(city: City, code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=city.environment, check=True, capture_output=True, text=True).stdout


def test_whatever_is_killed_what_was_acknowledged_is_there_once(city: City) -> None:
    race = Race(city, run(city, MAKE).strip().splitlines()[-1])
    race.sign_in()
    with ThreadPoolExecutor(CLIENTS + 1) as pool:
        killer = pool.submit(strike, race)
        clients = [pool.submit(race.submit, number) for number in range(COUNT)]
        wait(clients)
        race.over.set()
    struck = killer.result()
    for client in clients:
        client.result()
    assert Counter(struck) == {"web": KILLS // 3, "worker": KILLS // 3, "database": KILLS // 3}
    assert race.failures, "no client noticed a kill: the points lie badly"
    with psycopg.connect(city.database, autocommit=True, options="-c yiwang.mode=system") as connection:
        drained(connection, city)
        rows = connection.execute(EACH).fetchall()
        numbers = connection.execute("SELECT count(*), count(DISTINCT number) FROM documents_document WHERE template = 'receipt'").fetchone()
        people_made = connection.execute("SELECT count(*) FROM parties_party WHERE name LIKE '试验者%%'").fetchone()
    assert {key: case for key, case, *_ in rows} == race.acknowledged and len(rows) == len(race.acknowledged) == COUNT
    assert {row[0]: row[2:] for row in rows if row[2:] != WHOLE} == {}
    assert numbers == (COUNT, COUNT) and people_made == (COUNT // 10,)
    run(city, RECEIPTS)
    time.sleep(6)  # rows are sealed when they have settled
    run(city, SEAL)
    city.run("manage.py", "audit_check")
