import json
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from analysis import randomness, randomness_states
from analysis.inputs import Inputs, RunFile
from analysis.randomness_states import (
    Randomness,
    Reader,
    RunRandomness,
    chosen_sites,
    map_sites,
)
from nnk.constants import K_B_eV_K
from nnk.lattice import Lattice
from nnk.observables.jump_randomness import RandomnessCurve


def naive_randomness(network, run, occupancy, temperature_K):
    """R with the vacancy carried to every site, one network call each."""
    vacancy = int(np.flatnonzero(occupancy == 0)[0])
    values = []
    for site in range(run.lattice.n_sites):
        state = occupancy.copy()
        state[vacancy], state[site] = state[site], 0
        p = np.exp(-network.barriers(state, site, run.lattice) / (K_B_eV_K * temperature_K))
        p /= p.sum()
        values.append(1 - np.std(p) / np.std([1, 0, 0, 0, 0, 0, 0, 0]))
    return np.array(values)


def test_randomness_table_is_that_of_a_plain_loop(with_runs, runs, rows_of):
    from nnk.models import load

    network = load(with_runs.model_dir("main"))
    rows = rows_of(randomness.analyse(Inputs(with_runs)), "randomness")
    hot = [run for run in runs if run.file.temperature_K == 2000.0]
    expected = {
        "initial": [naive_randomness(network, run, run.initial, 2000.0) for run in hot],
        "last": [naive_randomness(network, run, run.final, 2000.0) for run in hot],
    }
    for state, values in expected.items():
        (row,) = [r for r in rows if r["state"] == state and float(r["temperature_K"]) == 2000.0]
        assert int(row["states"]) == 2
        assert int(row["sites"]) == hot[0].lattice.n_sites
        means, variances = [v.mean() for v in values], [v.var() for v in values]
        assert float(row["R_mean"]) == pytest.approx(np.mean(means), abs=1e-6)
        assert float(row["R_mean_error"]) == pytest.approx(abs(means[0] - means[1]) / 2, abs=1e-6)
        assert float(row["R_variance"]) == pytest.approx(np.mean(variances), abs=1e-6)


def test_randomness_records_which_states(with_runs):
    product = randomness.analyse(Inputs(with_runs))
    assert "initial" in product.settings["states"]
    assert "last" in product.settings["states"]
    assert product.settings["vacancy sites per state"].endswith(": all 250")
    read = {path.name for path in _used(with_runs)}
    assert {"model.json", "model.safetensors", "r000.nc", "r001.nc", "campaign.yaml"} <= read


def _used(workdir):
    inputs = Inputs(workdir)
    randomness.analyse(inputs)
    return inputs.used


def test_published_network_drives_the_analysis(with_runs, nkk_weights):
    text = with_runs.campaign_file.read_text()
    published = f"{{published: {{format: nkk, file: {nkk_weights}, allow_pickle: true}}}}"
    with_runs.campaign_file.write_text(text.replace("model: main\n", f"model: {published}\n"))
    model = Inputs(with_runs).kmc_model(("Mo", "Nb", "Ta"))
    assert model.elements == ("Mo", "Nb", "Ta")
    assert model.describe()["source"].startswith("UCICaoLab/NKK")


def with_options(workdir, **options):
    """The campaign with options of this analysis."""
    data = YAML(typ="safe", pure=True).load(workdir.campaign_file)
    data.setdefault("analysis_options", {})["randomness"] = options
    workdir.campaign_file.write_text(json.dumps(data))


def test_map_is_r_of_the_sites_of_a_slice(with_runs, runs, rows_of):
    from nnk.models import load

    network = load(with_runs.model_dir("main"))
    rows = [
        row
        for row in rows_of(randomness.analyse(Inputs(with_runs)), "randomness-map")
        if row["temperature_K"] == "800"
    ]
    (run,) = [r for r in runs if r.file.temperature_K == 800.0 and r.file.replica == 0]
    sites = [int(row["site"]) for row in rows]
    assert sites == [site for site, z in enumerate(run.lattice.coordinates[:, 2]) if z in (0, 1)]
    for column, state in (("R_initial", run.initial), ("R_last", run.final)):
        expected = naive_randomness(network, run, state, 800.0)[sites]
        np.testing.assert_allclose([float(row[column]) for row in rows], expected, atol=1e-4)
    place = [float(rows[7][key]) for key in ("x_a", "y_a", "z_a")]
    np.testing.assert_allclose(2 * np.array(place), run.lattice.coordinates[sites[7]])


def test_densities_are_those_of_all_sites_and_replicas(with_runs, runs, rows_of):
    from nnk.models import load

    network = load(with_runs.model_dir("main"))
    rows = [
        row
        for row in rows_of(randomness.analyse(Inputs(with_runs)), "randomness-histograms")
        if (row["state"], row["temperature_K"]) == ("last", "2000")
    ]
    hot = [run for run in runs if run.file.temperature_K == 2000.0]
    values = np.concatenate([naive_randomness(network, run, run.final, 2000.0) for run in hot])
    expected, _ = np.histogram(values, 25, (0, 1), density=True)
    found = np.array([float(row["density"]) for row in rows])
    assert found.sum() / 25 == pytest.approx(1)
    np.testing.assert_allclose(found, expected, atol=2 * 25 / len(values))  # R at the edge of a bin


def test_so_many_sites_as_asked_for_stand_for_all(with_runs, rows_of):
    with_options(with_runs, most_sites=60, temperatures_K=[2000.0])
    product = randomness.analyse(Inputs(with_runs))
    rows = rows_of(product, "randomness")
    assert {row["sites"] for row in rows} == {"60"}
    assert "60 of 250" in product.settings["vacancy sites per state"]
    assert "60 randomly drawn sites" in product.figures[0].caption
    assert {row["temperature_K"] for row in rows_of(product, "randomness-histograms")} == {"2000"}


def test_drawn_sites_lie_on_both_sublattices():
    lattice = Lattice.bcc((8, 8, 8), 3.2)
    sites = chosen_sites(lattice, 512, seed=1)
    assert len(np.unique(sites)) == 512
    assert abs((sites % 2).mean() - 0.5) < 0.1
    assert np.array_equal(sites, chosen_sites(lattice, 512, seed=1))
    assert not np.array_equal(sites, chosen_sites(lattice, 512, seed=2))
    assert np.array_equal(chosen_sites(lattice, 1024, seed=1), np.arange(1024))


@pytest.mark.parametrize(("structure", "count"), [("bcc", 2 * 40 * 40), ("fcc", 2 * 40 * 40)])
def test_the_slice_is_a_centred_square_lattice_of_bounded_size(structure, count):
    lattice = Lattice(structure, (50, 50, 2), 3.2)
    x, y = lattice.coordinates[map_sites(lattice)][:, :2].T
    assert len(x) == count
    assert len({*zip(x.tolist(), y.tolist(), strict=True)}) == count
    assert ((x - y) % 2 == 0).all()


def test_equal_initial_states_count_once(network, trajectories, monkeypatch):
    reader = Reader(network, 1000, 7, np.array([800.0, 2000.0]))
    for (temperature_K, replica), trajectory in trajectories.items():
        reader.read(RunFile("x", temperature_K, replica, Path("run.nc")), trajectory)
    assert len(reader.initial) == 2
    monkeypatch.setattr(randomness_states, "MOST_INITIAL_STATES", 1)
    few = Reader(network, 1000, 7, np.array([800.0]))
    for (temperature_K, replica), trajectory in trajectories.items():
        few.read(RunFile("x", temperature_K, replica, Path("run.nc")), trajectory)
    assert len(few.initial) == 1


def test_a_torn_run_is_left_out_and_named(with_runs, rows_of):
    torn = sorted(with_runs.root.glob("kmc/*/T2000.0K/r000.nc"))[0]
    torn.write_bytes(torn.read_bytes()[:2000])
    inputs = Inputs(with_runs)
    rows = rows_of(randomness.analyse(inputs), "randomness")
    assert [row["states"] for row in rows if row["state"] == "last"] == ["2", "1"]
    assert any("T2000.0K/r000.nc is left out" in text for text in inputs.warnings)


def test_one_element_one_temperature_and_one_replica_can_be_drawn(network):
    from nnk.kmc import run

    lattice = Lattice.bcc((5, 5, 5), 3.3)
    start = np.full(lattice.n_sites, 2, dtype=np.uint8)
    start[3] = 0
    trajectory = run(lattice, start, network, temperature_K=900.0, jumps=50, seed=1)
    reader = Reader(network, 1000, 7, np.array([800.0, 900.0]))
    one = reader.read(RunFile("Mo100", 900.0, 0, Path("run.nc")), trajectory)
    found = randomness_states.Randomness("Mo100", (one,), tuple(reader.initial), 250, (400.0, 3000.0))
    assert found.shown_K == [900.0]
    names = [figure.name for figure in randomness._figures(found)]
    assert names == ["randomness-Mo100", "randomness-Mo100-map"]
    assert "1 replica," in randomness._figures(found)[0].caption


def curve(variance):
    n = len(variance)
    counts = np.tile(np.eye(1, 25, dtype=np.int64), (n, 1))
    return RandomnessCurve(np.array([600.0, 800.0, 1000.0])[:n], np.full(n, 0.5), np.array(variance), counts)


def test_peaks_are_vertices_with_errors_over_states():
    """Parabolas through three points: vertex at 800 + 200 (b - a) / (2 (2 top - a - b))."""
    lattice = Lattice.bcc((4, 4, 4), 3.2)
    runs = tuple(
        RunRandomness(RunFile("x", t, r, Path("run.nc")), lattice, 10, curve([v]), np.zeros(4), np.zeros(4))
        for t, v in ((600.0, 0.02), (800.0, 0.04), (1000.0, 0.03))
        for r in range(2)
    )
    states = (curve([0.02, 0.04, 0.03]), curve([0.03, 0.04, 0.02]))
    found = Randomness("x", runs, states, 128, (800.0,))
    last = randomness_states.final_peak(found)
    assert last.value == pytest.approx(800 + 200 * 0.01 / (2 * 0.03))
    assert last.error == pytest.approx(0, abs=1e-9)
    first = randomness_states.initial_peak(found)
    assert first.value == pytest.approx(800)
    shift = 200 * 0.01 / (2 * 0.03)  # one of the two states is drawn, each as often
    assert first.error == pytest.approx(shift, rel=0.1)
    one = randomness_states.initial_peak(Randomness("x", runs, states[:1], 128, (800.0,)))
    assert one.value == pytest.approx(800 + shift)
    assert np.isnan(one.error)


def test_a_peak_at_the_edge_is_no_peak(with_runs, rows_of):
    """Two temperatures: one is the first, the other the last."""
    product = randomness.analyse(Inputs(with_runs))
    (row,) = [row for row in rows_of(product, "randomness-peaks") if row["state"] == "last"]
    assert row["peak_K"] == row["peak_error_K"] == ""
    assert not any(n.label.endswith("last state, at") for n in product.numbers)
