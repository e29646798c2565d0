"""A whole city of its own for journeys, kills and benchmarks: fresh database, web, worker, event stream and stand-ins as separate processes."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    """Below the range from which outgoing connections take theirs: still free when the process that is to listen there starts, or starts again."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


@dataclass
class City:
    """Its address and processes; `stop` leaves nothing behind."""

    database: str
    home: Path
    port: int = field(default_factory=free_port)
    payment_port: int = field(default_factory=free_port)
    sms_port: int = field(default_factory=free_port)
    province_port: int = field(default_factory=free_port)
    stream_port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ, "DATABASE_URL": self.database, "YIWANG_HOME": str(self.home), "YIWANG_PUBLIC_URL": self.url,
            "YIWANG_STREAM_URL": f"http://localhost:{self.stream_port}", "YIWANG_NOTICE": "演示数据",
            "DJANGO_SETTINGS_MODULE": "yiwang.config.settings", "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}",
        }  # fmt: skip

    def run(self, *command: str) -> None:
        subprocess.run([sys.executable, *command], cwd=ROOT, env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def load(self, *options: str) -> None:
        """What the demo city has and this one lacks; the stand-ins are known at this city's own ports."""
        peers = {"payment": self.payment_port, "sms": self.sms_port, "province": self.province_port}
        self.run("-m", "demo", "load", *options, *(word for name, port in peers.items() for word in (f"--{name}-url", f"http://127.0.0.1:{port}")))

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What no user may do, such as moving a deadline; rows, if the statement returns any."""
        import psycopg

        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute("SELECT set_config('yiwang.mode', 'system', false)")
            answer = connection.execute(statement, values)  # type: ignore[call-overload]  # statements of the tests, not data
            return answer.fetchall() if answer.description else []

    def start(self, name: str) -> None:
        """web, worker, peers or stream, in a process group of its own so that a kill reaches all of it."""
        web = ["-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1", "--blocking-threads", "4", "--no-ws"]
        commands = {
            "web": [*web, "yiwang.config.wsgi:application"],
            "stream": ["-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(self.stream_port), "--no-ws", "yiwang.config.stream:application"],
            "worker": ["manage.py", "procrastinate", "worker"],
            "peers": ["-m", "demo.peers", str(self.payment_port), str(self.sms_port), str(self.province_port)],
        }
        environment = {**self.environment, **({"YIWANG_PROCESS": name} if name in {"web", "stream"} else {})}
        log = (self.home / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, *commands[name]], cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
        )

    def revive(self) -> None:
        """Starts again what has died, as the launcher does."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None:
                self.start(name)

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> None:
        process = self.processes.pop(name)
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            return
        process.wait(20)

    def wait(self, seconds: float = 40) -> None:
        """Until the web answers."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.url}/accounts/login/", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        raise RuntimeError(f"web did not answer:\n{(self.home / 'web.log').read_text()[-3000:]}")

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name, signal.SIGTERM if name == "worker" else signal.SIGKILL)
        _drop(self.database)
        shutil.rmtree(self.home, ignore_errors=True)


def raise_city(*, scale: int = 1) -> City:
    """A loaded city with all processes running."""
    city = load_city(scale=scale)
    open_city(city)
    return city


def load_city(*, scale: int = 1) -> City:
    """A city without cases, of which nothing runs yet: to be opened, or to be copied."""
    base = os.environ.get("DATABASE_URL") or (Path(os.environ.get("YIWANG_HOME", ROOT / "var")) / "database.url").read_text().strip()
    city = City(_fresh(base), Path(tempfile.mkdtemp(prefix="yiwang-city-")))
    try:
        _admin(city.database, f'CREATE DATABASE "{_name(city.database)}"')
        city.run("manage.py", "migrate", "-v", "0")
        city.load("--no-cases", "--scale", str(scale))
    except BaseException:
        city.stop()
        raise
    return city


def copy_of(loaded: City) -> City:
    """Another city of the same people, keys and rows, with addresses of its own. Nothing may run in the one that is copied."""
    city = City(_fresh(loaded.database), Path(tempfile.mkdtemp(prefix="yiwang-city-")))
    shutil.copytree(loaded.home, city.home, dirs_exist_ok=True)
    try:
        _admin(city.database, f'CREATE DATABASE "{_name(city.database)}" TEMPLATE "{_name(loaded.database)}"')
    except BaseException:
        city.stop()
        raise
    return city


def open_city(city: City) -> None:
    """Starts all processes; a city that does not open is taken away."""
    try:
        for name in ("web", "worker", "peers", "stream"):
            city.start(name)
        city.wait()
    except BaseException:
        city.stop()
        raise


def _fresh(base: str) -> str:
    return urlunsplit(urlsplit(base)._replace(path=f"/yw_{secrets.token_hex(4)}"))


def _drop(database: str) -> None:
    """FORCE may not end a vacuum that runs by itself, which is the server's own; without it the server ends that."""
    import psycopg

    try:
        _admin(database, f'DROP DATABASE IF EXISTS "{_name(database)}" WITH (FORCE)')
    except psycopg.errors.InsufficientPrivilege:
        _admin(database, f'DROP DATABASE IF EXISTS "{_name(database)}"')


def _admin(database: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(urlunsplit(urlsplit(database)._replace(path="/postgres")), autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]  # a name made here, not data


def _name(database: str) -> str:
    return urlsplit(database).path.lstrip("/")
