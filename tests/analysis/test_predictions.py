"""Tables of predictions: read as they were written, however long, and drawn."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import csv_tables
from analysis.csv_tables import Texts, joined, read_columns
from analysis.inputs import DamagedInput, Inputs
from analysis.parity_panels import (
    MOST_POINTS,
    POINTS_A_TURN,
    dense_words,
    draw_parity,
    parity_legend,
    span_of,
)
from analysis.predictions import Predictions, predictions_of, read_predictions
from analysis.style import new_figure, paper_style

words = st.lists(st.sampled_from(["a", "b", 'é, "q"', "Nb50Mo50", ""]), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(words, words)
def test_texts_are_as_they_were(first, second):
    column = Texts.of(first)
    assert column.tolist() == first
    assert column.present() == sorted(set(first))
    assert column.among("a", "zz").tolist() == [word == "a" for word in first]
    rows = np.arange(len(first))[::-2]
    assert column[rows].tolist() == [first[i] for i in rows]
    tables = [csv_tables.Columns({"x": Texts.of(words)}, {}) for words in (first, second)]
    assert joined(tables).texts["x"].tolist() == [*first, *second]


@pytest.mark.parametrize("rows", [0, 1, 3, 8, 9])
def test_columns_are_those_of_the_file(tmp_path, monkeypatch, rows):
    """Also where the file is read in several pieces."""
    monkeypatch.setattr(csv_tables, "_CHUNK", 3)
    path = tmp_path / "table.csv"
    names, values = [f"n, {i % 4}" for i in range(rows)], [0.1 * i if i != 2 else "" for i in range(rows)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["value", "left out", "name"])
        writer.writerows(zip(values, range(rows), names, strict=True))
    found = read_columns(path, texts=["name"], numbers=["value"], optional=["spread"])
    assert found.texts["name"].tolist() == names
    np.testing.assert_array_equal(found.numbers["value"], [np.nan if v == "" else v for v in values])
    assert "spread" not in found.numbers
    assert list(read_columns(path, optional=["value"]).numbers) == ["value"]


def test_a_torn_line_is_named(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n1\n")
    with pytest.raises(ValueError, match="line 3 or before: expected 2 cells"):
        read_columns(path, numbers=["a"])


def test_splits_that_no_training_makes_are_refused(workdir):
    path = workdir.model_dir("main") / "predictions.csv"
    path.write_text(path.read_text().replace("test-composition", "holdout"))
    with pytest.raises(DamagedInput, match="main are of the splits holdout; known are train"):
        read_predictions(Inputs(workdir), "main", ("Nb", "Mo", "Ta"))


def many(n):
    """Predictions of n barriers of two species."""
    generator = np.random.default_rng(1)
    true = generator.normal(1.5, 0.3, n)
    texts = {name: Texts.of(["test"] * n) for name in ("split", "sample", "composition")}
    texts |= {"species": Texts.of(["Nb", "Mo"] * (n // 2)), "vacancy_site": Texts.of(np.arange(n) // 8)}
    numbers = {"E_eV": true, "E_predicted_eV": true + generator.normal(0, 0.05, n)}
    return predictions_of("m", csv_tables.Columns(texts, numbers), ("Nb", "Mo"))


def drawn(predictions: Predictions):
    with paper_style():
        _, axes = new_figure()
        draw_parity(axes[0, 0], predictions, span_of(predictions))
    return axes[0, 0]


def test_few_barriers_are_points_coloured_by_species():
    p = many(2 * POINTS_A_TURN)
    _, *lines = drawn(p).lines
    assert len({line.get_color() for line in lines}) == 2
    for element, of_species in zip(("Nb", "Mo"), (lines[0::2], lines[1::2]), strict=True):
        rows = p.species.among(element)
        assert len({line.get_color() for line in of_species}) == 1
        points = np.concatenate([line.get_xydata() for line in of_species])
        expected = np.stack([p.true_eV[rows], p.predicted_eV[rows]], axis=1)
        np.testing.assert_array_equal(np.sort(points, axis=0), np.sort(expected, axis=0))
    assert [handle.get_label() for handle in parity_legend(p.elements, [p])] == ["Nb moves", "Mo moves"]
    assert dense_words([p]) == ""


def test_many_barriers_are_a_density_that_leaves_none_out():
    p = many(MOST_POINTS + 2)
    axes = drawn(p)
    assert len(axes.lines) == 1  # equality
    (hexagons,) = axes.collections
    assert hexagons.get_array().sum() == len(p)
    assert parity_legend(p.elements, [p]) == []
    assert f"more than {MOST_POINTS:,} barriers" in dense_words([p])
