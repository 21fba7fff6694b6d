"""The set of labels: file round trip, joining, derived quantities."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.barriers import BarrierSet, Flag, Method, concatenate
from nnk.lattice import Lattice

LATTICE = Lattice.bcc((3, 3, 2), 3.2)
COMPOSITION = np.array([0.5, 0.25, 0.25])


def make(keys=("Nb50Mo25Ta25/s0000", "Nb50Mo25Ta25/s0001"), m=12, seed=0, **attrs):
    """A set of invented labels: sample `k` has the same atoms wherever it occurs."""
    rng = np.random.default_rng(seed)
    atoms = [np.random.default_rng(sum(key.encode())).integers(1, 4, LATTICE.n_sites) for key in keys]
    flag = rng.choice([Flag.OK, Flag.SPLIT, Flag.FAILED], m).astype(np.uint8)
    identity = rng.permutation(len(keys) * LATTICE.n_sites * LATTICE.z)[:m]
    sample, rest = np.divmod(identity, LATTICE.n_sites * LATTICE.z)
    E_fwd = np.where(flag == Flag.FAILED, np.nan, rng.uniform(0.5, 2, m))
    why = np.where(flag == Flag.FAILED, rng.choice(["no saddle found", "nicht ruhig: ∞"], m), "")
    return BarrierSet(
        elements=("Nb", "Mo", "Ta"),
        structure="bcc",
        cells=LATTICE.cells,
        occupancy=np.array(atoms).reshape(len(keys), LATTICE.n_sites),
        a_A=np.array([3.2 + sum(key.encode()) * 1e-6 for key in keys]),
        sample_key=keys,
        composition=np.tile(COMPOSITION, (len(keys), 1)),
        sample=sample,
        vacancy_site=rest // LATTICE.z,
        jump=rest % LATTICE.z,
        E_fwd_eV=E_fwd,
        E_bwd_eV=E_fwd - rng.normal(0, 0.1, m),
        curvature_eV_A2=rng.uniform(-3, -1, m),
        residual_force_eV_A=rng.uniform(0, 0.02, m),
        calls=rng.uniform(20, 60, m),
        flag=flag,
        method=np.full(m, Method.SINGLE_IMAGE),
        n_saddles=np.ones(m),
        item_hash=tuple(f"{i:032x}" for i in range(m)),
        a_saddle_A=rng.uniform(3.19, 3.21, m),
        reason=tuple(why.tolist()),
        attrs=attrs,
    )


def assert_equal(a, b):
    for entry in fields(BarrierSet):
        x, y = getattr(a, entry.name), getattr(b, entry.name)
        if isinstance(x, np.ndarray):
            assert x.dtype == y.dtype, entry.name
            np.testing.assert_array_equal(x, y, err_msg=entry.name)
        else:
            assert x == y, entry.name


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 40), st.integers(0, 2**31))
def test_file_round_trip(tmp_path_factory, m, seed):
    barriers = make(m=m, seed=seed, potential="zhou-eam", max_force_eV_A=0.02, seed_=3)
    path = tmp_path_factory.mktemp("labels") / "labels.nc"
    barriers.save(path)
    assert_equal(BarrierSet.load(path), barriers)


def test_round_trip_without_samples(tmp_path):
    empty = make(keys=(), m=0)
    empty.save(tmp_path / "labels.nc")
    assert_equal(BarrierSet.load(tmp_path / "labels.nc"), empty)


def test_another_file_is_refused(tmp_path):
    import netCDF4

    with netCDF4.Dataset(tmp_path / "other.nc", "w") as file:
        file.format_version = 1
    with pytest.raises(ValueError, match=r"other\.nc"):
        BarrierSet.load(tmp_path / "other.nc")


def test_energies():
    barriers = make(m=50)
    use = barriers.usable
    np.testing.assert_allclose((barriers.KRA_eV + barriers.dE_eV / 2)[use], barriers.E_fwd_eV[use])
    np.testing.assert_allclose((barriers.KRA_eV - barriers.dE_eV / 2)[use], barriers.E_bwd_eV[use])
    assert np.isnan(barriers.dE_eV[~use]).all()
    assert 0 < use.sum() < 50


@pytest.mark.parametrize("flag", Flag)
def test_which_flags_are_usable(flag):
    barriers = make(m=4).select([0])
    marked = replace(barriers, E_fwd_eV=[1.0], E_bwd_eV=[1.0], flag=[flag])
    assert marked.usable.tolist() == [flag in (Flag.OK, Flag.SPLIT, Flag.FALLBACK)]


def test_states_have_the_box_of_their_sample_unless_told_otherwise():
    barriers = make(m=20)
    np.testing.assert_array_equal(barriers.a_initial_A, barriers.a_A[barriers.sample])
    np.testing.assert_array_equal(barriers.a_final_A, barriers.a_initial_A)
    assert (barriers.a_saddle_A != barriers.a_initial_A).all()
    with pytest.raises(ValueError, match="a_final_A"):
        replace(barriers, a_final_A=np.ones(3))
    with pytest.raises(ValueError, match="reason: expected 20"):
        replace(barriers, reason=("x",))


def test_states_and_moving_species():
    barriers = make(m=30)
    for i in range(30):
        occupancy, site, jump = barriers.states(i)
        assert np.flatnonzero(occupancy == 0).tolist() == [site]
        mover = int(LATTICE.sites_around(site, LATTICE.jumps[jump]))
        assert occupancy[mover] == barriers.moving_species[i]
    assert (barriers.composition_name == "Nb50Mo25Ta25").all()
    assert barriers.lattice(1).a_A == barriers.a_A[1]


def test_select_by_mask_and_index():
    barriers = make(m=20)
    mask = barriers.usable
    assert_equal(barriers.select(mask), barriers.select(np.flatnonzero(mask)))
    assert len(barriers.select([])) == 0
    with pytest.raises(ValueError, match="mask"):
        barriers.select(mask[:-1])


def test_concatenate_finds_common_samples():
    first = make(keys=("A/s0000", "A/s0001"), m=15, seed=1, potential="x", host="p")
    second = make(keys=("A/s0001", "A/s0002"), m=15, seed=2, potential="x", host="q")
    whole = concatenate([first, second])
    assert whole.sample_key == ("A/s0000", "A/s0001", "A/s0002")
    assert whole.attrs == {"potential": "x"}
    for i in range(len(first), len(whole)):
        found = [
            j
            for j in range(len(second))
            if second.sample_key[second.sample[j]] == whole.sample_key[whole.sample[i]]
            and second.item_hash[j] == whole.item_hash[i]
        ]
        assert len(found) == 1
        np.testing.assert_array_equal(whole.states(i)[0], second.states(found[0])[0])
        assert whole.E_fwd_eV[i] == pytest.approx(second.E_fwd_eV[found[0]], nan_ok=True)


def test_a_label_computed_again_replaces_the_old_one():
    old = make(m=10, seed=4)
    new = replace(old.select([3, 7]), calls=np.array([1.0, 2.0]))
    whole = concatenate([old, new])
    assert len(whole) == 10
    assert sorted(whole.calls[whole.calls <= 2]) == [1.0, 2.0]
    assert_equal(concatenate([old, old]), old)


def test_two_samples_under_one_key_are_refused():
    one = make()
    other = replace(one, occupancy=one.occupancy[::-1], a_A=one.a_A)
    with pytest.raises(ValueError, match="s0000"):
        concatenate([one, other])
    with pytest.raises(ValueError, match="elements"):
        concatenate([one, replace(one, elements=("Mo", "Nb", "Ta"))])


def test_inconsistent_arrays_are_refused():
    barriers = make()
    with pytest.raises(ValueError, match="jump"):
        replace(barriers, jump=np.full(12, 8))
    with pytest.raises(ValueError, match="flag: expected 0 to 8"):
        replace(barriers, flag=np.full(12, 9))
    with pytest.raises(ValueError, match="method"):
        replace(barriers, method=np.full(12, 2))
    with pytest.raises(ValueError, match="a_A"):
        replace(barriers, a_A=[3.2, np.nan])
    with pytest.raises(ValueError, match="elements"):
        replace(barriers, elements=("Nb", "Mo", "Mo"))
    with pytest.raises(ValueError, match="calls"):
        replace(barriers, calls=np.zeros(3))
    with pytest.raises(ValueError, match="finite"):
        replace(barriers, E_fwd_eV=np.full(12, np.nan))
    with pytest.raises(ValueError, match="occupancy"):
        replace(barriers, occupancy=barriers.occupancy * 0)
