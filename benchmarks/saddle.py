"""Barriers per core-hour with the built-in potential, against ASE's climbing-image elastic band.

`python -m benchmarks.saddle [--json] [--vacancies 24] [--neb 12]`: hops of vacancies in 432-site cells of six
Nb-Mo-Ta alloys. Bands relabel some of them, split ones among them, twice: at the labels' own force tolerance
and without any check, which is what the rates are compared with; and tighter and checked, as in an audit,
which is what the energies are compared with. Times are the processor's (one core): other work on the machine
does not count.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # one core; before NumPy starts its threads

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.core import sgemm_gflop_per_s
from nnk.alloy import exact_counts, random_solution, with_vacancy
from nnk.barriers import Flag
from nnk.files import rng
from nnk.lattice import Lattice
from nnk.potentials import Builtin, ForceField, make_force_field
from nnk.saddle import (
    SearchParameters,
    SystemProduct,
    fit_system,
    label_vacancy,
    zero_pressure_lattice_parameter,
)
from nnk.saddle.ase_neb import climb, relaxed
from nnk.saddle.audit import audit_label
from nnk.saddle.label import VacancyProblem

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
        a_A = zero_pressure_lattice_parameter(Builtin(), ELEMENTS, fractions, "bcc", seed)
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


def _cost(force_field: ForceField, work: Callable[[], bool]) -> tuple[np.ndarray, bool]:
    """Force calls and processor seconds [2] of some work, and its outcome."""
    calls, began = force_field.calls, time.process_time()
    outcome = work()
    return np.array([force_field.calls - calls, time.process_time() - began]), outcome


def band(force_field: ForceField, system: SystemProduct, hop: Hop) -> tuple[np.ndarray, bool]:
    """Force calls and processor seconds [2] of one barrier by ASE's band, and whether it converged.

    At the tolerance of the labels; as there, the jumps of a vacancy share the cost of their initial state.
    """
    problem = VacancyProblem(force_field, hop.lattice, hop.occupancy, ELEMENTS, system)
    displaced_A = problem.sites_A + problem.direction(hop.jump)
    initial, final = problem.atoms(problem.sites_A), problem.atoms(displaced_A)
    tolerance, images, steps = PARAMETERS.max_force_eV_A, PARAMETERS.neb_images, PARAMETERS.neb_steps

    def make() -> bool:
        return climb(
            initial, final, force_field, images=images, max_force_eV_A=tolerance, steps=steps
        ).converged

    first, _ = _cost(force_field, lambda: relaxed(initial, max_force_eV_A=tolerance))
    second, _ = _cost(force_field, lambda: relaxed(final, max_force_eV_A=tolerance))
    third, converged = _cost(force_field, make)
    return first / hop.lattice.z + second + third, converged


def differences_eV(force_field: ForceField, system: SystemProduct, hops: Sequence[Hop]) -> np.ndarray:
    """Audited band minus label, float64[n]; NaN where no band converged."""
    arguments = [
        (force_field, hop.lattice, hop.occupancy, ELEMENTS, hop.jump, system, PARAMETERS) for hop in hops
    ]
    audited = np.array([audit_label(*each).E_fwd_eV for each in arguments])
    return audited - np.array([hop.E_fwd_eV for hop in hops])


def choose(hops: Sequence[Hop], count: int, seed: int) -> list[Hop]:
    """Labels for the band: a random choice, a quarter of it split ones."""
    order = rng(seed, "band").permutation(len(hops)).tolist()
    split = [i for i in order if hops[i].flag == Flag.SPLIT][: count // 4]
    plain = [i for i in order if hops[i].flag == Flag.OK][: count - len(split)]
    return [hops[i] for i in split + plain]


def measure(vacancies: int, bands: int, seed: int) -> dict[str, float]:
    """All figures, by name with unit."""
    system = fit_system(Builtin(), ELEMENTS, "bcc", seed)
    force_field = make_force_field(Builtin())
    hops, seconds = label(force_field, system, vacancies, seed)
    chosen = choose(hops, bands, seed)
    bands_made = [band(force_field, system, hop) for hop in chosen]
    difference_meV = 1e3 * differences_eV(force_field, system, chosen)
    force_field.close()
    calls, flags = np.array([hop.calls for hop in hops]), np.array([hop.flag for hop in hops])
    band_calls, band_seconds = np.array([cost for cost, _ in bands_made]).T
    rate, band_rate = 3600 * len(hops) / seconds, 3600 * len(chosen) / float(band_seconds.sum())
    return {
        "eam432_barriers_per_core_hour": rate,
        "eam432_calls_median": float(np.median(calls)),
        "eam432_calls_p90": float(np.percentile(calls, 90)),
        "eam432_ms_per_call": 1e3 * seconds / calls.sum(),
        "eam432_barriers": len(hops),
        "eam432_share_split": float(np.mean(flags == Flag.SPLIT)),
        "eam432_share_fallback": float(np.mean(flags == Flag.FALLBACK)),
        "eam432_share_failed": float(np.mean(np.isin(flags, (Flag.FAILED, Flag.UNSTABLE)))),
        "ase_neb_barriers": len(chosen),
        "ase_neb_barriers_per_core_hour": band_rate,
        "ase_neb_calls_median": float(np.median(band_calls)),
        "ase_neb_not_converged": sum(not converged for _, converged in bands_made),
        "ratio_barriers_per_core_hour": rate / band_rate,
        "ratio_calls_median": float(np.median(band_calls) / np.median([hop.calls for hop in chosen])),
        "difference_to_neb_mean_abs_meV": float(np.nanmean(np.abs(difference_meV))),
        "difference_to_neb_max_abs_meV": float(np.nanmax(np.abs(difference_meV))),
        "difference_to_neb_missing": int(np.isnan(difference_meV).sum()),
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
