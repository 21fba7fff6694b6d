"""The clock: a sum of very many residence times that loses nothing.

It is kept as two numbers, the time and what the time lacks of the sum below its last digit (the compensated
summation of Kahan and Neumaier). The error does not grow with the number of jumps, where a plain sum of 1e9
terms of like size loses up to half of float64's digits.
"""

from __future__ import annotations

from nnk.kmc.compiled import inlined


@inlined
def add_time(clock, duration):  # type: ignore[no-untyped-def]
    """Add `duration` (s) to ``clock``, float64[2]: time and rest, both changed in place.

    The rounding error of the sum is found exactly (Knuth's two-sum) whichever of both is larger.
    """
    time, step = clock[0], duration + clock[1]
    total = time + step
    shown = total - time
    clock[0] = total
    clock[1] = (time - (total - shown)) + (step - shown)
