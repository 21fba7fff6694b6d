"""A kMC job that is told to end keeps what it has; the next one goes on."""

import dataclasses
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from jobs.unit import Unit, UnitItem
from nnk.environment import EnvironmentSpec
from nnk.files import read_records
from nnk.kmc import Trajectory
from nnk.models.mlp import MlpModel
from nnk.models.program import DenseStack

JUMPS = 20_000_000


@pytest.fixture
def unit(tmp_path):
    (tmp_path / "epoch").write_text("1")
    n_env, layer = EnvironmentSpec("bcc", 1, "initial").n_env, np.zeros(4, np.float32)
    table, mover = np.zeros((n_env, 2, 4), np.float32), np.zeros((2, 4), np.float32)
    network = DenseStack(table, mover, layer, ((np.zeros((4, 4), np.float32), layer),), layer, 1.0)
    settings = {
        "seed": 3, "elements": ["Nb", "Mo"], "structure": "bcc", "cells": [4, 4, 4], "a_A": 3.2,
        "model": {"trained": "main"}, "vacancies": 1, "stop": {"jumps": JUMPS}, "schedule": None,
        "attempt_frequency_Hz": 1e13, "key_frames": {"spacing": "log", "per_decade": 3}, "checkpoint_s": 1e9,
        "batched": None, "flicker": False,
    }  # fmt: skip
    inputs = {
        "case": "c", "temperature_K": 800.0, "replica": 0, "composition": {"Nb": 0.5, "Mo": 0.5},
        "start": {"kind": "random"},
    }  # fmt: skip
    item = UnitItem("c/T0800.0K/r000", "h", "g", inputs)
    unit = Unit("kmc", "u", tmp_path, 1, 1, settings, (item,))
    MlpModel(("Nb", "Mo"), "bcc", 1, network).save(unit.workdir.model_dir("main"))
    return unit


def start(unit):
    code = "import sys; from pathlib import Path; from jobs.kmc import run; run(Path(sys.argv[1]))"
    return subprocess.Popen([sys.executable, "-c", code, str(unit.save())])


def test_sigterm_keeps_the_jumps_that_were_made(unit, tmp_path):
    folder = tmp_path / "kmc" / "c" / "T0800.0K" / "r000"
    process = start(unit)
    end = time.monotonic() + 120
    while "started" not in states(unit) and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.5)  # into the run, or still compiling: either way it has to end by itself
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=120) == 0
    assert "done" not in states(unit)
    kept = Trajectory.load(folder).jumps
    assert 0 < kept < JUMPS
    shorter = dataclasses.replace(unit, settings={**unit.settings, "stop": {"jumps": kept + 1000}})
    assert start(shorter).wait(timeout=120) == 0
    assert states(unit)[-1] == "done"
    whole = Trajectory.load(folder.with_suffix(".nc"))
    assert (whole.jumps, whole.ended_by) == (kept + 1000, "jumps")
    whole.check_replay()
    assert "resumed_at=" + str(kept) in unit.log_file.read_text()


def states(unit):
    return [record["state"] for record in read_records(unit.workdir, "kmc")]
