"""Runs in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnk.environment import SpeciesArray
from nnk.kmc.engine import CACHE_MiB, Engine, RunConditions, only_vacancy, whole_number
from nnk.kmc.frames import Frames, KeyFrames, join_frames
from nnk.kmc.trajectory import Trajectory
from nnk.lattice import Lattice
from nnk.models.base import BarrierModel
from nnk.models.program import program_hash

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
) -> Trajectory:
    """Let the vacancy of `occupancy` make `jumps` jumps by the residence-time algorithm.

    The result is a function of the start, the model, the temperature, the seed and the replica: the same
    with and without cache, and the same in one run as in several that continue each other.

    Args:
        lattice: the lattice.
        occupancy: integers [n_sites] with exactly one 0, the vacancy. With `start`, the state that it began
            or ended in.
        model: gives the barriers; it must compile to a program of `nnk.models.program`.
        temperature_K: temperature.
        jumps: how many jumps to make (with `start`: further jumps).
        seed: seed of the random numbers.
        replica: number of the run among those that differ in nothing else.
        start: a trajectory to continue; the result holds its jumps too, and the time goes on.
        cache: keep the records of surroundings met before; only the speed depends on it.
        attempt_frequency_Hz: k0 of the rates.
        key_frames: which states to keep on the way, over these `jumps`; by default the first and the last.
        cache_MiB: size of the cache.

    Raises:
        ValueError: a model that the engine cannot run, a lattice too small for its environment, not exactly
            one vacancy, a model or conditions that are not those of `start`, or numbers out of range.
    """
    jumps = whole_number("jumps", jumps)
    if jumps < 0:
        raise ValueError(f"jumps={jumps}: expected 0 or more")
    conditions = RunConditions(temperature_K, seed, replica, attempt_frequency_Hz)
    occupancy = _as_species(occupancy)
    if start is not None:
        _check_continues(start, lattice, occupancy, conditions)
        occupancy = start.occupancy
    only_vacancy(lattice, occupancy, len(model.elements))
    engine = Engine(lattice, occupancy, model, conditions, cache=cache, cache_MiB=cache_MiB)
    model_hash = program_hash(engine.program)
    if start is not None:
        _check_model(start, tuple(model.elements), model_hash)
        engine.resume(start.end.progress(0))
    parts, frames = [], [Frames.of(engine)]
    for directions in stretches(engine, jumps, key_frames or KeyFrames()):
        parts.append(directions)
        frames.append(Frames.of(engine))
    if start is not None:
        parts = [start.directions, *parts]
        frames = [start.key_frames, *frames[1:]]
    made = np.concatenate([np.empty(0, dtype=np.uint8), *parts])
    return Trajectory(
        lattice=lattice,
        elements=tuple(model.elements),
        conditions=conditions,
        initial_occupancy=occupancy.copy() if start is None else start.initial_occupancy,
        first_jump=0 if start is None else start.first_jump,
        end=frames[-1].select(slice(-1, None)),
        key_frames=join_frames(frames),
        read_directions=lambda: made,
        notes={_MODEL_HASH: model_hash},
        hit_rate=engine.hits / jumps if jumps else float("nan"),
    )


def stretches(engine: Engine, jumps: int, key_frames: KeyFrames) -> Iterator[SpeciesArray]:
    """Advance by `jumps` jumps, from key frame to key frame; the directions of each stretch."""
    for length in np.diff(key_frames.numbers(jumps)):
        yield engine.advance(int(length)).directions


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


def _check_model(start: Trajectory, elements: tuple[str, ...], model_hash: str) -> None:
    if elements != start.elements:
        raise ValueError(f"start: its elements are {start.elements}, the model's {elements}: remap the model")
    if start.notes.get(_MODEL_HASH, model_hash) != model_hash:
        raise ValueError("start: it was made with another model")
