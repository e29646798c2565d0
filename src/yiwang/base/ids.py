"""64-bit identifiers made by the application: ordered by time, so B-trees grow at one end, and known before the row is written."""

import secrets
import time

EPOCH_MS = 1_704_067_200_000  # 2024-01-01T00:00:00Z
RANDOM_BITS = 22


def new_id() -> int:
    """A positive 63-bit integer: 41 bits of milliseconds since 2024 (until 2093), 22 random bits (collisions are refused by the primary key)."""
    return (int(time.time() * 1000) - EPOCH_MS) << RANDOM_BITS | secrets.randbits(RANDOM_BITS)
