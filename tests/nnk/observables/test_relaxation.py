import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnk.observables.relaxation import at_frame, at_points, log_points, relaxation

FRAMES = np.unique([0, *np.round(10 ** np.arange(0, 6.01, 0.1)).astype(int)])


@given(
    st.floats(30, 2e4),
    st.floats(0.5, 1.5),
    st.floats(-2, 2),
    st.floats(0.5, 3) | st.floats(-3, -0.5),
)
def test_relaxation_of_a_stretched_exponential_is_its_tau(tau, beta, start, change):
    y = start + change * (1 - np.exp(-((FRAMES / tau) ** beta)))
    found = relaxation(FRAMES, y)
    if np.isnan(found.frame):
        assert tau * 3 ** (1 / beta) > FRAMES[-1] / 16, "undefined only where it is not over by then"
        return
    assert at_frame(FRAMES, found.frame) == pytest.approx(tau, rel=0.15)
    assert found.plateau == pytest.approx(start + change, abs=0.15 * abs(change))


def test_on_time_it_is_the_time_of_the_same_moment():
    y = 1 - np.exp(-FRAMES / 1000)
    time_s = 1e-9 * FRAMES.astype(float) ** 1.5
    frame = relaxation(FRAMES, y).frame
    assert at_frame(FRAMES, frame) == pytest.approx(1000, rel=0.02)
    assert at_frame(time_s, frame) == pytest.approx(1e-9 * 1000**1.5, rel=0.03)


@pytest.mark.parametrize("tau", [1e5, 1e6, 1e8])
def test_a_run_that_still_changes_has_not_relaxed(tau):
    assert np.isnan(relaxation(FRAMES, 1 - np.exp(-FRAMES / tau)).frame)


def test_logarithmic_growth_has_not_relaxed():
    assert np.isnan(relaxation(FRAMES, np.log1p(FRAMES)).frame)


def test_changes_within_noise_do_not_relax():
    y = 0.2 * (1 - np.exp(-FRAMES / 100))
    assert np.isnan(relaxation(FRAMES, y, noise=0.1).frame)
    assert np.isfinite(relaxation(FRAMES, y, noise=0.05).frame)
    assert np.isnan(relaxation(FRAMES, np.zeros(len(FRAMES))).frame)


def test_scatter_about_the_plateau_is_not_taken_for_growth():
    generator = np.random.default_rng(0)
    clean = 0.5 * (1 - np.exp(-FRAMES / 500))
    rows = [clean + 0.1 * generator.normal(size=len(FRAMES)) * (FRAMES > 0) for _ in range(50)]
    relaxed = [np.isfinite(relaxation(FRAMES, row, noise=0.1).frame) for row in rows]
    assert np.mean(relaxed) > 0.85


def test_too_few_frames_are_not_judged():
    found = relaxation([0, 100], [0.0, 1.0])
    assert np.isnan(found.frame)
    assert found.change == 1.0


@pytest.mark.parametrize(("n", "y"), [([1, 2, 3], [0, 0, 0]), ([0, 2, 2], [0, 0, 0]), ([0, 1], [0, 0, 0])])
def test_rows_that_do_not_fit_are_refused(n, y):
    with pytest.raises(ValueError, match="n: expected"):
        relaxation(n, y)


def test_values_between_frames_are_on_a_logarithmic_scale():
    row = [0.0, 1.0, 100.0]
    assert at_frame(row, 1.5) == pytest.approx(10.0)
    assert at_frame(row, 0.25) == 0.25
    assert at_frame(row, 2.0) == 100.0
    assert np.isnan(at_frame(row, float("nan")))


def test_grid_does_not_depend_on_the_range():
    np.testing.assert_allclose(log_points(0.9, 120.0, 2), 10 ** np.array([0, 0.5, 1, 1.5, 2]))
    assert set(log_points(10.0, 90.0, 3)) <= set(log_points(1.0, 1e4, 3))
    assert len(log_points(100.0, 10.0, 5)) == 0
    with pytest.raises(ValueError, match="positive"):
        log_points(0.0, 10.0, 5)


def naive_at(x, y, point):
    """Look for the two numbers around, one by one."""
    for i in range(len(x) - 1):
        if 0 < x[i] <= point <= x[i + 1] and x[i] < x[i + 1]:
            part = np.log(point / x[i]) / np.log(x[i + 1] / x[i])
            return (1 - part) * y[i] + part * y[i + 1]
    return np.full_like(y[0], np.nan)


@given(st.integers(0, 2**32 - 1))
def test_points_equal_a_plain_search(seed):
    generator = np.random.default_rng(seed)
    x = np.append(0.0, np.cumsum(generator.exponential(size=8) * 10.0 ** np.arange(8)))
    y = generator.normal(size=(9, 2, 3))
    points = np.append(10 ** generator.uniform(-1, 8, 12), x[[1, 4, 8]])
    expected = np.array([naive_at(x, y, point) for point in points])
    np.testing.assert_allclose(at_points(x, y, points), expected, rtol=1e-6, atol=1e-6)


def test_time_that_stands_still_and_nothing_at_all():
    found = at_points([0.0, 1.0, 1.0, 4.0], [0.0, 1.0, 2.0, 3.0], [1.0, 2.0])
    np.testing.assert_allclose(found, [2.0, 2.5])
    assert np.isnan(at_points([0.0], [[1.0, 2.0]], [1.0, 5.0])).all()
