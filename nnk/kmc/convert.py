"""Trajectories for other programs: extended XYZ and LAMMPS text dumps, state after state."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from nnk.files import commit
from nnk.kmc.trajectory import State, Trajectory

KINDS = ("extxyz", "lammps")
_PICOSECONDS = 1e12


def write_states(trajectory: Trajectory, states: Iterable[State], path: Path, kind: str) -> int:
    """Write states one after the other; only one of them is in memory at a time.

    Atoms are numbered from 1 by the site where they were at the start of the run, so that one number is one
    atom all along; vacancies are left out. Besides its site each atom has its position not folded back.

    Args:
        trajectory: the run that they are of.
        states: see `Trajectory.states`.
        path: file to write, atomically.
        kind: "extxyz" (read by ASE and OVITO) or "lammps" (a text dump, read by OVITO and LAMMPS).

    Returns:
        The number of states.

    Raises:
        ValueError: another `kind`.
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}: allowed are {', '.join(KINDS)}")
    write_one = _extxyz if kind == "extxyz" else _lammps
    count = 0

    def write(temporary: Path) -> None:
        nonlocal count
        with open(temporary, "w") as file:
            for state in states:
                write_one(file, trajectory, state)
                count += 1

    commit(path, write)
    return count


def _atoms(trajectory: Trajectory, state: State) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Number, species, place (Å) and place not folded back (Å) of each atom, by its number."""
    now, lattice = state.replayed, trajectory.lattice
    sites = np.flatnonzero(now.occupancy)
    origin = now.atom_at[sites]
    order = np.argsort(origin)
    sites, origin = sites[order], origin[order]
    unfolded = 0.5 * lattice.a_A * (lattice.coordinates[origin] + now.atom_displacement[origin])
    return origin + 1, now.occupancy[sites], lattice.positions_A[sites], unfolded


def _extxyz(file: TextIO, trajectory: Trajectory, state: State) -> None:
    numbers, species, places, unfolded = _atoms(trajectory, state)
    x, y, z = trajectory.lattice.box_A.tolist()
    header = f'Lattice="{x!r} 0 0 0 {y!r} 0 0 0 {z!r}" pbc="T T T" jump={state.jump}'
    time = "" if np.isnan(state.time_s) else f" time_s={state.time_s!r}"
    columns = "species:S:1:pos:R:3:id:I:1:unfolded:R:3"
    file.write(f"{len(numbers)}\nProperties={columns} {header}{time}\n")
    names = trajectory.elements
    file.writelines(
        f"{names[kind - 1]} {a:.6f} {b:.6f} {c:.6f} {number} {u:.6f} {v:.6f} {w:.6f}\n"
        for number, kind, (a, b, c), (u, v, w) in zip(
            numbers.tolist(), species.tolist(), places.tolist(), unfolded.tolist(), strict=True
        )
    )


def _lammps(file: TextIO, trajectory: Trajectory, state: State) -> None:
    numbers, species, places, unfolded = _atoms(trajectory, state)
    bounds = "".join(f"0.0 {edge!r}\n" for edge in trajectory.lattice.box_A.tolist())
    time = "" if np.isnan(state.time_s) else f"ITEM: TIME\n{_PICOSECONDS * state.time_s!r}\n"
    file.write(
        f"ITEM: TIMESTEP\n{state.jump}\n{time}ITEM: NUMBER OF ATOMS\n{len(numbers)}\n"
        f"ITEM: BOX BOUNDS pp pp pp\n{bounds}ITEM: ATOMS id type element x y z xu yu zu\n"
    )
    names = trajectory.elements
    file.writelines(
        f"{number} {kind} {names[kind - 1]} {a:.6f} {b:.6f} {c:.6f} {u:.6f} {v:.6f} {w:.6f}\n"
        for number, kind, (a, b, c), (u, v, w) in zip(
            numbers.tolist(), species.tolist(), places.tolist(), unfolded.tolist(), strict=True
        )
    )
