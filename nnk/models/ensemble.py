"""Several models as one: their mean, and how far they disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray

from nnk.environment import EnvironmentSpec, SpeciesArray
from nnk.lattice import Lattice, Structure
from nnk.models.base import BarrierModel, Saved, Tensors
from nnk.models.network_model import NetworkModel
from nnk.models.program import EnsembleProgram, Float64Array
from nnk.models.single import model_of


@dataclass(frozen=True)
class EnsembleModel(BarrierModel):
    """The mean of models of one kind that differ in their first weights and in the order of their labels.

    The mean obeys detailed balance if the members do: energy differences add up.

    Attributes:
        members: two or more, of the same elements, structure and sites.
    """

    elements: tuple[str, ...]
    structure: Structure
    shells: int
    members: tuple[BarrierModel, ...]
    description: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str] = "ensemble"

    def __post_init__(self) -> None:
        if len(self.members) < 2:
            raise ValueError(f"members: expected two or more, got {len(self.members)}")
        for number, member in enumerate(self.members):
            if (member.elements, member.environment) != (self.elements, self.members[0].environment):
                raise ValueError(
                    f"members[{number}]: of other elements than the ensemble, or reads other sites"
                )

    @classmethod
    def of(cls, members: Sequence[BarrierModel], description: Mapping[str, Any]) -> Self:
        """The ensemble of `members`."""
        first = members[0]
        return cls(first.elements, first.structure, first.shells, tuple(members), description)

    @property
    def detailed_balance(self) -> bool:
        """Whether all members obey it by construction."""
        return all(member.detailed_balance for member in self.members)

    @property
    def environment(self) -> EnvironmentSpec:
        """The sites that the members read."""
        return self.members[0].environment

    def members_predict(
        self, species: SpeciesArray, mover: SpeciesArray, jump: NDArray[np.uint8] | None = None
    ) -> Float64Array:
        """Forward barriers float64[n_members, m] (eV) by each member; see `BarrierModel.predict`."""
        return np.stack([member.predict(species, mover, jump) for member in self.members])

    def predict(
        self, species: SpeciesArray, mover: SpeciesArray, jump: NDArray[np.uint8] | None = None
    ) -> Float64Array:
        """Forward barriers float64[m] (eV), the mean of the members; see `BarrierModel.predict`."""
        return cast(Float64Array, self.members_predict(species, mover, jump).mean(axis=0))

    def mean_and_spread(
        self, species: SpeciesArray, mover: SpeciesArray, jump: NDArray[np.uint8] | None = None
    ) -> tuple[Float64Array, Float64Array]:
        """Mean and standard deviation (of a sample: n_members - 1) of the members, each float64[m] in eV."""
        barriers = self.members_predict(species, mover, jump)
        return barriers.mean(axis=0), barriers.std(axis=0, ddof=1)

    def energy_differences(self, species: SpeciesArray, mover: SpeciesArray) -> Float64Array | None:
        """The mean of the members'; see `BarrierModel.energy_differences`."""
        found = [member.energy_differences(species, mover) for member in self.members]
        known = [differences for differences in found if differences is not None]
        return cast(Float64Array, np.mean(known, axis=0)) if len(known) == len(found) else None

    def barriers(self, occupancy: SpeciesArray, vacancy_site: int, lattice: Lattice) -> Float64Array:
        """As `BarrierModel.barriers`, the mean of the members'."""
        members = [member.barriers(occupancy, vacancy_site, lattice) for member in self.members]
        return cast(Float64Array, np.mean(members, axis=0))

    def compiled(self) -> EnsembleProgram | None:
        """The members' programs, None if they have none."""
        programs = tuple(member.compiled() for member in self.members)
        return None if None in programs else EnsembleProgram(cast(Any, programs))

    def tensors(self) -> Tensors:
        """The arrays of all members."""
        named = ((i, member.tensors()) for i, member in enumerate(self.members))
        return {f"members.{i}.{name}": array for i, arrays in named for name, array in arrays.items()}

    def details(self) -> dict[str, Any]:
        """What each member is."""
        return {"members": [{"kind": m.kind, "details": m.details()} for m in self.members]}

    @classmethod
    def from_saved(cls, saved: Saved) -> Self:
        """See `BarrierModel.from_saved`."""
        members = []
        for i, member in enumerate(saved.details["members"]):
            prefix = f"members.{i}."
            own = {n.removeprefix(prefix): a for n, a in saved.tensors.items() if n.startswith(prefix)}
            members.append(model_of(replace(saved, **member, tensors=own, description={})))
        return cls(saved.elements, saved.structure, saved.shells, tuple(members), saved.description)

    def _reordered(self, elements: tuple[str, ...], order: Sequence[int]) -> Self:
        members = tuple(member.remap(elements) for member in self.members)
        return replace(self, elements=elements, members=members)

    def on(self, device: str) -> Self:
        """The same model, its members that are evaluated by torch on `device`."""
        members = [m.on(device) if isinstance(m, NetworkModel) else m for m in self.members]
        return replace(self, members=tuple(members))
