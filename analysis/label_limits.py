"""Properties of a set of labels, with the values that deserve a look and those that are bad.

The limits are about the computation, not about the physics: in a set without any fault paths may be split and
spectra broad.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Property:
    """Something to check; the smaller, the better.

    Attributes:
        what: the property, in words.
        unit: of value and limits; "1" for none.
        good, bad: good up to the one, bad above the other, and worth a look between.
        meaning: what a large value means.
    """

    what: str
    unit: str
    good: float
    bad: float
    meaning: str


OUT = Property("labels not used", "%", 3, 10, "what is left may not be a fair choice of jumps")
WORST_OUT = Property("the same, worst composition", "%", 10, 30, "its barriers may not be a fair choice")
SHORT = Property("compositions short of labels", "1", 0, 2, "fewer than half of the median number")
ERRORS = Property("force field failed", "%", 0, 1, "errors, crashes, energies not numbers")
FALLBACK = Property("found by the fallback", "%", 5, 20, "searches often fail: a costly set")
SPLIT = Property("split paths", "%", 25, 60, "minima half way: real ones?")
FORCE = Property("saddles with more force than asked", "%", 0, 0.1, "they have not converged")
FLAT = Property("saddles hardly curved", "%", 0, 0.1, "above -0.05 eV/Å²: is it a saddle at all?")
NEB = Property("mean |label - NEB|", "meV", 1, 5, "an independent method gives other barriers")
NEB_FAR = Property("labels off NEB by > 10 meV", "%", 2, 10, "other saddles than NEB finds")
NEB_MODES = Property("NEB saddles not of first order", "%", 2, 10, "more, or fewer, than one negative mode")
EQUAL = Property("equal jumps: deviation", "meV", 1, 5, "one jump, several barriers")
EQUAL_WORST = Property("equal jumps: worst pair", "meV", 10, 50, "one of them is another saddle")
OUTLIERS = Property("far from their kind", "%", 0.5, 2, "beyond 6 robust deviations of the rest")
