"""Interatomic potentials: what is asked for (`PotentialSpec`) and how it is evaluated (`ForceField`)."""

from __future__ import annotations

from nnk.potentials.base import ForceField, ForceFieldError
from nnk.potentials.spec import (
    BUILTIN_POTENTIALS,
    AseCalculator,
    Builtin,
    Lammps,
    Mtp,
    PotentialSpec,
    engine_versions,
    make_force_field,
    spec_from_json,
)

__all__ = [
    "BUILTIN_POTENTIALS",
    "AseCalculator",
    "Builtin",
    "ForceField",
    "ForceFieldError",
    "Lammps",
    "Mtp",
    "PotentialSpec",
    "engine_versions",
    "make_force_field",
    "spec_from_json",
]
