"""Section ``potential``: what gives the forces of the barrier searches."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from launch.schema.base import Section, refuse
from nnk.potentials import PotentialSpec

_PLANNED = {"mtp", "lammps", "ase"}


class Potential(Section):
    """The interatomic potential. This version has the built-in one."""

    builtin: Literal["zhou-eam"]
    """zhou-eam: embedded-atom potential for Nb, Mo, Ta, W; for demonstration, not for publication."""

    @model_validator(mode="before")
    @classmethod
    def _only_builtin(cls, data: Any) -> Any:
        found = sorted(_PLANNED & set(data)) if isinstance(data, dict) else []
        if found:
            raise refuse(f"{found[0]} is not supported in this version; allowed: {{builtin: zhou-eam}}")
        return data

    def spec(self) -> PotentialSpec:
        """The potential as the library names it."""
        return PotentialSpec(kind="builtin", name=self.builtin)
