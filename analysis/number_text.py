"""Numbers as text: a value with as many digits as its error allows."""

from __future__ import annotations

import math

LEAST, MOST = 1e-3, 1e6  # outside, powers of ten are written
DECIMALS = 6


def value_and_error(value: float | None, error: float | None) -> tuple[str, str]:
    """A value and its standard error, both to the second digit of the error; four digits without an error.

    Empty for what there is not. Very small and very large numbers have a power of ten.
    """
    if value is None:
        return "", ""
    if not error or not math.isfinite(error):
        return _alone(value), ""
    place = math.floor(math.log10(error))
    if LEAST <= max(abs(value), error) < MOST and 1 - place <= DECIMALS:
        decimals = max(1 - place, 0)
        return f"{value:.{decimals}f}", f"{error:.{decimals}f}"
    if value == 0:
        return "0", f"{error:.1e}"
    digits = max(math.floor(math.log10(abs(value))) - place + 1, 0)
    return f"{value:.{min(digits, DECIMALS)}e}", f"{error:.1e}"


def _alone(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.4g}"
