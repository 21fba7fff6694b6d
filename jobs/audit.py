"""``mpiexec -n RANKS python -m jobs.audit UNIT``: compute some labels again by an independent method."""

from __future__ import annotations

import sys
import time
from functools import lru_cache
from typing import Any

import numpy as np

from jobs.farm import Farm, Result
from jobs.label import PolledForceField
from jobs.mpi_job import make_farm, run_mpi_job
from jobs.prepared import read_system
from jobs.stop import Stop
from jobs.unit import Unit
from nnk.audit import AuditSet
from nnk.barriers import BarrierSet
from nnk.files import commit
from nnk.potentials import ForceField, PotentialSpec, make_force_field
from nnk.saddle import SearchParameters
from nnk.saddle.audit import AuditResult, audit_label, choose_audit


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
        return audit_label(
            self._force_field, lattice, occupancy, elements, jump, self._system, self._parameters
        )


def audit_set(barriers: BarrierSet, results: dict[int, AuditResult], inputs_hash: str) -> AuditSet:
    """Audited labels beside their audits, in the order of the labels."""
    index = np.array(sorted(results), dtype=np.int64)
    audits = [results[i] for i in index.tolist()]
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


def run_audit(unit: Unit, comm: Any, stop: Stop) -> None:
    """Audit a choice of all labels; called on every rank. An audit that raises fails the whole."""
    (item,), settings, began = unit.items, unit.settings, time.perf_counter()
    barriers = BarrierSet.load(unit.workdir.labels_file)
    chosen = choose_audit(barriers, settings["fraction"], settings["at_least"], settings["seed"]).tolist()
    results: dict[int, Result[int]] = {}
    farm: Farm[int] = make_farm(lambda result: results.update({result.item: result}), stop, comm)
    force_field = make_force_field(PotentialSpec(**settings["potential"]))
    try:
        farm.run(chosen, Auditor(unit, barriers, PolledForceField(force_field, farm.poll)).audit)
    finally:
        force_field.close()
    if (comm is not None and comm.rank) or len(results) < len(chosen):
        return
    seconds, errors = time.perf_counter() - began, [r.error for r in results.values() if r.error]
    if errors:
        error = f"{len(errors)} of {len(chosen)} audits failed, the first with {errors[0]}"
        unit.record(unit.outcome(item, "failed", seconds=seconds, error=error))
        return
    audits = audit_set(barriers, {i: r.value for i, r in results.items()}, item.hash)
    commit(unit.workdir.audit_file, audits.save, fence=unit.fence)
    unit.record(unit.outcome(item, "done", seconds=seconds, calls=int(audits.neb_calls.sum())))


if __name__ == "__main__":
    sys.exit(run_mpi_job(sys.argv[1:], run_audit))
