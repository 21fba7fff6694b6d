"""Pair energies fitted to a potential.

The energies of cells of one composition are regressed on their numbers of unlike pairs,

    E = E_0 + sum over shells k and pairs of elements a < b of w_k(a, b) P_k(a, b),

with P the number of ab pairs and w = V(a, b) - [V(a, a) + V(b, b)] / 2, which is all that exchanges at fixed
numbers of atoms depend on; so V(a, a) = 0 is chosen. Half of the cells are random, half have been ordered by
exchanges with the pair energies fitted to the random ones, so that the fit also holds where it is used. The
error is the leave-one-out error of the regression.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnk.alloy import random_solution
from nnk.exchange.crystal import Crystal
from nnk.exchange.engine import LatticeExchange
from nnk.exchange.pairs import PairHamiltonian
from nnk.exchange.parameters import CELLS, FitParameters
from nnk.files import rng, stream_key
from nnk.lattice import Lattice
from nnk.observables.pair_order import pair_counts

FloatArray = NDArray[np.float64]
UInt8Array = NDArray[np.uint8]

_TRIALS_PER_ATOM = 50
_HOTTER = (1.0, 2.0, 4.0, 8.0)  # times the temperature: ordered cells of several degrees
_RIDGE = 1e-9


def fit_lattice(lattice: Lattice) -> Lattice:
    """The cell of the fit: small, since a large one tells no more and costs more."""
    return Lattice(lattice.structure, CELLS[lattice.structure], lattice.a_A)


def fit_pair_hamiltonian(crystal: Crystal, counts: NDArray[np.int64], how: FitParameters) -> PairHamiltonian:
    """Pair energies of an alloy at fixed composition, with their error in ``description``.

    Args:
        crystal: a small crystal (`fit_lattice`) under the potential.
        counts: int64[n_elements], atoms of each element in it.
        how: what is fitted to what.

    Raises:
        ValueError: fewer than two elements, too few cells, or counts of another cell.
        AtomLeft: the lattice is not stable in a cell.
    """
    present = np.flatnonzero(counts) + 1
    if len(present) < 2 or counts.sum() != crystal.lattice.n_sites:
        raise ValueError(
            f"counts {counts.tolist()}: expected {crystal.lattice.n_sites} atoms of two elements or more"
        )
    pairs = list(combinations(present.tolist(), 2))
    n_cells = how.number_of_cells(len(present))
    n_random = n_cells - n_cells // 2
    cells = [
        random_solution(counts, rng(how.seed, "pair energies", how.name, "random", i))
        for i in range(n_random)
    ]
    energies = [_energy(crystal, cell, how) for cell in cells]
    first, _ = _regress(crystal, cells, energies, pairs, how)
    ordered = [_ordered(crystal, first, cell, how, i) for i, cell in enumerate(cells[: n_cells // 2])]
    energies += [_energy(crystal, cell, how) for cell in ordered]
    fitted, residuals = _regress(crystal, cells + ordered, energies, pairs, how)
    return PairHamiltonian(
        fitted.elements,
        fitted.structure,
        fitted.pair_eV,
        _description(np.array(energies), residuals, n_random, crystal, how),
    )


def _energy(crystal: Crystal, cell: UInt8Array, how: FitParameters) -> float:
    if how.energies == "relaxed":
        return crystal.relaxed(cell).energy_eV
    return crystal.energy_eV(cell, crystal.lattice.positions_A)


def _ordered(
    crystal: Crystal, hamiltonian: PairHamiltonian, cell: UInt8Array, how: FitParameters, number: int
) -> UInt8Array:
    key = stream_key(how.seed, "pair energies", how.name, "ordered", number)
    run = LatticeExchange(crystal.lattice, hamiltonian, cell, key)
    run.advance(_TRIALS_PER_ATOM * len(cell), how.temperature_K * _HOTTER[number % len(_HOTTER)])
    return run.occupancy


def _regress(
    crystal: Crystal,
    cells: list[UInt8Array],
    energies: list[float],
    pairs: list[tuple[int, int]],
    how: FitParameters,
) -> tuple[PairHamiltonian, FloatArray]:
    """Pair energies by least squares, and the error float64[n] of each cell when it is left out (eV)."""
    n = len(crystal.elements)
    numbers = [pair_counts(crystal.lattice, cell, how.shells, n) for cell in cells]
    columns = [[counted[k, a - 1, b - 1] for k in range(how.shells) for a, b in pairs] for counted in numbers]
    design = np.column_stack([np.ones(len(cells)), np.array(columns, dtype=np.float64)])
    target = np.array(energies)
    centre, spread = design.mean(axis=0), np.maximum(design.std(axis=0), 1e-12)
    centre[0], spread[0] = 0.0, 1.0
    scaled = (design - centre) / spread
    normal = scaled.T @ scaled + _RIDGE * len(cells) * np.eye(scaled.shape[1])
    solution = np.linalg.solve(normal, scaled.T @ (target - target.mean()))
    leverage = np.einsum("ij,jk,ik->i", scaled, np.linalg.inv(normal), scaled)
    residuals = (target - target.mean() - scaled @ solution) / (1.0 - leverage)
    pair_eV = np.zeros((how.shells, n + 1, n + 1))
    for column, weight in enumerate((solution / spread)[1:]):
        shell, pair = divmod(column, len(pairs))
        a, b = pairs[pair]
        pair_eV[shell, a, b] = pair_eV[shell, b, a] = weight
    return PairHamiltonian(crystal.elements, crystal.lattice.structure, pair_eV), residuals


def _description(
    energies: FloatArray, residuals: FloatArray, n_random: int, crystal: Crystal, how: FitParameters
) -> dict[str, Any]:
    """What is known about a fit; energies in meV per atom."""
    n_atoms = crystal.lattice.n_sites

    def rms(values: FloatArray) -> float:
        return float(1e3 * np.sqrt(np.mean(np.square(values))) / n_atoms)

    return {
        "origin": f"fitted to {how.energies} energies",
        "temperature_K": how.temperature_K,
        "n_cells": len(energies),
        "n_atoms": n_atoms,
        "a_A": crystal.lattice.a_A,
        "error_random_meV_per_atom": rms(residuals[:n_random]),
        "error_ordered_meV_per_atom": rms(residuals[n_random:]),
        "spread_random_meV_per_atom": rms(energies[:n_random] - energies[:n_random].mean()),
        "spread_all_meV_per_atom": rms(energies - energies.mean()),
        "gained_by_order_meV_per_atom": float(
            1e3 * (energies[:n_random].mean() - energies[n_random:].mean()) / n_atoms
        ),
    }
