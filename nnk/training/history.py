"""Tables that a training run writes: its history, a row per epoch, and its predictions."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nnk.files import Fence, commit
from nnk.training.checkpoint import Row

HISTORY_FILE = "history.csv"


def write_history(directory: Path, history: Sequence[Row], fence: Fence | None) -> None:
    """Write history.csv, a row per epoch."""
    columns = tuple(history[0]) if history else ("epoch",)
    rows = [tuple(row[name] for name in columns) for row in history]
    write_csv(directory / HISTORY_FILE, columns, rows, fence)


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]], fence: Fence | None) -> None:
    """Write a table with these columns, atomically."""

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)

    commit(path, write, fence=fence)
