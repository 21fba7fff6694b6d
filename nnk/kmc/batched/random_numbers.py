"""The random numbers of `nnk.kmc.random_numbers` for many runs at once: the same bits from the same counters.

PyTorch has no unsigned 64-bit arithmetic; its signed products wrap round, so masks and shifts of the low and
high halves give the same 32-bit words.
"""

from __future__ import annotations

import torch

_MULTIPLIER_0 = 0xD2511F53
_MULTIPLIER_1 = 0xCD9E8D57
_WEYL_0 = 0x9E3779B9
_WEYL_1 = 0xBB67AE85
_LOW = 0xFFFFFFFF
_RESOLUTION = 2.0**-53


def split_key(keys: list[int], device: torch.device) -> torch.Tensor:
    """64-bit keys as int64[2, r]: low and high words."""
    words = [[key & _LOW for key in keys], [(key >> 32) & _LOW for key in keys]]
    return torch.tensor(words, dtype=torch.int64, device=device)


def _high(product: torch.Tensor) -> torch.Tensor:
    return (product >> 32) & _LOW


def _unit_interval(high: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
    bits = (high << 21) | (low >> 11)
    return (bits + 1).to(torch.float64) * _RESOLUTION


def two_uniforms(key: torch.Tensor, number: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Two uniforms in (0, 1], float64[r] each: Philox4x32-10 of Salmon et al. (SC11, 2011).

    Args:
        key: int64[2, r], see `split_key`.
        number: int64[r], the jump's number in its run.
    """
    k0, k1 = key[0], key[1]
    c0, c1 = number & _LOW, _high(number)
    c2, c3 = torch.zeros_like(c0), torch.zeros_like(c0)
    for _ in range(10):
        product_0, product_1 = _MULTIPLIER_0 * c0, _MULTIPLIER_1 * c2
        c0, c1 = _high(product_1) ^ c1 ^ k0, product_1 & _LOW
        c2, c3 = _high(product_0) ^ c3 ^ k1, product_0 & _LOW
        k0, k1 = (k0 + _WEYL_0) & _LOW, (k1 + _WEYL_1) & _LOW
    return _unit_interval(c0, c1), _unit_interval(c2, c3)
