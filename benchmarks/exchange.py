"""Exchanges of two atoms tried per second on the lattice, against the same rule in plain NumPy.

`python -m benchmarks.exchange [--json]`: equimolar Nb-Mo-Ta with pair energies to 3 and to 8 shells (those of
the built-in potential's relaxed energies, weaker with the distance), 1,024 and 128,000 sites, on the way to
equilibrium at 300, 1000 and 3000 K. The fewer exchanges are accepted the faster: a trial that is not costs
two look-ups. The peer gathers the neighbours of both sites at every trial; its energies are checked. A trial
costs it the same at any temperature, so it is measured at 1000 K and 1,024 sites and all ratios are to that.
Times are the processor's (one core), the fastest of five pieces; compilation is not timed.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # one core; before NumPy starts its threads

import argparse
import json
import math
import time

import numpy as np
from numpy.typing import NDArray

from nnk.alloy import exact_counts, random_solution
from nnk.constants import K_B_eV_K
from nnk.exchange.engine import LatticeExchange
from nnk.exchange.pairs import PairHamiltonian
from nnk.lattice import Lattice, offsets_within
from nnk.models.linear import shell_numbers

ELEMENTS = ("Nb", "Mo", "Ta")
FIRST_eV = np.array([[[0, -24.6, 2.6], [-24.6, 0, -26.2], [2.6, -26.2, 0]]]) * 1e-3
TEMPERATURES_K = (300.0, 1000.0, 3000.0)
CELLS = {1024: (8, 8, 8), 128000: (40, 40, 40)}
SETTLING = 3_000_000  # trials before the clock starts
PIECE, PIECES, NAIVE_TRIALS = 300_000, 5, 3000


def pairs_of(shells: int) -> PairHamiltonian:
    """Pair energies that fall off with the shell."""
    pair_eV = np.zeros((shells, 4, 4))
    pair_eV[:, 1:, 1:] = FIRST_eV / np.array([1, 1, 4, 8, 8, 16, 16, 16][:shells])[:, None, None]
    return PairHamiltonian(ELEMENTS, "bcc", pair_eV)


class NaiveExchange:
    """The same rule without fields: energies of the bonds of both sites, before and after."""

    def __init__(self, lattice: Lattice, pairs: PairHamiltonian, occupancy: NDArray[np.uint8]) -> None:
        self.occupancy, self.pair_eV = occupancy.copy(), pairs.pair_eV
        offsets = offsets_within("bcc", pairs.shells)
        self.shell = shell_numbers("bcc", pairs.shells, offsets)
        self.neighbours = lattice.sites_around(np.arange(lattice.n_sites), offsets).astype(np.int32)
        self.rng = np.random.default_rng(0)
        self.energy_eV = pairs.energy_eV(lattice, occupancy)

    def bonds_eV(self, sites: NDArray[np.int64]) -> float:
        """Energy of the bonds of two sites; one between them counts twice, before and after alike."""
        around = self.occupancy[self.neighbours[sites]]
        return float(self.pair_eV[self.shell, self.occupancy[sites][:, None], around].sum())

    def trial(self, beta: float) -> None:
        """One exchange of two unlike atoms, accepted or not."""
        sites = self.rng.integers(len(self.occupancy), size=2)
        while self.occupancy[sites[0]] == self.occupancy[sites[1]]:
            sites = self.rng.integers(len(self.occupancy), size=2)
        before = self.bonds_eV(sites)
        self.occupancy[sites] = self.occupancy[sites[::-1]]
        rise = self.bonds_eV(sites) - before
        if rise > 0 and self.rng.random() > math.exp(-beta * rise):
            self.occupancy[sites] = self.occupancy[sites[::-1]]
        else:
            self.energy_eV += rise


def fastest_s(work, times: int) -> float:  # type: ignore[no-untyped-def]
    """Processor seconds of the fastest of several calls."""
    taken = []
    for _ in range(times):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


def naive_rate(lattice: Lattice, pairs: PairHamiltonian, occupancy: NDArray[np.uint8]) -> float:
    """Trials per second of the peer at 1000 K, its energy checked."""
    naive = NaiveExchange(lattice, pairs, occupancy)
    beta = 1 / (K_B_eV_K * 1000.0)

    def work() -> None:
        for _ in range(NAIVE_TRIALS):
            naive.trial(beta)

    rate = NAIVE_TRIALS / fastest_s(work, 3)
    assert abs(naive.energy_eV - pairs.energy_eV(lattice, naive.occupancy)) < 1e-6
    return rate


def measure() -> dict[str, float]:
    """All figures."""
    figures: dict[str, float] = {}
    for shells in (3, 8):
        pairs = pairs_of(shells)
        small, start = start_of(1024)
        naive = figures[f"naive_trials_per_s_{shells}shells"] = naive_rate(small, pairs, start)
        for n_sites in CELLS:
            for temperature_K in TEMPERATURES_K:
                rate, accepted = rate_of(n_sites, pairs, temperature_K)
                name = f"{n_sites}_{shells}shells_{temperature_K:.0f}K"
                figures[f"trials_per_s_{name}"] = rate
                figures[f"accepted_{name}"] = accepted
                figures[f"ratio_to_naive_{name}"] = rate / naive
    return figures


def start_of(n_sites: int) -> tuple[Lattice, NDArray[np.uint8]]:
    """A random equimolar crystal."""
    counts = exact_counts([1 / 3] * 3, n_sites)
    return Lattice.bcc(CELLS[n_sites], 3.24), random_solution(counts, np.random.default_rng(1))


def rate_of(n_sites: int, pairs: PairHamiltonian, temperature_K: float) -> tuple[float, float]:
    """Trials per second and the share accepted; the energy is checked."""
    lattice, start = start_of(n_sites)
    run = LatticeExchange(lattice, pairs, start, key=1)
    run.advance(SETTLING, temperature_K)
    before = run.accepted
    taken = fastest_s(lambda: run.advance(PIECE, temperature_K), PIECES)
    assert run.energy_eV == run.recount()
    return PIECE / taken, (run.accepted - before) / (PIECES * PIECE)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one flat JSON object")
    arguments = parser.parse_args()
    figures = measure()
    if arguments.json:
        print(json.dumps(figures, indent=1))
        return
    for name, value in figures.items():
        print(f"{name:48s} {value:14.4g}")


if __name__ == "__main__":
    main()
