"""Ternary diagrams of mean and width of the barrier spectra, and their cuts along the binary alloys."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.maps_points import AXES, Plane, Point, name_of
from analysis.products import FigureProduct
from analysis.style import DOUBLE_COLUMN_IN, letter_panels, new_figure, series_style
from analysis.ternary import draw_frame, places

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "maps"
MEASURES = (
    ("mean_eV", "mean barrier (eV)", "viridis"),
    ("std_eV", "standard deviation (eV)", "cividis"),
)
LEVELS = 20
ALL = 0  # of the spectra of a point: all jumps together
PANELS_IN_A_ROW = 3

Elements = tuple[str, ...]


def map_figures(
    plane: Plane | None, elements: Elements, network: Sequence[Point], labels: Sequence[Point]
) -> tuple[FigureProduct, ...]:
    """Diagrams of all jumps and of those of each element; none for a binary alloy or too few compositions."""
    if plane is None:
        return ()
    drawn = [point for point in network or labels if plane.holds(point)]
    marked = [point for point in labels if plane.holds(point)]
    if not _fill_a_plane(plane, drawn):
        return ()
    return (
        _overall(plane, elements, drawn, marked),
        _by_species(plane, elements, drawn, marked),
    )


def _fill_a_plane(plane: Plane, points: Sequence[Point]) -> bool:
    contents = plane.percents(points)[:2] if points else np.empty((2, 0))
    return contents.shape[1] >= AXES and np.linalg.matrix_rank(contents - contents[:, :1]) == 2


def _overall(
    plane: Plane, elements: Elements, drawn: Sequence[Point], marked: Sequence[Point]
) -> FigureProduct:
    figure, axes = new_figure(1, 2, width_in=DOUBLE_COLUMN_IN, height_in=2.9)
    for panel, (which, text, colours) in zip(axes[0], MEASURES, strict=True):
        levels = _levels([drawn, marked], which, [ALL])
        image = _draw(panel, plane, [drawn, marked], (which, ALL), levels, colours)
        figure.colorbar(image, ax=panel, label=text, shrink=0.75, pad=0.1)
        top = max(drawn, key=lambda point: getattr(point.spectra[ALL], which))
        _star(panel, plane, top, f"{name_of(top, elements)}\n{getattr(top.spectra[ALL], which):.3f} eV")
        _label_axes(panel, plane, elements, size=8)
    letter_panels(axes[0])
    top = max(drawn, key=lambda point: point.spectra[ALL].mean_eV)
    widest = max(drawn, key=lambda point: point.spectra[ALL].std_eV)
    return FigureProduct(
        name=NAME,
        title="Mean and width of the barrier spectra over compositions",
        caption=(
            "(a) Mean and (b) standard deviation of the barriers of all jumps of a vacancy in random solid "
            f"solutions{_cut(plane, elements)}, {_source(drawn)}; star: the largest value. "
            f"{_errors(drawn)}{_circles(drawn, marked)}"
        ),
        alt=(
            f"Two ternary diagrams of {', '.join(elements[e] for e in plane.axes)}. The mean is largest in "
            f"{name_of(top, elements)}, {top.spectra[ALL].mean_eV:.2f} eV, the standard deviation in "
            f"{name_of(widest, elements)}, {widest.spectra[ALL].std_eV:.2f} eV."
        ),
        figure=figure,
        table=NAME,
    )


def _by_species(
    plane: Plane, elements: Elements, drawn: Sequence[Point], marked: Sequence[Point]
) -> FigureProduct:
    figure, axes = new_figure(
        2, len(elements), width_in=DOUBLE_COLUMN_IN, height_in=0.6 + 10.2 / len(elements)
    )
    species = range(1, len(elements) + 1)
    for row, (which, text, colours) in zip(axes, MEASURES, strict=True):
        levels = _levels([drawn, marked], which, species)
        for panel, s in zip(row, species, strict=True):
            image = _draw(panel, plane, [drawn, marked], (which, s), levels, colours)
            _say(panel, f"{elements[s - 1]}\nmoves")
            _label_axes(panel, plane, elements, size=7)
        figure.colorbar(image, ax=list(row), label=text, shrink=0.7, pad=0.02)
    letter_panels(axes.ravel())
    return FigureProduct(
        name=f"{NAME}-species",
        title="Mean and width of the barrier spectra over compositions, per moving species",
        caption=(
            "Upper row: mean, lower row: standard deviation of the barriers, by the atom that jumps, in "
            f"random solid solutions{_cut(plane, elements)}, {_source(drawn)}. White: the element is "
            "absent, as far as the first step. "
            f"{_errors(drawn)}{_circles(drawn, marked)}"
        ),
        alt=f"Ternary diagrams, two rows, one column for each moving element, {', '.join(elements)}.",
        figure=figure,
        table=NAME,
    )


def _cut(plane: Plane, elements: Elements) -> str:
    if not plane.fixed:
        return ""
    contents = ", ".join(f"{100 * x:.3g} at.% {elements[e]}" for e, x in plane.fixed.items())
    return f" with {contents}"


def _source(drawn: Sequence[Point]) -> str:
    if drawn[0].source == "labels":
        return f"interpolated between the labels of {len(drawn)} compositions"
    return f"predicted by the network {drawn[0].source} at {len(drawn)} compositions"


def _errors(drawn: Sequence[Point]) -> str:
    errors = [
        np.nanmax([getattr(p.spectra[ALL], which) for p in drawn]) for which in ("error_eV", "std_error_eV")
    ]
    if not np.isfinite(errors).all():
        return ""
    over = "vacancies" if drawn[0].source == "labels" else "random cells"
    return (
        f"Standard errors, over {over}: at most {1000 * errors[0]:.2g} meV of a mean and "
        f"{1000 * errors[1]:.2g} meV of a standard deviation, all jumps together. "
    )


def _circles(drawn: Sequence[Point], marked: Sequence[Point]) -> str:
    if not marked:
        return ""
    if drawn[0].source == "labels":
        return "Circles: the compositions of the labels."
    return f"Circles: the labels of {len(marked)} compositions, in the same colours."


def _values(points: Sequence[Point], which: str, species: int) -> NDArray[np.float64]:
    return np.array([getattr(point.spectra[species], which) for point in points], dtype=np.float64)


def _levels(sets: Sequence[Sequence[Point]], which: str, species: Sequence[int]) -> NDArray[np.float64]:
    """Levels, at round values, that hold everything that is drawn with them."""
    from matplotlib.ticker import MaxNLocator

    values = np.concatenate([_values(points, which, s) for points in sets for s in species])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return np.asarray(MaxNLocator(LEVELS, steps=[1, 2, 2.5, 5, 10]).tick_values(low, max(high, low + 1e-3)))


def _draw(
    panel: Axes,
    plane: Plane,
    sets: Sequence[Sequence[Point]],
    what: tuple[str, int],
    levels: NDArray[np.float64],
    colours: str,
) -> Any:
    """Filled contours of the first set, circles of the second. Returns what a colour bar needs."""
    drawn, marked = sets
    values = _values(drawn, *what)
    known = np.isfinite(values)
    x, y = places(plane.percents(drawn)[:, known])
    image = panel.tricontourf(x, y, values[known], levels=levels, cmap=colours)
    panel.tricontour(x, y, values[known], levels=levels, colors="white", linewidths=0.4)
    inside = _values(marked, *what)
    if np.isfinite(inside).any():
        x, y = places(plane.percents(marked)[:, np.isfinite(inside)])
        panel.scatter(
            x,
            y,
            c=inside[np.isfinite(inside)],
            cmap=colours,
            vmin=levels[0],
            vmax=levels[-1],
            s=9,
            edgecolors="white",
            linewidths=0.5,
            zorder=5,
            clip_on=False,
        )
    return image


def _star(panel: Axes, plane: Plane, point: Point, text: str) -> None:
    place = places(plane.percents([point]))
    style: Any = {"marker": "*", "color": "white", "markeredgecolor": "black", "markersize": 9}
    panel.plot(*place, **style, zorder=6, clip_on=False)
    _say(panel, f"largest:\n{text}")


def _say(panel: Axes, text: str) -> None:
    """Text in the free corner to the right of the triangle's top."""
    panel.text(0.8, 1.0, text, transform=panel.transAxes, ha="left", va="top", fontsize=7.5)


def _label_axes(panel: Axes, plane: Plane, elements: Elements, *, size: float) -> None:
    draw_frame(panel, [f"{elements[e]} (at.%)" for e in plane.axes], 100 * plane.rest, size=size)


def binaries_figure(elements: Elements, network: Sequence[Point], labels: Sequence[Point]) -> FigureProduct:
    """Mean and width along every binary alloy."""
    pairs = list(combinations(range(len(elements)), 2))
    columns = min(PANELS_IN_A_ROW, len(pairs))
    rows = -(-len(pairs) // columns)
    figure, axes = new_figure(2 * rows, columns, width_in=DOUBLE_COLUMN_IN, height_in=0.6 + 3.2 * rows)
    for number, pair in enumerate(pairs):
        row, column = divmod(number, columns)
        panels = list(axes[2 * row : 2 * row + 2, column])
        _draw_binary(panels, elements, pair, _of_pair(network, pair), _of_pair(labels, pair))
    for first in (0, 1):
        _same_range(list(axes[first::2].ravel()))
    _common_legend(figure, list(axes[0]))
    letter_panels(axes.ravel())
    return FigureProduct(
        name=f"{NAME}-binaries",
        title="Mean and width of the barrier spectra along the binary alloys",
        caption=(
            "Mean and standard deviation of the barriers in random binary alloys, of all jumps and by the "
            f"atom that jumps, predicted by the network {network[0].source}. Error bars: standard error over "
            "random cells, mostly smaller than the symbols. Open symbols: labels, where there are any."
        ),
        alt="Mean and standard deviation against content, one column for each pair of elements.",
        figure=figure,
        table=NAME,
    )


def _same_range(panels: Sequence[Axes]) -> None:
    limits = np.array([panel.get_ylim() for panel in panels])
    for panel in panels:
        panel.set_ylim(limits[:, 0].min(), limits[:, 1].max())


def _common_legend(figure: Figure, panels: Sequence[Axes]) -> None:
    """One legend for all panels, each text once."""
    found = [zip(*panel.get_legend_handles_labels(), strict=True) for panel in panels]
    by_text = {text: handle for pairs in found for handle, text in pairs}
    figure.legend(list(by_text.values()), list(by_text), loc="outside upper center", ncols=len(by_text))


def _of_pair(points: Sequence[Point], pair: tuple[int, int]) -> list[Point]:
    """Points with these two elements alone, by the content of the second."""
    found = [p for p in points if abs(sum(p.fractions[e] for e in pair) - 1) < 1e-6]
    return sorted(found, key=lambda p: p.fractions[pair[1]])


def _draw_binary(
    panels: Sequence[Axes],
    elements: Elements,
    pair: tuple[int, int],
    network: Sequence[Point],
    labels: Sequence[Point],
) -> None:
    for panel, (which, text, _) in zip(panels, MEASURES, strict=True):
        error = {"mean_eV": "error_eV", "std_eV": "std_error_eV"}[which]
        for species in (ALL, *(e + 1 for e in pair)):
            style = series_style(species - 1) if species else {"color": "black", "marker": "."}
            name = f"{elements[species - 1]} moves" if species else "all jumps"
            for points, fill in ((network, style["color"]), (labels, "white")):
                if not points:
                    continue
                x = [p.percent(pair[1]) for p in points]
                panel.errorbar(
                    x,
                    _values(points, which, species),
                    np.nan_to_num(_values(points, error, species)),
                    **style,
                    markersize=3,
                    linestyle="-" if fill != "white" else "none",
                    markerfacecolor=fill,
                    linewidth=0.8,
                    label=name if fill != "white" else None,
                )
        panel.set(xlabel=f"{elements[pair[1]]} in {elements[pair[0]]} (at.%)", ylabel=text, xlim=(-3, 103))
