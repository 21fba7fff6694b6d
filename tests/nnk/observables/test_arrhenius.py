from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from nnk.constants import K_B_eV_K
from nnk.observables.arrhenius import arrhenius_fit

TEMPERATURES_K = np.array([600.0, 700.0, 850.0, 1000.0, 1300.0, 1800.0, 2500.0])
ERRORS = np.array([0.3, 0.1, 0.05, 0.1, 0.02, 0.05, 0.2])


def line(temperature_K, ln_prefactor=-15.0, activation_eV=1.7):
    return np.exp(ln_prefactor - activation_eV / (K_B_eV_K * np.asarray(temperature_K)))


def fits(count, underestimated):
    rng = np.random.default_rng(3)
    for _ in range(count):
        D = line(TEMPERATURES_K) * np.exp(ERRORS * rng.normal(size=len(ERRORS)))
        yield arrhenius_fit(TEMPERATURES_K, D, D * ERRORS / underestimated)


def test_points_on_a_line_give_it_back():
    D = line(TEMPERATURES_K)
    fit = arrhenius_fit(TEMPERATURES_K, D, ERRORS * D)
    assert fit.ln_prefactor == pytest.approx(-15.0)
    assert fit.prefactor == pytest.approx(np.exp(-15.0))
    assert fit.activation_eV == pytest.approx(1.7)
    assert fit.chi_squared == pytest.approx(0, abs=1e-12)
    assert fit.degrees == 5
    assert fit.probability == pytest.approx(1)
    np.testing.assert_allclose(fit.at([400.0, 3000.0]), line([400.0, 3000.0]), rtol=1e-9)


def test_solution_and_covariance_are_those_of_scipy():
    D = line(TEMPERATURES_K) * np.exp(ERRORS * np.array([1, -1, 0.5, 0.2, -0.7, 0.3, -0.1]))
    fit = arrhenius_fit(TEMPERATURES_K, D, ERRORS * D)

    def straight(beta, ln_prefactor, activation_eV):
        return ln_prefactor - activation_eV * beta

    beta = 1 / (K_B_eV_K * TEMPERATURES_K)
    found, covariance = curve_fit(straight, beta, np.log(D), sigma=ERRORS, absolute_sigma=True)
    np.testing.assert_allclose([fit.ln_prefactor, fit.activation_eV], found, rtol=1e-6)
    np.testing.assert_allclose(fit.covariance, covariance, rtol=1e-4)
    assert fit.chi_squared < fit.degrees
    assert fit.activation_error_eV == pytest.approx(covariance[1, 1] ** 0.5, rel=1e-4)
    assert fit.ln_prefactor_error == pytest.approx(covariance[0, 0] ** 0.5, rel=1e-4)


@pytest.mark.parametrize(("underestimated", "lowest", "highest"), [(4.0, 0.93, 0.97), (1.0, 0.95, 1.0)])
def test_the_true_line_lies_in_the_band_as_often_as_is_said(underestimated, lowest, highest):
    """With errors too small it is the scatter that counts; with right ones the band is on the safe side."""
    at = np.array([650.0, 1000.0, 2200.0])
    bands = [fit.band(at) for fit in fits(1000, underestimated)]
    inside = np.mean([(low < line(at)) & (line(at) < high) for low, high in bands], axis=0)
    assert (inside >= lowest).all()
    assert (inside <= highest).all()


def test_errors_of_the_energy_are_its_scatter():
    found = list(fits(1000, 1.0))
    scatter = np.std([fit.activation_eV for fit in found])
    assert np.median([fit.activation_error_eV for fit in found]) == pytest.approx(scatter, rel=0.15)
    assert 0.02 < np.mean([fit.probability < 0.05 for fit in found]) < 0.08


def test_two_points_have_a_line_and_no_band():
    fit = arrhenius_fit([800.0, 1200.0], line([800.0, 1200.0]), line([800.0, 1200.0]) / 10)
    assert fit.activation_eV == pytest.approx(1.7)
    assert np.isnan(fit.band(1000.0)).all()
    assert np.isnan(fit.probability)


@pytest.mark.parametrize(
    ("temperatures", "values", "errors", "message"),
    [
        ([800.0, 800.0], [1.0, 1.0], [0.1, 0.1], "two temperatures"),
        ([800.0, 900.0], [1.0, 0.0], [0.1, 0.1], "above 0"),
        ([800.0, 900.0], [1.0, 1.0], [0.1, np.nan], "above 0"),
        ([800.0, 900.0], [1.0], [0.1], "one length"),
    ],
)
def test_nonsense_is_refused(temperatures, values, errors, message):
    with pytest.raises(ValueError, match=message):
        arrhenius_fit(temperatures, values, errors)
