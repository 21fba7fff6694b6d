"""What analyses take: one frame of 128,000 sites, and a sweep of 80 runs of 2e7 jumps.

`python -m benchmarks.analysis [--json] [--workdir FOLDER] [--jumps 2e7] [--no-sweep]`

* A frame: pair order (three shells), clusters of B2 order, jump randomness of all sites by the published
  network, each on one core, as processor time, compiled beforehand. Two states: a random solution, and grains
  of B2 in it. freud and OVITO do the pair counts and the clusters of the same centres, if they are installed;
  their results are compared with ours.
* A sweep: every analysis of the kMC runs in `--workdir` (left as it is: products go into a folder of their
  own) as a process of its own, two at a time. Without `--workdir` the sweep is made first, by the engine with
  the published network: 20 temperatures with 4 replicas of 1,024 sites; that takes its time.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # one core; before NumPy starts its threads

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis import ANALYSES
from benchmarks.analysis_sweep import make_sweep
from benchmarks.kmc import data_folder
from nnk.lattice import Lattice
from nnk.observables.clusters import LINK_LENGTH_A, b2_centres, b2_clusters
from nnk.observables.jump_randomness import jump_randomness
from nnk.observables.pair_order import coordination, pair_counts, pair_parameter, species_numbers
from nnk.observables.site_barriers import site_barriers
from nnk.published import read_nkk_weights

Figures = dict[str, float]
Occupancy = NDArray[np.uint8]

CELLS, A_A, SHELLS = (40, 40, 40), 3.25, 3
MO, TA = 2, 3
GRAINS, GRAIN_CELLS = 12, 7  # spheres of B2 and their radius in cells
REPEATS = 3
SHELL_EDGES_A = (0.93, 1.2, 1.54)  # between the distances of bcc shells, in lattice parameters
KMC_ANALYSES = ("order", "clusters", "randomness", "transport", "spectra")
CORES = 2
ROOT = Path(__file__).parents[1]

# a small process between this one and an analysis: Linux counts what a process held before it became another
WATCH = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def seconds(action: Callable[[], object]) -> float:
    """Least processor time of some repeats, after one that compiles."""
    action()
    found = []
    for _ in range(REPEATS):
        began = time.process_time()
        action()
        found.append(time.process_time() - began)
    return min(found)


def states() -> tuple[Lattice, dict[str, Occupancy]]:
    """A random equimolar solution, and the same with grains of Mo-Ta B2; a vacancy at site 0."""
    lattice, generator = Lattice.bcc(CELLS, A_A), np.random.default_rng(1)
    mixed = generator.permutation(np.arange(lattice.n_sites) % 3 + 1).astype(np.uint8)
    ordered, extent = mixed.copy(), lattice.extent
    for centre in generator.integers(0, 2 * CELLS[0], (GRAINS, 3)):
        away = (lattice.coordinates - centre + extent // 2) % extent - extent // 2
        inside = (away**2).sum(axis=1) < (2 * GRAIN_CELLS) ** 2
        corner = lattice.coordinates[inside, 0] % 2 == 0
        ordered[inside] = np.where(corner, MO, TA)
    mixed[0] = ordered[0] = 0
    return lattice, {"random": mixed, "grains": ordered}


def order(lattice: Lattice, occupancy: Occupancy) -> NDArray[np.float64]:
    """delta of three shells."""
    counts = pair_counts(lattice, occupancy, SHELLS, 3)
    z = coordination(lattice.structure, SHELLS)
    return pair_parameter(counts, species_numbers(occupancy, 3), lattice.n_sites, z)


def frame_figures() -> Figures:
    """Each observable of one frame, and the peers' figures."""
    lattice, found = states()
    figures: Figures = {"sites": lattice.n_sites}
    for name, occupancy in found.items():
        figures[f"order_{name}_s"] = seconds(partial(order, lattice, occupancy))
        figures[f"clusters_{name}_s"] = seconds(partial(b2_clusters, lattice, occupancy, (MO, TA)))
        figures[f"clusters_{name}_centres"] = int(b2_centres(lattice, occupancy, (MO, TA)).sum())
        figures |= freud_figures(lattice, occupancy, name) | ovito_figures(lattice, occupancy, name)
    return figures | randomness_figures(lattice, found["random"])


def randomness_figures(lattice: Lattice, occupancy: Occupancy) -> Figures:
    """Barriers of all sites and R at one temperature."""
    model = read_nkk_weights(data_folder() / "weights.npy", allow_pickle=True)
    return {
        "randomness_s": seconds(lambda: jump_randomness(site_barriers(model, lattice, occupancy), 800.0)),
        "randomness_jumps": 8 * lattice.n_sites,
    }


def absent(package: str) -> bool:
    """Whether a peer is not installed; says so."""
    if find_spec(package) is not None:
        return False
    print(f"no comparison with {package}: it is not installed (pip install {package})", file=sys.stderr)
    return True


def freud_figures(lattice: Lattice, occupancy: Occupancy, name: str) -> Figures:
    """Pair counts and clusters of the same centres by freud; raises ValueError if they are not ours."""
    if absent("freud"):
        return {}
    import freud

    freud.parallel.set_num_threads(1)
    box = freud.box.Box(*lattice.box_A)
    points = (lattice.positions_A - np.asarray(lattice.box_A) / 2).astype(np.float32)
    centres = points[b2_centres(lattice, occupancy, (MO, TA))]

    def count_pairs() -> NDArray[np.int64]:
        query = freud.locality.AABBQuery(box, points)
        wanted = {"r_max": SHELL_EDGES_A[-1] * lattice.a_A, "exclude_ii": True}
        bonds = query.query(points, wanted).toNeighborList()
        shell = np.searchsorted(np.array(SHELL_EDGES_A) * lattice.a_A, bonds.distances)
        pairs = (shell * 4 + occupancy[bonds.query_point_indices]) * 4 + occupancy[bonds.point_indices]
        return np.bincount(pairs, minlength=SHELLS * 16).reshape(SHELLS, 4, 4)[:, 1:, 1:]

    def link() -> int:
        near = {"r_max": LINK_LENGTH_A * lattice.a_A}
        found = freud.cluster.Cluster().compute((box, centres), neighbors=near)
        return int(found.num_clusters)

    _check("pairs by freud", count_pairs().tolist(), pair_counts(lattice, occupancy, SHELLS, 3).tolist())
    _check("clusters by freud", link(), len(b2_clusters(lattice, occupancy, (MO, TA)).size))
    return {f"freud_pairs_{name}_s": seconds(count_pairs), f"freud_clusters_{name}_s": seconds(link)}


def ovito_figures(lattice: Lattice, occupancy: Occupancy, name: str) -> Figures:
    """Clusters of the same centres by OVITO; raises ValueError if they are not ours."""
    if absent("ovito"):
        return {}
    from ovito.data import DataCollection, Particles, SimulationCell
    from ovito.modifiers import ClusterAnalysisModifier

    centres = lattice.positions_A[b2_centres(lattice, occupancy, (MO, TA))]

    def link() -> int:
        data = DataCollection()
        data.objects.append(SimulationCell(pbc=(True, True, True)))
        data.cell_[:, :3] = np.diag(lattice.box_A)
        particles = Particles()
        particles.create_property("Position", data=centres)
        data.objects.append(particles)
        data.apply(ClusterAnalysisModifier(cutoff=LINK_LENGTH_A * lattice.a_A))
        return int(data.attributes["ClusterAnalysis.cluster_count"])

    _check("clusters by OVITO", link(), len(b2_clusters(lattice, occupancy, (MO, TA)).size))
    return {f"ovito_clusters_{name}_s": seconds(link)}


def _check(what: str, theirs: object, ours: object) -> None:
    if theirs != ours:
        raise ValueError(f"{what}: {theirs}, ours: {ours}")


def sweep_figures(workdir: Path, scratch: Path) -> Figures:
    """Time and memory of every analysis of the runs in `workdir`, two at a time."""
    copy = scratch / "analysed"
    copy.mkdir()
    shutil.copy(workdir / "campaign.yaml", copy)
    (copy / "kmc").symlink_to(workdir / "kmc", target_is_directory=True)
    runs = list(workdir.glob("kmc/*/T*K/r*.nc"))
    names = [name for name in KMC_ANALYSES if name in ANALYSES]
    began = time.perf_counter()
    with ThreadPoolExecutor(CORES) as pool:
        found = dict(zip(names, pool.map(lambda name: _analysed(name, copy), names), strict=True))
    figures = {"sweep_runs": len(runs), "sweep_bytes": sum(path.stat().st_size for path in runs)}
    figures |= {"sweep_wall_s": time.perf_counter() - began}
    figures |= {"sweep_cpu_s": sum(cpu_s for cpu_s, _ in found.values())}
    peaks = sorted((peak for _, peak in found.values()), reverse=True)
    figures["sweep_peak_MiB"] = sum(peaks[:CORES])  # of those that may have run together
    for name, (cpu_s, peak_MiB) in found.items():
        figures |= {f"sweep_{name}_cpu_s": cpu_s, f"sweep_{name}_peak_MiB": peak_MiB}
    return figures


def _analysed(name: str, workdir: Path) -> tuple[float, float]:
    """Processor time (s) and most memory (MiB) of one analysis."""
    command = [sys.executable, "-c", WATCH, sys.executable, "-m", f"analysis.{name}", str(workdir)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    cpu_s, peak_KiB = done.stdout.split()
    return float(cpu_s), float(peak_KiB) / 1024


def measure(workdir: Path | None, jumps: int, *, sweep: bool) -> Figures:
    """All figures."""
    figures = frame_figures()
    if not sweep:
        return figures
    with tempfile.TemporaryDirectory() as scratch:
        made = workdir or make_sweep(Path(scratch) / "sweep", jumps, data_folder(), CORES)
        return figures | sweep_figures(made.resolve(), Path(scratch))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one flat JSON object on standard output")
    parser.add_argument("--workdir", type=Path, help="a campaign's folder with its kMC runs")
    parser.add_argument("--jumps", type=float, default=2e7, help="of each run of a sweep made here")
    parser.add_argument("--no-sweep", action="store_true", help="the frame alone")
    given = parser.parse_args(argv)
    figures = measure(given.workdir, int(given.jumps), sweep=not given.no_sweep)
    if given.json:
        print(json.dumps(figures, indent=1))
    else:
        print("\n".join(f"{name:40} {value:14.4g}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
