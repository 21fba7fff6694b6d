"""Random streams that belong to an item, whoever computes it, in whatever order."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from nnk.files.hashing import canonical_json


def _digest(seed: int, key: tuple[Any, ...]) -> bytes:
    return hashlib.sha256(canonical_json([seed, *key]).encode()).digest()


def rng(seed: int, *key: Any) -> np.random.Generator:
    """Counter-based generator (Philox) of the stream named by `seed` and `key`.

    Streams of different keys are independent; adding an item changes no other item's numbers.
    """
    return np.random.Generator(np.random.Philox(key=int.from_bytes(_digest(seed, key)[:16], "little")))


def stream_key(seed: int, *key: Any) -> int:
    """64-bit key of the stream named by `seed` and `key`, for generators inside compiled code."""
    return int.from_bytes(_digest(seed, key)[:8], "little")
