"""What the launcher tells people: steps with elapsed time (on stderr: stdout belongs to what was asked for), and refusals that say what to do."""

import errno
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

FULL = ("No space left on device", "could not extend file", "DiskFull", "Disk quota exceeded")  # pip, initdb, PostgreSQL, psycopg


class Refusal(Exception):
    """Something a person has to mend. The sentence says what and how; the exit code is not 0."""

    def __init__(self, sentence: str, code: int = 2) -> None:
        super().__init__(sentence)
        self.code = code


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def failed(sentence: str, output: str, *places: os.PathLike[str]) -> Refusal:
    """The refusal for a command that failed: a full disk is named as such, otherwise `sentence` with the end of what the command said."""
    if any(sign in output for sign in FULL) or any(_left(place) < 20_000_000 for place in places):
        where = "、".join(str(place) for place in places)
        return Refusal(f"磁盘空间不足（{where}）。请腾出约 1.5 GB 后重新运行，会从停下的地方继续。（disk full）")
    tail = "\n".join(output.strip().splitlines()[-6:])
    return Refusal(f"{sentence}\n{tail[-1200:]}".rstrip())


def of_system(problem: OSError) -> Refusal:
    """The refusal for what the operating system would not do."""
    where = problem.filename or ""
    if problem.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Refusal(f"磁盘空间不足 {where}。请腾出约 1.5 GB 后重新运行。（disk full）")
    if problem.errno in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}:
        return Refusal(f"不能读写 {where}：{problem.strerror}。请用建立它的用户运行，或用 YIWANG_HOME 指定一个可以写的目录。（not writable）")
    return Refusal(f"操作系统拒绝了：{problem}")


@contextmanager
def step(name: str) -> Iterator[None]:
    """Shows that something is under way, and how long it took."""
    begun, done = time.monotonic(), threading.Event()
    live = sys.stderr.isatty()
    print(f"· {name} …", end="" if live else "\n", file=sys.stderr, flush=True)

    def tick() -> None:
        while not done.wait(1):
            print(f"\r· {name} … {time.monotonic() - begun:.0f} 秒", end="", file=sys.stderr, flush=True)

    ticking = threading.Thread(target=tick, daemon=True)
    if live:
        ticking.start()
    try:
        yield
    finally:
        done.set()
        took = time.monotonic() - begun
        if live:
            ticking.join()
            say(f"\r· {name} {'完成' if sys.exc_info()[0] is None else '没有完成'}（{took:.1f} 秒）")
        elif took > 2:
            say(f"  {name} 用时 {took:.1f} 秒")


def _left(place: os.PathLike[str]) -> int:
    try:
        found = os.statvfs(place)
    except OSError:
        return sys.maxsize
    return found.f_bavail * found.f_frsize
