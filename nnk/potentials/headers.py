"""What the files of potentials say of themselves in their first lines: elements and cutoff."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

_HEAD_LINES = 5
SETFL_STYLES = ("eam/alloy", "eam/fs", "eam/cd", "adp")
"""Pair styles that read setfl tables."""


@dataclass(frozen=True)
class Header:
    """What a file says of itself.

    Attributes:
        elements: names of the elements it describes; None if it gives none.
        n_species: how many it describes.
        cutoff_A: distance beyond which atoms do not interact; None if another file has it.
    """

    elements: tuple[str, ...] | None
    n_species: int
    cutoff_A: float | None


def read_setfl_header(path: Path) -> Header:
    """Header of a LAMMPS setfl table (``eam/alloy``, ``eam/fs``, ``adp``): its lines 4 and 5.

    Raises:
        ValueError: not such a file.
    """
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = [line.split() for line in islice(file, _HEAD_LINES)]
    try:
        count, names, cutoff_A = int(lines[3][0]), tuple(lines[3][1:]), float(lines[4][4])
    except (IndexError, ValueError):
        raise ValueError(
            f"{path} is no setfl table: line 4 has to hold the number and the names of its elements, line 5 "
            "the grids and the cutoff"
        ) from None
    if count != len(names):
        raise ValueError(f"{path}, line 4: announces {count} elements and names {len(names)}")
    return Header(names, count, cutoff_A)


def _uncommented(path: Path) -> list[list[str]]:
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = (line.split("#")[0].split() for line in text.splitlines())
    return [line for line in lines if line]


def read_snapcoeff_header(path: Path) -> Header:
    """Elements of a SNAP coefficient file; its cutoff per ``rcutfac`` is twice the largest radius.

    Raises:
        ValueError: not such a file.
    """
    lines = _uncommented(path)
    try:
        count, n_coefficients = int(lines[0][0]), int(lines[0][1])
        heads = [lines[1 + i * (n_coefficients + 1)] for i in range(count)]
        radii = [float(head[1]) for head in heads]
    except (IndexError, ValueError):
        raise ValueError(
            f"{path} is no SNAP coefficient file: it has to begin with the numbers of elements and of "
            "coefficients, then for each element its name, radius and weight, and the coefficients"
        ) from None
    return Header(tuple(head[0] for head in heads), count, 2 * max(radii))


def read_snap_cutoff_A(coefficients: Path, parameters: Path) -> float | None:
    """Cutoff of a SNAP from its two files; None where the parameter file has no ``rcutfac``."""
    factors = [float(line[1]) for line in _uncommented(parameters) if line[0] == "rcutfac"]
    reach_A = read_snapcoeff_header(coefficients).cutoff_A
    return factors[0] * reach_A if factors and reach_A is not None else None


def read_mtp_header(path: Path) -> Header:
    """Header of a moment tensor potential: ``species_count`` and ``max_dist`` (MLIP-3: also ``max_val``).

    Raises:
        ValueError: not such a file.
    """
    with open(path, encoding="utf-8", errors="replace") as file:
        head = "".join(islice(file, 40))
    count = re.search(r"^\s*species_count\s*=\s*(\d+)", head, re.MULTILINE)
    reach = re.search(r"^\s*(?:max_dist|max_val)\s*=\s*(\S+)", head, re.MULTILINE)
    if not head.lstrip().startswith("MTP") or count is None or reach is None:
        raise ValueError(
            f"{path} is no moment tensor potential: it has to begin with MTP, and to give species_count and "
            "max_dist"
        )
    return Header(None, int(count.group(1)), float(reach.group(1)))
