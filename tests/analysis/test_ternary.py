from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.style import new_figure
from analysis.ternary import CORNERS, draw_frame, places

CONTENTS = st.lists(st.integers(0, 100), min_size=3, max_size=3).filter(any)


@given(CONTENTS, st.floats(0.1, 10))
def test_places_are_those_of_the_formula(contents, unit):
    c = np.array(contents) / sum(contents)
    (x,), (y,) = places(unit * np.array([contents]).T)
    assert x == pytest.approx(c[2] + c[0] / 2, abs=1e-12)
    assert y == pytest.approx(np.sqrt(3) / 2 * c[0], abs=1e-12)


def test_corners_and_centre():
    found = places(np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1.0]]))
    np.testing.assert_allclose(found.T, [*CORNERS, CORNERS.mean(axis=0)], atol=1e-15)


@pytest.mark.parametrize("total", [100.0, 60.0])
def test_every_number_stands_beside_its_content(total):
    """From the number along the tick mark into the diagram: a line on which the element has that content."""
    axes = new_figure()[1]
    draw_frame(axes[0, 0], ("a", "b", "c"), total, size=8)
    frame, *marks = axes[0, 0].lines
    np.testing.assert_array_equal(frame.get_xydata()[:3], CORNERS)
    texts = [t for t in axes[0, 0].texts if t.get_text() not in "abc"]
    assert len(texts) == len(marks) == 18
    inverse = np.linalg.inv(np.vstack([CORNERS.T, np.ones(3)]))
    for number, (text, mark) in enumerate(zip(texts, marks, strict=True)):
        for x, y in [*mark.get_xydata(), text.get_position()]:
            contents = inverse @ [x, y, 1]  # also outside the frame
            assert total * contents[number // 6] == pytest.approx(float(text.get_text()), abs=1e-9)
