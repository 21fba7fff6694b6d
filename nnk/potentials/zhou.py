"""Embedded-atom potential of Zhou, Johnson and Wadley for Nb, Mo, Ta and W, as tables for LAMMPS.

A *demonstration* potential: it runs everything for real (bcc alloys stay bcc, vacancies migrate at 0.8-1.6
eV), but barriers for publication want a potential fitted to the alloy. Intermediate minima half-way along a
jump are frequent in it.

Sources: X. W. Zhou, R. A. Johnson, H. N. G. Wadley, Phys. Rev. B 69, 144113 (2004), table III (Mo, Ta, W);
Y. Wu et al., Materials & Design 230, 111999 (2023) (Nb, the same form with exponents 18 and 21 instead of
20 and 20). Elements are mixed by Johnson's alloy model, R. A. Johnson, Phys. Rev. B 39, 12554 (1989).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

N_R = 4000  # points of each radial table
N_RHO = 4000  # points of each embedding table
CUTOFF_A = 6.5
SWITCH_A = 0.6  # width of the region below the cutoff in which the tables go smoothly to zero
RHO_MAX = 300.0
_R_MIN_A = 0.5  # below this the radial functions are kept constant


@dataclass(frozen=True)
class ZhouElement:
    """Parameters of one element, named as in Zhou et al. (2004), eqs. 1-11 of the appendix.

    Attributes:
        r_e_A: equilibrium nearest-neighbour distance.
        f_e, rho_e, rho_s: scales of the electron density.
        alpha, beta, A_eV, B_eV, kappa, lambda_: pair repulsion and attraction.
        F_n_eV: embedding below 0.85 rho_e. F_eV: between (0, 1, 2, and 3 below and above rho_e).
        eta, F_e_eV: embedding above 1.15 rho_e.
        m, n: exponents of the cut-off denominators of repulsion and attraction.
    """

    number: int
    mass_u: float
    r_e_A: float
    f_e: float
    rho_e: float
    rho_s: float
    alpha: float
    beta: float
    A_eV: float
    B_eV: float
    kappa: float
    lambda_: float
    F_n_eV: tuple[float, float, float, float]
    F_eV: tuple[float, float, float, float, float]
    eta: float
    F_e_eV: float
    m: int = 20
    n: int = 20


ELEMENTS: dict[str, ZhouElement] = {
    "Nb": ZhouElement(
        number=41,
        mass_u=92.90637,
        r_e_A=2.841095,
        f_e=2.889829,
        rho_e=31.417267,
        rho_s=31.699834,
        alpha=7.595435,
        beta=4.417068,
        A_eV=0.579206,
        B_eV=0.909354,
        kappa=0.138183,
        lambda_=0.368801,
        F_n_eV=(-4.924136, -0.535647, 1.649732, -2.738757),
        F_eV=(-4.970108, 0.0, 1.928528, -0.764655, -0.765052),
        eta=0.909898,
        F_e_eV=-4.967403,
        m=18,
        n=21,
    ),
    "Mo": ZhouElement(
        number=42,
        mass_u=95.94,
        r_e_A=2.7281,
        f_e=2.72371,
        rho_e=29.354065,
        rho_s=29.354065,
        alpha=8.393531,
        beta=4.47655,
        A_eV=0.708787,
        B_eV=1.120373,
        kappa=0.13764,
        lambda_=0.27528,
        F_n_eV=(-3.692913, -0.178812, 0.38045, -3.13365),
        F_eV=(-3.71, 0.0, 0.875874, 0.776222, 0.776222),
        eta=0.790879,
        F_e_eV=-3.712093,
    ),
    "Ta": ZhouElement(
        number=73,
        mass_u=180.9479,
        r_e_A=2.860082,
        f_e=3.086341,
        rho_e=33.787168,
        rho_s=33.787168,
        alpha=8.489528,
        beta=4.527748,
        A_eV=0.611679,
        B_eV=1.032101,
        kappa=0.176977,
        lambda_=0.353954,
        F_n_eV=(-5.103845, -0.405524, 1.112997, -3.585325),
        F_eV=(-5.14, 0.0, 1.640098, 0.221375, 0.221375),
        eta=0.848843,
        F_e_eV=-5.141526,
    ),
    "W": ZhouElement(
        number=74,
        mass_u=183.84,
        r_e_A=2.74084,
        f_e=3.48734,
        rho_e=37.234847,
        rho_s=37.234847,
        alpha=8.900114,
        beta=4.746728,
        A_eV=0.882435,
        B_eV=1.394592,
        kappa=0.139209,
        lambda_=0.278417,
        F_n_eV=(-4.946281, -0.148818, 0.365057, -4.432406),
        F_eV=(-4.96, 0.0, 0.661935, 0.348147, 0.348147),
        eta=0.582714,
        F_e_eV=-4.961306,
    ),
}


def density(element: ZhouElement, r_A: FloatArray) -> FloatArray:
    """Electron density at distance `r_A` from an atom, before the cut-off."""
    x = r_A / element.r_e_A
    return element.f_e * np.exp(-element.beta * (x - 1)) / (1 + (x - element.lambda_) ** element.n)


def pair_energy(element: ZhouElement, r_A: FloatArray) -> FloatArray:
    """Pair energy (eV) of two atoms of one element, before the cut-off."""
    x = r_A / element.r_e_A
    repulsion = element.A_eV * np.exp(-element.alpha * (x - 1)) / (1 + (x - element.kappa) ** element.m)
    attraction = element.B_eV * np.exp(-element.beta * (x - 1)) / (1 + (x - element.lambda_) ** element.n)
    return repulsion - attraction


def mixed_pair_energy(first: ZhouElement, second: ZhouElement, r_A: FloatArray) -> FloatArray:
    """Pair energy (eV) of two elements in Johnson's alloy model."""
    ratio = density(second, r_A) / density(first, r_A)
    return 0.5 * (ratio * pair_energy(first, r_A) + pair_energy(second, r_A) / ratio)


def embedding_energy(element: ZhouElement, rho: FloatArray) -> FloatArray:
    """Energy (eV) of embedding an atom in an electron density; its pieces join at 0.85 and 1.15 rho_e."""
    low, high = 0.85 * element.rho_e, 1.15 * element.rho_e
    x, y = rho / low - 1, rho / element.rho_e - 1
    sparse = sum(c * x**i for i, c in enumerate(element.F_n_eV))
    f0, f1, f2, below, above = element.F_eV
    middle = f0 + f1 * y + f2 * y**2 + np.where(rho < element.rho_e, below, above) * y**3
    z = np.maximum(rho, 1e-12) / element.rho_s
    dense = element.F_e_eV * (1 - element.eta * np.log(z)) * z**element.eta
    return np.where(rho < low, sparse, np.where(rho < high, middle, dense))


def switch(r_A: FloatArray) -> FloatArray:
    """1 up to the cutoff less `SWITCH_A`, 0 from the cutoff on, twice differentiable between."""
    u = np.clip((r_A - CUTOFF_A + SWITCH_A) / SWITCH_A, 0.0, 1.0)
    return 1 - u**3 * (10 - 15 * u + 6 * u * u)


def _lines(values: FloatArray) -> list[str]:
    return [" ".join(f"{value:.15e}" for value in row) for row in values.reshape(-1, 4)]


def setfl(elements: Sequence[str]) -> str:
    """The potential as text of a LAMMPS ``eam/alloy`` (setfl) file.

    Raises:
        ValueError: an element without parameters.
    """
    unknown = [name for name in elements if name not in ELEMENTS]
    if unknown:
        raise ValueError(f"no parameters for {', '.join(unknown)}: there are {', '.join(ELEMENTS)}")
    table = [ELEMENTS[name] for name in elements]
    rho, d_rho = np.linspace(0.0, RHO_MAX, N_RHO, retstep=True)
    r, d_r = np.linspace(0.0, CUTOFF_A, N_R, retstep=True)
    r_inner, cut = np.maximum(r, _R_MIN_A), switch(r)
    lines = [
        "Embedded-atom potential of the form of Zhou, Johnson and Wadley, PRB 69, 144113 (2004)",
        "Mo, Ta, W: ibid.; Nb: Wu et al., Materials & Design 230, 111999 (2023)",
        f"Johnson mixing; smooth cut-off {CUTOFF_A - SWITCH_A:g}-{CUTOFF_A:g} A",
        f"{len(elements)} {' '.join(elements)}",
        f"{N_RHO} {d_rho:.15g} {N_R} {d_r:.15g} {CUTOFF_A:.15g}",
    ]
    for entry in table:
        lines.append(f"{entry.number} {entry.mass_u:g} {2 * entry.r_e_A / np.sqrt(3):.6f} bcc")
        lines += _lines(embedding_energy(entry, rho)) + _lines(density(entry, r_inner) * cut)
    for i, first in enumerate(table):
        for second in table[: i + 1]:
            lines += _lines(r * mixed_pair_energy(first, second, r_inner) * cut)
    return "\n".join(lines) + "\n"
