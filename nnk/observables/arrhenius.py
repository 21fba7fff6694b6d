"""Straight lines through ln D against 1/T, with their bands of confidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2, t

from nnk.constants import K_B_eV_K

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ArrheniusFit:
    """``ln D = ln D0 - Q / kT``.

    Attributes:
        ln_prefactor: ln D0, D0 in the unit of D.
        activation_eV: Q.
        covariance: float64[2, 2] of (ln D0, Q), scaled up by `chi_squared` per degree of freedom where that
            is above 1: then the points stray from the line by more than their errors.
        chi_squared: sum of the squared deviations from the line in units of the points' errors.
        degrees: of freedom, points minus two.
    """

    ln_prefactor: float
    activation_eV: float
    covariance: FloatArray
    chi_squared: float
    degrees: int

    @property
    def prefactor(self) -> float:
        """D0."""
        return float(np.exp(self.ln_prefactor))

    @property
    def ln_prefactor_error(self) -> float:
        """Standard error of ln D0."""
        return float(np.sqrt(self.covariance[0, 0]))

    @property
    def activation_error_eV(self) -> float:
        """Standard error of Q."""
        return float(np.sqrt(self.covariance[1, 1]))

    @property
    def probability(self) -> float:
        """Probability that points on a true line stray at least as far; NaN for two points."""
        return float(chi2.sf(self.chi_squared, self.degrees)) if self.degrees else np.nan

    def at(self, temperature_K: ArrayLike) -> FloatArray:
        """D float64[...] on the line."""
        return np.exp(_design(temperature_K) @ [self.ln_prefactor, self.activation_eV])

    def band(self, temperature_K: ArrayLike, confidence: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Bounds float64[...] of D between which the true line lies at each temperature by itself.

        Student's t with `degrees`; NaN for two points, which leave nothing to judge the line by.
        """
        rows = _design(temperature_K)
        spread = np.sqrt(np.einsum("...i,ij,...j", rows, self.covariance, rows))
        width = t.ppf(0.5 * (1 + confidence), self.degrees) * spread if self.degrees else np.nan * spread
        line = self.at(temperature_K)
        return line * np.exp(-width), line * np.exp(width)


def arrhenius_fit(temperature_K: ArrayLike, values: ArrayLike, errors: ArrayLike) -> ArrheniusFit:
    """Weighted least squares of ln D against 1/kT.

    Args:
        temperature_K: float64[n].
        values: float64[n] above 0, D.
        errors: float64[n] above 0, standard errors of D; that of ln D is taken as error / value.

    Raises:
        ValueError: fewer than two temperatures, shapes that differ, or values or errors that are not above 0.
    """
    temperatures, D, spread = (np.asarray(x, dtype=np.float64) for x in (temperature_K, values, errors))
    if not (temperatures.shape == D.shape == spread.shape and D.ndim == 1):
        raise ValueError(f"expected rows of one length, got {temperatures.shape}, {D.shape}, {spread.shape}")
    if len(np.unique(temperatures)) < 2:
        raise ValueError("expected at least two temperatures")
    if not (np.isfinite(D * spread).all() and (D > 0).all() and (spread > 0).all()):
        raise ValueError("expected values and errors above 0")
    weights = D / spread
    design, target = weights[:, None] * _design(temperatures), weights * np.log(D)
    covariance = np.asarray(np.linalg.inv(design.T @ design), dtype=np.float64)
    solution = covariance @ design.T @ target
    chi_squared, degrees = float(np.sum((target - design @ solution) ** 2)), len(D) - 2
    scale = max(1.0, chi_squared / degrees) if degrees else 1.0
    return ArrheniusFit(float(solution[0]), float(solution[1]), scale * covariance, chi_squared, degrees)


def _design(temperature_K: ArrayLike) -> FloatArray:
    """Rows (1, -1/kT), float64[..., 2]."""
    beta = 1 / (K_B_eV_K * np.asarray(temperature_K, dtype=np.float64))
    return np.stack([np.ones_like(beta), -beta], axis=-1)
