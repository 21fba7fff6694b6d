"""A model that obeys detailed balance by construction and can order.

    E_fwd = KRA(A, B) + [S(B) - S(A)] / 2

KRA, the kinetically resolved barrier, is the same for a jump and its reverse; S is a function of one state
alone, so that energy differences cancel on every closed loop. S must see the whole state: one read only from
the vacancy's surroundings is balanced too, but its equilibrium knows nothing of the matter beyond. So

    S = sum over all pairs of sites of V_k(s_i, s_j)  +  S_vac(surroundings of the vacancy),

and a jump changes the pair part only through the moving atom's bonds (`nnk.models.linear`). The networks know
directions; they are read in all equivalent ways and averaged (`nnk.models.views`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from nnk.environment import EnvironmentSpec, SpeciesArray, state_columns
from nnk.lattice import IntArray, Lattice, Structure
from nnk.models.base import (
    BarrierModel,
    Saved,
    Tensors,
    reordered_stack,
    stack_from_tensors,
    stack_tensors,
)
from nnk.models.linear import half_pair_difference, half_pair_difference_vacant, pair_energy
from nnk.models.program import (
    BalancedProgram,
    DenseStack,
    Float64Array,
    evaluate,
    linear_energy,
    state_energy,
)
from nnk.models.views import views_of


@dataclass(frozen=True)
class BalancedModel(BarrierModel):
    """KRA and S as linear parts plus small networks.

    Attributes:
        pair_eV: V_k(s, t), float64[shells, n_species + 1, n_species + 1], symmetric; 0 is the vacancy.
        kra_mover_eV: float64[n_species], KRA's constant for each moving species.
        kra_linear_eV: float64[n_species (mover), n_orbits, n_species]: KRA's share of an atom on a site, the
            same for all sites that the symmetry of jump and reverse (bcc D3d, fcc D2h) makes equal.
        kra: network on the union environment; KRA is its mean over the jump's symmetry.
        s_vac: network on the surroundings of the vacancy; S_vac is its mean over O_h.
    """

    elements: tuple[str, ...]
    structure: Structure
    shells: int
    pair_eV: Float64Array
    kra_mover_eV: Float64Array
    kra_linear_eV: Float64Array
    kra: DenseStack
    s_vac: DenseStack
    description: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str] = "detailed-balance"
    detailed_balance: ClassVar[bool] = True

    def __post_init__(self) -> None:
        n = len(self.elements)
        n_union = self.environment.n_env
        n_kra, n_state = int(self.environment.orbits.max()) + 1, self._surroundings.n_env
        expected = {
            "pair_eV": (self.pair_eV.shape, (self.shells, n + 1, n + 1)),
            "kra_mover_eV": (self.kra_mover_eV.shape, (n,)),
            "kra_linear_eV": (self.kra_linear_eV.shape, (n, n_kra, n)),
            "kra table": (self.kra.table.shape[:2], (n_union, n)),
            "s_vac table": (self.s_vac.table.shape[:2], (n_state, n)),
        }
        for name, (got, wanted) in expected.items():
            if got != wanted:
                raise ValueError(f"{name}: expected shape {wanted}, got {got}")
        if not np.array_equal(self.pair_eV, self.pair_eV.transpose(0, 2, 1)):
            raise ValueError("pair_eV: V_k(s, t) must equal V_k(t, s), or there is no energy of the state")

    @property
    def environment(self) -> EnvironmentSpec:
        """Sites within `shells` of either end of the jump."""
        return EnvironmentSpec(self.structure, self.shells, "union")

    @property
    def _surroundings(self) -> EnvironmentSpec:
        return EnvironmentSpec(self.structure, self.shells, "state")

    @cached_property
    def _state_views(self) -> IntArray:
        return views_of(self._surroundings, self.s_vac.table)

    @cached_property
    def _program(self) -> BalancedProgram:
        kra_linear = self.kra_linear_eV[:, self.environment.orbits]
        pairs = half_pair_difference(self.structure, self.shells, self.pair_eV)
        vacant = half_pair_difference_vacant(self.structure, self.shells, self.pair_eV)
        return BalancedProgram(
            structure=self.structure,
            union_offsets=self.environment.offsets,
            views=views_of(self.environment, self.kra.table),
            kra=self.kra,
            linear=kra_linear + pairs,
            linear_mover=self.kra_mover_eV,
            state_offsets=self._surroundings.offsets[self._state_views],
            s_vac=self.s_vac,
            linear_vacant=vacant,
        )

    def compiled(self) -> BalancedProgram:
        """The networks with their views, linear parts added up."""
        return self._program

    def predict(
        self, species: SpeciesArray, mover: SpeciesArray, jump: NDArray[np.uint8] | None = None
    ) -> Float64Array:
        """Forward barriers float64[m] (eV); see `BarrierModel.predict`.

        `jump` is not needed: the means over the views are the same in any frame.
        """
        program = self._program
        kra = self.kra.mean(species, mover, program.views)
        linear = linear_energy(program.linear, mover, species, program.linear_vacant)
        linear += np.pad(self.kra_mover_eV, (1, 0))[mover]
        before, after = (columns[0] for columns in state_columns(self.structure, self.shells))
        with_mover = np.concatenate([species, mover[:, None]], axis=1)
        nobody = np.zeros_like(mover)
        end, start = (
            self.s_vac.mean(with_mover[:, columns], nobody, self._state_views) for columns in (after, before)
        )
        return kra + linear + 0.5 * (end - start)

    def barriers(self, occupancy: SpeciesArray, vacancy_site: int, lattice: Lattice) -> Float64Array:
        """As `BarrierModel.barriers`; other vacancies nearby are also asked for what the jump changes."""
        if np.count_nonzero(occupancy == 0) < 2:
            return super().barriers(occupancy, vacancy_site, lattice)
        self.environment.check(lattice)
        return evaluate(self._program, lattice, occupancy, vacancy_site)

    def energy(self, occupancy: SpeciesArray, lattice: Lattice) -> float:
        """S (eV) of the whole state, up to a constant: E_fwd - E_bwd of any jump is its change.

        With several vacancies S_vac is counted for each; pairs of vacancies have the energy V_k(0, 0).
        """
        self.environment.check(lattice)
        pairs = pair_energy(lattice, occupancy, self.pair_eV)
        return pairs + state_energy(self._program, lattice, occupancy)

    def tensors(self) -> Tensors:
        """Linear parts and the arrays of both networks."""
        linear = {
            "pair_eV": self.pair_eV,
            "kra_mover_eV": self.kra_mover_eV,
            "kra_linear_eV": self.kra_linear_eV,
        }
        return linear | stack_tensors("kra", self.kra) | stack_tensors("s_vac", self.s_vac)

    @classmethod
    def from_saved(cls, saved: Saved) -> Self:
        """See `BarrierModel.from_saved`."""
        tensors = saved.tensors
        s_vac = stack_from_tensors("s_vac", tensors)
        state = EnvironmentSpec(saved.structure, saved.shells, "state")
        if len(s_vac.table) == state.orbits.max() + 1:  # as once saved: a row per set of equivalent sites
            s_vac = replace(s_vac, table=s_vac.table[state.orbits])
        return cls(
            saved.elements,
            saved.structure,
            saved.shells,
            pair_eV=tensors["pair_eV"],
            kra_mover_eV=tensors["kra_mover_eV"],
            kra_linear_eV=tensors["kra_linear_eV"],
            kra=stack_from_tensors("kra", tensors),
            s_vac=s_vac,
            description=saved.description,
        )

    def _reordered(self, elements: tuple[str, ...], order: Sequence[int]) -> Self:
        with_vacancy = np.array([0, *(i + 1 for i in order)])
        species = np.array(order)
        return replace(
            self,
            elements=elements,
            pair_eV=self.pair_eV[:, with_vacancy[:, None], with_vacancy],
            kra_mover_eV=self.kra_mover_eV[species],
            kra_linear_eV=self.kra_linear_eV[species][:, :, species],
            kra=reordered_stack(self.kra, order),
            s_vac=reordered_stack(self.s_vac, order),
        )
