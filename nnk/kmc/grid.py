"""The occupancy as the kernel sees it: one byte per site with a rim of periodic images.

Sites of one basis position form a simple block of cells. Each block is stored with a rim wide enough that
every site a vacancy reads lies at a fixed distance in memory, wherever the box's faces are: a read is an
addition and a load, and its cost does not depend on the number of sites. A write sets the site and its
images.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.kmc.compiled import inlined
from nnk.lattice import IntArray, Lattice

UInt8Array = NDArray[np.uint8]


class Grid(NamedTuple):
    """Geometry of the padded blocks, as plain arrays for compiled code.

    Attributes:
        cells: int64[3], cells of the box.
        rim: cells of rim on every face.
        strides: int64[4], distance in memory of neighbouring basis positions and of cells along x, y, z.
        jump_basis: int64[n_basis, z], basis position that each jump leads to.
        jump_cells: int64[n_basis, z, 3], cells that it crosses.
    """

    cells: IntArray
    rim: int
    strides: IntArray
    jump_basis: IntArray
    jump_cells: IntArray


def make_grid(lattice: Lattice, reach: int) -> Grid:
    """Padded blocks in which sites up to `reach` (a/2, along each axis) from any site can be read.

    Raises:
        ValueError: a box so small that a rim would show a site twice.
    """
    rim = (reach + 1) // 2
    if rim > min(lattice.cells):
        raise ValueError(
            f"cells={lattice.cells}: reading {reach} half-edges around takes {rim} cells or more"
        )
    padded = np.array(lattice.cells) + 2 * rim
    strides = np.array([padded.prod(), padded[1] * padded[2], padded[2], 1], dtype=np.int64)
    basis, cells = split_offsets(lattice, lattice.jumps)
    return Grid(np.array(lattice.cells, dtype=np.int64), rim, strides, basis, cells)


def basis_positions(lattice: Lattice) -> IntArray:
    """Coordinates int64[n_basis, 3] (a/2) of the sites of one cell."""
    return lattice.coordinates[: lattice.n_sites // int(np.prod(lattice.cells))]


def split_offsets(lattice: Lattice, offsets: ArrayLike) -> tuple[IntArray, IntArray]:
    """Basis position int64[n_basis, ...] and cells int64[n_basis, ..., 3] that `offsets` lead to."""
    basis = basis_positions(lattice)
    shifts = np.asarray(offsets, dtype=np.int64)
    reached = basis.reshape(-1, *[1] * (shifts.ndim - 1), 3) + shifts
    corner = reached % 2
    number = np.argmax((corner[..., None, :] == basis).all(axis=-1), axis=-1)
    return number.astype(np.int64), (reached - corner) // 2


def memory_shifts(lattice: Lattice, grid: Grid, offsets: ArrayLike) -> NDArray[np.int32]:
    """Distances in memory int32[n_basis, ...] from sites of each basis position to those at `offsets`."""
    number, cells = split_offsets(lattice, offsets)
    start = np.arange(len(number)).reshape(-1, *[1] * (number.ndim - 1))
    return ((number - start) * grid.strides[0] + cells @ grid.strides[1:]).astype(np.int32)


def padded_occupancy(lattice: Lattice, grid: Grid, occupancy: UInt8Array) -> UInt8Array:
    """The occupancy uint8[n_sites] laid out with its rim, flat."""
    blocks = occupancy.reshape(*lattice.cells, -1).transpose(3, 0, 1, 2)
    rim = (grid.rim, grid.rim)
    return np.ascontiguousarray(np.pad(blocks, ((0, 0), rim, rim, rim), mode="wrap")).reshape(-1)


def plain_occupancy(lattice: Lattice, grid: Grid, padded: UInt8Array) -> UInt8Array:
    """The occupancy uint8[n_sites] inside the rim."""
    nx, ny, nz = lattice.cells
    blocks = padded.reshape(-1, *(n + 2 * grid.rim for n in lattice.cells))
    inside = blocks[:, grid.rim : grid.rim + nx, grid.rim : grid.rim + ny, grid.rim : grid.rim + nz]
    return np.ascontiguousarray(inside.transpose(1, 2, 3, 0)).reshape(-1)


def position_of(lattice: Lattice, site: int) -> IntArray:
    """Basis position and cell int64[4] of a site."""
    cell, basis = divmod(int(site), len(basis_positions(lattice)))
    return np.array([basis, *np.unravel_index(cell, lattice.cells)], dtype=np.int64)


def site_of(lattice: Lattice, position: IntArray) -> int:
    """Site number of a basis position and cell int64[4]."""
    cell = int(np.ravel_multi_index(tuple(position[1:]), lattice.cells))
    return cell * len(basis_positions(lattice)) + int(position[0])


@inlined
def address(grid, position):  # type: ignore[no-untyped-def]
    """Place in the padded array of a basis position and cell int64[4]."""
    inside = position[0] * grid.strides[0]
    for axis in range(3):
        inside += (position[axis + 1] + grid.rim) * grid.strides[axis + 1]
    return inside


@inlined
def move(grid, position, jump):  # type: ignore[no-untyped-def]
    """Let `position` make `jump`, folded back into the box."""
    basis = position[0]
    for axis in range(3):
        cell = position[axis + 1] + grid.jump_cells[basis, jump, axis]
        if cell < 0:
            cell += grid.cells[axis]
        elif cell >= grid.cells[axis]:
            cell -= grid.cells[axis]
        position[axis + 1] = cell
    position[0] = grid.jump_basis[basis, jump]


@inlined
def _images(cell, rim, cells):  # type: ignore[no-untyped-def]
    """The places along one axis, rim included, that can show `cell`; the first again where one cannot."""
    place = cell + rim
    before = place - cells if place >= cells else place
    after = place + cells if cell < rim else place
    return place, before, after


@inlined
def set_site(grid, padded, basis, cell, species):  # type: ignore[no-untyped-def]
    """Put `species` at a basis position and `cell` (three numbers) and at its images in the rim.

    All 27 places are written, whether they differ or not: a jump is too short for branches that depend on
    where in the box it happens.
    """
    block = basis * grid.strides[0]
    for x in _images(cell[0], grid.rim, grid.cells[0]):
        for y in _images(cell[1], grid.rim, grid.cells[1]):
            line = block + x * grid.strides[1] + y * grid.strides[2]
            for z in _images(cell[2], grid.rim, grid.cells[2]):
                padded[line + z] = species
