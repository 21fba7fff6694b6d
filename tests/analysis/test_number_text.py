"""Numbers as text."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.number_text import value_and_error


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (None, None, ("", "")),
        (1536.0, None, ("1536", "")),
        (0.123456, None, ("0.1235", "")),
        (0.123456, math.nan, ("0.1235", "")),
        (1.9727, 0.0603, ("1.973", "0.060")),
        (1021.4, 141.0, ("1021", "141")),
        (1.0, 0.03, ("1.000", "0.030")),
        (9.63e-16, 7.1e-17, ("9.63e-16", "7.1e-17")),
        (7.5e-7, 8.9e-8, ("7.50e-07", "8.9e-08")),
        (1.5e7, 2.2e5, ("1.500e+07", "2.2e+05")),
        (1e-16, 3e-15, ("1e-16", "3.0e-15")),
        (0.0, 1e-9, ("0", "1.0e-09")),
        (0.0, 0.0, ("0", "")),
    ],
)
def test_as_many_digits_as_the_error_allows(value, error, text):
    assert value_and_error(value, error) == text


@given(st.floats(-1e12, 1e12), st.floats(1e-12, 1e9))
def test_the_text_is_the_value_within_a_tenth_of_its_error(value, error):
    text, error_text = value_and_error(value, error)
    far = abs(value) > 1e4 * error  # then six digits after the first
    assert abs(float(text) - value) <= (1e-6 * abs(value) if far else 0.1 * error + 1e-300) + 0.1 * error
    assert float(error_text) == pytest.approx(error, rel=0.06, abs=0.5 if error > 10 else 0)
