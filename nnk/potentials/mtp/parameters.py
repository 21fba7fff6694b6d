"""What a moment tensor potential consists of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class MtpParameters:
    """A moment tensor potential.

    The energy of an atom of species s is ``species_coeffs[s] + sum(moment_coeffs * moments[mapping])``. A
    basic moment (mu, a, b, c) is the sum of ``f_mu(r) x^a y^b z^c / r^(a+b+c)`` over the neighbours; the
    others are products of earlier ones: for each (i, j, factor, k) of `times`, ``moments[k] += factor
    moments[i] moments[j]``. With xi = (2 r - min - max) / (max - min) the radial functions are ``f_mu(r) =
    scaling (r - max)^2 sum_q radial_coeffs[s, s', mu, q] T_q(xi)``, zero from max on (Novikov et al. 2021,
    eqs. 2-6).

    Attributes:
        scaling: factor of all radial functions.
        min_dist_A: distance at which xi is -1.
        max_dist_A: cutoff.
        radial_coeffs: float64[species, species of the neighbour, functions, Chebyshev polynomials].
        basic: int64[n_basic, 4], mu and the powers of x, y, z.
        times: int64[n_times, 4].
        n_moments: number of moments, the basic ones first.
        mapping: int64[n_scalars], the scalar moments.
        species_coeffs: float64[species] in eV.
        moment_coeffs: float64[n_scalars] in eV.
    """

    scaling: float
    min_dist_A: float
    max_dist_A: float
    radial_coeffs: NDArray[np.float64]
    basic: NDArray[np.int64]
    times: NDArray[np.int64]
    n_moments: int
    mapping: NDArray[np.int64]
    species_coeffs: NDArray[np.float64]
    moment_coeffs: NDArray[np.float64]

    @property
    def n_species(self) -> int:
        """Number of species."""
        return len(self.species_coeffs)
