from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis import order
from analysis.inputs import Inputs
from analysis.order_figures import order_figures
from analysis.order_kinetics import kinetics_of, peaks, relaxations, series_frames, time_rows
from analysis.order_parameters import delta_of, order_of, summary
from analysis.runs import Case, cases_of, read_cases, run_of
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
    last = [row for row in rows_of(product, "order-jumps") if row["jumps"] == "400" and row["shell"] == "1"]
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
        assert "400" in figure.caption or figure.name.endswith(("-jumps", "-time", "-growth"))
    assert "per a atom" in product.settings["normalisation"]
    assert "2 replicas" in product.figures[0].caption


def test_single_replicas_have_no_error_bars(runs):
    found = order_of(Case("x", tuple(run for run in runs if run.file.replica == 0)))
    assert np.isnan(found.delta.error).all()
    kinetics = kinetics_of(found)
    assert any("no error bars" in text for text in order._warnings(kinetics))
    assert len(order_figures(kinetics)) >= 5


def test_order_is_claimed_only_where_chance_does_not_explain_it(runs):
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
    assert any("no order beyond" in text for text in order._warnings(kinetics_of(barely)))
    assert clearly.beyond_noise
    assert "favoured pair" in summary(clearly)


def test_one_temperature_and_one_element_can_be_drawn(network):
    from analysis.inputs import RunFile
    from nnk.kmc import run

    lattice = Lattice.bcc((5, 5, 5), 3.3)
    start = np.full(lattice.n_sites, 2, dtype=np.uint8)
    start[3] = 0
    trajectory = run(lattice, start, network, temperature_K=900.0, jumps=50, seed=1)
    (case,) = cases_of([run_of(RunFile("Mo100", 900.0, 0, Path("T0900.0K/r000.nc")), trajectory)])
    found = order_of(case)
    assert found.pairs == [(1, 1)]
    assert found.delta.mean[0, -1, 0, 1, 1] == pytest.approx(0, abs=1e-12)
    assert len(order_figures(kinetics_of(found))) == 5


def with_order(runs, wanted, times=None):
    """Runs whose first-shell Mo-Ta delta at its frames is `wanted(temperature_K, jumps, replica)`."""
    found = []
    for run in runs:
        counts = run.pair_counts.copy()
        lower = delta_of(run)[:, 0, 1, 2]
        value = np.array([wanted(run.file.temperature_K, jumps, run.file.replica) for jumps in run.jumps])
        counts[:, 0, 1, 2] += np.round((value - lower) * run.numbers[1]).astype(int)
        found.append(replace(run, pair_counts=counts, **({"time_s": times(run)} if times else {})))
    return found


def at_temperatures(runs, temperatures_K, jumps):
    """Copies of runs at other temperatures, with key frames at these numbers of jumps."""
    made = []
    for temperature_K in temperatures_K:
        for run in runs[:2]:
            file = replace(run.file, temperature_K=temperature_K)
            rows = np.repeat(run.pair_counts[:1], len(jumps), axis=0)
            made.append(
                replace(run, file=file, jumps=jumps, pair_counts=rows, time_s=1e-9 * jumps,
                        temperature_K=np.full(len(jumps), temperature_K))
            )  # fmt: skip
    return made


LONG = np.unique([0, *np.round(10 ** np.arange(0, 6.01, 0.2)).astype(int)])
GRID_K = (400.0, 600.0, 700.0, 800.0, 900.0, 1000.0, 1100.0, 1200.0, 1500.0, 2000.0)


@pytest.fixture
def synthetic(runs):
    """Order that grows as 1 - exp(-jumps / tau); the more jumps, the lower the temperature of its peak."""
    many = at_temperatures(runs, GRID_K, LONG)

    def wanted(temperature_K, jumps, replica):
        tau = 2e-2 * np.exp(10_000 / temperature_K)
        height = 3000 / temperature_K * (1 + 0.03 * replica)
        return height * (1 - np.exp(-jumps / tau))

    return order_of(cases_of(with_order(many, wanted))[0])


def test_the_peak_moves_to_lower_temperature_with_more_jumps(synthetic):
    frames = series_frames(synthetic.jumps, (3_000, 30_000, 1_000_000))
    found = peaks(synthetic, frames)
    assert [peak.why for peak in found] == ["", "", ""]
    positions = [peak.temperature_K.value for peak in found]
    assert positions == sorted(positions, reverse=True)
    fine = np.linspace(400, 2000, 2000)
    for peak in found:
        exact = fine[(3000 / fine * (1 - np.exp(-peak.jumps / (2e-2 * np.exp(10_000 / fine))))).argmax()]
        assert peak.temperature_K.value == pytest.approx(exact, abs=100), "the grid's spacing"
        assert 0 < peak.temperature_K.error < 100


def test_relaxation_is_defined_where_runs_have_relaxed(synthetic):
    found = [r for r in relaxations(synthetic) if r.pair == (1, 2)]
    for r in found:
        tau = 2e-2 * np.exp(10_000 / r.temperature_K)
        if tau < 1e4:
            assert (r.relaxed, r.replicas) == (2, 2)
            assert r.jumps == pytest.approx(tau, rel=0.1)
            assert r.time_s == pytest.approx(1e-9 * tau, rel=0.1)
            assert r.jumps_error < 0.1
        elif tau > 1e6:
            assert r.relaxed == 0
            assert np.isnan([r.jumps, r.jumps_error, r.time_s, r.time_error]).all()
    (text,) = order._relaxation_warnings(kinetics_of(synthetic))
    assert "at 400, 600 K" in text
    assert "undefined" in text


def test_relaxation_of_half_of_the_runs_is_that_of_those(synthetic):
    stuck = [
        replace(run, pair_counts=np.repeat(run.pair_counts[:1], len(run.jumps), axis=0))
        if run.file.replica == 1
        else run
        for run in synthetic.case.runs
    ]
    found = {r.temperature_K: r for r in relaxations(order_of(Case("x", tuple(stuck)))) if r.pair == (1, 2)}
    assert (found[1500.0].relaxed, found[1500.0].replicas) == (1, 2)
    assert found[1500.0].jumps == pytest.approx(2e-2 * np.exp(10_000 / 1500), rel=0.1)
    assert np.isnan(found[1500.0].jumps_error)


def test_order_within_noise_or_highest_at_the_edge_has_no_peak(synthetic, runs):
    flat = order_of(cases_of(with_order(at_temperatures(runs, GRID_K, LONG), lambda *_: 0.0))[0])
    assert {peak.why for peak in peaks(flat, [5, 20])} == {"no order beyond noise"}
    rising = with_order(at_temperatures(runs, GRID_K, LONG), lambda t, n, _: t / 1000 * (n > 0))
    (peak,) = peaks(order_of(cases_of(rising)[0]), [-1])
    assert "first or last" in peak.why
    assert np.isnan(peak.temperature_K).all()


def test_order_against_time_is_averaged_at_equal_times(runs):
    """Replicas of different speed: delta = log10(time), whatever the jumps."""
    speeds = {0: 1e-9, 1: 5e-8}
    many = at_temperatures(runs, (800.0,), LONG)
    times = lambda run: speeds[run.file.replica] * run.jumps  # noqa: E731
    wanted = lambda t, n, r: np.log10(max(speeds[r] * n, 1e-12)) / 10  # noqa: E731
    found = order_of(cases_of(with_order(many, wanted, times))[0])
    (row,) = time_rows(found)
    assert row.time_s[0] == pytest.approx(10**-7.2)
    assert row.time_s[-1] == pytest.approx(1e-3)
    np.testing.assert_allclose(row.delta.mean[:, 0, 1, 2], np.log10(row.time_s) / 10, atol=0.01)
    assert (row.delta.error[:, 0, 1, 2] < 0.01).all()


def test_tables_of_time_peak_and_relaxation_hold_what_the_figures_show(with_runs, rows_of):
    product = order.analyse(Inputs(with_runs))
    times = rows_of(product, "order-time")
    assert {row["shell"] for row in times} == {"1", "2", "3"}
    assert len({row["temperature_K"] for row in times}) == 2
    assert len(rows_of(product, "order-peak")) == len(series_frames(order_jumps(with_runs), None))
    assert len(rows_of(product, "order-relaxation")) == 2 * 6
    assert all(row["undefined"] for row in rows_of(product, "order-peak")), "two temperatures have no peak"


def order_jumps(workdir):
    return read_cases(Inputs(workdir))[0].jumps


def test_options_choose_shells_and_jumps(with_runs, rows_of):
    chosen = "analysis_options:\n  order: {shells: 5, jumps: [10, 400]}\n"
    text = with_runs.campaign_file.read_text()
    with_runs.campaign_file.write_text(text.replace("analysis_options:\n", chosen))
    product = order.analyse(Inputs(with_runs))
    rows = rows_of(product, "order")
    assert {row["shell"] for row in rows} == set("12345")
    assert [row["jumps"] for row in rows_of(product, "order-peak")] == ["10", "400"]
    found = next(run for run in read_cases(Inputs(with_runs), shells=5)[0].runs)
    (row,) = [
        row
        for row in rows_of(product, "order-jumps")
        if (row["temperature_K"], row["jumps"], row["shell"], row["a"], row["b"])
        == ("800", "400", "5", "Nb", "Ta")
    ]
    replicas = read_cases(Inputs(with_runs), shells=5)[0].at(800.0)
    assert found.shells == 5
    assert float(row["delta_ab"]) == pytest.approx(np.mean([naive_delta(run, 1, 3, 5) for run in replicas]))


def test_fewer_shells_than_counted_are_kept(with_runs):
    assert {run.shells for run in read_cases(Inputs(with_runs), shells=1)[0].runs} == {1}


def test_runs_of_different_length_are_compared_where_all_have_been(runs):
    short = replace(runs[0], jumps=runs[0].jumps[:-2], pair_counts=runs[0].pair_counts[:-2],
                    time_s=runs[0].time_s[:-2], temperature_K=runs[0].temperature_K[:-2])  # fmt: skip
    found = order_of(cases_of([short, *runs[1:]])[0])
    assert found.jumps[-1] == short.jumps[-1]
    assert any("are compared up to" in text for text in order._warnings(kinetics_of(found)))


def test_starts_that_are_not_random_are_drawn_and_named(runs):
    found = order_of(cases_of(runs)[0], "exchanged")
    figure = order_figures(kinetics_of(found))[0]
    assert "exchange Monte Carlo" in figure.caption
    labels = [text.get_text() for text in figure.figure.axes[1].get_legend().get_texts()]
    assert "exchange MC" in labels
    (line,) = [
        container.lines[0]
        for container in figure.figure.axes[1].containers
        if container.get_label() == "exchange MC"
    ]
    np.testing.assert_allclose(line.get_ydata(), found.delta.mean[:, 0, 0, *found.leading])


def test_static_monte_carlo_is_drawn_beside_the_kinetics_of_the_same_alloy(runs):
    kinetic = order_of(cases_of(runs)[0])
    name = f"{kinetic.case.name}-exchanged"
    static = order_of(Case(name, kinetic.case.runs), "exchanged")
    assert order._static(kinetic, [kinetic, static]) is static
    assert order._static(static, [kinetic, static]) is None
    figure = order_figures(kinetics_of(kinetic), static)[0]
    assert f"first states of {name}" in " ".join(figure.caption.split())
    labels = [text.get_text() for text in figure.figure.axes[1].get_legend().get_texts()]
    assert labels.count("exchange MC") == 1


def test_order_along_a_schedule_is_drawn_against_the_temperature_of_the_moment(runs):
    path = Path("kmc/x/T2000.0K-T0800.0K/r000.nc")
    cooled = []
    for run in runs[:2]:
        temperature_K = np.where(run.jumps < 100, 2000.0, 800.0)
        cooled.append(replace(run, file=replace(run.file, path=path), temperature_K=temperature_K))
    kinetics = kinetics_of(order_of(cases_of(cooled)[0]))
    (figure,) = order_figures(kinetics)
    assert kinetics.relaxations == []
    assert kinetics.peaks == []
    drawn = figure.figure.axes[2].containers[0].lines[0]
    np.testing.assert_array_equal(drawn.get_xdata(), cooled[0].temperature_K)


def test_runs_without_a_time_in_common_can_be_drawn(runs, tmp_path):
    first, second = runs[:2]
    late = replace(second, time_s=1e9 * np.asarray(second.time_s))
    kinetics = kinetics_of(order_of(cases_of([first, late])[0]))
    assert not any(len(row.time_s) for row in kinetics.times)
    for figure in order_figures(kinetics):
        figure.figure.savefig(tmp_path / "figure.png", dpi=20)
