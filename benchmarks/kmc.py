"""Vacancy jumps per second with the published Nb-Mo-Ta network, against the published algorithm in NumPy.

`python -m benchmarks.kmc [--json] [--jumps 300000]`: 1,024 sites (the published start) and 128,000 sites
(random, equimolar), one core, medians of 5 runs that differ in their random numbers. The published algorithm
(`benchmarks.naive_kmc`) costs the same at any temperature, so its rate is measured at 1000 K and all ratios
are to that. The engine remembers surroundings (`hit_rate`); `no_cache` is without. `balanced` is a
detailed-balance model of default size fitted to the network (`benchmarks.kmc_models`), `two_vacancies` the
published network with two, `two_cores` two runs in two processes at the same time. Times are the processor's:
other work on the machine does not count; `wall` is by the clock on the wall and wants an idle machine.
Compilation is not timed.

Operations per second count the network as published: one addition per site and unit in the first layer,
though the engine adds sites in pairs. The peak is that of fused multiply-adds on registers; BLAS (sgemm) is
no upper limit, for matrices of 8 rows fit the registers.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # one core; before NumPy starts its threads

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.core import peak_gflop_per_s, sgemm_gflop_per_s
from benchmarks.kmc_models import balanced_like
from benchmarks.naive_kmc import A_A, naive_rate
from nnk.kmc.engine import Engine, RunConditions
from nnk.lattice import Lattice
from nnk.models import BarrierModel
from nnk.models.mlp import MlpModel
from nnk.published import read_lammps_dump, read_nkk_weights

TEMPERATURES_K = (3000.0, 1000.0, 800.0, 500.0)
REPEATS = 5

Start = tuple[Lattice, NDArray[np.uint8]]
Figures = dict[str, float]


def data_folder() -> Path:
    """Folder of the published weights and start."""
    default = Path(__file__).parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("NNK_DATA", default)).resolve() / "nkk"
    for name in ("weights.npy", "initial.dump"):
        if not (folder / name).is_file():
            sys.exit(f"no {folder / name}: set NNK_DATA to the folder that holds nkk/{name} (UCICaoLab/NKK)")
    return folder


def starts(folder: Path) -> dict[int, Start]:
    """Both starts by their number of sites, a vacancy at site 0."""
    small, published = read_lammps_dump(folder / "initial.dump", "bcc", A_A)
    large = Lattice.bcc((40, 40, 40), A_A)
    equimolar = np.random.default_rng(1).permutation(np.arange(large.n_sites) % 3 + 1).astype(np.uint8)
    result = {small.n_sites: (small, published.copy()), large.n_sites: (large, equimolar)}
    for _, occupancy in result.values():
        occupancy[0] = 0
    return result


def engine_rate(
    start: Start, model: BarrierModel, temperature_K: float, jumps: int, *, cache: bool = True
) -> tuple[float, float]:
    """Jumps per second and share of records found: medians of the repeats."""
    Engine(*start, model, RunConditions(temperature_K, 0), cache=cache).advance(1)  # compile
    rates, hits = [], []
    for seed in range(REPEATS):
        engine = Engine(*start, model, RunConditions(temperature_K, seed), cache=cache)
        engine.advance(1)
        started = time.process_time()
        engine.advance(jumps)
        rates.append(jumps / (time.process_time() - started))
        hits.append(engine.hits / engine.jumps)
    return median(rates), median(hits)


def flop_per_jump(model: MlpModel, n_jumps: int) -> float:
    """Multiplications and additions of the dense layers; additions alone in the first."""
    first = model.network.table.shape[0] * model.network.table.shape[2]
    dense = sum(weight.size for weight, _ in model.network.hidden) + model.network.out_weight.size
    return n_jumps * (first + 2.0 * dense)


def rates(name: str, start: Start, model: BarrierModel, jumps: int) -> Figures:
    """Rate and share of records found at every temperature."""
    figures = {}
    for temperature_K in TEMPERATURES_K:
        of = f"{start[0].n_sites}_{temperature_K:.0f}K"
        figures[f"{name}jumps_per_s_{of}"], figures[f"{name}hit_rate_{of}"] = engine_rate(
            start, model, temperature_K, jumps
        )
    return figures


def without_cache(start: Start, model: MlpModel, jumps: int, core: Figures) -> Figures:
    """Rate where every record is computed, and the share of what the core can do."""
    of = f"{start[0].n_sites}_1000K"
    rate, _ = engine_rate(start, model, 1000.0, jumps, cache=False)
    gflop_per_s = 1e-9 * rate * flop_per_jump(model, start[0].z)
    return {
        f"no_cache_jumps_per_s_{of}": rate,
        f"no_cache_GFLOP_per_s_{of}": gflop_per_s,
        f"no_cache_share_of_peak_{of}": gflop_per_s / core["core_peak_GFLOP_per_s"],
        f"no_cache_share_of_sgemm_{of}": gflop_per_s / core["core_sgemm_GFLOP_per_s"],
    }


def against_naive(figures: Figures, n_sites: int, naive: float) -> Figures:
    """Ratios of all rates of this size to that of the published algorithm."""
    named = {
        name.replace("jumps_per_s", "ratio_to_naive"): rate / naive
        for name, rate in figures.items()
        if f"jumps_per_s_{n_sites}_" in name
    }
    return {f"naive_jumps_per_s_{n_sites}_1000K": naive, **named}


def two_vacancies(start: Start) -> Start:
    """The same start with a second vacancy, far from the first."""
    lattice, occupancy = start
    second = occupancy.copy()
    second[lattice.site_at(lattice.extent // 2)] = 0
    return lattice, second


def _timed_run(start: Start, model: BarrierModel, replica: int, jumps: int, gate, queue) -> None:  # type: ignore[no-untyped-def]
    engine = Engine(*start, model, RunConditions(1000.0, 0, replica))
    engine.advance(jumps // 10)
    gate.wait()
    began, began_cpu = time.time(), time.process_time()
    engine.advance(jumps)
    queue.put((began, time.time(), time.process_time() - began_cpu))


def rates_of_processes(start: Start, model: BarrierModel, jumps: int, processes: int) -> tuple[float, float]:
    """Jumps per second of runs in so many processes at the same time: by processor time, and by the wall."""
    context = multiprocessing.get_context("fork")
    gate, queue = context.Barrier(processes), context.Queue()
    runs = [
        context.Process(target=_timed_run, args=(start, model, replica, jumps, gate, queue))
        for replica in range(processes)
    ]
    for run in runs:
        run.start()
    began, ended, taken = zip(*(queue.get() for _ in runs), strict=True)
    for run in runs:
        run.join()
    return sum(jumps / cpu_s for cpu_s in taken), processes * jumps / (max(ended) - min(began))


def two_cores(start: Start, model: BarrierModel, jumps: int) -> Figures:
    """Two runs on two cores against one; nothing on a machine of one core."""
    if (os.cpu_count() or 1) < 2:
        return {}
    of, figures = f"{start[0].n_sites}_1000K", {}
    measured = [[rates_of_processes(start, model, jumps, n) for _ in range(REPEATS)] for n in (1, 2)]
    for i, kind in enumerate(("", "wall_")):
        one, two = (median(pair[i] for pair in of_number) for of_number in measured)
        figures[f"two_cores_{kind}jumps_per_s_{of}"] = two
        figures[f"two_cores_{kind}ratio_to_one_{of}"] = two / one
    return figures


def measure(jumps: int) -> Figures:
    """All figures."""
    folder = data_folder()
    model = read_nkk_weights(folder / "weights.npy", allow_pickle=True)
    core = {"core_sgemm_GFLOP_per_s": sgemm_gflop_per_s(), "core_peak_GFLOP_per_s": peak_gflop_per_s()}
    both = starts(folder)
    small = both[1024]
    balanced = balanced_like(model, small[0])
    figures = dict(core)
    for n_sites, start in both.items():
        of_size = rates("", start, model, jumps)
        of_size |= rates("balanced_", start, balanced, jumps)
        of_size |= without_cache(start, model, jumps // 4, core)
        figures |= of_size | against_naive(of_size, n_sites, naive_rate(*start, model, folder))
    figures |= rates("two_vacancies_", two_vacancies(small), model, jumps)
    return figures | two_cores(small, model, 4 * jumps)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one flat JSON object on standard output")
    parser.add_argument("--jumps", type=int, default=300_000, help="jumps of every timed run")
    given = parser.parse_args(argv)
    figures = measure(given.jumps)
    if given.json:
        print(json.dumps(figures, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:45} {value:14.4g}")


if __name__ == "__main__":
    main()
