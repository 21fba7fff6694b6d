from __future__ import annotations

import numpy as np
import pytest

from nnk.observables.bimodality import bimodality
from nnk.observables.histograms import HistogramCounter


def fitted(values, blocks=20, seed=0, width=0.02):
    counter = HistogramCounter(blocks, width)
    counter.add(values, np.arange(len(values)) * blocks // len(values))
    return bimodality(counter.counts, counter.centres, np.random.default_rng(seed))


def two(generator, n, apart, weight=0.5, width=0.1):
    upper = generator.random(n) < weight
    return generator.normal(1.5, width, n) + apart * upper


@pytest.fixture
def generator():
    return np.random.default_rng(11)


def test_two_gaussians_are_found_again(generator):
    found = fitted(two(generator, 20000, apart=0.6, weight=0.3))
    assert found.bimodal
    assert found.means_eV == pytest.approx((1.5, 2.1), abs=0.01)
    assert found.widths_eV == pytest.approx((0.1, 0.1), abs=0.01)
    assert found.upper_weight == pytest.approx(0.3, abs=0.01)
    assert found.distance == pytest.approx(6, abs=0.2)
    assert 0.9 < found.valley < 1


def test_the_valley_is_that_of_the_smoothed_density(generator):
    found = fitted(two(generator, 200_000, apart=0.3), width=0.01)
    half = 0.15 / np.hypot(0.1, 0.03)
    expected = 1 - 2 * np.exp(-0.5 * half**2) / (1 + np.exp(-0.5 * (2 * half) ** 2))
    assert found.valley == pytest.approx(expected, abs=0.02)
    assert found.valley_error < 0.02


@pytest.mark.parametrize("kind", ["gaussian", "uniform", "skewed", "flat top", "small second"])
def test_one_peak_is_not_two(generator, kind):
    values = {
        "gaussian": generator.normal(1.7, 0.25, 20000),
        "uniform": generator.uniform(1.0, 2.0, 20000),
        "skewed": 1.0 + generator.gamma(2.0, 0.15, 20000),
        "flat top": two(generator, 20000, apart=0.18),
        "small second": two(generator, 20000, apart=0.6, weight=0.01),
    }[kind]
    assert not fitted(values).bimodal


def test_it_may_be_too_little_to_say(generator):
    assert fitted([1.0] * 50) is None
    alone = fitted(two(generator, 2000, apart=0.6), blocks=1)
    assert np.isnan(alone.distance_error)
    assert not alone.bimodal


def test_errors_are_the_spread_of_repeated_samples(generator):
    fits = [fitted(two(generator, 1000, apart=0.35), seed=i) for i in range(25)]
    spread = np.std([f.distance for f in fits], ddof=1)
    assert np.median([f.distance_error for f in fits]) == pytest.approx(spread, rel=0.5)


def test_correlated_blocks_have_larger_errors(generator):
    shift = np.repeat(generator.normal(0, 0.1, 20), 500)
    values = two(generator, 10000, apart=0.6)
    assert fitted(values + shift).distance_error > 2 * fitted(values).distance_error


def test_the_same_seed_gives_the_same_fit(generator):
    values = two(generator, 5000, apart=0.4)
    assert fitted(values) == fitted(values)


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="expected shape"):
        bimodality(np.ones((2, 3)), np.arange(4.0), np.random.default_rng(0))
    with pytest.raises(ValueError, match="at least 2"):
        bimodality(np.ones((2, 3)), np.arange(3.0), np.random.default_rng(0), resamples=1)
