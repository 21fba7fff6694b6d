"""Parity of one model composition by composition and moving species: small multiples, and all in a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.model_distance import Distance
from analysis.model_errors import NAME, ModelErrors
from analysis.parity_panels import annotate, dense_words, draw_parity, parity_legend, span_of
from analysis.predictions import Predictions
from analysis.products import FigureProduct, TableProduct
from analysis.style import DOUBLE_COLUMN_IN, new_figure
from nnk.observables.calibration import errors_of, mean_over_groups

TABLE = f"{NAME}-compositions"
COLUMNS, MOST_ROWS = 4, 3
EVERY = "all"


@dataclass(frozen=True)
class Part:
    """The tested labels of one composition in one split.

    Attributes:
        split, composition: which.
        members: the barriers.
        distance: of the composition from those trained on; None if that is not known.
    """

    split: str
    composition: str
    members: Predictions
    distance: Distance | None

    @property
    def MAE(self) -> float:
        """Mean absolute error, eV."""
        return float(np.abs(self.members.error_meV).mean()) / 1000


def parts_of(errors: ModelErrors) -> list[Part]:
    """All tested compositions, those with the smallest error first."""
    p, parts = errors.predictions, []
    for split in errors.tests:
        rows = p.select(p.split.among(split))
        order = np.argsort(rows.composition.codes, kind="stable")
        ends = np.cumsum(np.bincount(rows.composition.codes, minlength=len(rows.composition.names)))
        for name, members in zip(rows.composition.names, np.split(order, ends[:-1]), strict=True):
            if len(members):
                parts.append(Part(split, name, rows.select(members), errors.distances.get(name)))
    return sorted(parts, key=lambda part: (part.MAE, part.composition))


def chosen_parts(parts: Sequence[Part]) -> tuple[list[Part], bool]:
    """Those drawn: all, or of many those with the smallest, middle and largest errors; whether of many."""
    most = COLUMNS * MOST_ROWS
    if len(parts) <= most:
        return list(parts), False
    middle = (len(parts) - COLUMNS) // 2
    return [*parts[:COLUMNS], *parts[middle : middle + COLUMNS], *parts[-COLUMNS:]], True


def composition_figure(errors: ModelErrors) -> FigureProduct:
    """A panel per composition, coloured by moving species."""
    p = errors.predictions
    every = parts_of(errors)
    parts, some = chosen_parts(every)
    rows, columns = -(-len(parts) // COLUMNS), min(COLUMNS, len(parts))
    height_in = 0.6 + 1.75 * rows
    width_in = DOUBLE_COLUMN_IN * (0.25 + 0.75 * columns / COLUMNS)
    figure, axes = new_figure(
        rows, columns, width_in=width_in, height_in=height_in, share_x=True, share_y=True
    )
    panels, span = axes.ravel(), span_of(p.select(p.tested))
    for panel, part in zip(panels, parts, strict=False):
        draw_parity(panel, part.members, span, small=True)
        annotate(panel, errors_of(part.members.true_eV, part.members.predicted_eV), small=True)
        unseen = part.split == "test-composition"
        panel.set_title(f"{part.composition}{' (unseen)' if unseen else ''}", fontsize=7)
    for panel in panels[len(parts) :]:
        panel.set_axis_off()
    figure.supxlabel("computed barrier (eV)", fontsize=8)
    figure.supylabel("predicted barrier (eV)", fontsize=8)
    drawn = [part.members for part in parts]
    handles = parity_legend(p.elements, drawn)
    figure.legend(handles=handles, loc="outside upper center", ncols=max(len(handles), 1))
    which = (
        f"The {COLUMNS} with the smallest, the {COLUMNS} with middling and the {COLUMNS} with the largest "
        f"mean absolute error of {len(every)}, a row each; the others are in the table."
        if some
        else "From the smallest mean absolute error to the largest."
    )
    return FigureProduct(
        name=f"{NAME}-{p.model}-compositions",
        title=f"Parity of the network {p.model} by composition",
        caption=(
            "Predicted against computed barriers of the tested labels, in both directions where both are "
            f"known, a panel per composition; line: equality. {which} Unseen: held out whole from training. "
            "MAE: mean absolute error; n: barriers." + dense_words(drawn)
        ),
        alt=(
            f"Scatter plots near the diagonal. Smallest mean absolute error {1000 * every[0].MAE:.1f} meV "
            f"({every[0].composition}), largest {1000 * every[-1].MAE:.1f} meV ({every[-1].composition})."
        ),
        figure=figure,
        table=TABLE,
    )


def composition_table(found: Sequence[ModelErrors]) -> TableProduct:
    """A row per model, tested composition and moving species."""
    rows = [row for errors in found for part in parts_of(errors) for row in _rows(part)]
    columns = {
        "model": "the network",
        "split": "split of the labels",
        "composition": "atomic percent",
        "moving_species": "element of the atom that jumps",
        "nearest_share": "share of atoms that tells the composition from the nearest one trained on",
        "hull_share": "the same from the nearest mixture of those; 0: between them",
        "barriers": "number of barriers, both directions",
        "MAE_eV": "mean absolute error, eV",
        "MAE_error_eV": "its standard error over vacancies, eV",
        "RMSE_eV": "root mean square error, eV",
        "R2": "coefficient of determination",
        "bias_eV": "mean of predicted minus computed, eV",
        "q95_eV": "absolute error that 95 % keep within, eV",
        "q99_eV": "absolute error that 99 % keep within, eV",
        "worst_eV": "largest absolute error, eV",
    }
    return TableProduct(TABLE, "Errors of the models by composition and moving species", columns, rows)


def _rows(part: Part) -> list[list[Any]]:
    distance = part.distance
    away = [None, None] if distance is None else [distance.nearest, distance.hull]
    rows: list[list[Any]] = []
    for element in (EVERY, *part.members.elements):
        p = part.members
        if element != EVERY:
            p = p.select(p.species.among(element))
        if len(p):
            e = errors_of(p.true_eV, p.predicted_eV)
            error_eV = float(mean_over_groups(np.abs(p.error_meV), p.vacancy).error) / 1000
            rows.append(
                [
                    *(p.model, part.split, part.composition, element, *away, e.n, e.MAE, error_eV),
                    *(e.RMSE, e.R2, e.bias, e.q95, e.q99, e.worst),
                ]
            )
    return rows
