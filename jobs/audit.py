"""``mpiexec -n RANKS python -m jobs.audit UNIT``: compute some labels again by an independent method."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from jobs.farm import Farm, Result
from jobs.label import PolledForceField
from jobs.mpi_job import make_farm, run_mpi_job
from jobs.prepared import read_system
from jobs.stop import Stop
from jobs.unit import Unit, UnitItem
from nnk.audit import AuditSet, concatenate
from nnk.barriers import BarrierSet, Method
from nnk.files import commit
from nnk.open_barriers import open_barriers
from nnk.potentials import ForceField, make_force_field, spec_from_json
from nnk.saddle import SearchParameters
from nnk.saddle.audit import AuditResult, audit_label, choose_audit

PART_S = 5.0


class Auditor:
    """Audits labels of one set."""

    def __init__(self, unit: Unit, barriers: BarrierSet, force_field: ForceField) -> None:
        self._barriers = barriers
        self._force_field = force_field
        self._system = read_system(unit.workdir)
        self._parameters = SearchParameters(**unit.settings["search"])
        self._lattice = lru_cache(maxsize=None)(barriers.lattice)

    def audit(self, index: int) -> AuditResult:
        """The barrier of one label by the nudged elastic band."""
        occupancy, _, jump = self._barriers.states(index)
        lattice = self._lattice(int(self._barriers.sample[index]))
        elements = self._barriers.elements
        arguments = (lattice, occupancy, elements, jump, self._system, self._parameters)
        method = Method(self._barriers.method[index])
        return audit_label(self._force_field, *arguments, method=method)


def audit_set(barriers: BarrierSet, results: Sequence[Result[int]], inputs_hash: str) -> AuditSet:
    """Audited labels beside their audits."""
    index = np.array([result.item for result in results], dtype=np.int64)
    audits: list[AuditResult] = [result.value for result in results]
    return AuditSet(
        sample_key=tuple(barriers.sample_key[s] for s in barriers.sample[index]),
        vacancy_site=barriers.vacancy_site[index],
        jump=barriers.jump[index],
        flag=barriers.flag[index],
        E_fwd_eV=barriers.E_fwd_eV[index],
        E_bwd_eV=barriers.E_bwd_eV[index],
        neb_E_fwd_eV=np.array([audit.E_fwd_eV for audit in audits], dtype=np.float64),
        neb_E_bwd_eV=np.array([audit.E_bwd_eV for audit in audits], dtype=np.float64),
        neb_calls=np.array([audit.calls for audit in audits], dtype=np.int32),
        negative_modes=np.array([audit.negative_modes for audit in audits], dtype=np.int32),
        inputs_hash=inputs_hash,
    )


class Parts:
    """Audits on their way to disk: a part every few seconds, merged when all are there.

    Parts of the same inputs that an interrupted run has left are used.
    """

    def __init__(self, unit: Unit, barriers: BarrierSet) -> None:
        self._unit = unit
        self._barriers = barriers
        self._hash = unit.items[0].hash
        self._waiting: list[Result[int]] = []
        self._written_s = time.monotonic()
        self._n_parts = 0
        self.errors: list[str] = []

    @property
    def _folder(self) -> Path:
        return self._unit.workdir.audit_file.parent / "parts"

    def load(self) -> list[AuditSet]:
        """The parts there are, of the present inputs."""
        parts = [AuditSet.load(path) for path in sorted(self._folder.glob("*.nc"))]
        return [part for part in parts if part.inputs_hash == self._hash]

    def deliver(self, result: Result[int]) -> None:
        """Take an audit, or its failure."""
        if result.error:
            self.errors.append(result.error)
            return
        self._waiting.append(result)
        if time.monotonic() - self._written_s > PART_S:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        if self._waiting:
            part = audit_set(self._barriers, self._waiting, self._hash)
            path = self._folder / f"{self._unit.name}-{self._n_parts:04d}.nc"
            commit(path, part.save, fence=self._unit.fence)
            self._n_parts += 1
        self._waiting.clear()
        self._written_s = time.monotonic()

    def merge(self) -> AuditSet:
        """All parts as one file; the parts are removed."""
        merged = concatenate(self.load(), self._hash)
        commit(self._unit.workdir.audit_file, merged.save, fence=self._unit.fence)
        self._unit.fence.check()
        for path in self._folder.glob("*.nc"):
            path.unlink()
        return merged


def run_audit(unit: Unit, comm: Any, stop: Stop) -> None:
    """Audit a choice of all labels; called on every rank."""
    with open_barriers(unit.workdir.labels_file) as barriers:
        _audit(unit, barriers, comm, stop)


def _audit(unit: Unit, barriers: BarrierSet, comm: Any, stop: Stop) -> None:
    (item,), settings, began = unit.items, unit.settings, time.perf_counter()
    chosen = choose_audit(barriers, settings["fraction"], settings["at_least"], settings["seed"])
    parts = Parts(unit, barriers)
    left = not_in(parts.load(), barriers, chosen.tolist())
    if comm is not None:
        left = comm.bcast(left)  # rank 0 may write the next part before another rank has looked
    farm: Farm[int] = make_farm(parts.deliver, stop, comm)
    force_field = make_force_field(spec_from_json(settings["potential"]))
    try:
        farm.run(left, Auditor(unit, barriers, PolledForceField(force_field, farm.poll)).audit)
    finally:
        force_field.close()
    if comm is None or comm.rank == 0:
        parts.flush()
        _conclude(unit, item, parts, len(chosen), time.perf_counter() - began)


def not_in(parts: Sequence[AuditSet], barriers: BarrierSet, chosen: Sequence[int]) -> list[int]:
    """The chosen labels that no part holds."""
    there = {identity for part in parts for identity in part.identities()}

    def identity(i: int) -> tuple[str, int, int]:
        sample = barriers.sample_key[barriers.sample[i]]
        return sample, int(barriers.vacancy_site[i]), int(barriers.jump[i])

    return [i for i in chosen if identity(i) not in there]


def _conclude(unit: Unit, item: UnitItem, parts: Parts, n_chosen: int, seconds: float) -> None:
    """Merge the parts if all are there; an audit that has raised fails the whole."""
    if parts.errors:
        error = f"{len(parts.errors)} of {n_chosen} audits failed, the first with {parts.errors[0]}"
        unit.record(unit.outcome(item, "failed", seconds=seconds, error=error))
    elif sum(map(len, parts.load())) == n_chosen:
        calls = int(parts.merge().neb_calls.sum())
        unit.record(unit.outcome(item, "done", seconds=seconds, calls=calls))


if __name__ == "__main__":
    sys.exit(run_mpi_job(sys.argv[1:], run_audit))
