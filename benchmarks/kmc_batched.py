"""Vacancy jumps per second over all runs in step on a device, beside the compiled engine on one core.

`python -m benchmarks.kmc_batched [--json] [--device cuda] [--runs 4096] [--jumps 1000]`: the published
Nb-Mo-Ta network, 1,024 sites, equimolar, 1000 K. Without --device: a GPU where PyTorch finds one, otherwise
the processor, on which the compiled engine is the one to use. The device's peak is that of a large matrix
product in the same precision, measured in the same run. `largest_rate_error` is that of float32 networks
against float64, relative, over all rates of all runs' starts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from benchmarks.kmc import data_folder, engine_rate, starts
from nnk.constants import K_B_eV_K
from nnk.kmc.batched import BatchedEngine, default_width
from nnk.kmc.engine import Engine, RunConditions
from nnk.lattice import Lattice
from nnk.models.mlp import MlpModel
from nnk.published import read_nkk_weights

TEMPERATURE_K = 1000.0
REPEATS = 5
SIZES = {"cuda": 8192, "cpu": 1024}


def matmul_gflop_per_s(device: str, precision: torch.dtype) -> float:
    """Rate of a large square matrix product, best of several."""
    n = SIZES[torch.device(device).type]
    a = torch.randn((n, n), device=device, dtype=precision)
    a @ a
    return max(2e-9 * n**3 / _seconds(partial(torch.matmul, a, a), device) for _ in range(REPEATS))


def _seconds(work: Callable[[], object], device: str) -> float:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    work()
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def largest_rate_error(
    lattice: Lattice, occupancies: np.ndarray, model: MlpModel, conditions: list[RunConditions], device: str
) -> float:
    """Of jump rates from a float32 network against float64, relative."""
    single, double = (
        BatchedEngine(lattice, occupancies, model, conditions, device=device, precision=p).barriers()
        for p in ("float32", "float64")
    )
    return float(np.abs(np.expm1((double - single) / (K_B_eV_K * TEMPERATURE_K))).max())


def measure(device: str, runs: int, jumps: int) -> dict[str, float]:
    """All figures."""
    folder = data_folder()
    model = read_nkk_weights(folder / "weights.npy", allow_pickle=True)
    n_sites, (lattice, start) = next(iter(starts(folder).items()))
    occupancies = np.repeat(start[None], runs, axis=0)
    conditions = [RunConditions(TEMPERATURE_K, 0, replica) for replica in range(runs)]
    figures: dict[str, float] = {"runs": runs}
    peaks = {
        "float32": matmul_gflop_per_s(device, torch.float32),
        "float64": matmul_gflop_per_s(device, torch.float64),
    }
    for precision, peak in peaks.items():
        engine = BatchedEngine(lattice, occupancies, model, conditions, device=device, precision=precision)
        engine.advance(jumps)
        seconds = statistics.median(
            _seconds(lambda e=engine: e.advance(jumps), device) for _ in range(REPEATS)
        )
        rate = runs * jumps / seconds
        gflop_per_s = 1e-9 * rate * engine.flops_per_jump
        figures[f"{precision}_jumps_per_s_{n_sites}_1000K"] = rate
        figures[f"{precision}_GFLOP_per_s"] = gflop_per_s
        figures[f"{precision}_share_of_matmul"] = gflop_per_s / peak
    figures["largest_rate_error"] = largest_rate_error(lattice, occupancies, model, conditions, device)
    compiled = Engine(lattice, start, model, conditions[0])
    compiled.advance(1)
    figures[f"compiled_jumps_per_s_{n_sites}_1000K"] = engine_rate(compiled, 300_000)
    figures["ratio_to_compiled"] = (
        figures[f"float32_jumps_per_s_{n_sites}_1000K"] / figures[f"compiled_jumps_per_s_{n_sites}_1000K"]
    )
    return figures


def main(argv: Sequence[str] | None = None) -> None:
    found = "cuda" if torch.cuda.is_available() else "cpu"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one flat JSON object on standard output")
    parser.add_argument("--device", default=found, help=f"here {found}")
    parser.add_argument("--runs", type=int, help="runs in step")
    parser.add_argument("--jumps", type=int, help="jumps of each run per timing")
    given = parser.parse_args(argv)
    gpu = torch.device(given.device).type == "cuda"
    runs = given.runs or default_width(given.device)
    torch.set_num_threads(1)
    figures = measure(given.device, runs, given.jumps or (2000 if gpu else 100))
    print(
        json.dumps(figures, indent=1)
        if given.json
        else "\n".join(f"{k:40} {v:14.4g}" for k, v in figures.items())
    )


if __name__ == "__main__":
    main()
