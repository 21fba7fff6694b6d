"""The model Hessian: Fourier transform against the plain sum over bonds."""

import numpy as np
import pytest

from nnk.lattice import Lattice
from nnk.saddle.hessian import STABILISER_EV_A2, LatticeHessian, Shell, VacancyHessian

SHELLS = (Shell(2.4, -0.2), Shell(1.6, 0.03), Shell(0.1, -0.03))
LATTICES = [Lattice.bcc((3, 4, 5), 3.2), Lattice.fcc((3, 2, 4), 3.6), Lattice.bcc((2, 2, 2), 3.2)]


def dense(hessian):
    """The matrix float64[3 n, 3 n], bond by bond."""
    lattice = hessian.lattice
    n = lattice.n_sites
    matrix = np.zeros((n, 3, n, 3))
    for i in range(n):
        matrix[i, :, i, :] += hessian.self_stiffness
        for j, block in zip(lattice.sites_around(i, hessian.offsets), hessian.stiffness, strict=True):
            matrix[i, :, j, :] -= block
    return matrix.reshape(3 * n, 3 * n)


@pytest.mark.parametrize("lattice", LATTICES, ids=str)
def test_product_and_solution(lattice):
    hessian = LatticeHessian(lattice, SHELLS)
    matrix = dense(hessian)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-14)
    v = np.random.default_rng(0).standard_normal((lattice.n_sites, 3))
    np.testing.assert_allclose(hessian.product(v).ravel(), matrix @ v.ravel(), atol=1e-12)
    np.testing.assert_allclose(hessian.solve(v).ravel(), np.linalg.solve(matrix, v.ravel()), atol=1e-10)


@pytest.mark.parametrize("lattice", LATTICES, ids=str)
@pytest.mark.parametrize("site", [0, 7, -1])
def test_a_vacancy_is_a_free_node(lattice, site):
    site = site % lattice.n_sites
    perfect = LatticeHessian(lattice, SHELLS)
    matrix = dense(perfect)
    gone = np.arange(3 * site, 3 * site + 3)
    kept = np.setdiff1d(np.arange(len(matrix)), gone)
    between = matrix[np.ix_(kept, gone)]
    schur = matrix[np.ix_(kept, kept)] - between @ np.linalg.solve(matrix[np.ix_(gone, gone)], between.T)
    hessian = VacancyHessian(perfect, site)
    v = np.random.default_rng(1).standard_normal((lattice.n_sites - 1, 3))
    np.testing.assert_allclose(hessian.product(v).ravel(), schur @ v.ravel(), atol=1e-11)
    np.testing.assert_allclose(hessian.solve(v).ravel(), np.linalg.solve(schur, v.ravel()), atol=1e-10)


UNSTABLE = {
    "bcc Zr": (Shell(1.65, -0.17), Shell(-0.35, -0.04), Shell(-0.15, -0.01)),
    "negative": (Shell(-1.0, 0.0),),
}


@pytest.mark.parametrize("lattice", LATTICES, ids=str)
@pytest.mark.parametrize("shells", UNSTABLE.values(), ids=UNSTABLE)
def test_springs_that_leave_the_lattice_unstable_are_held_to_it(lattice, shells):
    hessian = LatticeHessian(lattice, shells)
    matrix = dense(hessian)
    assert np.linalg.eigvalsh(matrix).min() == pytest.approx(STABILISER_EV_A2, abs=1e-9)
    v = np.random.default_rng(2).standard_normal((lattice.n_sites, 3))
    np.testing.assert_allclose(hessian.product(v).ravel(), matrix @ v.ravel(), atol=1e-12)
    np.testing.assert_allclose(hessian.solve(hessian.product(v)), v, atol=1e-9)
