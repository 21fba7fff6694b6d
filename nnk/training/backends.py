"""Ranks that train together: one process, or several with torch.distributed or Horovod.

The same loop runs on every rank. A global batch is dealt out to the ranks and the gradients are summed, so
that any number of ranks takes the same steps, to rounding. Each backend is one way of adding tensors up over
the ranks; all else follows from that. The networks are small, so their gradients travel as one array.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn

from nnk.training.parameters import BackendName, Device

CPU = torch.device("cpu")
TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


class WrongRanks(ValueError):
    """A backend that cannot be had, or another number of processes than was asked for."""


class RankLost(RuntimeError):
    """Another rank has ended while this one counted on it."""


@dataclass(frozen=True)
class Backend:
    """One process that trains alone; the common face of all backends.

    Attributes:
        rank, world_size: number of this process, and of how many.
        device: where this process computes.
    """

    rank: int = 0
    world_size: int = 1
    device: torch.device = CPU

    def add_up(self, values: Tensor) -> None:
        """Replace `values` by their sum over the ranks, the same bits on each.

        Raises:
            RankLost: another rank is gone.
        """

    def total(self, values: Tensor) -> Tensor:
        """Sum of `values` over the ranks, without gradients."""
        if self.world_size == 1:
            return values.detach()
        summed = values.detach().clone()
        self.add_up(summed)
        return summed

    def differentiable_total(self, values: Tensor) -> Tensor:
        """Sum of `values` over the ranks, through which gradients of all ranks flow back to each."""
        return values if self.world_size == 1 else _Total.apply(values, self)

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace the gradients of `parameters` by their sums over the ranks."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.world_size == 1 or not gradients:
            return
        summed = torch.cat([gradient.flatten() for gradient in gradients])
        self.add_up(summed)
        for gradient, part in zip(gradients, summed.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def any(self, condition: bool) -> bool:
        """Whether `condition` holds on some rank."""
        return bool(self.total(torch.tensor([float(condition)], device=self.device)) > 0)


class _Total(torch.autograd.Function):
    """Sum over the ranks; its gradient is the sum of the ranks' gradients."""

    @staticmethod
    def forward(context: Any, values: Tensor, ranks: Backend) -> Tensor:
        context.ranks = ranks
        return ranks.total(values)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return context.ranks.total(gradients[0].contiguous()), None


@dataclass(frozen=True)
class DdpBackend(Backend):
    """One of the processes that torchrun started: gloo on CPUs, NCCL on GPUs."""

    def add_up(self, values: Tensor) -> None:
        """See `Backend`."""
        try:
            distributed.all_reduce(values)
        except RuntimeError as error:
            raise RankLost(f"rank {self.rank} of {self.world_size}: {error}") from error


@dataclass(frozen=True)
class HorovodBackend(Backend):
    """One of the processes that MPI started, joined by Horovod."""

    def add_up(self, values: Tensor) -> None:
        """See `Backend`."""
        import horovod.torch as hvd

        try:
            hvd.allreduce_(values, op=hvd.Sum)
        except RuntimeError as error:
            raise RankLost(f"rank {self.rank} of {self.world_size}: {error}") from error


@contextmanager
def open_backend(name: BackendName, *, ranks: int = 1, device: Device = "cpu") -> Iterator[Backend]:
    """The ranks to train with.

    Args:
        name: "single", "ddp" (under torch.distributed.run) or "horovod" (under mpiexec, or horovodrun).
        ranks: how many processes there must be.
        device: "cpu", "cuda" (one GPU per rank of a node), or "auto": cuda if there is a GPU.

    Raises:
        WrongRanks: unknown or missing backend, another number of processes, or no GPU for this one.
    """
    backends = {"single": _single, "ddp": _ddp, "horovod": _horovod}
    if name not in backends:
        raise WrongRanks(f"backend {name!r}: allowed are {', '.join(backends)}")
    with backends[name](ranks, device) as backend:
        yield backend


@contextmanager
def _single(ranks: int, device: Device) -> Iterator[Backend]:
    if ranks != 1:
        raise WrongRanks(f"backend 'single' is one process, {ranks} are asked for: take ddp or horovod")
    yield Backend(device=device_of(device, 0))


@contextmanager
def _ddp(ranks: int, device: Device) -> Iterator[Backend]:
    missing = [key for key in TORCHRUN if key not in os.environ]
    if missing:
        raise WrongRanks(f"backend 'ddp': {', '.join(missing)} not set; start with torch.distributed.run")
    _check_number("ddp", int(os.environ["WORLD_SIZE"]), ranks, f"--nproc-per-node={ranks}")
    here = device_of(device, int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if here.type == "cuda" else "gloo")
    try:
        yield DdpBackend(distributed.get_rank(), distributed.get_world_size(), here)
    finally:
        distributed.destroy_process_group()


@contextmanager
def _horovod(ranks: int, device: Device) -> Iterator[Backend]:
    try:
        import horovod.torch as hvd
    except ImportError as error:
        raise WrongRanks(
            f"backend 'horovod': it is not installed ({error}); build it by `make horovod`, or take ddp"
        ) from error
    # milliseconds between two looks for work: a step of a small network takes about one
    os.environ.setdefault("HOROVOD_CYCLE_TIME", "0.1")
    hvd.init()
    try:
        cure = "start with mpiexec of the MPI that Horovod was built with (`horovodrun --check-build`)"
        _check_number("horovod", hvd.size(), ranks, cure)
        yield HorovodBackend(hvd.rank(), hvd.size(), device_of(device, hvd.local_rank()))
    finally:
        hvd.shutdown()


def _check_number(name: str, found: int, asked: int, cure: str) -> None:
    if found != asked:
        raise WrongRanks(f"backend {name!r}: {asked} ranks are asked for, and there are {found}; {cure}")


def device_of(asked: Device, local_rank: int) -> torch.device:
    """Where the process `local_rank` of a node computes; also makes its GPU the current one.

    Raises:
        WrongRanks: a GPU is asked for and there is none, or none for this process.
    """
    if asked == "cpu" or (asked == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise WrongRanks(
            f"device 'cuda': torch {torch.__version__} sees no GPU here; take a node with a GPU and a torch "
            "for CUDA, or device 'cpu'"
        )
    if local_rank >= torch.cuda.device_count():
        raise WrongRanks(
            f"device {asked!r}: rank {local_rank} of this node has no GPU, there are "
            f"{torch.cuda.device_count()}; each rank needs one of its own"
        )
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)
