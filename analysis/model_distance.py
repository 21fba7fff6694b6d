"""Errors of models by how far a composition is from those that they were trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from analysis.predictions import OWN_LABELS, Predictions
from analysis.products import FigureProduct
from analysis.style import SINGLE_COLUMN_IN, new_figure, series_style
from nnk.alloy import fractions_named
from nnk.composition_distance import hull_share, nearest_share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.model_errors import ModelErrors

EDGES = (0.0, 0.05, 0.1, 0.2, 0.4, 1.0)
_DIGITS = 6  # names hold hundredths of a percent


@dataclass(frozen=True)
class Distance:
    """How far a composition is from those trained on, as a share of atoms (`nnk.composition_distance`).

    Attributes:
        nearest: from the nearest one.
        hull: from the nearest mixture of them; 0 for a composition between them.
    """

    nearest: float
    hull: float


def distances(p: Predictions) -> dict[str, Distance]:
    """Distance of every tested composition, by name; none for a model that was trained on other labels."""
    trained = p.composition[p.split.among("train")].present()
    if not trained or p.split.among(OWN_LABELS).any():
        return {}
    names = {*p.composition.present(), *(name for of_fold in p.trained_on.values() for name in of_fold)}
    fractions = {name: fractions_named(name, p.elements) for name in names}
    found = {}
    for name in p.composition[p.tested].present():
        x, corners = fractions[name], np.array([fractions[n] for n in p.trained_on.get(name, trained)])
        nearest = round(nearest_share(x, corners), _DIGITS)
        hull = round(hull_share(x, corners), _DIGITS) if nearest else 0.0
        found[name] = Distance(nearest, hull)
    return found


def by_distance(known: Mapping[str, Distance]) -> dict[str, list[str]]:
    """Names of compositions in bins of their distance from the nearest one trained on."""
    bins = {"0": [name for name, distance in known.items() if distance.nearest == 0]}
    for low, high in pairwise(EDGES):
        title = f"{100 * low:g} to {100 * high:g} %"
        bins[title] = [name for name, d in known.items() if low < d.nearest <= high]
    return {title: names for title, names in bins.items() if names}


def distance_figure(found: Sequence[ModelErrors]) -> FigureProduct | None:
    """Errors against the distance, all models; None where all tested compositions were trained on."""
    drawn = [errors for errors in found if any(d.nearest > 0 for d in errors.distances.values())]
    if not drawn:
        return None
    figure, axes = new_figure(width_in=SINGLE_COLUMN_IN, height_in=3.0)
    panel = axes[0, 0]
    for i, errors in enumerate(drawn):
        _draw(panel, errors, i)
    panel.set(xlabel="atoms unlike the nearest training composition (%)", ylabel="mean abs. error (meV)")
    panel.set_xlim(left=-0.02 * panel.get_xlim()[1])
    panel.set_ylim(0, 1.05 * panel.get_ylim()[1])
    figure.legend(*panel.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return FigureProduct(
        name="models-distance",
        title="Errors by the distance from the training compositions",
        caption=(
            "Mean absolute error of the tested labels against the share of the atoms that would have to be "
            "of another element for their composition to be the nearest one trained on; 0: a composition "
            f"that was trained on. Bins that end at {', '.join(f'{100 * edge:g}' for edge in EDGES[1:])} %, "
            "each at the mean of its barriers. Open: all of the bin lies between training "
            "compositions (is a mixture of them). Error bars: "
            "standard error over vacancies, which does not hold how much compositions differ."
        ),
        alt=f"A line per model of the error against the distance. {distance_words(drawn)}",
        figure=figure,
        table="models-errors",
    )


def _draw(panel: Axes, errors: ModelErrors, index: int) -> None:
    bins = by_distance(errors.distances)
    groups = {group.group: group for group in errors.of("tested", "distance")}
    means = [1000 * float(groups[name].MAE.mean) for name in bins]
    bars = np.nan_to_num([1000 * float(groups[name].MAE.error) for name in bins])
    places = [100 * _mean_distance(errors, names) for names in bins.values()]
    style = series_style(index)
    panel.errorbar(places, means, bars, label=errors.predictions.model, linewidth=0.9, **style)
    between = [all(errors.distances[name].hull == 0 for name in names) for names in bins.values()]
    for x, y, inside in zip(places, means, between, strict=True):
        if inside and x > 0:
            panel.plot(x, y, marker=style["marker"], color=style["color"], markerfacecolor="white")


def _mean_distance(errors: ModelErrors, names: Sequence[str]) -> float:
    """Mean over the tested barriers of some compositions."""
    p = errors.predictions
    counts = [int((p.tested & p.composition.among(name)).sum()) for name in names]
    return float(np.average([errors.distances[name].nearest for name in names], weights=counts))


def distance_words(found: Sequence[ModelErrors]) -> str:
    """Errors where training has been and farthest from there."""
    parts = []
    for errors in found:
        groups = errors.of("tested", "distance")
        near, far = groups[0], groups[-1]
        parts.append(
            f"{errors.predictions.model} errs by {1000 * near.MAE.mean:.0f} meV at {near.group} and by "
            f"{1000 * far.MAE.mean:.0f} meV at {far.group}"
        )
    return f"By the distance from the training compositions {'; '.join(parts)}."
