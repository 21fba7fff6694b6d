"""Exit from a set of transient states, sampled exactly: where, after how long, after how many jumps.

Kinetic path sampling of Athenes and Bulatov, Path factorization approach to stochastic simulations (PRL 113,
230601, 2014). With the transient states s eliminated one after the other,

    P'_ij = P_ij + P_is P_sj / (1 - P_ss),

P_ij becomes the probability that the next state outside of the eliminated ones is j. A path that is known
between the states that are left is then refined backwards: how many of its i -> j went through s is a
binomial variate, how often s returned to itself a negative binomial one. With all states back, the visits
n_i of every state are known, and the time is the sum of gamma variates of shape n_i and mean residence time
tau_i. Nothing is approximated, and the cost does not depend on how often the states are visited.

1 - P_ss is taken as the sum of the probabilities of leaving s, so traps that are almost never left lose no
digits (Grassmann, Taksar and Heyman 1985).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnk.kmc.compiled import compiled
from nnk.kmc.variates import binomial, failures_before, gamma
from nnk.models.program import Float64Array


class Elimination(NamedTuple):
    """Work space for up to n transient states, which are numbered from 0.

    Attributes:
        levels: float64[n + 1, n + 1, n + 1], probabilities P; level k has states 0 .. k - 1 eliminated. Row
            and column n are the way in and the way out.
        counts: float64[n + 1, n + 1], transitions of the path, rows from, columns to.
    """

    levels: Float64Array
    counts: Float64Array


def make_elimination(n: int) -> Elimination:
    """Work space for at most `n` transient states."""
    return Elimination(np.zeros((n + 1, n + 1, n + 1)), np.zeros((n + 1, n + 1)))


@compiled
def _leaving(level, s, n, way_out):  # type: ignore[no-untyped-def]
    """1 - P_ss among the states from s on, `way_out` being the column of the exit."""
    total = level[s, way_out]
    for j in range(s + 1, n):
        total += level[s, j]
    return total


@compiled
def eliminate(work, n):  # type: ignore[no-untyped-def]
    """Fill the levels 1 .. n - 1 and the row of the way in from level 0 (its rows 0 .. n - 1)."""
    end = work.levels.shape[1] - 1
    for s in range(n):
        level, following = work.levels[s], work.levels[s + 1]
        leaving = _leaving(level, s, n, end)
        for row in range(s + 1, n + 1):
            i = end if row == n else row
            through = level[i, s] / leaving
            for column in range(s + 1, n + 1):
                j = end if column == n else column
                following[i, j] = level[i, j] + through * level[s, j]


@compiled
def _refine(work, stream, s, n):  # type: ignore[no-untyped-def]
    """Bring state `s` back into the path; without a stream in the mean over all paths."""
    end = work.levels.shape[1] - 1
    level, following, counts = work.levels[s], work.levels[s + 1], work.counts
    leaving = _leaving(level, s, n, end)
    passes = 0.0
    for row in range(s + 1, n + 1):
        i = end if row == n else row
        for column in range(s + 1, n + 1):
            j = end if column == n else column
            if counts[i, j] > 0.0:
                share = level[i, s] / leaving * level[s, j] / following[i, j]
                if stream is None:
                    through = counts[i, j] * share
                else:
                    through = binomial(stream, counts[i, j], share)
                counts[i, j] -= through
                counts[i, s] += through
                counts[s, j] += through
                passes += through
    if stream is None:
        counts[s, s] = passes * level[s, s] / leaving
    else:
        counts[s, s] = failures_before(stream, passes, level[s, s], leaving)


@compiled
def count_transitions(work, stream, n, start):  # type: ignore[no-untyped-def]
    """Count in ``work.counts`` every transition made on the way out; without a stream their means.

    Args:
        work: `Elimination`; level 0 holds the probabilities of the jumps among the n transient states and,
            in the last column, of leaving them. It is kept, all else is overwritten.
        stream: `nnk.kmc.variates.Stream`, or None.
        n: number of transient states.
        start: the state that the path begins in.
    """
    end = work.levels.shape[1] - 1
    for i in range(n):
        work.levels[0, end, i] = 0.0
        for j in range(n):
            work.counts[i, j] = 0.0
        work.counts[i, end] = work.counts[end, i] = 0.0
    work.levels[0, end, start] = 1.0
    work.levels[0, end, end] = 0.0
    eliminate(work, n)
    work.counts[end, end] = 1.0
    for s in range(n - 1, -1, -1):
        _refine(work, stream, s, n)


@compiled
def sample_exit(work, stream, n, start, residence_s):  # type: ignore[no-untyped-def]
    """The state that is left at last, the time and the jumps that it takes.

    Arguments as `count_transitions`, and ``residence_s`` float64[n], the states' mean residence times.
    """
    count_transitions(work, stream, n, start)
    end = work.levels.shape[1] - 1
    time_s, jumps, last = 0.0, 0.0, 0
    for i in range(n):
        visits = work.counts[i, end]
        if visits > 0.0:
            last = i
        for j in range(n):
            visits += work.counts[i, j]
        if visits > 0.0:
            time_s += gamma(stream, visits) * residence_s[i]
        jumps += visits
    return last, time_s, jumps
