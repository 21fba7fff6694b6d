"""Stationary points in boxes of their own: the edges scaled until there is no pressure.

At zero pressure the enthalpy is the energy, and an error of the pressure changes it in second order only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nnk.barriers import Flag
from nnk.lattice import Lattice
from nnk.saddle.minimise import Point
from nnk.saddle.problem import NoLabel, VacancyProblem

FloatArray = NDArray[np.float64]

PRESSURE_EV_A3 = 1e-4  # of 5,000 Å^3 with a bulk modulus of 1 eV/Å^3: 0.03 meV
_STIFFNESS_EV_A3 = 3.0  # -dp/d(ln edge), three bulk moduli, for the first step
_LONGEST = 0.02  # step in ln edge
_STEPS = 12


def without_pressure(
    problem: VacancyProblem, point: Point, settle: Callable[[FloatArray], Point], state: str
) -> Point:
    """The same stationary point at zero pressure; the problem is in its box afterwards.

    All edges scale alike, so that the box stays that of the lattice.

    Args:
        problem: in the box of `point`.
        point: the stationary point in that box.
        settle: the stationary point near a configuration, in the box that the problem is in.
        state: what to call it in a reason.

    Raises:
        NoLabel: no such box within a few steps; and what `settle` raises.
    """
    lattice, stiffness, last = problem.lattice, _STIFFNESS_EV_A3, None
    for _ in range(_STEPS):
        pressure = _pressure_eV_A3(problem, point)
        if abs(pressure) < PRESSURE_EV_A3:
            return point
        if last is not None:
            measured = (last[1] - pressure) / (math.log(lattice.a_A) - last[0])
            stiffness = measured if measured > 0 else stiffness
        last = math.log(lattice.a_A), pressure
        strain = max(-_LONGEST, min(pressure / stiffness, _LONGEST))
        scaled = replace(lattice, a_A=lattice.a_A * math.exp(strain))
        point = _scaled(problem, point, scaled, settle)
        lattice = scaled
    raise NoLabel(Flag.FAILED, f"{state}: no box without pressure found")


def _pressure_eV_A3(problem: VacancyProblem, point: Point) -> float:
    stress = problem.force_field.energy_forces_stress(point.positions_A)[2]
    return -float(stress[:3].mean())


def _scaled(
    problem: VacancyProblem, point: Point, lattice: Lattice, settle: Callable[[FloatArray], Point]
) -> Point:
    factor = lattice.a_A / problem.lattice.a_A
    problem.put_into(lattice)
    return settle(factor * point.positions_A)
