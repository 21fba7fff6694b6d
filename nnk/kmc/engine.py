"""The compiled engine: one vacancy, one model, one temperature, on one core."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from nnk.constants import K_B_eV_K
from nnk.environment import SpeciesArray
from nnk.files import stream_key
from nnk.kmc.cache import make_cache, whole_words
from nnk.kmc.evaluators import BalancedEvaluator, ForwardEvaluator, make_evaluator, sites_read
from nnk.kmc.grid import make_grid, memory_shifts, padded_occupancy, plain_occupancy, position_of, site_of
from nnk.kmc.kernel import MOST_SPECIES, Buffers, Conditions, State, Surroundings, advance
from nnk.kmc.networks import FILLER
from nnk.lattice import IntArray, Lattice, shell_offsets
from nnk.models.base import BarrierModel
from nnk.models.program import BalancedProgram, ForwardProgram, Program, arrays_of
from nnk.observables.pair_order import pair_counts

ORDER_SHELLS = 3  # neighbour shells whose pairs are counted along the way
CACHE_MiB = 64.0


def whole_number(name: str, value: Any) -> int:
    """`value` as a plain int.

    Raises:
        ValueError: it is not a whole number.
    """
    whole = isinstance(value, Integral) or (isinstance(value, float | np.floating) and value.is_integer())
    if not whole:
        raise ValueError(f"{name}={value!r}: expected a whole number")
    return int(value)


@dataclass(frozen=True)
class RunConditions:
    """What a run depends on besides its start and its model.

    Attributes:
        temperature_K: temperature.
        seed: seed of the campaign.
        replica: number of the run among those that differ in nothing else.
        attempt_frequency_Hz: k0 of the rates (1/s).
    """

    temperature_K: float
    seed: int
    replica: int = 0
    attempt_frequency_Hz: float = 1e13

    def __post_init__(self) -> None:
        for name in ("temperature_K", "attempt_frequency_Hz"):
            value = getattr(self, name)
            if not (isinstance(value, int | float | np.number) and np.isfinite(value) and value > 0):
                raise ValueError(f"{name}={value!r}: expected a positive number")
            object.__setattr__(self, name, float(value))  # plain numbers, for keys and files
        for name in ("seed", "replica"):
            object.__setattr__(self, name, whole_number(name, getattr(self, name)))

    def compiled(self) -> Conditions:
        """Constants of the kernel; random numbers are keyed by seed, temperature and replica."""
        key = stream_key(self.seed, "kmc", self.temperature_K, self.replica)
        return Conditions(
            K_B_eV_K * self.temperature_K, float(np.log(self.attempt_frequency_Hz)), np.uint64(key)
        )


def compiled_program(model: BarrierModel, lattice: Lattice) -> Program:
    """The model's program, checked against the lattice.

    Raises:
        ValueError: a model without a program the engine knows, of another structure, with a weight that is
            not a finite number, or one whose environment does not fit into the lattice.
    """
    program = model.compiled() if hasattr(model, "compiled") else None
    if not isinstance(program, ForwardProgram | BalancedProgram):
        raise ValueError(
            f"the compiled engine runs models whose compiled() gives a ForwardProgram or a BalancedProgram "
            f"(mlp, detailed-balance, the published network); {type(model).__name__} gives "
            f"{type(program).__name__}"
        )
    bad = [name for name, array in arrays_of(program) if not np.isfinite(array).all()]
    if bad:
        raise ValueError(f"the model's weights are not finite numbers: {', '.join(bad)}")
    model.environment.check(lattice)
    return program


def only_vacancy(lattice: Lattice, occupancy: SpeciesArray, n_species: int) -> int:
    """Site of the one vacancy.

    Raises:
        ValueError: another shape or type, unknown species, or not exactly one vacancy.
    """
    if not isinstance(occupancy, np.ndarray):
        raise ValueError(f"occupancy: expected a NumPy array, got {type(occupancy).__name__}")
    if occupancy.shape != (lattice.n_sites,) or occupancy.dtype != np.uint8:
        raise ValueError(
            f"occupancy: expected uint8[{lattice.n_sites}], got {occupancy.dtype}{list(occupancy.shape)}"
        )
    if occupancy.max() > n_species:
        raise ValueError(f"occupancy: species {occupancy.max()} found, the model knows {n_species}")
    vacant = np.flatnonzero(occupancy == 0)
    if len(vacant) != 1:
        raise ValueError(f"occupancy: expected exactly one vacancy (0), got {len(vacant)}")
    return int(vacant[0])


class Engine:
    """A run in progress: the kernel's arrays and how far it has come.

    Args:
        lattice: the lattice.
        occupancy: uint8[n_sites] with one 0, the state to start from.
        model: any model that compiles to a program.
        conditions: temperature, seed and the like.
        cache: keep what is known about surroundings met before; the result is the same without.
        cache_MiB: size of the cache.

    Raises:
        ValueError: as `compiled_program` and `only_vacancy`.
    """

    def __init__(
        self,
        lattice: Lattice,
        occupancy: SpeciesArray,
        model: BarrierModel,
        conditions: RunConditions,
        *,
        cache: bool = True,
        cache_MiB: float = CACHE_MiB,
    ) -> None:
        program = compiled_program(model, lattice)
        n_species, z = len(model.elements), lattice.z
        if n_species > MOST_SPECIES:
            raise ValueError(f"{n_species} species: the compiled engine takes at most {MOST_SPECIES}")
        vacancy = only_vacancy(lattice, occupancy, n_species)
        read = sites_read(program)
        shells = [shell_offsets(lattice.structure, k) for k in range(1, ORDER_SHELLS + 1)]
        neighbours = np.concatenate(shells)
        self.lattice = lattice
        self.program = program
        self.jumps = 0
        self.hits = 0
        self._grid = make_grid(lattice, int(max(np.abs(read).max(), np.abs(neighbours).max())))
        self._around = Surroundings(
            memory_shifts(lattice, self._grid, read),
            memory_shifts(lattice, self._grid, neighbours),
            np.cumsum([len(shell) for shell in shells]),
            lattice.jumps,
        )
        evaluator = make_evaluator(program, read)
        self._forward = evaluator if isinstance(evaluator, ForwardEvaluator) else None
        self._balanced = evaluator if isinstance(evaluator, BalancedEvaluator) else None
        n_entries = whole_words(len(read) + 1, n_species)  # one filler at least
        n_values = z if self._balanced is None else 2 * z
        self._cache = make_cache(n_entries, n_species, n_values, cache_MiB) if cache else None
        self._conditions = conditions.compiled()
        self._buffers = Buffers(np.full(n_entries, FILLER, dtype=np.uint8), np.zeros(n_values), np.zeros(z))
        self._state = State(
            padded_occupancy(lattice, self._grid, occupancy),
            position_of(lattice, vacancy),
            np.zeros(3, dtype=np.int64),
            np.array([0.0, np.nan]),
            pair_counts(lattice, occupancy, ORDER_SHELLS, n_species),
        )

    def resume(self, jumps: int, time_s: float, displacement: IntArray) -> None:
        """Go on as after `jumps` jumps that ended in the present occupancy at `time_s`."""
        self.jumps = jumps
        self._state.clock[0] = time_s
        self._state.displacement[:] = displacement

    def advance(self, jumps: int) -> SpeciesArray:
        """Make `jumps` jumps and return their directions uint8[jumps].

        Raises:
            ValueError: residence times beyond the range of float64, or a model that gives NaN.
        """
        directions = np.empty(jumps, dtype=np.uint8)
        self.hits += advance(
            self._grid, self._around, self._forward, self._balanced, self._conditions, self._cache,
            self._state, self._buffers, self.jumps, directions,
        )  # fmt: skip
        self.jumps += jumps
        if not np.isfinite(self.time_s):
            raise ValueError(
                f"the time is {self.time_s} after jump {self.jumps}: a barrier is not a number, or residence "
                f"times at this temperature exceed 1e308 s"
            )
        return directions

    @property
    def time_s(self) -> float:
        """Time since the start of the run."""
        return float(self._state.clock[0])

    @property
    def occupancy(self) -> SpeciesArray:
        """The present occupancy uint8[n_sites], a copy."""
        return plain_occupancy(self.lattice, self._grid, self._state.padded)

    @property
    def vacancy(self) -> int:
        """Site of the vacancy."""
        return site_of(self.lattice, self._state.position)

    @property
    def displacement(self) -> IntArray:
        """The vacancy's way since the start int64[3] (a/2), not folded back; a copy."""
        return self._state.displacement.copy()

    @property
    def pair_counts(self) -> IntArray:
        """Counted neighbours int64[shells, n_species, n_species] (`nnk.observables.pair_order`); a copy."""
        return self._state.pair_counts.copy()
