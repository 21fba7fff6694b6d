"""Hashes of inputs and of files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

LENGTH = 32  # hexadecimal digits: 128 bits
_BLOCK = 1 << 20


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    allowed = "numbers, text, lists, mappings, arrays, dataclasses"
    raise TypeError(f"cannot hash a {type(value).__name__}: allowed are {allowed}")


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
)


def canonical_json(data: Any) -> str:
    """`data` as JSON with sorted keys and no blanks; floats by their shortest exact form.

    Raises:
        TypeError: something that is not a number, text, list, mapping, array or dataclass.
        ValueError: a number that is not finite.
    """
    return _ENCODER.encode(data)


def stable_hash(data: Any) -> str:
    """Hash of `data` that is the same on every machine: 32 hexadecimal digits.

    The order of a mapping's keys does not matter, that of a list does; 1 and 1.0 differ.
    """
    return hashlib.sha256(canonical_json(data).encode()).hexdigest()[:LENGTH]


def chosen(record: Any) -> dict[str, Any]:
    """The fields of a dataclass that are not at their default, by name.

    A hash of them stays what it is when the record gets a new field.
    """
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    defaults = {field.name: field.default for field in fields(record) if field.default is not MISSING}
    return {
        name: asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
        for name, value in values.items()
        if name not in defaults or value != defaults[name]
    }


def file_hash(path: Path) -> str:
    """Hash of a file's bytes: 32 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()[:LENGTH]
