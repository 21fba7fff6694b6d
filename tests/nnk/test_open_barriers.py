"""Barriers read from a file as far as they are asked for are those that were written."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from netCDF4 import Dataset

from nnk.barrier_columns import COLUMNS, SAMPLE_COLUMNS
from nnk.barriers import BarrierSet, Flag
from nnk.open_barriers import open_barriers

N_SAMPLES, N_SITES, M = 23, 54, 200


@pytest.fixture(scope="module")
def barriers():
    stream = np.random.default_rng(5)
    flag = stream.integers(0, 5, M)
    energies = np.where(flag < Flag.FAILED, stream.random(M), np.nan)
    zeros = np.zeros(M)
    return BarrierSet(
        elements=("Nb", "Mo", "Ta"),
        structure="bcc",
        cells=(3, 3, 3),
        occupancy=stream.integers(1, 4, (N_SAMPLES, N_SITES)),
        a_A=stream.uniform(3, 4, N_SAMPLES),
        sample_key=tuple(f"Nb50Mo50/s{s:04d}" for s in range(N_SAMPLES)),
        composition=np.full((N_SAMPLES, 3), 1 / 3),
        sample=stream.integers(0, N_SAMPLES, M),
        vacancy_site=stream.integers(0, N_SITES, M),
        jump=stream.integers(0, 8, M),
        E_fwd_eV=energies,
        E_bwd_eV=energies,
        curvature_eV_A2=zeros,
        residual_force_eV_A=zeros,
        calls=zeros,
        flag=flag,
        method=zeros,
        n_saddles=zeros,
        item_hash=tuple(f"{i // 8:032x}" for i in range(M)),
        reason=tuple("no saddle" if f == 3 else "" for f in flag),
        degree=np.arange(N_SAMPLES),
        attrs={"seed": 3, "potential": "x"},
    )


@pytest.fixture(scope="module")
def path(barriers, tmp_path_factory):
    path = tmp_path_factory.mktemp("set") / "labels.nc"
    barriers.save(path)
    return path


def assert_equal(found, expected):
    for name in (*COLUMNS, *SAMPLE_COLUMNS, "a_A", "composition", "occupancy"):
        np.testing.assert_array_equal(np.asarray(getattr(found, name)), getattr(expected, name), name)
    for name in ("elements", "structure", "cells", "sample_key", "item_hash", "reason", "attrs"):
        assert getattr(found, name) == getattr(expected, name), name


def test_everything_is_as_written(path, barriers):
    with open_barriers(path) as found:
        assert len(found) == M
        assert_equal(found, barriers)
        assert_equal(found.in_memory(), barriers)
        np.testing.assert_array_equal(found.usable, barriers.usable)
        np.testing.assert_array_equal(found.moving_species, barriers.moving_species)
        np.testing.assert_array_equal(found.composition_name, barriers.composition_name)


def test_a_selection_reads_its_atoms_from_the_file(path, barriers):
    with open_barriers(path) as found:
        selected, expected = found.select(found.usable), barriers.select(barriers.usable)
        assert_equal(selected, expected)
        np.testing.assert_array_equal(selected.moving_species, expected.moving_species)
        for i in (0, 7):
            np.testing.assert_array_equal(selected.states(i)[0], expected.states(i)[0])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(data=st.data(), block=st.integers(1, 400))
def test_atoms_are_indexed_as_an_array_is(path, barriers, data, block, monkeypatch):
    monkeypatch.setattr("nnk.occupancy_rows.BLOCK_BYTES", block)
    rows = data.draw(st.lists(st.integers(0, N_SAMPLES - 1), max_size=9).map(lambda r: np.array(r, int)))
    sites = np.array(data.draw(st.lists(st.integers(0, N_SITES - 1), min_size=3, max_size=3)))
    start, stop = sorted(data.draw(st.tuples(st.integers(0, N_SAMPLES), st.integers(0, N_SAMPLES))))
    indices = [rows, (rows[:, None], sites), slice(start, stop), (slice(start, stop), sites), (rows, 5)]
    indices += [4, (4, 7), (4, sites), (rows, slice(2, 9)), np.arange(N_SAMPLES) % 3 == 0]
    with open_barriers(path) as found:
        assert found.occupancy.shape == barriers.occupancy.shape
        for index in indices:
            np.testing.assert_array_equal(found.occupancy[index], barriers.occupancy[index], str(index))


def test_a_sample_that_is_not_there_is_an_error(path):
    with open_barriers(path) as found, pytest.raises(IndexError, match="of 23"):
        found.occupancy[[3, 23]]


def test_nothing_is_read_from_a_closed_file(path):
    with open_barriers(path) as found:
        energies = found.E_fwd_eV
    assert len(energies) == M
    assert found.E_fwd_eV is energies
    with pytest.raises(ValueError, match="closed"):
        _ = found.E_bwd_eV
    with pytest.raises(ValueError, match="closed"):
        _ = found.occupancy[0]
    with pytest.raises(AttributeError):
        _ = found.no_such_column


def as_version_2(path, old):
    """The same labels as files had them before samples with short-range order."""
    with Dataset(path) as source, Dataset(old, "w") as target:
        source.set_auto_maskandscale(False)
        target.setncatts({name: source.getncattr(name) for name in source.ncattrs()})
        target.format_version = 2
        for name, dimension in source.dimensions.items():
            target.createDimension(name, len(dimension))
        for name, variable in source.variables.items():
            if name not in SAMPLE_COLUMNS:
                copy = target.createVariable(name, variable.dtype, variable.dimensions)
                copy[:] = variable[:]


def test_files_of_version_2_are_read(path, barriers, tmp_path):
    as_version_2(path, tmp_path / "old.nc")
    expected = barriers.replaced(degree=np.zeros(N_SAMPLES))
    assert_equal(BarrierSet.load(tmp_path / "old.nc"), expected)
    with open_barriers(tmp_path / "old.nc") as found:
        assert_equal(found, expected)


def test_a_newer_file_is_refused(path, tmp_path):
    (tmp_path / "new.nc").write_bytes(path.read_bytes())
    with Dataset(tmp_path / "new.nc", "a") as file:
        file.format_version = 99
    with pytest.raises(ValueError, match="format_version 2 or 3, got 99"):
        open_barriers(tmp_path / "new.nc")
