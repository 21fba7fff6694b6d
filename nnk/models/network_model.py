"""Any trained network as a model, evaluated by torch. Torch is imported when it is first asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from nnk.environment import EnvironmentSpec, SpeciesArray
from nnk.lattice import Structure
from nnk.models.base import BarrierModel, Saved, Tensors
from nnk.models.program import Float64Array
from nnk.networks.kinds import imported, options_of
from nnk.networks.options import Options
from nnk.networks.setting import Setting

if TYPE_CHECKING:
    from nnk.networks.evaluator import Evaluator


@dataclass(frozen=True)
class NetworkModel(BarrierModel):
    """E_fwd = shift + scale x network(species around the jump).

    It has no program: an engine asks `predict`. A jump's barrier depends on the others of its batch by
    rounding alone (float32, below 1e-5 eV).

    Attributes:
        network: kind of network, see `nnk.networks.kinds`.
        options: its architecture.
        reads: which environment it reads.
        balanced: whether it obeys detailed balance by construction.
        a_A: lattice parameter (Å) that it was trained with.
        numbering: the elements as the network numbers them; `elements` may be in another order, or fewer.
        shift_eV, scale_eV: zero and unit of its output.
        weights: its parameters and running statistics.
        device: where it is evaluated; not kept with the model.
    """

    elements: tuple[str, ...]
    structure: Structure
    shells: int
    network: str
    options: Options
    reads: Literal["initial", "union"]
    balanced: bool
    a_A: float
    numbering: tuple[str, ...]
    shift_eV: float
    scale_eV: float
    weights: Tensors
    description: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"

    @property
    def kind(self) -> str:
        """The kind of the network."""
        return self.network

    @property
    def detailed_balance(self) -> bool:
        """Whether it obeys detailed balance by construction."""
        return self.balanced

    @property
    def environment(self) -> EnvironmentSpec:
        """The sites that the network reads."""
        return EnvironmentSpec(self.structure, self.shells, self.reads)

    @cached_property
    def _evaluate(self) -> Evaluator:
        setting = Setting(self.numbering, self.structure, self.shells, self.a_A)
        evaluator: type[Evaluator] = imported("nnk.networks.evaluator:Evaluator")
        return evaluator(self.network, setting, self.options, self.weights, self.device)

    @property
    def _own_numbers(self) -> SpeciesArray:
        """The network's number of each species number, uint8[n_species + 1]."""
        return np.array([0, *(self.numbering.index(name) + 1 for name in self.elements)], dtype=np.uint8)

    def predict(
        self, species: SpeciesArray, mover: SpeciesArray, jump: NDArray[np.uint8] | None = None
    ) -> Float64Array:
        """Forward barriers float64[m] (eV); see `BarrierModel.predict`. `jump` is not needed."""
        own = self._own_numbers
        return self.shift_eV + self.scale_eV * self._evaluate(own[species], own[mover])

    def energy_differences(self, species: SpeciesArray, mover: SpeciesArray) -> Float64Array | None:
        """See `BarrierModel.energy_differences`."""
        own = self._own_numbers
        found = self._evaluate.energy_differences(own[species], own[mover])
        return None if found is None else self.scale_eV * found

    def compiled(self) -> None:
        """None: only `predict` can evaluate it."""

    def tensors(self) -> Tensors:
        """The network's weights, and all numbers that a barrier depends on."""
        named = {"a_A": self.a_A, "shift_eV": self.shift_eV, "scale_eV": self.scale_eV}
        numbers = {name: np.array([number]) for name, number in named.items()}
        weights = {f"network.{name}": array for name, array in self.weights.items()}
        return weights | numbers | {"own_numbers": self._own_numbers}

    def details(self) -> dict[str, Any]:
        """Architecture, and the elements as the network numbers them."""
        return {
            "options": asdict(self.options),
            "reads": self.reads,
            "balanced": self.balanced,
            "numbering": list(self.numbering),
        }

    @classmethod
    def from_saved(cls, saved: Saved) -> Self:
        """See `BarrierModel.from_saved`."""
        details, tensors = saved.details, saved.tensors
        weights = {n.removeprefix("network."): a for n, a in tensors.items() if n.startswith("network.")}
        return cls(
            saved.elements,
            saved.structure,
            saved.shells,
            network=saved.kind,
            options=options_of(saved.kind, details["options"]),
            reads=details["reads"],
            balanced=details["balanced"],
            numbering=tuple(details["numbering"]),
            a_A=float(tensors["a_A"][0]),
            shift_eV=float(tensors["shift_eV"][0]),
            scale_eV=float(tensors["scale_eV"][0]),
            weights=weights,
            description=saved.description,
        )

    def _reordered(self, elements: tuple[str, ...], order: Sequence[int]) -> Self:
        return replace(self, elements=elements)

    def on(self, device: str) -> Self:
        """The same model, evaluated on `device` ("cpu", "cuda", ...)."""
        return replace(self, device=device)
