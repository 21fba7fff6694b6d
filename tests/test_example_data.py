"""The data set that comes with the examples is what its README says."""

from pathlib import Path

import numpy as np
import pytest

from nnk.alloy import exact_counts
from nnk.barriers import BarrierSet, Flag

FILE = Path(__file__).parents[1] / "examples" / "data" / "nbmota-46.nc"


@pytest.fixture(scope="module")
def barriers():
    return BarrierSet.load(FILE)


def test_every_jump_of_every_vacancy_once(barriers):
    assert len(barriers) == 46 * 64 * 8
    names = np.array(barriers.composition_name)
    assert set(np.unique(names, return_counts=True)[1]) == {64 * 8}
    places = np.column_stack([barriers.sample, barriers.vacancy_site, barriers.jump])
    assert len(np.unique(places, axis=0)) == len(barriers)
    assert barriers.usable.all()
    assert (barriers.flag == Flag.OK).sum() == 23_551


def test_samples_have_the_atoms_of_their_alloys(barriers):
    for occupancy, fractions in zip(barriers.occupancy, barriers.composition, strict=True):
        counts = np.bincount(occupancy, minlength=4)[1:]
        np.testing.assert_array_equal(counts, exact_counts(fractions, len(occupancy)))


def test_figures_of_the_readme(barriers):
    assert barriers.E_fwd_eV.min() == pytest.approx(0.850, abs=5e-4)
    assert barriers.E_fwd_eV.max() == pytest.approx(2.538, abs=5e-4)
    assert barriers.residual_force_eV_A.max() < 0.01
    assert barriers.attrs["potential_hash"] == "3e1e2494e62e8c727b41a95a5c3c9a96"
    names = np.array(barriers.composition_name)
    mean = {name: barriers.E_fwd_eV[names == name].mean() for name in np.unique(names)}
    assert max(mean, key=mean.get) == "Nb5Mo73Ta22"
    assert min(mean, key=mean.get) == "Nb90Mo5Ta5"
