"""The benchmark of large plans prints what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_flat_json_with_times_and_memory():
    command = [sys.executable, "-m", "benchmarks.plan", "--json", "--share", "0.02"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    figures = json.loads(done.stdout)
    assert figures["barriers"] == 46 * 40 * 8
    for name in ("merge", "plan", "status", "merge_again", "nothing", "open"):
        assert 0 < figures[f"{name}_s"] < 20
        assert 20 < figures[f"{name}_MB"] < 500
    assert "nothing to do: 1890 items done" in done.stderr
