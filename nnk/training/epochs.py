"""The course of every training run: epochs, steps over ranks, checkpoints, the best weights, the end.

What is learnt from what stands in the subclasses. Everything random is a function of (seed, epoch) and of a
row's place in the data, not of a generator that runs on; so a run that was killed goes on from its last
checkpoint to the same weights, bit for bit.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from nnk.files import Fence, rng, stream_key
from nnk.lattice import IntArray
from nnk.networks.batch_norm import synchronise
from nnk.training.backends import Backend
from nnk.training.checkpoint import Row, TrainState, load_checkpoint, save_checkpoint
from nnk.training.history import write_history
from nnk.training.optimisers import make_optimiser
from nnk.training.parameters import CourseParameters
from nnk.training.schedules import rates_of

CHECKPOINT = Path("checkpoints") / "last.pt"

Progress = Callable[[Row], None]


class TrainingDiverged(RuntimeError):
    """The loss or the validation error is no longer a number."""


class TrainingStopped(Exception):
    """Training was asked to end before it was done; its last checkpoint is kept."""


def batches(order: Tensor, size: int) -> list[Tensor]:
    """`order` in batches of `size`; a row that would be left alone, without statistics, joins the last."""
    n = max(1, len(order) // size + (len(order) % size > 1))
    return list(order.tensor_split([size * i for i in range(1, n)]))


def diverged(epoch: int, what: str, parameters: CourseParameters) -> TrainingDiverged:
    """The error of a run whose numbers are no longer finite."""
    remedy = f"a smaller learning_rate than {parameters.learning_rate:g} may help"
    return TrainingDiverged(f"epoch {epoch}: the {what}; {remedy}")


class Course(ABC):
    """A network on its way from first weights to trained ones.

    A loss is a sum over rows, and so are the numbers of a step that an epoch reports: each rank has its part
    of them.

    Args:
        network: with its first weights, on the device of `ranks`.
        parameters: how it is trained.
        ranks: who trains together.
        key: what the run is of; checkpoints of another key are not gone on from.
        train_rows: int64[...], the rows of the data that are learnt from.

    Attributes:
        validated: the column of the history with the error that chooses the best epoch; its unit is its end.
    """

    validated: ClassVar[str]
    network: nn.Module
    parameters: CourseParameters

    def __init__(
        self,
        network: nn.Module,
        parameters: CourseParameters,
        ranks: Backend,
        *,
        key: str,
        train_rows: IntArray,
    ) -> None:
        self.network, self.parameters, self.ranks = network, parameters, ranks
        self.key, self.train_rows = key, train_rows
        synchronise(network, ranks.differentiable_total if ranks.world_size > 1 else None)
        self.trainable = [weights for weights in network.parameters() if weights.requires_grad]
        self.optimiser = make_optimiser(self.trainable, parameters)
        self.rates = rates_of(parameters)
        self.state = TrainState()

    def begin(self, epoch: int) -> None:  # noqa: B027  # most have nothing to do
        """Whatever is drawn anew in each epoch."""

    @abstractmethod
    def loss(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Loss of the rows int64[...], not divided by their weight, and sums [k] that `report` gets."""

    @abstractmethod
    def weight(self, rows: Tensor) -> Tensor:
        """What the loss of a batch, and of an epoch, is divided by: a number."""

    @abstractmethod
    def report(self, sums: list[float], rows: Tensor) -> Row:
        """Columns of the history from an epoch's sums of `loss` over its rows."""

    @abstractmethod
    def validate(self) -> Row:
        """Columns of the history from the validation rows, `validated` among them."""

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
        found = load_checkpoint(path, self.key)
        if found is not None:
            self.state, weights, optimiser = found
            self.network.load_state_dict(weights)
            self.optimiser.load_state_dict(optimiser)

    def _save(self, directory: Path, fence: Fence | None) -> None:
        weights, optimiser = self.network.state_dict(), self.optimiser.state_dict()
        save_checkpoint(directory / CHECKPOINT, self.key, self.state, weights, optimiser, fence=fence)
        write_history(directory, self.state.history, fence)

    def _epoch(self) -> Row:
        """One pass over the training rows; the new row of the history."""
        parameters, epoch, device = self.parameters, self.state.epoch, self.ranks.device
        order = torch.tensor(
            rng(parameters.own_seed, "order", epoch).permutation(self.train_rows), device=device
        )
        self.begin(epoch)
        validation = [float(row[self.validated]) for row in self.state.history]
        parts = batches(order, parameters.batch_size)
        sums = torch.zeros((), dtype=torch.float64, device=device)
        self.network.train()
        with self._own_noise(epoch):
            for step, batch in enumerate(parts):
                rate = self.rates((epoch + step / len(parts)) / parameters.epochs, validation)
                sums = sums + self._step(batch, rate)
        loss, *others = self.ranks.total(sums).tolist()
        loss /= float(self.weight(order))
        if not math.isfinite(loss):
            raise diverged(epoch + 1, f"loss is {loss} at learning rate {rate:.3g}", parameters)
        return self._record({"learning_rate": rate, "loss": loss, **self.report(others, order)})

    @contextmanager
    def _own_noise(self, epoch: int) -> Iterator[None]:
        """torch's random numbers (dropout) follow from seed, epoch and rank."""
        device = self.ranks.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(stream_key(self.parameters.own_seed, "noise", epoch, self.ranks.rank) >> 1)
            yield

    def _step(self, batch: Tensor, rate: float) -> Tensor:
        """One optimiser step; this rank's sums over its rows: losses, then what `report` gets."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss, sums = self.loss(batch[self.ranks.rank :: self.ranks.world_size])
        self.optimiser.zero_grad()
        (loss / self.weight(batch)).backward()
        self.ranks.add_gradients(self.trainable)
        self.optimiser.step()
        return torch.cat([loss.detach()[None], sums.detach()]).double()

    def _record(self, row: Row) -> Row:
        """Validate, keep the best weights, and add the row of this epoch."""
        found = self.validate()
        state, error = self.state, float(found[self.validated])
        if not math.isfinite(error):
            what = f"validation error is {error} ({self.validated})"
            raise diverged(state.epoch + 1, what, self.parameters)
        state.epoch += 1
        if error < state.best_error:
            state.best_epoch, state.best_error = state.epoch, error
            weights = self.network.state_dict()
            state.best_weights = {name: value.to("cpu", copy=True) for name, value in weights.items()}
        row = {"epoch": state.epoch, **row, **found}
        state.history.append(row)
        return row
