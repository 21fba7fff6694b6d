"""Drift of models on closed loops of a vacancy: are their energy differences those of states?"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.model_errors import NAME
from analysis.networks import Network
from analysis.options import ModelsOptions
from analysis.products import FigureProduct, Number, TableProduct
from analysis.style import SERIES_COLOURS, SINGLE_COLUMN_IN, new_figure, series_style
from nnk.files import rng
from nnk.lattice import Lattice
from nnk.models import BarrierModel
from nnk.models.network_model import NetworkModel
from nnk.observables.drift import LENGTHS, Drift, drift_on_loops
from nnk.observables.statistics import Estimate, mean_and_error

TABLE = f"{NAME}-drift"
CELLS = 12  # along each edge of the block that loops lie in
EVERY = "all"
MOST_S = 600.0  # of one model, as far as fewer loops can help
FEWEST_LOOPS = 4
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

    All models walk the same loops; a slow one, as the shortest loops tell, only the first of them.

    Raises:
        ValueError: a length that no loop of the model's lattice has.
    """
    model = _at_its_fastest(network.model)
    lattice = Lattice(model.structure, (CELLS,) * 3, 1.0)
    shares = np.array([fractions.get(element, 0.0) for element in model.elements])
    lengths = options.loop_lengths or LENGTHS[model.structure]

    def drift(length: int, loops: int) -> Drift:
        generator = rng(seed, NAME, "loops", length)
        return drift_on_loops(model, lattice, shares, length=length, loops=loops, rng=generator)

    few, shortest = min(FEWEST_LOOPS, options.loops), min(lengths)
    drift(shortest, 1)  # loads and compiles
    began = time.perf_counter()
    drift(shortest, few)
    jump_s = (time.perf_counter() - began) / (few * shortest)
    counts = loops_in_time(lengths, options.loops, jump_s)
    drifts = tuple(drift(length, count) for length, count in zip(lengths, counts, strict=True))
    return ModelDrift(network.name, model.elements, model.detailed_balance, drifts)


def loops_in_time(lengths: Sequence[int], loops: int, jump_s: float) -> list[int]:
    """How many loops of each length are walked within `MOST_S`, of `loops` that are wanted.

    Args:
        lengths: of the loops.
        loops: wanted of each length.
        jump_s: time that a jump takes.
    """
    if loops * sum(lengths) * jump_s <= MOST_S:
        return [loops] * len(lengths)
    share_s = MOST_S / len(lengths)
    return [min(loops, max(FEWEST_LOOPS, int(share_s / (length * jump_s)))) for length in lengths]


def _at_its_fastest(model: BarrierModel) -> BarrierModel:
    """The model on a GPU, if torch runs it and there is one."""
    if not isinstance(model, NetworkModel):
        return model
    import torch

    return model.on("cuda") if torch.cuda.is_available() else model


def drift_figure(found: Sequence[ModelDrift], surroundings: str) -> FigureProduct:
    """Mean drift against the length of the loops, all models."""
    figure, axes = new_figure(width_in=SINGLE_COLUMN_IN, height_in=2.8)
    panel = axes[0, 0]
    for i, drift in enumerate(found):
        means = [drift.mean(d) for d in drift.drifts]
        values, bars = ([1000 * float(v) for v in pair] for pair in zip(*(m[:2] for m in means), strict=True))
        line = _LINES[(i + i // len(SERIES_COLOURS)) % len(_LINES)]
        style = series_style(i) | {"linestyle": line, "label": drift.model}
        panel.errorbar([d.length for d in drift.drifts], values, np.nan_to_num(bars), **style)
    panel.set(xlabel="jumps in the loop, $L$", ylabel=r"energy left, $\langle|\sum\Delta E|\rangle$ (meV)")
    panel.set_xlim(0, None)
    panel.set_ylim(0, max(1.0, 1.05 * panel.get_ylim()[1]))  # rounding is not blown up to a drift
    figure.legend(*panel.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    loops = max(len(d.left_eV) for drift in found for d in drift.drifts)
    fewer = min(len(d.left_eV) for drift in found for d in drift.drifts)
    return FigureProduct(
        name=TABLE,
        title="Drift on closed loops",
        caption=(
            "A vacancy is led around a closed loop of L distinct sites whose atoms are all of one species, "
            "so that the crystal is as before; sum of the energy differences E_fwd - E_bwd of its jumps, "
            f"absolute, mean over {loops} random loops of each length"
            + (f" (of slow networks down to {fewer})" if fewer < loops else "")
            + ". Error bars: standard error over loops. The loops' atoms alternate between the elements; "
            f"each loop lies in its own random solution, {surroundings}. A model that obeys detailed balance "
            "leaves nothing."
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
