"""Barriers per core-hour with the built-in potential, against ASE's climbing-image elastic band.

`python -m benchmarks.saddle [--json] [--vacancies 24] [--neb 12]`: hops of vacancies in 432-site cells of six
Nb-Mo-Ta alloys; the band relabels some of them, split ones among them. Times are the processor's (one core):
other work on the machine does not count.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # one core; before NumPy starts its threads

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.core import sgemm_gflop_per_s
from nnk.alloy import exact_counts, random_solution, with_vacancy
from nnk.barriers import Flag
from nnk.files import rng
from nnk.lattice import Lattice
from nnk.potentials import ForceField, PotentialSpec, make_force_field
from nnk.saddle import (
    SearchParameters,
    SystemProduct,
    fit_system,
    label_vacancy,
    zero_pressure_lattice_parameter,
)
from nnk.saddle.audit import AuditResult, audit_label

ELEMENTS = ("Nb", "Mo", "Ta")
FRACTIONS = (
    (0.34, 0.33, 0.33),
    (0.60, 0.20, 0.20),
    (0.20, 0.60, 0.20),
    (0.20, 0.20, 0.60),
    (0.45, 0.45, 0.10),
    (0.10, 0.45, 0.45),
)
CELLS = (6, 6, 6)
PARAMETERS = SearchParameters()


@dataclass(frozen=True)
class Hop:
    """A labelled jump and how to find it again."""

    lattice: Lattice
    occupancy: np.ndarray
    jump: int
    E_fwd_eV: float
    calls: float
    flag: int


def label(
    force_field: ForceField, system: SystemProduct, vacancies: int, seed: int
) -> tuple[list[Hop], float]:
    """Labels of all jumps of `vacancies` vacancies, spread over the alloys, and the processor seconds."""
    hops, seconds = [], 0.0
    for k, fractions in enumerate(FRACTIONS[:vacancies]):
        a_A = zero_pressure_lattice_parameter(PotentialSpec(), ELEMENTS, fractions, "bcc", seed)
        lattice = Lattice.bcc(CELLS, a_A)
        stream = rng(seed, "benchmark", k)
        occupancy = random_solution(exact_counts(fractions, lattice.n_sites), stream)
        share = len(range(k, vacancies, len(FRACTIONS)))
        for site in stream.choice(lattice.n_sites, share, replace=False).tolist():
            state = with_vacancy(occupancy, site)
            began = time.process_time()
            labels = label_vacancy(force_field, lattice, state, ELEMENTS, system, PARAMETERS)
            seconds += time.process_time() - began
            rows = zip(labels.E_fwd_eV, labels.calls, labels.flag, strict=True)
            hops += [Hop(lattice, state, j, e, calls, flag) for j, (e, calls, flag) in enumerate(rows)]
    return hops, seconds


def band(
    force_field: ForceField, system: SystemProduct, hops: Sequence[Hop]
) -> tuple[list[AuditResult], float]:
    """The same barriers by elastic bands, and the processor seconds."""
    began = time.process_time()
    results = [
        audit_label(force_field, hop.lattice, hop.occupancy, ELEMENTS, hop.jump, system, PARAMETERS)
        for hop in hops
    ]
    return results, time.process_time() - began


def choose(hops: Sequence[Hop], count: int, seed: int) -> list[Hop]:
    """Labels for the band: a random choice, a quarter of it split ones."""
    order = rng(seed, "band").permutation(len(hops)).tolist()
    split = [i for i in order if hops[i].flag == Flag.SPLIT][: count // 4]
    plain = [i for i in order if hops[i].flag == Flag.OK][: count - len(split)]
    return [hops[i] for i in split + plain]


def measure(vacancies: int, bands: int, seed: int) -> dict[str, float]:
    """All figures, by name with unit."""
    system = fit_system(PotentialSpec(), ELEMENTS, "bcc", seed)
    force_field = make_force_field(PotentialSpec())
    hops, seconds = label(force_field, system, vacancies, seed)
    chosen = choose(hops, bands, seed)
    results, band_seconds = band(force_field, system, chosen)
    force_field.close()
    calls, flags = np.array([hop.calls for hop in hops]), np.array([hop.flag for hop in hops])
    band_calls = np.array([result.calls for result in results])
    difference = 1e3 * np.array([r.E_fwd_eV - hop.E_fwd_eV for r, hop in zip(results, chosen, strict=True)])
    rate, band_rate = 3600 * len(hops) / seconds, 3600 * len(results) / band_seconds
    return {
        "eam432_barriers_per_core_hour": rate,
        "eam432_calls_median": float(np.median(calls)),
        "eam432_calls_p90": float(np.percentile(calls, 90)),
        "eam432_ms_per_call": 1e3 * seconds / calls.sum(),
        "eam432_barriers": len(hops),
        "eam432_share_split": float(np.mean(flags == Flag.SPLIT)),
        "eam432_share_fallback": float(np.mean(flags == Flag.FALLBACK)),
        "eam432_share_failed": float(np.mean(np.isin(flags, (Flag.FAILED, Flag.UNSTABLE)))),
        "ase_neb_barriers": len(results),
        "ase_neb_barriers_per_core_hour": band_rate,
        "ase_neb_calls_median": float(np.median(band_calls)),
        "ase_neb_not_converged": sum(not result.converged for result in results),
        "ratio_barriers_per_core_hour": rate / band_rate,
        "ratio_calls_median": float(np.median(band_calls) / np.median([hop.calls for hop in chosen])),
        "difference_to_neb_mean_abs_meV": float(np.nanmean(np.abs(difference))),
        "difference_to_neb_max_abs_meV": float(np.nanmax(np.abs(difference))),
        "sgemm_gflop_per_s": sgemm_gflop_per_s(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.saddle", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one flat JSON object")
    parser.add_argument("--vacancies", type=int, default=24, help="vacancies, eight barriers each")
    parser.add_argument("--neb", type=int, default=12, help="barriers computed again by elastic bands")
    parser.add_argument("--seed", type=int, default=20260101)
    arguments = parser.parse_args()
    if arguments.vacancies < 1 or arguments.neb < 1:
        parser.error("--vacancies and --neb: expected at least 1")
    figures = measure(arguments.vacancies, arguments.neb, arguments.seed)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:36s} {value:12.4g}")


if __name__ == "__main__":
    main()
