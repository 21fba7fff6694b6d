"""Checks of the section ``snapshots``."""

from __future__ import annotations

from pathlib import Path

from launch.composition_checks import atoms_fit, compositions_fit
from launch.findings import Finding, Findings, needs
from launch.potential_checks import cells_hold_cutoff, likely
from launch.schema.compositions import Compositions
from launch.schema.potential import Potential
from nnk.lattice import Structure

Elements = tuple[str, ...]
Cells = tuple[int, int, int]
LEAST_STEPS = 20


@needs("sections")
def _snapshots_need_a_potential(sections: frozenset[str]) -> Findings:
    if "snapshots" in sections and "potential" not in sections:
        message = "needs a potential; allowed: a section potential, such as potential: {builtin: zhou-eam}"
        yield Finding(("snapshots",), message, at_key=True)


@needs("alloy.elements", "snapshots.compositions")
def _compositions(elements: Elements, compositions: Compositions) -> Findings:
    yield from compositions_fit("snapshots", elements, compositions)


@needs("alloy.elements", "alloy.lattice", "snapshots.compositions", "snapshots.cells")
def _atoms(elements: Elements, structure: str, compositions: Compositions, cells: Cells) -> Findings:
    yield from atoms_fit("snapshots", elements, structure, compositions, cells)


@needs("snapshots.cells", "alloy.lattice", "alloy.elements", "potential", "base_dir")
def _cutoff(
    cells: Cells, structure: Structure, elements: Elements, potential: Potential, base_dir: Path
) -> Findings:
    yield from cells_hold_cutoff(("snapshots", "cells"), cells, structure, elements, potential, base_dir)


@needs("snapshots.lattice_parameter_A", "alloy.lattice", "alloy.elements")
def _lattice_parameter(a_A: float | None, structure: Structure, elements: Elements) -> Findings:
    if a_A is not None:
        yield from likely(("snapshots", "lattice_parameter_A"), a_A, structure, elements)


@needs("snapshots.count", "snapshots.temperatures_K", "snapshots.trajectories")
def _each_trajectory_has_one(count: int, temperatures_K: tuple[float, ...], trajectories: int) -> Findings:
    least = trajectories * len(temperatures_K)
    if count < least:
        message = (
            f"got {count} for {trajectories} trajectories at each of {len(temperatures_K)} temperatures; "
            f"allowed: at least {least}, a snapshot of each"
        )
        yield Finding(("snapshots", "count"), message)


@needs("snapshots.equilibrate_ps", "snapshots.time_step_fs")
def _equilibration_has_steps(equilibrate_ps: float, time_step_fs: float) -> Findings:
    least = LEAST_STEPS * time_step_fs / 1000
    if round(1000 * equilibrate_ps / time_step_fs) < LEAST_STEPS:
        message = (
            f"got {equilibrate_ps:g}; allowed: at least {least:g}, {LEAST_STEPS} steps of {time_step_fs:g} fs"
        )
        yield Finding(("snapshots", "equilibrate_ps"), message)
