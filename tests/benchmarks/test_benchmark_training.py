"""The training benchmark prints what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_flat_json_with_rates_shares_and_ratios():
    command = [sys.executable, "-m", "benchmarks.training", "--json", "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    figures = json.loads(done.stdout)
    assert all(isinstance(value, float) for value in figures.values())
    for name in ("cnn", "balanced", "balanced_512"):
        rate = figures[f"{name}_labels_per_s"]
        assert figures[f"{name}_samples_per_s"] == pytest.approx(2 * rate)
        assert figures[f"{name}_epoch_of_700000_labels_s"] == pytest.approx(700_000 / rate)
        share = figures[f"{name}_gflop_per_s"] / figures["peak_gflop_per_s"]
        assert figures[f"{name}_share_of_peak"] == pytest.approx(share)
        assert figures[f"{name}_ratio_to_plain"] > 0.3
    assert 0.1 < figures["cnn_share_of_peak"] < 1.2
    assert figures["balanced_512_labels_per_s"] > figures["balanced_labels_per_s"]
