"""Figures of ordered clusters against jumps and temperature, and what all figures of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.clusters_runs import NAME, ClusterCase
from analysis.products import FigureProduct
from analysis.style import (
    BLACK,
    BLUE,
    DOUBLE_COLUMN_IN,
    GREY,
    VERMILION,
    letter_panels,
    new_figure,
    ramp,
    series_style,
)
from nnk.observables.clusters import LEAST_NEIGHBOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import ListedColormap

SHOWN_DECADES = 4.0
LASTING_UNTIL = 0.9
DEFINITION = (
    f"A centre is a site of one element of the pair with at least {LEAST_NEIGHBOURS} of its 8 first "
    "neighbours of the other; centres closer than 1.866 a are linked, and linked centres are a cluster, "
    "whose size is their number"
)
PANELS = (
    ("small", "small clusters"),
    ("large", "large clusters"),
    ("largest", "centres of the largest cluster"),
    ("centres", "centres (% of the sites)"),
)
EVENT_PANELS = (
    ("merged", "clusters merged so far"),
    ("split", "clusters split off so far"),
    ("lasting", "clusters lasting from here on"),
)
IDENTITY = (
    "a cluster goes on as that with which it has most centres in common, if the reverse holds too; otherwise "
    "it merges into it"
)


def cluster_figures(case: ClusterCase) -> list[FigureProduct]:
    """Against jumps, what happened to clusters, and against temperature."""
    return [_against_jumps(case), _events(case), _against_temperature(case)]


def atoms_text(case: ClusterCase) -> str:
    """What is simulated, for captions."""
    return f"{case.name}, {case.runs[0].lattice.n_sites:,} sites; clusters of {case.pair_name} B2 order"


def _sizes_text(case: ClusterCase) -> str:
    return f"small: fewer than {case.options.small_below} centres, large: all others"


def _errors(case: ClusterCase) -> str:
    low, high = case.replicas
    if high == 1:
        return "One replica per temperature, so there are no error bars."
    count = f"{low}" if low == high else f"{low} to {high}"
    return f"Points and error bars: mean and standard error over {count} replicas."


def _chance_text(case: ClusterCase) -> str:
    return (
        f"Dashed: mean over {len(case.chance_sizes)} random arrangements of the same atoms (of the share of "
        "centres the exact expectation); grey band: two standard deviations of a mean over the replicas in "
        "random cells."
    )


def size_colours() -> ListedColormap:
    """Colours of sizes, darkest for the largest."""
    from matplotlib.colors import ListedColormap

    return ListedColormap(ramp(256)[::-1])


def _percent(name: str) -> float:
    return 100.0 if name in ("centres", "cells") else 1.0


def _bars(errors: NDArray[np.float64]) -> NDArray[np.float64] | None:
    return None if np.isnan(errors).all() else np.nan_to_num(errors)


def _draw_chance(axes: Axes, case: ClusterCase, name: str) -> None:
    factor = _percent(name)
    mean, spread = factor * case.chance_mean(name), factor * case.chance_spread(name)
    axes.axhspan(max(mean - 2 * spread, 0), mean + 2 * spread, color=GREY, alpha=0.2, linewidth=0, zorder=0)
    axes.axhline(mean, color=GREY, linestyle=(0, (4, 2)), linewidth=0.9, zorder=1)


def _shown_jumps(case: ClusterCase) -> NDArray[np.bool_]:
    return np.asarray(case.jumps >= max(1, case.jumps[-1] / 10**SHOWN_DECADES))


def _against_jumps(case: ClusterCase) -> FigureProduct:
    figure, axes = new_figure(2, 2, width_in=DOUBLE_COLUMN_IN, height_in=4.6, share_x=True)
    for panel, (name, label) in zip(axes.ravel(), PANELS, strict=True):
        _draw_chance(panel, case, name)
        _draw_along(panel, case, name, label)
    for panel in axes[-1]:
        panel.set_xlabel("vacancy jumps")
    handles, texts = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center", ncols=len(handles))
    letter_panels(axes.ravel())
    return FigureProduct(
        name=f"{NAME}-{case.name}",
        title=f"Ordered clusters along the jumps, {case.name}",
        caption=(
            f"{atoms_text(case)}, against the number of vacancy jumps. Number of small (a) and large (b) "
            f"clusters ({_sizes_text(case)}), size of the largest (c), centres per site (d). "
            f"{DEFINITION}. {_errors(case)} {_chance_text(case)}"
        ),
        alt=f"Four panels against the number of jumps, one curve per temperature. {summary(case)}",
        figure=figure,
        table=NAME,
    )


def _draw_along(axes: Axes, case: ClusterCase, name: str, label: str) -> None:
    kept, values, factor = _shown_jumps(case), case.counts[name], _percent(name)
    if name == "lasting":
        kept &= case.jumps <= LASTING_UNTIL * case.jumps[-1]  # at the very end all clusters last
    for i, (t, colour) in enumerate(zip(case.shown, ramp(len(case.shown)), strict=True)):
        axes.errorbar(
            case.jumps[kept],
            factor * values.mean[t, kept],
            _bars(factor * values.error[t, kept]),
            label=f"{case.temperature_K[t]:g} K",
            **{**series_style(i), "color": colour, "markersize": 2.6, "capsize": 1.0, "elinewidth": 0.7},
        )
    axes.set(xscale="log", ylabel=label)
    _from_zero(axes)


def _events(case: ClusterCase) -> FigureProduct:
    figure, axes = new_figure(1, 3, width_in=DOUBLE_COLUMN_IN, height_in=2.7)
    for panel, (name, label) in zip(axes[0], EVENT_PANELS, strict=True):
        _draw_along(panel, case, name, label)
        panel.set_xlabel("vacancy jumps")
    handles, texts = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center", ncols=len(handles))
    letter_panels(axes[0])
    return FigureProduct(
        name=f"{NAME}-{case.name}-events",
        title=f"Merging, splitting and persistence of ordered clusters, {case.name}",
        caption=(
            f"{atoms_text(case)}. Clusters that have merged into another (a) and split off (b) so far, and "
            "those that are there from this number of jumps to the end (c). Between successive key frames "
            f"{IDENTITY}. What happens between two key frames is not seen. {DEFINITION}. {_errors(case)}"
        ),
        alt="Merged, split and lasting clusters against the number of jumps, a curve per temperature.",
        figure=figure,
        table=f"{NAME}-events",
    )


def _from_zero(axes: Axes) -> None:
    axes.set_ylim(0, max(axes.get_ylim()[1], 1.0))


def _against_temperature(case: ClusterCase) -> FigureProduct:
    figure, axes = new_figure(1, 3, width_in=DOUBLE_COLUMN_IN, height_in=2.5)
    drawn: tuple[tuple[tuple[str, str, str, str], ...], ...] = (
        (("small", "small", BLUE, "o"), ("large", "large", VERMILION, "s")),
        (("largest", "", BLACK, "D"),),
        (("centres", "centres", BLUE, "o"), ("cells", "atoms in B2 cells", VERMILION, "s")),
    )
    labels = ("clusters", "centres of the largest cluster", "share of the sites (%)")
    for panel, series, label in zip(axes[0], drawn, labels, strict=True):
        for name, text, colour, marker in series:
            _draw_end(panel, case, name, {"label": text, "color": colour, "marker": marker})
        panel.set(xlabel="temperature (K)", ylabel=label, xlim=(0, 1.04 * case.temperature_K.max()))
        _from_zero(panel)
        if len(series) > 1:
            panel.set_ylim(0, 1.2 * panel.get_ylim()[1])
            panel.legend(loc="upper right")
    letter_panels(axes[0])
    top = case.temperature_K[case.strongest]
    return FigureProduct(
        name=f"{NAME}-{case.name}-temperature",
        title=f"Ordered clusters against temperature, {case.name}",
        caption=(
            f"{atoms_text(case)}, after {case.jumps[-1]:,} vacancy jumps at every temperature. (a) Number of "
            f"clusters ({_sizes_text(case)}). (b) Size of the largest. (c) Share of the sites that are "
            "centres, and of those whose atoms belong to the B2 cells around centres (the centre and its "
            f"neighbours of the other element). {DEFINITION}. {_errors(case)} Dashed, in the colour of the "
            f"points: mean over {len(case.chance_sizes)} random arrangements of the same atoms."
        ),
        alt=f"Clusters at the end against temperature; most centres at {top:g} K. {summary(case)}",
        figure=figure,
        table=NAME,
    )


def _draw_end(axes: Axes, case: ClusterCase, name: str, style: dict[str, Any]) -> None:
    values, factor = case.counts[name], _percent(name)
    errors = _bars(factor * values.error[:, -1])
    axes.errorbar(case.temperature_K, factor * values.mean[:, -1], errors, **style)
    chance = factor * case.chance_mean(name)
    axes.axhline(chance, color=style["color"], linestyle=(0, (4, 2)), linewidth=0.9, alpha=0.7, zorder=0)


def jumps_text(jumps: int) -> str:
    """``2.0 x 10^5`` as mathematical text."""
    if jumps < 1000:
        return str(jumps)
    exponent = len(str(jumps)) - 1
    return rf"${jumps / 10**exponent:.1f}\times10^{{{exponent}}}$"


def summary(case: ClusterCase) -> str:
    """Where most order is, and what has become of the small clusters."""
    t = case.strongest
    share, largest, small = (case.counts[name].mean[t] for name in ("centres", "largest", "small"))
    peak = int(small.argmax())
    return (
        f"{case.name}: most {case.pair_name} B2 centres at {case.temperature_K[t]:g} K, "
        f"{100 * share[-1]:.1f} % of the sites after {case.jumps[-1]:,} jumps (random: "
        f"{100 * case.chance_share:.1f} %). There the small clusters were most, {small[peak]:.3g}, after "
        f"{case.jumps[peak]:,} jumps, and are {small[-1]:.3g} at the end (random: "
        f"{case.chance_mean('small'):.3g}), the largest cluster has {largest[-1]:.4g} centres."
    )
