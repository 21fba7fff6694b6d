"""Microseconds per atom and force call of the potentials, on one core.

`python -m benchmarks.potentials [--json] [--calls 40]`: rattled bcc Nb-Mo-Ta of 432 and 2000 atoms, whose
atoms move a little from call to call so that neighbour lists are kept. Beside the compiled moment tensor
potential: the same potential as plain loops (`benchmarks.naive_mtp`), the built-in EAM and a SNAP in LAMMPS,
and many cells at once in torch, on the GPU where there is one. Times are the processor's; the GPU's are wall
times.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # one core; before NumPy starts its threads

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.core import peak_gflop_per_s
from benchmarks.naive_mtp import NaiveMtp
from nnk.files import rng
from nnk.lattice import Lattice
from nnk.potentials import Builtin, ForceField, Lammps, Mtp, make_force_field
from nnk.potentials.mtp import read_mtp
from nnk.potentials.mtp.batched import BatchedMtp
from nnk.potentials.mtp.program import program_of

SPECIES = ("Nb", "Mo", "Ta", "W")
A_A = 3.262
CELLS = {432: (6, 6, 6), 2000: (10, 10, 10)}
DATA = Path(os.environ.get("NNK_DATA", Path(__file__).parents[1] / ".." / "shared" / "data")) / "potentials"
MTP, SNAP = DATA / "NbMoTaW.mtp", ("Ta-W-Nb-Mo.snapcoeff", "Ta-W-Nb-Mo.snapparam")
_REPEATS = 5
_BATCH = {"cpu": 4, "cuda": 256}


class Crystal:
    """A rattled alloy, and positions near by."""

    def __init__(self, n_atoms: int, seed: int) -> None:
        lattice, stream = Lattice.bcc(CELLS[n_atoms], A_A), rng(seed, "potentials", n_atoms)
        self.numbers = stream.permutation(np.arange(n_atoms) % 3)
        self.species = [SPECIES[k] for k in self.numbers]
        self.box_A = lattice.box_A
        self.positions_A = lattice.positions_A + stream.normal(0, 0.05, (n_atoms, 3))
        self._stream = stream

    def near(self) -> np.ndarray:
        """Positions that differ a little from the last ones."""
        return self.positions_A + self._stream.normal(0, 0.002, self.positions_A.shape)


def us_per_atom(crystal: Crystal, evaluate: Callable[[np.ndarray], object], calls: int) -> float:
    """Least of several means over `calls` evaluations."""
    evaluate(crystal.positions_A)
    means = []
    for _ in range(_REPEATS):
        positions = [crystal.near() for _ in range(max(1, calls // _REPEATS))]
        began = time.process_time()
        for positions_A in positions:
            evaluate(positions_A)
        means.append((time.process_time() - began) / len(positions))
    return 1e6 * min(means) / len(crystal.species)


def engine_us(force_field: ForceField, crystal: Crystal, calls: int) -> float:
    """Microseconds per atom and call of a force field."""
    force_field.set(crystal.species, crystal.box_A)
    return us_per_atom(crystal, force_field.energy_forces, calls)


def lists_us(force_field: ForceField, crystal: Crystal, calls: int) -> float:
    """Microseconds per atom of a call that has to make its neighbour lists."""

    def fresh(positions_A: np.ndarray) -> None:
        force_field.set(crystal.species, crystal.box_A)
        force_field.energy_forces(positions_A)

    return us_per_atom(crystal, fresh, calls)


def flop_per_atom(crystal: Crystal) -> float:
    """Operations that the compiled evaluation needs per atom, a fused multiply-add counted as two.

    Per pair: the radial functions and their derivatives, the monomials, the moments; in reverse the moments
    twice, and two operations on every monomial. Per atom: each product of moments, and its two derivatives.
    """
    parameters = read_mtp(MTP)
    program = program_of(parameters)
    monomials, basic, functions = len(program.monomials) - 3, len(program.basic), program.functions
    radial = 2 * program.radial_size * 2 * functions + 2 * program.radial_size + 5 * functions
    pair = 15 + radial + monomials + 2 * basic + monomials + 4 * basic + 4 * monomials + 40
    atom = (3 + 5) * len(program.times) + 2 * len(program.mapping)
    distances = crystal.positions_A[:, None] - crystal.positions_A[None]
    distances -= crystal.box_A * np.round(distances / crystal.box_A)
    near = (np.linalg.norm(distances, axis=2) < parameters.max_dist_A).sum() / len(crystal.species) - 1
    return float(near * pair + atom)


def batched_us(device: str, crystal: Crystal) -> float:
    """Microseconds per atom of many cells at once, in wall time."""
    batched, count = BatchedMtp(MTP, SPECIES, device=device), _BATCH[device]
    positions = torch.tensor(np.stack([crystal.near() for _ in range(count)]), device=device)
    cells = torch.tensor(np.tile(crystal.box_A, (count, 1)))
    tables = batched.tables([crystal.species] * count, cells, positions)
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        batched.energies_forces(positions, tables)[0].sum().item()  # waits for the device
        seconds.append(time.perf_counter() - began)
    return 1e6 * min(seconds) / (count * len(crystal.species))


def difference_to_naive(force_field: ForceField, crystal: Crystal) -> float:
    """Largest difference of the forces to those of the plain loops, in eV/Å."""
    force_field.set(crystal.species, crystal.box_A)
    naive = NaiveMtp(MTP, crystal.numbers, crystal.box_A)
    forces = force_field.energy_forces(crystal.positions_A)[1]
    return float(np.abs(forces - naive.energy_forces(crystal.positions_A)[1]).max())


def measure(calls: int, seed: int) -> dict[str, float]:
    """All figures, by name with unit."""
    crystals = {n_atoms: Crystal(n_atoms, seed) for n_atoms in CELLS}
    small = crystals[432]
    mtp, eam = make_force_field(Mtp(MTP, SPECIES)), make_force_field(Builtin())
    snap = make_force_field(
        Lammps("snap", (f"* * {' '.join(SNAP)} Nb Mo Ta",), tuple(DATA / name for name in SNAP), SPECIES[:3])
    )
    figures = {f"mtp{n}_us_per_atom": engine_us(mtp, crystal, calls) for n, crystal in crystals.items()}
    figures["mtp432_with_new_lists_us_per_atom"] = lists_us(mtp, small, calls)
    naive = NaiveMtp(MTP, small.numbers, small.box_A)
    figures["mtp432_naive_us_per_atom"] = us_per_atom(small, naive.energy_forces, calls // 4)
    figures |= {f"eam{n}_us_per_atom": engine_us(eam, crystal, calls) for n, crystal in crystals.items()}
    figures["snap432_us_per_atom"] = engine_us(snap, small, calls // 8)
    figures["mtp432_batched_cpu_us_per_atom"] = batched_us("cpu", small)
    if torch.cuda.is_available():
        figures["mtp432_batched_cuda_us_per_atom"] = batched_us("cuda", small)
    figures["ratio_mtp_to_naive"] = figures["mtp432_naive_us_per_atom"] / figures["mtp432_us_per_atom"]
    figures["ratio_mtp_to_snap"] = figures["snap432_us_per_atom"] / figures["mtp432_us_per_atom"]
    figures["mtp432_difference_to_naive_eV_A"] = difference_to_naive(mtp, small)
    flop = flop_per_atom(small)
    rate, peak = 1e-3 * flop / figures["mtp432_us_per_atom"], peak_gflop_per_s() / 2
    figures |= {"mtp432_flop_per_atom": flop, "mtp432_GFLOP_per_s": rate}
    figures |= {"core_peak_double_GFLOP_per_s": peak, "mtp432_share_of_peak": rate / peak}
    for force_field in (mtp, eam, snap):
        force_field.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.potentials", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--json", action="store_true", help="print one flat JSON object")
    parser.add_argument("--calls", type=int, default=80, help="evaluations per figure")
    parser.add_argument("--seed", type=int, default=20260101)
    arguments = parser.parse_args()
    if arguments.calls < 8:
        parser.error("--calls: expected at least 8")
    if not MTP.is_file():
        parser.error(f"no file {MTP}; set NNK_DATA to the folder of the published data")
    torch.set_num_threads(1)
    figures = measure(arguments.calls, arguments.seed)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:36s} {value:12.4g}")


if __name__ == "__main__":
    main()
