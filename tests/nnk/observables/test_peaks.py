import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnk.observables.peaks import bootstrap_peak, peak_position

GRID_K = np.array([400, 500, 600, 650, 700, 750, 800, 850, 900, 950, 1000, 1200, 1500], dtype=float)


@given(st.floats(650, 950), st.floats(1e-6, 1e-3), st.floats(-5, 5))
def test_the_vertex_of_a_parabola_is_found_between_the_points(vertex, curvature, height):
    found = peak_position(GRID_K, height - curvature * (GRID_K - vertex) ** 2)
    assert found == pytest.approx(vertex, abs=1e-3)


@given(st.lists(st.floats(-1, 1, width=16), min_size=3, max_size=12, unique=True))
def test_the_peak_lies_beside_the_highest_point(heights):
    x = np.cumsum(1.0 + np.arange(len(heights)) % 3)
    top = int(np.argmax(heights))
    found = peak_position(x, heights)
    if top in (0, len(heights) - 1):
        assert np.isnan(found)
    else:
        assert x[top - 1] <= found <= x[top + 1]


def test_missing_points_are_left_out():
    heights = 1 - 1e-5 * (GRID_K - 800.0) ** 2
    heights[[3, 8]] = np.nan
    assert peak_position(GRID_K, heights) == pytest.approx(800.0)
    assert np.isnan(peak_position(GRID_K, np.full(len(GRID_K), np.nan)))


@pytest.mark.parametrize(("x", "y"), [([0.0, 1.0, 1.0], [0, 1, 0]), ([0.0, 1.0], [0, 1, 0])])
def test_rows_that_do_not_fit_are_refused(x, y):
    with pytest.raises(ValueError, match="ascending"):
        peak_position(x, y)


def curves(generator, vertex=820.0, replicas=4, noise=0.05):
    """Replicas around a known curve."""
    mean = 2.0 - 2e-5 * (GRID_K - vertex) ** 2
    return [value + noise * generator.normal(size=replicas) for value in mean]


def test_bootstrap_error_is_the_scatter_of_the_peak():
    """Over many ensembles the position scatters by what the bootstrap says of one of them."""
    generator = np.random.default_rng(5)
    found = [bootstrap_peak(GRID_K, curves(generator), generator, resamples=200) for _ in range(60)]
    positions, errors = np.array([f.value for f in found]), np.array([f.error for f in found])
    assert positions.mean() == pytest.approx(820.0, abs=4 * positions.std() / np.sqrt(60) + 1)
    assert positions.std() == pytest.approx(errors.mean(), rel=0.35)
    assert np.mean([f.low <= 820.0 <= f.high for f in found]) > 0.8


def test_a_maximum_at_the_edge_and_single_replicas_have_no_error():
    generator = np.random.default_rng(6)
    rising = [np.array([t, t + 0.1]) for t in GRID_K]
    assert np.isnan(bootstrap_peak(GRID_K, rising, generator).value)
    single = bootstrap_peak(GRID_K, curves(generator, replicas=1), generator)
    assert 780 < single.value < 860
    assert np.isnan(single.error)
