"""The processes of a running city: started together, watched, stopped together."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tools.launcher import place


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
            self.running = subprocess.Popen(self.command, cwd=place.ROOT, env=self.environment, stdout=out, stderr=out, start_new_session=True)


@dataclass
class City:
    """All of them. `watch` returns on Ctrl-C or SIGTERM."""

    processes: list[Process] = field(default_factory=list)
    stopping: bool = False

    def add(self, name: str, *command: str, **environment: str) -> None:
        self.processes.append(Process(name, [str(place.PYTHON), *command], place.environment(**environment)))

    def start(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        for process in self.processes:
            process.start()

    def watch(self) -> None:
        """Restarts what died, after a growing pause, and says so."""
        while not self.stopping:
            for process in self.processes:
                if process.running and process.running.poll() is not None:
                    self._revive(process)
            time.sleep(0.3)

    def stop(self) -> None:
        for process in self.processes:
            _signal(process, signal.SIGTERM)
        end = time.monotonic() + 10
        for process in self.processes:
            if process.running:
                try:
                    process.running.wait(max(0.1, end - time.monotonic()))
                except subprocess.TimeoutExpired:
                    _signal(process, signal.SIGKILL)

    def _revive(self, process: Process) -> None:
        if process.next_try == 0.0:
            process.restarts += 1
            pause = min(60, 2 ** min(process.restarts, 6))
            process.next_try = time.monotonic() + pause
            tail = process.log.read_text(errors="replace").strip().splitlines()[-3:]
            print(f"! {process.name} 停止了，{pause} 秒后重新启动。最近的日志：\n  " + "\n  ".join(tail), flush=True)
        elif time.monotonic() >= process.next_try:
            process.next_try = 0.0
            process.start()

    def _stop(self, *_: object) -> None:
        self.stopping = True


def _signal(process: Process, number: signal.Signals) -> None:
    if process.running and process.running.poll() is None:
        try:
            os.killpg(process.running.pid, number)
        except ProcessLookupError:
            return
