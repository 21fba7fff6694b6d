"""Diffusivities, correlation factors and jump frequencies from displacements over stretches of jumps.

Jump by jump a kMC run waits for times that vary over decades, so that squared displacements over equal
*times* weigh the few stretches in which the vacancy sat still. Over equal numbers of *jumps* they are

    D_v = <dR_v^2>_m / (6 m tau),   tau = (time of the run) / (its jumps),

a ratio of two means over the whole run. It tends to the limit of R^2 / 6t, since the time of m jumps divided
by m tends to tau (the renewal theorem; on displacements from kMC steps of unequal length see Leetmaa and
Skorodumova, Comput. Phys. Commun. 191, 119 (2015)). Means of ratios per stretch would be biased. With the
squared jump length lambda^2 (bcc 3 a^2/4, fcc a^2/2), n_i atoms of species i and J_i jumps of them:

    D_i = sum_i dR_i^2 / (6 n_i t)        tracer diffusivity
    f_i = sum_i dR_i^2 / (J_i lambda^2)   tracer correlation factor
    f_v = sum dR_v^2 / (J lambda^2)       vacancy correlation factor
    h_i = sum_i dR_i^2 / |sum_i dR_i|^2   Haven-like ratio: single against collective displacement

Vacancies and collective displacements are taken over blocks, atoms over longer stretches
(`nnk.observables.walks`), each per jump made in them. h_i is not a Haven ratio, which compares a tracer with
an electric conductivity and has no meaning for a neutral alloy. It is undefined where the collective
displacement is: for a species without atoms, or whose atoms as a whole have gone nowhere in any block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.constants import K_B_eV_K
from nnk.lattice import Lattice
from nnk.observables.blocking import blocked_mean
from nnk.observables.walks import JumpRecord

FloatArray = NDArray[np.float64]
A2_TO_M2 = 1e-20


@dataclass(frozen=True, eq=False)
class Transport:
    """Transport in one run; every error is a standard error from blocks of that run.

    Attributes:
        vacancy_m2_s, vacancy_error_m2_s: D_v per vacancy.
        tracer_m2_s, tracer_error_m2_s: float64[n], D_i in a cell with so many vacancies; NaN without atoms.
        vacancy_correlation, vacancy_correlation_error: f_v.
        tracer_correlation, tracer_correlation_error: float64[n], f_i; NaN without jumps.
        collective_ratio: float64[n], h_i; NaN where undefined.
        jump_share: float64[n], share of the jumps over share of the atoms; NaN without atoms.
        jump_Hz: jumps of a vacancy per second.
        atom_jump_Hz: float64[n], jumps of an atom of each species per second.
    """

    vacancy_m2_s: float
    vacancy_error_m2_s: float
    tracer_m2_s: FloatArray
    tracer_error_m2_s: FloatArray
    vacancy_correlation: float
    vacancy_correlation_error: float
    tracer_correlation: FloatArray
    tracer_correlation_error: FloatArray
    collective_ratio: FloatArray
    jump_share: FloatArray
    jump_Hz: float
    atom_jump_Hz: FloatArray


def transport_of(
    record: JumpRecord, lattice: Lattice, *, time_s: float, time_error: float = 0.0, skipped: float = 0.0
) -> Transport:
    """Transport from the jumps of a run.

    Args:
        record: what the jumps did.
        lattice: where.
        time_s: how long they took.
        time_error: relative standard error of `time_s` (`time_error`), added to those of the displacements.
        skipped: jumps to and fro made besides those recorded, whose species are not known: then f_i, the
            shares and the frequencies of the species are NaN.

    Raises:
        ValueError: no time has passed.
    """
    if not time_s > 0:
        raise ValueError(f"time_s={time_s}: expected a time above 0")
    jump_Hz, to_m2 = record.n_jumps / time_s, A2_TO_M2 * (lattice.a_A / 2) ** 2 / 6
    to_D, stretch_Hz = to_m2 * jump_Hz / record.block_jumps, jump_Hz / record.stretch_jumps
    square = int((lattice.jumps[0] ** 2).sum())
    made = record.block_jumps * (1 + skipped / record.n_jumps)
    vacancy, atoms = _relative(record.vacancy_squares), record.atoms
    jumps = np.where(skipped > 0, np.nan, record.jumps)
    f, f_error = _ratios(record.tracer_squares, square * jumps)
    relative = np.array([_relative(column)[1] for column in record.tracer_squares.T])
    with np.errstate(invalid="ignore", divide="ignore"):
        tracers = record.tracer_squares.mean(axis=0)
        D = np.where(atoms > 0, to_m2 * stretch_Hz * tracers / atoms, np.nan)
        collective = record.collective_squares.mean(axis=0) / record.block_jumps * record.stretch_jumps
        share = jumps.sum(axis=0) / jumps.sum() / (atoms / atoms.sum())
        return Transport(
            vacancy_m2_s=to_D * vacancy[0] / record.n_vacancies,
            vacancy_error_m2_s=to_D * vacancy[0] / record.n_vacancies * np.hypot(vacancy[1], time_error),
            tracer_m2_s=D,
            tracer_error_m2_s=D * np.hypot(relative, time_error),
            vacancy_correlation=vacancy[0] / (square * made),
            vacancy_correlation_error=vacancy[0] * vacancy[1] / (square * made),
            tracer_correlation=f,
            tracer_correlation_error=f_error,
            collective_ratio=np.where(collective > 0, tracers / collective, np.nan),
            jump_share=np.where(atoms > 0, share, np.nan),
            jump_Hz=(record.n_jumps + skipped) / time_s / record.n_vacancies,
            atom_jump_Hz=np.where(atoms > 0, jumps.mean(axis=0) * stretch_Hz / atoms, np.nan),
        )


def _relative(values: FloatArray) -> tuple[float, float]:
    """Mean of values in their order, and its error relative to it; NaN errors for a mean of 0."""
    found = blocked_mean(values)
    return found.mean, found.error / found.mean if found.mean > 0 else np.nan


def _ratios(above: FloatArray, below: FloatArray) -> tuple[FloatArray, FloatArray]:
    """sum(above) / sum(below) of each column [n_blocks, n] with its error; NaN where nothing is below.

    The error is that of the mean of ``above - ratio * below``, to first order.
    """
    total = below.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(total > 0, above.sum(axis=0) / total, np.nan)
    errors = [
        blocked_mean(a - r * b).error / b.mean() if np.isfinite(r) else np.nan
        for a, b, r in zip(above.T, below.T, ratio, strict=True)
    ]
    return ratio, np.array(errors)


def time_error(jumps: ArrayLike, time_s: ArrayLike) -> float:
    """Relative standard error of the time that a run took, from its parts.

    Args:
        jumps: int64[n] ascending, jump numbers of key frames.
        time_s: float64[n], times there.

    Returns:
        With n_s jumps and t_s seconds in part s of S, and tau their ratio over all parts: the variance of a
        jump's time is taken as sum (t_s - n_s tau)^2 / n_s / (S - 1), each part long enough to forget the
        one before. NaN for fewer than two parts or no time.
    """
    counts, times = np.diff(np.asarray(jumps, dtype=np.float64)), np.diff(np.asarray(time_s))
    if len(counts) < 2 or not times.sum() > 0:
        return float("nan")
    deviations = times - counts * times.sum() / counts.sum()
    variance = float(np.sum(deviations**2 / counts)) / (len(counts) - 1)
    return float(np.sqrt(variance * counts.sum()) / times.sum())


def growth_exponent(jumps: ArrayLike, squares: ArrayLike) -> float:
    """d ln <dR^2> / d ln (jumps) between the first and the last length: 1 diffusive, 0 trapped.

    NaN where either mean squared displacement is not above 0.
    """
    m, s = np.asarray(jumps, dtype=np.float64), np.asarray(squares, dtype=np.float64)
    if len(m) < 2 or not (s[0] > 0 and s[-1] > 0):
        return float("nan")
    return float(np.log(s[-1] / s[0]) / np.log(m[-1] / m[0]))


def vacancy_concentration(
    temperature_K: ArrayLike, formation_energy_eV: float, formation_entropy_kB: float = 0.0
) -> FloatArray:
    """Equilibrium share of vacant sites, exp(S_f / k) exp(-E_f / kT), float64[...]."""
    kT = K_B_eV_K * np.asarray(temperature_K, dtype=np.float64)
    return np.exp(formation_entropy_kB - formation_energy_eV / kT)


def concentration_factor(concentration: ArrayLike, n_sites: int, n_vacancies: int) -> FloatArray:
    """What turns tracer diffusivities of a cell into those at `concentration`: D* = D_cell c N / n_vacancies.

    Valid while vacancies meet each other rarely, in the cell and in the crystal.
    """
    return np.asarray(concentration, dtype=np.float64) * n_sites / n_vacancies
