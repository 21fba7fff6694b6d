"""Runs in memory."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnk.environment import SpeciesArray
from nnk.kmc.driver import Driver, Piece
from nnk.kmc.engine import CACHE_MiB, RunConditions, whole_number
from nnk.kmc.frames import Frames, KeyFrames, join_frames
from nnk.kmc.setup import RunSetup
from nnk.kmc.software import made_by
from nnk.kmc.sources import source_hash, source_of
from nnk.kmc.storage import BLOCK, Jumped
from nnk.kmc.trajectory import JumpReader, Trajectory
from nnk.lattice import Lattice
from nnk.models.base import BarrierModel
from nnk.run_terms import Schedule, StopWhen

_MODEL_HASH = "program_hash"  # among a trajectory's notes; runs of a campaign have inputs_hash instead


def run(
    lattice: Lattice,
    occupancy: SpeciesArray,
    model: BarrierModel,
    *,
    temperature_K: float,
    jumps: int,
    seed: int,
    replica: int = 0,
    start: Trajectory | None = None,
    cache: bool = True,
    attempt_frequency_Hz: float = 1e13,
    key_frames: KeyFrames | None = None,
    cache_MiB: float = CACHE_MiB,
    schedule: Schedule | None = None,
    stop: StopWhen | None = None,
    flicker: bool = False,
) -> Trajectory:
    """Let the vacancies of `occupancy` make `jumps` jumps by the residence-time algorithm.

    The result is a function of the start, the model, the temperature, the seed and the replica: the same
    with and without cache, and the same in one run as in several that continue each other.

    Args:
        lattice: the lattice.
        occupancy: integers [n_sites] with a 0 for each vacancy. With `start`, the state that it began or
            ended in.
        model: gives the barriers; it must compile to a program of `nnk.models.program`.
        temperature_K: temperature; of a schedule the first one.
        jumps: how many jumps to make (with `start`: further jumps).
        seed: seed of the random numbers.
        replica: number of the run among those that differ in nothing else.
        start: a trajectory to continue; the result holds its jumps too, and the time goes on.
        cache: keep the records of surroundings met before; only the speed depends on it.
        attempt_frequency_Hz: k0 of the rates.
        key_frames: which states to keep on the way; by default the first and the last.
        cache_MiB: size of the cache.
        schedule: temperatures along the run, counted from its first jump; by default `temperature_K`.
        stop: ends the run earlier, at a time or when an order is reached.
        flicker: advance a flickering vacancy at once (`nnk.kmc.flicker`); `jumps` are those recorded.

    Raises:
        ValueError: a model that the engine cannot run, a lattice too small for its environment, no vacancy,
            a model or conditions that are not those of `start`, or numbers out of range.
    """
    jumps = whole_number("jumps", jumps)
    if jumps < 0:
        raise ValueError(f"jumps={jumps}: expected 0 or more")
    conditions = RunConditions(temperature_K, seed, replica, attempt_frequency_Hz)
    occupancy = _as_species(occupancy)
    model_hash = source_hash(source_of(model, lattice))
    if start is not None:
        _check_continues(start, lattice, occupancy, conditions)
        _check_schedule(start, schedule)
        if bool(start.notes.get("flicker", False)) != flicker:
            raise ValueError("start: it was made with flicker, the rest is not to be, or the other way round")
    first = 0 if start is None else start.jumps
    setup = RunSetup(
        lattice=lattice,
        elements=tuple(model.elements),
        occupancy=occupancy if start is None else start.initial_occupancy,
        temperature_K=conditions.temperature_K,
        seed=conditions.seed,
        replica=conditions.replica,
        stop=replace(stop or StopWhen(), jumps=first + jumps),
        schedule=schedule,
        attempt_frequency_Hz=conditions.attempt_frequency_Hz,
        key_frames=key_frames or KeyFrames(),
        flicker=flicker,
    )
    if start is not None:
        _check_model(start, setup.elements, model_hash)
    driver = Driver(setup, model, start.end if start else None, cache=cache, cache_MiB=cache_MiB)
    frames = [driver.frame()] if start is None else [_kept(start, setup.key_frames)]
    pieces = []
    while not (ended_by := driver.ended_by()):
        pieces.append(driver.advance(jumps))
        frames += [pieces[-1].frame] if pieces[-1].frame is not None else []
    end = driver.frame()
    if not setup.key_frames.holds(driver.jumps):
        frames.append(end)
    return Trajectory(
        lattice=lattice,
        elements=setup.elements,
        conditions=conditions,
        initial_occupancy=setup.occupancy.copy(),
        first_jump=0 if start is None else start.first_jump,
        end=end,
        key_frames=join_frames(frames),
        read_jumps=_in_memory(start, pieces),
        ended_by=ended_by,
        made_on=(*(start.made_on if start else ()), {"first_jump": first, **made_by()}),
        notes={
            _MODEL_HASH: model_hash,
            "schedule": schedule.as_json() if schedule else None,
            "flicker": flicker,
        },
        hit_rate=driver.hits / jumps if jumps else float("nan"),
    )


def _kept(start: Trajectory, key_frames: KeyFrames) -> Frames:
    """Key frames of a trajectory that goes on: its last state is one only if it would be one anyway."""
    last = start.key_frames.jump[-1]
    return start.key_frames.select(slice(None, None if key_frames.holds(int(last)) else -1))


def _in_memory(start: Trajectory | None, pieces: list[Piece]) -> JumpReader:
    """Reader of the jumps of `start` and then of `pieces`."""
    before = start.directions if start else np.empty(0, dtype=np.uint8)
    directions = np.concatenate([before, *(piece.directions for piece in pieces)])
    movers = None
    if any(piece.movers is not None for piece in pieces):
        ours = [piece.movers for piece in pieces if piece.movers is not None]
        movers = np.concatenate([start.movers if start else np.empty(0, dtype=np.uint16), *ours])

    def read(first: int, last: int) -> list[Jumped]:
        cuts = [*range(first, last, BLOCK), last]
        return [
            Jumped(directions[a:b], None if movers is None else movers[a:b])
            for a, b in itertools.pairwise(cuts)
        ] or [Jumped(directions[:0], None if movers is None else movers[:0])]

    return read


def _as_species(occupancy: NDArray[Any]) -> SpeciesArray:
    """Whole numbers that fit a byte become bytes; whatever else is left for the engine to refuse."""
    if not isinstance(occupancy, np.ndarray) or occupancy.dtype.kind not in "iu" or not occupancy.size:
        return occupancy
    fits = occupancy.min() >= 0 and occupancy.max() <= np.iinfo(np.uint8).max
    return occupancy.astype(np.uint8) if fits else occupancy


def _check_continues(
    start: Trajectory, lattice: Lattice, occupancy: SpeciesArray, conditions: RunConditions
) -> None:
    if lattice != start.lattice:
        raise ValueError(f"start: its lattice is {start.lattice}, not {lattice}")
    if conditions != start.conditions:
        raise ValueError(f"start: its conditions are {start.conditions}, not {conditions}")
    if not any(np.array_equal(occupancy, known) for known in (start.initial_occupancy, start.occupancy)):
        raise ValueError("start: occupancy is neither the state that it began in nor the one it ended in")


def _check_schedule(start: Trajectory, schedule: Schedule | None) -> None:
    if (schedule or Schedule.constant(start.conditions.temperature_K)) != start.schedule:
        raise ValueError(f"start: its schedule is {start.schedule}, not {schedule}")


def _check_model(start: Trajectory, elements: tuple[str, ...], model_hash: str) -> None:
    if elements != start.elements:
        raise ValueError(f"start: its elements are {start.elements}, the model's {elements}: remap the model")
    if start.notes.get(_MODEL_HASH, model_hash) != model_hash:
        raise ValueError("start: it was made with another model")
