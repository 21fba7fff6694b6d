"""Transport in one case: points by temperature, which of them are sound, and straight lines through these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.number_text import value_and_error
from analysis.options import TransportOptions
from analysis.transport_points import Point, points_of
from analysis.transport_runs import RunTransport
from nnk.observables.arrhenius import ArrheniusFit, arrhenius_fit
from nnk.observables.transport import concentration_factor, vacancy_concentration

FEWEST_POINTS = 3
BADLY_FITTED = 0.01  # probability


@dataclass(frozen=True)
class CaseTransport:
    """Transport in all runs of a case.

    Attributes:
        name: of the case.
        points: by temperature, ascending.
        options: what the user chose.
    """

    name: str
    points: tuple[Point, ...]
    options: TransportOptions

    @property
    def first(self) -> RunTransport:
        """Any run, for what all of them share."""
        return self.points[0].runs[0]

    @property
    def elements(self) -> tuple[str, ...]:
        """Names of the species."""
        return self.first.elements

    @property
    def species(self) -> list[int]:
        """Numbers, from 1, of the species that there are atoms of."""
        return [i + 1 for i, count in enumerate(self.first.record.atoms) if count]

    @property
    def walkers(self) -> list[int]:
        """The vacancy, 0, and the species."""
        return [0, *self.species]

    def walker_name(self, walker: int) -> str:
        """``vacancy`` or the element."""
        return self.elements[walker - 1] if walker else "vacancy"

    @property
    def temperature_K(self) -> NDArray[np.float64]:
        """float64[n_T]."""
        return np.array([point.temperature_K for point in self.points])

    @property
    def rescaled(self) -> bool:
        """Whether tracer diffusivities are those at the equilibrium concentration of vacancies."""
        return self.options.vacancy_formation_energy_eV is not None

    @property
    def replicated(self) -> bool:
        """Two replicas or more at every temperature."""
        return all(len(point.runs) > 1 for point in self.points)

    @property
    def flickering(self) -> bool:
        """Whether jumps within traps are not recorded one by one, so that their species are not known."""
        return any(run.skipped > 0 for point in self.points for run in point.runs)

    @property
    def replicas_text(self) -> str:
        """How many replicas, for captions."""
        counts = sorted({len(point.runs) for point in self.points})
        low, high = counts[0], counts[-1]
        return f"{low} replica{'s' if low > 1 else ''}" if low == high else f"{low} to {high} replicas"

    @cached_property
    def faults(self) -> dict[tuple[int, int], str]:
        """Why a point is not sound, empty if it is, by (number of the temperature, walker)."""
        return {
            (t, walker): point.fault(walker) for t, point in enumerate(self.points) for walker in self.walkers
        }

    def sound(self, walker: int) -> list[int]:
        """Numbers of the temperatures whose diffusivity is sound."""
        return [t for t in range(len(self.points)) if not self.faults[t, walker]]

    def fitted(self, walker: int) -> list[int]:
        """Numbers of the temperatures that the line goes through."""
        low, high = self.options.fit_range_K or (0.0, np.inf)
        return [t for t in self.sound(walker) if low <= self.points[t].temperature_K <= high]

    @cached_property
    def fits(self) -> dict[int, ArrheniusFit]:
        """Lines by walker; a walker with fewer than `FEWEST_POINTS` has none."""
        found = {walker: self._fit(walker) for walker in self.walkers}
        return {walker: fit for walker, fit in found.items() if fit is not None}

    def bent(self, walker: int) -> bool:
        """Whether the points stray from their line by more than their errors; False without a line."""
        return walker in self.fits and self.fits[walker].probability < BADLY_FITTED

    def _fit(self, walker: int) -> ArrheniusFit | None:
        points = [self.points[t] for t in self.fitted(walker)]
        if len(points) < FEWEST_POINTS:
            return None
        return arrhenius_fit(
            [point.temperature_K for point in points],
            [point.diffusivity.mean[walker] for point in points],
            [point.fit_error(walker) for point in points],
        )


def cases_of(runs: Sequence[RunTransport], options: TransportOptions) -> list[CaseTransport]:
    """Runs by case and temperature."""
    names = list(dict.fromkeys(run.file.case for run in runs))

    def factor(temperature_K: float, run: RunTransport) -> float:
        energy_eV, entropy_kB = options.vacancy_formation_energy_eV, options.vacancy_formation_entropy_kB
        if energy_eV is None:
            return 1.0
        concentration = vacancy_concentration(temperature_K, energy_eV, entropy_kB)
        return float(concentration_factor(concentration, run.lattice.n_sites, run.record.n_vacancies))

    return [
        CaseTransport(name, points_of([run for run in runs if run.file.case == name], factor), options)
        for name in names
    ]


def left_out(case: CaseTransport, walker: int) -> str:
    """Temperatures of a walker that are not sound, with the reasons: ``100 K to 300 K: trapped; ...``."""
    kinds: dict[str, list[float]] = {}
    for t, point in enumerate(case.points):
        fault = case.faults[t, walker]
        if fault:
            kinds.setdefault(fault.split(":")[0], []).append(point.temperature_K)
    return "; ".join(f"{kind} at {', '.join(f'{t:g}' for t in found)} K" for kind, found in kinds.items())


def summary(case: CaseTransport) -> str:
    """Activation energies."""
    if not case.fits:
        return f"{case.name}: too few sound diffusivities for an Arrhenius fit."
    atoms = [_energy(case, walker) for walker in case.fits if walker]
    what = "with" if case.rescaled else "without"
    found = [f"of the vacancy {_energy(case, 0)}"] if 0 in case.fits else []
    found += [f"of the atoms, {what} the formation of vacancies, {', '.join(atoms)}"] if atoms else []
    return f"{case.name}: activation energies: {'; '.join(found)}."


def _energy(case: CaseTransport, walker: int) -> str:
    fit, name = case.fits[walker], f"{case.walker_name(walker)} " if walker else ""
    bent = " (an average: the line is bent)" if case.bent(walker) else ""
    value, error = value_and_error(fit.activation_eV, fit.activation_error_eV)
    return f"{name}{value} ± {error} eV{bent}"
