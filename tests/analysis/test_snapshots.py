"""The analysis of snapshots: what it says of trajectories that are known."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from ruamel.yaml import YAML

from analysis.inputs import DamagedInput, Inputs, MissingInput
from analysis.snapshots import NAME, analyse, trajectories
from nnk.files import Workdir
from tests.nnk.snapshots.test_snapshot_files import make

TOLD = {"interval_steps": 10, "correlation_ps": {"energy": 0.03, "forces": 0.02}, "n_effective": 25.0}


def snapshots(n=60):
    """Two trajectories, at 300 K and at 900 K."""
    made = make(n, 2, time_step_fs=2.0, thermostat="Langevin")
    temperature_K = np.where(made.trajectory == 0, 300.0, 900.0)
    told = [{"temperature_K": t, **TOLD} for t in (300.0, 900.0)]
    kinetic_K = temperature_K * (1 + 0.1 * (-1.0) ** np.arange(n))
    attrs = {**made.attrs, "trajectories": told}
    return replace(made, temperature_K=temperature_K, kinetic_K=kinetic_K, attrs=attrs)


@pytest.fixture
def workdir(tmp_path):
    found = Workdir(tmp_path)
    alloy = {"elements": ["Ta", "Nb", "Mo"], "lattice": "bcc"}
    asked = {"compositions": [{"Ta": 0.5, "Nb": 0.25, "Mo": 0.25}]}
    campaign = {"seed": 1, "alloy": alloy, "snapshots": asked}
    with open(found.campaign_file, "w") as file:
        YAML(typ="safe").dump(campaign, file)
    snapshots().save(found.snapshots_file("Ta50Nb25Mo25"))
    return found


def test_each_trajectory_is_told_by_its_own_snapshots():
    made = snapshots()
    cold, hot = trajectories("Ta", made)
    assert (cold.n, hot.n, hot.number, hot.temperature_K) == (30, 30, 1, 900.0)
    assert cold.interval_ps == pytest.approx(0.02)
    assert cold.kinetic_K == pytest.approx(300)
    assert cold.kinetic_deviation_K == pytest.approx(30 * np.sqrt(30 / 29))
    assert hot.kinetic_error_K == pytest.approx(90 * np.sqrt(30 / 29) / 5)
    assert cold.energy_eV == pytest.approx(made.energy_eV[:30].mean() / made.n_atoms)
    assert hot.force_eV_A == pytest.approx(np.sqrt((made.forces_eV_A[30:] ** 2).mean()))


def test_figure_table_and_numbers_are_of_one_another(workdir):
    product = analyse(Inputs(workdir))
    (figure,), (table,) = product.figures, product.tables
    assert (figure.name, figure.table, table.name) == (f"{NAME}-Ta50Nb25Mo25", NAME, NAME)
    rows = list(csv.DictReader(table.csv_text().splitlines()))
    assert [row["temperature_K"] for row in rows] == ["300", "900"]
    assert [number.value for number in product.numbers[:2]] == [60, 50.0]
    assert "60 snapshots of 2 trajectories, as good as 50 independent ones" in product.summary
    assert "correlation times 30 to 30 fs" in product.summary
    lines = figure.figure.axes[2].get_lines()
    density = [line.get_ydata() for line in lines]
    width = np.diff(lines[0].get_xdata())[0]
    assert all(np.nansum(one) * width == pytest.approx(1, abs=0.02) for one in density)


def test_what_is_not_there_or_damaged_is_told(workdir):
    path = workdir.snapshots_file("Ta50Nb25Mo25")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DamagedInput, match="damaged"):
        analyse(Inputs(workdir))
    path.unlink()
    with pytest.raises(MissingInput, match="Ta50Nb25Mo25"):
        analyse(Inputs(workdir))
    workdir.campaign_file.write_text("seed: 1\n")
    with pytest.raises(MissingInput, match="no snapshots"):
        analyse(Inputs(workdir))
