"""``mpiexec -n RANKS python -m jobs.samples UNIT``: samples with short-range order, an exchange run per item.

A run belongs to one rank, which keeps its state in ``samples/<composition>/r000.npz`` and writes the finished
run itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.farm import Farm, Result
from jobs.label import PolledForceField
from jobs.mpi_job import make_farm, run_mpi_job
from jobs.prepared import read_lattice_parameter_A, read_system
from jobs.stop import Stop
from jobs.unit import Unit, UnitItem
from nnk.alloy import exact_counts, fractions_of, random_solution
from nnk.exchange.crystal import Crystal
from nnk.exchange.fit import fit_lattice, fit_pair_hamiltonian
from nnk.exchange.pairs import PairHamiltonian
from nnk.exchange.parameters import FitParameters
from nnk.files import commit, rng, stream_key
from nnk.lattice import Lattice
from nnk.potentials import ForceField, make_force_field, spec_from_json
from nnk.samples import OrderedParameters, OrderedRun
from nnk.samples.ordered import (
    Checkpoint,
    Degrees,
    coupled_parameters,
    coupled_run,
    lattice_run,
    take_degrees,
)

CHECKPOINT_S = 60.0
STOPPED = "stopped"


class Sampler:
    """Makes the exchange runs of one unit."""

    def __init__(self, unit: Unit, force_field: ForceField, should_stop: Callable[[], bool]) -> None:
        self._unit = unit
        self._settings = unit.settings
        self._force_field = force_field
        self._should_stop = should_stop
        self._system = read_system(unit.workdir)
        self._how = OrderedParameters(**unit.settings["samples"])
        self._pairs: dict[str, PairHamiltonian] = {}

    def make(self, item: UnitItem) -> str:
        """Make a run, or go on with it, and write it; `STOPPED` if it has to go on another time."""
        name, run = item.inputs["composition"], item.inputs["run"]
        settings = self._settings
        elements, seed = tuple(settings["elements"]), settings["seed"]
        lattice = self._lattice(name)
        fractions = fractions_of(settings["compositions"][name], elements)
        start = random_solution(
            exact_counts(fractions, lattice.n_sites), rng(seed, "samples", "start", name, run)
        )
        key = stream_key(seed, "samples", "exchange", name, run)
        crystal = self._crystal(lattice)
        pairs = self._pairs_of(name, lattice, fractions) if self._how.mode == "lattice" else None
        if pairs is not None:
            make_run: Any = lattice_run(crystal, pairs, start, key, self._how.temperature_K)
        else:
            make_run = coupled_run(crystal, start, key, coupled_parameters(self._how))
        path = self._unit.workdir.samples_file(item.key)
        checkpoint = Checkpoint(path.with_suffix(".npz"), item.hash, CHECKPOINT_S, self._unit.fence)
        degrees = take_degrees(make_run, self._how.numbers(lattice.n_sites), checkpoint, self._should_stop)
        if degrees is None:
            return STOPPED
        product = self._product(item, lattice, degrees, pairs.to_json() if pairs else "")
        self._write(path, product)
        checkpoint.remove()
        return "done"

    def _lattice(self, name: str) -> Lattice:
        a_A = read_lattice_parameter_A(self._unit.workdir, name)
        return Lattice(self._settings["structure"], tuple(self._settings["cells"]), a_A)

    def _crystal(self, lattice: Lattice) -> Crystal:
        elements, hessian = tuple(self._settings["elements"]), self._system.lattice_hessian(lattice)
        max_force = self._settings["search"]["max_force_eV_A"]
        return Crystal(self._force_field, lattice, elements, hessian, max_force)

    def _pairs_of(self, name: str, lattice: Lattice, fractions: NDArray[np.float64]) -> PairHamiltonian:
        """Pair energies of an alloy, fitted once."""
        if name not in self._pairs:
            small = fit_lattice(lattice)
            how = FitParameters(
                shells=self._how.shells,
                energies=self._how.energies,
                n_cells=self._how.fit_cells,
                temperature_K=self._how.temperature_K,
                seed=self._settings["seed"],
                name=name,
            )
            counts = exact_counts(fractions, small.n_sites)
            self._pairs[name] = fit_pair_hamiltonian(self._crystal(small), counts, how)
        return self._pairs[name]

    def _product(self, item: UnitItem, lattice: Lattice, degrees: Degrees, pairs_json: str) -> OrderedRun:
        return OrderedRun(
            elements=tuple(self._settings["elements"]),
            structure=lattice.structure,
            cells=lattice.cells,
            a_A=lattice.a_A,
            occupancy=np.array(degrees.occupancy),
            trials=np.array(degrees.trials, dtype=np.int64),
            accepted=np.array(degrees.accepted, dtype=np.int64),
            energy_eV=np.array(degrees.energy_eV),
            temperature_K=self._how.temperature_K,
            mode=self._how.mode,
            composition=item.inputs["composition"],
            run=item.inputs["run"],
            pairs_json=pairs_json,
            inputs_hash=item.hash,
        )

    def _write(self, path: Path, product: OrderedRun) -> None:
        commit(path, product.save, fence=self._unit.fence)


def make_samples(unit: Unit, comm: Any, stop: Stop) -> None:
    """Make all runs of the unit; called on every rank."""

    def deliver(result: Result[UnitItem]) -> None:
        if result.value == STOPPED:
            return  # neither done nor failed: the next run goes on
        state = "failed" if result.error else "done"
        unit.record(unit.outcome(result.item, state, seconds=result.seconds, error=result.error))

    farm: Farm[UnitItem] = make_farm(deliver, stop, comm)
    force_field = make_force_field(spec_from_json(unit.settings["potential"]))

    def should_stop() -> bool:
        farm.poll()
        return stop()

    try:
        sampler = Sampler(unit, PolledForceField(force_field, farm.poll), should_stop)
        farm.run(unit.items, sampler.make)
    finally:
        force_field.close()


if __name__ == "__main__":
    sys.exit(run_mpi_job(sys.argv[1:], make_samples))
