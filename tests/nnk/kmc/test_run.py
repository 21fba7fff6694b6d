"""`nnk.kmc.run` against a slow engine, and what it promises: the same result however it is run."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.kmc import KeyFrames, Trajectory, run
from nnk.kmc.engine import Engine, RunConditions
from nnk.lattice import Lattice
from nnk.models.program import evaluate
from nnk.observables.pair_order import pair_counts
from nnk.published import read_lammps_dump, read_nkk_weights

pytestmark = pytest.mark.filterwarnings("ignore:cells=:UserWarning")

CASES = {  # kind, structure, shells, cells, species
    "forward bcc": ("forward", "bcc", 8, (5, 6, 5), 3),
    "forward bcc small": ("forward", "bcc", 8, (3, 3, 4), 3),
    "forward fcc": ("forward", "fcc", 5, (4, 4, 5), 2),
    "forward fcc four species": ("forward", "fcc", 5, (5, 4, 4), 4),
    "forward five species": ("forward", "bcc", 3, (5, 5, 5), 5),
    "balanced bcc": ("balanced", "bcc", 8, (5, 5, 6), 3),
    "balanced bcc small": ("balanced", "bcc", 8, (3, 4, 3), 2),
    "balanced fcc": ("balanced", "fcc", 5, (5, 4, 4), 2),
    "balanced fcc five species": ("balanced", "fcc", 5, (4, 4, 4), 5),
}


@pytest.fixture(params=CASES, ids=lambda name: name.replace(" ", "-"))
def case(request, make_forward, make_balanced_program, make_start):
    kind, structure, shells, cells, n_species = CASES[request.param]
    lattice = Lattice(structure, cells, 3.3)
    make = make_forward if kind == "forward" else make_balanced_program
    return lattice, make_start(lattice, n_species), make(structure, shells, n_species)


def same(a, b):
    return (
        np.array_equal(a.directions, b.directions)
        and a.time_s == b.time_s
        and np.array_equal(a.occupancy, b.occupancy)
        and np.array_equal(a.vacancies, b.vacancies)
    )


def test_barriers_are_the_programs(case):
    lattice, occupancy, model = case
    engine = Engine(lattice, occupancy, model, RunConditions(1000.0, 1), cache=False)
    for _ in range(5):
        expected = evaluate(model.compiled(), lattice, engine.occupancy, engine.vacancies[0])
        engine.advance(1)
        np.testing.assert_allclose(engine._buffers.barriers, expected, atol=2e-6, rtol=0)


def test_jumps_and_times_are_those_of_the_slow_engine(case, slow_run):
    lattice, occupancy, model = case
    conditions = {"temperature_K": 900.0, "jumps": 60, "seed": 5, "replica": 2}
    fast = run(lattice, occupancy, model, **conditions)
    directions, final, time_s = slow_run(lattice, occupancy, model, **conditions)
    np.testing.assert_array_equal(fast.directions, directions)
    np.testing.assert_array_equal(fast.occupancy, final)
    assert fast.time_s == pytest.approx(time_s, rel=1e-4)
    assert final[fast.vacancies[0]] == 0


def test_published_barriers(nnk_data, nkk_weights):
    model = read_nkk_weights(nkk_weights, allow_pickle=True)
    lattice, filled = read_lammps_dump(nnk_data / "nkk" / "initial.dump", "bcc", 3.24)
    rows = np.loadtxt(nnk_data / "nkk" / "initial.dump", skiprows=9)
    site_of_atom = dict(
        zip(rows[:, 0], lattice.site_at(np.rint(rows[:, 2:] / 1.62).astype(int)), strict=True)
    )
    for expected in json.loads((nnk_data / "nkk" / "expected_barriers.json").read_text()):
        occupancy = filled.copy()
        occupancy[site_of_atom[expected["vacancy_id"]]] = 0
        engine = Engine(lattice, occupancy, model, RunConditions(1000.0, 0))
        engine.advance(1)
        jumps = np.rint(np.array(expected["jump_A"]) / 1.62).astype(int).tolist()
        order = [lattice.jumps.tolist().index(jump) for jump in jumps]
        np.testing.assert_allclose(engine._buffers.barriers[order], expected["barrier_eV"], atol=1e-4, rtol=0)


def test_cache_changes_nothing(case):
    lattice, occupancy, model = case
    conditions = {"temperature_K": 700.0, "jumps": 800, "seed": 3}
    with_cache = run(lattice, occupancy, model, **conditions)
    assert with_cache.hit_rate > 0.05
    assert same(with_cache, run(lattice, occupancy, model, cache=False, **conditions))


def test_any_integers_serve_as_occupancy(small):
    lattice, occupancy, model = small
    conditions = {"temperature_K": 700.0, "jumps": 50, "seed": 3}
    assert same(
        run(lattice, occupancy.astype(int), model, **conditions), run(lattice, occupancy, model, **conditions)
    )
    with pytest.raises(ValueError, match="expected uint8"):
        run(lattice, occupancy + 256 * (occupancy == 1).astype(int), model, **conditions)


def test_a_trajectory_is_shown_in_a_line(small):
    lattice, occupancy, model = small
    shown = repr(run(lattice, occupancy, model, temperature_K=700.0, jumps=5, seed=3))
    assert "temperature_K=700.0" in shown
    assert len(shown) < 500


def test_a_place_taken_by_other_surroundings_gives_no_wrong_barrier(small):
    lattice, occupancy, model = small
    conditions = {"temperature_K": 1500.0, "jumps": 3000, "seed": 3}
    one_place = run(lattice, occupancy, model, cache_MiB=1e-6, **conditions)
    reference = run(lattice, occupancy, model, cache=False, **conditions)
    assert reference.hit_rate == 0
    assert same(one_place, reference)


def test_parts_make_the_whole(case):
    lattice, occupancy, model = case
    conditions = {"temperature_K": 1000.0, "seed": 11}
    whole = run(lattice, occupancy, model, jumps=300, **conditions)
    part = run(lattice, occupancy, model, jumps=120, **conditions)
    part = run(lattice, part.occupancy, model, jumps=1, start=part, **conditions)
    part = run(lattice, occupancy, model, jumps=179, start=part, **conditions)
    assert same(whole, part)
    np.testing.assert_array_equal(whole.vacancy_displacement, part.vacancy_displacement)
    assert part.jumps == 300
    part.check_replay()


def test_pair_counts_equal_a_recount(case):
    lattice, occupancy, model = case
    trajectory = run(
        lattice, occupancy, model, temperature_K=2000.0, jumps=500, seed=1, key_frames=KeyFrames("log", 1)
    )
    frames = trajectory.frames()
    np.testing.assert_array_equal(frames.jump, [0, 1, 10, 100, 500])
    for state, counts in zip(frames.occupancy, frames.pair_counts, strict=True):
        np.testing.assert_array_equal(counts, pair_counts(lattice, state, len(counts), counts.shape[1]))


def test_key_frames_replay(small):
    lattice, occupancy, model = small
    trajectory = run(
        lattice, occupancy, model, temperature_K=900.0, jumps=1000, seed=4, key_frames=KeyFrames(every=100)
    )
    np.testing.assert_array_equal(trajectory.frames().jump, np.arange(0, 1001, 100))
    assert np.all(np.diff(trajectory.frames().time_s) > 0)
    trajectory.check_replay()
    way = trajectory.lattice.jumps[trajectory.directions].sum(axis=0)
    np.testing.assert_array_equal(trajectory.vacancy_displacement[0], way)
    next(iter(trajectory.read_jumps(0, 1000))).directions[500] ^= 1
    with pytest.raises(ValueError, match="after jump 600"):
        trajectory.check_replay()


def test_seed_replica_and_temperature_give_other_runs(small):
    lattice, occupancy, model = small
    base = {"temperature_K": 3000.0, "jumps": 100, "seed": 0, "replica": 0}
    runs = [
        run(lattice, occupancy, model, **base | other)
        for other in ({}, {"seed": 1}, {"replica": 1}, {"temperature_K": 3000.5})
    ]
    assert len({bytes(trajectory.directions) for trajectory in runs}) == 4


@pytest.mark.parametrize("temperature_K", [50.0, 100.0, 1e5])
def test_time_is_finite_and_grows_at_extreme_temperatures(small, temperature_K):
    lattice, occupancy, model = small
    trajectory = run(
        lattice,
        occupancy,
        model,
        temperature_K=temperature_K,
        jumps=200,
        seed=1,
        key_frames=KeyFrames(every=100),
    )
    assert np.isfinite(trajectory.time_s)
    assert np.all(np.diff(trajectory.frames().time_s) > 0)


def test_times_beyond_float64_are_an_error(small):
    lattice, occupancy, model = small
    with pytest.raises(ValueError, match="not a finite number"):
        run(lattice, occupancy, model, temperature_K=1.0, jumps=10, seed=1)


def test_attempt_frequency_scales_the_time_alone(small):
    lattice, occupancy, model = small
    conditions = {"temperature_K": 800.0, "jumps": 100, "seed": 1}
    fast = run(lattice, occupancy, model, **conditions)
    slow = run(lattice, occupancy, model, attempt_frequency_Hz=1e12, **conditions)
    np.testing.assert_array_equal(slow.directions, fast.directions)
    assert slow.time_s == pytest.approx(10 * fast.time_s, rel=1e-12)


@pytest.mark.parametrize("n_vacancies", [0])
def test_starts_without_a_vacancy_are_refused(small, n_vacancies):
    lattice, occupancy, model = small
    occupancy = np.ones_like(occupancy)
    occupancy[:n_vacancies] = 0
    with pytest.raises(ValueError, match=f"got {n_vacancies}"):
        run(lattice, occupancy, model, temperature_K=1000.0, jumps=1, seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature_K": 0.0}, "temperature_K=0.0"),
        ({"temperature_K": float("nan")}, "temperature_K=nan"),
        ({"attempt_frequency_Hz": -1.0}, "attempt_frequency_Hz=-1.0"),
        ({"jumps": -1}, "jumps=-1"),
        ({"jumps": 2.5}, "jumps=2.5: expected a whole number"),
        ({"seed": 1.5}, "seed=1.5: expected a whole number"),
        ({"seed": None}, "seed=None"),
        ({"replica": "1"}, "replica='1'"),
        ({"temperature_K": "900"}, "temperature_K='900'"),
        ({"cache_MiB": -1.0}, "cache_MiB=-1.0"),
        ({"occupancy": [1] * 256}, "expected a NumPy array, got list"),
        ({"occupancy": np.zeros(3, np.uint8)}, r"expected uint8\[256\], got uint8\[3\]"),
        ({"occupancy": np.ones(256)}, r"expected uint8\[256\], got float64\[256\]"),
        ({"occupancy": np.full(256, 9, np.uint8)}, "species 9 found, the model knows 2"),
        ({"model": object()}, "runs models whose compiled"),
    ],
)
def test_wrong_input_is_refused(small, change, message):
    lattice, occupancy, model = small
    given = {"occupancy": occupancy, "model": model, "temperature_K": 900.0, "jumps": 1, "seed": 0} | change
    with pytest.raises(ValueError, match=message):
        run(lattice, given.pop("occupancy"), given.pop("model"), **given)


def test_blocks_too_small_for_the_model_are_refused(make_forward, make_start):
    lattice = Lattice.bcc((3, 2, 5), 3.3)
    with pytest.raises(ValueError, match="at least 3 cells"):
        run(lattice, make_start(lattice), make_forward(), temperature_K=900.0, jumps=1, seed=0)


def test_only_the_same_run_is_continued(small):
    lattice, occupancy, model = small
    conditions = {"temperature_K": 900.0, "jumps": 5, "seed": 0}
    first = run(lattice, occupancy, model, **conditions)
    with pytest.raises(ValueError, match="its conditions are"):
        run(lattice, occupancy, model, start=first, **conditions | {"seed": 1})
    with pytest.raises(ValueError, match="its lattice is"):
        run(Lattice.fcc((4, 4, 4), 3.7), occupancy, model, start=first, **conditions)
    with pytest.raises(ValueError, match="neither the state"):
        run(lattice, np.roll(first.occupancy, 1), model, start=first, **conditions)


def test_only_the_same_model_continues(small, make_forward, tmp_path):
    lattice, occupancy, model = small
    conditions = {"temperature_K": 900.0, "jumps": 5, "seed": 0}
    first = run(lattice, occupancy, model, **conditions)
    with pytest.raises(ValueError, match="remap the model"):
        run(lattice, occupancy, model.remap(model.elements[::-1]), start=first, **conditions)
    first.save(tmp_path / "first.nc")
    for start in (first, Trajectory.load(tmp_path / "first.nc")):
        with pytest.raises(ValueError, match="another model"):
            run(lattice, occupancy, make_forward("fcc", 2, 2, (8, 8), seed=1), start=start, **conditions)


@pytest.mark.parametrize("place", ["table", "bias", "hidden", "out_weight"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(small, place, value):
    lattice, occupancy, model = small
    array = model.network.hidden[0][0] if place == "hidden" else getattr(model.network, place)
    array.reshape(-1)[3] = value
    with pytest.raises(ValueError, match=f"not finite numbers: network.{place}"):
        run(lattice, occupancy, model, temperature_K=900.0, jumps=1, seed=0)


def test_a_network_that_overflows_is_an_error(small):
    """Inside, infinity minus infinity: not a number, which no rectifier may turn into a zero."""
    lattice, occupancy, model = small
    model.network.table[...] = 1e38
    model.network.hidden[0][0][...] = [1e38, -1e38] * 4
    model.network.hidden[0][0][1::2] *= -1
    with pytest.raises(ValueError, match="not a finite number"):
        run(lattice, occupancy, model, temperature_K=900.0, jumps=1, seed=0)


def test_numbers_of_numpy_are_numbers(small, tmp_path):
    lattice, occupancy, model = small
    plain = run(lattice, occupancy, model, temperature_K=900.0, jumps=20, seed=3, replica=1)
    given = {"temperature_K": np.float32(900), "jumps": 20.0, "seed": np.int64(3), "replica": np.uint8(1)}
    trajectory = run(lattice, occupancy, model, **given)
    assert same(plain, trajectory)
    trajectory.save(tmp_path / "r.nc")
    assert Trajectory.load(tmp_path / "r.nc").conditions == plain.conditions


@pytest.mark.parametrize("seed", [-1, 10**40])
def test_any_whole_seed(small, seed, tmp_path):
    lattice, occupancy, model = small
    trajectory = run(lattice, occupancy, model, temperature_K=900.0, jumps=20, seed=seed)
    trajectory.save(tmp_path / "r.nc")
    assert Trajectory.load(tmp_path / "r.nc").conditions.seed == seed


def test_jumps_beyond_32_bits_draw_new_numbers(small, slow_run):
    lattice, occupancy, model = small
    made = []
    for first in (0, 2**32 - 2):
        engine = Engine(lattice, occupancy, model, RunConditions(1500.0, 1))
        engine.resume(dataclasses.replace(engine.progress, jumps=first))
        made.append(engine.advance(60).directions)
    expected, _, _ = slow_run(
        lattice, occupancy, model, temperature_K=1500.0, jumps=60, seed=1, first=2**32 - 2
    )
    np.testing.assert_array_equal(made[1], expected)
    assert not np.array_equal(*made)


def test_no_jumps(small):
    lattice, occupancy, model = small
    trajectory = run(lattice, occupancy, model, temperature_K=900.0, jumps=0, seed=0)
    np.testing.assert_array_equal(trajectory.occupancy, occupancy)
    assert trajectory.directions.shape == (0,)
    assert trajectory.time_s == 0


def test_the_start_is_left_alone(small):
    lattice, occupancy, model = small
    occupancy.setflags(write=False)
    before = occupancy.copy()
    run(lattice, occupancy, model, temperature_K=900.0, jumps=50, seed=0)
    np.testing.assert_array_equal(occupancy, before)


@given(
    cells=st.tuples(*[st.integers(3, 6)] * 3),
    structure=st.sampled_from(["bcc", "fcc"]),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=15, deadline=None)
def test_any_block_and_start(make_forward, make_start, cells, structure, seed):
    lattice = Lattice(structure, cells, 3.0)
    model = make_forward(structure, 3, 3, (8,), seed=seed)
    occupancy = make_start(lattice, seed=seed)
    trajectory = run(lattice, occupancy, model, temperature_K=1500.0, jumps=200, seed=seed)
    trajectory.check_replay()
    kinds = np.bincount(trajectory.occupancy, minlength=4)
    np.testing.assert_array_equal(kinds, np.bincount(occupancy, minlength=4))


@pytest.mark.parametrize(
    ("frames", "jumps", "expected"),
    [
        (KeyFrames(every=5), 12, [0, 5, 10, 12]),
        (KeyFrames(), 10, [0, 10]),
        (KeyFrames("log", 1), 1000, [0, 1, 10, 100, 1000]),
        (KeyFrames("log", 3), 30, [0, 1, 2, 5, 10, 22, 30]),
        (KeyFrames("log", 100), 5, [0, 1, 2, 3, 4, 5]),
        (KeyFrames("log", 4), 0, [0]),
    ],
)
def test_key_frame_numbers(frames, jumps, expected):
    np.testing.assert_array_equal(frames.numbers(jumps), expected)
    kept = [number for number in expected if frames.holds(number)]
    assert kept == expected or kept == expected[:-1]


@given(
    spacing=st.sampled_from(["log", "linear"]),
    number=st.integers(1, 40),
    jumps=st.integers(0, 3000),
    more=st.integers(0, 3000),
)
def test_a_longer_run_keeps_the_key_frames_of_a_shorter_one(spacing, number, jumps, more):
    frames = KeyFrames(spacing, per_decade=number, every=number)
    short, long = frames.numbers(jumps).tolist(), frames.numbers(jumps + more).tolist()
    assert [n for n in long if n <= jumps] == short if frames.holds(jumps) else short[:-1]
    assert [n for n in range(jumps + 1) if frames.holds(n)] == [n for n in short if frames.holds(n)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"per_decade": 0}, "per_decade=0"),
        ({"every": -1}, "every=-1"),
        ({"spacing": "cubic"}, "spacing='cubic'"),
    ],
)
def test_wrong_key_frames_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        KeyFrames(**wrong)
