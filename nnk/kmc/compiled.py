"""How the kernel's functions are compiled."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache

_SOURCES = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))))
SOURCE_HASH = _SOURCES.hexdigest()

# No function of the kernel allocates, so none needs reference counts: they would cost more than the jump.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}


class _PackageCache(FunctionCache):
    """Compiled code on disk, valid for one state of all sources of the engine.

    By itself numba looks only at the file of the function, not at those of the functions it calls.
    """

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return (*super()._index_key(sig, codegen), SOURCE_HASH)


def compiled(function: Callable) -> Any:
    """Compile `function` on its first call and keep the code on disk."""
    dispatcher = numba.njit(**_OPTIONS)(function)
    dispatcher._cache = _PackageCache(function)
    return dispatcher


def inlined(function: Callable) -> Any:
    """As `compiled`, for what every jump goes through: it becomes part of its callers.

    A call hands over each array of a tuple's fields by itself, a hundred words or more: that would take
    longer than the work.
    """
    dispatcher = numba.njit(forceinline=True, **_OPTIONS)(function)
    dispatcher._cache = _PackageCache(function)
    return dispatcher
