"""A training killed again and again ends as one that was left alone, bit for bit.

`NNK_FAULT_KILLS` is the number of kills (default 10), `NNK_FAULT_SEED` chooses the moments.
"""

import json
import os
import random
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.faults

KILLS = int(os.environ.get("NNK_FAULT_KILLS", "10"))
SEED = int(os.environ.get("NNK_FAULT_SEED", "1"))
EPOCHS = 9 * KILLS
PROGRAM = """
import json
import sys
from pathlib import Path
from nnk.barriers import BarrierSet
from nnk.training import ModelSpec, TrainParameters, train
folder, how = Path(sys.argv[1]), json.loads(sys.argv[3])
train(BarrierSet.load(folder / "labels.nc"), ModelSpec("main", **how["model"]),
      TrainParameters(checkpoint_epochs=3, seed=2, patience=1000, **how["train"]), folder / sys.argv[2],
      progress=lambda row: print(row["epoch"], flush=True))
"""
MODELS = {
    "detailed-balance": {
        "model": {"kind": "detailed-balance", "options": {"hidden": [16, 8]}},
        "train": {"batch_size": 8, "epochs": EPOCHS},
    },
    # batch normalisation, a rate that remembers the validation errors, and turns by random angles
    "sdm-cnn": {
        "model": {
            "kind": "sdm-cnn",
            "options": {"layers": 4, "filters": 3, "half_edge_A": 4.0, "voxel_A": 1.0},
        },
        "train": {
            "batch_size": 64,
            "epochs": EPOCHS,
            "optimiser": "rmsprop",
            "learning_rate": 1e-3,
            "schedule": {"factor": 0.5, "patience": 2, "floor": 1e-5},
        },
    },
}


@pytest.mark.parametrize("kind", MODELS)
def test_ten_kills_leave_no_trace(kind, labels, shells, tmp_path):
    labels().save(tmp_path / "labels.nc")
    (tmp_path / "program.py").write_text(PROGRAM)
    how = MODELS[kind] | {"model": MODELS[kind]["model"] | {"shells": shells}}

    def start(name):
        command = [sys.executable, "-P", str(tmp_path / "program.py"), str(tmp_path), name, json.dumps(how)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    assert start("whole").communicate()[0].split()[-1] == str(EPOCHS)
    moments, firsts = random.Random(SEED), []
    for _ in range(KILLS):
        killed = start("killed")
        firsts += [int(killed.stdout.readline())]
        for _ in range(moments.randrange(5) if len(firsts) > 1 else 3):  # a checkpoint before the second
            killed.stdout.readline()
        time.sleep(moments.uniform(0, 0.05))
        killed.kill()
        killed.communicate()
        assert killed.returncode == -9
    assert firsts == sorted(firsts)
    assert firsts[-1] > 1  # it has gone on from a checkpoint
    assert start("killed").communicate()[0].split()[-1] == str(EPOCHS)
    for name in ("model.safetensors", "model.json", "history.csv", "predictions.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
