import numpy as np
import pytest

from analysis import order, randomness
from analysis.inputs import Inputs
from analysis.order_figures import order_figures
from analysis.order_parameters import order_of, summary
from analysis.runs import Case, cases_of, run_of
from nnk.constants import K_B_eV_K
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


@pytest.fixture
def with_runs(workdir, save_runs):
    save_runs(workdir)
    return workdir


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
    assert randomness._figure(randomness._randomness(case, network)).name == "randomness-Mo100"


def test_runs_with_other_key_frames_are_not_averaged(runs):
    from dataclasses import replace

    other = replace(runs[1], jumps=runs[1].jumps + 1000)
    with pytest.raises(ValueError, match="without key frames in common"):
        cases_of([runs[0], other])


def test_counts_that_do_not_belong_to_the_atoms_are_noticed(network):
    from dataclasses import replace

    from analysis.inputs import RunFile
    from nnk.kmc import run

    lattice = Lattice.bcc((5, 5, 5), 3.3)
    start = np.random.default_rng(1).integers(1, 4, lattice.n_sites).astype(np.uint8)
    start[3] = 0
    trajectory = run(lattice, start, network, temperature_K=900.0, jumps=50, seed=1)
    frames = trajectory.frames()
    wrong = replace(trajectory, key_frames=replace(frames, pair_counts=frames.pair_counts + 1))
    with pytest.raises(ValueError, match="not those of its last state"):
        run_of(RunFile("x", 900.0, 0, "r000.nc"), wrong)


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
    assert product.settings["vacancy sites per state"].endswith(": 250")
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
