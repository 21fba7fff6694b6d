"""Spectra of the same jumps by labels and by a network: means and widths side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.inputs import Inputs, MissingInput
from analysis.options import SpectraOptions
from analysis.predictions import Predictions, judged_networks
from analysis.products import FigureProduct, Product, TableProduct
from analysis.style import DOUBLE_COLUMN_IN, GREY, letter_panels, new_figure, series_style
from nnk.observables.moments import Moments, jackknife_error, moments, total, without_each

TABLE = "spectra-networks"


@dataclass(frozen=True)
class Pair:
    """Labels and predictions of the same jumps of one composition and moving species.

    Attributes:
        composition: its name.
        species: the element that moves.
        count: number of barriers.
        means_eV, mean_errors_eV: float64[3], of the labels, of the predictions, and of their difference.
        stds_eV, std_errors_eV: the same of the standard deviations; errors by the jackknife over vacancies.
    """

    composition: str
    species: str
    count: int
    means_eV: NDArray[np.float64]
    mean_errors_eV: NDArray[np.float64]
    stds_eV: NDArray[np.float64]
    std_errors_eV: NDArray[np.float64]


def pairs_part(inputs: Inputs, options: SpectraOptions) -> Product:
    """A figure per network, and a table of all.

    Raises:
        MissingInput: no network, or no predictions of labels.
    """
    judged = [j for j in judged_networks(inputs) if j.predictions is not None]
    found = {j.network.name: pairs_of(j.predictions) for j in judged if j.predictions is not None}
    found = {name: pairs for name, pairs in found.items() if pairs}
    if not found:
        raise MissingInput("no network has predictions of labels that it was not trained on")
    return Product(
        name="spectra",
        title="Labels and predictions",
        summary="",
        figures=tuple(_figure(name, pairs) for name, pairs in found.items()),
        tables=(_table(found),),
    )


def pairs_of(predictions: Predictions) -> list[Pair]:
    """Pairs of what the network has not seen, by composition and moving species."""
    tested = predictions.select(predictions.tested)
    pairs = []
    for name in tested.composition.present():
        for element in tested.elements:
            kind = tested.select(tested.composition.among(name) & tested.species.among(element))
            if len(kind):
                pairs.append(_pair((name, element), kind.true_eV, kind.predicted_eV, kind.vacancy))
    return pairs


def _pair(
    name: tuple[str, str],
    true: NDArray[np.float64],
    predicted: NDArray[np.float64],
    vacancy: NDArray[np.int64],
) -> Pair:
    blocks = np.unique(vacancy, return_inverse=True)[1]
    n = int(blocks.max()) + 1
    both = [moments(values, blocks, n) for values in (true, predicted)]
    means, mean_errors = _with_difference(both, "means")
    stds, std_errors = _with_difference(both, "std")
    return Pair(*name, len(true), means, mean_errors, stds, std_errors)


def _with_difference(both: Sequence[Moments], which: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A statistic of labels, predictions and their difference, float64[3], and its errors."""
    whole = [float(getattr(total(part), which)) for part in both]
    others = [getattr(without_each(part), which) for part in both]
    errors = jackknife_error(np.stack([*others, others[1] - others[0]], axis=-1))
    return np.array([*whole, whole[1] - whole[0]]), errors


def _figure(name: str, pairs: Sequence[Pair]) -> FigureProduct:
    figure, axes = new_figure(1, 2, width_in=DOUBLE_COLUMN_IN, height_in=3.1)
    for panel, which, text in zip(axes[0], ("mean", "std"), ("mean", "standard deviation"), strict=True):
        values = np.array([getattr(p, f"{which}s_eV") for p in pairs])
        errors = np.nan_to_num(np.array([getattr(p, f"{which}_errors_eV") for p in pairs]))
        low, high = float(values[:, :2].min()), float(values[:, :2].max())
        panel.axline((low, low), slope=1, color=GREY, linewidth=0.6, zorder=0)
        for s, element in enumerate(dict.fromkeys(p.species for p in pairs)):
            kind = np.array([p.species == element for p in pairs])
            style = {
                **series_style(s),
                "linestyle": "none",
                "markersize": 2.5,
                "elinewidth": 0.4,
                "capsize": 0,
            }
            panel.errorbar(
                *(values[kind, :2].T), errors[kind, 1], errors[kind, 0], label=f"{element} moves", **style
            )
        margin = 0.05 * (high - low) + 1e-3
        limits = (low - margin, high + margin)
        panel.set(xlabel=f"{text} of the labels (eV)", ylabel=f"{text} of the predictions (eV)")
        panel.set(xlim=limits, ylim=limits)
    axes[0, 0].legend(loc="upper left")
    letter_panels(axes[0])
    difference = float(np.mean([abs(p.means_eV[2]) for p in pairs]))
    return FigureProduct(
        name=f"spectra-{name}",
        title=f"Mean and width of the spectra by labels and by the network {name}",
        caption=(
            f"(a) Mean and (b) standard deviation of barriers, labels and predictions of the network {name} "
            "for the same jumps, none of which it was trained on, forward and backward; a point per "
            "composition and moving species. Error bars: standard error, jackknife over vacancies; the "
            "differences, in the table, have smaller ones, since both sides are of the same jumps."
        ),
        alt=f"Scatter plots about the diagonal; the means differ by {1000 * difference:.1f} meV on average.",
        figure=figure,
        table=TABLE,
    )


def _table(found: dict[str, list[Pair]]) -> TableProduct:
    rows: list[list[Any]] = []
    for name, pairs in found.items():
        for p in pairs:
            rows.append([name, p.composition, p.species, p.count])
            for values, errors in ((p.means_eV, p.mean_errors_eV), (p.stds_eV, p.std_errors_eV)):
                rows[-1] += [float(x) for pair in zip(values, errors, strict=True) for x in pair]
    columns = {
        "network": "name of the network",
        "composition": "atomic percent",
        "moving_species": "element of the atom that jumps",
        "barriers": "number of barriers, forward and backward, none of them trained on",
    }
    for which, text in (("mean", "mean barrier"), ("std", "standard deviation of the spectrum")):
        for side, whose in (
            ("label", "labels"),
            ("network", "predictions"),
            ("difference", "predictions - labels"),
        ):
            columns[f"{side}_{which}_eV"] = f"{text}, {whose}, eV"
            columns[f"{side}_{which}_error_eV"] = "its standard error, jackknife over vacancies, eV"
    return TableProduct(TABLE, "Barrier spectra, labels and predictions of the same jumps", columns, rows)
