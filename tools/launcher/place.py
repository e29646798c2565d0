"""Where things are, who runs them, and how two launchers keep out of each other's way."""

import ctypes
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.launcher.say import of_system, say

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
NEEDED_SPACE = 1_500_000_000  # bytes for an environment (0.9 GB) and a cluster with the demo city (0.2 GB) and some files
PR_SET_PDEATHSIG = 1  # Linux, prctl(2)


def home() -> Path:
    """YIWANG_HOME, default var/: what this installation owns. Raises Refusal where it cannot be made."""
    path = Path(os.environ.get("YIWANG_HOME") or ROOT / "var").resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise of_system(problem) from problem
    return path


def free_space(path: Path) -> int:
    return shutil.disk_usage(path).free


def is_root() -> bool:
    return os.geteuid() == 0


def unprivileged() -> pwd.struct_passwd:
    """The user who runs the cluster when we are root: PostgreSQL refuses root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise LookupError("no unprivileged user")


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "YIWANG_HOME": str(home()), "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "DJANGO_SETTINGS_MODULE": "yiwang.config.settings", **more}


def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """A command that does not outlive us, even when we are killed: what it was making is begun again by the next start."""
    everything: dict[str, Any] = {"cwd": ROOT, "env": environment(), "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    done: subprocess.CompletedProcess[str] = subprocess.run(command, check=False, text=True, preexec_fn=dies_with_us(signal.SIGKILL), **everything)
    return done


def dies_with_us(how: signal.Signals) -> Callable[[], None]:
    """For `preexec_fn`: the kernel sends `how` to the child when we end, however we end."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    parent = os.getpid()

    def ask() -> None:
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, int(how))
            if os.getppid() != parent:  # we were gone before it was asked
                os._exit(1)

    return ask


@contextmanager
def alone(lock: Path, waiting: str) -> Iterator[None]:
    """Nobody else is in the same block for the same file; says `waiting` when it has to wait. The lock ends with the process."""
    with lock.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"· {waiting} …")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
