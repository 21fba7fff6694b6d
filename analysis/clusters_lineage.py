"""Lineage of the ordered clusters of one run: how the largest of them grew, merged and split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.clusters_figures import DEFINITION, IDENTITY, SHOWN_DECADES, size_colours
from analysis.clusters_runs import NAME, ClusterCase, ClusterRun
from analysis.products import Cell, FigureProduct, TableProduct
from analysis.style import BLACK, DOUBLE_COLUMN_IN, GREY, letter_panels, new_figure
from nnk.lattice import IntArray
from nnk.observables.lineage import NONE, Lineage

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize

MOST_TRACKS = 32
GROWN, BEFORE_GROWTH = 1.2, 0.5  # the growth begins when there are so many times as many centres as at first
THINNEST, THICKEST = 0.7, 6.0
TABLE = f"{NAME}-lineage"


@dataclass(frozen=True)
class Shown:
    """The tracks of a run that are drawn.

    Attributes:
        run: the run.
        tracks: their numbers, from the lowest lane to the highest.
    """

    run: ClusterRun
    tracks: tuple[int, ...]

    @property
    def lineage(self) -> Lineage:
        """Of the run."""
        return self.run.lineage

    def border(self, state: int) -> float:
        """Jumps halfway (in logarithm) between a state and the one before; behind the last state its own."""
        jumps = self.run.jumps
        if state >= len(jumps):
            return float(jumps[-1])
        return float(np.sqrt(max(jumps[max(state - 1, 0)], 1) * max(jumps[state], 1)))

    def history(self, track: int) -> tuple[IntArray, IntArray]:
        """States in which a track is there, and its sizes then."""
        rows = self.lineage.track == track
        return self.lineage.state[rows], self.lineage.size[rows]

    def lane(self, track: int) -> int | None:
        """Where a track is drawn; None if it is not."""
        return self.tracks.index(track) if track in self.tracks else None


def shown_tracks(run: ClusterRun) -> Shown:
    """The tracks that ever were the largest, those that merge beside those that they merge into."""
    largest = run.lineage.largest
    chosen = set(np.lexsort((run.lineage.first, -largest))[:MOST_TRACKS].tolist())
    roots = [t for t in chosen if int(run.lineage.heir[t]) not in chosen]
    roots.sort(key=lambda t: -int(largest[t]))
    return Shown(run, tuple(t for root in roots for t in _with_merged(run.lineage, root, chosen)))


def _with_merged(lineage: Lineage, track: int, chosen: set[int]) -> list[int]:
    """A track amid those that merge into it, alternately below and above it.

    Nearest to it is what merges first: it has ended where the lines of later ones cross its lane.
    """
    merged = sorted((t for t in chosen if lineage.heir[t] == track), key=lambda t: int(lineage.last[t]))
    lanes = [track]
    for place, other in enumerate(merged):
        family = _with_merged(lineage, other, chosen)
        lanes = [*lanes, *family] if place % 2 else [*family, *lanes]
    return lanes


def lineage_figure(case: ClusterCase) -> FigureProduct:
    """Sizes and lanes of the tracks of the typical run."""
    import matplotlib

    run = case.typical
    shown = shown_tracks(run)
    figure, axes = new_figure(1, 2, width_in=DOUBLE_COLUMN_IN, height_in=3.6)
    most = max(int(run.lineage.size.max(initial=1)), 2)
    norm = matplotlib.colors.LogNorm(1, most)
    _draw_sizes(axes[0, 0], shown)
    _draw_lanes(axes[0, 1], shown, norm)
    for panel in axes[0]:
        panel.set(xscale="log", xlabel="vacancy jumps", xlim=_range(run))
    mappable = matplotlib.cm.ScalarMappable(norm, size_colours())
    figure.colorbar(mappable, ax=axes[0, 1], label="size (centres)", pad=0.02, aspect=30)
    letter_panels(axes[0])
    lasting = int(run.lineage.persistent.sum())
    return FigureProduct(
        name=f"{NAME}-{case.name}-lineage",
        title=f"Lineage of ordered clusters in one run, {case.name}, {run.file.temperature_K:g} K",
        caption=(
            f"{case.name}, {case.pair_name} B2 clusters of one run ({run.file.temperature_K:g} K, replica "
            f"{run.file.replica}, {run.lattice.n_sites:,} sites): the {len(shown.tracks)} that ever were the "
            f"largest, of {len(run.lineage.first):,}. (a) Their sizes; black: there in every key frame "
            f"({lasting} of all clusters); dots: merged into another. (b) One lane each, thickness and "
            "colour: size; solid lines: merging, dotted lines: splitting off. Between successive key frames "
            f"{IDENTITY}. {DEFINITION}."
        ),
        alt=(
            f"Sizes of the {len(shown.tracks)} largest clusters against the number of jumps, and a tree of "
            f"lanes that join where clusters merge; the largest reaches {most:,} centres."
        ),
        figure=figure,
        table=f"{TABLE}-sizes",
    )


def _range(run: ClusterRun) -> tuple[float, float]:
    """From a little before the growth on."""
    grown = run.jumps[run.counts.centres > GROWN * run.counts.centres[0]]
    first = max(1.0, float(run.jumps[-1]) / 10**SHOWN_DECADES)
    if len(grown):
        first = max(first, BEFORE_GROWTH * float(grown[0]))
    return first, 1.1 * float(run.jumps[-1])


def _draw_sizes(axes: Axes, shown: Shown) -> None:
    persistent = shown.lineage.persistent
    for track in sorted(shown.tracks, key=lambda t: bool(persistent[t])):
        states, sizes = shown.history(track)
        colour, width = (BLACK, 1.4) if persistent[track] else (GREY, 0.7)
        line = "." if len(states) == 1 else "-"
        style: dict[str, Any] = {"color": colour, "linewidth": width, "alpha": 0.85, "markersize": 3}
        axes.plot(shown.run.jumps[states], sizes, line, **style)
        heir = int(shown.lineage.heir[track])
        if heir != NONE:
            axes.plot(shown.run.jumps[states[-1]], sizes[-1], ".", color=colour, markersize=4)
            _draw_joining(axes, shown, track, heir)
    axes.set(yscale="log", ylabel="size (centres)", ylim=(0.8, None))


def _draw_joining(axes: Axes, shown: Shown, track: int, heir: int) -> None:
    """A thin line from the last size of a track to that of the cluster it is then part of."""
    (before, after), (states, sizes) = shown.history(track), shown.history(heir)
    there = int(before[-1]) + 1
    found = np.flatnonzero(states == there)
    if len(found):
        axes.plot(
            shown.run.jumps[[there - 1, there]],
            [after[-1], sizes[found[0]]],
            color=GREY,
            linewidth=0.4,
            alpha=0.6,
        )


def _draw_lanes(axes: Axes, shown: Shown, norm: Normalize) -> None:
    from matplotlib.collections import LineCollection

    colours = size_colours()
    for lane, track in enumerate(shown.tracks):
        states, sizes = shown.history(track)
        ends = [[(shown.border(s), lane), (shown.border(s + 1), lane)] for s in states.tolist()]
        band = LineCollection(
            ends, linewidths=_width(sizes, norm), colors=colours(norm(sizes)), capstyle="butt"
        )
        axes.add_collection(band, autolim=False)
        _connect(axes, shown, (int(shown.lineage.heir[track]), lane), int(states[-1]) + 1, "-")
        _connect(axes, shown, (int(shown.lineage.parent[track]), lane), int(states[0]), ":")
    axes.set(ylim=(-1, len(shown.tracks)), yticks=[])
    axes.spines["left"].set_visible(False)


def _width(sizes: IntArray, norm: Normalize) -> NDArray[np.float64]:
    share = np.sqrt(sizes / float(norm.vmax or 1))
    return np.asarray(THINNEST + (THICKEST - THINNEST) * share)


def _connect(axes: Axes, shown: Shown, ends: tuple[int, int], state: int, line: str) -> None:
    """A line at a state between the lane of a track and another lane."""
    track, lane = ends
    other = shown.lane(track) if track != NONE else None
    if other is not None:
        x = shown.border(state)
        axes.plot([x, x], [lane, other], line, color=GREY, linewidth=0.6, zorder=0.5)


def lineage_tables(cases: Sequence[ClusterCase]) -> tuple[TableProduct, TableProduct]:
    """Beginnings and ends of the tracks of the typical runs, and the sizes of those that are drawn."""
    place = {
        "case": "composition or start of the run",
        "temperature_K": "temperature, K",
        "replica": "number of the run",
        "track": "number of the track",
    }
    tracks = [row for case in cases for row in _track_rows(case)]
    sizes = [row for case in cases for row in _size_rows(case)]
    return (
        TableProduct(
            TABLE,
            "Tracks of the drawn runs: those that reach the size of a large cluster, or last all the time",
            place
            | {
                "first_jumps": "vacancy jumps of the first key frame that has it",
                "last_jumps": "vacancy jumps of the last key frame that has it",
                "begins": "start, born, or split",
                "parent": "track it has split from",
                "ends": "end, died, or merged",
                "heir": "track it has merged into",
                "largest": "centres when it was largest",
                "persistent": "1: there in every key frame",
            },
            tracks,
        ),
        TableProduct(
            f"{TABLE}-sizes",
            "Sizes of the tracks that are drawn",
            place | {"jumps": "vacancy jumps since the start", "size": "centres"},
            sizes,
        ),
    )


def _track_rows(case: ClusterCase) -> list[list[Cell]]:
    run, lineage = case.typical, case.typical.lineage
    wanted = (lineage.largest >= case.options.small_below) | lineage.persistent
    return [
        [
            *(*_place(case), track, int(run.jumps[lineage.first[track]])),
            *(int(run.jumps[lineage.last[track]]), *_beginning(lineage, track), *_end(lineage, track)),
            *(int(lineage.largest[track]), int(lineage.persistent[track])),
        ]
        for track in np.flatnonzero(wanted).tolist()
    ]


def _place(case: ClusterCase) -> list[Cell]:
    file = case.typical.file
    return [case.name, file.temperature_K, file.replica]


def _beginning(lineage: Lineage, track: int) -> list[Cell]:
    parent = int(lineage.parent[track])
    if parent != NONE:
        return ["split", parent]
    return ["start" if lineage.first[track] == 0 else "born", None]


def _end(lineage: Lineage, track: int) -> list[Cell]:
    heir = int(lineage.heir[track])
    if heir != NONE:
        return ["merged", heir]
    return ["end" if lineage.alive[track] else "died", None]


def _size_rows(case: ClusterCase) -> list[list[Cell]]:
    shown, rows = shown_tracks(case.typical), []
    for track in sorted(shown.tracks):
        for state, size in zip(*shown.history(track), strict=True):
            rows.append([*_place(case), track, int(shown.run.jumps[state]), int(size)])
    return rows
