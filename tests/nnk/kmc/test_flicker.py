"""Flickering advanced at once against the same runs made jump by jump."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from nnk.kmc import KeyFrames, RunSetup, Trajectory, run, run_to_files
from nnk.kmc.engine import Engine, RunConditions
from nnk.kmc.flicker import MOST_STATES, FlickerEngine
from nnk.lattice import Lattice
from nnk.observables.pair_order import pair_counts
from nnk.run_terms import Schedule, StopWhen

LATTICE = Lattice.bcc((5, 5, 5), 3.2)
TEMPERATURE_K = 150.0  # the random models' barriers differ by 0.1 to 0.2 eV
REFUSED = 1e-4


@pytest.fixture(params=["forward", "balanced"])
def model(request, make_forward, make_balanced_program):
    if request.param == "forward":
        return make_forward("bcc", 2, 3, (8, 8), seed=3)
    return make_balanced_program("bcc", 2, 3, (8, 8), seed=3)


def repeated(engine, n, attempt):
    """Results of `n` times `attempt(engine)` from its present state, with ever new random numbers."""
    saved, found = [array.copy() for array in engine._state], []
    for _ in range(n):
        for array, value in zip(engine._state, saved, strict=True):
            array[...] = value
        if isinstance(engine, FlickerEngine):
            engine.skipped = 0.0
            engine._trap.place[:] = 0
        found.append(attempt(engine))
    return found


def exit_at_once(engine):
    """Jumps that lead to the state behind the first exit, time and number of all jumps."""
    first = engine.advance(1).directions[0]
    recorded = (int(first), *engine.progress.decided.tolist())
    return recorded, engine.time_s, engine.skipped + len(recorded)


def trap_states(engine):
    """The states of the engine's last trap as the jumps that lead to each from where the trap was entered."""
    trap, words = engine._trap, {0: ()}
    for i in range(1, int(trap.leads_to.max()) + 1):
        words[i] = (*words[int(trap.parent[i])], int(trap.arrival[i]))
    return set(words.values())


def exit_jump_by_jump(states):
    """The same as `exit_at_once`, by the plain engine."""

    def attempt(engine):
        word, jumps = (), 0
        while word in states:
            jump = int(engine.advance(1).directions[0])
            word = word[:-1] if word and word[-1] == LATTICE.z - 1 - jump else (*word, jump)
            jumps += 1
        return word, engine.time_s, jumps

    return attempt


@pytest.fixture
def trapped(model, make_start):
    """A start in a trap that is left after some ten to some hundred jumps, and its conditions."""
    for seed in range(100):
        start, conditions = make_start(LATTICE, 3, seed), RunConditions(TEMPERATURE_K, 1)
        engine = FlickerEngine(LATTICE, start, model, conditions)
        found = repeated(engine, 20, exit_at_once)
        if engine.skipped and 20 < np.mean([jumps for _, _, jumps in found]) < 200:
            return start, conditions
    raise AssertionError("no start in a trap")


def test_exits_are_distributed_as_jump_by_jump(model, trapped):
    flickering, slow = (kind(LATTICE, trapped[0], model, trapped[1]) for kind in (FlickerEngine, Engine))
    at_once = repeated(flickering, 5000, exit_at_once)
    states = trap_states(flickering)
    assert 2 <= len(states) <= MOST_STATES
    plain = repeated(slow, 1000, exit_jump_by_jump(states))
    words = sorted({word for word, _, _ in at_once + plain})
    table = np.array([[sum(w == word for w, _, _ in found) for word in words] for found in (at_once, plain)])
    common = table.sum(axis=0) >= 20
    table = np.column_stack([table[:, common], table[:, ~common].sum(axis=1)])
    assert stats.chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue > REFUSED
    for column in (1, 2):  # time, jumps
        values = [[one[column] for one in found] for found in (at_once, plain)]
        assert stats.ks_2samp(*values).pvalue > REFUSED


def test_means_after_many_jumps_are_those_of_the_plain_engine(model, make_start):
    """Time per jump, vacancy's way and order when a given number of jumps, recorded or not, has been made."""
    start, wanted = make_start(LATTICE, 3, 5), 3000

    def ends(kind, seed):
        engine = kind(LATTICE, start, model, RunConditions(TEMPERATURE_K, seed))

        def attempt(engine):
            before = engine.jumps
            made = 0
            while made < wanted:
                engine.advance(1 if kind is FlickerEngine else wanted)
                made = engine.jumps - before + getattr(engine, "skipped", 0)
            way = float((engine.displacements**2).sum())
            return np.log(engine.time_s / made), way, *engine.pair_counts[0][np.triu_indices(3)]

        return np.array(repeated(engine, 200, attempt))

    at_once, plain = ends(FlickerEngine, 1), ends(Engine, 2)
    error = np.sqrt((at_once.var(axis=0) + plain.var(axis=0)) / len(plain))
    assert (np.abs(at_once.mean(axis=0) - plain.mean(axis=0)) < 4 * error + 1e-12).all()


def test_without_traps_it_is_the_plain_engine(model, make_start):
    start, conditions = make_start(LATTICE, 3, 1), RunConditions(1e6, 3)  # nearly all jumps equally likely
    plain, flickering = (kind(LATTICE, start, model, conditions) for kind in (Engine, FlickerEngine))
    np.testing.assert_array_equal(flickering.advance(500).directions, plain.advance(500).directions)
    assert flickering.time_s == plain.time_s
    assert flickering.skipped == 0


def test_recorded_jumps_lead_to_the_state(model, make_start):
    start = make_start(LATTICE, 3, 2)
    engine = FlickerEngine(LATTICE, start, model, RunConditions(60.0, 4))
    directions = engine.advance(500).directions
    assert engine.skipped > 10_000
    assert len(directions) == 500
    occupancy, site = start.copy(), int(np.argmin(start))
    for jump in directions:
        target = LATTICE.neighbours[site, jump]
        occupancy[site], occupancy[target] = occupancy[target], 0
        site = int(target)
    np.testing.assert_array_equal(engine.occupancy, occupancy)
    np.testing.assert_array_equal(engine.displacements[0], LATTICE.jumps[directions].sum(axis=0))
    np.testing.assert_array_equal(engine.pair_counts, pair_counts(LATTICE, occupancy, 3, 3))


@pytest.mark.parametrize("cache", [True, False])
def test_split_run_is_the_whole_run(model, make_start, cache):
    start, conditions = make_start(LATTICE, 3, 2), RunConditions(100.0, 5)
    whole = FlickerEngine(LATTICE, start, model, conditions)
    directions = whole.advance(400).directions
    first = FlickerEngine(LATTICE, start, model, conditions, cache=cache)
    parts = [first.advance(n).directions for n in (1, 50, 99)]
    second = FlickerEngine(LATTICE, first.occupancy, model, conditions, cache=cache)
    second.resume(first.progress)
    while second.jumps < len(directions):
        parts.append(second.advance(1).directions)
    np.testing.assert_array_equal(np.concatenate(parts), directions)
    assert second.progress.time_s == whole.progress.time_s
    assert second.progress.time_rest_s == whole.progress.time_rest_s


def test_runs_on_disk_end_as_runs_in_memory(model, make_start, tmp_path):
    start = make_start(LATTICE, 3, 2)
    settings = {"temperature_K": 100.0, "seed": 5, "key_frames": KeyFrames("log", 10)}
    whole = run(LATTICE, start, model, jumps=700, flicker=True, **settings)
    half = run(LATTICE, start, model, jumps=333, flicker=True, **settings)
    rest = run(LATTICE, start, model, jumps=367, flicker=True, start=half, **settings)
    setup = RunSetup(
        lattice=LATTICE, elements=tuple(model.elements), occupancy=start, replica=0,
        stop=StopWhen(jumps=333), flicker=True, **settings,
    )  # fmt: skip
    path = tmp_path / "r.nc"
    stops = itertools.count()
    run_to_files(path, setup, model, checkpoint_s=1e9, should_stop=lambda: next(stops) == 3)
    run_to_files(path, setup, model, checkpoint_s=1e9)
    run_to_files(path, replace(setup, stop=StopWhen(jumps=700)), model, checkpoint_s=1e9)
    for other in (rest, Trajectory.load(path)):
        np.testing.assert_array_equal(other.directions, whole.directions)
        np.testing.assert_array_equal(other.key_frames.time_s, whole.key_frames.time_s)
        np.testing.assert_array_equal(other.key_frames.skipped, whole.key_frames.skipped)
    assert whole.key_frames.skipped[-1] > 1000


def test_flicker_and_plain_runs_do_not_mix(model, make_start, tmp_path):
    start = make_start(LATTICE, 3, 2)
    plain = run(LATTICE, start, model, temperature_K=300.0, jumps=10, seed=5)
    with pytest.raises(ValueError, match="flicker"):
        run(LATTICE, start, model, temperature_K=300.0, jumps=10, seed=5, start=plain, flicker=True)
    schedule = Schedule("time_s", (0.0, 1.0), (300.0, 200.0))
    with pytest.raises(ValueError, match="not the time"):
        run(LATTICE, start, model, temperature_K=300.0, jumps=9, seed=5, schedule=schedule, flicker=True)
    with pytest.raises(ValueError, match="not the time"):
        run(LATTICE, start, model, temperature_K=300.0, jumps=9, seed=5, stop=StopWhen(9, 1.0), flicker=True)


def test_several_vacancies_are_refused(model, make_start):
    start = make_start(LATTICE, 3, 1)
    start[np.flatnonzero(start)[:1]] = 0
    with pytest.raises(ValueError, match="one vacancy only"):
        FlickerEngine(LATTICE, start, model, RunConditions(500.0, 1))
