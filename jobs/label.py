"""``mpiexec -n RANKS python -m jobs.label UNIT``: barriers of the vacancies of a unit.

Rank 0 hands vacancies to the ranks as these come free, and writes the labels. A vacancy's labels depend on
its item alone: not on the rank, the unit, or what was computed before.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jobs.farm import Farm
from jobs.mpi_job import make_farm, run_mpi_job
from jobs.prepared import read_lattice_parameter_A, read_system
from jobs.segments import LabelledVacancy, SegmentWriter
from jobs.stop import Stop
from jobs.teams import Team
from jobs.unit import Unit, UnitItem
from nnk.alloy import exact_counts, fractions_of, with_vacancy
from nnk.lattice import Lattice
from nnk.potentials import ForceField, engine_versions, make_force_field, spec_from_json
from nnk.potentials.base import FloatArray
from nnk.saddle import SearchParameters, label_vacancy
from nnk.saddle.team import help_out
from nnk.samples import OrderedRun, SiteChoice, random_sample, site_order, vacancy_stream


class PolledForceField:
    """A force field that lets `poll` look after others before each evaluation."""

    def __init__(self, inner: ForceField, poll: Callable[[], None]) -> None:
        self._inner = inner
        self._poll = poll

    @property
    def calls(self) -> int:
        """Evaluations so far."""
        return self._inner.calls

    def set(self, species: Any, cell_A: ArrayLike) -> None:
        """See `ForceField.set`."""
        self._inner.set(species, cell_A)

    def energy_forces(self, positions_A: FloatArray) -> tuple[float, FloatArray]:
        """See `ForceField.energy_forces`."""
        self._poll()
        return self._inner.energy_forces(positions_A)

    def energy_forces_stress(self, positions_A: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """See `ForceField.energy_forces_stress`."""
        self._poll()
        return self._inner.energy_forces_stress(positions_A)

    def close(self) -> None:
        """See `ForceField.close`."""
        self._inner.close()


class Labeller:
    """Labels vacancies of one unit; keeps what they share."""

    def __init__(self, unit: Unit, force_field: ForceField) -> None:
        self._unit = unit
        self._settings = unit.settings
        self._force_field = force_field
        self._system = read_system(unit.workdir)
        self._parameters = SearchParameters(**unit.settings["search"])
        self._lattice = lru_cache(maxsize=None)(self._make_lattice)
        self._hessian = lru_cache(maxsize=4)(self._system.lattice_hessian)
        self._ordered_run = lru_cache(maxsize=2)(self._load_ordered_run)
        self._site_order = lru_cache(maxsize=2)(self._make_site_order)

    def _make_lattice(self, composition: str) -> Lattice:
        a_A = read_lattice_parameter_A(self._unit.workdir, composition)
        return Lattice(self._settings["structure"], tuple(self._settings["cells"]), a_A)

    def label(self, item: UnitItem) -> LabelledVacancy:
        """The labels of the vacancy of an item."""
        name, sample = item.inputs["composition"], item.inputs["sample"]
        elements = self._settings["elements"]
        lattice, fractions = self._lattice(name), self._fractions(name)
        occupancy, degree, exchanges = self._sample(name, sample)
        site = int(self._site_order(name, sample)[item.inputs["vacancy"]])
        labels = label_vacancy(
            self._force_field,
            lattice,
            with_vacancy(occupancy, site),
            elements,
            self._hessian(lattice),
            self._parameters,
        )
        key = f"{name}/s{sample:04d}"
        return LabelledVacancy(lattice, occupancy, key, fractions, site, labels, degree, exchanges)

    def _fractions(self, name: str) -> NDArray[np.float64]:
        return fractions_of(self._settings["compositions"][name], self._settings["elements"])

    def _sample(self, name: str, sample: int) -> tuple[NDArray[np.uint8], int, int]:
        """Atoms of a sample, which state of its exchange run it is, and the exchanges tried before."""
        ordered = self._settings["samples"]
        if ordered is None:
            counts = exact_counts(self._fractions(name), self._lattice(name).n_sites)
            return random_sample(self._settings["seed"], name, sample, counts), 0, 0
        run, degree = divmod(sample, ordered["degrees"])
        product = self._ordered_run(name, run)
        return product.occupancy[degree], degree, int(product.trials[degree])

    def _load_ordered_run(self, name: str, run: int) -> OrderedRun:
        return OrderedRun.load(self._unit.workdir.samples_file(f"{name}/r{run:03d}"))

    def _make_site_order(self, name: str, sample: int) -> NDArray[np.int64]:
        occupancy, _, _ = self._sample(name, sample)
        stream = vacancy_stream(self._settings["seed"], name, sample)
        choice = SiteChoice(**self._settings["sites"])
        return site_order(choice, self._lattice(name), occupancy, len(self._settings["elements"]), stream)


def attributes(unit: Unit) -> dict[str, Any]:
    """What is noted with the labels: how they were made."""
    spec, search = spec_from_json(unit.settings["potential"]), unit.settings["search"]
    return {
        "potential": f"{spec.kind} {spec.name}",
        "potential_hash": spec.hash,
        "seed": unit.settings["seed"],
        "max_force_eV_A": search["max_force_eV_A"],
        "connected": int(search["connect"]),
        "method": search["method"],
        "box": unit.settings["box"],
        "numpy": version("numpy"),
        **engine_versions(spec),
    }


def label(unit: Unit, comm: Any, stop: Stop) -> None:
    """Label all vacancies of the unit; called on every rank."""
    team = Team.of(comm, unit.settings["ranks_per_barrier"])
    own = make_force_field(spec_from_json(unit.settings["potential"]))
    if not team.leads:
        help_out(own, team.comm)
        own.close()
        return
    writer = SegmentWriter(unit, attributes(unit))
    farm: Farm[UnitItem] = make_farm(writer.deliver, stop, team.leaders)
    force_field = team.force_field(PolledForceField(own, farm.poll))
    labeller = Labeller(unit, force_field)
    try:
        farm.run(unit.items, labeller.label)
    finally:
        force_field.close()
        writer.flush()


if __name__ == "__main__":
    sys.exit(run_mpi_job(sys.argv[1:], label))
