"""Learning curves: errors of models that differ in the share of the labels they have learnt from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.model_error_figures import SPLIT_STYLES
from analysis.model_errors import NAME, GroupErrors, ModelErrors
from analysis.networks import Network
from analysis.predictions import SPLIT_TITLES
from analysis.products import FigureProduct, TableProduct
from analysis.style import SINGLE_COLUMN_IN, new_figure

TABLE = f"{NAME}-learning"


@dataclass(frozen=True)
class Curve:
    """Models that are alike but for their share of the labels.

    Attributes:
        models: their errors, from the smallest share on.
        labels: training labels of each (a jump is one, whose two barriers are learnt).
    """

    models: tuple[ModelErrors, ...]
    labels: tuple[int, ...]

    @property
    def name(self) -> str:
        """That of the model of the largest share."""
        return self.models[-1].predictions.model

    @property
    def tests(self) -> list[str]:
        """Test splits that all of them have."""
        return [split for split in self.models[-1].tests if all(split in m.tests for m in self.models)]

    def errors(self, split: str) -> list[GroupErrors]:
        """Errors on a split, model by model."""
        return [model.of(split, "all")[0] for model in self.models]


def share_of(network: Network) -> float:
    """Share of the training vacancies that a model has learnt from."""
    return float(network.description.get("architecture", {}).get("share", 1.0))


def curves_of(judged: Sequence[tuple[Network, ModelErrors]]) -> list[Curve]:
    """The learning curves there are: of at least two shares."""
    alike: dict[str, dict[float, ModelErrors]] = {}
    for network, errors in judged:
        if "architecture" in network.description:
            alike.setdefault(_kind(network), {})[share_of(network)] = errors
    return [_curve(by_share) for by_share in alike.values() if len(by_share) > 1]


def _kind(network: Network) -> str:
    """What models of one curve have in common."""
    known = network.description
    of_all = {key: value for key, value in known["architecture"].items() if key not in ("name", "share")}
    return json.dumps([of_all, known["parameters"], known["data_hash"]], sort_keys=True)


def _curve(by_share: dict[float, ModelErrors]) -> Curve:
    models = tuple(by_share[share] for share in sorted(by_share))
    return Curve(models, tuple(int(m.predictions.split.among("train").sum()) // 2 for m in models))


def learning_figure(curves: Sequence[Curve]) -> FigureProduct:
    """Test errors against the number of training labels."""
    from matplotlib.ticker import FuncFormatter

    figure, axes = new_figure(width_in=SINGLE_COLUMN_IN, height_in=3.2)
    panel = axes[0, 0]
    for i, curve in enumerate(curves):
        for split in curve.tests:
            found = curve.errors(split)
            style = SPLIT_STYLES[split] | {"fillstyle": "full" if i == 0 else "none"}
            errors = [1000 * g.MAE.error for g in found]
            means = [1000 * g.MAE.mean for g in found]
            label = SPLIT_TITLES[split] + (f" ({curve.name})" if len(curves) > 1 else "")
            panel.errorbar(curve.labels, means, errors, label=label, markersize=4, **style)
    panel.set(xlabel="training labels", ylabel="mean absolute error (meV)", xscale="log", yscale="log")
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    panel.yaxis.set_major_formatter(plain)
    panel.yaxis.set_minor_formatter(plain)
    panel.legend(loc="best")
    names = "; ".join(", ".join(m.predictions.model for m in curve.models) for curve in curves)
    return FigureProduct(
        name=TABLE,
        title="Learning curves",
        caption=(
            "Mean absolute error of the tested labels against the number of training labels (jumps; each is "
            f"two barriers), networks alike in all else: {names}. The labels of a smaller share are among "
            "those of a larger one, and all are tested on the same. Bars: standard error over vacancies."
        ),
        alt="Lines of test errors that fall as the number of training labels grows, on logarithmic axes.",
        figure=figure,
        table=TABLE,
    )


def learning_table(curves: Sequence[Curve]) -> TableProduct:
    """A row per model and test split."""
    rows: list[list[Any]] = [
        [curve.name, errors.predictions.model, labels, split, group.MAE.mean, group.MAE.error]
        for curve in curves
        for split in curve.tests
        for errors, labels, group in zip(curve.models, curve.labels, curve.errors(split), strict=True)
    ]
    columns = {
        "curve": "the network of the largest share",
        "model": "the network",
        "training_labels": "jumps that it has learnt from, each two barriers",
        "split": "of the tested labels",
        "MAE_eV": "mean absolute error, eV",
        "MAE_error_eV": "its standard error over vacancies, eV",
    }
    return TableProduct(TABLE, "Errors against the number of training labels", columns, rows)


def learning_words(curves: Sequence[Curve]) -> str:
    """How steep the curves are at their ends."""
    said = []
    for curve in curves:
        split = curve.tests[-1]
        first, last = (curve.errors(split)[i].MAE.mean for i in (0, -1))
        power = np.log(last / first) / np.log(curve.labels[-1] / curve.labels[0])
        said.append(
            f"From {curve.labels[0]:,} to {curve.labels[-1]:,} training labels the error of {curve.name} on "
            f"the {SPLIT_TITLES[split]} goes from {1000 * first:.0f} to {1000 * last:.0f} meV, as the number "
            f"to the power {power:.2f}."
        )
    return " ".join(said)
