"""The benchmark of trajectories prints what it promises."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_size_speeds_and_memory():
    command = [sys.executable, "-m", "benchmarks.trajectory", "--json", "--jumps", "2e7"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    figures = json.loads(done.stdout)
    assert math.log2(8) / 8 < figures["MB_per_1e6_jumps"] < 0.6, "three bits of entropy, and not much more"
    assert all(value > 0 for name, value in figures.items() if name.endswith("per_s"))
    grown = figures["memory_after_replay_MiB"] - figures["memory_before_MiB"]
    assert grown < 200, "no more than a segment of 2^24 jumps and its copies"
