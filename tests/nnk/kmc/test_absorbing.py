"""Exits from transient states against linear algebra and against walks made jump by jump."""

import numpy as np
import pytest
from scipy import stats

from nnk.kmc.absorbing import make_elimination, sample_exit
from nnk.kmc.variates import make_stream

N = 20_000


def random_chain(n, seed, exit_scale=0.2):
    """Probabilities float64[n, n + 1], the last column the exit, and residence times."""
    rng = np.random.default_rng(seed)
    P = rng.uniform(size=(n, n + 1)) * (rng.uniform(size=(n, n + 1)) < 0.7)
    np.fill_diagonal(P, 0.0)
    P[np.arange(n), (np.arange(n) + 1) % n] += 0.1  # every state is reached and left
    np.fill_diagonal(P, 0.0)
    P[:, n] = exit_scale * rng.uniform(0.1, 1, n)
    return P / P.sum(axis=1, keepdims=True), rng.uniform(0.1, 3.0, n)


def exits(P, residence_s, start, n_samples, key=1, room=0):
    n = len(P)
    work = make_elimination(n + room)
    work.levels[0, :n, :n], work.levels[0, :n, -1] = P[:, :n], P[:, n]
    return np.array(
        [sample_exit(work, make_stream(key, i), n, start, residence_s) for i in range(n_samples)]
    ).T


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_exit_states_and_means_are_those_of_linear_algebra(n):
    P, residence_s = random_chain(n, seed=n)
    start = n // 2
    last, time_s, jumps = exits(P, residence_s, start, N, room=2)
    visits = np.linalg.inv(np.eye(n) - P[:, :n])[start]
    expected = N * visits * P[:, n]
    observed = np.bincount(last.astype(int), minlength=n)
    if n > 1:
        assert stats.chisquare(observed, expected).pvalue > 1e-4
    for values, mean in ((time_s, visits @ residence_s), (jumps, visits.sum())):
        assert abs(values.mean() - mean) < 4 * values.std() / N**0.5 + 1e-12


def test_whole_distributions_are_those_of_a_walk():
    P, residence_s = random_chain(4, seed=9)
    sampled = exits(P, residence_s, 1, N)
    rng = np.random.default_rng(0)
    walks = []
    for _ in range(4000):
        at, time_s, jumps, last = 1, 0.0, 0, 1
        while at < 4:
            last, jumps = at, jumps + 1
            time_s += rng.exponential(residence_s[at])
            at = rng.choice(5, p=P[at])
        walks.append((last, time_s, jumps))
    walks = np.array(walks).T
    for last in range(4):
        of_exit = [values[1][values[0] == last] for values in (sampled, walks)]
        assert stats.ks_2samp(*of_exit).pvalue > 1e-4
    assert stats.ks_2samp(sampled[2], walks[2]).pvalue > 1e-4


def test_number_of_jumps_is_distributed_exactly():
    P, residence_s = random_chain(5, seed=4)
    _, _, jumps = exits(P, residence_s, 0, N)
    left, state = [1.0], np.eye(5)[0]
    for _ in range(60):
        state = state @ P[:, :5]
        left.append(state.sum())
    expected = N * np.append(-np.diff(left), left[-1])
    observed = np.bincount(np.minimum(jumps, 61).astype(int), minlength=62)[1:]
    keep = expected > 5
    assert (
        stats.chisquare(observed[keep], expected[keep] * observed[keep].sum() / expected[keep].sum()).pvalue
        > 1e-4
    )


def test_a_trap_that_is_hardly_ever_left():
    """Two states, left once in 1e13 jumps: the mean time is right to the last digits, and costs nothing."""
    leak = 1e-13
    P = np.array([[0.0, 1.0, 0.0], [1.0 - leak, 0.0, leak]])
    last, time_s, jumps = exits(P, np.array([1.0, 3.0]), 0, 5000)
    assert set(last) == {1}
    assert time_s.mean() == pytest.approx(4 / leak, rel=0.06)
    assert jumps.mean() == pytest.approx(2 / leak, rel=0.06)
    assert stats.kstest(time_s * leak / 4, "expon").pvalue > 1e-4
