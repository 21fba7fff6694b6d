"""Ranks that train together: one process, or several with torch.distributed.

The same loop runs on every rank. A global batch is dealt out to the ranks and the gradients are averaged, so
that any number of ranks takes the same steps, to rounding.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, distributed, nn

BACKENDS = ("single", "ddp")


@dataclass(frozen=True)
class Backend:
    """One process that trains alone; the common face of all backends."""

    rank: int = 0
    world_size: int = 1

    def wrap(self, module: nn.Module) -> nn.Module:
        """`module` such that backward passes average the gradients over the ranks."""
        return module

    def total(self, values: Tensor) -> Tensor:
        """Sum of `values` over the ranks, the same bits on each."""
        return values


@dataclass(frozen=True)
class DdpBackend(Backend):
    """One of the processes that torchrun started."""

    def wrap(self, module: nn.Module) -> nn.Module:
        """`module` in DistributedDataParallel."""
        return nn.parallel.DistributedDataParallel(module)

    def total(self, values: Tensor) -> Tensor:
        """Sum of `values` over the ranks, the same bits on each."""
        summed = values.clone()
        distributed.all_reduce(summed)
        return summed


@contextmanager
def open_backend(name: str) -> Iterator[Backend]:
    """The ranks to train with; "ddp" reads rank and world size from torchrun's environment variables.

    Raises:
        ValueError: unknown backend, or "ddp" outside torchrun.
    """
    if name not in BACKENDS:
        raise ValueError(f"backend {name!r}: allowed are {', '.join(BACKENDS)}")
    if name == "single":
        yield Backend()
        return
    missing = [key for key in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT") if key not in os.environ]
    if missing:
        raise ValueError(f"backend 'ddp': {', '.join(missing)} not set; start with torch.distributed.run")
    distributed.init_process_group("gloo")
    try:
        yield DdpBackend(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
