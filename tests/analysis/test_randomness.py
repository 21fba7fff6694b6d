import numpy as np
import pytest

from analysis import randomness
from analysis.inputs import Inputs
from nnk.constants import K_B_eV_K


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
