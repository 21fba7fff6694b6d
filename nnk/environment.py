"""The surroundings of a vacancy's jump: which sites, in which frame, in which order.

Sites are listed once, in the frame of the canonical jump ([111] in bcc, [110] in fcc); the table of every
other jump is that list turned by `nnk.lattice.jump_frames`. So column i of an environment has the same
position relative to every jump, and one network serves all z of them (Xing et al. 2024, Methods).

Three kinds:

* ``initial``: sites within `shells` of the vacancy (bcc, 8 shells: 112); the moving atom is one of them.
* ``union``: sites within `shells` of either end of the jump, both ends left out (bcc, 8: 142; fcc, 5: 100);
  the moving species is given apart. The reverse jump sees the same sites through the inversion at the
  jump's midpoint, the column permutation `EnvironmentSpec.inversion`.
* ``state``: sites within `shells` of the vacancy in the crystal's own frame: no jump is singled out.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nnk.lattice import (
    IntArray,
    Lattice,
    Structure,
    jump_frames,
    jump_symmetry,
    jumps,
    offsets_within,
    point_group,
)

Kind = Literal["initial", "union", "state"]
KINDS: tuple[Kind, ...] = ("initial", "union", "state")

SpeciesArray = NDArray[np.uint8]

_GATHER_AT_ONCE = 16384  # jumps whose coordinates are in memory together


@dataclass(frozen=True)
class EnvironmentSpec:
    """Which sites a model reads.

    Attributes:
        structure: "bcc" or "fcc".
        shells: crystallographic neighbour shells around the vacancy (or around either end).
        kind: "initial", "union" or "state".
    """

    structure: Structure
    shells: int
    kind: Kind

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"environment kind {self.kind!r}: allowed are {', '.join(KINDS)}")
        offsets_within(self.structure, self.shells)  # refuses unknown lattices and shells

    @property
    def canonical(self) -> IntArray:
        """Offsets int64[n_env, 3] (a/2) from the vacancy in the canonical jump's frame."""
        return _canonical(self.structure, self.shells, self.kind)

    @property
    def offsets(self) -> IntArray:
        """Offsets (a/2) from the vacancy in the crystal: int64[z, n_env, 3]; "state": int64[n_env, 3]."""
        if self.kind == "state":
            return self.canonical
        return _offsets(self.structure, self.shells, self.kind)

    @property
    def n_env(self) -> int:
        """Number of sites (columns)."""
        return len(self.canonical)

    @property
    def inversion(self) -> IntArray:
        """Columns int64[n_env] such that ``species[inversion]`` is what the reverse jump reads ("union").

        Raises:
            ValueError: the environment is not a union.
        """
        if self.kind != "union":
            raise ValueError(f"only a union environment maps onto itself under inversion, not {self.kind!r}")
        return find_columns(self.canonical, canonical_jump(self.structure) - self.canonical)

    @property
    def symmetry(self) -> IntArray:
        """Columns int64[m, n_env]: ``species[symmetry[i]]`` is the environment after operation i.

        Operations that leave the jump unchanged (bcc C3v, 6; fcc C2v, 4), or the 48 of O_h for "state";
        the identity is among them.
        """
        group = point_group() if self.kind == "state" else jump_symmetry(self.structure)
        return np.stack([find_columns(self.canonical, self.canonical @ g.T) for g in group])

    @property
    def orbits(self) -> IntArray:
        """Number int64[n_env] of the set of symmetry-equivalent sites that each column belongs to.

        For "union" the inversion is among the operations (bcc D3d, fcc D2h).
        """
        return _orbits(self)

    def check(self, lattice: Lattice) -> None:
        """Refuse a lattice in which the environment reaches an image of the jump's ends.

        Raises:
            ValueError: wrong lattice type, or too few cells (bcc, 8 shells: below 3).

        Warns:
            UserWarning: some site is met twice through the periodic boundary (bcc, 8 shells: below 5 cells).
        """
        if lattice.structure != self.structure:
            raise ValueError(f"the model is for {self.structure}, the lattice is {lattice.structure}")
        reach = int(np.abs(offsets_within(self.structure, self.shells)).max())
        least, comfortable = (reach + 1) // 2 + 1, reach + 1
        if min(lattice.cells) < least:
            raise ValueError(
                f"cells={lattice.cells}: an environment of {self.shells} {self.structure} shells needs at "
                f"least {least} cells along every edge"
            )
        if min(lattice.cells) < comfortable:
            warnings.warn(
                f"cells={lattice.cells}: {self.shells} shells wrap around the box, some sites count twice; "
                f"{comfortable} cells or more avoid it",
                stacklevel=2,
            )


@cache
def _canonical(structure: Structure, shells: int, kind: Kind) -> IntArray:
    around = offsets_within(structure, shells)
    if kind != "union":
        around.setflags(write=False)
        return around
    jump = canonical_jump(structure)
    both = np.unique(np.concatenate([around, around + jump]), axis=0)
    both = both[(both != 0).any(axis=1) & (both != jump).any(axis=1)]
    distance = np.sort([(both**2).sum(axis=1), ((both - jump) ** 2).sum(axis=1)], axis=0)
    both = both[np.lexsort((*both.T[::-1], distance[1], distance[0]))]
    both.setflags(write=False)
    return both


@cache
def _offsets(structure: Structure, shells: int, kind: Kind) -> IntArray:
    canonical = _canonical(structure, shells, kind)
    # g turns crystal offsets into the canonical frame, so the inverse, g^T, turns the list back
    offsets = np.stack([canonical @ g for g in jump_frames(structure)])
    offsets.setflags(write=False)
    return offsets


@cache
def _orbits(spec: EnvironmentSpec) -> IntArray:
    operations = spec.symmetry
    if spec.kind == "union":
        operations = np.concatenate([operations, spec.inversion[operations]])
    _, numbers = np.unique(operations.min(axis=0), return_inverse=True)
    numbers.setflags(write=False)
    return numbers


def canonical_jump(structure: Structure) -> IntArray:
    """The jump vector int64[3] (a/2) that every jump is turned onto."""
    return jump_frames(structure)[0] @ jumps(structure)[0]


def find_columns(table: IntArray, offsets: IntArray, missing: int | None = None) -> IntArray:
    """Index int64[n] in `table` int64[m, 3] of each row of `offsets` int64[n, 3].

    Args:
        table: distinct offsets.
        offsets: what to look up.
        missing: index given to an absent row; absent rows are an error if None.

    Raises:
        ValueError: a row is not in the table and `missing` is None.
    """
    where = {tuple(row): i for i, row in enumerate(table.tolist())}
    columns = [where.get(tuple(row), missing) for row in offsets.tolist()]
    if None in columns:
        raise ValueError(f"offset {offsets.tolist()[columns.index(None)]} is not in the environment")
    return np.array(columns, dtype=np.int64)


@cache
def state_columns(structure: Structure, shells: int) -> tuple[IntArray, IntArray]:
    """Where the surroundings of the vacancy before and after a jump stand in the jump's union environment.

    Returns:
        Two tables int64[z, n_state], for the initial state A and the final state B. Row d holds, for each
        site of the "state" environment, its column in the union environment of jump d; the column
        ``n_union``, one beyond the last, stands for the moving atom.
    """
    union = EnvironmentSpec(structure, shells, "union").canonical
    state = EnvironmentSpec(structure, shells, "state").canonical
    jump = canonical_jump(structure)
    with_mover_before = np.concatenate([union, jump[None]])
    with_mover_after = np.concatenate([union, np.zeros((1, 3), dtype=np.int64)])
    frames = jump_frames(structure)
    before = [find_columns(with_mover_before, state @ g.T) for g in frames]
    after = [find_columns(with_mover_after, state @ g.T + jump) for g in frames]
    return np.stack(before), np.stack(after)


@cache
def initial_columns(structure: Structure, shells: int) -> tuple[IntArray, IntArray]:
    """Where the "initial" environments of a jump and of its reverse stand in the jump's union environment.

    Returns:
        Two tables int64[n_initial] of columns, as in `state_columns`, each in its own jump's frame.
    """
    union = EnvironmentSpec(structure, shells, "union").canonical
    initial = EnvironmentSpec(structure, shells, "initial").canonical
    jump = canonical_jump(structure)
    before = find_columns(np.concatenate([union, jump[None]]), initial)
    after = find_columns(np.concatenate([union, np.zeros((1, 3), dtype=np.int64)]), jump - initial)
    return before, after


def check_vacancy(lattice: Lattice, occupancy: SpeciesArray, vacancy_site: int) -> None:
    """Raise ValueError unless `occupancy` fits the lattice and `vacancy_site` is vacant."""
    if occupancy.shape != (lattice.n_sites,):
        raise ValueError(f"occupancy: expected shape ({lattice.n_sites},), got {occupancy.shape}")
    if not 0 <= vacancy_site < lattice.n_sites:
        raise ValueError(f"vacancy_site={vacancy_site}: expected 0 to {lattice.n_sites - 1}")
    if occupancy[vacancy_site] != 0:
        raise ValueError(f"site {vacancy_site} holds species {occupancy[vacancy_site]}: no vacancy there")


def gather(
    spec: EnvironmentSpec, lattice: Lattice, occupancy: SpeciesArray, vacancy_site: int
) -> tuple[SpeciesArray, SpeciesArray]:
    """Environments of all z jumps of one vacancy.

    Args:
        spec: which sites.
        lattice: the lattice.
        occupancy: uint8[n_sites], 0 at the vacancy.
        vacancy_site: site of the vacancy.

    Returns:
        species uint8[z, n_env] ("state": uint8[n_env]) and moving species uint8[z].

    Raises:
        ValueError: the site is not vacant, or the lattice is refused by `EnvironmentSpec.check`.
    """
    spec.check(lattice)
    check_vacancy(lattice, occupancy, vacancy_site)
    sites = lattice.sites_around(vacancy_site, spec.offsets)
    return occupancy[sites], occupancy[lattice.neighbours[vacancy_site]]


def gather_jumps(
    spec: EnvironmentSpec,
    lattice: Lattice,
    occupancies: SpeciesArray,
    sample: IntArray,
    vacancy_site: IntArray,
    jump: IntArray,
) -> tuple[SpeciesArray, SpeciesArray]:
    """Environments of many jumps in many samples.

    Args:
        spec: an "initial" or "union" environment.
        lattice: the lattice of all samples.
        occupancies: uint8[n_samples, n_sites]; whatever stands at the vacancy's site is not read.
        sample, vacancy_site, jump: int[m].

    Returns:
        species uint8[m, n_env] and moving species uint8[m].

    Raises:
        ValueError: a "state" environment (it has no jumps), or a refused lattice.
    """
    if spec.kind == "state":
        raise ValueError("a state environment has no jumps: expected kind 'initial' or 'union'")
    spec.check(lattice)
    mover = occupancies[sample, lattice.neighbours[vacancy_site, jump]]
    species = np.empty((len(mover), spec.n_env), dtype=np.uint8)
    for first in range(0, len(mover), _GATHER_AT_ONCE):
        part = slice(first, first + _GATHER_AT_ONCE)
        grid = lattice.coordinates[vacancy_site[part]][:, None, :] + spec.offsets[jump[part]]
        species[part] = occupancies[sample[part][:, None], lattice.site_at(grid)]
    return species, mover
