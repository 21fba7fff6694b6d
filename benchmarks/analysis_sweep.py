"""A sweep of kMC runs over temperature, as a campaign leaves it, for `benchmarks.analysis`."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from nnk.alloy import random_solution
from nnk.files import Workdir, rng
from nnk.kmc import KeyFrames, RunSetup, run_to_files
from nnk.lattice import Lattice
from nnk.published import read_nkk_weights
from nnk.run_terms import StopWhen

CASE, CELLS, A_A, SEED, REPLICAS = "NbMoTa", (8, 8, 8), 3.25, 20260102, 4
TEMPERATURES_K = (
    *(100, 200, 300, 400, 500, 600, 650, 700, 750, 800, 850, 900, 950, 1000, 1200),
    *(1500, 1800, 2200, 2600, 3000),
)
CAMPAIGN = """\
schema_version: 1
name: sweep
seed: {seed}
workdir: .
site: local
alloy: {{elements: [Nb, Mo, Ta], lattice: bcc}}
kmc:
  model: {{published: {{format: nkk, file: {weights}, allow_pickle: true}}}}
  cells: {cells}
  compositions: [{{Nb: 0.3333333333333333, Mo: 0.3333333333333333, Ta: 0.3333333333333333}}]
  start: random
  vacancies: 1
  temperatures_K: {temperatures_K}
  replicas: {replicas}
  stop: {{jumps: {jumps}}}
  attempt_frequency_Hz: 1.0e+13
  key_frames: {{spacing: log, per_decade: 10}}
analysis: [order, clusters, randomness, transport]
"""


def make_sweep(root: Path, jumps: int, data: Path, processes: int) -> Path:
    """Run 20 temperatures with 4 replicas each, from random solutions, into `root`; returns it."""
    root.mkdir(parents=True)
    text = CAMPAIGN.format(
        seed=SEED, weights=data / "weights.npy", cells=list(CELLS), jumps=jumps, replicas=REPLICAS,
        temperatures_K=list(TEMPERATURES_K),
    )  # fmt: skip
    (root / "campaign.yaml").write_text(text)
    tasks = [(root, data, jumps, float(t), replica) for t in TEMPERATURES_K for replica in range(REPLICAS)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        list(pool.map(_run, tasks))
    return root


def _run(task: tuple[Path, Path, int, float, int]) -> None:
    root, data, jumps, temperature_K, replica = task
    model = read_nkk_weights(data / "weights.npy", allow_pickle=True)
    lattice, generator = Lattice.bcc(CELLS, A_A), rng(SEED, "start", replica)
    start = random_solution(np.array([342, 341, 341]), generator)
    start[int(generator.integers(lattice.n_sites))] = 0
    setup = RunSetup(
        lattice, model.elements, start, temperature_K, SEED, replica, StopWhen(jumps),
        key_frames=KeyFrames("log", 10),
    )  # fmt: skip
    path = Workdir(root).trajectory(CASE, temperature_K, replica)
    path.parent.mkdir(parents=True, exist_ok=True)
    run_to_files(path, setup, model, checkpoint_s=60.0)
