"""Going through a trajectory again, jump by jump, without its model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.environment import SpeciesArray
from nnk.kmc.compiled import compiled
from nnk.lattice import IntArray, Lattice


@dataclass(frozen=True, eq=False)
class Replayed:
    """Where a row of jumps leads.

    Attributes:
        occupancy: uint8[n_sites].
        vacancies: int64[n_vacancies], site of each vacancy.
        vacancy_displacement: int64[n_vacancies, 3] (a/2), not folded back.
        atom_displacement: int32[n_sites, 3] (a/2), not folded back, of the atom that was at each site before;
            zero for a vacancy.
        atom_at: int32[n_sites], where the atom (or vacancy) that is now at each site was before.
    """

    occupancy: SpeciesArray
    vacancies: IntArray
    vacancy_displacement: IntArray
    atom_displacement: NDArray[np.int32]
    atom_at: NDArray[np.int32]


class Replay:
    """A state that follows the jumps it is given; its memory does not grow with them.

    Args:
        lattice: the lattice.
        occupancy: uint8[n_sites], the state before the first of them.
        vacancies: sites of the vacancies in the order of their numbers; ascending if not given.

    Raises:
        ValueError: no vacancy, or `vacancies` are others than those of `occupancy`.
    """

    def __init__(self, lattice: Lattice, occupancy: SpeciesArray, vacancies: ArrayLike | None = None) -> None:
        vacant = np.flatnonzero(occupancy == 0)
        if not len(vacant):
            raise ValueError("occupancy: expected a vacancy (0), got none")
        sites = vacant if vacancies is None else np.array(vacancies, dtype=np.int64)
        if not np.array_equal(np.sort(sites), vacant):
            raise ValueError(f"vacancies={sites.tolist()}: the occupancy has {vacant.tolist()}")
        self._lattice = lattice
        self.occupancy: SpeciesArray = np.array(occupancy, dtype=np.uint8)
        self.vacancies = sites
        self.vacancy_displacement = np.zeros((len(sites), 3), dtype=np.int64)
        self.atom_displacement = np.zeros((lattice.n_sites, 3), dtype=np.int32)
        self.atom_at = np.arange(lattice.n_sites, dtype=np.int32)

    def follow(self, directions: SpeciesArray, movers: NDArray[np.integer] | None = None) -> None:
        """Make the jumps `directions` uint8[n]; vacancy ``movers[i]`` makes the i-th.

        Raises:
            ValueError: a direction that is not a jump of the lattice, an unknown vacancy, or several
                vacancies and no `movers`.
        """
        lattice = self._lattice
        if len(directions) and directions.max() >= lattice.z:
            raise ValueError(
                f"direction {directions.max()}: {lattice.structure} has jumps 0 to {lattice.z - 1}"
            )
        if movers is None:
            if len(self.vacancies) > 1:
                raise ValueError(f"{len(self.vacancies)} vacancies: expected to be told which one jumps")
            movers = np.zeros(0, dtype=np.uint16)
        elif len(movers) != len(directions) or (len(movers) and movers.max() >= len(self.vacancies)):
            raise ValueError(f"movers: expected {len(directions)} numbers below {len(self.vacancies)}")
        _follow(
            lattice.neighbours, lattice.jumps, directions, movers, self.occupancy, self.vacancies,
            self.vacancy_displacement, self.atom_displacement, self.atom_at,
        )  # fmt: skip

    def now(self) -> Replayed:
        """Where it stands; copies."""
        return Replayed(
            self.occupancy.copy(),
            self.vacancies.copy(),
            self.vacancy_displacement.copy(),
            self.atom_displacement.copy(),
            self.atom_at.copy(),
        )


def replay(
    lattice: Lattice,
    occupancy: SpeciesArray,
    directions: SpeciesArray,
    movers: NDArray[np.integer] | None = None,
) -> Replayed:
    """Let the vacancies of `occupancy` uint8[n_sites] make the jumps `directions` uint8[n].

    Raises:
        ValueError: as `Replay` and `Replay.follow`.
    """
    state = Replay(lattice, occupancy)
    state.follow(directions, movers)
    return state.now()


@compiled
def _follow(  # type: ignore[no-untyped-def]
    neighbours, jumps, directions, movers, occupancy, vacancies, ways, displacement, atom_at
):
    several = movers.shape[0] > 0
    for i in range(directions.shape[0]):
        number = movers[i] if several else 0
        jump = directions[i]
        vacancy = vacancies[number]
        site = neighbours[vacancy, jump]
        atom = atom_at[site]
        for axis in range(3):
            displacement[atom, axis] -= jumps[jump, axis]
            ways[number, axis] += jumps[jump, axis]
        occupancy[vacancy], occupancy[site] = occupancy[site], occupancy[vacancy]
        atom_at[vacancy], atom_at[site] = atom, atom_at[vacancy]
        vacancies[number] = site
