"""Figures of the jump randomness: distributions, mean and variance, and where in the cell it is large."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.products import FigureProduct
from analysis.randomness_states import (
    MAP_CELLS,
    NAME,
    Curves,
    FloatArray,
    Randomness,
    final_curves,
    initial_curves,
    initial_peak,
    map_sites,
)
from analysis.style import BLUE, DOUBLE_COLUMN_IN, VERMILION, letter_panels, new_figure, ramp
from nnk.observables.jump_randomness import BIN_EDGES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection

DEFINITION = (
    "R = 1 - sqrt((z sum p_i^2 - 1) / (z - 1)) with p_i the probability of jump i of a vacancy: 0 if one "
    "jump is always taken, 1 if all z are equally likely"
)
_LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
_BESIDE_IN = 1.7  # labels and colour bar of a map
_DIAMOND = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])  # what is nearest to a site of the slice, in a/2


def states_text(count: int, noun: str) -> str:
    """``the initial state`` or ``4 initial states``."""
    return f"the {noun}" if count == 1 else f"{count} {noun}s"


def temperatures_text(found: Randomness) -> str:
    """``400, 800 and 3000 K``."""
    *most, last = [f"{t:g}" for t in found.shown_K]
    return f"{', '.join(most)} and {last} K" if most else f"{last} K"


def randomness_figure(found: Randomness, summary: str) -> FigureProduct:
    """Distributions at the chosen temperatures; mean and variance against temperature."""
    figure, axes = new_figure(2, 2, width_in=DOUBLE_COLUMN_IN, height_in=4.9)
    _draw_densities(axes[0, 0], found, final=False)
    _draw_densities(axes[0, 1], found, final=True)
    top = max(panel.get_ylim()[1] for panel in axes[0])
    for panel in axes[0]:
        panel.set_ylim(0, top)
    initial, final = initial_curves(found), final_curves(found)
    _draw_variance(axes[1, 0], initial, final, initial_peak(found).value)
    _draw_curves(axes[1, 1], initial, final, "mean")
    axes[1, 1].set(ylabel=r"mean of $R$ over sites, $\langle R\rangle$", ylim=(0, 1))
    letter_panels(axes.ravel())
    return FigureProduct(
        name=f"{NAME}-{found.case}",
        title=f"Jump randomness and diffusion multiplicity, {found.case}",
        caption=_caption(found),
        alt=f"Histograms of R at {temperatures_text(found)}, its variance and its mean. {summary}",
        figure=figure,
        table=NAME,
    )


def _caption(found: Randomness) -> str:
    initial = states_text(len(found.initial), "initial state")
    band = " (band: standard error over them)" if len(found.initial) > 1 else ""
    return (
        f"{found.case}, {found.lattice.n_sites:,} sites. {DEFINITION}. The vacancy is put on "
        f"{'all' if found.sites == found.lattice.n_sites else f'{found.sites:,} randomly drawn'} sites of a "
        f"frozen state in turn. (a) Distribution of R over the sites of {initial}, at "
        f"{temperatures_text(found)}. (b) The same for the last states of the runs at these temperatures "
        f"({found.replicas_text}, {found.jumps_text} jumps). (c) Variance of R over sites, the diffusion "
        f"multiplicity, and (d) its mean against temperature. Line: initial states{band}; points: last "
        "states, each at its own temperature, with the standard error over replicas. Open diamond: largest "
        "variance of the initial states."
    )


def _draw_densities(axes: Axes, found: Randomness, *, final: bool) -> None:
    shown = found.shown_K
    density = found.final_density if final else found.initial_density
    for t, colour, line in zip(shown, ramp(len(shown)), _LINES, strict=False):
        axes.stairs(density(t), BIN_EDGES, color=colour, linestyle=line, linewidth=1.2, label=f"{t:g} K")
        axes.stairs(density(t), BIN_EDGES, color=colour, fill=True, alpha=0.12)
    axes.set(xlabel="jump randomness $R$", ylabel="probability density", xlim=(0, 1))
    axes.set_title("last states of the runs" if final else "initial states")
    axes.legend(loc="upper center", bbox_to_anchor=(0.42, 1.0))


def _draw_variance(axes: Axes, initial: Curves, final: Curves, peak_K: float) -> None:
    _draw_curves(axes, initial, final, "variance")
    height = np.interp(peak_K, initial.temperature_K, initial.variance.mean)
    axes.plot(peak_K, height, "D", color=BLUE, markerfacecolor="white", markersize=5)
    axes.set(ylabel="diffusion multiplicity Var($R$)", ylim=(0, None))


def _draw_curves(axes: Axes, initial: Curves, final: Curves, which: str) -> None:
    line, points = getattr(initial, which), getattr(final, which)
    axes.plot(initial.temperature_K, line.mean, color=BLUE, label="initial states")
    if np.isfinite(line.error).all():
        low, high = line.mean - line.error, line.mean + line.error
        axes.fill_between(initial.temperature_K, low, high, color=BLUE, alpha=0.25, linewidth=0)
    bars = None if np.isnan(points.error).all() else np.nan_to_num(points.error)
    axes.errorbar(
        final.temperature_K, points.mean, bars, fmt="s", color=VERMILION, label="last states of the runs"
    )
    axes.set(xlabel="temperature (K)", xlim=(0, 1.03 * float(initial.temperature_K.max())))
    axes.legend(loc="lower right")


def map_figure(found: Randomness) -> FigureProduct:
    """A slice through one run's cell at each chosen temperature, coloured by R: first and last state."""
    shown = [found.at(t)[0] for t in found.shown_K]
    width_in = min(DOUBLE_COLUMN_IN, _BESIDE_IN + 2.1 * len(shown))
    side_in = (width_in - _BESIDE_IN) / len(shown)
    figure, axes = new_figure(2, len(shown), width_in=width_in, height_in=0.6 + 2 * side_in)
    for column, run in enumerate(shown):
        for row, values in enumerate((run.map_initial, run.map_final)):
            colours = _draw_map(axes[row, column], found, values)
        axes[0, column].set_title(f"{run.file.temperature_K:g} K")
        axes[1, column].set_xlabel("$x$ ($a$)")
    for row, text in enumerate(("initial state", "last state")):
        axes[row, 0].set_ylabel(f"{text}\n$y$ ($a$)")
    figure.colorbar(colours, ax=axes, label="jump randomness $R$", shrink=0.7, aspect=30)
    letter_panels(axes.ravel())
    layers = "the two atomic layers z = 0 and a/2" if found.lattice.structure == "bcc" else "the layer z = 0"
    part = " (a part of it)" if max(found.lattice.cells[:2]) > MAP_CELLS else ""
    return FigureProduct(
        name=f"{NAME}-{found.case}-map",
        title=f"Where jumps are random, {found.case}",
        caption=(
            f"R of a vacancy on each site of {layers} of the cell{part}, a the lattice parameter, at "
            f"{temperatures_text(found)}: in the initial state of a run (upper row) and in its last, after "
            f"{found.jumps_text} jumps at that temperature (lower row). Replica "
            f"{shown[0].file.replica}. {DEFINITION}."
        ),
        alt=f"Maps of squares coloured by R. {_map_words(found)}",
        figure=figure,
        table=f"{NAME}-map",
    )


def _map_words(found: Randomness) -> str:
    parts = []
    for t in found.shown_K:
        run = found.at(t)[0]
        parts.append(
            f"At {t:g} K R is {run.map_initial.mean():.2f} ± {run.map_initial.std():.2f} in the initial and "
            f"{run.map_final.mean():.2f} ± {run.map_final.std():.2f} in the last state (mean and spread)."
        )
    return " ".join(parts)


def _draw_map(axes: Axes, found: Randomness, values: FloatArray) -> PolyCollection:
    from matplotlib.collections import PolyCollection

    centres = found.lattice.coordinates[map_sites(found.lattice)][:, :2]
    tiles = 0.5 * (centres[:, None, :] + _DIAMOND)
    drawn = PolyCollection(
        list(tiles), array=values, cmap="viridis", clim=(0, 1), edgecolors="face", linewidths=0.2
    )
    axes.add_collection(drawn)
    low, high = tiles.min(axis=(0, 1)), tiles.max(axis=(0, 1))
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    for side in axes.spines.values():
        side.set_visible(False)
    return drawn
