"""What is known about surroundings met before: a table of records, found by hash, compared by full key.

The key is the packed species of *all* sites that the model reads, and what else the records depend on (the
temperature), so a record found is a record of exactly these surroundings. Each hash has one place; a newcomer
takes the place of what was there. Its size is fixed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnk.kmc.compiled import compiled, inlined
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
        key: uint64[key words], buffer for the key of the present surroundings; its last word is `set_tag`'s.
        code_bits: bits per site.
        hash_shift: 64 - log2(places).
        used: whether records are looked for; if not, there is one place only.
    """

    words: NDArray[np.uint64]
    values: NDArray[np.float64]
    key: NDArray[np.uint64]
    code_bits: int
    hash_shift: np.uint64
    used: bool


def code_bits_of(n_species: int) -> int:
    """Bits that tell `n_species` species and the vacancy apart, a divisor of 64."""
    return 2 if n_species <= 3 else 4 if n_species <= 15 else 8


def words_of(n_entries: int, n_species: int) -> int:
    """Words that the packed species of `n_entries` sites take."""
    return -(-n_entries // (_WORD_BITS // code_bits_of(n_species)))


def whole_words(n_entries: int, n_species: int) -> int:
    """`n_entries` rounded up to what fills its words."""
    return words_of(n_entries, n_species) * (_WORD_BITS // code_bits_of(n_species))


def make_cache(n_entries: int, n_species: int, n_values: int, size_MiB: float, *, used: bool = True) -> Cache:
    """An empty cache of at most `size_MiB` (one record at least) for surroundings of `n_entries` sites.

    Raises:
        ValueError: a size that is not positive.
    """
    if not size_MiB > 0:
        raise ValueError(f"cache_MiB={size_MiB!r}: expected a positive size")
    code_bits = code_bits_of(n_species)
    key_words = words_of(n_entries, n_species) + 1
    record = -(-(key_words + n_values) // _LINE_WORDS) * _LINE_WORDS
    most_places = size_MiB * 2**20 / (8 * record) if used else 1.0
    places_bits = int(np.floor(np.log2(max(1.0, most_places))))
    words = aligned((2**places_bits, record), np.uint64)
    hash_shift = np.uint64(_WORD_BITS - places_bits)
    return Cache(words, words.view(np.float64), np.zeros(key_words, np.uint64), code_bits, hash_shift, used)


def set_tag(cache: Cache, tag: float) -> None:
    """Keep records that belong to different values of `tag` apart."""
    cache.key[-1:] = np.array([tag], dtype=np.float64).view(np.uint64)


@compiled
def pack_key(cache, species):  # type: ignore[no-untyped-def]
    """Pack `species` uint8 (it fills whole words) into ``cache.key`` and return its place."""
    bits = np.uint64(cache.code_bits)
    per_word = _WORD_BITS // cache.code_bits
    last = cache.key.shape[0] - 1
    mixed = _MIX ^ cache.key[last]
    for number in range(last):
        word = np.uint64(0)
        for i in range(per_word):
            word |= np.uint64(species[number * per_word + i]) << (bits * np.uint64(i))
        cache.key[number] = word
        mixed = (mixed ^ word) * _MIX
        mixed ^= mixed >> _SHIFT
    if cache.hash_shift == np.uint64(_WORD_BITS):
        return np.int64(0)
    return np.int64((mixed * _MIX) >> cache.hash_shift)


@inlined
def recall(cache, place, values):  # type: ignore[no-untyped-def]
    """Whether the record at `place` is that of ``cache.key``; its values are copied to `values` if so."""
    n_key = cache.key.shape[0]
    for number in range(n_key):
        if cache.words[place, number] != cache.key[number]:
            return False
    for i in range(values.shape[0]):
        values[i] = cache.values[place, n_key + i]
    return True


@compiled
def remember(cache, place, values):  # type: ignore[no-untyped-def]
    """Put the record of ``cache.key`` with `values` at `place`."""
    n_key = cache.key.shape[0]
    for number in range(n_key):
        cache.words[place, number] = cache.key[number]
    for i in range(values.shape[0]):
        cache.values[place, n_key + i] = values[i]
