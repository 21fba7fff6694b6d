"""One training loop for all models and backends.

Everything random is a function of (seed, epoch) and of a label's place in the data, not of a generator that
runs on; so a run that was killed goes on from its last checkpoint to the same weights, bit for bit.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nnk.barriers import BarrierSet
from nnk.files import Fence, rng, stream_key
from nnk.models import BarrierModel
from nnk.models.network_model import NetworkModel
from nnk.networks.base import BarrierNetwork
from nnk.networks.batch_norm import synchronise
from nnk.networks.kinds import network_class
from nnk.training.backends import Backend
from nnk.training.checkpoint import Row, TrainState, load_checkpoint, save_checkpoint
from nnk.training.kernel import with_lessons
from nnk.training.label_tensors import LabelTensors, Turns
from nnk.training.optimisers import losses, make_optimiser
from nnk.training.parameters import ModelSpec, TrainParameters
from nnk.training.problem import Problem
from nnk.training.products import TrainResult, finish, write_history
from nnk.training.schedules import rates_of
from nnk.training.start import make_start

CHECKPOINT = Path("checkpoints") / "last.pt"

Progress = Callable[[Row], None]


class TrainingDiverged(RuntimeError):
    """The loss or the validation error is no longer a number."""


class TrainingStopped(Exception):
    """Training was asked to end before it was done; its last checkpoint is kept."""


def train_network(
    barriers: BarrierSet,
    spec: ModelSpec,
    parameters: TrainParameters,
    directory: Path,
    *,
    ranks: Backend | None = None,
    fence: Fence | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> TrainResult:
    """Train one network and write it, with its errors, into `directory`.

    Written: model.safetensors, model.json (errors of every split), history.csv, predictions.csv and
    checkpoints/last.pt (best and last weights), from which an interrupted run of the same data and parameters
    goes on. With several ranks every rank calls this; the first one writes.

    Args:
        barriers: the labels.
        spec, parameters: what to train and how.
        directory: the model's folder.
        ranks: see `nnk.training.backends.open_backend`; None: this process alone, on the CPU.
        fence: see `nnk.files.commit`.
        progress: called after every epoch, on the first rank, with the epoch's row of the history.
        stop: asked after every epoch, on every rank; if one of them says so, all end with a checkpoint.

    Raises:
        ValueError: labels or split do not allow training.
        TrainingDiverged: the loss is not a number.
        TrainingStopped: `stop` said so.

    Warns:
        UserWarning: an element that no training label moves.
    """
    problem, ranks = Problem.of(barriers, spec, parameters), ranks or Backend()
    if problem.movers_unseen:
        warnings.warn(
            f"no training label moves {', '.join(problem.movers_unseen)}: the model's barriers of such atoms "
            "will be a guess from the others'",
            stacklevel=2,
        )
    trainer = Trainer(problem, ranks)
    trainer.run(Path(directory), fence, progress if ranks.rank == 0 else None, stop)
    writer = Path(directory) if ranks.rank == 0 else None
    return finish(problem, trainer.best_model, trainer.state, writer, fence)


def _diverged(epoch: int, what: str, parameters: TrainParameters) -> TrainingDiverged:
    remedy = f"a smaller learning_rate than {parameters.learning_rate:g} may help"
    return TrainingDiverged(f"epoch {epoch}: the {what}; {remedy}")


def make_network(problem: Problem) -> BarrierNetwork:
    """A new network whose first weights follow from the seed alone."""
    spec = problem.spec
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(stream_key(problem.parameters.own_seed, "first weights") >> 1)
        return network_class(spec.kind)(problem.data.setting, spec.options)


def _batches(order: Tensor, size: int) -> list[Tensor]:
    """`order` in batches of `size`; a label that would be left alone, without statistics, joins the last."""
    n = max(1, len(order) // size + (len(order) % size > 1))
    return list(order.tensor_split([size * i for i in range(1, n)]))


class Trainer:
    """A network on its way from first weights to trained ones."""

    def __init__(self, problem: Problem, ranks: Backend) -> None:
        data, parameters = problem.data, problem.parameters
        self.problem, self.parameters, self.ranks = problem, parameters, ranks
        train, self.validation_rows = problem.rows("train"), problem.rows("validation")
        lessons = getattr(problem.spec.options, "lessons", 0)
        if lessons:
            data = with_lessons(data, train, parameters, lessons)
            train = np.concatenate([train, np.arange(len(problem.data), len(data))])
        self.start = make_start(data, problem.rows("train"), problem.spec.kind, parameters.ridge)
        self.labels = LabelTensors.of(data, self.start, parameters, ranks.device)
        self.train_rows = train[self.labels.weight.sum(0).cpu().numpy()[train] > 0]
        if not len(self.train_rows):
            raise ValueError("none of the training labels has a weight: see split_weight, fallback_weight")
        self.network = make_network(problem).to(ranks.device)
        self.ask = self.network if self.labels.known[1].any() else self.network.one_way
        synchronise(self.network, ranks.differentiable_total if ranks.world_size > 1 else None)
        self.trainable = [weights for weights in self.network.parameters() if weights.requires_grad]
        self.optimiser = make_optimiser(self.trainable, parameters)
        self.rates = rates_of(parameters)
        self.state = TrainState()

    @property
    def best_model(self) -> BarrierModel:
        """The model with the lowest validation error so far."""
        self.network.load_state_dict(self.state.best_weights)
        model = self.network.cpu().eval().export(self.start, {})
        return model.on(self.ranks.device.type) if isinstance(model, NetworkModel) else model

    def run(
        self,
        directory: Path,
        fence: Fence | None,
        progress: Progress | None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        """Train to the end, from the last checkpoint in `directory` if there is one of this run."""
        self._resume(directory / CHECKPOINT)
        while not self._ended:
            row = self._epoch()
            stopped = stop is not None and self.ranks.any(stop())
            due = self.state.epoch % self.parameters.checkpoint_epochs == 0
            if self.ranks.rank == 0 and (due or self._ended or stopped):
                self._save(directory, fence)
            if progress is not None:
                progress(row)
            if stopped and not self._ended:
                raise TrainingStopped(f"stopped after epoch {self.state.epoch}; its checkpoint is kept")

    @property
    def _ended(self) -> bool:
        idle = self.state.epoch - self.state.best_epoch
        return self.state.epoch >= self.parameters.epochs or idle >= self.parameters.patience

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
        parameters, epoch, device = self.parameters, self.state.epoch, self.ranks.device
        order = torch.tensor(
            rng(parameters.own_seed, "order", epoch).permutation(self.train_rows), device=device
        )
        turns = Turns.of(self.labels, self.network, parameters, epoch)
        validation = [float(row["validation_MAE_eV"]) for row in self.state.history]
        batches = _batches(order, parameters.batch_size)
        sums = torch.zeros(2, dtype=torch.float64, device=device)
        self.network.train()
        with self._own_noise(epoch):
            for step, batch in enumerate(batches):
                rate = self.rates((epoch + step / len(batches)) / parameters.epochs, validation)
                sums += self._step(batch, turns, rate)
        loss, error = self.ranks.total(sums).tolist()
        loss /= float(self.labels.weight[:, order].sum())
        MAE_eV = error / float(self.labels.known[:, order].sum()) * self.start.scale_eV
        if not math.isfinite(loss):
            raise _diverged(epoch + 1, f"loss is {loss} at learning rate {rate:.3g}", parameters)
        return self._record({"learning_rate": rate, "loss": loss, "train_MAE_eV": MAE_eV})

    @contextmanager
    def _own_noise(self, epoch: int) -> Iterator[None]:
        """torch's random numbers (dropout) follow from seed, epoch and rank."""
        device = self.ranks.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(stream_key(self.parameters.own_seed, "noise", epoch, self.ranks.rank) >> 1)
            yield

    def _step(self, batch: Tensor, turns: Turns, rate: float) -> Tensor:
        """One optimiser step; this rank's sums of losses and of absolute errors."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        mine = batch[self.ranks.rank :: self.ranks.world_size]
        predicted, penalty = self._predict(mine, turns)
        error = self.labels.errors(predicted, mine)
        loss = (self.labels.weight[:, mine] * losses(self.parameters.loss, error)).sum()
        if penalty is not None:
            loss = loss + penalty.sum()
        self.optimiser.zero_grad()
        (loss / self.labels.weight[:, batch].sum()).backward()
        self.ranks.add_gradients(self.trainable)
        self.optimiser.step()
        return torch.stack([loss.detach(), error.detach().abs().sum()]).double()

    def _predict(self, rows: Tensor, turns: Turns) -> tuple[Tensor, Tensor | None]:
        """Both barriers [2, b] of the labels `rows`, and their penalties [b] if there are any."""
        halves = self.network.training and self.parameters.precision == "bfloat16"
        with torch.autocast(self.ranks.device.type, torch.bfloat16, enabled=halves):
            output = self.ask(*self.labels.inputs(rows, turns))
        return torch.stack([output.forward, output.backward]), output.penalty

    def _record(self, row: Row) -> Row:
        """Validate, keep the best weights, and add the row of this epoch."""
        MAE_eV, RMSE_eV = self._validation_errors_eV()
        state = self.state
        if not math.isfinite(MAE_eV):
            raise _diverged(state.epoch + 1, f"validation error is {MAE_eV} eV", self.parameters)
        state.epoch += 1
        if MAE_eV < state.best_MAE_eV:
            state.best_epoch, state.best_MAE_eV = state.epoch, MAE_eV
            weights = self.network.state_dict()
            state.best_weights = {name: value.to("cpu", copy=True) for name, value in weights.items()}
        row = {"epoch": state.epoch, **row, "validation_MAE_eV": MAE_eV, "validation_RMSE_eV": RMSE_eV}
        state.history.append(row)
        return row

    @torch.no_grad()
    def _validation_errors_eV(self) -> tuple[float, float]:
        """Mean absolute and root-mean-square error of the network as it will be used: not turned."""
        rows = torch.tensor(self.validation_rows, device=self.ranks.device)
        sums = torch.zeros(2, dtype=torch.float64, device=self.ranks.device)
        self.network.eval()
        for part in rows[self.ranks.rank :: self.ranks.world_size].split(self.network.at_once):
            error = self.labels.errors(self._predict(part, Turns())[0], part)
            sums += torch.stack([error.abs().sum(), (error**2).sum()]).double()
        n = float(self.labels.known[:, rows].sum())
        MAE, mean_square = (self.ranks.total(sums) / n).tolist()
        return MAE * self.start.scale_eV, math.sqrt(mean_square) * self.start.scale_eV
