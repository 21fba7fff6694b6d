"""Crystals on a lattice in the POSCAR form of VASP."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Poscar:
    """Atoms in a periodic box.

    Attributes:
        symbols: element of each atom, in the order of the file.
        box_A: float64[3, 3], edge vectors as rows, Å.
        fractions: float64[n, 3], positions in units of the edges.
    """

    symbols: tuple[str, ...]
    box_A: NDArray[np.float64]
    fractions: NDArray[np.float64]


def read_poscar(path: Path | str) -> Poscar:
    """Read a POSCAR of version 5 (elements are named) in direct coordinates.

    Raises:
        ValueError: another form; the message names the file and the line.
    """
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    if len(lines) < 8:
        raise ValueError(f"{path}: expected a POSCAR with a header of 8 lines, got {len(lines)}")
    scale = float(_numbers(path, lines, 1, 1)[0])
    box = scale * np.array([_numbers(path, lines, row, 3) for row in (2, 3, 4)])
    names, counts = lines[5].split(), lines[6].split()
    if len(names) != len(counts) or not all(count.isdigit() for count in counts):
        raise ValueError(
            f"{path}:6: expected elements and the number of atoms of each, got {names}, {counts}"
        )
    if not lines[7].strip().lower().startswith("d"):
        raise ValueError(f"{path}:8: expected 'Direct' coordinates, got {lines[7].strip()!r}")
    symbols = tuple(name for name, count in zip(names, counts, strict=True) for _ in range(int(count)))
    if len(lines) < 8 + len(symbols):
        raise ValueError(f"{path}: expected {len(symbols)} atoms, got {len(lines) - 8}")
    fractions = np.array([_numbers(path, lines, 8 + i, 3) for i in range(len(symbols))])
    return Poscar(symbols, box, fractions)


def _numbers(path: Path | str, lines: list[str], row: int, count: int) -> list[float]:
    try:
        found = [float(word) for word in lines[row].split()[:count]]
    except ValueError:
        found = []
    if len(found) != count or not np.isfinite(found).all():
        raise ValueError(f"{path}:{row + 1}: expected {count} numbers, got {lines[row].strip()!r}")
    return found
