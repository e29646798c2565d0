"""The processes of a running city: started together, watched, stopped together."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tools.launcher import place
from tools.launcher.say import Refusal, say

PATIENCE = 8  # seconds that a process has to end by itself
WATCH = 2  # seconds between two looks at the database


@dataclass
class Process:
    name: str
    command: list[str]
    environment: dict[str, str]
    running: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    next_try: float = 0.0

    @property
    def log(self) -> Path:
        folder = place.home() / "log"
        folder.mkdir(exist_ok=True)
        return folder / f"{self.name}.log"

    def start(self) -> None:
        with self.log.open("ab") as out:
            ends = place.dies_with_us(signal.SIGTERM)
            self.running = subprocess.Popen(self.command, cwd=place.ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, preexec_fn=ends)


@dataclass
class City:
    """All of them. `watch` returns on Ctrl-C or SIGTERM."""

    revive_database: Callable[[], bool]
    processes: list[Process] = field(default_factory=list)
    stopping: bool = False
    _looked: float = 0.0
    _database_tries: int = 0

    def add(self, name: str, *command: str, **environment: str) -> None:
        self.processes.append(Process(name, [str(place.PYTHON), *command], place.environment(**environment)))

    def start(self) -> None:
        """Starts the first, which people wait for; `start_rest` the others, so that they do not contend for the processor."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        self.processes[0].start()
        self._note()

    def start_rest(self) -> None:
        for process in self.processes[1:]:
            process.start()
        self._note()

    def watch(self) -> None:
        """Restarts what died, after a growing pause, and says so; the private database first."""
        while not self.stopping:
            self._look_at_database()
            for process in self.processes:
                if process.running and process.running.poll() is not None:
                    self._revive(process)
            time.sleep(0.3)

    def stop(self) -> None:
        for process in self.processes:
            _signal(process, signal.SIGTERM)
        end = time.monotonic() + PATIENCE
        for process in self.processes:
            if process.running:
                with suppress(subprocess.TimeoutExpired):
                    process.running.wait(max(0.1, end - time.monotonic()))
        sweep()

    def _note(self) -> None:
        """Remembers the sessions, so that the next start can end what a killed launcher left."""
        _record().write_text(json.dumps([p.running.pid for p in self.processes if p.running]))

    def _look_at_database(self) -> None:
        if time.monotonic() < self._looked:
            return
        self._looked = time.monotonic() + WATCH
        try:
            if self.revive_database():
                self._database_tries = 0
                say("！数据库意外停止，已经重新启动。")
        except Refusal as problem:
            self._database_tries += 1
            pause = min(60, 2**self._database_tries)
            self._looked = time.monotonic() + pause
            say(f"！{problem}\n  {pause} 秒后再试。")

    def _revive(self, process: Process) -> None:
        if process.next_try == 0.0:
            process.restarts += 1
            pause = min(60, 2 ** min(process.restarts, 6))
            process.next_try = time.monotonic() + pause
            tail = process.log.read_text(errors="replace").strip().splitlines()[-3:]
            say(f"！{process.name} 停止了，{pause} 秒后重新启动。最近的日志：\n  " + "\n  ".join(tail))
        elif time.monotonic() >= process.next_try:
            process.next_try = 0.0
            process.start()
            self._note()

    def _stop(self, *_: object) -> None:
        self.stopping = True


def sweep() -> None:
    """Ends what is left of the noted sessions: of a launcher that was killed, or workers that outlived their parent. Only with the home's lock held."""
    record = _record()
    if not record.exists():
        return
    try:
        sessions = set(json.loads(record.read_text()))
    except ValueError:  # cut off while writing
        sessions = set()
    for process in _of_sessions(sessions):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    record.unlink()


def _of_sessions(sessions: set[int]) -> list[int]:
    """Processes of these sessions that run in this repository: a session's number may belong to somebody else by now."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):
            session = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
            if session in sessions and (folder / "cwd").resolve() == place.ROOT:
                found.append(int(folder.name))
    return found


def _record() -> Path:
    return place.home() / "running.json"


def _signal(process: Process, number: signal.Signals) -> None:
    if process.running and process.running.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.running.pid, number)
