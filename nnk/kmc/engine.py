"""The compiled engine: a block with one vacancy or several, one model, on one core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnk.constants import K_B_eV_K
from nnk.environment import SpeciesArray, find_columns
from nnk.files import stream_key
from nnk.kmc.cache import make_cache, pack_key, remember, set_tag, whole_words
from nnk.kmc.evaluators import (
    BalancedEvaluator,
    ForwardEvaluator,
    make_evaluator,
    sites_read,
)
from nnk.kmc.grid import (
    Grid,
    make_grid,
    memory_shifts,
    padded_occupancy,
    plain_occupancy,
    position_of,
    site_of,
)
from nnk.kmc.kernel import MOST_SPECIES, Buffers, Conditions, State, Surroundings, advance
from nnk.kmc.networks import FILLER
from nnk.kmc.predictor import Predictor
from nnk.kmc.rates import residence
from nnk.kmc.several import CHANGED, advance_several, make_vacancies, rates_of
from nnk.kmc.sources import source_of
from nnk.lattice import IntArray, Lattice, shell_offsets
from nnk.models.base import BarrierModel
from nnk.models.program import Float64Array
from nnk.observables.pair_order import pair_counts

ORDER_SHELLS = 3  # neighbour shells whose pairs are counted along the way
MOST_DECIDED = 25  # jumps of the longest way out of a trap
CACHE_MiB = 64.0
MOST_VACANCIES = 2**16  # their numbers are kept in two bytes


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


def _vacant_sites(lattice: Lattice, occupancy: SpeciesArray, n_species: int) -> IntArray:
    """Sites int64[n] of the vacancies, ascending; ValueError for another shape or type or unknown species."""
    if not isinstance(occupancy, np.ndarray):
        raise ValueError(f"occupancy: expected a NumPy array, got {type(occupancy).__name__}")
    if occupancy.shape != (lattice.n_sites,) or occupancy.dtype != np.uint8:
        raise ValueError(
            f"occupancy: expected uint8[{lattice.n_sites}], got {occupancy.dtype}{list(occupancy.shape)}"
        )
    if occupancy.max() > n_species:
        raise ValueError(f"occupancy: species {occupancy.max()} found, the model knows {n_species}")
    return np.flatnonzero(occupancy == 0)


def vacant_sites(lattice: Lattice, occupancy: SpeciesArray, n_species: int) -> IntArray:
    """Sites int64[n_v] of the vacancies, ascending.

    Raises:
        ValueError: another shape or type, unknown species, no vacancy, or more than `MOST_VACANCIES`.
    """
    vacant = _vacant_sites(lattice, occupancy, n_species)
    if not 1 <= len(vacant) <= MOST_VACANCIES:
        raise ValueError(f"occupancy: expected 1 to {MOST_VACANCIES} vacancies (0), got {len(vacant)}")
    return vacant


def only_vacancy(lattice: Lattice, occupancy: SpeciesArray, n_species: int) -> int:
    """Site of the one vacancy.

    Raises:
        ValueError: as `vacant_sites`, or not exactly one vacancy.
    """
    vacant = _vacant_sites(lattice, occupancy, n_species)
    if len(vacant) != 1:
        raise ValueError(f"occupancy: expected exactly one vacancy (0), got {len(vacant)}")
    return int(vacant[0])


class Jumps(NamedTuple):
    """Jumps made.

    Attributes:
        directions: uint8[n], numbered as in ``lattice.jumps``.
        vacancies: uint16[n], the number of the vacancy that jumped; None where there is only one.
    """

    directions: SpeciesArray
    vacancies: NDArray[np.uint16] | None


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a run has come: what it takes beside the occupancy to go on with it, bit for bit.

    Attributes:
        jumps: jumps made.
        time_s: time since the start.
        time_rest_s: what `time_s` lacks of the exact sum below its last digit.
        vacancies: int64[n_v], the site of each vacancy by its number.
        displacements: int64[n_v, 3] (a/2), their ways since the start, not folded back.
        decided: uint8[k], jumps that are to follow whatever comes: the rest of a way out of a trap
            (`nnk.kmc.flicker`).
        skipped: jumps made within traps beyond those counted in `jumps`.
    """

    jumps: int
    time_s: float
    time_rest_s: float
    vacancies: IntArray
    displacements: IntArray
    decided: SpeciesArray = field(default_factory=lambda: np.empty(0, dtype=np.uint8))
    skipped: float = 0.0


class Engine:
    """A run in progress: the kernel's arrays and how far it has come.

    Vacancies are numbered by their sites at the start, and keep their numbers. `source` is what gives the
    barriers: the model's program, or what asks the model.

    Args:
        lattice: the lattice.
        occupancy: uint8[n_sites] with a 0 for each vacancy, the state to start from.
        model: gives the barriers: through its program, or if it has none (compiled() gives None), slower,
            through its `predict`.
        conditions: temperature, seed and the like.
        cache: keep what is known about surroundings met before; the result is the same without.
        cache_MiB: size of the cache.

    Raises:
        ValueError: as `source_of` and `vacant_sites`; a model in detailed balance without a program in
            a block with several vacancies (it cannot tell what they change in each other's surroundings).
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
        source = source_of(model, lattice)
        n_species, z = len(model.elements), lattice.z
        if n_species > MOST_SPECIES:
            raise ValueError(f"{n_species} species: the compiled engine takes at most {MOST_SPECIES}")
        sites = vacant_sites(lattice, occupancy, n_species)
        several = len(sites) > 1
        if several and isinstance(source, Predictor) and model.detailed_balance:
            raise ValueError(f"a {model.kind} model without a program runs one vacancy, not {len(sites)}")
        read = source.read if isinstance(source, Predictor) else sites_read(source)
        n_entries = whole_words(len(read) + 1, n_species)  # one filler at least
        self.lattice = lattice
        self.source = source
        self.jumps = 0
        self.hits = 0
        self._grid, self._around = _surroundings(lattice, read)
        evaluator = (
            None
            if isinstance(source, Predictor)
            else make_evaluator(source, read, n_entries=n_entries, several=several)
        )
        self._forward = evaluator if isinstance(evaluator, ForwardEvaluator) else None
        self._balanced = evaluator if isinstance(evaluator, BalancedEvaluator) else None
        n_values = z if self._balanced is None else 2 * z
        n_values += 0 if not several else z if self._balanced is None else z + 1
        self._cache = make_cache(n_entries, n_species, n_values, cache_MiB, used=cache)
        self._buffers = Buffers(np.full(n_entries, FILLER, dtype=np.uint8), np.zeros(n_values), np.zeros(z))
        self._state = State(
            padded_occupancy(lattice, self._grid, occupancy),
            np.stack([position_of(lattice, site) for site in sites]),
            np.zeros((len(sites), 3), dtype=np.int64),
            np.zeros(2),
            np.full(len(sites), np.nan),
            pair_counts(lattice, occupancy, ORDER_SHELLS, n_species),
        )
        self._vacancies = make_vacancies(lattice, sites, read, n_values, n_entries) if several else None
        self._run_conditions = conditions
        self.set_temperature(conditions.temperature_K)

    def set_temperature(self, temperature_K: float) -> None:
        """Go on at another temperature; the random numbers stay those of the run.

        Raises:
            ValueError: not a positive number.
        """
        kT_eV = K_B_eV_K * replace(self._run_conditions, temperature_K=temperature_K).temperature_K
        self._conditions = self._run_conditions.compiled()._replace(kT_eV=kT_eV)
        set_tag(self._cache, kT_eV)  # records hold probabilities
        if self._vacancies is not None:
            self._vacancies.state[:] = CHANGED

    def resume(self, progress: Progress) -> None:
        """Go on as after `progress`, which ended in the present occupancy.

        Raises:
            ValueError: its vacancies are not those of the occupancy.
        """
        if not np.array_equal(np.sort(progress.vacancies), np.sort(self.vacancies)):
            raise ValueError(
                f"the run stood with vacancies at {progress.vacancies}, the occupancy has {self.vacancies}"
            )
        self.jumps = progress.jumps
        self._state.clock[:] = progress.time_s, progress.time_rest_s
        self._state.displacements[:] = progress.displacements
        self._state.positions[:] = [position_of(self.lattice, site) for site in progress.vacancies]
        if self._vacancies is not None:
            self._vacancies.coordinates[:] = self.lattice.coordinates[progress.vacancies]

    def advance(self, jumps: int) -> Jumps:
        """Make `jumps` jumps.

        Raises:
            ValueError: residence times beyond the range of float64, or a model that gives NaN.
        """
        return advance_together([self], jumps)[0]

    def room(self, jumps: int) -> Jumps:
        """Where `jumps` jumps will be written."""
        vacancies = None if self._vacancies is None else np.empty(jumps, dtype=np.uint16)
        return Jumps(np.empty(jumps, dtype=np.uint8), vacancies)

    def go(self, room: Jumps, done: int, *, answered: bool = False) -> int:
        """Fill `room` from its jump number `done` on; how far it is filled.

        Without a program it ends where the barriers of `asked` are missing; `answer` gives them.
        """
        arguments = (
            self._grid, self._around, self._forward, self._balanced, self._conditions, self._cache,
            self._state, self._buffers,
        )  # fmt: skip
        directions = room.directions[done:]
        if room.vacancies is None:
            made, hits = advance(*arguments, self.jumps, directions, answered)
        else:
            numbers = room.vacancies[done:]
            made, hits = advance_several(
                *arguments, self._vacancies, self.jumps, directions, numbers, answered
            )
        self.hits += hits
        self.jumps += made
        return done + int(made)

    @property
    def asked(self) -> SpeciesArray:
        """Species around the vacancy whose barriers are missing."""
        return self._buffers.species[: self._around.read.shape[1]]

    def answer(self, barriers_eV: Float64Array) -> None:
        """Give the barriers float64[z] of `asked`."""
        buffers, conditions = self._buffers, self._conditions
        if self._vacancies is None:
            residence(barriers_eV, conditions.kT_eV, conditions.log_frequency, buffers.record)
        else:
            buffers.record[: len(barriers_eV)] = barriers_eV
            rates_of(barriers_eV, conditions, buffers.record[-len(barriers_eV) :])
        remember(self._cache, pack_key(self._cache, buffers.species), buffers.record)

    def check_time(self) -> None:
        """Refuse to go on with a time that is no number.

        Raises:
            ValueError: residence times beyond the range of float64, or a model that gave NaN.
        """
        if not np.isfinite(self.time_s):
            raise ValueError(
                f"the time after jump {self.jumps} is not a finite number: a barrier is not one, or "
                f"residence times at this temperature exceed 1e308 s"
            )

    @property
    def time_s(self) -> float:
        """Time since the start of the run."""
        return float(self._state.clock[0])

    @property
    def progress(self) -> Progress:
        """How far the run has come."""
        rest = float(self._state.clock[1])
        return Progress(self.jumps, self.time_s, rest, self.vacancies, self.displacements)

    @property
    def occupancy(self) -> SpeciesArray:
        """The present occupancy uint8[n_sites], a copy."""
        return plain_occupancy(self.lattice, self._grid, self._state.padded)

    @property
    def vacancies(self) -> IntArray:
        """Sites int64[n_v] of the vacancies by their numbers."""
        return np.array([site_of(self.lattice, position) for position in self._state.positions])

    @property
    def displacements(self) -> IntArray:
        """Ways of the vacancies since the start int64[n_v, 3] (a/2), not folded back; a copy."""
        return self._state.displacements.copy()

    @property
    def pair_counts(self) -> IntArray:
        """Counted neighbours int64[shells, n_species, n_species] (`nnk.observables.pair_order`); a copy."""
        return self._state.pair_counts.copy()


def advance_together(engines: Sequence[Engine], jumps: int) -> list[Jumps]:
    """Let each of several engines of one model make `jumps` jumps.

    What models without a program are asked for is evaluated in common batches; runs whose model has a program
    are simply made one after the other.

    Raises:
        ValueError: as `Engine.advance`, or engines of different models without a program.
    """
    predictors = [engine.source for engine in engines if isinstance(engine.source, Predictor)]
    if any(predictor.model is not predictors[0].model for predictor in predictors):
        raise ValueError("engines of different models cannot be asked for together")
    rooms = [engine.room(jumps) for engine in engines]
    done = [engine.go(room, 0) for engine, room in zip(engines, rooms, strict=True)]
    while asking := [number for number, made in enumerate(done) if made < jumps]:
        answers = predictors[0].barriers([engines[number].asked for number in asking])
        for number, barriers_eV in zip(asking, answers, strict=True):
            engines[number].answer(barriers_eV)
            done[number] = engines[number].go(rooms[number], done[number], answered=True)
    for engine in engines:
        engine.check_time()
    return rooms


def _surroundings(lattice: Lattice, read: IntArray) -> tuple[Grid, Surroundings]:
    """The padded grid and where in it the sites `read` and the neighbour shells lie."""
    shells = [shell_offsets(lattice.structure, k) for k in range(1, ORDER_SHELLS + 1)]
    neighbours = np.concatenate(shells)
    grid = make_grid(lattice, int(max(np.abs(read).max(), np.abs(neighbours).max())))
    around = Surroundings(
        memory_shifts(lattice, grid, read),
        find_columns(read, lattice.jumps),
        memory_shifts(lattice, grid, neighbours),
        np.cumsum([len(shell) for shell in shells]),
        lattice.jumps,
    )
    return grid, around
