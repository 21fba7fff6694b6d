"""The benchmark of analyses prints what it promises, and keeps its bounds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def run_benchmark(folder, *options):
    environment = {**os.environ, "NNK_DATA": str(folder)}
    command = [sys.executable, "-m", "benchmarks.analysis", "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
    return json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def data_folder():
    folder = Path(os.environ.get("NNK_DATA", ROOT.parent / "shared" / "data")).resolve()
    for name in ("weights.npy", "initial.dump"):
        if not (folder / "nkk" / name).is_file():
            pytest.skip(f"no {folder / 'nkk' / name}; NNK_DATA names the folder of published data")
    return folder


@pytest.mark.slow
def test_a_frame_takes_under_two_seconds_and_peers_absent_are_named(data_folder):
    figures, messages = run_benchmark(data_folder, "--no-sweep")
    assert figures["sites"] == 128_000
    for name in (
        "order_random_s",
        "order_grains_s",
        "clusters_random_s",
        "clusters_grains_s",
        "randomness_s",
    ):
        assert 0 < figures[name] < 2, name
    assert figures["clusters_grains_centres"] > 10 * figures["clusters_random_centres"]
    for peer, figure in (("freud", "freud_pairs_random_s"), ("ovito", "ovito_clusters_random_s")):
        assert (figure in figures) != (f"no comparison with {peer}" in messages)


@pytest.mark.slow
def test_a_small_sweep_is_made_and_analysed(data_folder):
    figures, _ = run_benchmark(data_folder, "--jumps", "3000")
    assert figures["sweep_runs"] == 80
    assert figures["sweep_cpu_s"] < 600
    assert 0 < figures["sweep_peak_MiB"] < 2048
    assert figures["sweep_order_cpu_s"] > 0


def test_states_are_what_they_are_said_to_be():
    from benchmarks.analysis import MO, TA, states

    lattice, found = states()
    assert (np.bincount(found["random"])[1:] > 42_000).all()
    assert np.mean(np.isin(found["grains"], [MO, TA])) > 0.7
    assert all(state[0] == 0 and (state == 0).sum() == 1 for state in found.values())
    assert lattice.n_sites == 128_000
