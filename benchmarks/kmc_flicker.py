"""What advancing a flickering vacancy at once gains: jumps and physical time per second, beside jump by jump.

`python -m benchmarks.kmc_flicker [--json]`: the published Nb-Mo-Ta network, 1,024 sites, equimolar, 300 to
800 K. Both engines start from the same state, reached by 100,000 jumps. Physical time per second of the
processor scatters with the states a run happens to visit, so medians over several runs are given.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # one core; before NumPy starts its threads

import argparse
import json
import statistics
import time
from collections.abc import Sequence

from benchmarks.kmc import data_folder, starts
from nnk.kmc.engine import Engine, RunConditions
from nnk.kmc.flicker import FlickerEngine
from nnk.published import read_nkk_weights

TEMPERATURES_K = (300.0, 400.0, 500.0, 600.0, 800.0)
REPEATS = 5
SECONDS = 1.0
CHUNK = 5000


def rates(engine: Engine) -> tuple[float, float]:
    """Jumps and physical time (s) per second of the processor."""
    engine.advance(1)
    time_s, jumps, began = engine.time_s, _jumps(engine), time.process_time()
    while time.process_time() - began < SECONDS:
        engine.advance(CHUNK)
    seconds = time.process_time() - began
    return (_jumps(engine) - jumps) / seconds, (engine.time_s - time_s) / seconds


def _jumps(engine: Engine) -> float:
    return engine.jumps + (engine.skipped if isinstance(engine, FlickerEngine) else 0.0)


def measure() -> dict[str, float]:
    """All figures."""
    folder = data_folder()
    model = read_nkk_weights(folder / "weights.npy", allow_pickle=True)
    n_sites, (lattice, start) = next(iter(starts(folder).items()))
    figures: dict[str, float] = {}
    for temperature_K in TEMPERATURES_K:
        before = Engine(lattice, start, model, RunConditions(temperature_K, 0))
        before.advance(100_000)
        found: dict[str, list[tuple[float, float]]] = {"plain": [], "flicker": []}
        for replica in range(REPEATS):
            conditions = RunConditions(temperature_K, 1, replica)
            found["plain"].append(rates(Engine(lattice, before.occupancy, model, conditions)))
            found["flicker"].append(rates(FlickerEngine(lattice, before.occupancy, model, conditions)))
        name = f"{n_sites}_{temperature_K:.0f}K"
        for kind, runs in found.items():
            figures[f"{kind}_jumps_per_s_{name}"] = statistics.median(jumps for jumps, _ in runs)
            figures[f"{kind}_physical_s_per_s_{name}"] = statistics.median(time_s for _, time_s in runs)
        for quantity in ("jumps", "physical_s"):
            gain = figures[f"flicker_{quantity}_per_s_{name}"] / figures[f"plain_{quantity}_per_s_{name}"]
            figures[f"gain_{quantity}_{name}"] = gain
    return figures


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one flat JSON object on standard output")
    given = parser.parse_args(argv)
    figures = measure()
    if given.json:
        print(json.dumps(figures, indent=1))
    else:
        print("\n".join(f"{name:40} {value:14.4g}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
