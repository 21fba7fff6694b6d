"""Sets of snapshots and their files: round trip, damage told apart, selection, joining."""

from dataclasses import replace

import netCDF4
import numpy as np
import pytest

from nnk.lattice import Lattice
from nnk.snapshots import DamagedSnapshots, SnapshotSet
from nnk.snapshots.files import read_attributes
from nnk.snapshots.snapshot_set import PER_SNAPSHOT, joined

LATTICE = Lattice.bcc((2, 2, 1), 3.2)


def make(n=5, n_trajectories=1, seed=0, **attrs):
    """A set of invented snapshots."""
    rng = np.random.default_rng(seed)
    shape = (n, LATTICE.n_sites, 3)
    each = -(-n // n_trajectories)
    return SnapshotSet(
        elements=("Ta", "Nb", "Mo"),
        species=np.arange(LATTICE.n_sites) % 3 + 1,
        cell_A=LATTICE.box_A,
        a_A=LATTICE.a_A,
        positions_A=LATTICE.positions_A + 0.1 * rng.standard_normal(shape),
        forces_eV_A=rng.standard_normal(shape),
        energy_eV=rng.standard_normal(n),
        temperature_K=np.full(n, 300.0),
        kinetic_K=rng.uniform(200, 400, n),
        trajectory=np.arange(n) // each,
        step=10 * (np.arange(n) % each),
        time_ps=0.02 * (np.arange(n) % each),
        correlation_ps=np.full(n, 0.05),
        attrs=attrs,
    )


def assert_equal(a, b):
    assert (a.elements, a.a_A, dict(a.attrs)) == (b.elements, b.a_A, dict(b.attrs))
    for name in ("species", "cell_A", *PER_SNAPSHOT):
        x, y = getattr(a, name), getattr(b, name)
        assert x.dtype == y.dtype, name
        np.testing.assert_array_equal(x, y, err_msg=name)


@pytest.mark.parametrize("n", [1, 7, 300])
def test_a_file_gives_back_what_was_saved(tmp_path, n):
    snapshots = make(n, seed=n, potential="EAM", temperatures=[100.0, 300.0])
    snapshots.save(tmp_path / "a.nc")
    assert_equal(SnapshotSet.load(tmp_path / "a.nc"), snapshots)
    assert read_attributes(tmp_path / "a.nc") == (n, {"potential": "EAM", "temperatures": [100.0, 300.0]})
    assert [path.name for path in tmp_path.iterdir()] == ["a.nc"]


def test_a_file_without_snapshots_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="no snapshots to write"):
        make().select([]).save(tmp_path / "a.nc")
    assert not list(tmp_path.iterdir())


def test_a_missing_file_is_no_damaged_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        SnapshotSet.load(tmp_path / "a.nc")


def test_another_kind_of_file_or_version_is_told(tmp_path):
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.format_version = 1
    with pytest.raises(ValueError, match="expected snapshots of format_version 1"):
        SnapshotSet.load(path)
    make().save(path)
    with netCDF4.Dataset(path, "a") as file:
        file.format_version = 9
    with pytest.raises(ValueError, match="format_version 1, got 9"):
        SnapshotSet.load(path)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9, 0.999])
def test_a_flipped_or_cut_file_is_damaged(tmp_path, place):
    path = tmp_path / "a.nc"
    make(50).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(place * len(whole))])
    with pytest.raises(DamagedSnapshots, match=r"a\.nc is damaged"):
        SnapshotSet.load(path)


def test_changed_numbers_are_damage(tmp_path):
    path = tmp_path / "a.nc"
    make(50).save(path)
    with netCDF4.Dataset(path, "a") as file:
        file["forces_eV_A"][3, 2, 1] = 7.0
    with pytest.raises(DamagedSnapshots, match="not what its hash says"):
        SnapshotSet.load(path)


def test_what_is_no_netcdf_is_damaged(tmp_path):
    (tmp_path / "a.nc").write_text("positions")
    with pytest.raises(DamagedSnapshots):
        SnapshotSet.load(tmp_path / "a.nc")


@pytest.mark.parametrize("name", ["forces_eV_A", "energy_eV", "positions_A"])
def test_numbers_that_are_not_finite_are_refused(name):
    values = getattr(make(), name).copy()
    values[3] = np.nan
    with pytest.raises(ValueError, match=f"{name}: not finite in 1 of 5 snapshots, the first is 3"):
        replace(make(), **{name: values})


def test_shapes_and_species_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="step: expected shape"):
        replace(make(), step=np.arange(4))
    with pytest.raises(ValueError, match="species: got 4; allowed: 1 to 3"):
        replace(make(), species=np.full(LATTICE.n_sites, 4))
    with pytest.raises(ValueError, match="species: expected"):
        replace(make(), species=np.zeros(LATTICE.n_sites))


def test_select_and_join_undo_each_other():
    snapshots = make(10, 2)
    mask = np.arange(10) < 4
    again = joined([snapshots.select(mask), snapshots.select(np.arange(4, 10))], snapshots.attrs)
    assert_equal(again, snapshots)
    np.testing.assert_array_equal(snapshots.select([7, 2]).energy_eV, snapshots.energy_eV[[7, 2]])


def test_sets_of_other_atoms_are_not_joined():
    other = replace(make(), species=np.ones(LATTICE.n_sites))
    with pytest.raises(ValueError, match="other atoms"):
        joined([make(), other], {})


def test_without_a_correlation_time_snapshots_are_independent():
    given = {name: getattr(make(), name) for name in vars(make()) if name != "correlation_ps"}
    np.testing.assert_array_equal(SnapshotSet(**given).correlation_ps, np.zeros(5))


def test_symbols_name_the_element_of_each_atom():
    assert make().symbols[:4] == ["Ta", "Nb", "Mo", "Ta"]
