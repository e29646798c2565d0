"""What the launcher tells people: steps with elapsed time, and refusals that say what to do."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Refusal(Exception):
    """Something a person has to mend. The sentence says what and how; the exit code is not 0."""

    def __init__(self, sentence: str, code: int = 2) -> None:
        super().__init__(sentence)
        self.code = code


@contextmanager
def step(name: str) -> Iterator[None]:
    """Shows that something is under way, and how long it took."""
    begun, done = time.monotonic(), threading.Event()
    live = sys.stdout.isatty()
    print(f"· {name} …", end="" if live else "\n", flush=True)

    def tick() -> None:
        while not done.wait(1):
            print(f"\r· {name} … {time.monotonic() - begun:.0f} 秒", end="", flush=True)

    if live:
        threading.Thread(target=tick, daemon=True).start()
    try:
        yield
    finally:
        done.set()
        took = time.monotonic() - begun
        if live:
            print(f"\r· {name} {'完成' if sys.exc_info()[0] is None else '没有完成'}（{took:.1f} 秒）", flush=True)
        elif took > 2:
            print(f"  {name} 用时 {took:.1f} 秒", flush=True)
