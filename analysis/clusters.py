"""Clusters of B2 order: numbers, sizes, lineage, pictures, files for OVITO."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import numpy as np

from analysis.clusters_counts import Counts, Events
from analysis.clusters_figures import DEFINITION, IDENTITY, cluster_figures, summary
from analysis.clusters_lineage import lineage_figure, lineage_tables
from analysis.clusters_picture import picture
from analysis.clusters_runs import NAME, ClusterCase, cluster_cases
from analysis.clusters_scenes import Scene, scenes_file, scenes_of
from analysis.clusters_sizes import at_least, series_frames, sizes_figure
from analysis.command import run_analysis
from analysis.inputs import Inputs
from analysis.products import Cell, FigureProduct, Number, Product, TableProduct
from analysis.style import paper_style


def analyse(inputs: Inputs) -> Product:
    """Clusters of every case."""
    cases = cluster_cases(inputs)
    scenes = [scenes_of(inputs, case) for case in cases]
    with paper_style():
        figures = tuple(
            figure for case, shown in zip(cases, scenes, strict=True) for figure in _figures(case, shown)
        )
    return Product(
        name=NAME,
        title="Ordered clusters",
        summary=" ".join(summary(case) for case in cases),
        figures=figures,
        tables=(_counts_table(cases), _events_table(cases), _sizes_table(cases), *lineage_tables(cases)),
        numbers=tuple(number for case in cases for number in _numbers(case)),
        settings={
            "pair": cases[0].pair_name,
            "definition": DEFINITION,
            "small": f"fewer than {cases[0].options.small_below} centres",
            "identity from one key frame to the next": IDENTITY,
            "random arrangements": len(cases[0].chance_sizes),
        },
        warnings=tuple(text for case in cases for text in _warnings(case)),
        files=tuple(scenes_file(case, shown) for case, shown in zip(cases, scenes, strict=True)),
    )


def _figures(case: ClusterCase, scenes: Sequence[Scene]) -> list[FigureProduct]:
    return [*cluster_figures(case), sizes_figure(case), lineage_figure(case), picture(case, scenes)]


def _warnings(case: ClusterCase) -> list[str]:
    found = []
    if case.replicas[1] == 1:
        found.append(f"{case.name}: one replica per temperature, so there are no error bars.")
    wrapped = [run for run in case.runs if run.wraps]
    if wrapped:
        hot = sorted({run.file.temperature_K for run in wrapped})
        found.append(
            f"{case.name}: in {len(wrapped)} of {len(case.runs)} runs ({hot[0]:g} to {hot[-1]:g} K) the "
            "largest cluster meets its own periodic image at the end: there the simulated cell sets its size."
        )
    return found


def _place_columns() -> dict[str, str]:
    return {
        "case": "composition or start of the runs",
        "temperature_K": "temperature, K",
        "jumps": "vacancy jumps since the start",
        "replicas": "number of runs",
    }


_COUNTED = {
    "small": "clusters of fewer centres than the limit of small ones",
    "large": "all other clusters",
    "lone": "clusters of one centre",
    "largest": "centres of the largest cluster",
    "centres": "share of the sites that are centres",
    "cells": "share of the sites whose atoms belong to B2 cells",
}

_HAPPENED = {
    "born": "clusters born so far, those of the start left out",
    "split": "clusters split off another so far",
    "merged": "clusters merged into another so far",
    "died": "clusters vanished so far",
    "lasting": "clusters that are there from this key frame to the last",
}
_NO_TEMPERATURE = "; empty: random arrangements of the atoms, as many as replicas are given"


def _counts_table(cases: Sequence[ClusterCase]) -> TableProduct:
    rows: list[list[Cell]] = []
    for case in cases:
        rows.append([case.name, None, None, len(case.chance_sizes), *_chance_row(case)])
        rows += _measured(case, Counts._fields)
    columns = _place_columns() | _with_errors(_COUNTED)
    columns["temperature_K"] += _NO_TEMPERATURE
    return TableProduct(NAME, "Clusters along the runs", columns, rows)


def _events_table(cases: Sequence[ClusterCase]) -> TableProduct:
    rows = [row for case in cases for row in _measured(case, Events._fields)]
    columns = _place_columns() | _with_errors(_HAPPENED)
    return TableProduct(f"{NAME}-events", "Clusters born, split, merged, died and lasting", columns, rows)


def _measured(case: ClusterCase, names: Sequence[str]) -> list[list[Cell]]:
    """A row for each temperature and key frame: mean and error of each measure."""
    rows = []
    for t, f in np.ndindex(len(case.temperature_K), len(case.jumps)):
        row: list[Cell] = [case.name, float(case.temperature_K[t]), int(case.jumps[f])]
        row.append(int(case.counts[names[0]].n[t, f]))
        for name in names:
            values = case.counts[name]
            row += [float(values.mean[t, f]), float(values.error[t, f])]
        rows.append(row)
    return rows


def _with_errors(meanings: Mapping[str, str]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for name, meaning in meanings.items():
        columns |= {name: meaning, f"{name}_error": "standard error over replicas"}
    return columns


def _chance_row(case: ClusterCase) -> list[Cell]:
    row: list[Cell] = []
    for name in Counts._fields:
        spread = float(getattr(case.chance, name).std(ddof=1) / np.sqrt(len(case.chance_sizes)))
        row += [case.chance_mean(name), 0.0 if name == "centres" else spread]
    return row


def _sizes_table(cases: Sequence[ClusterCase]) -> TableProduct:
    rows: list[list[Cell]] = []
    for case in cases:
        places = [(float(case.temperature_K[t]), int(case.jumps[-1])) for t in case.shown]
        top = float(case.temperature_K[case.strongest])
        places += [(top, jumps) for jumps in series_frames(case) if (top, jumps) not in places]
        for temperature_K, jumps in places:
            states = [run.sizes(jumps) for run in case.at(temperature_K)]
            for size, mean, error, n in zip(*_flat(states), strict=True):
                rows.append([case.name, temperature_K, jumps, int(n), int(size), float(mean), float(error)])
        for size, mean, error, n in zip(*_flat(case.chance_sizes), strict=True):
            rows.append([case.name, None, None, int(n), int(size), float(mean), float(error)])
    columns = _place_columns()
    columns["temperature_K"] += _NO_TEMPERATURE
    columns |= {
        "size": "centres",
        "clusters": "mean number of clusters of at least this size per cell",
        "clusters_error": "standard error over replicas",
    }
    return TableProduct(f"{NAME}-sizes", "Sizes of the clusters", columns, rows)


def _flat(states: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    size, number = at_least(states)
    return size, number.mean, number.error, np.broadcast_to(number.n, size.shape)


def _numbers(case: ClusterCase) -> list[Number]:
    """The strongest temperature: what is there at the end, and when small clusters were most."""
    t, where = case.strongest, f"{case.name}, {case.pair_name} B2"
    top = f"{case.temperature_K[t]:g} K"
    peak = int(case.counts["small"].mean[t].argmax())
    found = [
        Number(f"{where}: most centres at", float(case.temperature_K[t]), "K", NAME),
        Number(f"{where}: share of centres in a random alloy", 100 * case.chance_share, "%", NAME),
        Number(
            f"{where}: small clusters most numerous at {top} after", float(case.jumps[peak]), "jumps", NAME
        ),
    ]
    for text, unit, name, frame, factor in (
        ("share of centres at the end", "%", "centres", -1, 100.0),
        ("largest cluster at the end", "centres", "largest", -1, 1.0),
        ("most small clusters", "1", "small", peak, 1.0),
        ("small clusters at the end", "1", "small", -1, 1.0),
        ("large clusters at the end", "1", "large", -1, 1.0),
        ("clusters there in every key frame", "1", "lasting", 0, 1.0),
    ):
        values = case.counts[name]
        error, count = float(factor * values.error[t, frame]), int(values.n[t, frame])
        shown = None if np.isnan(error) else error
        mean = float(factor * values.mean[t, frame])
        table = f"{NAME}-events" if name in Events._fields else NAME
        found.append(Number(f"{where}, {top}: {text}", mean, unit, table, shown, count))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.clusters WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
