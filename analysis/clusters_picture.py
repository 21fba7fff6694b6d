"""Pictures of ordered clusters in space, by an own parallel projection."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.clusters_figures import DEFINITION, jumps_text, size_colours
from analysis.clusters_runs import NAME, ClusterCase
from analysis.clusters_scenes import Scene
from analysis.products import FigureProduct
from analysis.style import DOUBLE_COLUMN_IN, GREY, letter_panels, new_figure
from nnk.lattice import Lattice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize

FloatArray = NDArray[np.float64]

AZIMUTH_DEG, ELEVATION_DEG = 28.0, 20.0
BALL_A = 0.8  # diameter in lattice parameters, a little less than the distance of neighbours
LONE_A = 0.35
HAZE = 0.55  # share of white in the colour of the farthest balls


def view(azimuth_deg: float = AZIMUTH_DEG, elevation_deg: float = ELEVATION_DEG) -> FloatArray:
    """Rows float64[3, 3]: to the right, up, and towards the reader; orthonormal.

    At azimuth and elevation 0 one looks along -x, with y to the right and z up.
    """
    a, e = np.deg2rad([azimuth_deg, elevation_deg])
    right = [-np.sin(a), np.cos(a), 0.0]
    near = [np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)]
    return np.array([right, np.cross(near, right), near])


def picture(case: ClusterCase, scenes: Sequence[Scene]) -> FigureProduct:
    """Clusters of one run at several times."""
    import matplotlib

    limit = case.options.small_below
    norm = matplotlib.colors.LogNorm(limit, max(limit + 1, *(scene.largest for scene in scenes)))
    figure, axes = new_figure(1, len(scenes), width_in=DOUBLE_COLUMN_IN, height_in=2.75)
    for panel, scene in zip(axes[0], scenes, strict=True):
        draw_scene(panel, scene, norm, limit)
        panel.set_title(f"{jumps_text(scene.jumps)} jumps", pad=2)
    mappable = matplotlib.cm.ScalarMappable(norm, size_colours())
    figure.colorbar(mappable, ax=axes[0].tolist(), label="size (centres)", pad=0.01, aspect=25, shrink=0.8)
    letter_panels(axes[0])
    run = case.typical
    told = "; ".join(
        f"after {s.jumps:,} jumps {len(s.clusters.size):,} clusters, the largest of {s.largest:,} centres"
        for s in scenes
    )
    return FigureProduct(
        name=f"{NAME}-{case.name}-picture",
        title=f"Ordered clusters in space, {case.name}, {run.file.temperature_K:g} K",
        caption=(
            f"{case.name}, {case.pair_name} B2 clusters of one run ({run.file.temperature_K:g} K, replica "
            f"{run.file.replica}, {run.lattice.n_sites:,} sites) in parallel projection, paler with "
            "distance. Balls: centres, in the colour of the size of their cluster; grey dots: clusters "
            f"below {limit}. The cell is periodic: clusters go on at the opposite face. {DEFINITION}."
        ),
        alt=f"Three views of the simulated cell with its B2 centres as balls: {told}.",
        figure=figure,
        table=NAME,
    )


def draw_scene(axes: Axes, scene: Scene, norm: Normalize, small_below: int) -> None:
    """Balls from the farthest to the nearest, between the far and the near edges of the cell."""
    import matplotlib
    from matplotlib.collections import EllipseCollection

    turn = view()
    places = 0.5 * scene.lattice.coordinates[scene.clusters.centre] @ turn.T
    order = np.argsort(places[:, 2])
    size = scene.clusters.size[scene.clusters.cluster][order]
    small = size < small_below
    colours = size_colours()(norm(np.maximum(size, small_below)))
    colours[small] = matplotlib.colors.to_rgba(GREY)
    colours[:, :3] += (1 - colours[:, :3]) * HAZE * _distance(scene, places[order, 2], turn)[:, None]
    width = np.where(small, LONE_A, BALL_A)
    balls = EllipseCollection(
        *(width, width, np.zeros(len(width))),
        units="xy",
        offsets=places[order, :2],
        offset_transform=axes.transData,
        facecolors=colours,
        edgecolors=(0, 0, 0, 0.45),
        linewidths=np.where(small, 0.0, min(0.3, 6.0 / max(scene.lattice.cells))),
        rasterized=len(width) > 5000,
        zorder=2,
    )
    _draw_edges(axes, scene.lattice, turn)
    axes.add_collection(balls)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _distance(scene: Scene, depth: FloatArray, turn: FloatArray) -> FloatArray:
    """0 at the nearest corner of the cell, 1 at the farthest."""
    corners = _corners(scene.lattice) @ turn[2]
    return np.asarray((corners.max() - depth) / np.ptp(corners), dtype=np.float64)


def _corners(lattice: Lattice) -> FloatArray:
    return np.array(list(product(*((0.0, float(n)) for n in lattice.cells))))


def _draw_edges(axes: Axes, lattice: Lattice, turn: FloatArray) -> None:
    """The twelve edges; the three that meet in the farthest corner lie behind all balls."""
    corners = _corners(lattice)
    seen = corners @ turn.T
    hidden = int(seen[:, 2].argmin())
    for i, j in combinations(range(len(corners)), 2):
        if (corners[i] != corners[j]).sum() == 1:
            behind = hidden in (i, j)
            axes.plot(*seen[[i, j], :2].T, color=GREY, linewidth=0.6, zorder=1 if behind else 3)
