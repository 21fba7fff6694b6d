"""Metropolis exchanges of two atoms on the lattice, compiled.

Where few exchanges are accepted, each site keeps the energy that an atom of every species would have there,
its *field*; a trial then reads two fields, whatever the range of the interaction, and only one that is
accepted walks the neighbours of both sites. Where many are accepted, it is quicker to walk the neighbours at
every trial and to keep no fields. Energies are whole multiples of 2^-32 eV in 64-bit integers, so that sums
are exact: both ways make the same exchanges, and the running energy equals a recount bit for bit.

A trial t of a run with a key draws its numbers from the counter t: a pair of elements (all pairs alike), an
atom of each, and, if the energy rises, a number to be accepted by.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnk.exchange.pairs import PairHamiltonian
from nnk.kmc.compiled import compiled, inlined
from nnk.kmc.random_numbers import philox4x32
from nnk.lattice import IntArray, Lattice, offsets_within
from nnk.models.linear import shell_numbers

UNIT_EV = 2.0**-32
_RESOLUTION = 2.0**-53
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_DROPPED = np.uint64(11)


class Geometry(NamedTuple):
    """Where the neighbours of a site are, as plain arrays.

    Attributes:
        place: int32[n_sites, 4], basis position and cell of each site.
        wrap_x, wrap_y, wrap_z: int64[cells + 2 rim], share in the site's number of a cell along each axis,
            rims folded back.
        rim: cells of rim.
        basis: int64[n_basis, m], basis position of neighbour j.
        cells: int64[n_basis, m, 3], cells that lead to it, plus the rim.
        shell: int64[m], its shell, from 0.
        link: uint8[2 nx, 2 ny, 2 nz], class of a pair of sites that interact, by their distance on the a/2
            grid; 0 for those that do not.
        coordinates: int32[n_sites, 3] on the a/2 grid.
    """

    place: NDArray[np.int32]
    wrap_x: IntArray
    wrap_y: IntArray
    wrap_z: IntArray
    rim: int
    basis: IntArray
    cells: IntArray
    shell: IntArray
    link: NDArray[np.uint8]
    coordinates: NDArray[np.int32]


class Energies(NamedTuple):
    """Pair energies in units of 2^-32 eV.

    Attributes:
        pair: int64[shells, n, n], V_k; species 0 is a vacancy.
        linked: int64[classes, n, n], what the fields count wrongly when the two atoms are neighbours.
        change: int64[n, n, shells, n], V_k(new, s) - V_k(old, s) by old, new, k, s.
    """

    pair: IntArray
    linked: IntArray
    change: IntArray


class State(NamedTuple):
    """What changes.

    Attributes:
        occupancy: uint8[n_sites].
        site_of: int32[n_atoms], where each atom is; atoms are numbered species by species.
        first: int64[n_species + 2], number of the first atom of each species, 0 (vacancies) has none.
        field: int64[n_sites, n], energy of an atom of each species at each site.
        totals: int64[2], energy (2^-32 eV) and exchanges accepted.
    """

    occupancy: NDArray[np.uint8]
    site_of: NDArray[np.int32]
    first: IntArray
    field: IntArray
    totals: IntArray


def split(lattice: Lattice, offsets: IntArray) -> tuple[IntArray, IntArray]:
    """Basis position int64[n_basis, m] and cells int64[n_basis, m, 3] that `offsets` int64[m, 3] lead to."""
    basis = lattice.coordinates[: lattice.n_sites // int(np.prod(lattice.cells))]
    reached = basis[:, None] + offsets
    corner = reached % 2
    number = (corner[:, :, None] == basis).all(axis=-1).argmax(axis=-1)
    return number.astype(np.int64), (reached - corner) // 2


def _link_classes(lattice: Lattice, offsets: IntArray, shell: IntArray) -> tuple[NDArray[np.uint8], IntArray]:
    """Class of each distance (0: no interaction) and how often each shell connects sites of a class.

    In a small box two sites may be neighbours in several ways, through the periodic boundary.
    """
    n_shells = int(shell.max()) + 1
    ways = np.zeros((*lattice.extent, n_shells), dtype=np.int64)
    np.add.at(ways, (*np.mod(offsets, lattice.extent).T, shell), 1)
    if ways[0, 0, 0].any():
        raise ValueError(f"cells={lattice.cells}: a site is its own neighbour; more cells are needed")
    kinds, number = np.unique(ways.reshape(-1, n_shells), axis=0, return_inverse=True)
    if len(kinds) > 255:
        raise ValueError(f"cells={lattice.cells}: too small for {n_shells} shells")
    return number.reshape(tuple(lattice.extent)).astype(np.uint8), kinds


def make_geometry(lattice: Lattice, shells: int) -> tuple[Geometry, IntArray]:
    """The geometry of a lattice, and how often each shell connects two sites, int64[link classes, shells].

    Raises:
        ValueError: a box so small that a site is its own neighbour.
    """
    offsets = offsets_within(lattice.structure, shells)
    shell = shell_numbers(lattice.structure, shells, offsets)
    link, ways = _link_classes(lattice, offsets, shell)
    basis, cells = split(lattice, offsets)
    rim = int(np.abs(cells).max())
    n_basis = len(basis)
    nx, ny, nz = lattice.cells
    axes = [np.arange(-rim, n + rim) % n for n in (nx, ny, nz)]
    number = np.arange(lattice.n_sites)
    cell = np.stack(np.unravel_index(number // n_basis, lattice.cells), axis=1)
    place = np.concatenate([(number % n_basis)[:, None], cell], axis=1).astype(np.int32)
    geometry = Geometry(
        place=place,
        wrap_x=axes[0] * (ny * nz * n_basis),
        wrap_y=axes[1] * (nz * n_basis),
        wrap_z=axes[2] * n_basis,
        rim=rim,
        basis=basis,
        cells=cells + rim,
        shell=shell.astype(np.int64),
        link=link,
        coordinates=lattice.coordinates.astype(np.int32),
    )
    return geometry, ways


def make_energies(hamiltonian: PairHamiltonian, ways: IntArray) -> Energies:
    """Energies in units of 2^-32 eV, for the link classes of a geometry."""
    pair = np.rint(hamiltonian.pair_eV / UNIT_EV).astype(np.int64)
    own = np.diagonal(pair, axis1=1, axis2=2)
    twice = 2 * pair - own[:, :, None] - own[:, None, :]
    rows = pair.transpose(1, 0, 2)
    change = np.ascontiguousarray(rows[None] - rows[:, None])
    return Energies(pair, np.tensordot(ways, twice, axes=1), change)


@inlined
def _neighbour(geometry, site, j):  # type: ignore[no-untyped-def]
    basis = geometry.place[site, 0]
    x = geometry.place[site, 1] + geometry.cells[basis, j, 0]
    y = geometry.place[site, 2] + geometry.cells[basis, j, 1]
    z = geometry.place[site, 3] + geometry.cells[basis, j, 2]
    return geometry.wrap_x[x] + geometry.wrap_y[y] + geometry.wrap_z[z] + geometry.basis[basis, j]


@compiled
def count_fields(geometry, energies, state):  # type: ignore[no-untyped-def]
    """Fields and energy of ``state.occupancy`` from scratch; the count of exchanges is left alone."""
    n = state.field.shape[1]
    twice = 0
    for site in range(state.occupancy.shape[0]):
        for species in range(n):
            state.field[site, species] = 0
        for j in range(geometry.shell.shape[0]):
            other = state.occupancy[_neighbour(geometry, site, j)]
            for species in range(n):
                state.field[site, species] += energies.pair[geometry.shell[j], other, species]
        twice += state.field[site, state.occupancy[site]]
    state.totals[0] = twice // 2


@inlined
def _replace(geometry, energies, state, site, old, new):  # type: ignore[no-untyped-def]
    """Put species `new` in place of `old` at `site`, and tell the neighbours' fields (but for vacancies)."""
    change = energies.change[old, new]
    for j in range(geometry.shell.shape[0]):
        shell = geometry.shell[j]
        neighbour = _neighbour(geometry, site, j)
        for species in range(1, state.field.shape[1]):
            state.field[neighbour, species] += change[shell, species]
    state.occupancy[site] = new


@inlined
def _change_of(geometry, state, site, change):  # type: ignore[no-untyped-def]
    """How the energy of the bonds of `site` changes; `change` int64[shells, n], by shell and neighbour."""
    total = 0
    for j in range(geometry.shell.shape[0]):
        total += change[geometry.shell[j], state.occupancy[_neighbour(geometry, site, j)]]
    return total


@inlined
def _link(geometry, one, other):  # type: ignore[no-untyped-def]
    """Link class of two sites."""
    x = geometry.coordinates[other, 0] - geometry.coordinates[one, 0]
    y = geometry.coordinates[other, 1] - geometry.coordinates[one, 1]
    z = geometry.coordinates[other, 2] - geometry.coordinates[one, 2]
    x += geometry.link.shape[0] if x < 0 else 0
    y += geometry.link.shape[1] if y < 0 else 0
    z += geometry.link.shape[2] if z < 0 else 0
    return geometry.link[x, y, z]


@inlined
def _below(word, n):  # type: ignore[no-untyped-def]
    """A whole number below `n` from a 32-bit word."""
    return np.int64((word * np.uint64(n)) >> _HALF)


@inlined
def _is_accepted(rise_eV, beta, key, trial):  # type: ignore[no-untyped-def]
    """Metropolis's rule; random numbers are drawn only if the energy rises."""
    if rise_eV <= 0.0:
        return True
    w0, w1, _, _ = philox4x32(trial & _LOW, trial >> _HALF, np.uint64(1), np.uint64(0), key)
    u = np.float64((((w0 << _HALF) | w1) >> _DROPPED) + np.uint64(1)) * _RESOLUTION
    return u <= math.exp(-rise_eV * beta)


@inlined
def _chosen(state, pairs, key, trial):  # type: ignore[no-untyped-def]
    """Two species and an atom of each."""
    w0, w1, w2, _ = philox4x32(trial & _LOW, trial >> _HALF, np.uint64(0), np.uint64(0), key)
    pair = _below(w0, pairs.shape[0])
    a, b = pairs[pair, 0], pairs[pair, 1]
    atom_a = state.first[a] + _below(w1, state.first[a + 1] - state.first[a])
    atom_b = state.first[b] + _below(w2, state.first[b + 1] - state.first[b])
    return a, b, atom_a, atom_b


@inlined
def _note(state, change, atom_a, atom_b):  # type: ignore[no-untyped-def]
    """An exchange that has been made."""
    site_a, site_b = state.site_of[atom_a], state.site_of[atom_b]
    state.site_of[atom_a], state.site_of[atom_b] = site_b, site_a
    state.totals[0] += change
    state.totals[1] += 1


@compiled
def advance_by_fields(  # type: ignore[no-untyped-def]
    geometry, energies, state, pairs, key, beta, first, trials
):
    """Try `trials` exchanges, the first of them number `first` of the run.

    Args:
        geometry: `Geometry`.
        energies: `Energies`.
        state: `State`, its fields counted (`count_fields`); changed in place.
        pairs: int64[m, 2], the pairs of species that are exchanged.
        key: uint64, of the random stream.
        beta: 1/kT in 1/eV.
        first: number of the first trial, counting from 0.
        trials: how many.
    """
    for t in range(first, first + trials):
        trial = np.uint64(t)
        a, b, atom_a, atom_b = _chosen(state, pairs, key, trial)
        site_a, site_b = state.site_of[atom_a], state.site_of[atom_b]
        change = state.field[site_a, b] - state.field[site_a, a]
        change += state.field[site_b, a] - state.field[site_b, b]
        change += energies.linked[_link(geometry, site_a, site_b), a, b]
        if _is_accepted(change * UNIT_EV, beta, key, trial):
            _replace(geometry, energies, state, site_a, a, b)
            _replace(geometry, energies, state, site_b, b, a)
            _note(state, change, atom_a, atom_b)


@compiled
def advance_by_walks(  # type: ignore[no-untyped-def]
    geometry, energies, state, pairs, key, beta, first, trials
):
    """As `advance_by_fields`, with the same exchanges; the fields are neither read nor kept."""
    for t in range(first, first + trials):
        trial = np.uint64(t)
        a, b, atom_a, atom_b = _chosen(state, pairs, key, trial)
        site_a, site_b = state.site_of[atom_a], state.site_of[atom_b]
        change = _change_of(geometry, state, site_a, energies.change[a, b])
        change += _change_of(geometry, state, site_b, energies.change[b, a])
        change += energies.linked[_link(geometry, site_a, site_b), a, b]
        if _is_accepted(change * UNIT_EV, beta, key, trial):
            state.occupancy[site_a], state.occupancy[site_b] = b, a
            _note(state, change, atom_a, atom_b)
