"""The benchmark of dispatch prints what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_flat_json_with_rates_times_and_memory():
    command = [sys.executable, "-m", "benchmarks.dispatch", "--json", "--units", "300", "--items", "40000"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    figures = json.loads(done.stdout)
    assert {"units_per_s", "ratio_to_parsl", "plan_1e6_s", "status_1e6_s", "status_1e6_GiB"} < figures.keys()
    assert figures["units_per_s"] > 10
    assert figures["ratio_to_parsl"] == pytest.approx(figures["units_per_s"] / figures["parsl_tasks_per_s"])
    for verb in ("plan", "status"):
        assert 0 < figures[f"{verb}_1e6_s"] < 10
        assert 0.02 < figures[f"{verb}_1e6_GiB"] < 0.5
    label = next(line.split() for line in done.stderr.splitlines() if line.startswith("label "))
    assert label[:4] == ["label", "40000", "20000", "19733"]  # 2/3 of the 400 that failed are left alone
