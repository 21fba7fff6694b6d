"""Section ``snapshots``: molecular dynamics, of which positions, forces and energies are kept."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from launch.schema.base import Cells, PositiveFloat, Section, refuse
from launch.schema.compositions import CompositionList
from launch.schema.kmc import Temperature
from nnk.files import temperature_label
from nnk.snapshots.parameters import Langevin, Sampling


def _rising(temperatures: tuple[float, ...]) -> tuple[float, ...]:
    for lower, higher in pairwise(temperatures):
        if higher < lower:
            raise refuse(f"got {higher:g} K after {lower:g} K; allowed: temperatures that rise")
        if temperature_label(higher) == temperature_label(lower):
            raise refuse(f"got {lower:g} K and {higher:g} K; allowed: temperatures at least 0.1 K apart")
    return temperatures


Interval = Annotated[
    Annotated[Literal["auto"], Tag("(word)")] | Annotated[Annotated[int, Field(ge=1)], Tag("(number)")],
    Discriminator(lambda value: "(word)" if isinstance(value, str) else "(number)"),
]


class Snapshots(Section):
    """Snapshots of crystals in motion, at constant temperature in a cell of fixed size."""

    compositions: CompositionList
    """Compositions as atomic fractions that sum to 1, such as {Nb: 0.5, Mo: 0.5}; or equimolar; or a grid. Of
    each a random solid solution, the same in all its trajectories."""

    cells: Cells
    """Cubic cells along x, y and z (bcc: two atoms per cell)."""

    temperatures_K: Annotated[
        tuple[Temperature, ...], Field(strict=False, min_length=1), AfterValidator(_rising)
    ]
    """Temperatures of the thermostat, rising; each has trajectories of its own."""

    count: Annotated[int, Field(ge=1, le=10_000_000)]
    """Snapshots of each composition, shared out equally among its trajectories."""

    trajectories: Annotated[int, Field(ge=1, le=1000)] = 7
    """Independent trajectories at each temperature; with 7, whole ones can be split 5 : 1 : 1 into those for
    training, validation and test."""

    interval: Interval = "auto"
    """Time steps between two snapshots. auto: four correlation times, which every trajectory measures itself
    (the slower of potential energy and squared forces)."""

    time_step_fs: Annotated[float, Field(gt=0, le=20)] = Langevin.time_step_fs
    """Time step, in fs."""

    friction_per_ps: PositiveFloat = Langevin.friction_per_ps
    """Rate of Langevin's thermostat, in 1/ps: velocities forget within its inverse."""

    equilibrate_ps: Annotated[float, Field(gt=0, le=1e5)] = 10.0
    """Time before the first snapshot, in ps; in the second half of it the correlation times are measured."""

    lattice_parameter_A: PositiveFloat | None = None
    """Lattice parameter of the cell. Default: of zero pressure at 0 K, by the potential."""

    checkpoint_s: PositiveFloat = 60.0
    """Wall time between checkpoints of a trajectory."""

    @property
    def equilibration_steps(self) -> int:
        """Time steps before the first snapshot."""
        return round(1000 * self.equilibrate_ps / self.time_step_fs)

    @property
    def n_trajectories(self) -> int:
        """Trajectories of each composition."""
        return self.trajectories * len(self.temperatures_K)

    def sampling(self, number: int) -> Sampling:
        """What is kept of trajectory `number` of a composition."""
        share, rest = divmod(self.count, self.n_trajectories)
        interval = None if isinstance(self.interval, str) else self.interval
        return Sampling(share + (number < rest), self.equilibration_steps, interval)
