"""Rate and memory of predicting the barriers of a vacancy on every site of a large cell.

`python -m benchmarks.spectra [--json] [--cells N]`

The compiled networks in batches, with everything that the spectra count of them, on one core; beside it the
model's own `predict` (NumPy, float64) and the same network in torch (float32), on environments that are
gathered beforehand.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # one core; before NumPy and torch start their threads

import argparse
import json
import resource
import time
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.kmc import data_folder
from nnk.alloy import exact_counts, random_solution
from nnk.environment import gather_jumps
from nnk.lattice import Lattice
from nnk.models import MlpModel
from nnk.observables.cell_spectra import cell_spectra
from nnk.published import read_nkk_weights

FRACTIONS = (0.005, 0.99, 0.005)  # the last step of figure 9 of Fan et al. (2022)
ROWS = 8192  # environments of one call of `predict` and of torch


def measure(cells: int) -> dict[str, float]:
    """Rates in barriers per second of processor time, seconds and MiB."""
    model = read_nkk_weights(data_folder() / "weights.npy", allow_pickle=True)
    small, lattice = (Lattice.bcc((n, n, n), 3.2) for n in (8, cells))
    cell_spectra(model, small, _solution(small))  # compiles
    occupancy = _solution(lattice)
    before_MiB = _peak_MiB()
    took_s = _seconds(lambda: cell_spectra(model, lattice, occupancy))
    peak_MiB = _peak_MiB()
    rates = _other_rates(model, small)
    return {
        "sites": lattice.n_sites,
        "cell_s": took_s,
        "compiled_barriers_per_s": lattice.n_sites * lattice.z / took_s,
        **rates,
        "before_MiB": before_MiB,
        "peak_MiB": peak_MiB,
    }


def _solution(lattice: Lattice) -> np.ndarray:
    return random_solution(exact_counts(FRACTIONS, lattice.n_sites), np.random.default_rng(1))


def _seconds(action: Callable[[], object]) -> float:
    began = time.process_time()
    action()
    return time.process_time() - began


def _peak_MiB() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _other_rates(model: MlpModel, lattice: Lattice) -> dict[str, float]:
    """The same network by `predict` and by torch."""
    import torch

    site = np.repeat(np.arange(lattice.n_sites), lattice.z)
    jump = np.tile(np.arange(lattice.z), lattice.n_sites)
    sample = np.zeros(len(site), dtype=np.int64)
    species, mover = gather_jumps(model.environment, lattice, _solution(lattice)[None], sample, site, jump)
    species, mover = species[:ROWS], mover[:ROWS]
    network = model.network
    table = torch.from_numpy(network.table.reshape(len(network.table), -1).copy()).reshape(
        -1, len(network.bias)
    )
    first = torch.arange(len(network.table)) * network.n_species - 1
    layers = [(torch.from_numpy(w), torch.from_numpy(b)) for w, b in network.hidden]
    bias, out = torch.from_numpy(network.bias), torch.from_numpy(network.out_weight)

    def by_torch() -> torch.Tensor:
        rows = torch.from_numpy(species.astype(np.int64)) + first
        layer = bias + torch.nn.functional.embedding_bag(rows, table, mode="sum")
        for weight, shift in layers:
            layer = torch.relu(layer) @ weight + shift
        return torch.relu(layer) @ out + network.out_bias

    with torch.no_grad():
        off = np.abs(by_torch().numpy() - model.predict(species, mover)).max()
        seconds = min(_seconds(by_torch) for _ in range(3))
    if off > 1e-4:
        raise ValueError(f"torch and predict differ by {off:.2g} eV")
    by_predict = min(_seconds(lambda: model.predict(species, mover)) for _ in range(3))
    return {"predict_barriers_per_s": len(mover) / by_predict, "torch_barriers_per_s": len(mover) / seconds}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one flat JSON object")
    parser.add_argument("--cells", type=int, default=80, help="cells along an edge")
    arguments = parser.parse_args(argv)
    found = measure(arguments.cells)
    if arguments.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:28} {value:,.4g}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
