"""The benchmark of exchanges prints what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_flat_json_with_rates_and_ratios():
    command = [sys.executable, "-m", "benchmarks.exchange", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    figures = json.loads(done.stdout)
    assert all(isinstance(value, float) for value in figures.values())
    for shells in (3, 8):
        naive = figures[f"naive_trials_per_s_{shells}shells"]
        for sites in (1024, 128000):
            for temperature_K in (300, 1000, 3000):
                name = f"{sites}_{shells}shells_{temperature_K}K"
                rate = figures[f"trials_per_s_{name}"]
                assert figures[f"ratio_to_naive_{name}"] == pytest.approx(rate / naive)
                assert 0 < figures[f"accepted_{name}"] < 1
        assert figures[f"ratio_to_naive_1024_{shells}shells_300K"] > 10
