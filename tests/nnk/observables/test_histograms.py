from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.observables.histograms import HistogramCounter

BATCHES = st.lists(st.lists(st.floats(-3, 7, allow_nan=False), max_size=20), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(BATCHES, st.integers(0, 10**6))
def test_batches_give_one_histogram(batches, seed):
    generator = np.random.default_rng(seed)
    counter = HistogramCounter(3, 0.25)
    everything, groups = [], []
    for batch in batches:
        group = generator.integers(0, 3, len(batch))
        counter.add(batch, group)
        everything += batch
        groups += group.tolist()
    assert counter.counts.sum() == len(everything)
    for g in range(3):
        chosen = [v for v, own in zip(everything, groups, strict=True) if own == g]
        for count, low in zip(counter.counts[g], counter.edges[:-1], strict=True):
            assert count == sum(low <= v < low + 0.25 for v in chosen)


def test_infinite_values_are_left_out():
    counter = HistogramCounter(1, 0.1)
    counter.add([np.nan, np.inf], 0)
    assert counter.counts.shape == (1, 0)
    counter.add([[1.0, np.nan]], 0)
    assert counter.counts.sum() == 1
    assert counter.centres == pytest.approx([1.05])


def test_a_width_that_is_none():
    with pytest.raises(ValueError, match="positive"):
        HistogramCounter(1, 0.0)
