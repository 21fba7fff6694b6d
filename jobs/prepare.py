"""``python -m jobs.prepare UNIT``: try the potential, fit the model Hessian, find each lattice parameter.

The potential is constructed here for the first time, in a unit of its own: a mistake in it shows before
anything else is started.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from jobs.farm import Result
from jobs.mpi_job import make_farm, run_mpi_job
from jobs.prepared import write_product
from jobs.stop import Stop
from jobs.unit import Unit, UnitItem
from nnk.alloy import fractions_of
from nnk.potentials import spec_from_json
from nnk.potentials.probe import probe
from nnk.saddle import fit_system, zero_pressure_lattice_parameter


def prepare(unit: Unit, comm: Any, stop: Stop) -> None:
    """Prepare all items of the unit; called on every rank."""

    def deliver(result: Result[UnitItem]) -> None:
        item, fence = result.item, unit.fence
        state = "failed" if result.error else "done"
        if not result.error:
            path = unit.workdir.labels_dir / f"{item.key}.json"
            write_product(path, result.value, item.hash, fence)
        unit.record(unit.outcome(item, state, seconds=result.seconds, error=result.error))

    make_farm(deliver, stop, comm).run(unit.items, lambda item: product_of(unit, item))


def product_of(unit: Unit, item: UnitItem) -> dict[str, Any]:
    """Content of one prepared product."""
    settings = unit.settings
    spec = spec_from_json(settings["potential"])
    elements, structure, seed = settings["elements"], settings["structure"], settings["seed"]
    if item.key == "potential":
        return asdict(probe(spec, elements, structure))
    if item.key == "system":
        return dict(json.loads(fit_system(spec, elements, structure, seed).to_json()))
    fractions = fractions_of(item.inputs["composition"], elements)
    a_A = item.inputs.get("a_A")
    if a_A is None:
        a_A = zero_pressure_lattice_parameter(spec, elements, fractions, structure, seed)
    return {"composition": item.inputs["composition"], "a_A": a_A, "potential_hash": spec.hash}


if __name__ == "__main__":
    sys.exit(run_mpi_job(sys.argv[1:], prepare))
