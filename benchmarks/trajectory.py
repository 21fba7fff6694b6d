"""Trajectories on disk: size, speed of merging, checking, replaying, and memory; ``--jumps 1e9`` takes long.

The run is one of uniform barriers, whose jumps cannot be compressed below the entropy of 1 in 8 (bcc): real
ones, which go back and forth, take less.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nnk.environment import EnvironmentSpec
from nnk.kmc import KeyFrames, RunSetup, Trajectory, run, run_to_files
from nnk.kmc.storage import TrajectoryFile
from nnk.lattice import Lattice
from nnk.models.mlp import MlpModel
from nnk.models.program import DenseStack
from nnk.run_terms import StopWhen

Figures = dict[str, float]
CELLS = (8, 8, 8)
STATES = 200  # read again by replay


def uniform_model() -> MlpModel:
    """Every barrier 1 eV."""
    n_env = EnvironmentSpec("bcc", 1, "initial").n_env
    zeros = np.zeros
    layer = (zeros((8, 8), np.float32), zeros(8, np.float32))
    stack = DenseStack(
        zeros((n_env, 2, 8), np.float32), zeros((2, 8), np.float32), zeros(8, np.float32), (layer,),
        zeros(8, np.float32), 1.0,
    )  # fmt: skip
    return MlpModel(("Nb", "Mo"), "bcc", 1, stack)


def peak_MiB() -> float:
    """Most memory that the process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(jumps: int, folder: Path) -> Figures:
    """All figures of one run of `jumps` jumps."""
    lattice = Lattice.bcc(CELLS, 3.2)
    occupancy = np.random.default_rng(0).integers(1, 3, lattice.n_sites).astype(np.uint8)
    occupancy[0] = 0
    model = uniform_model()
    run(lattice, occupancy, model, temperature_K=900.0, jumps=1000, seed=0)  # compiles
    figures: Figures = {"jumps": jumps, "sites": lattice.n_sites, "memory_before_MiB": peak_MiB()}
    path = folder / "r000.nc"
    setup = RunSetup(
        lattice, model.elements, occupancy, 900.0, 0, 0, StopWhen(jumps), key_frames=KeyFrames("log", 10)
    )
    began = time.perf_counter()
    run_to_files(path, setup, model, checkpoint_s=10.0)
    figures["run_and_merge_jumps_per_s"] = jumps / (time.perf_counter() - began)
    figures["memory_after_run_MiB"] = peak_MiB()
    size = path.stat().st_size
    figures |= {"file_MB": size / 1e6, "MB_per_1e6_jumps": size / jumps}
    return figures | longer(path, setup, model) | replayed(path)


def longer(path: Path, setup: RunSetup, model: MlpModel) -> Figures:
    """One jump more: the file is checked and written anew, as after a row of segments."""
    began = time.perf_counter()
    TrajectoryFile(path).check()
    check_s = time.perf_counter() - began
    jumps = setup.stop.jumps
    later = RunSetup(
        setup.lattice, setup.elements, setup.occupancy, 900.0, 0, 0, StopWhen(jumps + 1),
        key_frames=setup.key_frames,
    )  # fmt: skip
    began = time.perf_counter()
    run_to_files(path, later, model, checkpoint_s=10.0)
    merge_s = time.perf_counter() - began - check_s
    return {
        "check_jumps_per_s": jumps / check_s,
        "merge_jumps_per_s": jumps / merge_s,
        "merge_MB_per_s": path.stat().st_size / 1e6 / merge_s,
        "memory_after_merge_MiB": peak_MiB(),
    }


def replayed(path: Path) -> Figures:
    """Evenly spaced states of the whole run."""
    trajectory = Trajectory.load(path)
    began = time.perf_counter()
    count = sum(1 for _ in trajectory.states(every=max(1, trajectory.jumps // STATES)))
    taken_s = time.perf_counter() - began
    return {
        "replay_jumps_per_s": trajectory.jumps / taken_s,
        "replay_states_per_s": count / taken_s,
        "memory_after_replay_MiB": peak_MiB(),
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one flat JSON object on standard output")
    parser.add_argument("--jumps", type=float, default=1e7, help="length of the run")
    parser.add_argument("--folder", type=Path, help="where the run is written; default: a temporary folder")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        figures = measure(int(given.jumps), Path(folder))
    if given.json:
        print(json.dumps(figures, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:30} {value:14.4g}")


if __name__ == "__main__":
    main()
