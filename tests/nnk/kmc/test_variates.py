"""Random variates against their distributions."""

import numpy as np
import pytest
from scipy import stats

from nnk.kmc.random_numbers import two_uniforms
from nnk.kmc.variates import binomial, failures_before, gamma, make_stream, normal, poisson, uniform

N = 20_000
REFUSED = 1e-5  # p-value below which a test fails; the streams are fixed


def drawn(draw, *arguments):
    stream = make_stream(2026, 11)
    return np.array([draw(stream, *arguments) for _ in range(N)])


def chi_square(values, distribution):
    """p-value over about 30 classes that each expect at least 5."""
    low, high = distribution.ppf(1e-3), distribution.ppf(1 - 1e-3)
    edges = np.unique(np.round(np.linspace(low, high, 30)))
    expected = N * np.diff(np.concatenate([[0], distribution.cdf(edges), [1]]))
    observed = np.histogram(values, np.concatenate([[-np.inf], edges + 0.5, [np.inf]]))[0]
    keep = expected >= 5
    rest = [(observed[~keep].sum(), expected[~keep].sum())] if expected[~keep].sum() >= 5 else []
    observed, expected = np.array([*zip(observed[keep], expected[keep], strict=True), *rest]).T
    return stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue


def test_uniform_and_normal():
    assert stats.kstest(drawn(uniform), "uniform").pvalue > REFUSED
    assert stats.kstest(drawn(normal), "norm").pvalue > REFUSED


@pytest.mark.parametrize("shape", [1.0, 1.5, 30.0, 1e9])
def test_gamma(shape):
    assert stats.kstest(drawn(gamma, shape), stats.gamma(shape).cdf).pvalue > REFUSED


@pytest.mark.parametrize("mean", [0.0, 0.2, 9.99, 10.0, 55.5, 1e6])
def test_poisson(mean):
    values = drawn(poisson, mean)
    if mean == 0:
        assert not values.any()
    else:
        assert chi_square(values, stats.poisson(mean)) > REFUSED


@pytest.mark.parametrize(
    ("n", "p"), [(1, 0.5), (7, 0.3), (2000, 1e-3), (40, 0.45), (40, 0.9), (1e7, 0.3), (1e7, 1 - 1e-6)]
)
def test_binomial(n, p):
    assert chi_square(drawn(binomial, float(n), p), stats.binom(n, p)) > REFUSED


def test_binomial_without_a_choice():
    stream = make_stream(1, 1)
    assert [binomial(stream, 9.0, p) for p in (0.0, 1.0, 1.0 + 1e-16)] == [0.0, 9.0, 9.0]
    assert stream[2] == 0


@pytest.mark.parametrize(("successes", "p_failure"), [(1.0, 0.3), (4.0, 0.97), (1000.0, 0.5)])
def test_failures_before(successes, p_failure):
    values = drawn(failures_before, successes, p_failure, 1 - p_failure)
    assert chi_square(values, stats.nbinom(successes, 1 - p_failure)) > REFUSED


def test_stream_depends_on_key_and_step_alone():
    a, b = make_stream(5, 2**40), make_stream(5, 2**40)
    assert [uniform(a) for _ in range(3)] == [uniform(b) for _ in range(3)]
    others = {uniform(make_stream(*of)) for of in ((5, 2**40 + 1), (6, 2**40), (2**64 - 1, 0))}
    assert len(others | set(two_uniforms(np.uint64(5), np.uint64(2**40)))) == 5
