"""All models of a campaign side by side, the best first: the table by which one is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.model_cards import Card
from analysis.model_error_figures import SPLIT_STYLES
from analysis.model_errors import NAME, GroupErrors
from analysis.predictions import OWN_LABELS, SPLIT_TITLES, Predictions
from analysis.products import Cell, FigureProduct, Number, TableProduct
from analysis.style import BLACK, DOUBLE_COLUMN_IN, letter_panels, new_figure
from nnk.observables.calibration import mean_over_groups
from nnk.observables.statistics import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

JUDGES = ("test-composition", "test", OWN_LABELS)
"""Splits by which models are ranked: the first that any model has."""
SHOWN = {"validation": "validation", "test": "test", "test-composition": "unseen", OWN_LABELS: "labels"}
SHIFTS = {"validation": 0.2, "test": 0.0, OWN_LABELS: 0.0, "test-composition": -0.2}  # so that all are seen
TIE = 2.0  # standard errors


def judge_of(cards: Sequence[Card]) -> str | None:
    """The split whose errors rank the models; None where no model has errors."""
    present = {split for card in cards if card.errors for split in card.errors.tests}
    return next((split for split in JUDGES if split in present), None)


def ranked(cards: Sequence[Card]) -> list[Card]:
    """The models by their mean absolute error on the split that judges, those without errors last."""
    judge = judge_of(cards)

    def rank(card: Card) -> float:
        found = _whole(card, judge)
        return np.inf if found is None else float(found.MAE.mean)

    return sorted(cards, key=rank)


def _whole(card: Card, split: str | None) -> GroupErrors | None:
    found = card.errors.of(split, "all") if card.errors and split else []
    return found[0] if found else None


def behind(best: Predictions, other: Predictions, split: str) -> Estimate | None:
    """By how much more `other` errs than `best` on the same labels, meV; None if they are not the same.

    Labels that are hard for both are hard for both, so the difference is known better than either error.
    """
    a, b = (p.select(p.split.among(split)) for p in (best, other))
    if not np.array_equal(a.true_eV, b.true_eV):
        return None
    return mean_over_groups(np.abs(b.error_meV) - np.abs(a.error_meV), a.vacancy)


def behind_best(cards: Sequence[Card]) -> dict[str, Estimate | None]:
    """By how much more each model errs than the best, by its name; see `behind`."""
    judge, found = judge_of(cards), {}
    first = ranked(cards)[0].errors
    for card in cards:
        known = judge is not None and first is not None and _whole(card, judge) is not None
        if known and first and card.errors and judge:
            found[card.network.name] = behind(first.predictions, card.errors.predictions, judge)
    return found


def is_tied(difference: Estimate | None) -> bool:
    """Whether a model may be as good as the best."""
    return difference is not None and not float(difference.mean) > TIE * float(difference.error)


def side_by_side(cards: Sequence[Card]) -> TableProduct:
    """One row per model, the best first."""
    splits = [split for split in SHOWN if any(_whole(card, split) for card in cards)]
    differences = behind_best(cards)
    columns = {
        "model": "the network",
        "kind": "of network",
        "reads": "sites around the vacancy before the jump (initial), or around both ends of it (union)",
        "sites": "that it reads",
        "shells": "neighbour shells that it reads",
        "detailed_balance": "whether it obeys detailed balance by construction",
        "parameters": "numbers in it",
        "training_labels": "jumps that it has learnt from",
    }
    for split in splits:
        title = f"{SPLIT_TITLES[split]}, all directions"
        columns |= {
            f"{SHOWN[split]}_MAE_eV": f"mean absolute error, {title}, eV",
            f"{SHOWN[split]}_MAE_error_eV": "its standard error over vacancies, eV",
            f"{SHOWN[split]}_RMSE_eV": f"root mean square error, {title}, eV",
            f"{SHOWN[split]}_RMSE_error_eV": "its standard error over vacancies, eV",
            f"{SHOWN[split]}_R2": f"coefficient of determination, {title}",
            f"{SHOWN[split]}_R2_error": "its standard error over vacancies",
        }
    columns |= {
        "behind_best_eV": "mean absolute error beyond that of the first model on the same labels, eV",
        "behind_best_error_eV": "standard error of this difference over vacancies, eV",
        "loop_length": "jumps of the longest closed loops",
        "drift_eV": "mean energy left on them, eV",
        "drift_error_eV": "its standard error over loops, eV",
        "core_us": "processor time of one barrier on one core, microseconds",
        "gpu_us": "wall time of one barrier on a GPU in large batches, microseconds; empty: not measured",
        "training_s": "wall time of training, seconds",
    }
    rows = [[*_row(card, splits), *_rest(card, differences.get(card.network.name))] for card in ranked(cards)]
    return TableProduct(NAME, "The models side by side, the best first", columns, rows)


def _row(card: Card, splits: Sequence[str]) -> Iterator[Cell]:
    model, known = card.network.model, card.network.description
    yield from (card.network.name, card.kind, model.environment.kind, model.environment.n_env, model.shells)
    yield from (str(model.detailed_balance).lower(), known["n_parameters"], card.training_labels)
    for split in splits:
        found = _whole(card, split)
        values = [found.MAE, found.RMSE, found.R2] if found else []
        yield from (float(x) for value in values for x in value[:2])
        yield from [None] * (6 - 2 * len(values))


def _rest(card: Card, difference: Estimate | None) -> Iterator[Cell]:
    last = card.drift.drifts[-1]
    drift = card.drift.mean(last)
    yield from [None, None] if difference is None else [float(x) / 1000 for x in difference[:2]]
    yield from (last.length, float(drift.mean), float(drift.error))
    yield from (card.speed.core_us, card.speed.gpu_us, card.training_s)


def side_by_side_figure(cards: Sequence[Card]) -> FigureProduct:
    """Errors, drift and time of all models, the best on top."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    order, differences = ranked(cards), behind_best(cards)
    places = np.arange(len(order))[::-1]
    figure, axes = new_figure(
        1, 3, width_in=DOUBLE_COLUMN_IN, height_in=1.3 + 0.28 * len(order), share_y=True
    )
    errors, drift, speed = axes[0]
    _draw_errors(errors, order, places)
    _draw_drift(drift, order, places)
    for place, card in zip(places, order, strict=True):
        speed.plot(card.speed.core_us, place, "o" if card.speed.compiled else "s", color=BLACK, markersize=4)
        if card.speed.gpu_us is not None:
            speed.plot(card.speed.gpu_us, place, "^", color=BLACK, markersize=4, fillstyle="none")
    speed.set(xlabel="time of a barrier (µs)", xscale="log")
    decades = float(np.ptp(np.log10(speed.get_xlim())))
    speed.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if decades < 2 else (1.0,)))
    speed.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    speed.xaxis.set_minor_formatter(NullFormatter())
    names = [
        f"{card.network.name}{' *' if is_tied(differences.get(card.network.name)) else ''}" for card in order
    ]
    errors.set_yticks(places, names)
    errors.set_ylim(-0.6, len(order) - 0.4)
    for panel in axes[0]:
        panel.grid(axis="y", linewidth=0.4, color="0.9")
        panel.tick_params(axis="y", length=0)
    letter_panels(axes[0])
    handles, texts = errors.get_legend_handles_labels()
    by_text = dict(zip(texts, handles, strict=True))
    if by_text:
        figure.legend(by_text.values(), by_text.keys(), loc="outside upper center", ncols=len(by_text))
    return FigureProduct(
        name=NAME,
        title="The models side by side",
        caption=_caption(cards, order),
        alt=f"Rows of points, one per model. {ranking_words(cards)}",
        figure=figure,
        table=NAME,
    )


def _caption(cards: Sequence[Card], order: Sequence[Card]) -> str:
    judge = judge_of(cards)
    ranking = (
        f"Models from top to bottom by the first ({SPLIT_TITLES[judge]}). Star: the best, and those whose "
        f"error beyond it on the same labels is no larger than {TIE:g} standard errors. "
        if judge
        else ""
    )
    gpus = sorted({card.speed.gpu for card in cards if card.speed.gpu_us is not None})
    return (
        f"(a) Mean absolute error of barriers, standard errors over vacancies. {ranking}(b) Energy left on "
        f"closed loops of {order[0].drift.drifts[-1].length} jumps, standard errors over loops; models that "
        "obey detailed balance leave nothing but rounding. (c) Time of one barrier on one core of the "
        "machine of this report, logarithmic; circles: by the compiled engine, squares: by the network's own "
        f"evaluation in batches{'; triangles: on ' + ', '.join(gpus) if gpus else ''}."
    )


def _draw_errors(axes: Axes, order: Sequence[Card], places: np.ndarray) -> None:
    for split, shift in SHIFTS.items():
        for place, card in zip(places + shift, order, strict=True):
            found = _whole(card, split)
            if found is not None:
                value, bar = (1000 * float(x) for x in found.MAE[:2])
                style: dict[str, Any] = SPLIT_STYLES[split] | {"linestyle": "none", "markersize": 4}
                axes.errorbar(value, place, xerr=np.nan_to_num(bar), label=SPLIT_TITLES[split], **style)
    axes.set_xlabel("mean absolute error (meV)")
    axes.set_xlim(0, None)


def _draw_drift(axes: Axes, order: Sequence[Card], places: np.ndarray) -> None:
    for place, card in zip(places, order, strict=True):
        mean = card.drift.mean(card.drift.drifts[-1])
        value, bar = (1000 * float(x) for x in mean[:2])
        axes.errorbar(value, place, xerr=np.nan_to_num(bar), fmt="o", color=BLACK, markersize=4)
    axes.set_xlabel("energy left on loops (meV)")
    axes.set_xlim(0, max(1.0, 1.05 * axes.get_xlim()[1]))


def ranking_words(cards: Sequence[Card]) -> str:
    """Which model is best, and which may be as good."""
    judge = judge_of(cards)
    if judge is None or len(cards) < 2:
        return ""
    order, differences = ranked(cards), behind_best(cards)
    first = order[0]
    found = _whole(first, judge)
    if found is None:
        return ""
    tied = [card.network.name for card in order[1:] if is_tied(differences.get(card.network.name))]
    also = f"; not told apart from it: {', '.join(tied)}" if tied else ""
    return (
        f"Of {len(cards)} models {first.network.name} errs least on {SPLIT_TITLES[judge]}: "
        f"{1000 * float(found.MAE.mean):.1f} ± {1000 * float(found.MAE.error):.1f} meV{also}."
    )


def ranking_warnings(cards: Sequence[Card]) -> list[str]:
    """Models that the ranking does not treat alike."""
    judge, differences = judge_of(cards), behind_best(cards)
    apart = [name for name, difference in differences.items() if difference is None]
    if not apart or judge is None:
        return []
    return [
        f"{', '.join(apart)}: not tested on the same labels as the first model of the table "
        f"({SPLIT_TITLES[judge]}); their errors cannot be compared."
    ]


def ranking_numbers(cards: Sequence[Card]) -> list[Number]:
    """The error of the best model."""
    judge = judge_of(cards)
    found = _whole(ranked(cards)[0], judge)
    if found is None or judge is None:
        return []
    label = f"lowest mean absolute error, {SPLIT_TITLES[judge]}: {ranked(cards)[0].network.name}"
    error = None if np.isnan(found.MAE.error) else 1000 * float(found.MAE.error)
    return [Number(label, 1000 * float(found.MAE.mean), "meV", NAME, error, found.errors.n)]
