"""A trajectory of snapshots: its moments, its correlation time, and that cuts leave no trace."""

import itertools

import numpy as np
import pytest

from nnk.lattice import Lattice
from nnk.potentials import Builtin, make_force_field
from nnk.snapshots.dynamics import Motion
from nnk.snapshots.parameters import Langevin, Sampling
from nnk.snapshots.sampling import TIMES, Checkpoint, Recording, sample
from tests.nnk.snapshots.harmonic import LATTICE, SPECIES, HarmonicCrystal


def harmonic(key=1):
    return Motion(HarmonicCrystal(), LATTICE, SPECIES, Langevin(600.0), key=key)


@pytest.fixture(scope="module")
def force_field():
    made = make_force_field(Builtin("zhou-eam"))
    yield made
    made.close()


def eam(force_field):
    lattice = Lattice.bcc((2, 2, 2), 3.25)
    return Motion(force_field, lattice, ["Nb", "Mo", "Ta", "Nb"] * 4, Langevin(900.0), key=5)


def checkpoint(folder, inputs_hash="h", every_s=60.0):
    return Checkpoint(folder / "r000.npz", inputs_hash, every_s)


def assert_same(a, b):
    x, y = a.arrays(), b.arrays()
    assert x.keys() == y.keys()
    for name in x:
        assert np.array_equal(x[name], y[name]), name


@pytest.mark.parametrize("interval", [7, 20, 50])
def test_snapshots_are_equally_spaced_after_the_equilibration(tmp_path, interval):
    found = sample(harmonic(), Sampling(6, 50, interval), checkpoint(tmp_path))
    assert found.step == [50 + interval * k for k in range(6)]
    assert found.correlation.interval == interval
    assert not found.energy_trace


def test_the_interval_follows_from_the_correlation_time(tmp_path):
    found = sample(harmonic(), Sampling(3, 1000), checkpoint(tmp_path))
    slower = max(found.correlation.energy, found.correlation.forces)
    assert found.correlation.interval == int(np.ceil(TIMES * slower))
    assert 2 < found.correlation.forces < 50  # steps of 2 fs; the modes swing within some 100 fs


def test_the_correlation_time_is_that_of_the_traced_steps(tmp_path):
    """Second half of the equilibration, step by step, by another run of the same motion."""
    found = sample(harmonic(), Sampling(1, 400, 10), checkpoint(tmp_path))
    motion, traced = harmonic(), Recording(harmonic().start())
    state = motion.advance(motion.start(), 200)
    for _ in range(200):
        state = motion.advance(state, 1)
        traced.trace(state.energy_eV, state.forces_eV_A)
    traced.measure(10)
    assert found.correlation.energy == pytest.approx(traced.correlation.energy, rel=1e-9)
    assert found.correlation.forces == pytest.approx(traced.correlation.forces, rel=1e-9)


@pytest.mark.parametrize("cuts", [(1,), (3, 8, 9), tuple(range(1, 20))])
def test_a_trajectory_that_is_cut_is_the_whole_one_to_the_last_bit(tmp_path, force_field, cuts):
    sampling = Sampling(4, 90, 25)
    whole = sample(eam(force_field), sampling, checkpoint(tmp_path), stretch=7)
    asked = itertools.count()
    found = None
    for cut in [*cuts, 10_000]:
        found = sample(
            eam(force_field),
            sampling,
            checkpoint(tmp_path),
            lambda cut=cut: next(asked) >= 2 * cut,
            stretch=7,
        )
    assert_same(found, whole)


def test_checkpoints_change_nothing(tmp_path, force_field):
    sampling = Sampling(3, 40, 25)
    whole = sample(eam(force_field), sampling, checkpoint(tmp_path))
    often = sample(eam(force_field), sampling, checkpoint(tmp_path, every_s=0.0))
    assert_same(often, whole)
    assert (tmp_path / "r000.npz").is_file()


def test_stored_forces_are_the_force_fields_at_the_stored_positions(tmp_path, force_field):
    motion = eam(force_field)
    found = sample(motion, Sampling(5, 30, 33), checkpoint(tmp_path))
    for x, energy_eV, f in zip(found.positions_A, found.energy_eV, found.forces_eV_A, strict=True):
        again = motion.resumed(0, x, np.zeros_like(x))
        assert energy_eV == again.energy_eV
        assert np.array_equal(f, again.forces_eV_A)


def test_checkpoints_of_other_inputs_and_damaged_ones_are_not_used(tmp_path):
    place = checkpoint(tmp_path)
    assert sample(harmonic(), Sampling(3, 40, 5), place, lambda: True) is None
    assert place.load() is not None
    assert checkpoint(tmp_path, "other").load() is None
    whole = place.path.read_bytes()
    place.path.write_bytes(whole[: len(whole) // 2])
    assert place.load() is None
    found = sample(harmonic(), Sampling(3, 40, 5), place)
    assert len(found.step) == 3
    place.remove()
    assert not list(tmp_path.iterdir())


def test_the_effective_number_is_that_of_the_slower_series(tmp_path):
    near = sample(harmonic(), Sampling(200, 100, 1), checkpoint(tmp_path))
    assert near.n_effective < 40
    apart = sample(harmonic(), Sampling(50, 600), checkpoint(tmp_path))
    assert apart.n_effective > 20
    assert sample(harmonic(), Sampling(1, 100, 1), checkpoint(tmp_path)).n_effective == 1


@pytest.mark.parametrize(
    ("numbers", "name"), [((0, 100, 1), "count"), ((1, 5, 1), "equilibration"), ((1, 100, 0), "interval")]
)
def test_sampling_of_nothing_is_refused(numbers, name):
    with pytest.raises(ValueError, match=f"{name}=.*at least"):
        Sampling(*numbers)
