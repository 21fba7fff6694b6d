"""``mpiexec -n RANKS python -m jobs.label UNIT``: barriers of the vacancies of a unit.

Rank 0 hands vacancies to the ranks as these come free; each rank writes the labels it has made into a journal
of its own before it reports them, so that a death at any moment loses nothing but the barriers in work. A
vacancy's labels depend on its item alone: not on the rank, the unit, or what was computed before.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jobs.farm import Farm
from jobs.in_work import WorkMark
from jobs.jumps import SUFFIX, JumpNotes, OneJump
from jobs.mpi_job import make_farm, run_mpi_job
from jobs.prepared import read_lattice_parameter_A, read_system
from jobs.records import Recorder
from jobs.segments import LabelledVacancy, barrier_set
from jobs.stop import Stop
from jobs.teams import Team
from jobs.unit import Unit, UnitItem
from nnk.alloy import exact_counts, fractions_of, with_vacancy
from nnk.barrier_columns import Flag
from nnk.barrier_journal import Journal
from nnk.lattice import Lattice
from nnk.potentials import ForceField, engine_versions, make_force_field, spec_from_json
from nnk.potentials.base import FloatArray
from nnk.saddle import SearchParameters, VacancyLabels, label_vacancy, unlabelled
from nnk.saddle.label import KeptJumps
from nnk.saddle.team import help_out
from nnk.samples import (
    FarFieldParameters,
    OrderedRun,
    SiteChoice,
    far_field_sample,
    random_sample,
    site_order,
    vacancy_stream,
)


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


class Sample(NamedTuple):
    """Atoms, and what is known of them.

    Attributes:
        occupancy: uint8[n_sites], every site filled.
        degree, exchanges: which state of an exchange run they are, and the exchanges tried before it.
        hop: site of the vacancy and direction of the only jump to label; None: of all jumps of any vacancy.
    """

    occupancy: NDArray[np.uint8]
    degree: int = 0
    exchanges: int = 0
    hop: tuple[int, int] | None = None


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

    def label(self, item: UnitItem, kept: KeptJumps | None = None) -> LabelledVacancy:
        """The labels of the vacancy of an item, of which some jumps may have been labelled before."""
        name, sample = item.inputs["composition"], item.inputs["sample"]
        lattice, atoms = self._lattice(name), self._sample(name, sample)
        reason = item.inputs.get("given_up", {}).get("error", "")
        if atoms.hop is None:
            site = int(self._site_order(name, sample)[item.inputs["vacancy"]])
            labels, jumps = self._labels(lattice, atoms, site, reason, kept), np.arange(lattice.z)
        else:
            site, jump = atoms.hop
            one = OneJump(jump, kept)
            labels, jumps = one.only(self._labels(lattice, atoms, site, reason, one)), np.array([jump])
        return LabelledVacancy(
            lattice=lattice,
            occupancy=atoms.occupancy,
            sample_key=f"{name}/s{sample:04d}",
            fractions=self._fractions(name),
            site=site,
            labels=labels,
            jumps=jumps,
            degree=atoms.degree,
            exchanges=atoms.exchanges,
        )

    def _labels(
        self, lattice: Lattice, atoms: Sample, site: int, reason: str, kept: KeptJumps | None
    ) -> VacancyLabels:
        """The labels of a vacancy; of one that was given up, for what `reason`, those made before."""
        if reason:
            return unlabelled(lattice.z, Flag.ERROR, reason, kept=kept)
        return label_vacancy(
            self._force_field,
            lattice,
            with_vacancy(atoms.occupancy, site),
            self._settings["elements"],
            self._hessian(lattice),
            self._parameters,
            kept=kept,
        )

    def _fractions(self, name: str) -> NDArray[np.float64]:
        return fractions_of(self._settings["compositions"][name], self._settings["elements"])

    def _sample(self, name: str, sample: int) -> Sample:
        ordered, far_field = self._settings["samples"], self._settings["far_field"]
        if ordered is not None:
            run, degree = divmod(sample, ordered["degrees"])
            product = self._ordered_run(name, run)
            return Sample(product.occupancy[degree], degree, int(product.trials[degree]))
        seed, lattice = self._settings["seed"], self._lattice(name)
        counts = exact_counts(self._fractions(name), lattice.n_sites)
        if far_field is None:
            return Sample(random_sample(seed, name, sample, counts))
        place = FarFieldParameters(**far_field).place(sample)
        made = far_field_sample(place, seed, name, lattice, counts)
        return Sample(made.occupancy, hop=(made.site, made.jump))

    def _load_ordered_run(self, name: str, run: int) -> OrderedRun:
        return OrderedRun.load(self._unit.workdir.samples_file(f"{name}/r{run:03d}"))

    def _make_site_order(self, name: str, sample: int) -> NDArray[np.int64]:
        occupancy = self._sample(name, sample).occupancy
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


class Desk:
    """Labels items and puts the labels into a journal, marking what is in work."""

    def __init__(
        self, unit: Unit, labeller: Labeller, journal: Journal, jumps: JumpNotes, mark: WorkMark
    ) -> None:
        self._elements = tuple(unit.settings["elements"])
        self._attrs = attributes(unit)
        self._fence = unit.fence
        self._labeller = labeller
        self._journal = journal
        self._jumps = jumps
        self._mark = mark

    def work(self, item: UnitItem) -> dict[str, Any]:
        """Label an item; what is to be recorded of it."""
        with self._mark.on(item):
            vacancy = self._labeller.label(item, self._jumps.of(item.hash))
            self._fence.check()
            self._journal.add(barrier_set(self._elements, [(item.hash, vacancy)], self._attrs))
            self._jumps.clear()
        calls = round(float(vacancy.labels.calls.sum()))
        return {"calls": calls, **item.inputs.get("given_up", {})}


def label(unit: Unit, comm: Any, stop: Stop) -> None:
    """Label all vacancies of the unit; called on every rank."""
    rank, size = (comm.rank if comm else 0), unit.settings["ranks_per_barrier"]
    team = Team.of(comm, size)
    with WorkMark(unit, rank // size, rank) as mark:
        own = make_force_field(spec_from_json(unit.settings["potential"]))
        if team.leads:
            _lead(unit, team, own, mark, stop)
        else:
            help_out(own, team.comm)
            own.close()


def _lead(unit: Unit, team: Team, own: ForceField, mark: WorkMark, stop: Stop) -> None:
    """Take items; called on the ranks that lead a team."""
    rank = team.leaders.rank if team.leaders else 0
    recorder = Recorder(unit)
    farm: Farm[UnitItem] = make_farm(recorder.deliver, recorder.last_orders(stop), team.leaders)
    force_field = team.force_field(PolledForceField(own, farm.poll))
    try:
        path = unit.journal(rank)
        notes = JumpNotes(path.with_suffix(SUFFIX), unit.fence)
        with Journal(path) as journal, notes as jumps:
            farm.run(unit.items, Desk(unit, Labeller(unit, force_field), journal, jumps, mark).work)
    finally:
        force_field.close()
        recorder.flush()


if __name__ == "__main__":
    sys.exit(run_mpi_job(sys.argv[1:], label))
