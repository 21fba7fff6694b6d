"""Time of one barrier by a model: on a core of the processor, and on a GPU where there is one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnk.environment import gather_jumps
from nnk.lattice import Lattice
from nnk.models import BarrierModel, EnsembleModel
from nnk.models.network_model import NetworkModel
from nnk.observables.site_barriers import site_barriers

CELLS = 12
LONG_ENOUGH_S = 0.2
REPEATS = 3
GPU_BATCH = 65_536


@dataclass(frozen=True)
class Speed:
    """Times per barrier.

    Attributes:
        core_us: processor time on one core, microseconds: all jumps of many sites by the compiled engine, or
            for a model that it cannot run by `predict` in batches.
        compiled: whether the compiled engine runs it.
        gpu_us: wall time on a GPU in large batches, with all copying; None where none was measured.
        gpu: name of the GPU, or why there is no time.
    """

    core_us: float
    compiled: bool
    gpu_us: float | None
    gpu: str


def speed_of(model: BarrierModel) -> Speed:
    """Time per barrier of a model, in a random state of equal shares of its elements."""
    lattice = Lattice(model.structure, (CELLS,) * 3, 1.0)
    drawn = np.random.default_rng(0).integers(1, len(model.elements) + 1, lattice.n_sites)
    state = drawn.astype(np.uint8)
    compiled = model.compiled() is not None
    if compiled:
        core_us = _core_us(model, lattice, state)
    else:
        with _one_thread():
            core_us = _core_us(model, lattice, state)
    gpu_us, gpu = _gpu(model, lattice, state)
    return Speed(core_us, compiled, gpu_us, gpu)


def _core_us(model: BarrierModel, lattice: Lattice, state: NDArray[np.uint8]) -> float:
    """The best of a few runs, each over so many sites that it can be timed."""
    sites = 1
    spent_s = _processor_s(model, lattice, state, sites)  # loads and compiles
    while (spent_s := _processor_s(model, lattice, state, sites)) < LONG_ENOUGH_S and sites < lattice.n_sites:
        sites = min(4 * sites, lattice.n_sites)
    best_s = min([spent_s, *(_processor_s(model, lattice, state, sites) for _ in range(REPEATS - 1))])
    return 1e6 * best_s / (sites * lattice.z)


def _processor_s(model: BarrierModel, lattice: Lattice, state: NDArray[np.uint8], sites: int) -> float:
    began = time.process_time()
    site_barriers(model, lattice, state, np.arange(sites))
    return time.process_time() - began


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _gpu(model: BarrierModel, lattice: Lattice, state: NDArray[np.uint8]) -> tuple[float | None, str]:
    import torch

    if model.compiled() is not None or not isinstance(model, NetworkModel | EnsembleModel):
        return None, "not measured: the compiled engine runs it on the processor"
    if not torch.cuda.is_available():
        return None, "not measured: no GPU here"
    return wall_us(model.on("cuda"), lattice, state), torch.cuda.get_device_name()


def wall_us(model: BarrierModel, lattice: Lattice, state: NDArray[np.uint8]) -> float:
    """Wall time per barrier of `predict` on one large batch, the best of a few, microseconds."""
    generator = np.random.default_rng(1)
    site = generator.integers(lattice.n_sites, size=GPU_BATCH)
    jump = generator.integers(lattice.z, size=GPU_BATCH)
    species, mover = gather_jumps(model.environment, lattice, state[None], np.zeros_like(site), site, jump)
    direction = jump.astype(np.uint8)
    times = []
    for _ in range(1 + REPEATS):  # the first one loads and compiles
        began = time.perf_counter()
        model.predict(species, mover, direction)
        times.append(time.perf_counter() - began)
    return 1e6 * min(times[1:]) / GPU_BATCH
