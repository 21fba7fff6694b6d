from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.observables.spectra import (
    SpectrumCounter,
    common_bins,
    density_histogram,
    smooth_density,
    spectra_by_species,
)


def test_summary_of_a_known_set():
    (found,) = spectra_by_species([1.0, 2.0, np.nan, 3.0], [1, 1, 1, 1], 1)
    assert found.count == 3
    assert found.mean_eV == 2.0
    assert found.std_eV == pytest.approx(np.sqrt(2 / 3))
    assert found.error_eV == pytest.approx(1 / np.sqrt(3))  # the jackknife of a mean is s / sqrt(n)
    assert (found.lowest_eV, found.highest_eV) == (1.0, 3.0)


def test_species_are_kept_apart_and_may_be_absent():
    per_species = spectra_by_species([1.0, 5.0, 3.0], [1, 3, 1], 3)
    assert [s.count for s in per_species] == [2, 0, 1]
    assert per_species[0].mean_eV == 2.0
    assert np.isnan(per_species[1].mean_eV)
    assert np.isnan(per_species[1].lowest_eV)
    assert np.isnan(per_species[2].error_eV)


def in_a_loop(values, blocks):
    """Mean and width with their errors, each block left out in turn."""
    names = sorted(set(blocks))
    kept = [[v for v, b in zip(values, blocks, strict=True) if b != name] for name in names]
    n = len(names)
    errors = [
        np.sqrt((n - 1) / n * np.sum((np.array(e) - np.mean(e)) ** 2))
        for e in ([np.mean(k) for k in kept], [np.std(k) for k in kept])
    ]
    return np.mean(values), errors[0], np.std(values), errors[1]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(1, 4))
def test_batches_in_any_split_give_what_a_plain_loop_gives(seed, n_blocks, n_batches):
    generator = np.random.default_rng(seed)
    block = np.repeat(np.arange(n_blocks), 5)
    values = generator.normal(1.8, 0.3, len(block)) + generator.normal(0, 0.2, n_blocks)[block]
    mover = generator.integers(1, 3, len(block))
    mover[::5], mover[1::5] = 1, 2  # both in every block
    counter = SpectrumCounter(n_blocks + 2, 2)  # two blocks stay empty
    order = generator.permutation(len(block))
    for part in np.array_split(order, n_batches):
        counter.add(values[part], mover[part], block[part])
    for species in (None, 1, 2):
        kind = np.ones(len(block), dtype=bool) if species is None else mover == species
        found = counter.spectrum(species)
        expected = in_a_loop(values[kind], block[kind])
        assert (found.mean_eV, found.error_eV, found.std_eV, found.std_error_eV) == pytest.approx(
            expected, abs=1e-7
        )
        assert (found.count, found.lowest_eV) == (kind.sum(), values[kind].min())


def test_errors_of_correlated_barriers_are_those_between_vacancies():
    generator = np.random.default_rng(4)
    level = generator.normal(1.8, 0.3, 400)
    values = np.repeat(level, 8)  # all jumps of a vacancy alike
    vacancy = np.repeat(np.arange(400), 8)
    (found,) = spectra_by_species(values, np.ones(3200, dtype=int), 1, block=vacancy)
    assert found.error_eV == pytest.approx(level.std(ddof=1) / 20)
    (independent,) = spectra_by_species(values, np.ones(3200, dtype=int), 1)
    assert found.error_eV == pytest.approx(np.sqrt(8) * independent.error_eV, rel=0.01)


def test_the_error_of_the_width_is_that_of_repeated_samples():
    generator = np.random.default_rng(5)
    drawn = generator.normal(0, 1, (300, 200))
    found = [spectra_by_species(x, np.ones(200, dtype=int), 1)[0].std_error_eV for x in drawn]
    assert np.mean(found) == pytest.approx(drawn.std(axis=1).std(), rel=0.15)


def test_unknown_species_and_blocks_are_refused():
    counter = SpectrumCounter(2, 3)
    with pytest.raises(ValueError, match="mover: got -1"):
        counter.add([1.0], [0], [0])
    with pytest.raises(ValueError, match="block: got 2"):
        counter.add([1.0], [1], [2])


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
