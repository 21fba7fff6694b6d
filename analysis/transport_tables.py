"""Tables and headline numbers of transport."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.products import Number, TableProduct
from analysis.transport_cases import CaseTransport
from analysis.transport_points import Point

NAME = "transport"

_POINT_COLUMNS = {
    "case": "composition or start of the runs",
    "temperature_K": "temperature, K",
    "replicas": "number of runs",
    "walker": "vacancy, or the element whose atoms are followed",
    "D_m2_s": "diffusivity, m^2/s: of a vacancy, or of the atoms in the cell with its vacancies",
    "D_error_replicas_m2_s": "standard error over replicas, m^2/s",
    "D_error_blocks_m2_s": "standard error from blocks within the runs, m^2/s",
    "sound": "yes: diffusive, with an error below half of the value; no: see why",
    "in_fit": "yes: one of the points of the Arrhenius fit",
    "why_not_sound": "reason",
    "vacancy_concentration_factor": "equilibrium vacancies over those of the cell, by which D is multiplied",
    "D_equilibrium_m2_s": "D times that factor, m^2/s; empty without a formation energy, and for the vacancy",
    "correlation_factor": "f = sum dR^2 / (jumps times squared jump length)",
    "correlation_error_replicas": "standard error over replicas",
    "correlation_error_blocks": "standard error from blocks within the runs",
    "growth_exponent": "of the mean squared displacement with the jumps, 1: diffusive, where D is taken",
    "way_jump_lengths": "root mean square displacement in a block (atoms: in a stretch), in jump lengths",
    "jump_frequency_Hz": "jumps per vacancy, or per atom, and second",
    "jump_frequency_error_Hz": "standard error over replicas",
    "jump_share_ratio": "share of the jumps over share of the atoms",
    "jump_share_error": "standard error over replicas",
    "collective_ratio": (
        "D over that of the summed displacement of the species (Haven-like); empty where undefined: "
        "no atoms, no net displacement, or no sound D"
    ),
    "collective_ratio_error": "standard error over replicas",
}


def points_table(cases: Sequence[CaseTransport]) -> TableProduct:
    """A row per temperature and walker."""
    rows = [
        _point_row(case, t, walker)
        for case in cases
        for t in range(len(case.points))
        for walker in case.walkers
    ]
    return TableProduct(NAME, "Diffusivities, correlation factors and jump frequencies", _POINT_COLUMNS, rows)


def _point_row(case: CaseTransport, t: int, walker: int) -> list[Any]:
    point, fault = case.points[t], case.faults[t, walker]
    factor = point.factor if walker else 1.0
    D, f = point.diffusivity, point.correlation
    frequency, share, ratio = _of_species(point, walker)
    return [
        *(case.name, point.temperature_K, len(point.runs), case.walker_name(walker)),
        *(float(D.mean[walker]) / factor, float(D.error[walker]) / factor),
        *(float(point.block_error[walker]) / factor, "no" if fault else "yes"),
        *("yes" if t in case.fitted(walker) and walker in case.fits else "no", fault),
        point.factor if walker and case.rescaled else None,
        float(D.mean[walker]) if walker and case.rescaled else None,
        *(float(f.mean[walker]), float(f.error[walker]), float(point.correlation_block_error[walker])),
        *(point.growth(walker), point.way(walker), *frequency, *share),
        *((None, None) if fault else ratio),
    ]


def _of_species(point: Point, walker: int) -> tuple[tuple[float | None, float | None], ...]:
    """Jump frequency, ratio of shares and collective ratio, each with its error; of the vacancy the first."""
    if not walker:
        jumps = point.over_runs(lambda transport: transport.jump_Hz)
        return (float(jumps.mean), float(jumps.error)), (None, None), (None, None)
    found = (
        point.over_runs(lambda transport: transport.atom_jump_Hz),
        point.over_runs(lambda transport: transport.jump_share),
        point.over_runs(lambda transport: transport.collective_ratio),
    )
    return tuple((float(each.mean[walker - 1]), float(each.error[walker - 1])) for each in found)


def fits_table(cases: Sequence[CaseTransport]) -> TableProduct:
    """A row per fit."""
    columns = {
        "case": "composition or start of the runs",
        "walker": "vacancy, or the element whose atoms are followed",
        "points": "temperatures in the fit",
        "lowest_K": "lowest of them, K",
        "highest_K": "highest of them, K",
        "Q_eV": "activation energy, eV",
        "Q_error_eV": "standard error, eV, from the fit's covariance",
        "ln_D0": "logarithm of the prefactor in m^2/s",
        "ln_D0_error": "standard error, from the fit's covariance",
        "covariance_eV": "covariance of ln D0 and Q, eV",
        "chi_squared": "squared deviations from the line in units of the points' errors",
        "degrees_of_freedom": "points minus two",
        "probability": "that points on a true line stray as far; errors are scaled up where chi_squared is "
        "above the degrees of freedom",
    }
    rows: list[list[Any]] = [
        [
            *(case.name, case.walker_name(walker), len(case.fitted(walker))),
            *(float(case.temperature_K[case.fitted(walker)[i]]) for i in (0, -1)),
            *(fit.activation_eV, fit.activation_error_eV, fit.ln_prefactor, fit.ln_prefactor_error),
            *(float(fit.covariance[0, 1]), fit.chi_squared, fit.degrees, fit.probability),
        ]
        for case in cases
        for walker, fit in case.fits.items()
    ]
    return TableProduct(f"{NAME}-fits", "Arrhenius fits", columns, rows)


def displacements_table(cases: Sequence[CaseTransport]) -> TableProduct:
    """A row per length of the stretches."""
    columns = {
        "case": "composition or start of the runs",
        "temperature_K": "temperature, K",
        "walker": "vacancy, or the element whose atoms are followed",
        "jumps": "jumps of a stretch",
        "mean_time_s": "mean time of so many jumps, s",
        "squared_displacement": "mean squared displacement, squared jump lengths",
        "stretches": "number of stretches in all replicas",
    }
    rows: list[list[Any]] = [
        [
            *(case.name, point.temperature_K, case.walker_name(walker), int(point.lag_jumps[k])),
            *(float(point.lag_s[k]), float(point.lag_squares[k, walker])),
            sum(int(run.record.lag_stretches[k]) for run in point.runs),
        ]
        for case in cases
        for point in case.points
        for walker in case.walkers
        for k in range(len(point.lag_jumps))
        if np.isfinite(point.lag_squares[k, walker])
    ]
    return TableProduct(f"{NAME}-displacement", "Mean squared displacements", columns, rows)


def numbers(case: CaseTransport) -> list[Number]:
    """Activation energies and prefactors."""
    found = []
    for walker, fit in case.fits.items():
        name, count, table = case.walker_name(walker), len(case.fitted(walker)), f"{NAME}-fits"
        low, high = (case.temperature_K[case.fitted(walker)[i]] for i in (0, -1))
        label = f"{case.name}: {name}, {low:g}-{high:g} K: activation energy"
        found.append(Number(label, fit.activation_eV, "eV", table, fit.activation_error_eV, count))
        prefactor_error = fit.prefactor * fit.ln_prefactor_error
        label = f"{case.name}: {name}: prefactor of the diffusivity"
        found.append(Number(label, fit.prefactor, "m^2/s", table, prefactor_error, count))
    return found
