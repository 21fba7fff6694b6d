"""Temperatures along a run, ends by time and order, several vacancies: the same however a run is split."""

import dataclasses
import math

import numpy as np
import pytest

from nnk.files import stream_key
from nnk.kmc import KeyFrames, RunSetup, Trajectory, run, run_to_files
from nnk.kmc.frames import FRAME_FIELDS
from nnk.kmc.storage import TrajectoryFile
from nnk.lattice import Lattice
from nnk.observables.pair_order import coordination, pair_counts, pair_parameter
from nnk.run_terms import OrderReached, Schedule, StopWhen

SEED = 5


def setup_for(small, stop, **more):
    lattice, occupancy, model = small
    given = {"schedule": None, "key_frames": KeyFrames("log", 3)} | more
    first = given["schedule"].temperatures_K[0] if given["schedule"] else 900.0
    return RunSetup(lattice, model.elements, occupancy, first, SEED, 0, stop, **given)


def in_memory(small, setup):
    lattice, occupancy, model = small
    return run(
        lattice, occupancy, model, temperature_K=setup.temperature_K, jumps=setup.stop.jumps, seed=SEED,
        key_frames=setup.key_frames, schedule=setup.schedule, stop=setup.stop,
    )  # fmt: skip


def in_pieces(path, small, setup):
    """Write a segment after every piece, and stop and go on in between."""
    for pieces in (1, 2, 3):
        calls = iter(range(pieces))
        run_to_files(
            path, setup, small[2], checkpoint_s=0,
            should_stop=lambda calls=calls: next(calls, None) is None,
        )  # fmt: skip
    return run_to_files(path, setup, small[2], checkpoint_s=0)


def assert_same(a, b):
    np.testing.assert_array_equal(a.directions, b.directions)
    np.testing.assert_array_equal(a.movers, b.movers)
    for name in FRAME_FIELDS:
        np.testing.assert_array_equal(getattr(a.frames(), name), getattr(b.frames(), name))
    assert a.ended_by == b.ended_by


def waits(temperature_K, jumps, philox_reference):
    """Minus the logarithm of each jump's second random number: its waiting time in mean residence times."""
    key = stream_key(SEED, "kmc", temperature_K, 0)
    found = []
    for number in range(jumps):
        words = philox_reference((number, 0, 0, 0), (key % 2**32, key >> 32))
        found.append(-math.log((((words[2] << 32 | words[3]) >> 11) + 1) * 2.0**-53))
    return np.array(found)


@pytest.fixture
def residence_s(pure, philox_reference):
    """Mean residence time in a crystal of one element, by temperature."""
    lattice, occupancy, model = pure

    def at(temperature_K):
        first = run(lattice, occupancy, model, temperature_K=temperature_K, jumps=1, seed=SEED)
        return first.time_s / waits(temperature_K, 1, philox_reference)[0]

    return at


@pytest.fixture
def pure(small):
    lattice, occupancy, model = small
    return lattice, np.where(occupancy == 0, 0, 1).astype(np.uint8), model


def test_each_jump_is_made_at_the_temperature_of_its_number(pure, residence_s, philox_reference):
    schedule = Schedule("jumps", (0, 100, 250), (900.0, 400.0, 1500.0))
    trajectory = in_memory(pure, setup_for(pure, StopWhen(400), schedule=schedule))
    temperatures = np.repeat([900.0, 400.0, 1500.0], [100, 150, 150])
    expected = waits(900.0, 400, philox_reference) * [residence_s(t) for t in temperatures]
    assert trajectory.time_s == pytest.approx(expected.sum(), rel=1e-10)
    frames = trajectory.frames()
    expected_K = [(*temperatures, 1500.0)[jump] for jump in frames.jump]
    np.testing.assert_array_equal(frames.temperature_K, expected_K)


def test_a_temperature_that_changes_in_a_waiting_time_changes_the_rest_of_it(
    pure, residence_s, philox_reference
):
    """A wait is a number of residence times; what each plateau's time takes of them is gone."""
    temperatures = (900.0, 300.0, 1500.0, 300.0)
    cold, warm, hot = (residence_s(t) for t in (300.0, 900.0, 1500.0))
    at = (0.0, *np.cumsum([15.5 * warm, 0.3 * cold, 9.5 * hot]).tolist())
    schedule = Schedule("time_s", at, temperatures)
    trajectory = in_memory(
        pure, setup_for(pure, StopWhen(60), schedule=schedule, key_frames=KeyFrames(every=1))
    )
    rates = [1 / residence_s(t) for t in temperatures]
    spent = np.concatenate([[0.0], np.cumsum(np.diff(at) * rates[:-1])])
    units = np.cumsum(waits(900.0, 60, philox_reference))
    plateau = np.searchsorted(spent, units) - 1
    expected = np.array(at)[plateau] + (units - spent[plateau]) / np.array(rates)[plateau]
    assert len(set(plateau)) >= 3, "the run must cross the plateaus"
    np.testing.assert_allclose(trajectory.frames().time_s[1:], expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("schedule", "stop"),
    [
        (Schedule.ramps("jumps", [0, 4000], [1500.0, 600.0], 100.0), StopWhen(6000)),
        (Schedule.ramps("time_s", [0, 2e-9], [900.0, 700.0], 20.0), StopWhen(6000)),
        (None, StopWhen(100_000, time_s=4e-9)),
        (Schedule("time_s", (0.0, 1e-9), (900.0, 800.0)), StopWhen(100_000, time_s=3e-9)),
        (None, StopWhen(30_000, order=OrderReached(("E0", "E1"), 1, "delta", at_least=0.3, every=500))),
    ],
)
def test_ends_and_schedules_do_not_depend_on_how_a_run_is_split(small, tmp_path, schedule, stop):
    setup = setup_for(small, stop, schedule=schedule)
    whole = in_memory(small, setup)
    summary = in_pieces(tmp_path / "r000.nc", small, setup)
    loaded = Trajectory.load(tmp_path / "r000.nc")
    assert_same(loaded, whole)
    assert summary.ended_by == whole.ended_by
    loaded.check_replay()


def test_a_run_ends_with_the_first_jump_at_the_time(small):
    plain = in_memory(small, setup_for(small, StopWhen(3000), key_frames=KeyFrames(every=1)))
    time_s = float(plain.frames().time_s[1234])
    for limit, jumps in ((time_s, 1234), (np.nextafter(time_s, 1.0), 1235), (1e-30, 1)):
        ended = in_memory(small, setup_for(small, StopWhen(3000, time_s=limit)))
        assert (ended.jumps, ended.ended_by) == (jumps, "time")
        np.testing.assert_array_equal(ended.directions, plain.directions[:jumps])
        assert ended.time_s == plain.frames().time_s[jumps]


@pytest.mark.parametrize("parameter", ["delta", "alpha"])
def test_a_run_ends_at_the_first_look_at_which_the_order_is_reached(small, parameter):
    lattice, occupancy, _ = small
    plain = in_memory(small, setup_for(small, StopWhen(4000), key_frames=KeyFrames(every=50)))
    numbers, z = np.bincount(occupancy, minlength=3)[1:], coordination("fcc", 3)
    delta = pair_parameter(plain.frames().pair_counts, numbers, lattice.n_sites, z)[:, 1, 0, 1]
    expected = z[1] * numbers[1] / (lattice.n_sites - 1)
    values = delta if parameter == "delta" else -delta / expected
    wanted = float(np.sort(values)[-3])
    order = OrderReached(("E0", "E1"), 2, parameter, at_least=wanted, every=50)
    ended = in_memory(small, setup_for(small, StopWhen(4000, order=order)))
    first = int(np.flatnonzero(values >= wanted - 1e-12)[0])
    assert (ended.jumps, ended.ended_by) == (50 * first, order.text)
    counts = pair_counts(lattice, ended.occupancy, 3, 2)
    np.testing.assert_array_equal(counts, ended.end.pair_counts[0])


def test_a_run_that_goes_on_is_the_run_made_at_once(small, tmp_path):
    """Whatever had ended it before: jumps, time or order; and with a shorter stop it is left alone."""
    order = OrderReached(("E0", "E1"), 1, "delta", at_most=9.0, every=700)
    stops = [StopWhen(300), StopWhen(5000, order=order), StopWhen(10_000, time_s=1e-9), StopWhen(9_000)]
    path, whole = tmp_path / "a" / "r000.nc", tmp_path / "b" / "r000.nc"
    summaries = [
        run_to_files(path, setup_for(small, stop), small[2], checkpoint_s=checkpoint_s)
        for stop, checkpoint_s in zip(stops, (1e9, 0, 1e9, 0), strict=True)
    ]
    run_to_files(whole, setup_for(small, stops[-1]), small[2], checkpoint_s=1e9)
    assert [summary.ended_by for summary in summaries] == ["jumps", order.text, "time", "jumps"]
    assert [summary.resumed_at for summary in summaries[1:]] == [summary.jumps for summary in summaries[:-1]]
    assert TrajectoryFile(path).digest == TrajectoryFile(whole).digest
    before = path.read_bytes()
    shorter = run_to_files(path, setup_for(small, StopWhen(500)), small[2], checkpoint_s=1e9)
    assert (shorter.state, shorter.jumps, shorter.messages) == ("done", 9_000, ())
    assert path.read_bytes() == before
    assert not list(tmp_path.rglob("quarantine"))


def test_a_kill_between_merge_and_removal_of_segments_is_harmless(small, tmp_path):
    path = tmp_path / "r000.nc"
    setup = setup_for(small, StopWhen(4000))
    calls = iter(range(2))
    run_to_files(path, setup, small[2], checkpoint_s=0, should_stop=lambda: next(calls, None) is None)
    kept = {file.name: file.read_bytes() for file in (tmp_path / "r000").glob("seg-*.nc")}
    run_to_files(path, setup, small[2], checkpoint_s=1e9)
    (tmp_path / "r000").mkdir()
    for name, content in list(kept.items())[1:]:
        (tmp_path / "r000" / name).write_bytes(content)
    longer = dataclasses.replace(setup, stop=StopWhen(5000))
    summary = run_to_files(path, longer, small[2], checkpoint_s=0)
    assert (summary.resumed_at, summary.messages) == (4000, ())
    assert_same(Trajectory.load(path), in_memory(small, longer))


def test_a_run_under_way_again_is_read_with_its_earlier_end(small, tmp_path):
    path = tmp_path / "r000.nc"
    run_to_files(path, setup_for(small, StopWhen(1000)), small[2], checkpoint_s=1e9)
    calls = iter(range(3))
    longer = setup_for(small, StopWhen(9000))
    run_to_files(path, longer, small[2], checkpoint_s=0, should_stop=lambda: next(calls, None) is None)
    under_way = Trajectory.load(path.with_suffix(""))
    assert 1000 < under_way.jumps < 9000
    under_way.check_replay()


def test_other_software_is_named_when_a_run_goes_on(small, tmp_path):
    path = tmp_path / "r000.nc"
    run_to_files(path, setup_for(small, StopWhen(500)), small[2], checkpoint_s=1e9)
    first = Trajectory.load(path)
    (here,) = first.made_on
    assert {"cpu", "numba", "numpy"} <= set(here)
    dataclasses.replace(first, made_on=({**here, "cpu": "other-cpu"},)).save(path)
    longer = setup_for(small, StopWhen(800))
    (message,) = run_to_files(path, longer, small[2], checkpoint_s=1e9).messages
    assert f"goes on from jump 500 with cpu other-cpu -> {here['cpu']}" in message
    stretches = [(stretch["first_jump"], stretch["cpu"]) for stretch in Trajectory.load(path).made_on]
    assert stretches == [(0, "other-cpu"), (500, here["cpu"])]


def test_several_vacancies_are_stored_and_replayed(small, tmp_path):
    lattice, occupancy, model = small
    occupancy = occupancy.copy()
    occupancy[[5, 77]] = 0
    several = (lattice, occupancy, model)
    setup = setup_for(several, StopWhen(3000))
    whole = in_memory(several, setup)
    in_pieces(tmp_path / "r000.nc", several, setup)
    loaded = Trajectory.load(tmp_path / "r000.nc")
    assert_same(loaded, whole)
    assert set(np.unique(loaded.movers)) == {0, 1, 2}
    assert loaded.frames().displacement.shape[1:] == (3, 3)
    loaded.check_replay()


def test_energy_stands_in_the_key_frames(make_balanced_program, make_start, tmp_path):
    lattice = Lattice.bcc((4, 4, 4), 3.2)
    model = make_balanced_program(shells=2, widths=(8, 8))
    model.energy = lambda occupancy, lattice: float(occupancy[:7].sum())
    trajectory = run(
        lattice,
        make_start(lattice),
        model,
        temperature_K=900.0,
        jumps=20,
        seed=1,
        key_frames=KeyFrames(every=5),
    )
    frames = trajectory.frames()
    np.testing.assert_array_equal(frames.energy_eV, frames.occupancy[:, :7].sum(axis=1))
    trajectory.save(tmp_path / "r.nc")
    np.testing.assert_array_equal(Trajectory.load(tmp_path / "r.nc").frames().energy_eV, frames.energy_eV)
