"""Columns of the CSV files that training leaves behind."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def read_columns(path: Path, names: Sequence[str]) -> dict[str, NDArray[np.str_]]:
    """The named columns, each str[n].

    Raises:
        ValueError: a column that the file has not.
    """
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        found = reader.fieldnames or []
        absent = [name for name in names if name not in found]
        if absent:
            raise ValueError(f"{path}: no column {', '.join(absent)}; it has {', '.join(found)}")
        rows = list(reader)
    return {name: np.array([row[name] for row in rows], dtype=np.str_) for name in names}
