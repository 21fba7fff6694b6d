"""Chemical order of pairs against temperature and against the number of jumps."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.command import run_analysis
from analysis.inputs import Inputs
from analysis.products import FigureProduct, Number, Product, TableProduct
from analysis.runs import Case, Run, read_cases
from analysis.style import (
    DOUBLE_COLUMN_IN,
    letter_panels,
    new_figure,
    paper_style,
    ramp,
    series_style,
    zero_line,
)
from nnk.observables.pair_order import coordination, neighbour_numbers, pair_parameter, warren_cowley
from nnk.observables.statistics import Estimate, mean_and_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "order"
JUMP_SERIES = 5  # numbers of jumps drawn against temperature
FEW_TEMPERATURES = 8
NORMALISATION = (
    "δ_ab = N_ab − N_0,ab with N_ab the mean number of b among the neighbours of an a atom (per a atom) "
    "and N_0,ab its mean over random arrangements"
)


@dataclass(frozen=True)
class Order:
    """Order parameters of one case.

    Attributes:
        case: its runs.
        temperature_K: float64[n_T].
        jumps: int64[n_frames].
        neighbours, delta, alpha: float64[n_T, n_frames, shells, n, n], mean and error over replicas.
    """

    case: Case
    temperature_K: NDArray[np.float64]
    jumps: NDArray[np.int64]
    neighbours: Estimate
    delta: Estimate
    alpha: Estimate

    @property
    def elements(self) -> tuple[str, ...]:
        """Names of the species."""
        return self.case.first.elements

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Pairs of species, numbered from 0, the first not after the second; absent species left out."""
        present = [i for i, count in enumerate(self.case.first.numbers) if count]
        return [(a, b) for a in present for b in present if a <= b]

    def pair_name(self, pair: tuple[int, int]) -> str:
        """``Mo-Ta``."""
        return f"{self.elements[pair[0]]}-{self.elements[pair[1]]}"

    @property
    def leading(self) -> tuple[int, int]:
        """The unlike pair with the highest first-shell delta at the end of any run; a like pair if alone."""
        unlike = [pair for pair in self.pairs if pair[0] != pair[1]] or self.pairs
        return max(unlike, key=lambda pair: float(self.delta.mean[:, -1, 0, pair[0], pair[1]].max()))


def analyse(inputs: Inputs) -> Product:
    """Order parameters of every case."""
    orders = [_order(case) for case in read_cases(inputs)]
    with paper_style():
        figures = tuple(figure for order in orders for figure in _figures(order))
    return Product(
        name=NAME,
        title="Chemical order",
        summary=" ".join(_summary(order) for order in orders),
        figures=figures,
        tables=(_final_table(orders), _jumps_table(orders)),
        numbers=tuple(number for order in orders for number in _numbers(order)),
        settings={"normalisation": NORMALISATION, "neighbour shells": orders[0].case.first.shells},
        warnings=tuple(text for order in orders for text in _warnings(order)),
    )


def _order(case: Case) -> Order:
    per_temperature = [case.at(t) for t in case.temperatures_K]
    estimates = []
    for parameter in (_neighbours, _delta, _alpha):
        found = [mean_and_error([parameter(run) for run in runs]) for runs in per_temperature]
        estimates.append(Estimate(*(np.stack(column) for column in zip(*found, strict=True))))
    return Order(case, np.array(case.temperatures_K), case.first.jumps, *estimates)


def _neighbours(run: Run) -> NDArray[np.float64]:
    return neighbour_numbers(run.pair_counts, run.numbers)


def _delta(run: Run) -> NDArray[np.float64]:
    z = coordination(run.lattice.structure, run.shells)
    return pair_parameter(run.pair_counts, run.numbers, run.lattice.n_sites, z)


def _alpha(run: Run) -> NDArray[np.float64]:
    z = coordination(run.lattice.structure, run.shells)
    return warren_cowley(run.pair_counts, run.numbers, run.lattice.n_sites, z)


def _warnings(order: Order) -> list[str]:
    name = order.case.name
    found = []
    if all(len(order.case.at(t)) == 1 for t in order.case.temperatures_K):
        found.append(f"{name}: one replica per temperature, so there are no error bars.")
    return found


def _figures(order: Order) -> list[FigureProduct]:
    return [_against_temperature(order), _shells(order), _against_jumps(order)]


def _temperature_axis(axes: Axes, order: Order) -> None:
    axes.set(xlabel="temperature (K)", xlim=(0, 1.04 * order.temperature_K.max()))
    zero_line(axes)


def _errors(order: Order) -> str:
    if all(len(order.case.at(t)) == 1 for t in order.case.temperatures_K):
        return "One replica per temperature."
    return f"Points and error bars: mean and standard error over {order.case.replicas_text}."


def _atoms(order: Order) -> str:
    run = order.case.first
    return f"{order.case.name}, {run.lattice.n_sites:,} sites, one vacancy"


def _against_temperature(order: Order) -> FigureProduct:
    figure, axes = new_figure(1, 2, width_in=DOUBLE_COLUMN_IN, height_in=2.9)
    _draw_pairs(axes[0, 0], order, order.delta, shell=0)
    axes[0, 0].set_ylabel(r"pair parameter $\delta_{ab}$, shell 1 (per $a$ atom)")
    axes[0, 0].set_title(f"after {order.jumps[-1]:,} jumps")
    _draw_jump_series(axes[0, 1], order)
    for panel in axes[0]:
        _temperature_axis(panel, order)
        panel.legend(loc="lower left", bbox_to_anchor=(1.0, 0.1), handlelength=1.2)
    letter_panels(axes[0])
    lead = order.pair_name(order.leading)
    name = f"{NAME}-{order.case.name}"
    return FigureProduct(
        name=name,
        title=f"Chemical order against temperature, {order.case.name}",
        caption=(
            f"{_atoms(order)}. (a) First-shell pair parameters of all pairs a-b after {order.jumps[-1]:,} "
            f"vacancy jumps at every temperature. (b) {lead} after increasing numbers of jumps. "
            f"{NORMALISATION}; positive: favoured. {_errors(order)}"
        ),
        alt=f"Order parameters against temperature. {_summary(order)}",
        figure=figure,
        table=NAME,
    )


def _draw_pairs(axes: Axes, order: Order, parameter: Estimate, shell: int) -> None:
    for i, (a, b) in enumerate(order.pairs):
        axes.errorbar(
            order.temperature_K,
            parameter.mean[:, -1, shell, a, b],
            _bars(parameter.error[:, -1, shell, a, b]),
            label=order.pair_name((a, b)),
            **series_style(i),
        )


def _bars(errors: NDArray[np.float64]) -> NDArray[np.float64] | None:
    return None if np.isnan(errors).all() else np.nan_to_num(errors)


def _draw_jump_series(axes: Axes, order: Order) -> None:
    a, b = order.leading
    frames = _series_frames(order.jumps)
    for i, (frame, colour) in enumerate(zip(frames, ramp(len(frames)), strict=True)):
        style = {**series_style(i), "color": colour}
        axes.errorbar(
            order.temperature_K,
            order.delta.mean[:, frame, 0, a, b],
            _bars(order.delta.error[:, frame, 0, a, b]),
            label=_power(int(order.jumps[frame])),
            **style,
        )
    name = order.pair_name((a, b))
    axes.set_ylabel(rf"$\delta_\mathrm{{{name.replace('-', '')}}}$, shell 1 (per {order.elements[a]} atom)")
    axes.set_title(f"{name}, by number of jumps")


def _series_frames(jumps: NDArray[np.int64]) -> list[int]:
    """Key frames about evenly spread over the logarithm of the jumps, down to 1/1000 of the last."""
    wanted = np.geomspace(max(jumps[-1] / 1000, 1), jumps[-1], JUMP_SERIES)
    started = np.flatnonzero(jumps > 0)
    nearest = [started[np.abs(np.log(jumps[started] / w)).argmin()] for w in wanted]
    return sorted({int(frame) for frame in nearest})


def _power(count: int) -> str:
    """``2.0 x 10^5`` as mathematical text."""
    exponent = len(str(count)) - 1
    return rf"${count / 10**exponent:.1f}\times10^{{{exponent}}}$"


def _shells(order: Order) -> FigureProduct:
    shells = order.case.first.shells
    figure, axes = new_figure(1, shells, width_in=DOUBLE_COLUMN_IN, height_in=2.8, share_y=True)
    for shell, panel in enumerate(axes[0]):
        _draw_pairs(panel, order, order.alpha, shell)
        _temperature_axis(panel, order)
        panel.set_title(f"shell {shell + 1}")
    axes[0, 0].set_ylabel(r"Warren-Cowley $\alpha_{ab}$")
    handles, texts = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center", ncols=len(handles))
    letter_panels(axes[0])
    return FigureProduct(
        name=f"{NAME}-{order.case.name}-shells",
        title=f"Warren-Cowley parameters of the first shells, {order.case.name}",
        caption=(
            f"{_atoms(order)}, after {order.jumps[-1]:,} vacancy jumps at every temperature. α_ab = "
            "1 - N_ab / N_0,ab: negative: favoured, 0: random, 1: no such neighbours. " + _errors(order)
        ),
        alt=f"{shells} panels, one per neighbour shell, of the Warren-Cowley parameters against temperature.",
        figure=figure,
        table=NAME,
    )


def _against_jumps(order: Order) -> FigureProduct:
    pairs = order.pairs
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    figure, axes = new_figure(
        rows, columns, width_in=DOUBLE_COLUMN_IN, height_in=0.6 + 1.9 * rows, share_x=True
    )
    panels = axes.ravel()
    for panel, pair in zip(panels, pairs, strict=False):
        _draw_growth(panel, order, pair)
    for panel in panels[len(pairs) :]:
        panel.set_axis_off()
    figure.supxlabel("vacancy jumps", fontsize=8)
    figure.supylabel(r"pair parameter $\delta_{ab}$, shell 1 (per $a$ atom)", fontsize=8)
    _temperature_key(figure, panels, order)
    letter_panels(panels[: len(pairs)])
    lines = "Lines and bands: mean and standard error" if _few(order) else "Lines: mean"
    return FigureProduct(
        name=f"{NAME}-{order.case.name}-jumps",
        title=f"Growth of chemical order with the number of jumps, {order.case.name}",
        caption=(
            f"{_atoms(order)}. First-shell pair parameters at the key frames, one line per temperature. "
            f"{NORMALISATION}. {lines} over {order.case.replicas_text}."
        ),
        alt=f"{len(pairs)} panels, one per pair, of the pair parameter against the number of jumps.",
        figure=figure,
        table=f"{NAME}-jumps",
    )


def _draw_growth(axes: Axes, order: Order, pair: tuple[int, int]) -> None:
    a, b = pair
    shown = order.jumps > 0
    for t, colour in enumerate(ramp(len(order.temperature_K))):
        mean, error = order.delta.mean[t, shown, 0, a, b], order.delta.error[t, shown, 0, a, b]
        axes.plot(order.jumps[shown], mean, color=colour)
        if _few(order):
            band = (mean - error, mean + error)
            axes.fill_between(order.jumps[shown], *band, color=colour, alpha=0.2, linewidth=0)
    axes.set(xscale="log", title=order.pair_name(pair))
    zero_line(axes)


def _few(order: Order) -> bool:
    """Few enough temperatures to tell their bands and legend entries apart."""
    return len(order.temperature_K) <= FEW_TEMPERATURES


def _temperature_key(figure: Figure, panels: NDArray[Any], order: Order) -> None:
    """Which colour is which temperature: a legend for few of them, a bar for many."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.lines import Line2D

    temperatures = order.temperature_K
    colours = ramp(len(temperatures))
    if _few(order):
        handles = [Line2D([], [], color=colour) for colour in colours]
        figure.legend(
            handles, [f"{t:g} K" for t in temperatures], loc="outside upper center", ncols=FEW_TEMPERATURES
        )
        return
    norm = BoundaryNorm(np.arange(len(temperatures) + 1) - 0.5, len(temperatures))
    bar = figure.colorbar(ScalarMappable(norm, ListedColormap(colours)), ax=list(panels), aspect=40)
    bar.set_ticks(range(len(temperatures)), labels=[f"{t:g}" for t in temperatures])
    bar.ax.tick_params(labelsize=6, length=0)
    bar.set_label("temperature (K)")


def _summary(order: Order) -> str:
    a, b = order.leading
    delta = order.delta.mean[:, -1, 0, a, b]
    top = int(delta.argmax())
    return (
        f"{order.case.name}: the favoured pair is {order.pair_name((a, b))}, strongest at "
        f"{order.temperature_K[top]:g} K (δ = {delta[top]:.2f} per {order.elements[a]} atom, α = "
        f"{order.alpha.mean[top, -1, 0, a, b]:.2f}) after {order.jumps[-1]:,} jumps."
    )


def _final_table(orders: Sequence[Order]) -> TableProduct:
    rows: list[list[Any]] = []
    for order in orders:
        n = len(order.elements)
        for t, temperature_K in enumerate(order.temperature_K):
            for shell, a, b in np.ndindex(order.case.first.shells, n, n):
                place = (t, -1, shell, a, b)
                rows.append(
                    [
                        *(order.case.name, float(temperature_K), int(order.jumps[-1])),
                        *(int(order.delta.n[place]), shell + 1, order.elements[a], order.elements[b]),
                        *(float(order.neighbours.mean[place]), float(order.delta.mean[place])),
                        *(float(order.delta.error[place]), float(order.alpha.mean[place])),
                        float(order.alpha.error[place]),
                    ]
                )
    columns = {
        **_place_columns(),
        "shell": "neighbour shell, 1: nearest",
        "a": "element of the central atom",
        "b": "element of the neighbour",
        "N_ab": "mean number of b atoms in the shell of an a atom",
        "delta_ab": "N_ab minus its mean over random arrangements, per a atom",
        "delta_ab_error": "standard error over replicas",
        "alpha_ab": "Warren-Cowley parameter",
        "alpha_ab_error": "standard error over replicas",
    }
    return TableProduct(NAME, "Order parameters at the end of the runs", columns, rows)


def _place_columns() -> dict[str, str]:
    return {
        "case": "composition or start of the runs",
        "temperature_K": "temperature, K",
        "jumps": "vacancy jumps since the start",
        "replicas": "number of runs",
    }


def _jumps_table(orders: Sequence[Order]) -> TableProduct:
    rows: list[list[Any]] = []
    for order in orders:
        for t, f in np.ndindex(len(order.temperature_K), len(order.jumps)):
            for a, b in order.pairs:
                place = (t, f, 0, a, b)
                rows.append(
                    [
                        *(order.case.name, float(order.temperature_K[t]), int(order.jumps[f])),
                        *(int(order.delta.n[place]), order.elements[a], order.elements[b]),
                        *(float(order.delta.mean[place]), float(order.delta.error[place])),
                    ]
                )
    columns = {
        **_place_columns(),
        "a": "element of the central atom",
        "b": "element of the neighbour",
        "delta_ab": "first-shell N_ab minus its mean over random arrangements, per a atom",
        "delta_ab_error": "standard error over replicas",
    }
    return TableProduct(f"{NAME}-jumps", "First-shell order along the runs", columns, rows)


def _numbers(order: Order) -> list[Number]:
    """The favoured pair where it is strongest."""
    a, b = order.leading
    top = int(order.delta.mean[:, -1, 0, a, b].argmax())
    place = (top, -1, 0, a, b)
    where = f"{order.case.name}: {order.pair_name((a, b))}, shell 1, strongest"
    found = [Number(f"{where} at", float(order.temperature_K[top]), "K", NAME)]
    for text, unit, values in (
        ("δ there", f"per {order.elements[a]} atom", order.delta),
        ("Warren-Cowley α there", "1", order.alpha),
    ):
        error, count = float(values.error[place]), int(values.n[place])
        shown = None if np.isnan(error) else error
        found.append(Number(f"{where}: {text}", float(values.mean[place]), unit, NAME, shown, count))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.order WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
