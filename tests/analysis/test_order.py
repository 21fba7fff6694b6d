import numpy as np
import pytest

from analysis import order
from analysis.inputs import Inputs
from analysis.order_figures import order_figures
from analysis.order_parameters import order_of, summary
from analysis.runs import Case, cases_of, run_of
from nnk.lattice import Lattice, shell_offsets


def naive_delta(run, a, b, shell):
    """Neighbours of every a atom one by one, minus what a random arrangement has on average."""
    offsets = shell_offsets("bcc", shell)
    found = []
    for site in np.flatnonzero(run.final == a):
        sites = [run.lattice.site_at(run.lattice.coordinates[site] + offset) for offset in offsets]
        found.append(sum(run.final[s] == b for s in sites))
    n_b = (run.final == b).sum() - (a == b)
    return np.mean(found) - len(offsets) * n_b / (run.lattice.n_sites - 1)


def test_order_table_is_that_of_a_plain_loop(with_runs, runs, rows_of):
    rows = rows_of(order.analyse(Inputs(with_runs)), "order")
    assert len(rows) == 2 * 3 * 9
    for row in rows[::4]:
        a, b = (("Nb", "Mo", "Ta").index(row[key]) + 1 for key in "ab")
        replicas = [run for run in runs if run.file.temperature_K == float(row["temperature_K"])]
        values = [naive_delta(run, a, b, int(row["shell"])) for run in replicas]
        assert int(row["replicas"]) == 2
        assert int(row["jumps"]) == 400
        assert float(row["delta_ab"]) == pytest.approx(np.mean(values), abs=1e-9)
        assert float(row["delta_ab_error"]) == pytest.approx(np.std(values, ddof=1) / np.sqrt(2), abs=1e-9)


def test_runs_that_the_campaign_no_longer_asks_for_are_left_out(with_runs, rows_of):
    text = with_runs.campaign_file.read_text()
    with_runs.campaign_file.write_text(
        text.replace("[800.0, 2000.0]", "[2000.0]").replace("replicas: 2", "replicas: 1")
    )
    rows = rows_of(order.analyse(Inputs(with_runs)), "order")
    assert {(row["temperature_K"], row["replicas"]) for row in rows} == {("2000", "1")}


def test_order_along_the_jumps_ends_where_the_runs_end(with_runs, rows_of):
    product = order.analyse(Inputs(with_runs))
    last = [row for row in rows_of(product, "order-jumps") if row["jumps"] == "400"]
    final = {
        (row["temperature_K"], row["a"], row["b"]): row["delta_ab"]
        for row in rows_of(product, "order")
        if row["shell"] == "1"
    }
    assert len(last) == 2 * 6
    for row in last:
        assert row["delta_ab"] == final[row["temperature_K"], row["a"], row["b"]]


def test_order_says_how_it_is_counted(with_runs):
    product = order.analyse(Inputs(with_runs))
    for figure in product.figures:
        assert "400" in figure.caption or figure.name.endswith("-jumps")
    assert "per a atom" in product.settings["normalisation"]
    assert "2 replicas" in product.figures[0].caption


def test_single_replicas_have_no_error_bars(runs):
    found = order_of(Case("x", tuple(run for run in runs if run.file.replica == 0)))
    assert np.isnan(found.delta.error).all()
    assert any("no error bars" in text for text in order._warnings(found))
    assert len(order_figures(found)) == 3


def test_order_is_claimed_only_where_chance_does_not_explain_it(runs):
    from dataclasses import replace

    found = order_of(cases_of(runs)[0])
    a, b = found.leading

    def with_order(value):
        mean = np.zeros_like(found.delta.mean)
        mean[0, -1, 0, a, b] = value
        return replace(found, delta=found.delta._replace(mean=mean))

    two_deviations = found.noise((a, b))
    barely, clearly = with_order(1.1 * two_deviations), with_order(3 * two_deviations)
    assert not barely.beyond_noise, "the best of many values is often two deviations out"
    assert "no order beyond the noise" in summary(barely)
    assert any("no order beyond" in text for text in order._warnings(barely))
    assert clearly.beyond_noise
    assert "favoured pair" in summary(clearly)


def test_one_temperature_and_one_element_can_be_drawn(network):
    from analysis.inputs import RunFile
    from nnk.kmc import run

    lattice = Lattice.bcc((5, 5, 5), 3.3)
    start = np.full(lattice.n_sites, 2, dtype=np.uint8)
    start[3] = 0
    trajectory = run(lattice, start, network, temperature_K=900.0, jumps=50, seed=1)
    (case,) = cases_of([run_of(RunFile("Mo100", 900.0, 0, None), trajectory)])
    found = order_of(case)
    assert found.pairs == [(1, 1)]
    assert found.delta.mean[0, -1, 0, 1, 1] == pytest.approx(0, abs=1e-12)
    assert len(order_figures(found)) == 3
