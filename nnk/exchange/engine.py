"""A Metropolis exchange run on the lattice, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nnk.constants import K_B_eV_K
from nnk.exchange.kernel import (
    UNIT_EV,
    State,
    advance_by_fields,
    advance_by_walks,
    count_fields,
    make_energies,
    make_geometry,
)
from nnk.exchange.pairs import PairHamiltonian
from nnk.lattice import Lattice

UInt8Array = NDArray[np.uint8]

_PIECE = 50_000  # trials between two choices of how energies are found
_MANY_ACCEPTED, _FEW_ACCEPTED = 0.3, 0.2  # shares from which walks pay, and below which fields do


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All that a run needs to go on: what comes after is the same bit for bit.

    Attributes:
        site_of: int32[n_atoms], the site of each atom; atoms are numbered species by species.
        trials: trials so far, which the next random numbers follow from.
        accepted: exchanges so far.
    """

    site_of: NDArray[np.int32]
    trials: int = 0
    accepted: int = 0


@dataclass(eq=False)
class LatticeExchange:
    """Exchanges of two unlike atoms by Metropolis's rule (Metropolis et al. 1953) on an ideal lattice.

    Every trial takes one of the pairs of elements at random and a random atom of each; vacancies stay. The
    stationary state is exp(-E / kT) over all arrangements of the atoms. Results are a function of the start,
    the key and the temperature of every trial, not of how a run is cut into calls.

    Attributes:
        lattice: the lattice.
        hamiltonian: energies of pairs, its elements numbered as in the occupancy.
        start: uint8[n_sites], the first state, or None with `snapshot`.
        key: of the random stream (`nnk.files.stream_key`).
        snapshot: where an earlier run of the same atoms stopped.

    Raises:
        ValueError: another structure, unknown species, a box in which a site is its own neighbour, or fewer
            than two elements to exchange.
    """

    lattice: Lattice
    hamiltonian: PairHamiltonian
    start: UInt8Array
    key: int
    snapshot: Snapshot | None = None
    _state: State = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.hamiltonian.structure != self.lattice.structure:
            raise ValueError(
                f"pair energies of {self.hamiltonian.structure}, the lattice is {self.lattice.structure}"
            )
        if self.start.shape != (self.lattice.n_sites,):
            raise ValueError(f"start: expected shape ({self.lattice.n_sites},), got {self.start.shape}")
        n_species = len(self.hamiltonian.elements)
        if self.start.max() > n_species:
            raise ValueError(f"start: species {self.start.max()} found, allowed are 0 to {n_species}")
        numbers = np.bincount(self.start, minlength=n_species + 1)
        present = np.flatnonzero(numbers[1:]) + 1
        self._pairs = np.array(list(combinations(present.tolist(), 2)), dtype=np.int64)
        if not len(self._pairs):
            raise ValueError("exchanges need atoms of two elements or more")
        self._geometry, ways = make_geometry(self.lattice, self.hamiltonian.shells)
        self._energies = make_energies(self.hamiltonian, ways)
        self.trials = 0
        self._begin(numbers, self.snapshot)

    def _begin(self, numbers: NDArray[np.int64], snapshot: Snapshot | None) -> None:
        by_species = np.argsort(self.start, kind="stable")[numbers[0] :].astype(np.int32)
        species = np.repeat(np.arange(1, len(numbers), dtype=np.uint8), numbers[1:])
        occupancy = self.start.copy()
        if snapshot is not None:
            if not np.array_equal(np.sort(snapshot.site_of), np.sort(by_species)):
                raise ValueError("the snapshot is of other atoms than the start")
            by_species = snapshot.site_of.copy()
            occupancy[by_species] = species
            self.trials = snapshot.trials
        first = np.concatenate([[0, 0], np.cumsum(numbers[1:])]).astype(np.int64)
        width = len(numbers)
        self._state = State(
            occupancy=occupancy,
            site_of=by_species,
            first=first,
            field=np.zeros((self.lattice.n_sites, width), dtype=np.int64),
            totals=np.array([0, snapshot.accepted if snapshot else 0], dtype=np.int64),
        )
        count_fields(self._geometry, self._energies, self._state)
        self._has_fields, self._walks = True, False

    @property
    def occupancy(self) -> UInt8Array:
        """The present state uint8[n_sites] (a copy)."""
        return self._state.occupancy.copy()

    @property
    def accepted(self) -> int:
        """Exchanges so far."""
        return int(self._state.totals[1])

    @property
    def energy_eV(self) -> float:
        """Energy of the present state, kept exchange by exchange (pair energies rounded to 2^-32 eV)."""
        return float(self._state.totals[0]) * UNIT_EV

    def recount(self) -> float:
        """The same from scratch: equal to the last bit."""
        n_sites, width = self._state.field.shape
        fresh = self._state._replace(
            field=np.zeros((n_sites, width), dtype=np.int64), totals=np.zeros(2, dtype=np.int64)
        )
        count_fields(self._geometry, self._energies, fresh)
        return float(fresh.totals[0]) * UNIT_EV

    def save(self) -> Snapshot:
        """All that the run needs to go on."""
        return Snapshot(self._state.site_of.copy(), self.trials, self.accepted)

    def advance(self, trials: int, temperature_K: float) -> int:
        """Try so many exchanges; how many were accepted.

        Raises:
            ValueError: a negative number of trials, or a temperature that is not positive.
        """
        if trials < 0:
            raise ValueError(f"trials={trials}: expected 0 or more")
        if not temperature_K > 0:
            raise ValueError(f"temperature_K={temperature_K!r}: expected a positive temperature")
        before = self.accepted
        beta = 1.0 / (K_B_eV_K * temperature_K)
        key = np.uint64(self.key)
        end = self.trials + trials
        while self.trials < end:
            piece = min(_PIECE, end - self.trials)
            accepted = self.accepted
            arguments = (self._geometry, self._energies, self._state, self._pairs, key, beta)
            self._method()(*arguments, self.trials, piece)
            self.trials += piece
            self._choose_method((self.accepted - accepted) / piece)
        return self.accepted - before

    def _method(self) -> Callable[..., None]:
        """Fields, counted if they have not been kept, or walks: the exchanges are the same."""
        if self._walks:
            self._has_fields = False
            return advance_by_walks
        if not self._has_fields:
            count_fields(self._geometry, self._energies, self._state)
            self._has_fields = True
        return advance_by_fields

    def _choose_method(self, accepted: float) -> None:
        """For the next trials, by the share that was accepted of the last ones."""
        self._walks = accepted > (_MANY_ACCEPTED if not self._walks else _FEW_ACCEPTED)
