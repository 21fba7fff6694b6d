"""The kMC benchmark prints what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_flat_json_with_rates_and_ratios(nkk_weights):
    command = [sys.executable, "-m", "benchmarks.kmc", "--json", "--jumps", "20000"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    figures = json.loads(done.stdout)
    assert all(isinstance(value, float) for value in figures.values())
    for sites in (1024, 128000):
        fast, naive = (figures[f"{kind}jumps_per_s_{sites}_1000K"] for kind in ("", "naive_"))
        for temperature_K in (500, 800, 1000, 3000):
            rate = figures[f"jumps_per_s_{sites}_{temperature_K}K"]
            assert figures[f"balanced_jumps_per_s_{sites}_{temperature_K}K"] > rate / 4
            assert figures[f"ratio_to_naive_{sites}_{temperature_K}K"] == pytest.approx(rate / naive)
        assert fast > 10 * naive
        assert 0.05 < figures[f"no_cache_share_of_peak_{sites}_1000K"] < 1.5
        assert 0.5 < figures[f"hit_rate_{sites}_1000K"] < 1
    assert 0 < figures["two_vacancies_hit_rate_1024_800K"] < 1
