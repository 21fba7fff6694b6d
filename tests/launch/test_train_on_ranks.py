"""Campaigns that train on two ranks, started by `launch` through Parsl: the networks that one rank gives."""

import csv
import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from nnk.files import Workdir
from nnk.models import load

pytestmark = pytest.mark.slow

LAUNCH = [sys.executable, "-P", "-m", "launch.cli"]
SITE = "extends: local\ndescription: two cores, whatever there is\ncores_per_node: 2\n"
CAMPAIGN = """\
schema_version: 1
name: ranks
seed: 7
workdir: {backend}
site: ./two.yaml
alloy: {{elements: [Nb, V], lattice: bcc}}
labels: {{published: {{format: dft, directory: dft}}}}
train:
  models:
    - {{name: main, kind: detailed-balance, shells: 2}}
    - name: cnn
      kind: sdm-cnn
      shells: 2
      layers: 4
      filters: 3
      half_edge_A: 4.0
      voxel_A: 1.0
      training: {{batch_size: 64}}
  test_compositions: 0
  test_fraction: 0
  epochs: 3
  backend: {backend}
  ranks: {ranks}
  device: cpu
"""
WRITTEN = {"model.json", "model.safetensors", "history.csv", "predictions.csv"}


@pytest.fixture
def run(write_dft, tmp_path):
    """Runs the campaign on a backend; its working directory."""
    for seed in (1, 2, 3):
        write_dft(tmp_path / "dft", f"NbV_{seed}", {"V": 60, "Nb": 68}, seed=seed)
    (tmp_path / "two.yaml").write_text(SITE)

    def campaign(backend, ranks):
        path = tmp_path / f"{backend}.yaml"
        path.write_text(CAMPAIGN.format(backend=backend, ranks=ranks))
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run([*LAUNCH, str(path)], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return Workdir(tmp_path / backend)

    return campaign


def history(workdir, model):
    with (workdir.model_dir(model) / "history.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


@pytest.mark.parametrize("backend", ["ddp", "horovod"])
def test_two_ranks_give_what_one_gives(backend, run):
    if backend == "horovod" and find_spec("horovod") is None:
        pytest.skip("Horovod is not built: make horovod")
    alone, together = run("single", 1), run(backend, 2)
    for model in ("main", "cnn"):
        assert {path.name for path in together.model_dir(model).iterdir() if path.is_file()} == WRITTEN
        for row, other in zip(*(history(workdir, model) for workdir in (alone, together)), strict=True):
            assert other == pytest.approx(row, rel=1e-3)
    found = load(together.model_dir("main")).tensors()
    for name, array in load(alone.model_dir("main")).tensors().items():
        np.testing.assert_allclose(found[name], array, atol=2e-3, err_msg=name)
    units = [json.loads(path.read_text()) for path in together.root.glob("run/*/units/*train*.json")]
    assert [unit["ranks"] for unit in units] == [2, 2]


def test_too_many_ranks_are_refused_before_anything_starts(run, tmp_path):
    (tmp_path / "ddp.yaml").write_text(CAMPAIGN.format(backend="ddp", ranks=3))
    done = subprocess.run([*LAUNCH, str(tmp_path / "ddp.yaml")], capture_output=True, text=True)
    assert done.returncode == 3
    assert "train.ranks: got 3 on a node; allowed on site two: at most 2 on a node" in done.stderr
