"""Barriers of a vacancy put on every site of a frozen state in turn.

A model that has a program is run by the engine's own compiled networks: 128,000 sites of bcc take a second or
two. Any other model is asked through its `predict`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.environment import gather_jumps
from nnk.kmc.compiled import compiled
from nnk.kmc.evaluators import (
    ForwardEvaluator,
    balanced_barriers,
    forward_barriers,
    make_evaluator,
    sites_read,
    state_energy,
)
from nnk.kmc.grid import Grid, make_grid, memory_shifts, padded_occupancy
from nnk.kmc.networks import FILLER
from nnk.lattice import IntArray, Lattice
from nnk.models.base import BarrierModel
from nnk.models.program import Program

FloatArray = NDArray[np.float64]
UInt8Array = NDArray[np.uint8]

BATCH_JUMPS = 1024  # rows of one call of `predict`: its first layer then stays in the processor's cache


def site_barriers(
    model: BarrierModel, lattice: Lattice, occupancy: UInt8Array, sites: ArrayLike | None = None
) -> FloatArray:
    """Barriers float64[n, z] (eV) of a vacancy put on each of n sites of a frozen state in turn.

    A state with a vacancy keeps one: the atom at the chosen site changes places with it, so that all n states
    hold the same atoms. A state without one loses the atom at the chosen site.

    Args:
        model: the barriers.
        lattice: the lattice.
        occupancy: uint8[n_sites], species numbered as in `model.elements`; at most one vacancy (0).
        sites: int[n]; all sites if None.

    Returns:
        Computed in float32 (some 1e-6 eV) by models with a program, as in the compiled engine.

    Raises:
        ValueError: an occupancy of another shape, with several vacancies or unknown species, or a lattice
            that the model refuses.
    """
    if occupancy.shape != (lattice.n_sites,):
        raise ValueError(f"occupancy: expected shape ({lattice.n_sites},), got {occupancy.shape}")
    if (occupancy == 0).sum() > 1:
        raise ValueError(f"occupancy: expected at most one vacancy, got {(occupancy == 0).sum()}")
    if occupancy.max() > len(model.elements):
        raise ValueError(f"species {occupancy.max()}: the model knows {len(model.elements)}")
    model.environment.check(lattice)
    chosen = np.arange(lattice.n_sites) if sites is None else np.asarray(sites, dtype=np.int64)
    program = model.compiled()
    if program is None:
        return _predicted(model, lattice, occupancy, chosen)
    return _computed(program, lattice, occupancy, chosen)


def with_one_vacancy(occupancy: UInt8Array) -> UInt8Array:
    """The state uint8[n_sites] with its first vacancy alone, for `site_barriers`.

    The others hold atoms drawn from those of the state, the same ones every time. A state with one vacancy or
    none is returned as it is.
    """
    vacant = np.flatnonzero(occupancy == 0)
    if len(vacant) < 2:
        return occupancy
    filled = occupancy.copy()
    filled[vacant[1:]] = np.random.default_rng(0).choice(occupancy[occupancy != 0], len(vacant) - 1)
    return filled


def _computed(program: Program, lattice: Lattice, occupancy: UInt8Array, sites: IntArray) -> FloatArray:
    read = sites_read(program)
    grid = make_grid(lattice, int(np.abs(read).max()))
    evaluator = make_evaluator(program, read, n_entries=len(read) + 1, several=False)
    forward = evaluator if isinstance(evaluator, ForwardEvaluator) else None
    balanced = None if forward is not None else evaluator
    cell, basis = np.divmod(sites, lattice.n_sites // int(np.prod(lattice.cells)))
    barriers = np.empty((len(sites), lattice.z))
    _fill(
        forward,
        balanced,
        memory_shifts(lattice, grid, read),
        padded_occupancy(lattice, grid, occupancy),
        basis,
        _places(lattice, grid, basis, cell),
        np.full(len(read) + 1, FILLER, dtype=np.uint8),
        (np.zeros(1), np.zeros(lattice.z)),
        barriers,
    )
    return barriers


def _places(lattice: Lattice, grid: Grid, basis: IntArray, cell: IntArray) -> IntArray:
    """Places int64[n] in the padded occupancy."""
    inside = np.stack(np.unravel_index(cell, lattice.cells), axis=-1) + grid.rim
    return np.asarray(basis * grid.strides[0] + inside @ grid.strides[1:], dtype=np.int64)


@compiled
def _fill(  # type: ignore[no-untyped-def]
    forward, balanced, read, padded, basis, places, species, energies, barriers
) -> Any:
    """Barriers of every place; one of the two evaluators is None, and its branch is dropped."""
    before, after = energies
    for n in range(places.shape[0]):
        displaced = padded[places[n]]  # stands where the state's own vacancy was
        for site in range(read.shape[1]):
            found = padded[places[n] + read[basis[n], site]]
            species[site] = found if found != 0 else displaced
        if forward is not None:
            forward_barriers(forward, species, barriers[n])
        if balanced is not None:
            state_energy(balanced, species, before)
            balanced_barriers(balanced, species, before[0], barriers[n], after)


def _predicted(model: BarrierModel, lattice: Lattice, occupancy: UInt8Array, sites: IntArray) -> FloatArray:
    site = np.repeat(sites, lattice.z)
    jump = np.tile(np.arange(lattice.z), len(sites))
    barriers = np.empty(len(site))
    for start in range(0, len(site), BATCH_JUMPS):
        rows = slice(start, start + BATCH_JUMPS)
        barriers[rows] = _predicted_jumps(model, lattice, occupancy, site[rows], jump[rows])
    return barriers.reshape(len(sites), lattice.z)


def _predicted_jumps(
    model: BarrierModel, lattice: Lattice, occupancy: UInt8Array, site: IntArray, jump: IntArray
) -> FloatArray:
    sample = np.zeros(len(site), dtype=np.int64)
    species, mover = gather_jumps(model.environment, lattice, occupancy[None], sample, site, jump)
    displaced = occupancy[site]
    species = np.where(species == 0, displaced[:, None], species)
    mover = np.where(mover == 0, displaced, mover)
    return model.predict(species, mover, jump.astype(np.uint8))
