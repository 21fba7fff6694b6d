"""Tables of the spectra of labels and of networks on the labels' samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.products import TableProduct
from nnk.observables.spectra import Spectrum, common_bins, density_histogram, spectra_by_species

NAME = "spectra"
_COLUMNS = {
    "composition": "atomic percent",
    "moving_species": "element of the atom that jumps",
    "source": "labels, or the name of a network",
}


@dataclass(frozen=True)
class Barriers:
    """Forward barriers of jumps out of random vacancies of one composition.

    Attributes:
        composition: its name.
        source: "labels", or the name of a network.
        E_fwd_eV: float64[m].
        mover: uint8[m], moving species.
        vacancy: int64[m], the vacancy that each barrier belongs to.
    """

    composition: str
    source: str
    E_fwd_eV: NDArray[np.float64]
    mover: NDArray[np.uint8]
    vacancy: NDArray[np.int64]

    def spectra(self, n_species: int) -> tuple[Spectrum, ...]:
        """By moving species, errors over vacancies."""
        return spectra_by_species(self.E_fwd_eV, self.mover, n_species, block=self.vacancy)


def summary_table(elements: Sequence[str], sets: Sequence[Barriers]) -> TableProduct:
    """Mean and width of every spectrum."""
    rows: list[list[Any]] = [
        [
            *(b.composition, element, b.source, s.count, s.mean_eV, s.error_eV),
            *(s.std_eV, s.std_error_eV, s.lowest_eV, s.highest_eV),
        ]
        for b in sets
        for element, s in zip(elements, b.spectra(len(elements)), strict=True)
    ]
    columns = {
        **_COLUMNS,
        "barriers": "number of forward barriers",
        "mean_eV": "mean barrier, eV",
        "error_eV": "standard error of the mean, jackknife over vacancies, eV",
        "std_eV": "standard deviation of the spectrum, eV",
        "std_error_eV": "its standard error, jackknife over vacancies, eV",
        "lowest_eV": "lowest barrier, eV",
        "highest_eV": "highest barrier, eV",
    }
    return TableProduct(NAME, "Barrier spectra, summary", columns, rows)


def histogram_table(elements: Sequence[str], sets: Sequence[Barriers], bin_eV: float) -> TableProduct:
    """Distributions in bins of `bin_eV`."""
    edges = common_bins(*(s.E_fwd_eV for s in sets), width_eV=bin_eV)
    rows: list[list[Any]] = []
    for barriers in sets:
        for s, element in enumerate(elements, start=1):
            density = density_histogram(barriers.E_fwd_eV[barriers.mover == s], edges)
            rows += [
                [barriers.composition, element, barriers.source, float(low), float(high), float(value)]
                for low, high, value in zip(edges[:-1], edges[1:], density, strict=True)
                if value > 0
            ]
    columns = {
        **_COLUMNS,
        "from_eV": "lower edge of the bin, eV",
        "to_eV": "upper edge of the bin, eV",
        "density_per_eV": "probability density in the bin, 1/eV; empty bins are left out",
    }
    return TableProduct(f"{NAME}-histograms", "Barrier spectra, distributions", columns, rows)
