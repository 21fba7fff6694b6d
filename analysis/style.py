"""How every figure looks: sizes of a paper's columns, colours told apart by colour-blind readers, files.

Colours are those of Okabe and Ito (2008). No meaning is carried by colour alone: series also differ in their
markers, and element and temperature are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SINGLE_COLUMN_IN = 3.5
DOUBLE_COLUMN_IN = 7.2
PNG_DPI = 200

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, YELLOW, BLACK, GREY = "#E69F00", "#56B4E9", "#F0E442", "#000000", "#767676"

SERIES_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
SERIES_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "mathtext.fontset": "dejavusans",
    "axes.labelsize": 8.0,
    "axes.titlesize": 8.0,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": True,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "legend.borderaxespad": 0.3,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.6,
    "errorbar.capsize": 2.0,
    "figure.dpi": 100.0,
    "savefig.dpi": PNG_DPI,
    "pdf.fonttype": 42,  # text stays text
    "svg.hashsalt": "nnk",
}


@contextmanager
def paper_style() -> Iterator[None]:
    """The style of every figure, for the time of the block; draws into files only, never on a screen."""
    import matplotlib

    matplotlib.use("Agg")
    with matplotlib.rc_context(RC):
        yield


def new_figure(
    rows: int = 1,
    columns: int = 1,
    *,
    width_in: float = SINGLE_COLUMN_IN,
    height_in: float = 2.6,
    share_x: bool = False,
    share_y: bool = False,
) -> tuple[Figure, np.ndarray]:
    """A figure and its axes as an array [rows, columns]; no state outside the figure is touched."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=share_x, sharey=share_y)
    return figure, axes


def series_style(index: int) -> dict[str, Any]:
    """Colour and marker of the index-th series."""
    return {
        "color": SERIES_COLOURS[index % len(SERIES_COLOURS)],
        "marker": SERIES_MARKERS[(index + index // len(SERIES_COLOURS)) % len(SERIES_MARKERS)],
    }


def ramp(count: int) -> list[tuple[float, float, float, float]]:
    """`count` colours of an ordered quantity, dark to light, all visible on white."""
    import matplotlib

    return [matplotlib.colormaps["viridis"](x) for x in np.linspace(0.0, 0.88, max(count, 1))]


def panel_letter(axes: Axes, letter: str) -> None:
    """A bold letter at the upper left outside corner of a panel."""
    axes.annotate(
        letter,
        xy=(0, 1),
        xycoords="axes fraction",
        xytext=(-4, 5),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontweight="bold",
        fontsize=9,
        annotation_clip=False,
    )


def letter_panels(axes: Iterable[Axes]) -> None:
    """Letters a, b, c ... on panels in their order."""
    for letter, panel in zip("abcdefghijklmnop", axes, strict=False):
        panel_letter(panel, letter)


def zero_line(axes: Axes) -> None:
    """A thin grey line at y = 0."""
    axes.axhline(0.0, color=GREY, linewidth=0.6, zorder=0)


def rendered(figure: Figure) -> dict[str, bytes]:
    """The figure as PDF and PNG, by suffix; the same figure gives the same bytes at any time."""
    without_date: dict[str, Any] = {
        ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        ".png": {"Software": None},
    }
    files = {}
    with paper_style():  # type of fonts and resolution are settings of the moment of writing
        for suffix, metadata in without_date.items():
            buffer = BytesIO()
            figure.savefig(buffer, format=suffix[1:], metadata=metadata)
            files[suffix] = buffer.getvalue()
    return files
