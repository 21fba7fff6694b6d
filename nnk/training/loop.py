"""One training loop for all models and backends.

Everything random is a function of (seed, epoch) and of a label's place in the data, not of a generator that
runs on; so a run that was killed goes on from its last checkpoint to the same weights, bit for bit.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nnk.barriers import BarrierSet
from nnk.files import Fence, rng, stream_key
from nnk.lattice import IntArray
from nnk.models import BarrierModel
from nnk.networks.base import BarrierNetwork
from nnk.networks.kinds import network_class
from nnk.training.backends import Backend, open_backend
from nnk.training.checkpoint import Row, TrainState, load_checkpoint, save_checkpoint
from nnk.training.parameters import Loss, ModelSpec, TrainParameters
from nnk.training.problem import Problem
from nnk.training.products import TrainResult, finish, write_history
from nnk.training.start import make_start

CHECKPOINT = Path("checkpoints") / "last.pt"

Progress = Callable[[Row], None]


class TrainingDiverged(RuntimeError):
    """The loss or the validation error is no longer a number."""


def train(
    barriers: BarrierSet,
    spec: ModelSpec,
    parameters: TrainParameters,
    directory: Path,
    *,
    backend: str = "single",
    fence: Fence | None = None,
    progress: Progress | None = None,
) -> TrainResult:
    """Train a model and write it, with its errors, into `directory`.

    Written: model.safetensors, model.json (errors of every split), history.csv, predictions.csv and
    checkpoints/last.pt, from which an interrupted run of the same data and parameters goes on. With several
    ranks every rank calls this; the first one writes.

    Args:
        barriers: the labels.
        spec, parameters: what to train and how.
        directory: the model's folder.
        backend: "single" or "ddp".
        fence: see `nnk.files.commit`.
        progress: called after every epoch, on the first rank, with the epoch's row of the history.

    Raises:
        ValueError: labels, split or backend do not allow training.
        TrainingDiverged: the loss is not a number.

    Warns:
        UserWarning: an element that no training label moves.
    """
    problem = Problem.of(barriers, spec, parameters)
    if problem.movers_unseen:
        warnings.warn(
            f"no training label moves {', '.join(problem.movers_unseen)}: the model's barriers of such atoms "
            "will be a guess from the others'",
            stacklevel=2,
        )
    with open_backend(backend) as ranks:
        trainer = Trainer(problem, ranks)
        trainer.run(Path(directory), fence, progress if ranks.rank == 0 else None)
        writer = Path(directory) if ranks.rank == 0 else None
        return finish(problem, trainer.best_model, trainer.state, writer, fence)


def learning_rate(done: float, peak: float) -> float:
    """Rate after the share `done` (0 to 1) of all steps: linear to the peak at 1/20, then a cosine to 0."""
    rise = 0.05
    if done < rise:
        return peak * (done + 1e-3) / (rise + 1e-3)
    return peak * 0.5 * (1 + math.cos(math.pi * (done - rise) / (1 - rise)))


def _diverged(epoch: int, what: str, parameters: TrainParameters) -> TrainingDiverged:
    remedy = f"a smaller learning_rate than {parameters.learning_rate:g} may help"
    return TrainingDiverged(f"epoch {epoch}: the {what}; {remedy}")


def _loss(kind: Loss, error: Tensor) -> Tensor:
    if kind == "mse":
        return error**2
    if kind == "mae":
        return error.abs()
    return torch.nn.functional.huber_loss(error, torch.zeros_like(error), reduction="none")


def make_network(problem: Problem) -> BarrierNetwork:
    """A new network whose first weights follow from the seed alone."""
    spec = problem.spec
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(stream_key(problem.parameters.seed, "first weights") >> 1)
        return network_class(spec.kind)(problem.data.setting, spec.options)


class Trainer:
    """A network on its way from first weights to trained ones."""

    def __init__(self, problem: Problem, ranks: Backend) -> None:
        data, parameters = problem.data, problem.parameters
        self.problem, self.data, self.parameters, self.ranks = problem, data, parameters, ranks
        self.train_rows, self.validation_rows = problem.rows("train"), problem.rows("validation")
        self.start = make_start(data, self.train_rows, problem.spec.kind, parameters.ridge)
        self.network = make_network(problem)
        self.parallel = ranks.wrap(self.network)
        trainable = [weights for weights in self.network.parameters() if weights.requires_grad]
        self.optimiser = torch.optim.AdamW(
            trainable, lr=parameters.learning_rate, weight_decay=parameters.weight_decay
        )
        self.state = TrainState()
        missing = np.stack([data.E_fwd_eV - self.start.E_fwd_eV, data.E_bwd_eV - self.start.E_bwd_eV])
        target = torch.tensor((missing / self.start.scale_eV).astype(np.float32))
        # a barrier that is not known has no weight
        self.target, self.weight = torch.nan_to_num(target), torch.isfinite(target).float()
        self.species, self.mover = torch.tensor(data.species), torch.tensor(data.mover)
        self.symmetry = torch.tensor(data.environment.symmetry)

    @property
    def best_model(self) -> BarrierModel:
        """The model with the lowest validation error so far."""
        self.network.load_state_dict(self.state.best_weights)
        return self.network.export(self.start, {})

    def run(self, directory: Path, fence: Fence | None, progress: Progress | None) -> None:
        """Train to the end, from the last checkpoint in `directory` if there is one of this run."""
        self._resume(directory / CHECKPOINT)
        while self.state.epoch < self.parameters.epochs and not self._out_of_patience:
            row = self._epoch()
            last = self.state.epoch == self.parameters.epochs or self._out_of_patience
            due = self.state.epoch % self.parameters.checkpoint_epochs == 0
            if self.ranks.rank == 0 and (due or last):
                self._save(directory, fence)
            if progress is not None:
                progress(row)

    @property
    def _out_of_patience(self) -> bool:
        return self.state.epoch - self.state.best_epoch >= self.parameters.patience

    def _resume(self, path: Path) -> None:
        found = load_checkpoint(path, self.problem.key)
        if found is not None:
            self.state, weights, optimiser = found
            self.network.load_state_dict(weights)
            self.optimiser.load_state_dict(optimiser)

    def _save(self, directory: Path, fence: Fence | None) -> None:
        weights, optimiser = self.network.state_dict(), self.optimiser.state_dict()
        path, key = directory / CHECKPOINT, self.problem.key
        save_checkpoint(path, key, self.state, weights, optimiser, fence=fence)
        write_history(directory, self.state.history, fence)

    def _epoch(self) -> Row:
        """One pass over the training labels; the new row of the history."""
        parameters, epoch = self.parameters, self.state.epoch
        order = rng(parameters.seed, "order", epoch).permutation(self.train_rows)
        # one operation per label and epoch, drawn by the label's place in the data
        turns = rng(parameters.seed, "turns", epoch).integers(len(self.symmetry), size=len(self.data))
        steps = math.ceil(len(order) / parameters.batch_size)
        sums = torch.zeros(2, dtype=torch.float64)
        for step in range(steps):
            rate = learning_rate((epoch + step / steps) / parameters.epochs, parameters.learning_rate)
            batch = order[step * parameters.batch_size : (step + 1) * parameters.batch_size]
            sums += self._step(batch, turns, rate)
        loss, MAE = (self.ranks.total(sums) / self._weights(order)).tolist()
        if not math.isfinite(loss):
            raise _diverged(epoch + 1, f"loss is {loss} at learning rate {rate:.3g}", parameters)
        return self._record({"learning_rate": rate, "loss": loss, "train_MAE_eV": MAE * self.start.scale_eV})

    def _step(self, batch: IntArray, turns: IntArray, rate: float) -> Tensor:
        """One optimiser step; this rank's sums of losses and of absolute errors."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        mine = batch[self.ranks.rank :: self.ranks.world_size]
        columns = self.symmetry[torch.tensor(turns[mine])]
        rows = torch.tensor(mine)
        species = torch.gather(self.species[rows], 1, columns)
        output = self.parallel(species, self.mover[rows])
        error = self.weight[:, rows] * (torch.stack([output.forward, output.backward]) - self.target[:, rows])
        loss = _loss(self.parameters.loss, error).sum()
        if output.penalty is not None:
            loss = loss + output.penalty.sum()
        self.optimiser.zero_grad()
        # gradients are averaged over the ranks, so each rank's share of the mean is scaled up
        (loss * self.ranks.world_size / self._weights(batch)).backward()
        self.optimiser.step()
        return torch.stack([loss.detach(), error.detach().abs().sum()]).double()

    def _weights(self, rows: IntArray) -> float:
        """Sum of the weights of the labels `rows`: the number of their barriers that are known."""
        return float(self.weight[:, torch.tensor(rows)].sum())

    def _record(self, row: Row) -> Row:
        """Validate, keep the best weights, and add the row of this epoch."""
        MAE_eV, RMSE_eV = self._validation_errors_eV()
        state = self.state
        if not math.isfinite(MAE_eV):
            raise _diverged(state.epoch + 1, f"validation error is {MAE_eV} eV", self.parameters)
        state.epoch += 1
        if MAE_eV < state.best_MAE_eV:
            state.best_epoch, state.best_MAE_eV = state.epoch, MAE_eV
            state.best_weights = {name: value.clone() for name, value in self.network.state_dict().items()}
        row = {"epoch": state.epoch, **row, "validation_MAE_eV": MAE_eV, "validation_RMSE_eV": RMSE_eV}
        state.history.append(row)
        return row

    def _validation_errors_eV(self) -> tuple[float, float]:
        mine = self.validation_rows[self.ranks.rank :: self.ranks.world_size]
        sums = torch.zeros(2, dtype=torch.float64)
        with torch.no_grad():
            for chunk in np.array_split(mine, math.ceil(len(mine) / 4096)) if len(mine) else []:
                rows = torch.tensor(chunk)
                output = self.network(self.species[rows], self.mover[rows])
                predicted = torch.stack([output.forward, output.backward])
                error = self.weight[:, rows] * (predicted - self.target[:, rows])
                sums += torch.stack([error.abs().sum(), (error**2).sum()]).double()
        MAE, mean_square = (self.ranks.total(sums) / self._weights(self.validation_rows)).tolist()
        return MAE * self.start.scale_eV, math.sqrt(mean_square) * self.start.scale_eV
