"""Labels of a vacancy with the sample they belong to, and as rows of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nnk.barriers import BarrierSet
from nnk.lattice import Lattice
from nnk.observables.pair_order import first_alpha
from nnk.saddle import VacancyLabels

_PER_JUMP = (
    "E_fwd_eV",
    "E_bwd_eV",
    "curvature_eV_A2",
    "residual_force_eV_A",
    "calls",
    "flag",
    "method",
    "n_saddles",
    "a_initial_A",
    "a_saddle_A",
    "a_final_A",
)


@dataclass(frozen=True)
class LabelledVacancy:
    """The labels of one vacancy and the sample they belong to.

    Attributes:
        lattice: sites and box of the sample.
        occupancy: uint8[n_sites], every site filled.
        sample_key: name of the sample.
        fractions: float64[n_elements], the composition asked for.
        site: the vacancy.
        labels: of its jumps.
        jumps: int64[n], which jumps these are.
        degree, exchanges: which state of an exchange run the sample is; 0 and 0: a random solution.
    """

    lattice: Lattice
    occupancy: np.ndarray
    sample_key: str
    fractions: np.ndarray
    site: int
    labels: VacancyLabels
    jumps: np.ndarray
    degree: int = 0
    exchanges: int = 0

    @property
    def alpha(self) -> np.ndarray:
        """Warren-Cowley parameter of first neighbours float64[n_elements, n_elements]."""
        return first_alpha(self.lattice, self.occupancy, len(self.fractions))


def barrier_set(
    elements: tuple[str, ...], vacancies: list[tuple[str, LabelledVacancy]], attrs: dict[str, Any]
) -> BarrierSet:
    """Labels of several vacancies (hash of the item, labels) as one set; each sample stands there once."""
    samples = {vacancy.sample_key: vacancy for _, vacancy in vacancies}
    numbers = {key: number for number, key in enumerate(samples)}
    first = vacancies[0][1].lattice
    count = [len(vacancy.jumps) for _, vacancy in vacancies]
    columns = {
        name: np.concatenate([getattr(vacancy.labels, name) for _, vacancy in vacancies])
        for name in _PER_JUMP
    }
    return BarrierSet(
        elements=elements,
        structure=first.structure,
        cells=first.cells,
        occupancy=np.array([sample.occupancy for sample in samples.values()]),
        a_A=np.array([sample.lattice.a_A for sample in samples.values()]),
        sample_key=tuple(samples),
        composition=np.array([sample.fractions for sample in samples.values()]),
        degree=np.array([sample.degree for sample in samples.values()]),
        exchanges=np.array([sample.exchanges for sample in samples.values()]),
        alpha=np.array([sample.alpha for sample in samples.values()]),
        sample=np.repeat([numbers[vacancy.sample_key] for _, vacancy in vacancies], count),
        vacancy_site=np.repeat([vacancy.site for _, vacancy in vacancies], count),
        jump=np.concatenate([vacancy.jumps for _, vacancy in vacancies]),
        reason=tuple(reason for _, vacancy in vacancies for reason in vacancy.labels.reason),
        item_hash=tuple(digest for digest, vacancy in vacancies for _ in vacancy.jumps),
        attrs=attrs,
        **columns,
    )
