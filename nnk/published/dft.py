"""Barriers in Nb-Mo-Ta-W-V alloys by density functional theory (UCICaoLab/First-principle-NNK).

One folder per alloy, a bcc block of 4 x 4 x 4 cells with 128 atoms:

* ``POSCAR``: the atoms on their ideal sites.
* ``atomid_for_NN.txt``: row i (from 1) is the vacancy at atom i; its columns are the numbers of the eight
  neighbours that jump into it, sorted as *text* ("113 125 18 20"), not by direction.
* ``barrier_for_NN.txt``: the forward barriers of those jumps, eV, in the same columns.

That the columns are those of the text order can be told from the data: between vacancies on neighbouring
sites of one species the jumps there and back are the same path, and the differences of their barriers
sum to zero along closed loops, to 1 meV or so; sorted as numbers they miss by 0.1 to 0.5 eV.

A backward barrier is known only for such pairs (`DftBarriers.reverse`). Flawed entries are kept and told by
`DftBarriers.flaw`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.environment import EnvironmentSpec, SpeciesArray, gather_jumps
from nnk.folds import read_fold_file
from nnk.lattice import IntArray, Lattice
from nnk.observables.loops import loop_errors_eV
from nnk.published.forward import ForwardBarriers
from nnk.published.poscar import read_poscar

ELEMENTS = ("Nb", "Mo", "Ta", "W", "V")
CELLS = (4, 4, 4)
TINY_EV = 0.01  # below, two minima have merged or the band has failed
LOOP_TOLERANCE_EV = 0.05  # of the closed loops of jumps; nearly all of them close to 1 meV

FILES = ("POSCAR", "atomid_for_NN.txt", "barrier_for_NN.txt")


class Flaw(IntEnum):
    """Why a barrier is not to be used."""

    NONE = 0
    TINY = 1  #: below `TINY_EV`, zero or negative: no barrier between two states
    INCONSISTENT = 2  #: it or its reverse contradicts the closed loops by more than `LOOP_TOLERANCE_EV`


@dataclass(frozen=True)
class DftBarriers:
    """Forward barriers with their complete states.

    Attributes:
        elements: species i of an occupancy is ``elements[i - 1]``.
        folder: name of each of the n alloys.
        occupancy: uint8[n, 128], every site filled; sites as in `lattice`.
        box_A: float64[n, 3, 3], edge vectors as rows (one of the published boxes is not quite cubic).
        sample: int32[m], which alloy.
        vacancy_site: int32[m], the site whose atom is taken out.
        jump: uint8[m], direction from the vacancy to the atom that moves, see `nnk.lattice.jumps`.
        E_fwd_eV: float64[m].
        flaw: uint8[m], see `Flaw`.
    """

    elements: tuple[str, ...]
    folder: tuple[str, ...]
    occupancy: SpeciesArray
    box_A: NDArray[np.float64]
    sample: NDArray[np.int32]
    vacancy_site: NDArray[np.int32]
    jump: NDArray[np.uint8]
    E_fwd_eV: NDArray[np.float64]
    flaw: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.sample)

    @property
    def lattice(self) -> Lattice:
        """The lattice of all alloys, with the lattice parameter of their mean volume."""
        volume = float(np.abs(np.linalg.det(self.box_A)).mean())
        return Lattice("bcc", CELLS, volume ** (1 / 3) / CELLS[0])

    @property
    def usable(self) -> NDArray[np.bool_]:
        """bool[m]: the barrier has no flaw."""
        return self.flaw == Flaw.NONE

    @property
    def composition(self) -> NDArray[np.float64]:
        """Atomic fractions float64[n, n_elements]."""
        species = np.arange(1, len(self.elements) + 1)
        return np.asarray((self.occupancy[:, :, None] == species).mean(axis=1), dtype=np.float64)

    @property
    def moving_species(self) -> SpeciesArray:
        """Species uint8[m] of the atom that jumps."""
        return self.occupancy[self.sample, self._end_site]

    @property
    def _end_site(self) -> NDArray[np.int32]:
        return self.lattice.neighbours[self.vacancy_site, self.jump]

    @cached_property
    def reverse(self) -> IntArray:
        """For each barrier the number of the one of the way back, int64[m]; -1 where the set has none.

        The jump leaves the vacancy on the neighbour's site and that atom on the vacancy's. The set has this
        state if both sites hold atoms of one species.
        """
        n_sites, z = self.occupancy.shape[1], self.lattice.z
        number = np.full((len(self.folder), n_sites, z), -1, dtype=np.int64)
        number[self.sample, self.vacancy_site, self.jump] = np.arange(len(self))
        back = number[self.sample, self._end_site, z - 1 - self.jump]
        alike = self.occupancy[self.sample, self.vacancy_site] == self.moving_species
        return np.where(alike, back, -1)

    def select(self, which: ArrayLike) -> DftBarriers:
        """The barriers of a mask bool[m] or of indices int[...]; all alloys are kept."""
        columns = ("sample", "vacancy_site", "jump", "E_fwd_eV", "flaw")
        return replace(self, **{name: getattr(self, name)[which] for name in columns})

    def environments(self, spec: EnvironmentSpec) -> tuple[SpeciesArray, SpeciesArray]:
        """Species uint8[m, n_env] around each jump, in its frame, and the moving species uint8[m].

        In blocks of 4 cells, 8 shells meet some sites twice; `EnvironmentSpec.check` warns of it.
        """
        index = (part.astype(np.int64) for part in (self.sample, self.vacancy_site, self.jump))
        return gather_jumps(spec, self.lattice, self.occupancy, *index)

    def forward(self, spec: EnvironmentSpec) -> ForwardBarriers:
        """The usable barriers as training data."""
        chosen = self.select(self.usable)
        species, mover = chosen.environments(spec)
        folder = np.array(self.folder, dtype=np.str_)[chosen.sample]
        group = chosen.sample.astype(np.int64) * self.occupancy.shape[1] + chosen.vacancy_site
        return ForwardBarriers(self.elements, spec, species, mover, chosen.E_fwd_eV, folder, group)


def read_dft(root: Path | str, elements: Sequence[str] = ELEMENTS) -> DftBarriers:
    """Read all folders of `root` that hold a POSCAR, by name.

    Args:
        root: the folder of the folders.
        elements: numbering of the species.

    Raises:
        ValueError: no such folder, or a file that is not what it should be; the message names file and line.
    """
    folders = sorted(path.parent for path in Path(root).glob("*/POSCAR"))
    if not folders:
        raise ValueError(f"{root}: expected folders with {', '.join(FILES)}, found none")
    parts = [_read_folder(folder, i, tuple(elements)) for i, folder in enumerate(folders)]
    columns = ("occupancy", "box_A", "sample", "vacancy_site", "jump", "E_fwd_eV", "flaw")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in columns}
    return DftBarriers(tuple(elements), tuple(folder.name for folder in folders), **joined)


def read_folds(path: Path | str, folders: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The folds of a file: the folders to be tested on in turn, after training on all others.

    Args:
        path: the file.
        folders: the folders there are; each must be in exactly one fold.

    Raises:
        ValueError: no folds, or folders that are missing, unknown or in two folds.
    """
    folds = read_fold_file(path)
    named = [folder for fold in folds for folder in fold]
    if sorted(named) != sorted(folders):
        odd = sorted(set(named) ^ set(folders)) or sorted({name for name in named if named.count(name) > 1})
        raise ValueError(f"{path}: each folder must be in exactly one fold; not so {', '.join(odd)}")
    return folds


def _read_folder(folder: Path, number: int, elements: tuple[str, ...]) -> DftBarriers:
    """The barriers of one alloy, whose only sample gets `number`."""
    lattice = Lattice("bcc", CELLS, 1.0)
    poscar = read_poscar(folder / "POSCAR")
    site = _sites(folder / "POSCAR", poscar.fractions, lattice)
    occupancy = np.empty(lattice.n_sites, dtype=np.uint8)
    occupancy[site] = _species(folder / "POSCAR", poscar.symbols, elements)
    shape = (lattice.n_sites, lattice.z)
    mover = site[_integers(folder / "atomid_for_NN.txt", shape) - 1]
    energies = _numbers(folder / "barrier_for_NN.txt", shape)
    jump = _directions(folder / "atomid_for_NN.txt", lattice, site, mover)
    m = energies.size
    barriers = DftBarriers(
        elements=elements,
        folder=(folder.name,),
        occupancy=occupancy[None],
        box_A=poscar.box_A[None],
        sample=np.zeros(m, dtype=np.int32),
        vacancy_site=np.repeat(site, lattice.z).astype(np.int32),
        jump=jump.ravel(),
        E_fwd_eV=energies.ravel(),
        flaw=np.zeros(m, dtype=np.uint8),
    )
    return replace(barriers, flaw=_flaws(barriers), sample=barriers.sample + np.int32(number))


def _sites(path: Path, fractions: NDArray[np.float64], lattice: Lattice) -> IntArray:
    """Site int64[n_sites] of each atom."""
    grid = fractions * lattice.extent
    whole = np.round(grid).astype(np.int64)
    if len(grid) != lattice.n_sites or np.abs(grid - whole).max() > 0.01:
        raise ValueError(f"{path}: expected {lattice.n_sites} atoms on the sites of {CELLS} bcc cells")
    sites = lattice.site_at(whole)
    if len(np.unique(sites)) != len(sites):
        raise ValueError(f"{path}: two atoms on one site")
    return sites


def _species(path: Path, symbols: Sequence[str], elements: tuple[str, ...]) -> SpeciesArray:
    unknown = sorted(set(symbols) - set(elements))
    if unknown:
        raise ValueError(f"{path}: holds {', '.join(unknown)}; the elements are {', '.join(elements)}")
    return np.array([elements.index(symbol) + 1 for symbol in symbols], dtype=np.uint8)


def _numbers(path: Path, shape: tuple[int, int]) -> NDArray[np.float64]:
    """A text table of finite numbers."""
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if len(rows) != shape[0]:
        raise ValueError(f"{path}: expected {shape[0]} rows, got {len(rows)}")
    values = np.empty(shape)
    for i, row in enumerate(rows):
        try:
            values[i] = np.array(row, dtype=np.float64)
        except ValueError as error:
            raise ValueError(f"{path}:{i + 1}: expected {shape[1]} numbers, got {' '.join(row)!r}") from error
    if not np.isfinite(values).all():
        raise ValueError(f"{path}:{np.argwhere(~np.isfinite(values))[0, 0] + 1}: a number is not finite")
    return values


def _integers(path: Path, shape: tuple[int, int]) -> IntArray:
    values = _numbers(path, shape)
    wrong = (values != np.round(values)) | (values < 1) | (values > shape[0])
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(f"{path}:{row + 1}: expected atoms 1 to {shape[0]}, got {values[row, column]:g}")
    return values.astype(np.int64)


def _directions(path: Path, lattice: Lattice, site: IntArray, mover: IntArray) -> NDArray[np.uint8]:
    """Jump uint8[n, z] from the vacancy at each of n atoms to its movers' sites int64[n, z]."""
    found = mover[:, :, None] == lattice.neighbours[site][:, None, :]
    one_each = (found.sum(axis=1) == 1).all(axis=1)
    if not one_each.all():
        row = int(np.flatnonzero(~one_each)[0])
        raise ValueError(
            f"{path}:{row + 1}: expected the {lattice.z} neighbours of atom {row + 1}, once each"
        )
    return found.argmax(axis=2).astype(np.uint8)


def _flaws(barriers: DftBarriers) -> NDArray[np.uint8]:
    """Flaw uint8[m] of each barrier of one alloy."""
    flaw = np.where(barriers.E_fwd_eV < TINY_EV, Flaw.TINY, Flaw.NONE)
    there = np.flatnonzero(barriers.reverse > np.arange(len(barriers)))
    back = barriers.reverse[there]
    difference = barriers.E_fwd_eV[there] - barriers.E_fwd_eV[back]
    errors = loop_errors_eV(barriers.vacancy_site[there], barriers.vacancy_site[back], difference)
    wrong = np.abs(errors) > LOOP_TOLERANCE_EV
    both = np.concatenate([there[wrong], back[wrong]])
    flaw[both] = np.where(flaw[both] == Flaw.NONE, Flaw.INCONSISTENT, flaw[both])
    return flaw.astype(np.uint8)
