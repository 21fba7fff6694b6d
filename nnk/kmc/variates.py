"""Random variates from a counter-based stream, compiled: uniforms, normal, gamma, Poisson, binomial.

A stream belongs to one step of one run: its numbers depend on the run's key, the step's number and how many
were drawn before, so a step gives the same result wherever a run is split. Exact methods of bounded cost:
gamma by Marsaglia and Tsang (2000), Poisson (PTRS) and binomial (BTRS) by Hormann's transformed rejection
(1993).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nnk.kmc.compiled import compiled
from nnk.kmc.random_numbers import philox4x32, unit_interval

Stream = NDArray[np.uint64]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ONE = np.uint64(1)
_FEW = 10.0  # below this mean the variates are drawn by inversion


def make_stream(key: int, number: int) -> Stream:
    """The stream of step `number` of the run with `key`, uint64[3]: key, step, numbers drawn."""
    return np.array([key, number, 0], dtype=np.uint64)


@compiled
def uniform(stream):  # type: ignore[no-untyped-def]
    """The next uniform in (0, 1]; never one of those of `nnk.kmc.random_numbers.two_uniforms`."""
    stream[2] += _ONE
    number, drawn = stream[1], stream[2]
    words = philox4x32(number & _LOW, number >> _HALF, drawn & _LOW, (drawn >> _HALF) + _ONE, stream[0])
    return unit_interval(words[0], words[1])


@compiled
def normal(stream):  # type: ignore[no-untyped-def]
    """Standard normal variate (Box and Muller 1958)."""
    radius = math.sqrt(-2.0 * math.log(uniform(stream)))
    return radius * math.cos(2.0 * math.pi * uniform(stream))


@compiled
def gamma(stream, shape):  # type: ignore[no-untyped-def]
    """Gamma variate of `shape` >= 1 and scale 1: the sum of that many exponential ones."""
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x = normal(stream)
        cubed = 1.0 + c * x
        if cubed <= 0.0:
            continue
        cubed = cubed**3
        if math.log(uniform(stream)) < 0.5 * x * x + d - d * cubed + d * math.log(cubed):
            return d * cubed


@compiled
def poisson(stream, mean):  # type: ignore[no-untyped-def]
    """Poisson variate (float64) of `mean` >= 0."""
    if mean < _FEW:
        return _poisson_by_product(stream, mean)
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    squeeze = 0.9277 - 3.6224 / (b - 2.0)
    while True:
        u = uniform(stream) - 0.5
        v = uniform(stream)
        us = 0.5 - abs(u)
        if us <= 0.0:
            continue
        k = math.floor((2.0 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= squeeze:
            return k
        if k < 0.0 or (us < 0.013 and v > us):
            continue
        bound = k * math.log(mean) - mean - math.lgamma(k + 1.0)
        if math.log(v * inverse_alpha / (a / (us * us) + b)) <= bound:
            return k


@compiled
def _poisson_by_product(stream, mean):  # type: ignore[no-untyped-def]
    limit = math.exp(-mean)
    product = uniform(stream)
    k = 0.0
    while product > limit:
        product *= uniform(stream)
        k += 1.0
    return k


@compiled
def binomial(stream, n, p):  # type: ignore[no-untyped-def]
    """Binomial variate (float64): successes among `n` (a whole float64) trials of probability `p`."""
    if n <= 0.0 or p <= 0.0:
        return 0.0
    if p >= 1.0:
        return n
    if p > 0.5:
        return n - _binomial_below_half(stream, n, 1.0 - p)
    return _binomial_below_half(stream, n, p)


@compiled
def _binomial_below_half(stream, n, p):  # type: ignore[no-untyped-def]
    if n * p < _FEW:
        return _binomial_by_waiting(stream, n, p)
    q = 1.0 - p
    spread = math.sqrt(n * p * q)
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c = n * p + 0.5
    alpha = (2.83 + 5.1 / b) * spread
    log_odds = math.log(p / q)
    mode = math.floor((n + 1.0) * p)
    top = math.lgamma(mode + 1.0) + math.lgamma(n - mode + 1.0)
    while True:
        u = uniform(stream) - 0.5
        v = uniform(stream)
        us = 0.5 - abs(u)
        if us <= 0.0:
            continue
        k = math.floor((2.0 * a / us + b) * u + c)
        if us >= 0.07 and v <= 0.92 - 4.2 / b:
            return k
        if k < 0.0 or k > n:
            continue
        bound = top - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0) + (k - mode) * log_odds
        if math.log(v * alpha / (a / (us * us) + b)) <= bound:
            return k


@compiled
def _binomial_by_waiting(stream, n, p):  # type: ignore[no-untyped-def]
    """Trials between successes are geometric: a few logarithms where successes are few."""
    log_failure = math.log1p(-p)
    trials, k = 0.0, 0.0
    while True:
        trials += math.floor(math.log(uniform(stream)) / log_failure) + 1.0
        if trials > n:
            return k
        k += 1.0


@compiled
def failures_before(stream, successes, p_failure, p_success):  # type: ignore[no-untyped-def]
    """Negative binomial variate (float64): failures before `successes` (>= 0) successes.

    Both probabilities are given, since 1 minus one of them would lose the other's digits.
    """
    if successes <= 0.0 or p_failure <= 0.0:
        return 0.0
    return poisson(stream, gamma(stream, successes) * p_failure / p_success)
