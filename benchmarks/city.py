"""What the benchmarks share: a database of their own, a real server in front of it, and clients that ask all at once and believe no wrong answer."""

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

import psycopg
import psycopg.sql

SERVE = ("--host", "127.0.0.1", "--no-ws", "--log-level", "error", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "1")
SYSTEM = "-c yiwang.mode=system"  # row security lets the loader and the floors through


def say(words: str) -> None:
    """Progress, on the error stream: the answer alone is for the output."""
    print(words, file=sys.stderr, flush=True)


def own_database(kind: str) -> str:
    """The URL of `<name>_bench_<kind>` on the server of DATABASE_URL, made when it is not there; never the installation's own."""
    given = urlsplit(os.environ["DATABASE_URL"])
    name = f"{given.path.lstrip('/') or 'yiwang'}_bench_{kind}"
    with psycopg.connect(given.geturl(), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    return given._replace(path=f"/{name}").geturl()


def drop_database(url: str) -> None:
    """Only one that `own_database` made."""
    name = urlsplit(url).path.lstrip("/")
    if "_bench_" not in name:
        raise ValueError(f"{name} is not a benchmark's database")
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(psycopg.sql.Identifier(name)))


def move_to(url: str) -> None:
    """This process and those it starts work in the database at `url`; Django is ready afterwards and the tables are there."""
    import django
    from django.core.management import call_command

    os.environ |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "yiwang.config.settings", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    django.setup()
    call_command("migrate", verbosity=0)


@contextmanager
def served(target: str, **environment: str) -> Iterator[int]:
    """The port of a granian (two workers, one thread each) that serves the WSGI application `target`."""
    port = free_port()
    command = [sys.executable, "-m", "granian", *SERVE, "--port", str(port), target]
    running = subprocess.Popen(command, env={**os.environ, "YIWANG_PROCESS": "web", "PYTHONWARNINGS": "ignore", **environment}, stdout=subprocess.DEVNULL)
    try:
        _await(port, running)
        yield port
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(20)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _await(port: int, running: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and running.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


def measure(port: int, asked: Sequence[bytes], *, clients: int, seconds: float, expect: bytes) -> dict[str, float]:
    """All clients at once, each a process with one kept connection and its share of the requests: answers per second, p50 and p95 in ms."""
    ask(port, asked[:64], 0.5, expect)  # warm
    with ProcessPoolExecutor(clients) as pool:
        waits = [pool.submit(ask, port, asked[n::clients] or asked, seconds, expect) for n in range(clients)]
        times = sorted(t for wait in waits for t in wait.result())
    return {
        "per_second": round(len(times) / seconds, 1),
        "p50_ms": round(statistics.median(times) * 1000, 2),
        "p95_ms": round(times[int(len(times) * 0.95)] * 1000, 2),
    }


def ask(port: int, asked: Sequence[bytes], seconds: float, expect: bytes) -> list[float]:
    """Seconds that each answer took. Every answer must be 200 and hold `expect`: a fast refusal is no answer."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as answers:
        for request in cycle(asked):
            begun = time.perf_counter()
            if begun >= end:
                return times
            connection.sendall(request)
            if expect not in answer(answers):
                raise SystemExit(f"the answer to {request.split()[1]!r} is not the page that was asked for")
            times.append(time.perf_counter() - begun)
    return times


def get(path: str, **headers: str) -> bytes:
    """A GET request as it goes over the wire."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answer(answers: Any) -> bytes:
    """The body of the next answer, which must be 200 and say how long it is."""
    status, length = answers.readline(), 0
    if b" 200 " not in status:
        raise SystemExit(f"the server answered {status!r}")
    while (line := answers.readline()) not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return bytes(answers.read(length))
