"""Kernel regression of barriers on surroundings site by site: a Gaussian process, fitted in closed form.

Two jumps are alike as their surroundings are, atom by atom, around the midpoint and around the atom that
jumps; the covariance is averaged over the operations that keep a jump, so equivalent frames give one barrier:

    k(x, x') = [m = m'] + A (1 + b [m = m']) sum_c <exp(-sum_i w_ci |phi(s_i) - phi(s'_gi)|^2 / R)>_g

with m the moving species, s_i the species on site i, c the two centres, and weights w that fall with the
distance and add up to one. phi is where an element stands (`element_embedding`): near in part to those of
alike group, volume and period, in part equally far from all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nnk.elements import element_numbers
from nnk.environment import SpeciesArray, canonical_jump
from nnk.networks.base import BarrierNetwork
from nnk.networks.options import KernelOptions
from nnk.networks.setting import Setting, Start

if TYPE_CHECKING:
    from nnk.models.base import BarrierModel

AMPLITUDE, SAME_MOVER = 3.0, 0.3  # A and b
RANGE = 1.5  # R
DECAY = 0.462  # of the weights, in distances of nearest neighbours
CUTOFFS = (2.425, 2.078)  # from the midpoint and from the atom that jumps, in the same unit
_GROUP, _VOLUME, _PERIOD, _APART = 1.0, 1.0, 0.3, 1.0  # shares of what sets elements apart
_FITTED = ("species", "mover", "weights", "mean_eV")


@dataclass(frozen=True)
class Fitted:
    """What a regression has learnt.

    Attributes:
        species: uint8[n, n_union], surroundings of the jumps that it remembers.
        mover: uint8[n].
        weights: float64[n], eV.
        mean_eV: what barriers are counted from.
    """

    species: SpeciesArray
    mover: SpeciesArray
    weights: NDArray
    mean_eV: float


class KernelNetwork(BarrierNetwork):
    """The regression as a network; nothing is left to learn epoch by epoch: the start is the fit."""

    invariant = True
    at_once = 512

    embedding: Tensor
    species: Tensor
    mover: Tensor
    weights: Tensor
    mean_eV: Tensor
    columns_0: Tensor
    columns_1: Tensor
    scale_0: Tensor
    scale_1: Tensor
    turned: Tensor

    def __init__(self, setting: Setting, options: KernelOptions) -> None:
        super().__init__(setting, options)
        union = setting.union
        self.register_buffer("embedding", torch.tensor(element_embedding(setting.elements)))
        self.register_buffer("species", torch.zeros(0, union.n_env, dtype=torch.uint8))
        self.register_buffer("mover", torch.zeros(0, dtype=torch.uint8))
        self.register_buffer("weights", torch.zeros(0, dtype=torch.float64))
        self.register_buffer("mean_eV", torch.zeros(1, dtype=torch.float64))
        for i, (columns, weights) in enumerate(site_weights(setting)):
            scale = torch.tensor(np.sqrt(2 * weights / RANGE)[:, None], dtype=torch.float32)
            self.register_buffer(f"columns_{i}", torch.tensor(columns), persistent=False)
            self.register_buffer(f"scale_{i}", scale, persistent=False)
        self.register_buffer("turned", torch.tensor(union.symmetry), persistent=False)
        self.nothing = nn.Parameter(torch.zeros(0))  # an optimiser takes at least one parameter
        self._standing: tuple[Tensor, ...] | None = None

    def barrier(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Tensor:
        """See `BarrierNetwork`; nothing until `export` has set what was fitted."""
        if not len(self.weights):
            return self.nothing.sum().expand(len(mover))
        if self._standing is None:
            self._standing = self.places(self.species)
        covariance = self.covariances(species, mover, self._standing, self.mover)
        return (self.mean_eV + covariance.double() @ self.weights).float()

    def places(self, species: Tensor, turn: int | None = None) -> tuple[Tensor, ...]:
        """For each centre the weighted places [b, p] of the atoms uint8[b, n_union] around it."""
        turned = species if turn is None else species[:, self.turned[turn]]
        return tuple(
            (self.embedding[turned[:, columns].long()] * scale).flatten(1)
            for columns, scale in ((self.columns_0, self.scale_0), (self.columns_1, self.scale_1))
        )

    def covariances(
        self, species: Tensor, mover: Tensor, places: Sequence[Tensor], other_mover: Tensor
    ) -> Tensor:
        """Covariances float32[b, n] of jumps uint8[b, n_union] with others, whose `places` are given."""
        total = places[0].new_zeros(len(mover), len(other_mover))
        squares = [0.5 * (there**2).sum(1) for there in places]
        for turn in range(len(self.turned)):
            for here, there, square in zip(self.places(species, turn), places, squares, strict=True):
                exponent = here @ there.T
                exponent.sub_(square).sub_(0.5 * (here**2).sum(1)[:, None]).clamp_(max=0)
                total += exponent.exp_()
        same = (mover[:, None] == other_mover).float()
        return total.mul_(AMPLITUDE / len(self.turned)).mul_(1 + SAME_MOVER * same).add_(same)

    def take(self, fitted: Fitted) -> None:
        """Remember what was fitted."""
        self.species, self.mover = torch.tensor(fitted.species), torch.tensor(fitted.mover)
        self.weights = torch.tensor(fitted.weights, dtype=torch.float64)
        self.mean_eV = torch.tensor([fitted.mean_eV], dtype=torch.float64)
        self._standing = None

    def _load_from_state_dict(self, state_dict: Mapping[str, Tensor], prefix: str, *rest: Any) -> None:
        """A saved regression brings its own number of jumps."""
        for name in (*_FITTED, "embedding"):
            if prefix + name in state_dict:
                setattr(self, name, torch.empty_like(state_dict[prefix + name]))
        self._standing = None
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def export(self, start: Start, description: Mapping[str, Any]) -> BarrierModel:
        """See `BarrierNetwork`."""
        if not isinstance(start.parts, Fitted):
            raise ValueError("a kernel regression needs the fit of its start")
        self.take(start.parts)
        return super().export(replace(start, E_fwd_eV=np.zeros(1), scale_eV=1.0), description)


def element_embedding(elements: Sequence[str]) -> NDArray[np.float32]:
    """Where elements stand, float32[n + 1, d], a vacancy (0) at the origin.

    What they differ by is scaled to the spread among `elements`; the mean square of all is 1.

    Raises:
        ValueError: an element of which no numbers are known.
    """
    n = len(elements)
    numbers = [element_numbers(name) for name in elements]
    known = np.array([[e.group, e.volume_A3, e.period] for e in numbers], dtype=np.float64)
    spread = known.std(axis=0)
    known = (
        (known - known.mean(axis=0)) / np.where(spread > 0, spread, 1) * np.sqrt([_GROUP, _VOLUME, _PERIOD])
    )
    together = known @ known.T + _APART * (np.eye(n) - 1 / n)
    values, vectors = np.linalg.eigh(together / max(np.trace(together) / n, 1e-12))
    kept = values > 1e-6 * max(values.max(), 1e-12)
    places = vectors[:, kept] * np.sqrt(values[kept])
    return np.concatenate([np.zeros((1, places.shape[1])), places]).astype(np.float32)


def site_weights(setting: Setting) -> list[tuple[NDArray[np.int64], NDArray]]:
    """For each centre the columns of the sites around it, and their weights, which add up to one."""
    jump, sites = canonical_jump(setting.structure), setting.union.canonical
    unit = float(np.linalg.norm(jump))
    found = []
    for centre, cutoff in zip((0.5 * jump, jump), CUTOFFS, strict=True):
        distance = np.linalg.norm(sites - centre, axis=1) / unit
        columns = np.flatnonzero(distance < cutoff)
        weights = np.exp(-distance[columns] / DECAY)
        found.append((columns, weights / weights.sum()))
    return found
