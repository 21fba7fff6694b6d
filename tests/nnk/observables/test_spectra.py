from __future__ import annotations

import numpy as np
import pytest

from nnk.observables.spectra import (
    common_bins,
    density_histogram,
    smooth_density,
    spectra_by_species,
    spectrum,
)


def test_summary_of_a_known_set():
    found = spectrum([1.0, 2.0, np.nan, 3.0])
    assert found.count == 3
    assert found.mean_eV == 2.0
    assert found.std_eV == pytest.approx(np.sqrt(2 / 3))
    assert found.error_eV == pytest.approx(1 / np.sqrt(3))
    assert (found.lowest_eV, found.highest_eV) == (1.0, 3.0)


def test_species_are_kept_apart_and_may_be_absent():
    per_species = spectra_by_species([1.0, 5.0, 3.0], [1, 3, 1], 3)
    assert [s.count for s in per_species] == [2, 0, 1]
    assert per_species[0].mean_eV == 2.0
    assert np.isnan(per_species[1].mean_eV)
    assert np.isnan(per_species[2].error_eV)


def test_histogram_integrates_to_one_and_bins_are_whole_multiples():
    values = np.random.default_rng(0).normal(1.8, 0.3, 500)
    edges = common_bins(values, [0.4, np.nan], width_eV=0.05)
    np.testing.assert_allclose(edges / 0.05, np.round(edges / 0.05))
    assert edges[0] <= 0.4
    assert edges[-1] > values.max()
    density = density_histogram(values, edges)
    assert (density * np.diff(edges)).sum() == pytest.approx(1)
    assert not density_histogram([], edges).any()


def test_one_bin_holds_a_single_value_on_an_edge():
    edges = common_bins([1.0], width_eV=0.5)
    np.testing.assert_allclose(edges, [1.0, 1.5])
    assert density_histogram([1.0], edges)[0] == 2.0


def test_smooth_density_equals_a_plain_sum_of_gaussians():
    values = np.random.default_rng(1).normal(1.8, 0.3, 9000)
    at = np.linspace(0.5, 3.0, 7)
    expected = [
        np.mean(np.exp(-((x - values) ** 2) / (2 * 0.04**2))) / (0.04 * np.sqrt(2 * np.pi)) for x in at
    ]
    np.testing.assert_allclose(smooth_density(values, at, 0.04), expected, rtol=1e-10)


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="positive"):
        common_bins([1.0], width_eV=0)
    with pytest.raises(ValueError, match="at least one"):
        common_bins([np.nan], width_eV=0.1)
    with pytest.raises(ValueError, match="positive"):
        smooth_density([1.0], [1.0], -0.1)
    with pytest.raises(ValueError, match="at least one"):
        smooth_density([], [1.0], 0.1)
    with pytest.raises(ValueError, match="expected shape"):
        spectra_by_species([1.0, 2.0], [1], 1)
