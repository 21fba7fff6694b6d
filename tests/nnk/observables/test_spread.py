import numpy as np
import pytest

from nnk.observables.spread import pooled_spread


def test_the_spread_within_groups_does_not_see_what_differs_between_them():
    found = pooled_spread([[1.0, 3.0], [101.0, 103.0, 102.0], [7.0]], np.random.default_rng(0))
    assert found.deviation == pytest.approx(np.sqrt((2.0 + 1.0) / 2))
    assert found.absolute == pytest.approx((1.0 + 2 / 3) / 2)
    assert (found.groups, found.values) == (2, 5)


@pytest.mark.parametrize(("widths", "groups"), [((1.0,), 8), ((0.5, 1.5), 12), ((1.0,), 1)])
def test_errors_are_the_scatter_of_repeated_measurements(widths, groups):
    generator = np.random.default_rng(1)
    found = [
        pooled_spread(
            [generator.normal(generator.normal(), w, 20) for w in generator.choice(widths, groups)],
            generator,
            resamples=100,
        )
        for _ in range(300)
    ]
    for value, error in (("deviation", "deviation_error"), ("absolute", "absolute_error")):
        scatter = np.std([getattr(f, value) for f in found])
        stated = np.mean([getattr(f, error) for f in found])
        assert 0.8 * scatter < stated < 1.25 * scatter


def test_groups_of_one_have_no_spread():
    with pytest.raises(ValueError, match="two members"):
        pooled_spread([[1.0], [2.0]], np.random.default_rng(0))
