"""A potential tried on a small crystal before anything is computed with it.

What a text cannot tell shows here: a file that the engine does not read, a calculator that does not know an
element, forces that do not belong to the energy, a box that is not periodic.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.data import atomic_numbers, reference_states

from nnk.files import rng
from nnk.lattice import Lattice, Structure
from nnk.potentials.base import FloatArray, ForceField, ForceFieldError
from nnk.potentials.spec import PotentialSpec, make_force_field

_CELLS = {"bcc": (3, 3, 3), "fcc": (2, 2, 2)}
_SITES_PER_CELL = {"bcc": 2, "fcc": 4}
_USUAL_VOLUME_A3 = 16.0  # per atom, of elements whose crystal is of another kind
_RATTLE_A = 0.05
_STEP_A = 0.02  # of all atoms together: energies of density-functional codes are good to 1e-4 eV or so
_SLOPE_TOLERANCE = 0.05
_IMAGE_TOLERANCE_EV = 1e-3  # per atom: the grids of density-functional codes are felt
_TIMED_CALLS = 3


class ProbeError(Exception):
    """A potential that cannot be used: what is wrong with it, and what to do."""


@dataclass(frozen=True)
class Probe:
    """What a potential has shown.

    Attributes:
        potential_hash: hash of the potential.
        n_atoms: atoms of the crystal it was tried on.
        energy_per_atom_eV: their energy.
        slope_error: largest difference between forces and slopes of the energy, by the size of the forces.
        image_error_eV: change of the energy per atom when all move together, and some by whole cells.
        seconds_per_call: least wall time of an evaluation.
    """

    potential_hash: str
    n_atoms: int
    energy_per_atom_eV: float
    slope_error: float
    image_error_eV: float
    seconds_per_call: float


def atomic_volume_A3(element: str) -> float | None:
    """Volume per atom of an element in its own crystal if that is bcc, fcc or hcp, else None.

    Source: the reference states of ASE.
    """
    state: dict[str, Any] = dict(reference_states[atomic_numbers[element]] or {})
    symmetry, a_A = str(state.get("symmetry")), state.get("a")
    if symmetry in _SITES_PER_CELL and a_A:
        return float(a_A) ** 3 / _SITES_PER_CELL[symmetry]
    if symmetry == "hcp" and a_A:
        return float(np.sqrt(3) / 4 * float(a_A) ** 3 * float(state["c/a"]))
    return None


def lattice_parameter_A(structure: Structure, volume_A3: float) -> float:
    """Edge of the cubic cell of a lattice by its volume per atom."""
    return float((_SITES_PER_CELL[structure] * volume_A3) ** (1 / 3))


def sample(elements: Sequence[str], structure: Structure) -> tuple[list[str], FloatArray, FloatArray]:
    """Species, edges and positions of a small rattled crystal in which every element stands."""
    volumes = [atomic_volume_A3(name) or _USUAL_VOLUME_A3 for name in elements]
    lattice = Lattice(structure, _CELLS[structure], lattice_parameter_A(structure, float(np.mean(volumes))))
    stream = rng(0, "probe")
    species = [elements[i % len(elements)] for i in stream.permutation(lattice.n_sites)]
    return species, lattice.box_A, lattice.positions_A + stream.normal(0, _RATTLE_A, (lattice.n_sites, 3))


def probe(spec: PotentialSpec, elements: Sequence[str], structure: Structure) -> Probe:
    """Construct a potential and try it on all elements of an alloy.

    Raises:
        ProbeError: it cannot be constructed, fails, or its results contradict each other.
    """
    try:
        force_field = make_force_field(spec)
    except ImportError as error:
        raise ProbeError(f"{error}; it has to be installed where the jobs run") from error
    except Exception as error:
        raise ProbeError(f"cannot be constructed: {error}; see its manual for what it needs") from error
    try:
        return _try(force_field, spec, *sample(elements, structure))
    except (ForceFieldError, ValueError) as error:
        names = ", ".join(elements)
        raise ProbeError(f"fails on a crystal of {names}: {error}; allowed: a potential for them") from error
    finally:
        force_field.close()


def _try(
    force_field: ForceField, spec: PotentialSpec, species: list[str], cell_A: FloatArray, at_A: FloatArray
) -> Probe:
    force_field.set(species, cell_A)
    energy_eV, forces = force_field.energy_forces(at_A)
    slope_error = _slope_error(force_field, at_A, forces)
    if slope_error > _SLOPE_TOLERANCE:
        text = f"the forces differ from the slope of the energy by {slope_error:.0%}"
        raise ProbeError(f"{text}; allowed: a potential whose forces belong to its energy")
    stream = rng(0, "probe images")
    images = at_A + cell_A * (stream.random(3) + stream.integers(-1, 2, at_A.shape))
    image_error_eV = abs(force_field.energy_forces(images)[0] - energy_eV) / len(species)
    if image_error_eV > _IMAGE_TOLERANCE_EV:
        text = f"the energy changes by {image_error_eV:.2g} eV per atom when the crystal moves through its"
        raise ProbeError(f"{text} cell; allowed: a potential for periodic cells")
    seconds = min(_timed(force_field, at_A) for _ in range(_TIMED_CALLS))
    return Probe(
        spec.hash, len(species), energy_eV / len(species), slope_error, image_error_eV, round(seconds, 7)
    )


def _slope_error(force_field: ForceField, at_A: FloatArray, forces: FloatArray) -> float:
    """Forces against energy differences for steps of all atoms along x, y and z, relative to the forces."""
    size, error = float(np.linalg.norm(forces)), 0.0
    for axis in range(3):
        along = np.zeros_like(forces)
        along[:, axis] = forces[:, axis] if forces[:, axis].any() else rng(0, "probe").normal(size=len(at_A))
        step = _STEP_A * along / np.linalg.norm(along)
        up, down = (force_field.energy_forces(at_A + sign * step)[0] for sign in (1, -1))
        expected = float((forces * step).sum())
        error = max(error, abs((down - up) / 2 - expected) / (_STEP_A * max(size, 1e-3)))
    return error


def _timed(force_field: ForceField, at_A: FloatArray) -> float:
    began = time.perf_counter()
    force_field.energy_forces(at_A)
    return time.perf_counter() - began
