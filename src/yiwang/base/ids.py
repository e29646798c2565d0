"""64-bit identifiers made by the application: ordered by time, so B-trees grow at one end, and known before the row is written."""

import secrets
import threading
import time

EPOCH_MS = 1_704_067_200_000  # 2024-01-01T00:00:00Z
RANDOM_BITS = 22
_lock = threading.Lock()
_last = 0


def new_id() -> int:
    """A positive 63-bit integer: 41 bits of milliseconds since 2024 (until 2093), then 22 bits that begin at random and count up within a process.

    Greater than every one this process made before. Two processes meet only in the same millisecond and by chance (one in four million
    for each pair of rows); the primary key refuses it then.
    """
    global _last
    now = int(time.time() * 1000) - EPOCH_MS
    with _lock:
        _last = now << RANDOM_BITS | secrets.randbits(RANDOM_BITS) if now > _last >> RANDOM_BITS else _last + 1
        return _last
