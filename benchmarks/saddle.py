"""Barriers per core-hour by potential and cell, against ASE's climbing-image elastic band.

`python -m benchmarks.saddle [--json] [--only eam432]`: all jumps of some vacancies in random Nb-Mo-Ta alloys,
connected, with forces below 0.01 eV/Å. Some of the jumps are labelled again by ASE alone: both ends by
L-BFGS, then five images by FIRE, climbing, to the same force, which is what calls and rates are compared
with. Without a preconditioner long waves are then left in the atoms, up to some meV of them: energies are
compared with bands converged to a quarter of the force, as in an audit. Times are the processor's (one core):
other work on the machine does not count. The moment tensor potential is read from the folder NNK_DATA;
without it its figures are left out, with the reason.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # one core; before NumPy starts its threads

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.optimize import FIRE

from benchmarks.core import sgemm_gflop_per_s
from nnk.alloy import exact_counts, random_solution, with_vacancy
from nnk.barriers import Flag
from nnk.files import rng
from nnk.lattice import Lattice
from nnk.potentials import Builtin, ForceField, Mtp, PotentialSpec, make_force_field
from nnk.saddle import SearchParameters, SystemProduct, fit_system, label_vacancy
from nnk.saddle.ase_neb import climb, relaxed
from nnk.saddle.audit import audit_label
from nnk.saddle.box import zero_pressure_lattice_parameter
from nnk.saddle.problem import VacancyProblem

ELEMENTS = ("Nb", "Mo", "Ta")
FRACTIONS = (
    (0.34, 0.33, 0.33),
    (0.60, 0.20, 0.20),
    (0.20, 0.60, 0.20),
    (0.20, 0.20, 0.60),
    (0.45, 0.45, 0.10),
    (0.10, 0.45, 0.45),
)
PARAMETERS = SearchParameters(max_force_eV_A=0.01)
NEB_STEPS = 400
MTP_FILE = Path("potentials") / "NbMoTaW.mtp"
MTP_SPECIES = ("Nb", "Mo", "Ta", "W")


@dataclass(frozen=True)
class Case:
    """A potential in a cell.

    Attributes:
        name: what its figures begin with.
        cells: cubic cells along each edge; two sites per cell.
        vacancies: eight barriers each.
        alloys: of `FRACTIONS`, the first so many.
        a_A: lattice parameter; None for each alloy's own at zero pressure.
        bands: jumps labelled again by elastic bands.
    """

    name: str
    spec: PotentialSpec
    cells: int
    vacancies: int
    alloys: int
    a_A: float | None = None
    bands: int = 0


@dataclass(frozen=True)
class Hop:
    """A labelled jump and how to find it again."""

    lattice: Lattice
    occupancy: np.ndarray
    jump: int
    E_fwd_eV: float
    calls: float
    flag: int


@dataclass(frozen=True)
class BandCost:
    """One barrier by ASE's band: what it took and gave."""

    calls: float
    seconds: float
    converged: bool
    E_fwd_eV: float


def warm_up(force_field: ForceField, system: SystemProduct, lattice: Lattice, state: np.ndarray) -> None:
    """Compile and allocate what is used below."""
    problem = VacancyProblem(force_field, lattice, state, ELEMENTS, system)
    force_field.energy_forces(problem.sites_A)


def label(case: Case, force_field: ForceField, system: SystemProduct, seed: int) -> tuple[list[Hop], float]:
    """Labels of all jumps of the vacancies of a case, spread over its alloys, and the processor seconds."""
    hops, seconds = [], 0.0
    for k, fractions in enumerate(FRACTIONS[: min(case.alloys, case.vacancies)]):
        a_A = case.a_A or zero_pressure_lattice_parameter(case.spec, ELEMENTS, fractions, "bcc", seed)
        lattice = Lattice.bcc((case.cells,) * 3, a_A)
        stream = rng(seed, "benchmark", k)
        occupancy = random_solution(exact_counts(fractions, lattice.n_sites), stream)
        share = len(range(k, case.vacancies, case.alloys))
        warm_up(force_field, system, lattice, with_vacancy(occupancy, 0))
        hessian = system.lattice_hessian(lattice)
        for site in stream.choice(lattice.n_sites, share, replace=False).tolist():
            state = with_vacancy(occupancy, site)
            began = time.process_time()
            labels = label_vacancy(force_field, lattice, state, ELEMENTS, hessian, PARAMETERS)
            seconds += time.process_time() - began
            rows = zip(labels.E_fwd_eV, labels.calls, labels.flag, strict=True)
            hops += [Hop(lattice, state, j, e, calls, flag) for j, (e, calls, flag) in enumerate(rows)]
    return hops, seconds


def _cost(force_field: ForceField, work: Callable[[], object]) -> np.ndarray:
    """Force calls and processor seconds [2] of some work."""
    calls, began = force_field.calls, time.process_time()
    work()
    return np.array([force_field.calls - calls, time.process_time() - began])


def band(force_field: ForceField, system: SystemProduct, hop: Hop) -> BandCost:
    """One barrier by ASE's band, at the tolerance of the labels.

    As there, the jumps of a vacancy share the cost of their initial state.
    """
    problem = VacancyProblem(force_field, hop.lattice, hop.occupancy, ELEMENTS, system)
    ends = [problem.atoms(problem.sites_A + shift) for shift in (0.0, problem.direction(hop.jump))]
    tolerance = PARAMETERS.max_force_eV_A
    made = []

    def make() -> None:
        settings = {"images": PARAMETERS.neb_images, "max_force_eV_A": tolerance, "steps": NEB_STEPS}
        made.append(climb(*ends, force_field=force_field, optimiser=FIRE, **settings))

    costs = [
        _cost(force_field, lambda atoms=atoms: relaxed(atoms, max_force_eV_A=tolerance)) for atoms in ends
    ]
    calls, seconds = costs[0] / hop.lattice.z + costs[1] + _cost(force_field, make)
    E_fwd_eV = made[0].top.energy_eV - float(ends[0].get_potential_energy())
    return BandCost(float(calls), float(seconds), made[0].converged, E_fwd_eV)


def tight_bands_eV(force_field: ForceField, system: SystemProduct, hops: Sequence[Hop]) -> np.ndarray:
    """Forward barriers by the bands of an audit, tighter and checked, float64[n]; NaN without one."""
    arguments = [
        (force_field, hop.lattice, hop.occupancy, ELEMENTS, hop.jump, system, PARAMETERS) for hop in hops
    ]
    return np.array([audit_label(*each).E_fwd_eV for each in arguments])


def choose(hops: Sequence[Hop], count: int, seed: int) -> list[Hop]:
    """Labels for the band: a random choice, split ones according to their share."""
    order = rng(seed, "band").permutation(len(hops)).tolist()
    return [hops[i] for i in order if hops[i].flag in (Flag.OK, Flag.SPLIT)][:count]


def compare(
    case: Case, force_field: ForceField, system: SystemProduct, hops: Sequence[Hop], rate: float, seed: int
) -> dict[str, float]:
    """Figures of the bands on some of the hops."""
    chosen = choose(hops, case.bands, seed)
    bands = [band(force_field, system, hop) for hop in chosen]
    labels = np.array([hop.E_fwd_eV for hop in chosen])
    converged = np.array([each.converged for each in bands])
    plain_meV = 1e3 * np.abs(np.array([each.E_fwd_eV for each in bands]) - labels)[converged]
    tight_meV = 1e3 * np.abs(tight_bands_eV(force_field, system, chosen) - labels)
    calls = float(np.median([each.calls for each in bands]))
    band_rate = 3600 * len(bands) / sum(each.seconds for each in bands)
    return {
        "neb_barriers": len(bands),
        "neb_not_converged": int((~converged).sum()),
        "neb_calls_median": calls,
        "neb_barriers_per_core_hour": band_rate,
        "ratio_calls_median": calls / float(np.median([hop.calls for hop in chosen])),
        "ratio_barriers_per_core_hour": rate / band_rate,
        "max_difference_to_neb_meV": float(np.nanmax(tight_meV)),
        "max_difference_to_neb_missing": int(np.isnan(tight_meV).sum()),
        "max_difference_to_neb_of_same_force_meV": float(plain_meV.max(initial=0.0)),
    }


def measure(case: Case, seed: int) -> dict[str, float]:
    """All figures of a case, by name with unit."""
    system = fit_system(case.spec, ELEMENTS, "bcc", seed)
    force_field = make_force_field(case.spec)
    hops, seconds = label(case, force_field, system, seed)
    calls, flags = np.array([hop.calls for hop in hops]), np.array([hop.flag for hop in hops])
    rate = 3600 * len(hops) / seconds
    figures = {
        "barriers_per_core_hour": rate,
        "calls_median": float(np.median(calls)),
        "calls_p90": float(np.percentile(calls, 90)),
        "ms_per_call": 1e3 * seconds / calls.sum(),
        "barriers": len(hops),
        "share_split": float(np.mean(flags == Flag.SPLIT)),
        "share_fallback": float(np.mean(flags == Flag.FALLBACK)),
        "share_unusable": float(np.mean(flags > Flag.FALLBACK)),
    }
    if case.bands:
        figures |= compare(case, force_field, system, hops, rate, seed)
    force_field.close()
    return {f"{case.name}_{name}": value for name, value in figures.items()}


def mtp_file() -> Path:
    """The moment tensor potential of Yin et al. (2021)."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("NNK_DATA", default)).resolve() / MTP_FILE


def cases(arguments: argparse.Namespace) -> list[Case]:
    """What is measured; the moment tensor potential's cases whether its file is there or not."""
    mtp, n, bands = Mtp(mtp_file(), MTP_SPECIES), arguments.vacancies, arguments.neb
    return [
        Case("mtp432", mtp, 6, n, len(FRACTIONS), None, bands),
        Case("mtp2000", mtp, 10, max(1, n // 6), 1, 3.262),
        Case("eam432", Builtin(), 6, n, len(FRACTIONS), None, bands),
    ]


SHARED = (
    "neb_calls_median",
    "max_difference_to_neb_meV",
    "ratio_calls_median",
    "ratio_barriers_per_core_hour",
)


def measure_all(arguments: argparse.Namespace) -> dict[str, float | str]:
    """Figures of all cases; the comparison with bands once more, of the first case that has one."""
    figures: dict[str, float | str] = {}
    for case in cases(arguments):
        if arguments.only and case.name not in arguments.only:
            continue
        if isinstance(case.spec, Mtp) and not case.spec.file.is_file():
            figures[f"{case.name}_skipped"] = f"no file {case.spec.file}: set NNK_DATA to its folder"
            continue
        figures |= measure(case, arguments.seed)
        if case.bands and "neb_of" not in figures:
            figures |= {name: figures[f"{case.name}_{name}"] for name in SHARED} | {"neb_of": case.name}
    return figures | {"sgemm_gflop_per_s": sgemm_gflop_per_s()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.saddle", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one flat JSON object")
    parser.add_argument("--vacancies", type=int, default=18, help="vacancies, eight barriers each")
    parser.add_argument("--neb", type=int, default=12, help="barriers computed again by elastic bands")
    parser.add_argument("--only", nargs="+", metavar="CASE", help="of mtp432, mtp2000, eam432")
    parser.add_argument("--seed", type=int, default=20260101)
    arguments = parser.parse_args()
    if arguments.vacancies < 1 or arguments.neb < 1:
        parser.error("--vacancies and --neb: expected at least 1")
    figures = measure_all(arguments)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:40s} {value if isinstance(value, str) else f'{value:12.4g}'}")


if __name__ == "__main__":
    main()
