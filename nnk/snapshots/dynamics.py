"""Molecular dynamics of a crystal in a fixed periodic cell, at constant temperature or constant energy.

Langevin dynamics in the splitting BAOAB (Leimkuhler and Matthews, J. Chem. Phys. 138, 174102, 2013): half a
kick, half a drift, friction and noise exactly, half a drift, half a kick; without friction that is velocity
Verlet. The configurations of a harmonic crystal are canonical whatever the time step; velocities are cold by
(omega dt)^2 / 4. Friction, noise and kicks are those of the subspace without total momentum, so that the
centre of mass stays where it is and there are 3 n - 3 degrees of freedom.

The noise of a step is a function of the stream's key and the step's number, and the last forces of a stretch
of steps are of a force field without history: a run that is cut there gives what the whole run gives, to the
last bit, and its forces are those that anybody finds at its positions.
Units: Å, fs, atomic mass units, eV.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnk.constants import K_B_eV_K
from nnk.exchange.crystal import AtomLeft
from nnk.exchange.motion import ACCELERATION, masses_u
from nnk.lattice import Lattice
from nnk.potentials import ForceField
from nnk.snapshots.parameters import Langevin

FloatArray = NDArray[np.float64]
Observer = Callable[[float, FloatArray], None]

STRAYED = 0.5
"""An atom has left its site when it is farther from it than this fraction of the neighbour distance."""
_FIRST = np.uint64(2**63)  # number of the stream that the first velocities come from; no step has it


@dataclass(frozen=True, eq=False)
class MotionState:
    """A crystal in motion between two time steps.

    Attributes:
        step: time steps since the start.
        positions_A: float64[n_sites, 3], not folded back into the cell.
        velocities: float64[n_sites, 3] in Å/fs.
        energy_eV, forces_eV_A: of the force field at these positions.
    """

    step: int
    positions_A: FloatArray
    velocities: FloatArray
    energy_eV: float
    forces_eV_A: FloatArray


class Motion:
    """Moves the atoms of a crystal; results are a function of the arguments alone.

    Args:
        force_field: energies and forces; nobody else may set its atoms meanwhile.
        lattice: sites and cell; atom i belongs to site i.
        species: element of each atom.
        how: thermostat and time step.
        key: of the random stream (`nnk.files.stream_key`).

    Raises:
        ValueError: another number of atoms than sites, or elements that the force field lacks.
    """

    def __init__(
        self, force_field: ForceField, lattice: Lattice, species: Sequence[str], how: Langevin, *, key: int
    ) -> None:
        if len(species) != lattice.n_sites or lattice.n_sites < 2:
            raise ValueError(f"expected an atom for each of two or more sites, got {len(species)} atoms")
        self._force_field, self._lattice, self._species = force_field, lattice, list(species)
        self._key = np.uint64(key)
        self._how = how
        self._masses = masses_u(species)[:, None]
        self._shares = self._masses[:, 0] / self._masses.sum()
        self._width = np.sqrt(ACCELERATION * K_B_eV_K * how.temperature_K / self._masses)
        neighbour_A = 0.5 * lattice.a_A * float(np.linalg.norm(lattice.jumps[0]))
        self._farthest_A = STRAYED * neighbour_A
        force_field.set(self._species, lattice.box_A)

    def start(self) -> MotionState:
        """Atoms on their sites, with velocities of Maxwell's distribution and no total momentum.

        Raises:
            ForceFieldError: the forces cannot be had.
        """
        velocities = self._at_rest(self._width * self._normal(_FIRST))
        return self.resumed(0, self._lattice.positions_A, velocities)

    def resumed(self, step: int, positions_A: FloatArray, velocities: FloatArray) -> MotionState:
        """The state of which these are known; the same as when it was first reached.

        Raises:
            ForceFieldError: the forces cannot be had.
        """
        return MotionState(step, positions_A, velocities, *self._without_history(positions_A))

    def advance(self, state: MotionState, steps: int, observe: Observer | None = None) -> MotionState:
        """The state after so many steps.

        Args:
            state: where to begin.
            steps: how many; a run gives the same only if it is cut into the same stretches.
            observe: called after each step with energy and forces.

        Raises:
            AtomLeft: an atom is more than half a neighbour distance from its site.
            ForceFieldError: the forces cannot be had.
        """
        half_fs = 0.5 * self._how.time_step_fs
        keep = float(np.exp(-1e-3 * self._how.friction_per_ps * self._how.time_step_fs))
        width = float(np.sqrt(1 - keep**2)) * self._width
        kick = half_fs * ACCELERATION / self._masses
        x, v, f, energy_eV = state.positions_A, state.velocities, state.forces_eV_A, state.energy_eV
        for step in range(state.step, state.step + steps):
            v = self._at_rest(v + kick * f)
            x = x + half_fs * v
            if keep < 1:
                v = self._at_rest(keep * v + width * self._normal(np.uint64(step)))
            x = x + half_fs * v
            is_last = step + 1 == state.step + steps
            energy_eV, f = (self._without_history if is_last else self._force_field.energy_forces)(x)
            v = self._at_rest(v + kick * f)
            if observe is not None:
                observe(energy_eV, f)
        self.check_on_sites(x, state.step + steps)
        return MotionState(state.step + steps, x, v, energy_eV, f)

    def kinetic_temperature_K(self, velocities: FloatArray) -> float:
        """Temperature of the velocities: of 3 n - 3 degrees of freedom."""
        twice_kinetic = float((self._masses * velocities**2).sum())
        return twice_kinetic / (3 * (len(velocities) - 1) * ACCELERATION * K_B_eV_K)

    def check_on_sites(self, positions_A: FloatArray, step: int) -> None:
        """Refuse positions in which an atom has left its site.

        Raises:
            AtomLeft: one has: the crystal has melted, its atoms diffuse, or the dynamics has blown up.
        """
        distance = np.linalg.norm(positions_A - self._lattice.positions_A, axis=1)
        atom = int(np.argmax(distance))
        if distance[atom] > self._farthest_A:
            raise AtomLeft(
                f"after {step} steps of {self._how.time_step_fs:g} fs at {self._how.temperature_K:g} K atom "
                f"{atom} ({self._species[atom]}) is {distance[atom]:.2f} Å from its site, more than "
                f"{self._farthest_A:.2f} Å: the {self._lattice.structure} crystal has melted, its atoms "
                "diffuse, or the time step is too long for this potential"
            )

    def _without_history(self, positions_A: FloatArray) -> tuple[float, FloatArray]:
        """Energy and forces of a force field that has seen no positions of these atoms before."""
        self._force_field.set(self._species, self._lattice.box_A)
        return self._force_field.energy_forces(positions_A)

    def _at_rest(self, velocities: FloatArray) -> FloatArray:
        """Velocities without total momentum."""
        return velocities - self._shares @ velocities

    def _normal(self, number: np.uint64) -> FloatArray:
        """Standard normal numbers float64[n_sites, 3] of the stream with this number."""
        bits = np.random.Philox(key=np.array([self._key, 0]), counter=np.array([0, 0, number, 0]))
        return np.random.Generator(bits).standard_normal((len(self._masses), 3))
