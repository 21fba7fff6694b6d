"""Versions of the algorithms behind each stage.

They enter the hash of every item: raise a number when the same inputs would give another result. The
version of the package does not enter, so that an upgrade keeps the products that it would not change.
"""

from __future__ import annotations

ALGORITHM_VERSIONS: dict[str, int] = {
    "prepare": 1,
    "samples": 1,
    "label": 3,
    "audit": 3,
    "train": 3,
    "forces": 1,
    "kmc": 2,
    "snapshots": 1,
    "analysis": 3,
    "report": 2,
}

# of what only some models are trained by: it enters the hash of these alone
METHOD_VERSIONS: dict[str, int] = {"lessons": 2}
