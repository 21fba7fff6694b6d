"""How the functions of the evaluator are compiled."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache

_SOURCES = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))))
SOURCE_HASH = _SOURCES.hexdigest()

# No function of the evaluator allocates, so none needs reference counts.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}


class _PackageCache(FunctionCache):
    """Compiled code on disk, valid for one state of all sources of the evaluator and one program."""

    def __init__(self, function: Callable, key: str) -> None:
        super().__init__(function)
        self._key = key

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return (sig, codegen.magic_tuple(), SOURCE_HASH, self._key)


def compiled(function: Callable, key: str = "") -> Any:
    """Compile `function` on its first call and keep the code on disk; `key` tells its closures apart."""
    dispatcher = numba.njit(**_OPTIONS)(function)
    dispatcher._cache = _PackageCache(function, key)
    return dispatcher


def inlined(function: Callable) -> Any:
    """As `compiled`, for small functions: they become part of their callers."""
    dispatcher = numba.njit(inline="always", **_OPTIONS)(function)
    dispatcher._cache = _PackageCache(function, "")
    return dispatcher
