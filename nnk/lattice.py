"""Crystal lattices on an integer grid: sites, shells, jumps and the frame of each jump.

Coordinates are integers in units of a/2, so that every site, offset and image is exact.

* bcc: sites with i, j, k all even or all odd; z = 8 jumps (+-1, +-1, +-1).
* fcc: sites with i + j + k even; z = 12 jumps, the permutations of (+-1, +-1, 0).

Jumps are ordered lexicographically, so the reverse of jump ``d`` is jump ``z - 1 - d``
(see `reverse_jump`). Every array "per jump" in this suite follows that order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from itertools import permutations, product
from typing import Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

Structure = Literal["bcc", "fcc"]
STRUCTURES: tuple[Structure, ...] = ("bcc", "fcc")

IntArray = NDArray[np.int64]

_BASIS: dict[str, list[tuple[int, int, int]]] = {
    "bcc": [(0, 0, 0), (1, 1, 1)],
    "fcc": [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)],
}
_REACH = 8  # half-edges: enough for 10 shells of either lattice


def _read_only(array: NDArray) -> NDArray:
    array.setflags(write=False)
    return array


def _check_structure(structure: str) -> None:
    if structure not in STRUCTURES:
        raise ValueError(f"unknown lattice {structure!r}: allowed are {', '.join(STRUCTURES)}")


def _on_lattice(structure: str, ijk: IntArray) -> NDArray[np.bool_]:
    parity = np.mod(ijk, 2)
    if structure == "bcc":
        return (parity[..., 0] == parity[..., 1]) & (parity[..., 1] == parity[..., 2])
    return np.mod(parity.sum(axis=-1), 2) == 0


@cache
def _shells(structure: Structure) -> list[IntArray]:
    """Offsets of each neighbour shell, nearest first, lexicographic inside a shell."""
    _check_structure(structure)
    span = np.arange(-_REACH, _REACH + 1)
    grid = np.array(list(product(span, span, span)), dtype=np.int64)
    grid = grid[_on_lattice(structure, grid)]
    squared = (grid**2).sum(axis=1)
    complete = (squared > 0) & (squared <= _REACH**2)
    return [_read_only(grid[squared == s]) for s in np.unique(squared[complete])]


def shell_offsets(structure: Structure, shell: int) -> IntArray:
    """Offsets int64[m, 3] (a/2) from a site to neighbour shell `shell` (1 = nearest).

    Raises:
        ValueError: unknown lattice, or a shell outside the tabulated range.
    """
    shells = _shells(structure)
    if not 1 <= shell <= len(shells):
        raise ValueError(f"shell {shell} of {structure}: allowed are 1 to {len(shells)}")
    return shells[shell - 1]


def offsets_within(structure: Structure, shells: int) -> IntArray:
    """Offsets int64[m, 3] (a/2) of shells 1..`shells`, nearest shell first (bcc, 8: 112 sites)."""
    return np.concatenate([shell_offsets(structure, k) for k in range(1, shells + 1)])


@cache
def jumps(structure: Structure) -> IntArray:
    """Jump vectors int64[z, 3] (a/2) from the vacancy to the atom that may jump into it."""
    offsets = shell_offsets(structure, 1)
    return _read_only(offsets[np.lexsort(offsets.T[::-1])])


def reverse_jump(structure: Structure, jump: ArrayLike) -> IntArray:
    """Index of the jump that undoes `jump`."""
    return len(jumps(structure)) - 1 - np.asarray(jump, dtype=np.int64)


@cache
def point_group() -> IntArray:
    """The 48 operations of O_h as integer matrices int64[48, 3, 3], the identity first."""
    operations = []
    for order in permutations(range(3)):
        for signs in product((1, -1), repeat=3):
            matrix = np.zeros((3, 3), dtype=np.int64)
            matrix[range(3), order] = signs
            operations.append(matrix)
    return _read_only(np.array(operations))


def _bcc_frame(jump: IntArray) -> IntArray:
    """Rotation about z by 0 or +-pi/2 or pi, then a mirror z -> -z (Xing et al. 2024, table S1)."""
    x, y, z = jump
    turn = (0 if y > 0 else 1) if x > 0 else (-1 if y > 0 else 2)
    cos, sin = [(1, 0), (0, 1), (-1, 0), (0, -1)][turn % 4]
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1 if z > 0 else -1]], dtype=np.int64)


def _fcc_frames(vectors: IntArray) -> list[IntArray]:
    """For one of each pair +-d the first operation that turns d onto [110]; its negative for -d."""
    target = np.array([1, 1, 0])
    frames: dict[tuple[int, ...], IntArray] = {}
    for jump in vectors:
        key = tuple(jump)
        if tuple(-jump) in frames:
            frames[key] = -frames[tuple(-jump)]
        else:
            frames[key] = next(g for g in point_group() if (g @ jump == target).all())
    return [frames[tuple(jump)] for jump in vectors]


@cache
def jump_frames(structure: Structure) -> IntArray:
    """Orthogonal integer matrices g int64[z, 3, 3] that turn each jump onto one direction.

    ``g[d] @ jumps[d]`` is [111] (bcc) or [110] (fcc), and ``g[reverse(d)] == -g[d]``: the reverse
    jump reads the same surroundings through the inversion at the jump's midpoint. The bcc frames
    are those of the published neuron map (Xing et al. 2024, table S1).
    """
    vectors = jumps(structure)
    if structure == "bcc":
        return _read_only(np.array([_bcc_frame(jump) for jump in vectors]))
    return _read_only(np.array(_fcc_frames(vectors)))


@cache
def jump_symmetry(structure: Structure) -> IntArray:
    """Operations int64[m, 3, 3] that leave the canonical jump unchanged: C3v (6) or C2v (4)."""
    canonical = jump_frames(structure)[0] @ jumps(structure)[0]
    return _read_only(np.array([g for g in point_group() if (g @ canonical == canonical).all()]))


@dataclass(frozen=True)
class Lattice:
    """A periodic block of cubic cells.

    Attributes:
        structure: "bcc" or "fcc".
        cells: cubic cells along x, y, z.
        a_A: lattice parameter in Å.

    Sites are numbered cell by cell (z fastest), the basis innermost.
    """

    structure: Structure
    cells: tuple[int, int, int]
    a_A: float

    def __post_init__(self) -> None:
        _check_structure(self.structure)
        if len(self.cells) != 3 or any(int(n) != n or n < 1 for n in self.cells):
            raise ValueError(f"cells={self.cells!r}: expected three whole numbers >= 1")
        if not (np.isfinite(self.a_A) and self.a_A > 0):
            raise ValueError(f"a_A={self.a_A!r}: expected a positive length in Å")
        object.__setattr__(self, "cells", tuple(int(n) for n in self.cells))

    @classmethod
    def bcc(cls, cells: tuple[int, int, int], a_A: float) -> Lattice:
        """Body-centred cubic block of `cells` cells with lattice parameter `a_A` (Å)."""
        return cls("bcc", cells, a_A)

    @classmethod
    def fcc(cls, cells: tuple[int, int, int], a_A: float) -> Lattice:
        """Face-centred cubic block of `cells` cells with lattice parameter `a_A` (Å)."""
        return cls("fcc", cells, a_A)

    @property
    def n_sites(self) -> int:
        """Number of lattice sites."""
        return len(_BASIS[self.structure]) * int(np.prod(self.cells))

    @property
    def jumps(self) -> IntArray:
        """Jump vectors int64[z, 3] (a/2), vacancy to moving atom; see `jumps`."""
        return jumps(self.structure)

    @property
    def z(self) -> int:
        """Number of nearest neighbours."""
        return len(self.jumps)

    @property
    def extent(self) -> IntArray:
        """Edge lengths int64[3] of the block in units of a/2."""
        return 2 * np.array(self.cells, dtype=np.int64)

    @property
    def box_A(self) -> NDArray[np.float64]:
        """Edge lengths float64[3] of the block in Å."""
        return self.a_A * np.array(self.cells, dtype=np.float64)

    @cached_property
    def coordinates(self) -> IntArray:
        """Site coordinates int64[n_sites, 3] on the a/2 grid (read-only)."""
        corners = 2 * np.indices(self.cells).reshape(3, -1).T
        basis = np.array(_BASIS[self.structure])
        return _read_only((corners[:, None, :] + basis[None, :, :]).reshape(-1, 3).astype(np.int64))

    @property
    def positions_A(self) -> NDArray[np.float64]:
        """Ideal site positions float64[n_sites, 3] in Å."""
        return np.multiply(0.5 * self.a_A, self.coordinates, dtype=np.float64)

    @cached_property
    def _site_of_grid(self) -> IntArray:
        table = np.full(self.extent, -1, dtype=np.int64)
        table[tuple(self.coordinates.T)] = np.arange(self.n_sites)
        return _read_only(table)

    def site_at(self, ijk: ArrayLike) -> IntArray:
        """Site numbers int64[...] of a/2-grid coordinates int[..., 3], periodic images folded back.

        Raises:
            ValueError: a coordinate that is not a lattice site.
        """
        grid = np.asarray(ijk)
        if grid.shape[-1:] != (3,) or not np.issubdtype(grid.dtype, np.integer):
            raise ValueError(f"ijk: expected integers of shape (..., 3), got {grid.dtype}{list(grid.shape)}")
        folded = np.mod(grid, self.extent)
        sites = self._site_of_grid[folded[..., 0], folded[..., 1], folded[..., 2]]
        if np.any(sites < 0):
            bad = grid[np.asarray(sites) < 0].reshape(-1, 3)[0]
            raise ValueError(f"{bad.tolist()} is not a site of the {self.structure} lattice")
        return cast(IntArray, sites)

    def sites_around(self, site: ArrayLike, offsets: ArrayLike) -> IntArray:
        """Sites int64[*site.shape, *offsets.shape[:-1]] at `offsets` int[..., 3] (a/2) from `site`."""
        centre = self.coordinates[np.asarray(site)]
        shifts = np.asarray(offsets, dtype=np.int64)
        lead = centre.shape[:-1] + (1,) * (shifts.ndim - 1) + (3,)
        return self.site_at(centre.reshape(lead) + shifts)

    @cached_property
    def neighbours(self) -> NDArray[np.int32]:
        """Nearest-neighbour sites int32[n_sites, z] in the order of `jumps` (read-only)."""
        return _read_only(self.sites_around(np.arange(self.n_sites), self.jumps).astype(np.int32))
