"""Metropolis exchanges of atoms under a potential, between relaxations or molecular dynamics.

*relax*: every trial exchanges two unlike atoms, relaxes all atoms, and accepts by the change of the relaxed
energy (inherent structures).

*md*: cycles of molecular dynamics at constant temperature, then trials of every pair of elements, each judged
by the change of the potential energy at the present positions (Fan et al. 2022: 30 trials of every pair per
100 steps at 300 K). The momenta of exchanged atoms are scaled to keep their kinetic energies, a map
that preserves the volume of momentum space, so the stationary state is canonical.

The energies are those of the whole crystal: any force field will do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nnk.constants import K_B_eV_K
from nnk.exchange.crystal import Crystal
from nnk.exchange.motion import masses_u, move, thermal_velocities
from nnk.exchange.parameters import CoupledParameters

FloatArray = NDArray[np.float64]
UInt8Array = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class CoupledState:
    """A run between two cycles; all that it needs to go on.

    Attributes:
        occupancy: uint8[n_sites], species of the atom of each site.
        positions_A: float64[n_sites, 3].
        velocities: float64[n_sites, 3] in Å/fs; zero when relaxed.
        energy_eV: potential energy of the positions.
        cycles, trials, accepted: so far.
    """

    occupancy: UInt8Array
    positions_A: FloatArray
    velocities: FloatArray
    energy_eV: float
    cycles: int = 0
    trials: int = 0
    accepted: int = 0

    def arrays(self) -> dict[str, NDArray]:
        """The state as plain arrays, exactly."""
        return {name: np.asarray(value) for name, value in vars(self).items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray]) -> CoupledState:
        """The state whose `arrays` these are."""
        return cls(
            arrays["occupancy"],
            arrays["positions_A"],
            arrays["velocities"],
            float(arrays["energy_eV"]),
            *(int(arrays[name]) for name in ("cycles", "trials", "accepted")),
        )


class CoupledExchange:
    """One run; results are a function of crystal, start, key and parameters, however it is interrupted.

    Args:
        crystal: atoms and potential.
        start: uint8[n_sites], the first arrangement, every site filled.
        key: of the random stream (`nnk.files.stream_key`).
        parameters: how exchanges and motion alternate.
        state: where an earlier run stopped.

    Raises:
        ValueError: fewer than two elements, vacancies, unknown species.
        AtomLeft: the lattice is not stable.
    """

    def __init__(
        self,
        crystal: Crystal,
        start: UInt8Array,
        key: int,
        parameters: CoupledParameters,
        state: CoupledState | None = None,
    ) -> None:
        self._crystal = crystal
        self._key = key
        self._parameters = parameters
        self._pairs = list(combinations(np.unique(start).tolist(), 2))
        if not self._pairs:
            raise ValueError("exchanges need atoms of two elements or more")
        self._mass_of = np.concatenate([[0.0], masses_u(crystal.elements)])
        self.state = self._first(start) if state is None else state

    def _first(self, start: UInt8Array) -> CoupledState:
        occupancy = start.copy()
        if self._parameters.mode == "relax":
            point = self._crystal.relaxed(occupancy)
            return CoupledState(
                occupancy, point.positions_A, np.zeros_like(point.positions_A), point.energy_eV
            )
        self._crystal.set(occupancy)
        positions = self._crystal.lattice.positions_A
        temperature_K = self._parameters.temperature_K
        velocities = thermal_velocities(self._mass_of[occupancy], temperature_K, self._rng(-1))
        energy = self._crystal.force_field.energy_forces(positions)[0]
        return CoupledState(occupancy, positions, velocities, energy)

    def _rng(self, cycle: int) -> np.random.Generator:
        """The generator of one cycle: a counter-based stream of its own."""
        key = np.array([self._key, cycle + 1], dtype=np.uint64)
        return np.random.Generator(np.random.Philox(key=key))

    @property
    def trials_per_cycle(self) -> int:
        """Trials between two points at which a run can stop."""
        if self._parameters.mode == "relax":
            return len(self._pairs)
        return self._parameters.trials_per_pair * len(self._pairs)

    def advance(self) -> CoupledState:
        """One cycle; the state after it.

        Raises:
            AtomLeft: an atom has left its site.
        """
        rng = self._rng(self.state.cycles)
        cycle = self._relaxing if self._parameters.mode == "relax" else self._moving
        self.state = replace(cycle(rng), cycles=self.state.cycles + 1)
        return self.state

    def _relaxing(self, rng: np.random.Generator) -> CoupledState:
        """One trial of every pair of elements, each relaxed."""
        state = self.state
        for pair in self._pairs:
            trial, _ = self._exchanged(state.occupancy, pair, rng)
            u = rng.random()
            point = self._crystal.relaxed(trial, state.positions_A)
            accept = self._accepts(point.energy_eV - state.energy_eV, u)
            state = replace(state, trials=state.trials + 1, accepted=state.accepted + accept)
            if accept:
                state = replace(
                    state, occupancy=trial, positions_A=point.positions_A, energy_eV=point.energy_eV
                )
        return state

    def _moving(self, rng: np.random.Generator) -> CoupledState:
        """Dynamics, then trials of every pair at the positions reached."""
        state, parameters, crystal = self.state, self._parameters, self._crystal
        crystal.set(state.occupancy)  # a new start: nothing of the engine's history enters
        masses = self._mass_of[state.occupancy]
        forces = crystal.force_field.energy_forces
        positions, velocities, _ = move(
            forces,
            state.positions_A,
            state.velocities,
            masses,
            parameters.thermostat,
            steps=parameters.steps,
            rng=rng,
        )
        crystal.check_on_sites(positions)
        energy = crystal.energy_eV(state.occupancy, positions)
        state = replace(state, positions_A=positions, velocities=velocities, energy_eV=energy)
        for _ in range(parameters.trials_per_pair):
            for pair in self._pairs:
                state = self._try(state, pair, rng)
        return state

    def _try(self, state: CoupledState, pair: tuple[int, int], rng: np.random.Generator) -> CoupledState:
        """One exchange at fixed positions."""
        trial, atoms = self._exchanged(state.occupancy, pair, rng)
        u = rng.random()
        energy = self._crystal.energy_eV(trial, state.positions_A)
        if not self._accepts(energy - state.energy_eV, u):
            return replace(state, trials=state.trials + 1)
        velocities = state.velocities.copy()
        ratio = self._mass_of[state.occupancy[atoms]] / self._mass_of[trial[atoms]]
        velocities[atoms] *= np.sqrt(ratio)[:, None]
        return replace(
            state,
            occupancy=trial,
            velocities=velocities,
            energy_eV=energy,
            trials=state.trials + 1,
            accepted=state.accepted + 1,
        )

    def _exchanged(
        self, occupancy: UInt8Array, pair: tuple[int, int], rng: np.random.Generator
    ) -> tuple[UInt8Array, NDArray[np.int64]]:
        """The arrangement with a random atom of each species exchanged, and the two atoms."""
        chosen = [np.flatnonzero(occupancy == species) for species in pair]
        atoms = np.array([sites[rng.integers(len(sites))] for sites in chosen])
        trial = occupancy.copy()
        trial[atoms] = occupancy[atoms[::-1]]
        return trial, atoms

    def _accepts(self, rise_eV: float, u: float) -> bool:
        return bool(rise_eV <= 0 or 1 - u <= np.exp(-rise_eV / (K_B_eV_K * self._parameters.temperature_K)))
