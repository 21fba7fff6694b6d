"""The published barriers of 46 Nb-Mo-Ta alloys (Zenodo 10.5281/zenodo.17069342; Xing et al. 2024).

A folder with

* ``data/N.npy``: neuron maps [m, 9, 9, 9] of alloy N: species numbers 1, 2, 3 (Nb, Mo, Ta) on a grid of edge
  a/2 around the vacancy, in the frame of the jump; 0 at the vacancy and off the 112 sites within 7.5 Å.
  The axes are y, x, z, as those of the published network.
* ``labels/N.npy``: their barriers [m], eV.
* ``dirnames.txt``: a name for each N, one a line.

Files are read one alloy at a time, and never unpickled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnk.environment import EnvironmentSpec, SpeciesArray, canonical_jump, find_columns
from nnk.files import rng
from nnk.lattice import IntArray
from nnk.neuron_map import EDGE, voxels
from nnk.published.forward import ForwardBarriers
from nnk.published.nkk import SHELLS, SPECIES

_AT_ONCE = 2048  # maps in memory together
_MOST_SPECIES = 256


@dataclass(frozen=True)
class Npy46:
    """The set on disk; nothing is read before `read`.

    Attributes:
        root: its folder.
        names: name of each alloy, in the order of the files.
        first: the number N of the first alloy's files, 0 or 1.
    """

    root: Path
    names: tuple[str, ...]
    first: int

    def __len__(self) -> int:
        return len(self.names)

    def files(self, index: int) -> tuple[Path, Path]:
        """The files of maps and of barriers of the alloy ``names[index]``."""
        number = f"{self.first + index}.npy"
        return self.root / "data" / number, self.root / "labels" / number

    def read(self, index: int, elements: Sequence[str] = SPECIES) -> ForwardBarriers:
        """Barriers of the alloy ``names[index]``.

        Args:
            index: 0 to ``len(self) - 1``.
            elements: numbering of the species, matched by name.

        Raises:
            ValueError: a file is missing, is no plain array, or does not hold what it should.
        """
        number_of = _renumbered(elements)
        maps, energies = (_open(path) for path in self.files(index))
        _check_shapes(self.files(index), maps, energies)
        spec = EnvironmentSpec("bcc", SHELLS, "initial")
        species = np.empty((len(maps), spec.n_env), dtype=np.uint8)
        for begin in range(0, len(maps), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            species[part] = _from_maps(self.files(index)[0], np.asarray(maps[part]), begin)
        species = number_of[species]
        return ForwardBarriers(
            elements=tuple(elements),
            environment=spec,
            species=species,
            mover=species[:, find_columns(spec.canonical, canonical_jump("bcc")[None])[0]],
            E_fwd_eV=_finite(self.files(index)[1], energies),
            part=np.full(len(maps), self.names[index]),
            group=np.unique(upright(species)[0], axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64),
        )

    def __iter__(self) -> Iterator[ForwardBarriers]:
        return (self.read(index) for index in range(len(self)))


def open_npy46(root: Path | str) -> Npy46:
    """The set in folder `root`.

    Raises:
        ValueError: a file is missing, or the files and the lines of ``dirnames.txt`` are not as many.
    """
    folder = Path(root)
    if not (folder / "dirnames.txt").is_file():
        raise ValueError(
            f"{folder}: expected data/N.npy, labels/N.npy and dirnames.txt; no dirnames.txt there"
        )
    text = (folder / "dirnames.txt").read_text(encoding="utf-8")
    names = tuple(line.strip() for line in text.splitlines() if line.strip())
    numbers = sorted(int(path.stem) for path in (folder / "data").glob("*.npy") if path.stem.isdigit())
    found = Npy46(folder, names, numbers[0] if numbers else 0)
    if len(set(names)) != len(names) or found.first not in (0, 1):
        raise ValueError(f"{folder}: expected a name of its own for each alloy, and files from 0 or 1")
    missing = [path for i in range(len(names)) for path in found.files(i) if not path.is_file()]
    if missing or len(numbers) != len(names):
        what = f"; {missing[0].relative_to(folder)} is missing" if missing else ""
        raise ValueError(
            f"{folder}: {len(numbers)} files in data for {len(names)} names in dirnames.txt{what}"
        )
    return found


def _renumbered(elements: Sequence[str]) -> SpeciesArray:
    """The number uint8[4] of each published species among `elements`."""
    unknown = [name for name in SPECIES if name not in elements]
    if unknown:
        raise ValueError(f"the set holds {', '.join(SPECIES)}: {', '.join(unknown)} not among {elements}")
    return np.array([0, *(list(elements).index(name) + 1 for name in SPECIES)], dtype=np.uint8)


def _open(path: Path) -> NDArray:
    """An array on disk, mapped rather than read."""
    try:
        return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: expected an array of numbers: {error}") from error


def _check_shapes(paths: tuple[Path, Path], maps: NDArray, energies: NDArray) -> None:
    if maps.ndim != 4 or maps.shape[1:] != (EDGE,) * 3:
        raise ValueError(f"{paths[0]}: expected maps [m, {EDGE}, {EDGE}, {EDGE}], got {list(maps.shape)}")
    if energies.size != len(maps) or energies.shape[0] != len(maps):
        expected = f"expected {len(maps)} barriers, as many as maps"
        raise ValueError(f"{paths[1]}: {expected}, got {list(energies.shape)}")


def _from_maps(path: Path, maps: NDArray, begin: int) -> SpeciesArray:
    """Published species uint8[m, 112] of maps [m, 9, 9, 9]; `begin` is the number of the first."""
    flat = maps.reshape(len(maps), -1)
    columns = _columns()
    species = flat[:, columns].astype(np.uint8)
    rest = np.delete(flat, columns, axis=1)
    wrong = (species != flat[:, columns]) | (species < 1) | (species > len(SPECIES))
    bad = wrong.any(axis=1) | (rest != 0).any(axis=1)
    if bad.any():
        row = begin + int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"{path}: map {row} does not hold a species 1 to {len(SPECIES)} on each of the "
            f"{len(columns)} sites around the vacancy, and 0 elsewhere"
        )
    return species


@cache
def _columns() -> IntArray:
    """Where each site of the environment is in a flattened map."""
    return voxels(EnvironmentSpec("bcc", SHELLS, "initial").canonical)


def _finite(path: Path, energies: NDArray) -> NDArray[np.float64]:
    values = np.array(energies, dtype=np.float64).ravel()
    if not np.isfinite(values).all():
        raise ValueError(f"{path}: barrier {int(np.flatnonzero(~np.isfinite(values))[0])} is not finite")
    return values


def upright(species: SpeciesArray) -> tuple[SpeciesArray, IntArray]:
    """Surroundings of vacancies turned into one frame, the same whichever way they were turned or mirrored.

    The jumps of one vacancy see one state in eight frames. Of its 48 orientations the one with the smallest
    key is chosen, so that those of one state are equal.

    Args:
        species: uint8[m, 112].

    Returns:
        The turned surroundings uint8[m, 112], and the operation int64[m] of the environment "state" that has
        turned each.
    """
    state = EnvironmentSpec("bcc", SHELLS, "state")  # its sites are those of "initial", in the same order
    turned, operation = np.empty_like(species), np.empty(len(species), dtype=np.int64)
    for begin in range(0, len(species), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        operation[part] = np.argmin(_keys(species[part], state), axis=1)
        turned[part] = np.take_along_axis(species[part], state.symmetry[operation[part]], axis=1)
    return turned, operation


def _keys(species: SpeciesArray, state: EnvironmentSpec) -> NDArray[np.float64]:
    """A number float64[m, 48] for every orientation of states: the sum of a random weight per site.

    Weights are whole numbers below 2^45, so that their sums are exact in any order; two different states
    share one with a probability of 3e-14.
    """
    n_species = int(species.max(initial=0)) + 1
    weight = rng(0, "state keys").integers(2**45, size=(_MOST_SPECIES, state.n_env))[:n_species]
    place = np.argsort(state.symmetry, axis=1)  # where each operation puts a site
    of_site = weight[:, place].transpose(0, 2, 1).reshape(-1, len(place)).astype(np.float64)
    occupied = species[:, None, :] == np.arange(n_species, dtype=np.uint8)[:, None]
    return np.asarray(occupied.reshape(len(species), -1).astype(np.float64) @ of_site)
