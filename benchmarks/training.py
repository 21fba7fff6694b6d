"""Rate of training: the 12-layer density-map network and the balanced one, on one core or on a GPU.

`python -m benchmarks.training [--json]`

A label is a jump with both its barriers, so two samples of a network that reads one direction at a time. The
labels are random alloys with random barriers: what is learnt does not change the speed. Beside each network
stands a loop as a user would write it: torch's own layers, a DataLoader over the same environments prepared
before (maps for the convolutional one, one-hot atoms for a dense one of the same widths). Operations are
those of the matrix products and convolutions, forward and backward, by torch's counter; the peak is the best
measured rate of the same device: float32 multiply-adds on a core's registers, or a large bfloat16 product on
a GPU. Rates on a core are per second of its time. Seconds for 700,000 labels follow from the rate; they were
not waited for.
"""

from __future__ import annotations

import os

if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"  # one core; before NumPy and torch start their threads

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import core
from nnk.density_grid import DensityGrid, map_positions_A
from nnk.density_map import density_maps
from nnk.environment import EnvironmentSpec, initial_columns
from nnk.training import ModelSpec, TrainParameters
from nnk.training.backends import Backend, device_of
from nnk.training.data import JumpData
from nnk.training.loop import Trainer
from nnk.training.problem import Problem

ELEMENTS, SHELLS, A_A = ("Nb", "Mo", "Ta"), 8, 3.24
EPOCH_LABELS = 700_000
HIDDEN = (64, 32)
_SECONDS = 3.0


@dataclass(frozen=True)
class Case:
    """A network and how it is timed.

    Attributes:
        name: of its figures.
        spec: the network.
        batch_size: labels of a step.
        precision: of the products.
    """

    name: str
    spec: ModelSpec
    batch_size: int
    precision: str = "float32"


def cases(device: torch.device) -> tuple[Case, ...]:
    """What is timed on a device: on a GPU with batches that fill it."""
    cnn, balanced = ModelSpec("cnn", "sdm-cnn", SHELLS), ModelSpec("balanced", "detailed-balance", SHELLS)
    if device.type == "cuda":
        return Case("cnn", cnn, 256, "bfloat16"), Case("balanced", balanced, 4096)
    return Case("cnn", cnn, 1), Case("balanced", balanced, 64), Case("balanced_512", balanced, 512)


def random_problem(case: Case, n_labels: int) -> Problem:
    """Random labels of a ternary alloy, all but a few to train on."""
    draw = np.random.default_rng(0)
    union = EnvironmentSpec("bcc", SHELLS, "union")
    data = JumpData(
        elements=ELEMENTS,
        structure="bcc",
        shells=SHELLS,
        species=draw.integers(1, 4, (n_labels, union.n_env)).astype(np.uint8),
        mover=draw.integers(1, 4, n_labels).astype(np.uint8),
        jump=draw.integers(8, size=n_labels).astype(np.uint8),
        E_fwd_eV=draw.normal(1.0, 0.2, n_labels),
        E_bwd_eV=draw.normal(1.0, 0.2, n_labels),
        flag=np.zeros(n_labels, dtype=np.uint8),
        group=np.arange(n_labels),
        composition=np.full(n_labels, "equimolar"),
        sample=np.arange(n_labels).astype(np.str_),
        vacancy_site=np.zeros(n_labels, dtype=np.int64),
        a_A=A_A,
        hash="",
    )
    split = np.where(np.arange(n_labels) % 16 == 15, "validation", "train")
    parameters = TrainParameters(batch_size=case.batch_size, precision=case.precision)  # type: ignore[arg-type]
    return Problem(data, split, case.spec, parameters, {}, 0)


def batches(order: Tensor, size: int) -> Iterator[Tensor]:
    """Full batches of `order` without end."""
    while True:
        yield from (batch for batch in order.split(size) if len(batch) == size)


class Clock:
    """Seconds on a device: processor time on a core, the wall's on a GPU."""

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"

    def __call__(self) -> float:
        """Seconds from some moment, when all that was asked for is done."""
        if not self._cuda:
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()


def steps_per_s(step: Callable[[], Any], clock: Clock) -> float:
    """Steps per second, after one that warms up."""
    step()
    n, began = 0, clock()
    while (passed := clock() - began) < _SECONDS or n < 2:
        step()
        n += 1
    return n / passed


def flop_per_step(step: Callable[[], Any]) -> float:
    """Operations of a step in matrix products and convolutions, forward and backward."""
    with FlopCounterMode(display=False) as counter:
        step()
    return float(counter.get_total_flops())


def ours(case: Case, device: torch.device) -> dict[str, float]:
    """Labels per second of the suite's own loop, and operations per second."""
    trainer = Trainer(random_problem(case, 64 * max(16, case.batch_size)), Backend(device=device))
    trainer.network.train()
    trainer.begin(0)
    order = batches(torch.tensor(trainer.train_rows, device=device), case.batch_size)

    def step() -> Tensor:
        return trainer._step(next(order), 1e-3)

    rate = steps_per_s(step, Clock(device))
    return {
        f"{case.name}_labels_per_s": rate * case.batch_size,
        f"{case.name}_samples_per_s": 2 * rate * case.batch_size,
        f"{case.name}_gflop_per_s": 1e-9 * rate * flop_per_step(step),
        f"{case.name}_batch_labels": float(case.batch_size),
        f"{case.name}_epoch_of_700000_labels_s": EPOCH_LABELS / (rate * case.batch_size),
    }


def plain_cnn() -> nn.Module:
    """The 12-layer network of Fan et al. (2022) from torch's own layers."""
    layers: list[nn.Module] = []
    for group in range(4):
        for n_in in (len(ELEMENTS) if group == 0 else 60, 60, 60):
            layers += [nn.Conv3d(n_in, 60, 3, padding="same"), nn.BatchNorm3d(60), nn.ReLU()]
        layers += [nn.MaxPool3d(2)] if group < 3 else []
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(60 * 4**3, 1))


def plain_dense(n_in: int) -> nn.Module:
    """A dense network on one-hot atoms."""
    layers = [part for a, b in pairwise((n_in, *HIDDEN)) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(HIDDEN[-1], 1))


def prepared(case: Case, n_labels: int) -> tuple[Tensor, nn.Module]:
    """Inputs of a plain network, a row per direction of a label, and the network."""
    data = random_problem(case, n_labels).data
    around = np.concatenate([data.species, data.mover[:, None]], axis=1)
    species = np.concatenate([around[:, columns] for columns in initial_columns("bcc", SHELLS)])
    if case.spec.kind == "sdm-cnn":
        sites = torch.tensor(map_positions_A("bcc", SHELLS, A_A))
        return density_maps(torch.tensor(species), sites, DensityGrid(), n_species=3), plain_cnn()
    one_hot = (species[:, :, None] == np.arange(1, 4)).reshape(len(species), -1).astype(np.float32)
    return torch.tensor(one_hot), plain_dense(one_hot.shape[1])


def plain(case: Case, device: torch.device) -> dict[str, float]:
    """Samples per second of a loop as a user would write it, in batches of as many samples."""
    inputs, network = prepared(case, 16 * case.batch_size)
    loader = DataLoader(
        TensorDataset(inputs, torch.randn(len(inputs))), 2 * case.batch_size, shuffle=True, drop_last=True
    )
    network = network.to(device)
    optimiser = torch.optim.AdamW(network.parameters())

    def samples() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield from loader

    stream = samples()

    def step() -> None:
        x, y = (part.to(device) for part in next(stream))
        with torch.autocast(device.type, torch.bfloat16, enabled=case.precision == "bfloat16"):
            loss = (network(x)[:, 0] - y).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return {f"plain_{case.name}_samples_per_s": 2 * case.batch_size * steps_per_s(step, Clock(device))}


def peak_gflop_per_s(device: torch.device) -> float:
    """Best measured rate of multiply-adds on a core's registers, or of a large product on a GPU."""
    if device.type == "cpu":
        return core.peak_gflop_per_s()
    a, b = torch.randn(2, 8192, 8192, device=device, dtype=torch.bfloat16)
    return 2e-9 * 8192**3 * steps_per_s(lambda: a @ b, Clock(device))


def measure(device: torch.device) -> dict[str, float]:
    """All figures."""
    peak = peak_gflop_per_s(device)
    figures = {"peak_gflop_per_s": peak, "sgemm_gflop_per_s": core.sgemm_gflop_per_s()}
    for case in cases(device):
        figures |= ours(case, device) | plain(case, device)
        figures[f"{case.name}_share_of_peak"] = figures[f"{case.name}_gflop_per_s"] / peak
        own, other = (figures[f"{prefix}{case.name}_samples_per_s"] for prefix in ("", "plain_"))
        figures[f"{case.name}_ratio_to_plain"] = own / other
    return figures


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one flat JSON object")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    arguments = parser.parse_args(argv)
    found = measure(device_of(arguments.device, 0))
    if arguments.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:40} {value:,.4g}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
