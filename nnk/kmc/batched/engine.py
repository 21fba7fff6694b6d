"""Many runs in step: one vacancy each, a lattice, a temperature and a random stream of its own.

A step of all runs is a fixed sequence of tensor operations without a decision on the host; on a GPU a row of
steps is recorded once as a CUDA graph and replayed. The algorithm and the random numbers are those of the
compiled engine (`nnk.kmc.kernel`), so the two make the same jumps up to the rounding of the network's sums.

Matrix products may round differently in another shape. The batch therefore always has the same shape: runs
are taken `width` at a time, and the last group is filled up with copies. The jumps of a run then do not
depend on the runs beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from nnk.constants import K_B_eV_K
from nnk.environment import SpeciesArray
from nnk.files import stream_key
from nnk.kmc.batched.networks import make_barriers
from nnk.kmc.batched.random_numbers import split_key
from nnk.kmc.batched.steps import STEPS_PER_GRAPH, Geometry, Group, Stepper
from nnk.kmc.engine import ORDER_SHELLS, Progress, RunConditions, only_vacancy
from nnk.kmc.sources import compiled_program
from nnk.lattice import IntArray, Lattice
from nnk.models.base import BarrierModel
from nnk.models.program import Float64Array
from nnk.observables.pair_order import pair_counts

_SITES_AT_ONCE = 4096  # whose surroundings are listed together, to bound the memory
_WIDTHS = {"cpu": 32, "cuda": 4096}
PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


def default_width(device: str | torch.device) -> int:
    """Runs in step on `device` unless told otherwise."""
    return _WIDTHS[torch.device(device).type]


class BatchedEngine:
    """Runs in progress on one device.

    Args:
        lattice: the lattice of all runs.
        occupancies: uint8[r, n_sites], the start of each run, with one vacancy each.
        model: any model that compiles to a program.
        conditions: temperature, seed and the like of each run.
        device: where to compute, such as "cpu" or "cuda:0".
        precision: "float32" or "float64" of the network; rates and times are float64 always.
        width: runs in step.

    Raises:
        ValueError: as `compiled_program` and `only_vacancy`; other counts of occupancies and conditions; a
            box in which a vacancy would see itself; a device that is not there.
    """

    def __init__(
        self,
        lattice: Lattice,
        occupancies: NDArray[np.uint8],
        model: BarrierModel,
        conditions: Sequence[RunConditions],
        *,
        device: str = "cpu",
        precision: str = "float32",
        width: int | None = None,
    ) -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"precision={precision!r}: expected {' or '.join(PRECISIONS)}")
        if len(occupancies) != len(conditions) or not len(conditions):
            raise ValueError(f"{len(occupancies)} starts and {len(conditions)} conditions: expected one each")
        self.lattice = lattice
        self.program = compiled_program(model, lattice)
        self.n_runs = len(conditions)
        self._n_species = len(model.elements)
        self._device = checked_device(device)
        self._width = width or default_width(self._device)
        like = torch.empty(0, dtype=PRECISIONS[precision], device=self._device)
        around, movers, barriers = make_barriers(self.program, like)
        geometry = self._make_geometry(around, movers)
        self._stepper = Stepper(geometry, barriers, self._n_species, like.dtype)
        vacancies = [only_vacancy(lattice, one, self._n_species) for one in occupancies]
        order = _filled(self.n_runs, self._width)
        self._groups = [
            self._make_group(occupancies[rows], np.array(vacancies)[rows], [conditions[i] for i in rows])
            for rows in order
        ]
        self._graphs = [self._record(group) for group in self._groups] if self._device.type == "cuda" else []

    def _make_geometry(self, around: IntArray, movers: IntArray) -> Geometry:
        sites = np.arange(self.lattice.n_sites)
        parts = np.array_split(sites, -(-len(sites) // _SITES_AT_ONCE))
        read = np.concatenate([self.lattice.sites_around(p, around).astype(np.int32) for p in parts])
        if (read == sites[:, None]).any():
            raise ValueError(f"cells={self.lattice.cells}: so small that a vacancy would see itself")
        return Geometry(
            self._tensor(read),
            self._tensor(self.lattice.neighbours.astype(np.int64)),
            self._tensor(self.lattice.jumps.astype(np.int64)),
            self._tensor(movers),
        )

    def _tensor(self, array: NDArray) -> torch.Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), device=self._device)

    def _make_group(
        self, occupancy: SpeciesArray, vacancy: IntArray, conditions: Sequence[RunConditions]
    ) -> Group:
        n = len(conditions)
        keys = [stream_key(c.seed, "kmc", c.temperature_K, c.replica) for c in conditions]
        return Group(
            occupancy=self._tensor(occupancy).clone(),
            vacancy=self._tensor(vacancy.astype(np.int64)).clone(),
            displacement=torch.zeros((n, 3), dtype=torch.int64, device=self._device),
            clock=torch.zeros((2, n), dtype=torch.float64, device=self._device),
            jumps=torch.zeros(n, dtype=torch.int64, device=self._device),
            kT_eV=self._tensor(np.array([K_B_eV_K * c.temperature_K for c in conditions])),
            log_frequency=self._tensor(np.log([c.attempt_frequency_Hz for c in conditions])),
            key=split_key(keys, self._device),
            directions=torch.zeros((STEPS_PER_GRAPH, n), dtype=torch.uint8, device=self._device),
        )

    def _record(self, group: Group) -> torch.cuda.CUDAGraph:
        """The steps of a group as a CUDA graph; the group is left as it was."""
        before = {name: tensor.clone() for name, tensor in vars(group).items()}
        side = torch.cuda.Stream(self._device)
        side.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(side):  # libraries set themselves up outside the recording
            self._stepper.step(group, 0)
        torch.cuda.current_stream(self._device).wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for number in range(STEPS_PER_GRAPH):
                self._stepper.step(group, number)
        for name, tensor in before.items():
            getattr(group, name).copy_(tensor)
        return graph

    def advance(self, jumps: int) -> SpeciesArray:
        """Let every run make `jumps` jumps; their directions uint8[r, jumps].

        Raises:
            ValueError: residence times beyond the range of float64, or a model that gives NaN.
        """
        with torch.no_grad():
            made = np.concatenate([self._advance(i, jumps) for i in range(len(self._groups))])[: self.n_runs]
        for run in range(self.n_runs):
            if not np.isfinite(self.run(run).time_s):
                raise ValueError(
                    f"the time of run {run} is {self.run(run).time_s}: a barrier is not a number, or "
                    f"residence times at this temperature exceed 1e308 s"
                )
        return made

    def _advance(self, number: int, jumps: int) -> SpeciesArray:
        """Directions uint8[width, jumps] of one group; they stay on the device until all are made."""
        group = self._groups[number]
        made = torch.empty((jumps, self._width), dtype=torch.uint8, device=self._device)
        done = 0
        while self._graphs and jumps - done >= STEPS_PER_GRAPH:
            self._graphs[number].replay()
            made[done : done + STEPS_PER_GRAPH] = group.directions
            done += STEPS_PER_GRAPH
        for row in range(done, jumps):
            self._stepper.step(group, 0)
            made[row] = group.directions[0]
        return np.ascontiguousarray(made.cpu().numpy().T)

    def barriers(self) -> Float64Array:
        """Barriers float64[r, z] (eV) of the present states."""
        with torch.no_grad():
            found = [self._stepper.look(group)[1].cpu().numpy() for group in self._groups]
        return np.concatenate(found)[: self.n_runs]

    def set_temperatures(self, temperatures_K: Sequence[float]) -> None:
        """Go on at other temperatures, one per run; the random numbers stay those of the run."""
        filled = _filled(self.n_runs, self._width)
        for group, rows in zip(self._groups, filled, strict=True):
            group.kT_eV.copy_(self._tensor(K_B_eV_K * np.asarray(temperatures_K, dtype=np.float64)[rows]))

    def run(self, number: int) -> RunView:
        """The present state of one run."""
        group, row = divmod(number, self._width)
        return RunView(self.lattice, self._groups[group], row, self._n_species)

    @property
    def flops_per_jump(self) -> int:
        """Floating-point operations of the network for one jump."""
        return self._stepper.barriers.flops


@dataclass(frozen=True)
class RunView:
    """One run of a `BatchedEngine`, read with the names of the compiled engine; each reading copies."""

    lattice: Lattice
    group: Group
    row: int
    n_species: int

    @property
    def jumps(self) -> int:
        """Jumps made."""
        return int(self.group.jumps[self.row])

    @property
    def time_s(self) -> float:
        """Time since the start of the run."""
        return float(self.group.clock[0, self.row])

    @property
    def progress(self) -> Progress:
        """How far the run has come."""
        rest = float(self.group.clock[1, self.row])
        return Progress(self.jumps, self.time_s, rest, self.vacancies, self.displacements)

    @property
    def occupancy(self) -> SpeciesArray:
        """The present occupancy uint8[n_sites]."""
        return _copied(self.group.occupancy[self.row])

    @property
    def vacancies(self) -> IntArray:
        """Site int64[1] of the vacancy."""
        return _copied(self.group.vacancy[self.row : self.row + 1])

    @property
    def displacements(self) -> IntArray:
        """The vacancy's way since the start int64[1, 3] (a/2), not folded back."""
        return _copied(self.group.displacement[self.row : self.row + 1])

    @property
    def pair_counts(self) -> IntArray:
        """Counted neighbours int64[shells, n_species, n_species] (`nnk.observables.pair_order`)."""
        return pair_counts(self.lattice, self.occupancy, ORDER_SHELLS, self.n_species)

    def resume(self, progress: Progress) -> None:
        """Go on as after `progress`, which ended in the present occupancy.

        Raises:
            ValueError: its vacancy is not that of the occupancy.
        """
        if not np.array_equal(progress.vacancies, self.vacancies):
            raise ValueError(f"the run stood at {progress.vacancies}, the occupancy has {self.vacancies}")
        clock = torch.tensor([progress.time_s, progress.time_rest_s], dtype=torch.float64)
        self.group.jumps[self.row] = progress.jumps
        self.group.clock[:, self.row] = clock.to(self.group.clock.device)
        self.group.displacement[self.row] = self.group.displacement.new_tensor(progress.displacements[0])


def _copied(tensor: torch.Tensor) -> NDArray:
    """Its present values; NumPy's view of a tensor on the processor would change with it."""
    return tensor.cpu().numpy().copy()


def _filled(n_runs: int, width: int) -> list[IntArray]:
    """Runs of each group; the last group is filled up with its own last run again."""
    numbers = np.minimum(np.arange(-(-n_runs // width) * width), n_runs - 1)
    return list(numbers.reshape(-1, width))


def checked_device(name: str) -> torch.device:
    """The device called `name`.

    Raises:
        ValueError: it is not there; never another one in its place.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device={name!r}: expected cpu, cuda or cuda:0, cuda:1, ...") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device={name!r}: PyTorch {torch.__version__} finds no GPU here")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device={name!r}: there are {torch.cuda.device_count()} GPUs")
    if device.type not in _WIDTHS:
        raise ValueError(f"device={name!r}: expected cpu, cuda or cuda:0, cuda:1, ...")
    return device
