"""Labels that are kept but not used: a list with the reasons, and their structures for inspection.

``python -m analysis.quarantine WORKDIR`` prints the list; ``--write FOLDER`` writes one extended XYZ file per
label with the ideal structures before, half way through and after the jump.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.inputs import DamagedInput, Inputs, MissingInput
from analysis.label_groups import FLAG_NAMES, Compositions
from analysis.products import Cell, TableProduct
from nnk.barriers import BarrierSet, Flag
from nnk.files import Workdir

TABLE = "labels-quarantine"
_DECIMAL = re.compile(r"[-+]?\b\d+\.\d+([eE][-+]?\d+)?")
STATES = (("initial", 0.0), ("midpoint", 0.5), ("final", 1.0))


def quarantine_table(barriers: BarrierSet, compositions: Compositions) -> TableProduct:
    """A row per label that is not used, by outcome."""
    out = np.flatnonzero(~barriers.usable)
    rows: list[list[Cell]] = [
        [
            compositions.names[compositions.number[i]],
            barriers.sample_key[barriers.sample[i]],
            int(barriers.vacancy_site[i]),
            int(barriers.jump[i]),
            barriers.elements[barriers.moving_species[i] - 1],
            Flag(int(barriers.flag[i])).name.lower(),
            barriers.reason[i] or FLAG_NAMES[Flag(int(barriers.flag[i]))],
            float(barriers.E_fwd_eV[i]),
            float(barriers.E_bwd_eV[i]),
            float(barriers.curvature_eV_A2[i]),
            float(barriers.residual_force_eV_A[i]),
            float(barriers.calls[i]),
        ]
        for i in out[np.argsort(barriers.flag[out], kind="stable")].tolist()
    ]
    columns = {
        "composition": "atomic percent",
        "sample": "composition and number of the sample",
        "vacancy_site": "site of the vacancy",
        "jump": "direction of the jump",
        "moving_species": "element of the atom that jumps",
        "flag": "outcome of the label",
        "reason": "why it is not used",
        "E_fwd_eV": "forward barrier, if there is one, eV",
        "E_bwd_eV": "backward barrier, if there is one, eV",
        "curvature_eV_A2": "lowest curvature at the saddle, if there is one, eV/Å^2",
        "residual_force_eV_A": "largest force on an atom at the saddle, eV/Å",
        "calls": "force calls",
    }
    return TableProduct(TABLE, "Labels that are not used, and why", columns, rows)


def _kind(reason: str) -> str:
    """A reason without its measured numbers: engines of potentials put distances and energies into theirs."""
    return _DECIMAL.sub("...", reason)


def reason_table(barriers: BarrierSet) -> TableProduct:
    """How many labels are not used for which kind of reason, the most frequent first."""
    out = np.flatnonzero(~barriers.usable).tolist()
    counts = Counter((Flag(int(barriers.flag[i])), _kind(barriers.reason[i])) for i in out)
    rows: list[list[Cell]] = [
        [flag.name.lower(), reason or FLAG_NAMES[flag], count, 100 * count / len(barriers)]
        for (flag, reason), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    columns = {
        "flag": "outcome",
        "reason": "why it is not used; ...: a number that differs between them",
        "labels": "number of labels",
        "share_percent": "share of all labels, %",
    }
    return TableProduct("labels-reasons", "Why labels are not used", columns, rows)


def jump_xyz(barriers: BarrierSet, i: int) -> str:
    """Ideal structures of label `i` before, half way through and after the jump, as extended XYZ."""
    occupancy, site, jump = barriers.states(i)
    lattice = barriers.lattice(int(barriers.sample[i]))
    atoms = np.flatnonzero(occupancy)
    symbols = [barriers.elements[species - 1] for species in occupancy[atoms]]
    mover = atoms == lattice.neighbours[site, jump]
    step_A = -0.5 * lattice.a_A * lattice.jumps[jump].astype(np.float64)
    box = " ".join(f"{x:.8f}" for x in np.diag(lattice.box_A).ravel())
    key, frames = barriers.sample_key[barriers.sample[i]], []
    for name, fraction in STATES:
        positions = lattice.positions_A[atoms] + fraction * mover[:, None] * step_A
        info = f"state={name} sample={key} vacancy_site={site} jump={jump}"
        header = f'Lattice="{box}" Properties=species:S:1:pos:R:3 {info} pbc="T T T"'
        frames.append(_frame(header, symbols, positions))
    return "".join(frames)


def _frame(header: str, symbols: Sequence[str], positions: NDArray[np.float64]) -> str:
    rows = [f"{s} {x:.8f} {y:.8f} {z:.8f}" for s, (x, y, z) in zip(symbols, positions, strict=True)]
    return "\n".join([str(len(symbols)), header, *rows]) + "\n"


def write_structures(barriers: BarrierSet, folder: Path) -> list[Path]:
    """One file of `jump_xyz` per label that is not used; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for i in np.flatnonzero(~barriers.usable).tolist():
        sample = barriers.sample_key[barriers.sample[i]].replace("/", "-")
        flag = Flag(int(barriers.flag[i])).name.lower()
        name = f"{flag}-{sample}-v{barriers.vacancy_site[i]}-j{barriers.jump[i]}.extxyz"
        paths.append(folder / name)
        paths[-1].write_text(jump_xyz(barriers, i), encoding="utf-8")
    return paths


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.quarantine WORKDIR [--write FOLDER]``; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m analysis.quarantine", description="labels not used")
    parser.add_argument("workdir", metavar="WORKDIR", type=Path, help="folder of the campaign's products")
    parser.add_argument("--write", metavar="FOLDER", type=Path, help="write their structures (extended XYZ)")
    arguments = parser.parse_args(argv)
    try:
        barriers = Inputs(Workdir(arguments.workdir.resolve())).labels()
    except (MissingInput, DamagedInput) as error:
        print(f"quarantine: {error}", file=sys.stderr)
        return 1
    table = quarantine_table(barriers, Compositions.of(barriers))
    csv.writer(sys.stdout, lineterminator="\n").writerows([table.columns, *table.rows])
    if arguments.write:
        count = len(write_structures(barriers, arguments.write))
        print(f"{count} structures in {arguments.write}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
