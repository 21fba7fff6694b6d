"""The drawing in docs/representations.md: `python docs/frames.py` writes docs/figures/frames.png."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch
from numpy.typing import NDArray

from analysis.style import BLUE, GREEN, GREY, VERMILION, letter_panels, new_figure, paper_style, rendered
from nnk.density_grid import DensityGrid, jump_axes, map_positions_A
from nnk.density_map import density_maps
from nnk.environment import EnvironmentSpec

A_A = 3.24
SHELLS = 8
GRID = DensityGrid()
IN_PLANE = 1e-9
_ABOVE = {"zorder": 5}


def seen(points: NDArray) -> NDArray:
    """Oblique projection of points [..., 3]: x to the front left, y to the right, z up."""
    return np.asarray(points) @ np.array([[-0.42, -0.30], [1.0, -0.06], [0.0, 1.0]])


def arrow(
    axes: Axes, start: NDArray, end: NDArray, colour: str, *, bend: float = 0.0, shrink: float = 4
) -> None:
    """An arrow, curved if `bend`."""
    shape: Any = {"connectionstyle": f"arc3,rad={bend}", "arrowstyle": "-|>", "mutation_scale": 8}
    axes.add_patch(FancyArrowPatch(start, end, color=colour, shrinkA=shrink, shrinkB=shrink, **shape))


def label(axes: Axes, text: str, place: NDArray, shift: tuple[float, float], **style: Any) -> None:
    """Text beside a place."""
    axes.annotate(text, place + np.array(shift), **{"ha": "left", "va": "center", "fontsize": 7, **style})


def draw_turn(axes: Axes) -> None:
    """A jump turned onto [111]: about z, then mirrored."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    for i, p in enumerate(corners):
        for q in corners[i + 1 :]:
            if abs(p - q).sum() == 2:
                axes.plot(*seen(np.array([p, q])).T, color="0.75", linewidth=0.8, zorder=0)
    jump, turned, mirrored = np.array([[1, -1, -1], [1, 1, -1], [1, 1, 1]])
    axes.plot(*seen(corners).T, "o", color="0.6", markersize=6)
    axes.plot(*seen(np.zeros(3)), "s", color="black", markerfacecolor="white", markersize=7, **_ABOVE)
    for place, colour in ((jump, VERMILION), (mirrored, BLUE)):
        arrow(axes, seen(np.zeros(3)), seen(place), colour)
        axes.plot(*seen(place), "o", color=colour, markersize=8, **_ABOVE)
    arrow(axes, seen(jump), seen(turned), GREY, bend=0.35)
    arrow(axes, seen(turned), seen(mirrored), GREY, bend=0.35)
    label(axes, "turn about z", seen(np.array([1.6, 0.0, -1.35])), (0, 0), va="top", ha="center")
    label(axes, "mirror\nz → −z", seen(turned), (0.42, 0.95))
    label(axes, "a jump", seen(jump), (-0.12, -0.12), ha="right", va="top", color=VERMILION)
    label(axes, "[111]", seen(mirrored), (0.12, 0.12), va="bottom", color=BLUE)
    label(axes, "vacancy", np.zeros(2), (-0.12, 0.1), ha="right", va="bottom")
    corner = np.array([1.3, -1.75])
    for name, axis in zip("xyz", np.eye(3), strict=True):
        arrow(axes, corner, corner + 0.55 * seen(axis), "black", shrink=0)
        label(axes, name, corner + 0.68 * seen(axis), (0, 0), ha="center")
    axes.set(xlim=(-2.0, 2.2), ylim=(-2.0, 1.6), aspect="equal")
    axes.axis("off")


def draw_map(axes: Axes) -> None:
    """The voxels of one environment in the plane z = 0 of the map's frame."""
    positions = map_positions_A("bcc", SHELLS, A_A)
    generator = torch.Generator().manual_seed(4)
    species = torch.randint(1, 4, (1, len(positions)), dtype=torch.uint8, generator=generator)
    maps = density_maps(species, torch.from_numpy(positions), GRID, n_species=3)[0].numpy()
    middle = maps[:, GRID.edge // 2 - 1 : GRID.edge // 2 + 1].mean(axis=1)
    ink = 1 - np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in (BLUE, VERMILION, GREEN)])
    picture = np.clip(1 - np.einsum("syx,sc->yxc", middle, ink), 0, 1)
    half = GRID.half_edge_A
    axes.imshow(picture, origin="lower", extent=(-half, half, -half, half), interpolation="nearest")
    axes.add_patch(
        Circle((0, 0), GRID.cutoff_A, fill=False, linestyle="--", linewidth=0.8, edgecolor="black")
    )
    label(axes, "$r_c$", np.array([-5.3, 6.3]), (0, 0), ha="right")
    axes.plot(0, 0, "s", color="black", markerfacecolor="white", markersize=6)
    mover_A = 0.5 * A_A * np.sqrt(3)
    arrow(axes, np.array([0.5, 0]), np.array([mover_A, 0]), "black", shrink=0)
    about_x = np.linspace(-0.8, 1.1, 50) * np.pi
    axes.plot(7.1 + 0.45 * np.cos(about_x), 1.3 * np.sin(about_x), color="black", linewidth=0.9)
    arrow(axes, np.array([6.74, 0.95]), np.array([6.62, -0.55]), "black", shrink=0)
    label(axes, "φ", np.array([7.1, 1.9]), (0, 0), ha="center")
    axes.set(xlabel="x ∥ [111] (Å)", ylabel="y ∥ [$\\bar{1}$10] (Å)", xlim=(-half, half), ylim=(-half, half))
    axes.set(xticks=(-8, -4, 0, 4, 8), yticks=(-8, -4, 0, 4, 8))


def draw_union(axes: Axes) -> None:
    """Union environment in the same plane, and its inversion through the midpoint of the jump."""
    spec = EnvironmentSpec("bcc", SHELLS, "union")
    frame = 0.5 * A_A * spec.canonical @ jump_axes("bcc").T
    jump_A, reach_A = 0.5 * A_A * np.sqrt(3), 0.5 * A_A * np.sqrt(20)
    flat = np.flatnonzero(abs(frame[:, 2]) < IN_PLANE)
    from_a, from_b = (np.linalg.norm(frame - [x, 0, 0], axis=1) < reach_A + 0.1 for x in (0, jump_A))
    for which, colour, marker in (
        (from_a & from_b, GREY, "o"),
        (from_a & ~from_b, BLUE, "<"),
        (~from_a, VERMILION, ">"),
    ):
        axes.plot(*frame[flat[which[flat]], :2].T, marker, color=colour, markersize=5, linestyle="none")
    for x, colour in ((0, BLUE), (jump_A, VERMILION)):
        axes.add_patch(
            Circle((x, 0), reach_A + 0.25, fill=False, linestyle="--", linewidth=0.8, edgecolor=colour)
        )
    for column in partners(spec, frame, flat):
        ends = frame[[column, spec.inversion[column]], :2]
        axes.plot(*ends.T, color="black", linewidth=0.8, zorder=1)
        axes.plot(*ends.T, "o", color="black", markerfacecolor="none", markersize=8, markeredgewidth=0.8)
    axes.plot(0, 0, "s", color="black", markerfacecolor="white", markersize=6, **_ABOVE)
    axes.plot(jump_A, 0, "o", color="black", markersize=6, **_ABOVE)
    axes.plot(jump_A / 2, 0, "x", color="black", markersize=5, **_ABOVE)
    label(axes, "A", np.zeros(2), (-0.4, -0.9), ha="right")
    label(axes, "B", np.array([jump_A, 0]), (0.4, -0.9))
    axes.set(
        xlabel="x ∥ [111] (Å)",
        ylabel="y ∥ [$\\bar{1}$10] (Å)",
        xlim=(-8.2, 11),
        ylim=(-8.6, 8.6),
        aspect="equal",
    )
    axes.set(xticks=(-8, -4, 0, 4, 8), yticks=(-8, -4, 0, 4, 8))


def partners(spec: EnvironmentSpec, frame: NDArray, flat: NDArray) -> list[int]:
    """Two columns in the plane to draw the inversion of: one of both spheres, one of the first alone."""
    upper = [int(c) for c in flat if frame[c, 1] > 2.0]
    near = min(upper, key=lambda c: float(np.linalg.norm(frame[c])))
    far = min(upper, key=lambda c: float(frame[c, 0]))
    return [near, far]


def main() -> None:
    """Draw."""
    with paper_style():
        figure, axes = new_figure(1, 3, width_in=7.2, height_in=2.5)
        panels = list(axes.ravel())
        for draw, panel in zip((draw_turn, draw_map, draw_union), panels, strict=True):
            draw(panel)
        letter_panels(panels)
        Path(__file__).parent.joinpath("figures", "frames.png").write_bytes(rendered(figure)[".png"])


if __name__ == "__main__":
    main()
