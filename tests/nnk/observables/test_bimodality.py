from __future__ import annotations

import numpy as np
import pytest

from nnk.observables.bimodality import bimodality
from nnk.observables.histograms import HistogramCounter


def found_in(values, blocks=20, seed=0, width=0.01):
    counter = HistogramCounter(blocks, width)
    counter.add(values, np.arange(len(values)) * blocks // len(values))
    return bimodality(counter.counts, counter.centres, np.random.default_rng(seed))


def two(generator, n, apart, weight=0.5, width=0.1):
    upper = generator.random(n) < weight
    return generator.normal(1.5, width, n) + apart * upper


@pytest.fixture
def generator():
    return np.random.default_rng(11)


def test_two_peaks_are_found_again(generator):
    found = found_in(two(generator, 20000, apart=0.6, weight=0.3))
    assert found.bimodal
    assert found.peaks_eV == pytest.approx((1.5, 2.1), abs=0.03)
    assert found.second_share == pytest.approx(0.3, abs=0.01)
    assert 0.9 < found.depth < 1


def test_the_depth_is_that_of_the_smoothed_density(generator):
    found = found_in(two(generator, 200_000, apart=0.3))
    half = 0.15 / np.hypot(0.1, 0.03)
    top = max(np.exp(-0.5 * (half - t) ** 2) + np.exp(-0.5 * (half + t) ** 2) for t in np.linspace(0, 2, 401))
    assert found.depth == pytest.approx(1 - 2 * np.exp(-0.5 * half**2) / top, abs=0.02)
    assert 0 < found.error < 0.02


def test_narrow_peaks_on_a_broad_foot(generator):
    """As of a dilute alloy: jumps far from any solute, jumps beside one, and all the others."""
    parts = [(1.72, 0.005, 6000), (1.84, 0.01, 2500), (1.8, 0.12, 4000)]
    values = generator.permutation(np.concatenate([generator.normal(*part) for part in parts]))
    found = found_in(values)
    assert found.bimodal
    assert found.peaks_eV == pytest.approx((1.72, 1.84), abs=0.02)


def test_the_second_peak_is_the_most_prominent_and_its_valley_the_way_to_a_higher_one():
    """Peaks of 10, 4, 6 with valleys of 1 and 3 between: the third counts, over the first valley."""
    heights = [10, 1, 4, 3, 6]
    counts = np.zeros((2, 200))
    for number, height in enumerate(heights):
        counts[:, 20 + 30 * number : 46 + 30 * number] = height
    found = bimodality(counts, 1 + 0.01 * np.arange(200), np.random.default_rng(0))
    assert found.depth == pytest.approx(1 - 1 / 6, abs=0.05)
    assert found.peaks_eV == pytest.approx((1.33, 2.53), abs=0.1)
    # 26 bins each of 4, 3 and 6, of 24 together, and what the smoothing's place takes of the valley
    assert found.second_share == pytest.approx(13 / 24, abs=0.03)
    assert found.error == pytest.approx(0, abs=1e-12)  # two equal blocks


@pytest.mark.parametrize("kind", ["gaussian", "uniform", "skewed", "flat top", "small second"])
def test_one_peak_is_not_two(generator, kind):
    values = {
        "gaussian": generator.normal(1.7, 0.25, 20000),
        "uniform": generator.uniform(1.0, 2.0, 20000),
        "skewed": 1.0 + generator.gamma(2.0, 0.15, 20000),
        "flat top": two(generator, 20000, apart=0.18),
        "small second": two(generator, 20000, apart=0.6, weight=0.01),
    }[kind]
    assert not found_in(values).bimodal


def test_it_may_be_too_little_to_say(generator):
    assert found_in([1.001] * 50) is None
    assert bimodality(np.zeros((3, 5)), np.arange(5.0), np.random.default_rng(0)) is None
    alone = found_in(two(generator, 2000, apart=0.6), blocks=1)
    assert np.isnan(alone.error)
    assert not alone.bimodal


def test_errors_are_the_spread_of_repeated_samples(generator):
    found = [found_in(two(generator, 2000, apart=0.35), seed=i) for i in range(25)]
    spread = np.std([f.depth for f in found], ddof=1)
    assert np.median([f.error for f in found]) == pytest.approx(spread, rel=0.6)


def test_the_same_seed_gives_the_same(generator):
    values = two(generator, 5000, apart=0.4)
    assert found_in(values) == found_in(values)


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="expected shape"):
        bimodality(np.ones((2, 3)), np.arange(4.0), np.random.default_rng(0))
    with pytest.raises(ValueError, match="at least 2"):
        bimodality(np.ones((2, 3)), np.arange(3.0), np.random.default_rng(0), resamples=1)
