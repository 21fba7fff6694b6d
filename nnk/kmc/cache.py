"""What is known about surroundings met before: a table of records, found by hash, compared by full key.

The key is the packed species of *all* sites that the model reads, so a record found is a record of exactly
these surroundings. Each hash has one place; a newcomer takes the place of what was there. Its size is fixed.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from nnk.kmc.networks import aligned

_WORD_BITS = 64
_LINE_WORDS = 8
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


class Cache(NamedTuple):
    """Records of 64-bit words: the key, then the values as float64.

    Attributes:
        words: uint64[places, record words], the records (a key of zeros: empty).
        values: float64[places, record words], the same memory.
        key: uint64[key words], buffer for the key of the present surroundings.
        code_bits: bits per site.
        hash_shift: 64 - log2(places).
    """

    words: NDArray[np.uint64]
    values: NDArray[np.float64]
    key: NDArray[np.uint64]
    code_bits: int
    hash_shift: np.uint64


def make_cache(n_sites_read: int, n_species: int, n_values: int, size_MiB: float) -> Cache:
    """An empty cache of at most `size_MiB` (one record at least) for surroundings of `n_sites_read` sites.

    Raises:
        ValueError: more than 15 species.
    """
    if n_species > 15:
        raise ValueError(f"{n_species} species: the engine packs at most 15")
    code_bits = 2 if n_species <= 3 else 4
    key_words = -(-n_sites_read // (_WORD_BITS // code_bits))
    record = -(-(key_words + n_values) // _LINE_WORDS) * _LINE_WORDS
    places_bits = max(0, int(np.floor(np.log2(max(1.0, size_MiB * 2**20 / (8 * record))))))
    words = aligned((2**places_bits, record), np.uint64)
    hash_shift = np.uint64(_WORD_BITS - places_bits)
    return Cache(words, words.view(np.float64), np.zeros(key_words, np.uint64), code_bits, hash_shift)


@numba.njit(cache=True)
def pack_key(cache, species):  # type: ignore[no-untyped-def]
    """Pack `species` uint8 into ``cache.key`` and return its place."""
    per_word = _WORD_BITS // cache.code_bits
    bits = np.uint64(cache.code_bits)
    n = species.shape[0]
    mixed = _MIX
    for number in range(cache.key.shape[0]):
        word = np.uint64(0)
        for site in range(number * per_word, min(n, (number + 1) * per_word)):
            word = (word << bits) | np.uint64(species[site])
        cache.key[number] = word
        mixed = (mixed ^ word) * _MIX
        mixed ^= mixed >> _SHIFT
    if cache.hash_shift == np.uint64(_WORD_BITS):
        return np.int64(0)
    return np.int64((mixed * _MIX) >> cache.hash_shift)


@numba.njit(cache=True, inline="always")
def holds(cache, place):  # type: ignore[no-untyped-def]
    """Whether the record at `place` is that of ``cache.key``."""
    same = True
    for number in range(cache.key.shape[0]):
        same &= cache.words[place, number] == cache.key[number]
    return same


@numba.njit(cache=True, inline="always")
def claim(cache, place):  # type: ignore[no-untyped-def]
    """Give `place` to ``cache.key``; its values are the caller's to fill."""
    for number in range(cache.key.shape[0]):
        cache.words[place, number] = cache.key[number]
