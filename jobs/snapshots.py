"""``mpiexec -n RANKS python -m jobs.snapshots UNIT``: snapshots of molecular dynamics, a trajectory per item.

A trajectory belongs to one rank, which keeps it in ``snapshots/<composition>/T0300.0K/r000.npz`` while it is
under way and writes it as a whole when it has ended. The last item of a composition puts all its trajectories
into one file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.farm import Farm, Result
from jobs.label import PolledForceField
from jobs.mpi_job import make_farm, run_mpi_job
from jobs.prepared import read_lattice_parameter_A
from jobs.records import Recorder
from jobs.samples import STOPPED
from jobs.stop import Stop
from jobs.unit import Unit, UnitItem
from nnk.alloy import exact_counts, fractions_of, random_solution
from nnk.exchange.crystal import species_of
from nnk.files import rng, stream_key
from nnk.lattice import Lattice
from nnk.potentials import ForceField, engine_versions, make_force_field, spec_from_json
from nnk.snapshots.dynamics import Motion
from nnk.snapshots.files import read, write
from nnk.snapshots.parameters import Langevin, Sampling
from nnk.snapshots.sampling import STRETCH, Checkpoint, Recording, sample
from nnk.snapshots.snapshot_set import SnapshotSet, joined

STRETCH_OF_KIND = {"ase": 20}  # what is lost at most when a job of a costly potential is killed


class SnapshotMaker:
    """Makes the trajectories of one unit."""

    def __init__(self, unit: Unit, force_field: ForceField, should_stop: Callable[[], bool]) -> None:
        self._unit = unit
        self._settings = unit.settings
        self._force_field = force_field
        self._should_stop = should_stop
        self._elements = tuple(unit.settings["elements"])

    def make(self, item: UnitItem) -> str | None:
        """Make what an item asks for; `STOPPED` if a trajectory has to go on another time."""
        if "after" in item.inputs:
            self._join(item)
            return None
        name, lattice = item.inputs["composition"], self._lattice(item.inputs["composition"])
        occupancy, how = self._atoms(name, lattice), self._how(item)
        key = stream_key(self._settings["seed"], "snapshots", item.key)
        species = species_of(occupancy, self._elements)
        motion = Motion(self._force_field, lattice, species, how, key=key)
        path = self._unit.workdir.snapshots_file(item.key)
        checkpoint_s = self._settings["checkpoint_s"]
        checkpoint = Checkpoint(path.with_suffix(".npz"), item.hash, checkpoint_s, self._unit.fence)
        sampling = Sampling(**item.inputs["sampling"])
        stretch = STRETCH_OF_KIND.get(self._settings["potential"]["kind"], STRETCH)
        found = sample(motion, sampling, checkpoint, self._should_stop, stretch=stretch)
        if found is None:
            return STOPPED
        self._write(path, item, _as_set(found, lattice, occupancy, self._elements, how, item))
        checkpoint.remove()
        return None

    def _lattice(self, name: str) -> Lattice:
        a_A = self._settings["lattice_parameter_A"]
        if a_A is None:
            a_A = read_lattice_parameter_A(self._unit.workdir, name)
        return Lattice(self._settings["structure"], tuple(self._settings["cells"]), a_A)

    def _atoms(self, name: str, lattice: Lattice) -> NDArray[np.uint8]:
        """The solid solution of a composition: the same in all its trajectories."""
        fractions = fractions_of(self._settings["compositions"][name], self._elements)
        stream = rng(self._settings["seed"], "snapshots", "atoms", name)
        return random_solution(exact_counts(fractions, lattice.n_sites), stream)

    def _how(self, item: UnitItem) -> Langevin:
        settings = self._settings
        return Langevin(item.inputs["temperature_K"], settings["time_step_fs"], settings["friction_per_ps"])

    def _join(self, item: UnitItem) -> None:
        """All trajectories of a composition as one file, numbered in their order."""
        workdir, sets, told = self._unit.workdir, [], []
        for number, key in enumerate(item.inputs["after"]):
            one = read(workdir.snapshots_file(key))
            columns = {**vars(one), "trajectory": np.full(len(one), number)}
            sets.append(SnapshotSet(**columns))
            told.append({"key": key, **one.attrs["trajectory"]})
        shared = {k: v for k, v in sets[0].attrs.items() if k not in ("trajectory", "inputs_hash")}
        attrs = {**shared, "inputs_hash": item.hash, "trajectories": told}
        write(workdir.snapshots_file(item.key), joined(sets, attrs), self._unit.fence)

    def _write(self, path: Path, item: UnitItem, found: SnapshotSet) -> None:
        spec = spec_from_json(self._settings["potential"])
        made = {
            "potential": f"{spec.kind} {spec.name}",
            "potential_hash": spec.hash,
            "seed": self._settings["seed"],
            "composition": item.inputs["composition"],
            "structure": self._settings["structure"],
            "cells": list(self._settings["cells"]),
            "versions": {"numpy": version("numpy"), **engine_versions(spec)},
            "inputs_hash": item.hash,
        }
        write(path, SnapshotSet(**{**vars(found), "attrs": {**made, **found.attrs}}), self._unit.fence)


def _as_set(
    found: Recording,
    lattice: Lattice,
    occupancy: NDArray[np.uint8],
    elements: tuple[str, ...],
    how: Langevin,
    item: UnitItem,
) -> SnapshotSet:
    """A trajectory as a set of snapshots, with what was measured of it."""
    if found.correlation is None:
        raise ValueError(f"{item.key} has no correlation time: its equilibration has not ended")
    n, step_ps = len(found.step), 1e-3 * how.time_step_fs
    steps = np.array(found.step)
    correlation_ps = {name: step_ps * getattr(found.correlation, name) for name in ("energy", "forces")}
    told = {
        "temperature_K": how.temperature_K,
        "interval_steps": found.correlation.interval,
        "equilibration_steps": item.inputs["sampling"]["equilibration"],
        "correlation_ps": correlation_ps,
        "snapshots": n,
        "n_effective": round(found.n_effective, 1),
    }
    return SnapshotSet(
        elements=elements,
        species=occupancy,
        cell_A=lattice.box_A,
        a_A=lattice.a_A,
        positions_A=np.array(found.positions_A),
        forces_eV_A=np.array(found.forces_eV_A),
        energy_eV=np.array(found.energy_eV),
        temperature_K=np.full(n, how.temperature_K),
        kinetic_K=np.array(found.kinetic_K),
        trajectory=np.zeros(n, dtype=np.int32),
        step=steps,
        time_ps=step_ps * steps,
        correlation_ps=np.full(n, max(correlation_ps.values())),
        attrs={
            "thermostat": f"Langevin (BAOAB), {how.friction_per_ps:g} / ps",
            "time_step_fs": how.time_step_fs,
            "trajectory": told,
        },
    )


def make_snapshots(unit: Unit, comm: Any, stop: Stop) -> None:
    """Make all trajectories of the unit; called on every rank."""
    recorder = Recorder(unit)

    def deliver(result: Result[UnitItem]) -> None:
        if result.value != STOPPED:  # which is neither done nor failed: the next run goes on
            recorder.deliver(result)

    farm: Farm[UnitItem] = make_farm(deliver, stop, comm)
    force_field = make_force_field(spec_from_json(unit.settings["potential"]))

    def should_stop() -> bool:
        farm.poll()
        return stop()

    try:
        maker = SnapshotMaker(unit, PolledForceField(force_field, farm.poll), should_stop)
        farm.run(unit.items, maker.make)
    finally:
        force_field.close()
        recorder.flush()


if __name__ == "__main__":
    sys.exit(run_mpi_job(sys.argv[1:], make_snapshots))
