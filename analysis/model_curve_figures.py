"""Errors of models against the one choice in which they differ: figure, table, words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.model_curves import CHOICE, DIFFERENCE_SUM, SHARE, Curve
from analysis.model_errors import NAME
from analysis.predictions import OWN_LABELS, SPLIT_TITLES
from analysis.products import FigureProduct, TableProduct
from analysis.style import DOUBLE_COLUMN_IN, SINGLE_COLUMN_IN, letter_panels, new_figure, series_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

TABLE = f"{NAME}-curves"
COLUMNS = 3
_TELLING = (CHOICE, "difference")  # keys whose values need no name
MOST_LINES = 4  # of one panel, unless they are of one kind
_ROOM = 0.115  # above the lines, for the name of each
_LOG_FROM, _LOG_RATIO = 20.0, 5.0  # largest value, and largest over smallest, of a logarithmic axis
LINES: dict[str, dict[str, Any]] = {
    "train": {"linestyle": ":", "fillstyle": "none", "linewidth": 0.8, "alpha": 0.8},
    "test": {"linestyle": "-"},
    "test-composition": {"linestyle": "--", "fillstyle": "none"},
    OWN_LABELS: {"linestyle": "-"},
}

Places = list[float] | list[str]
Draw = Callable[["Axes", Curve, Places, dict[str, Any]], None]


def curve_figure(curves: Sequence[Curve]) -> FigureProduct:
    """A panel per option, a line per curve and split; of shares another one, of energy differences.

    Options with many curves have a panel for each kind of network.
    """
    panels = list(_panels(curves))
    rows, columns = -(-len(panels) // COLUMNS), min(len(panels), COLUMNS)
    width_in = SINGLE_COLUMN_IN if columns == 1 else DOUBLE_COLUMN_IN
    figure, axes = new_figure(rows, columns, width_in=width_in, height_in=0.8 + 2.3 * rows)
    for (here, draw, ylabel), panel in zip(panels, axes.ravel(), strict=False):
        for i, (curve, places) in enumerate(zip(here, _places(here), strict=True)):
            draw(panel, curve, places, series_style(i))
        _finish(panel, here, ylabel)
    for panel in axes.ravel()[len(panels) :]:
        panel.remove()
    letter_panels(axes.ravel()[: len(panels)] if len(panels) > 1 else [])
    splits = [split for split in LINES if any(split in c.splits for c in curves)]
    figure.legend(handles=legend_of_splits(splits), loc="outside upper center", ncols=len(splits))
    return FigureProduct(
        name=TABLE,
        title="Errors against what models differ in",
        caption=_caption(curves, len(panels)),
        alt=f"Lines of errors against {', '.join(_titles(curves))}. {curve_words(curves)}",
        figure=figure,
        table=TABLE,
    )


def _panels(curves: Sequence[Curve]) -> Iterator[tuple[list[Curve], Draw, str]]:
    for here in _groups(curves):
        yield here, _draw_errors, "mean abs. error (meV)"
        shares = here if here[0].option == SHARE else []
        # those that tell both ways are drawn by `analysis.model_antisymmetry`
        of_states = [c for c in shares if _has_differences(c) and not c.has_difference_sums]
        if of_states:
            yield of_states, _draw_differences, r"mean abs. error of $\Delta E$ (meV)"


def _groups(curves: Sequence[Curve]) -> Iterator[list[Curve]]:
    """Curves that share a panel."""
    for option in dict.fromkeys(curve.option for curve in curves):
        here = [curve for curve in curves if curve.option == option]
        if len(here) <= MOST_LINES:
            yield here
        else:
            kinds = dict.fromkeys(curve.kind for curve in here)
            yield from ([curve for curve in here if curve.kind == kind] for kind in kinds)


def _has_differences(curve: Curve) -> bool:
    """Whether energy differences were measured, where both barriers are known."""
    measured = [model.measured(split) for model in curve.models for split in curve.splits]
    return all(entry.get("dE_MAE_eV") is not None for entry in measured)


def _draw_errors(panel: Axes, curve: Curve, places: Places, style: dict[str, Any]) -> None:
    for split in curve.splits:
        found = curve.errors(split)
        errors = [1000 * float(g.MAE.error) for g in found]
        means = [1000 * float(g.MAE.mean) for g in found]
        unconnected = {} if isinstance(places[0], float) else {"linestyle": "none"}
        panel.errorbar(places, means, errors, markersize=4, **style | LINES[split] | unconnected)


def _draw_differences(panel: Axes, curve: Curve, places: Places, style: dict[str, Any]) -> None:
    for split in curve.splits:
        values = [1000 * model.measured(split)["dE_MAE_eV"] for model in curve.models]
        panel.plot(places, values, markersize=4, **style | LINES[split])


def _places(here: Sequence[Curve]) -> list[Places]:
    """What each curve of a panel is drawn against: numbers, or words where some have none."""
    amounts = [curve.amounts for curve in here]
    numbers = [each for each in amounts if each is not None]
    return [*numbers] if len(numbers) == len(here) else [curve.words for curve in here]


def _finish(panel: Axes, here: Sequence[Curve], ylabel: str) -> None:
    """Axes of a panel, and the names of its lines."""
    from matplotlib.lines import Line2D

    panel.set(xlabel=here[0].title, ylabel=ylabel)
    places = {place for each in _places(here) for place in each}
    numbers = sorted(place for place in places if isinstance(place, float))
    if numbers:
        number_axis(panel, numbers)
    else:
        panel.set_xlim(-0.5, len(places) - 0.5)
    panel.set_ylim(0, panel.get_ylim()[1] * (1 + _ROOM * len(here)))
    names = curve_names(here)
    if len(here) > 1 or here[0].option != SHARE:
        lines = [Line2D([], [], markersize=4, **series_style(i)) for i in range(len(here))]
        panel.legend(lines, names, loc="upper right")


def number_axis(panel: Axes, places: Sequence[float]) -> None:
    """Ticks at the values; a logarithmic axis for a wide range."""
    from matplotlib.ticker import FixedLocator, NullLocator

    if places[0] > 0 and places[-1] > max(_LOG_FROM, _LOG_RATIO * places[0]):
        panel.set_xscale("log")
        apart = np.log(places[-1] / places[0]) / 5
        kept = [places[-1]]
        for place in reversed(places[:-1]):
            kept += [place] if np.log(kept[-1] / place) > apart else []
    else:
        kept = list(places)
    panel.xaxis.set_major_locator(FixedLocator(sorted(kept)))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1000 else f"{value:g}")


def legend_of_splits(splits: Sequence[str]) -> list[Line2D]:
    """What the lines of the splits look like."""
    from matplotlib.lines import Line2D

    common: dict[str, Any] = {"color": "black", "marker": "o", "markersize": 4}
    return [Line2D([], [], label=SPLIT_TITLES[split], **common | LINES[split]) for split in splits]


def curve_names(curves: Sequence[Curve]) -> list[str]:
    """What tells the curves of a panel apart: their kind, and what else those of a kind differ in."""
    names = []
    for curve in curves:
        like = [other for other in curves if other.kind == curve.kind]
        keys = [key for key in curve.others if len({str(c.others.get(key)) for c in like}) > 1]
        said = [_said(key, curve.others[key]) for key in keys]
        names.append(", ".join([curve.kind, *said]))
    return names


def _said(key: str, value: Any) -> str:
    """A key with its value, as short as can be understood."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if key in _TELLING:
        return text
    option, _, unit = key.rpartition(" ")
    if text == "1":
        unit = unit.removesuffix("s")
    return f"{text} {unit}" if option else f"{key.rpartition('.')[2].replace('_', ' ')} {text}"


def _titles(curves: Sequence[Curve]) -> list[str]:
    return list(dict.fromkeys(curve.title for curve in curves))


def _caption(curves: Sequence[Curve], panels: int) -> str:
    parts = [
        f"Mean absolute error of barriers against {', '.join(_titles(curves))}, of networks that are alike "
        "in all else. The networks of a line are tested on the same labels. Error bars: standard error over "
        "vacancies."
    ]
    if any(curve.option == SHARE for curve in curves):
        parts.append(
            "Training labels are jumps, most of them two barriers; those of a smaller share are among those "
            "of a larger one."
        )
    if panels > len({curve.option for curve in curves}):
        parts.append("The energy difference of a jump's states is the forward barrier less the backward one.")
    return " ".join(parts)


def curve_table(curves: Sequence[Curve]) -> TableProduct:
    """A row per curve, model and split."""
    names = {
        id(curve): name
        for option in dict.fromkeys(c.option for c in curves)
        for curve, name in zip(
            (c for c in curves if c.option == option),
            curve_names([c for c in curves if c.option == option]),
            strict=True,
        )
    }
    rows: list[list[Any]] = []
    for curve in curves:
        for split in curve.splits:
            for i, (model, group) in enumerate(zip(curve.models, curve.errors(split), strict=True)):
                measured = model.measured(split)
                rows.append(
                    [
                        *(curve.option, names[id(curve)], model.network.name),
                        *(curve.words[i], curve.amounts[i] if curve.amounts else None),
                        *(model.measured("train")["labels"], split, group.errors.n),
                        *(float(group.MAE.mean), float(group.MAE.error), group.errors.RMSE),
                        *(measured.get("dE_MAE_eV"), measured.get("KRA_MAE_eV")),
                        measured.get(DIFFERENCE_SUM),
                    ]
                )
    columns = {
        "option": "the one key that the networks of a curve differ in",
        "curve": "kind of network, and what tells the curve from others against the same key",
        "model": "the network",
        "value": "of the key",
        "amount": "what is drawn: of shares the training labels, of compositions those learnt from",
        "training_labels": "jumps that it has learnt from",
        "split": "of the labels",
        "barriers": "number of barriers",
        "MAE_eV": "mean absolute error of the barriers, eV",
        "MAE_error_eV": "its standard error over vacancies, eV",
        "RMSE_eV": "root mean square error of the barriers, eV",
        "dE_MAE_eV": "mean absolute error of the energy differences of the states, eV",
        "KRA_MAE_eV": "mean absolute error of the kinetically resolved barriers, eV",
        DIFFERENCE_SUM: "root mean square of the energy difference of a jump plus that of its reverse, where "
        "a model predicts each by itself, eV",
    }
    return TableProduct(TABLE, "Errors against what models differ in", columns, rows)


def curve_words(curves: Sequence[Curve]) -> str:
    """How the error changes along each curve."""
    said = []
    for option in dict.fromkeys(curve.option for curve in curves):
        here = [curve for curve in curves if curve.option == option]
        said += [_words(curve, name) for curve, name in zip(here, curve_names(here), strict=True)]
    return " ".join(said)


def _words(curve: Curve, name: str) -> str:
    split = curve.tests[-1]
    means = [1000 * float(group.MAE.mean) for group in curve.errors(split)]
    x, about = curve.amounts, f"{name}, {SPLIT_TITLES[split]}"
    if x is None:
        shown = (f"{mean:.0f} meV with {word}" for word, mean in zip(curve.words, means, strict=True))
        return f"{about}: by {curve.title} {', '.join(shown)}."
    text = f"{about}: {means[0]:.0f} to {means[-1]:.0f} meV from {x[0]:,.0f} to {x[-1]:,.0f}"
    if curve.option == SHARE:
        power = np.log(means[-1] / means[0]) / np.log(x[-1] / x[0])
        return f"{text} {curve.title}, as their number to the power {power:.2f}."
    best = int(np.argmin(means))
    return f"{text} {curve.title}, least, {means[best]:.0f} meV, at {x[best]:g}."
