import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnk.composition_distance import hull_share, nearest_share

PURE = np.eye(3)


def test_shares_of_atoms_by_hand():
    known = [[0.4, 0.3, 0.3], [0.2, 0.6, 0.2]]
    assert nearest_share([0.4, 0.3, 0.3], known) == 0
    assert nearest_share([0.2, 0.5, 0.3], known) == pytest.approx(0.1)  # a tenth of the atoms: Ta for Mo
    assert nearest_share([1.0, 0.0, 0.0], known) == pytest.approx(0.6)
    assert nearest_share([1.0, 0.0], [[0.0, 1.0]]) == 1


def test_what_lies_between_is_no_way_from_the_hull():
    assert hull_share([0.5, 0.5, 0.0], PURE[:2]) == pytest.approx(0, abs=1e-9)
    assert nearest_share([0.5, 0.5, 0.0], PURE[:2]) == pytest.approx(0.5)
    assert hull_share([0.2, 0.3, 0.5], PURE[:2]) == pytest.approx(0.5)
    assert hull_share([0.1, 0.2, 0.7], [[0.5, 0.25, 0.25]]) == pytest.approx(0.45)


compositions = arrays(np.float64, (5, 3), elements=st.integers(0, 20).map(float)).map(lambda x: x + 0.01)


@settings(max_examples=60, deadline=None)
@given(compositions)
def test_the_hull_is_no_farther_than_any_mixture(drawn):
    x, *others = drawn / drawn.sum(axis=1, keepdims=True)
    weights = np.random.default_rng(1).dirichlet(np.full(4, 0.5), 200)
    mixtures = np.concatenate([np.eye(4), weights]) @ np.array(others)
    tried = 0.5 * np.abs(mixtures - x).sum(axis=1)
    found = hull_share(x, others)
    assert 0 <= found <= tried.min() + 1e-9
    assert nearest_share(x, others) == pytest.approx(tried[:4].min())


@settings(max_examples=40, deadline=None)
@given(compositions, st.integers(0, 1000))
def test_mixtures_are_in_the_hull(drawn, seed):
    others = drawn / drawn.sum(axis=1, keepdims=True)
    weights = np.random.default_rng(seed).dirichlet(np.ones(5))
    assert hull_share(weights @ others, others) == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize(("x", "others"), [([0.5, 0.5], []), ([0.5, 0.5], [[1.0]]), ([[1.0]], [[1.0]])])
def test_other_shapes_are_refused(x, others):
    for share in (nearest_share, hull_share):
        with pytest.raises(ValueError, match="expected fractions"):
            share(x, others)
