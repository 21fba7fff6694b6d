"""Training of force models: what the course of a run (`nnk.training.epochs`) asks of snapshots."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from nnk.files import Fence, stream_key
from nnk.forces.base import Answer, ForceNetwork
from nnk.forces.model import ForceModel
from nnk.forces.options import force_network
from nnk.forces.parameters import ForceSpec, ForceTraining
from nnk.forces.problem import ForceProblem
from nnk.forces.products import ForceResult, finish
from nnk.snapshots import SnapshotSet
from nnk.training.backends import Backend
from nnk.training.checkpoint import Row
from nnk.training.epochs import Course, Progress

_AT_ONCE = 128


def train_forces(
    snapshots: SnapshotSet,
    spec: ForceSpec,
    training: ForceTraining,
    directory: Path,
    *,
    ranks: Backend | None = None,
    fence: Fence | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> ForceResult:
    """Train one force model and write it, with its errors, into `directory`.

    Written: model.safetensors, model.json (errors of every split), history.csv, predictions.nc (of the test
    split) and checkpoints/last.pt, from which an interrupted run of the same data and parameters goes on. Of
    several ranks each calls this; the first one writes.

    Args:
        snapshots: the data.
        spec, training: what to train and how.
        directory: the model's folder.
        ranks, fence, progress, stop: as in `nnk.training.loop.train_network`.

    Raises:
        ValueError: the snapshots do not allow training.
        TrainingDiverged: the loss is not a number.
        TrainingStopped: `stop` said so.
    """
    problem, ranks = ForceProblem.of(snapshots, spec, training), ranks or Backend()
    writer = Path(directory) if ranks.rank == 0 else None
    if not force_network(spec.kind).learns:
        return finish(problem, exported(problem, make_network(problem)), [], writer, fence)
    trainer = ForceTrainer(problem, ranks)
    trainer.run(Path(directory), fence, progress if ranks.rank == 0 else None, stop)
    return finish(problem, trainer.best_model, trainer.state.history, writer, fence)


def make_network(problem: ForceProblem) -> ForceNetwork:
    """A new network that has seen the training snapshots; its first weights follow from the seed alone."""
    spec, rows = problem.spec, problem.rows.train
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(stream_key(problem.training.own_seed, "first weights") >> 1)
        network = force_network(spec.kind)(problem.atoms, spec.options)
    snapshots = problem.snapshots
    network.see(snapshots.positions_A[rows], snapshots.forces_eV_A[rows] / problem.scale_eV_A)
    return network


def exported(problem: ForceProblem, network: ForceNetwork) -> ForceModel:
    """The network as a model, not yet described."""
    weights = {name: value.cpu().numpy().copy() for name, value in network.state_dict().items()}
    return ForceModel(
        problem.spec.kind,
        problem.spec.options,
        problem.atoms,
        scale_eV_A=problem.scale_eV_A,
        mean_energy_eV=problem.mean_energy_eV,
        weights=weights,
    )


class ForceTrainer(Course):
    """A force network on its way from first weights to trained ones."""

    validated = "validation_RMSE_eV_A"
    network: ForceNetwork
    parameters: ForceTraining

    def __init__(self, problem: ForceProblem, ranks: Backend) -> None:
        snapshots, device = problem.snapshots, ranks.device
        network = make_network(problem)
        around = network.surroundings(problem.atoms, snapshots.positions_A)
        self.problem, self.around = problem, around if around is None else around.to(device)
        self.positions = torch.tensor(snapshots.positions_A, dtype=torch.float32, device=device)
        forces, energies = snapshots.forces_eV_A, snapshots.energy_eV - problem.mean_energy_eV
        self.forces = torch.tensor(forces / problem.scale_eV_A, dtype=torch.float32, device=device)
        self.energies = torch.tensor(energies / problem.scale_eV_A, dtype=torch.float32, device=device)
        super().__init__(
            network.to(device), problem.training, ranks, key=problem.key, train_rows=problem.rows.train
        )

    @property
    def best_model(self) -> ForceModel:
        """The model with the lowest validation error so far."""
        self.network.load_state_dict(self.state.best_weights)
        return exported(self.problem, self.network)

    def weight(self, rows: Tensor) -> Tensor:
        """Number of snapshots."""
        return torch.tensor(float(len(rows)), device=rows.device)

    def loss(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Squared errors, and the sum over the rows of those of the forces alone."""
        answer = self.network(self.positions[rows], self.around)
        squared = self._squared(answer, rows)
        loss = squared.sum()
        if answer.energy is not None and self.parameters.energy_weight:
            per_atom = (answer.energy - self.energies[rows]) / self.positions.shape[1]
            loss = loss + self.parameters.energy_weight * per_atom.square().sum()
        return loss, squared.detach().sum()[None]

    def _squared(self, answer: Answer, rows: Tensor) -> Tensor:
        """Mean squared error [b] of each snapshot's forces, in units of the scale."""
        return (answer.forces - self.forces[rows]).square().mean((1, 2))

    def report(self, sums: list[float], rows: Tensor) -> Row:
        """Root-mean-square error of the forces while training."""
        return {"train_RMSE_eV_A": math.sqrt(sums[0] / len(rows)) * self.problem.scale_eV_A}

    @torch.no_grad()
    def validate(self) -> Row:
        """Mean squared error in units of the scale (the loss of the paper), and errors of the forces."""
        rows = torch.tensor(self.problem.rows.validation, device=self.ranks.device)
        sums = torch.zeros(2, dtype=torch.float64, device=self.ranks.device)
        self.network.eval()
        for part in rows[self.ranks.rank :: self.ranks.world_size].split(_AT_ONCE):
            answer = self.network(self.positions[part], self.around)
            size = (answer.forces - self.forces[part]).abs().mean((1, 2)).sum()
            sums += torch.stack([self._squared(answer, part).sum(), size]).double()
        squared, size = (self.ranks.total(sums) / len(rows)).tolist()
        scale = self.problem.scale_eV_A
        return {
            "validation_loss": squared,
            "validation_RMSE_eV_A": math.sqrt(squared) * scale,
            "validation_MAE_eV_A": size * scale,
        }
