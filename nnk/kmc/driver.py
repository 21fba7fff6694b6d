"""An engine led through a run: from key frame to key frame, at the right temperature, up to the end."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnk.environment import SpeciesArray
from nnk.kmc.engine import CACHE_MiB, Engine, Jumps
from nnk.kmc.flicker import FlickerEngine
from nnk.kmc.frames import Frames
from nnk.models.base import BarrierModel

if TYPE_CHECKING:
    from nnk.kmc.setup import RunSetup


class Piece(NamedTuple):
    """A stretch of a run.

    Attributes:
        directions: uint8[n].
        movers: uint16[n], number of the vacancy that jumped; None where there is only one.
        frame: the state after it, if it is a key frame.
    """

    directions: SpeciesArray
    movers: NDArray[np.uint16] | None
    frame: Frames | None


class Driver:
    """A run in progress.

    Args:
        setup: the run.
        model: gives the barriers.
        state: one frame to go on from; None: the start.
        cache_MiB: size of the cache; 0 for none.
    """

    def __init__(
        self,
        setup: RunSetup,
        model: BarrierModel,
        state: Frames | None = None,
        *,
        cache: bool = True,
        cache_MiB: float = CACHE_MiB,
    ) -> None:
        self._setup = setup
        self._model = model
        self._cache = cache
        self._cache_MiB = cache_MiB
        self._earlier_hits = 0
        self._schedule = setup.temperatures
        self._timed = setup.stop.time_s is not None or self._schedule.of == "time_s"
        self.engine = self._engine_at(state)
        self._numbers = np.bincount(setup.occupancy, minlength=len(setup.elements) + 1)

    def _engine_at(self, state: Frames | None) -> Engine:
        """An engine in a state of the run."""
        setup = self._setup
        occupancy = setup.occupancy if state is None else state.occupancy[0]
        kind = FlickerEngine if setup.flicker else Engine
        engine = kind(
            setup.lattice, occupancy, self._model, setup.conditions,
            cache=self._cache, cache_MiB=self._cache_MiB,
        )  # fmt: skip
        if state is not None:
            engine.resume(state.progress(0))
        self._temperature_K = self._schedule.temperature_K(engine.jumps, engine.time_s)
        engine.set_temperature(self._temperature_K)
        return engine

    def _set_temperature(self) -> None:
        """The temperature of the next jump; nothing if it is that of the last one."""
        temperature_K = self._schedule.temperature_K(self.jumps, self.engine.time_s)
        if temperature_K != self._temperature_K:
            self.engine.set_temperature(temperature_K)
            self._temperature_K = temperature_K

    @property
    def jumps(self) -> int:
        """Jumps made since the start."""
        return self.engine.jumps

    @property
    def hits(self) -> int:
        """Records found in the cache."""
        return self._earlier_hits + self.engine.hits

    def frame(self) -> Frames:
        """The present state."""
        energy = getattr(self._model, "energy", None)
        value = math.nan if energy is None else energy(self.engine.occupancy, self._setup.lattice)
        return Frames.of(self.engine, self._temperature_K, value)

    def ended_by(self) -> str:
        """Why the run ends here: "jumps", "time" or the order reached; empty if it goes on."""
        stop, engine = self._setup.stop, self.engine
        reason = stop.reason(engine.jumps, engine.time_s)
        order = stop.order
        if reason or order is None or engine.jumps % order.every:
            return reason
        value = order.value(
            engine.pair_counts, self._numbers, self._setup.elements, self._setup.lattice.structure
        )
        return order.text if order.reached(value) else ""

    def advance(self, most: int) -> Piece:
        """Make at most `most` jumps: not beyond the next key frame, temperature, or look at the order."""
        length = min(most, self._next_stop() - self.jumps)
        made = self._advance_by_time(length) if self._timed else self.engine.advance(length)
        self._set_temperature()
        is_frame = self._setup.key_frames.holds(self.jumps)
        return Piece(made.directions, made.vacancies, self.frame() if is_frame else None)

    def _next_stop(self) -> int:
        """Number of jumps at which something has to be looked at next."""
        setup, now = self._setup, self.jumps
        stops = [setup.stop.jumps, setup.key_frames.after(now), self._schedule.next_jump(now)]
        if setup.stop.order is not None:
            stops.append((now // setup.stop.order.every + 1) * setup.stop.order.every)
        return min(stop for stop in stops if stop is not None)

    def _advance_by_time(self, jumps: int) -> Jumps:
        """As the engine's, but the jump that crosses the next time of interest is the last one."""
        limits = [self._setup.stop.time_s, self._schedule.next_time_s(self.engine.time_s)]
        limit_s = min((t for t in limits if t is not None), default=math.inf)
        before = self._snapshot()
        made = self.engine.advance(jumps)
        if self.engine.time_s < limit_s:
            return made
        done = self._go_to_crossing(before, jumps, limit_s)
        last = self._crossing_jump()
        return Jumps(
            np.concatenate([made.directions[:done], last.directions]),
            None if made.vacancies is None else np.concatenate([made.vacancies[:done], last.vacancies]),
        )

    def _snapshot(self) -> Frames:
        return Frames.of(self.engine, self._temperature_K)

    def _restart(self, state: Frames) -> None:
        self._earlier_hits += self.engine.hits
        self.engine = self._engine_at(state)

    def _go_to_crossing(self, before: Frames, jumps: int, limit_s: float) -> int:
        """Leave the engine before the jump that ends at `limit_s` or later; how many of `jumps` come first.

        The run is a function of its state, so halves of it can be made again until the jump is found.
        """
        sound, done, beyond = before, 0, jumps
        self._restart(sound)
        while beyond - done > 1:
            half = (beyond - done) // 2
            self.engine.advance(half)
            if self.engine.time_s < limit_s:
                sound, done = self._snapshot(), done + half
            else:
                beyond = done + half
                self._restart(sound)
        return done

    def _crossing_jump(self) -> Jumps:
        """One jump during whose waiting time the temperature may change, any number of times.

        A waiting time is a number of mean residence times, drawn once; each plateau uses up its share of it.
        """
        state = self._snapshot()
        now_s, share = float(state.time_s[0]), 1.0
        while True:
            here = self._schedule.temperature_K(self.jumps, now_s)
            self._temperature_K = here
            self.engine.set_temperature(here)
            made = self.engine.advance(1)
            wait_s = self.engine.time_s - float(state.time_s[0])
            change_s = self._schedule.next_time_s(now_s)
            if change_s is None or now_s + share * wait_s < change_s:
                break
            share -= (change_s - now_s) / wait_s
            now_s = change_s
            self._restart(state)
        if share < 1.0:
            self._set_clock(now_s + max(share, 0.0) * wait_s)
        return made

    def _set_clock(self, time_s: float) -> None:
        self.engine.resume(replace(self.engine.progress, time_s=time_s, time_rest_s=0.0))
