"""Drift of models on closed loops of a vacancy: are their energy differences those of states?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.model_errors import NAME
from analysis.networks import Network
from analysis.options import ModelsOptions
from analysis.products import FigureProduct, Number, TableProduct
from analysis.style import SINGLE_COLUMN_IN, new_figure, series_style
from nnk.files import rng
from nnk.lattice import Lattice
from nnk.observables.drift import Drift, drift_on_loops
from nnk.observables.statistics import Estimate, mean_and_error

TABLE = f"{NAME}-drift"
CELLS = 12  # along each edge of the block that loops lie in
EVERY = "all"
_LINES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class ModelDrift:
    """Drift of one model.

    Attributes:
        model: its name.
        elements: of the campaign.
        balanced: it obeys detailed balance by construction.
        drifts: a record per length.
    """

    model: str
    elements: tuple[str, ...]
    balanced: bool
    drifts: tuple[Drift, ...]

    def mean(self, drift: Drift, element: str = EVERY) -> Estimate:
        """Mean of abs(sum dE) over the loops (of one species), with its standard error over loops, eV."""
        chosen = np.ones(len(drift.species), dtype=bool)
        if element != EVERY:
            chosen = drift.species == self.elements.index(element) + 1
        return mean_and_error(np.abs(drift.left_eV[chosen]))


def model_drift(
    network: Network, options: ModelsOptions, fractions: Mapping[str, float], seed: int
) -> ModelDrift:
    """Drift of a model on random loops in random solid solutions of a composition.

    Raises:
        ValueError: a length that no loop of the model's lattice has.
    """
    model = network.model
    lattice = Lattice(model.structure, (CELLS,) * 3, 1.0)
    shares = np.array([fractions.get(element, 0.0) for element in model.elements])
    drifts = [
        drift_on_loops(
            model,
            lattice,
            shares,
            length=length,
            loops=options.loops,
            rng=rng(seed, NAME, "loops", length),  # the same loops for all models
        )
        for length in options.loop_lengths
    ]
    return ModelDrift(network.name, model.elements, model.detailed_balance, tuple(drifts))


def drift_figure(found: Sequence[ModelDrift], surroundings: str) -> FigureProduct:
    """Mean drift against the length of the loops, all models."""
    figure, axes = new_figure(width_in=SINGLE_COLUMN_IN, height_in=2.8)
    panel = axes[0, 0]
    for i, drift in enumerate(found):
        means = [drift.mean(d) for d in drift.drifts]
        values, bars = ([1000 * float(v) for v in pair] for pair in zip(*(m[:2] for m in means), strict=True))
        style = series_style(i) | {"linestyle": _LINES[i % len(_LINES)], "label": drift.model}
        panel.errorbar([d.length for d in drift.drifts], values, np.nan_to_num(bars), **style)
    panel.set(xlabel="jumps in the loop, $L$", ylabel=r"energy left, $\langle|\sum\Delta E|\rangle$ (meV)")
    panel.set_xlim(0, None)
    panel.set_ylim(0, max(1.0, 1.05 * panel.get_ylim()[1]))  # rounding is not blown up to a drift
    figure.legend(*panel.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    loops = len(found[0].drifts[0].left_eV)
    return FigureProduct(
        name=TABLE,
        title="Drift on closed loops",
        caption=(
            "A vacancy is led around a closed loop of L distinct sites whose atoms are all of one species, "
            "so that the crystal is as before; sum of the energy differences E_fwd - E_bwd of its jumps, "
            f"absolute, mean over {loops} random loops of each length. Error bars: standard error over "
            "loops. The loops' atoms alternate between the elements; each loop lies in its own random "
            f"solution, {surroundings}. A model that obeys detailed balance leaves nothing."
        ),
        alt=f"Curves of the energy left against the length of the loop. {drift_words(found)}",
        figure=figure,
        table=TABLE,
    )


def drift_words(found: Sequence[ModelDrift]) -> str:
    """What each model leaves on its longest loops."""
    parts = [f"{drift.model} leaves {amount_left(drift)}" for drift in found]
    return f"of {found[0].drifts[-1].length} jumps {'; '.join(parts)}."


def amount_left(drift: ModelDrift) -> str:
    """Mean drift on the longest loops, in words."""
    last = drift.drifts[-1]
    if drift.balanced:
        return f"nothing but rounding, {float(np.abs(last.left_eV).max()):.1g} eV at most"
    mean = drift.mean(last)
    return f"{1000 * float(mean.mean):.1f} ± {1000 * float(mean.error):.1f} meV"


def drift_table(found: Sequence[ModelDrift]) -> TableProduct:
    """A row per model, length and species of the loop."""
    rows: list[list[Any]] = []
    for drift in found:
        for d in drift.drifts:
            for element in (EVERY, *drift.elements):
                mean = drift.mean(d, element)
                if mean.n:
                    row = [drift.model, str(drift.balanced).lower(), d.length, element, int(mean.n)]
                    rows.append([*row, float(mean.mean), float(mean.error)])
    columns = {
        "model": "the network",
        "detailed_balance": "whether it obeys detailed balance by construction",
        "length": "jumps in the loop",
        "species": "element of all atoms on the loop",
        "loops": "number of loops",
        "drift_eV": "mean of abs(sum of E_fwd - E_bwd around the loop), eV",
        "drift_error_eV": "its standard error over loops, eV",
    }
    return TableProduct(TABLE, "Drift of the models on closed loops", columns, rows)


def drift_numbers(drift: ModelDrift) -> list[Number]:
    """The drift on the longest loops."""
    last = drift.drifts[-1]
    mean = drift.mean(last)
    label = f"{drift.model}: drift on closed loops of {last.length} jumps"
    error = None if np.isnan(mean.error) else 1000 * float(mean.error)
    return [Number(label, 1000 * float(mean.mean), "meV", TABLE, error, int(mean.n))]
