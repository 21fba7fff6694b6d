"""Going through a trajectory again, jump by jump, without its model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnk.environment import SpeciesArray
from nnk.kmc.compiled import compiled
from nnk.lattice import IntArray, Lattice


class Replayed(NamedTuple):
    """Where a row of jumps leads.

    Attributes:
        occupancy: uint8[n_sites].
        vacancy: the vacancy's site.
        vacancy_displacement: int64[3] (a/2), not folded back.
        atom_displacement: int32[n_sites, 3] (a/2), not folded back, of the atom that was at each site before;
            zero for the vacancy.
        atom_at: int32[n_sites], where the atom that is now at each site was before.
    """

    occupancy: SpeciesArray
    vacancy: int
    vacancy_displacement: IntArray
    atom_displacement: NDArray[np.int32]
    atom_at: NDArray[np.int32]


def replay(lattice: Lattice, occupancy: SpeciesArray, directions: SpeciesArray) -> Replayed:
    """Let the only vacancy of `occupancy` uint8[n_sites] make the jumps `directions` uint8[n].

    Raises:
        ValueError: not exactly one vacancy, or a direction that is not a jump of the lattice.
    """
    vacant = np.flatnonzero(occupancy == 0)
    if len(vacant) != 1:
        raise ValueError(f"occupancy: expected exactly one vacancy (0), got {len(vacant)}")
    if len(directions) and directions.max() >= lattice.z:
        raise ValueError(f"direction {directions.max()}: {lattice.structure} has jumps 0 to {lattice.z - 1}")
    final = np.array(occupancy, dtype=np.uint8)
    displacement = np.zeros((lattice.n_sites, 3), dtype=np.int32)
    atom_at = np.arange(lattice.n_sites, dtype=np.int32)
    vacancy = _replay(
        lattice.neighbours, lattice.jumps, directions, int(vacant[0]), final, displacement, atom_at
    )
    way = np.bincount(directions, minlength=lattice.z) @ lattice.jumps
    return Replayed(final, int(vacancy), way, displacement, atom_at)


@compiled
def _replay(  # type: ignore[no-untyped-def]
    neighbours, jumps, directions, vacancy, occupancy, displacement, atom_at
):
    for i in range(directions.shape[0]):
        jump = directions[i]
        site = neighbours[vacancy, jump]
        atom = atom_at[site]
        for axis in range(3):
            displacement[atom, axis] -= jumps[jump, axis]
        occupancy[vacancy], occupancy[site] = occupancy[site], occupancy[vacancy]
        atom_at[vacancy], atom_at[site] = atom, atom_at[vacancy]
        vacancy = site
    return vacancy
