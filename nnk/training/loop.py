"""The training of barrier models: what the course of a run (`nnk.training.epochs`) asks of labels."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nnk.barriers import BarrierSet
from nnk.files import Fence, stream_key
from nnk.models import BarrierModel
from nnk.models.network_model import NetworkModel
from nnk.networks.base import BarrierNetwork, Output
from nnk.networks.kinds import network_class
from nnk.training.backends import Backend
from nnk.training.checkpoint import Row
from nnk.training.epochs import Course, Progress
from nnk.training.label_tensors import LabelTensors, Turns
from nnk.training.lessons import with_lessons
from nnk.training.optimisers import losses
from nnk.training.parameters import ModelSpec, TrainParameters
from nnk.training.problem import Problem
from nnk.training.products import TrainResult, finish
from nnk.training.start import make_start


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


def make_network(problem: Problem) -> BarrierNetwork:
    """A new network whose first weights follow from the seed alone."""
    spec = problem.spec
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(stream_key(problem.parameters.own_seed, "first weights") >> 1)
        return network_class(spec.kind)(problem.data.setting, spec.options)


class Trainer(Course):
    """A barrier network on its way from first weights to trained ones."""

    validated = "validation_MAE_eV"
    network: BarrierNetwork
    parameters: TrainParameters

    def __init__(self, problem: Problem, ranks: Backend) -> None:
        data, parameters = problem.data, problem.parameters
        self.problem, self.validation_rows = problem, problem.rows("validation")
        train = problem.rows("train")
        lessons = getattr(problem.spec.options, "lessons", 0)
        if lessons:
            data = with_lessons(data, train, parameters, lessons)
            train = np.concatenate([train, np.arange(len(problem.data), len(data))])
        self.start = make_start(data, problem.rows("train"), problem.spec.kind, parameters.ridge)
        self.labels = LabelTensors.of(data, self.start, parameters, ranks.device)
        rows = train[self.labels.weight.sum(0).cpu().numpy()[train] > 0]
        if not len(rows):
            raise ValueError("none of the training labels has a weight: see split_weight, fallback_weight")
        network = make_network(problem).to(ranks.device)
        self.ask = network if self.labels.known[1].any() else network.one_way
        self.turns = Turns()
        self.difference_weight = float(getattr(problem.spec.options, "difference_weight", 0))
        super().__init__(network, parameters, ranks, key=problem.key, train_rows=rows)

    @property
    def best_model(self) -> BarrierModel:
        """The model with the lowest validation error so far."""
        self.network.load_state_dict(self.state.best_weights)
        model = self.network.cpu().eval().export(self.start, {})
        return model.on(self.ranks.device.type) if isinstance(model, NetworkModel) else model

    def begin(self, epoch: int) -> None:
        """Draw how every label is turned in this epoch."""
        self.turns = Turns.of(self.labels, self.network, self.parameters, epoch)

    def weight(self, rows: Tensor) -> Tensor:
        """Sum of the labels' weights."""
        return self.labels.weight[:, rows].sum()

    def loss(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Weighted losses of barriers and energy differences, with penalties; sum of absolute errors."""
        output = self._output(rows, self.turns)
        error = self.labels.errors(torch.stack([output.forward, output.backward]), rows)
        weight = self.labels.weight[:, rows]
        loss = (weight * losses(self.parameters.loss, error)).sum()
        if output.penalty is not None:
            loss = loss + output.penalty.sum()
        if output.differences is not None:
            missed = self.labels.difference_errors(output.differences, rows)
            loss = loss + self.difference_weight * (weight * losses(self.parameters.loss, missed)).sum()
        return loss, error.detach().abs().sum()[None]

    def report(self, sums: list[float], rows: Tensor) -> Row:
        """Mean absolute error while training."""
        return {"train_MAE_eV": sums[0] / float(self.labels.known[:, rows].sum()) * self.start.scale_eV}

    def _output(self, rows: Tensor, turns: Turns) -> Output:
        """What the network says of the labels `rows`."""
        halves = self.network.training and self.parameters.precision == "bfloat16"
        with torch.autocast(self.ranks.device.type, torch.bfloat16, enabled=halves):
            output: Output = self.ask(*self.labels.inputs(rows, turns))
        return output

    @torch.no_grad()
    def validate(self) -> Row:
        """Mean absolute and root-mean-square error of the network as it will be used: not turned."""
        rows = torch.tensor(self.validation_rows, device=self.ranks.device)
        sums = torch.zeros(2, dtype=torch.float64, device=self.ranks.device)
        self.network.eval()
        for part in rows[self.ranks.rank :: self.ranks.world_size].split(self.network.at_once):
            output = self._output(part, Turns())
            error = self.labels.errors(torch.stack([output.forward, output.backward]), part)
            sums += torch.stack([error.abs().sum(), (error**2).sum()]).double()
        n = float(self.labels.known[:, rows].sum())
        MAE, mean_square = (self.ranks.total(sums) / n).tolist()
        scale_eV = self.start.scale_eV
        return {
            "validation_MAE_eV": MAE * scale_eV,
            "validation_RMSE_eV": math.sqrt(mean_square) * scale_eV,
        }
