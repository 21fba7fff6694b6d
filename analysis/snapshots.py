"""Snapshots of molecular dynamics: energies along trajectories, temperatures, forces, correlation times."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.command import run_analysis
from analysis.inputs import Inputs, MissingInput, reading
from analysis.products import FigureProduct, Number, Product, TableProduct
from analysis.style import DOUBLE_COLUMN_IN, letter_panels, new_figure, paper_style, ramp
from nnk.alloy import composition_name
from nnk.constants import K_B_eV_K
from nnk.snapshots import SnapshotSet

NAME = "snapshots"
BINS = 81


@dataclass(frozen=True)
class Trajectory:
    """What a trajectory's snapshots say of it.

    Attributes:
        composition, number, temperature_K: which one; the temperature is the thermostat's.
        n, n_effective: snapshots, and how many independent ones tell as much.
        interval_ps: time between two snapshots.
        energy_ps, forces_ps: correlation times of potential energy and squared forces.
        kinetic_K, kinetic_error_K: mean temperature of the velocities and its standard error.
        kinetic_deviation_K: standard deviation of the temperature of the velocities.
        energy_eV: mean potential energy per atom.
        force_eV_A: root mean square of a component of the forces.
    """

    composition: str
    number: int
    temperature_K: float
    n: int
    n_effective: float
    interval_ps: float
    energy_ps: float
    forces_ps: float
    kinetic_K: float
    kinetic_error_K: float
    kinetic_deviation_K: float
    energy_eV: float
    force_eV_A: float


def analyse(inputs: Inputs) -> Product:
    """What the snapshots of each composition are like."""
    campaign = inputs.campaign()
    asked = campaign.get("snapshots") or {}
    if not asked:
        raise MissingInput("the campaign has no snapshots: a section snapshots makes them")
    sets: dict[str, SnapshotSet] = {}
    for fractions in asked["compositions"]:
        name = composition_name(fractions, campaign["alloy"]["elements"])
        path = inputs.note(inputs.workdir.snapshots_file(name))
        with reading(path):
            sets[name] = SnapshotSet.load(path)
    rows = [row for name, snapshots in sets.items() for row in trajectories(name, snapshots)]
    with paper_style():
        figures = tuple(snapshot_figure(name, snapshots, rows) for name, snapshots in sets.items())
    return Product(
        name=NAME,
        title="Snapshots of molecular dynamics",
        summary=" ".join(words(name, [r for r in rows if r.composition == name]) for name in sets),
        figures=figures,
        tables=(snapshot_table(rows),),
        numbers=tuple(number for name in sets for number in numbers(name, rows)),
        settings={
            "thermostat": "; ".join({str(one.attrs.get("thermostat", "?")) for one in sets.values()}),
            "time step": "; ".join({f"{one.attrs.get('time_step_fs', '?')} fs" for one in sets.values()}),
            "correlation time": "integrated autocorrelation time, windowed; squares of the force components",
        },
    )


def trajectories(name: str, snapshots: SnapshotSet) -> list[Trajectory]:
    """Each trajectory of a set."""
    return [
        _trajectory(name, number, snapshots.select(snapshots.trajectory == number), told)
        for number, told in enumerate(snapshots.attrs["trajectories"])
    ]


def _trajectory(name: str, number: int, own: SnapshotSet, told: dict[str, Any]) -> Trajectory:
    deviation_K = float(own.kinetic_K.std(ddof=1)) if len(own) > 1 else float("nan")
    return Trajectory(
        composition=name,
        number=number,
        temperature_K=told["temperature_K"],
        n=len(own),
        n_effective=told["n_effective"],
        interval_ps=1e-3 * own.attrs["time_step_fs"] * told["interval_steps"],
        energy_ps=told["correlation_ps"]["energy"],
        forces_ps=told["correlation_ps"]["forces"],
        kinetic_K=float(own.kinetic_K.mean()),
        kinetic_error_K=deviation_K / float(np.sqrt(max(told["n_effective"], 1))),
        kinetic_deviation_K=deviation_K,
        energy_eV=float(own.energy_eV.mean()) / own.n_atoms,
        force_eV_A=float(np.sqrt((own.forces_eV_A**2).mean())),
    )


def snapshot_figure(name: str, snapshots: SnapshotSet, rows: Sequence[Trajectory]) -> FigureProduct:
    """Four panels of one composition."""
    mine = [row for row in rows if row.composition == name]
    temperatures = sorted({row.temperature_K for row in mine})
    colour = dict(zip(temperatures, ramp(len(temperatures)), strict=True))
    figure, axes = new_figure(2, 2, width_in=DOUBLE_COLUMN_IN, height_in=5.0)
    _draw_energies(axes[0, 0], snapshots, mine, colour)
    _draw_temperatures(axes[0, 1], mine, snapshots.n_atoms)
    _draw_forces(axes[1, 0], snapshots, colour)
    _draw_times(axes[1, 1], mine)
    letter_panels(axes.ravel())
    figure.legend(*axes[1, 0].get_legend_handles_labels(), loc="outside upper center", ncols=8)
    n_each = len(mine) // len(temperatures)
    return FigureProduct(
        name=f"{NAME}-{name}",
        title=f"Snapshots of {name}",
        caption=(
            f"{len(snapshots):,} snapshots of {name}, {snapshots.n_atoms} atoms; {n_each} trajectories "
            "at each temperature. (a) Potential energy per atom above the lowest one's mean, along every "
            "trajectory. (b) Temperature of the velocities: mean and standard deviation of each trajectory, "
            "less the thermostat's temperature; shaded: the standard deviation of the canonical ensemble. "
            "(c) Distribution of the components of the forces. (d) Correlation times of every trajectory."
        ),
        alt=f"Traces without drift, temperatures as set, forces that widen with it. {words(name, mine)}",
        figure=figure,
        table=NAME,
    )


def _draw_energies(panel: Any, snapshots: SnapshotSet, rows: Sequence[Trajectory], colour: Any) -> None:
    coldest = min(rows, key=lambda row: row.temperature_K)
    for row in rows:
        own = snapshots.trajectory == row.number
        energy_eV = snapshots.energy_eV[own] / snapshots.n_atoms - coldest.energy_eV
        panel.plot(
            snapshots.time_ps[own], 1000 * energy_eV, lw=0.4, alpha=0.7, color=colour[row.temperature_K]
        )
    panel.set(xlabel="time (ps)", ylabel="potential energy (meV per atom)")


def _draw_temperatures(panel: Any, rows: Sequence[Trajectory], n_atoms: int) -> None:
    edge = np.linspace(0, 1.05 * max(row.temperature_K for row in rows), 50)
    width = np.sqrt(2 / (3 * n_atoms - 3)) * edge
    panel.fill_between(edge, -width, width, color="0.88", lw=0)
    panel.axhline(0, color="0.5", lw=0.7)
    panel.errorbar(
        [row.temperature_K for row in rows],
        [row.kinetic_K - row.temperature_K for row in rows],
        [row.kinetic_deviation_K for row in rows],
        fmt="o",
        color="k",
        lw=0.7,
    )
    panel.set(xlabel="thermostat (K)", ylabel="velocities - thermostat (K)")


def _draw_forces(panel: Any, snapshots: SnapshotSet, colour: Any) -> None:
    limit = float(np.quantile(np.abs(snapshots.forces_eV_A), 0.9995))
    edges = np.linspace(-limit, limit, BINS + 1)
    for temperature_K, tint in colour.items():
        own = snapshots.forces_eV_A[snapshots.temperature_K == temperature_K]
        density, _ = np.histogram(own, edges, density=True)
        shown = np.where(density > 0, density, np.nan)
        panel.plot(0.5 * (edges[1:] + edges[:-1]), shown, color=tint, label=f"{temperature_K:g} K")
    panel.set(xlabel="force component (eV/Å)", ylabel="density (Å/eV)", yscale="log")


def _draw_times(panel: Any, rows: Sequence[Trajectory]) -> None:
    for what, marker, values in (
        ("potential energy", "s", [row.energy_ps for row in rows]),
        ("squared forces", "o", [row.forces_ps for row in rows]),
    ):
        temperatures = [row.temperature_K for row in rows]
        panel.plot(temperatures, np.multiply(1000, values), marker, mfc="none", label=what)
    panel.set(xlabel="thermostat (K)", ylabel="correlation time (fs)")
    panel.set_ylim(0, None)
    panel.legend()


def words(name: str, rows: Sequence[Trajectory]) -> str:
    """The set in two sentences."""
    total, effective = sum(row.n for row in rows), sum(row.n_effective for row in rows)
    slowest = [1000 * max(row.energy_ps, row.forces_ps) for row in rows]
    forces = [row.force_eV_A for row in rows]
    return (
        f"{name}: {total:,} snapshots of {len(rows)} trajectories, as good as {effective:,.0f} independent "
        f"ones; correlation times {min(slowest):.0f} to {max(slowest):.0f} fs. "
        f"Force components are {min(forces):.2f} to {max(forces):.2f} eV/Å (root mean square)."
    )


def numbers(name: str, rows: Sequence[Trajectory]) -> list[Number]:
    """Headline numbers of a composition."""
    mine = [row for row in rows if row.composition == name]
    hottest = max(mine, key=lambda row: row.temperature_K)
    kinetic = 1.5 * K_B_eV_K * hottest.temperature_K
    return [
        Number(f"{name}: snapshots", sum(row.n for row in mine), "1", NAME),
        Number(f"{name}: independent ones", sum(row.n_effective for row in mine), "1", NAME),
        Number(
            f"{name}: potential energy above {min(r.temperature_K for r in mine):g} K at "
            f"{hottest.temperature_K:g} K, in units of 3/2 kT",
            (hottest.energy_eV - min(row.energy_eV for row in mine)) / kinetic,
            "1",
            NAME,
        ),
    ]


def snapshot_table(rows: Sequence[Trajectory]) -> TableProduct:
    """A row per trajectory."""
    columns = {
        "composition": "of the cell",
        "trajectory": "its number in the file",
        "temperature_K": "of the thermostat, K",
        "snapshots": "number of snapshots",
        "n_effective": "independent snapshots that tell as much, by the slower of energy and forces",
        "interval_ps": "time between two snapshots, ps",
        "energy_ps": "correlation time of the potential energy, ps",
        "forces_ps": "correlation time of the squared forces, ps",
        "kinetic_K": "mean temperature of the velocities, K",
        "kinetic_error_K": "its standard error, K",
        "kinetic_deviation_K": "standard deviation of the temperature of the velocities, K",
        "energy_eV": "mean potential energy per atom, eV",
        "force_eV_A": "root mean square of a component of the forces, eV/Å",
    }
    return TableProduct(NAME, "Trajectories", columns, [list(vars(row).values()) for row in rows])


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.snapshots WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
