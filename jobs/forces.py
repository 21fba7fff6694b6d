"""``python -m jobs.forces UNIT``: train a force model; on several ranks under torchrun or MPI's launcher."""

from __future__ import annotations

import sys

from jobs.stop import Stop
from jobs.train import before_the_walltime, main
from jobs.unit import Unit
from nnk.forces import ForceSpec, ForceTraining
from nnk.forces.fit import train_forces
from nnk.snapshots import SnapshotSet
from nnk.training.backends import Backend


def train_force_model(unit: Unit, ranks: Backend, stop: Stop) -> None:
    """Train the force model of the unit's only item; goes on from its last checkpoint."""
    (item,) = unit.items
    train_forces(
        SnapshotSet.load(unit.workdir.snapshots_file(item.inputs["composition"])),
        ForceSpec(**unit.settings["model"]),
        ForceTraining(**unit.settings["forces"]),
        unit.workdir.force_model_dir(item.key),
        ranks=ranks,
        fence=unit.fence,
        stop=before_the_walltime(stop),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], train_force_model))
