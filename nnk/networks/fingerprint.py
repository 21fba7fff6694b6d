"""Networks on fingerprints of the two states of a jump: E_fwd = KRA + dE / 2.

The models of Talapatra et al. ("Best of both worlds: enforcing detailed balance in machine learning models of
transition rates"): KRA, the same for a jump and its reverse, and four forms of dE, the energy of the final
minus that of the initial state. Fingerprints F are those of `nnk.aev`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from nnk.aev import AevParameters, Surroundings
from nnk.fingerprints import Fingerprints
from nnk.networks.base import BarrierNetwork, Output, one_hot
from nnk.networks.batch_norm import BatchNorm
from nnk.networks.options import FingerprintOptions
from nnk.networks.setting import Setting


class FingerprintNetwork(BarrierNetwork):
    """KRA from (F_A + F_B) / 2 and |F_A - F_B| / 2 (fig. 4), and dE by one of four forms (tables 1 and 2).

    free (M_NC), soft (M_SAS): g([F_A, F_B]), and g([F_B, F_A]) for the reverse; "soft" adds to the loss what
    the two differ from opposites. hard (M_HAS): g([F_A, F_B]) - g([F_B, F_A]). kolmogorov (M_KOL):
    g(F_B) - g(F_A) of fingerprints that are blind to the jump, the only form in which dE adds up to nothing
    on every closed loop. All but the last read "transition" fingerprints, and the mover's species besides:
    around a vacancy it is but one of the neighbours. (The paper's fig. 10 has the saddle point in the centre,
    where the mover is the nearest atom of all.)
    """

    reads = "union"
    invariant = True
    at_once = 512

    options: FingerprintOptions

    def __init__(self, setting: Setting, options: FingerprintOptions) -> None:
        super().__init__(setting, options)
        self.transition = _Features(setting, "transition")
        both = 2 * self.transition.n_features + setting.n_species
        self.kra = _Dense(both, options)
        if options.difference == "kolmogorov":
            self.state = _Features(setting, "state")
            self.dE = _Dense(self.state.n_features, options)
        else:
            self.dE = _Dense(both, options)

    @property
    def detailed_balance(self) -> bool:
        """See `BarrierNetwork`; g knows the vacancy's surroundings alone: matter beyond them cannot order."""
        return self.options.difference == "kolmogorov"

    def barrier(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Tensor:
        """See `BarrierNetwork`."""
        return self(species, mover).forward

    def forward(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Output:
        """See `BarrierNetwork`."""
        before, after = self.transition(species, mover)
        jumper = one_hot(mover, self.setting.n_species)
        kra = self.kra(torch.cat([(before + after) / 2, (before - after).abs() / 2, jumper], dim=1))
        if self.options.difference == "kolmogorov":
            forward, backward = self._of_states(species, mover)
        else:
            forward, backward = self._of_transitions(before, after, jumper)
        penalty = differences = None
        if self.options.difference == "soft":
            penalty = self.options.penalty * (forward + backward).abs()
        if self.options.difference_weight:
            differences = torch.stack([forward, backward])
        return Output(kra + forward / 2, kra + backward / 2, penalty, differences)

    def energy_differences(self, species: Tensor, mover: Tensor) -> Tensor | None:
        """See `BarrierNetwork`."""
        if self.options.difference == "kolmogorov":
            return torch.stack(self._of_states(species, mover))
        if self.options.difference == "free" and not self.options.difference_weight:
            return None
        jumper = one_hot(mover, self.setting.n_species)
        before, after = self.transition(species, mover)
        return torch.stack(self._of_transitions(before, after, jumper))

    def _of_states(self, species: Tensor, mover: Tensor) -> tuple[Tensor, Tensor]:
        first, second = self.dE(torch.cat(self.state(species, mover))).chunk(2)
        return second - first, first - second

    def _of_transitions(self, before: Tensor, after: Tensor, jumper: Tensor) -> tuple[Tensor, Tensor]:
        orders = [torch.cat([*order, jumper], dim=1) for order in ((before, after), (after, before))]
        forward, backward = self.dE(torch.cat(orders)).chunk(2)
        if self.options.difference == "hard":
            return forward - backward, backward - forward
        return forward, backward


class _Features(nn.Module):
    """Fingerprints of both states, each element of them brought to mean 0 and variance 1."""

    def __init__(self, setting: Setting, surroundings: Surroundings) -> None:
        super().__init__()
        self.fingerprints = Fingerprints(
            setting.structure,
            setting.shells,
            setting.a_A,
            n_species=setting.n_species,
            surroundings=surroundings,
            parameters=AevParameters(cutoff_A=setting.reach_A),
        )
        self.n_features = self.fingerprints.n_features
        self.norm = BatchNorm(self.n_features)

    def forward(self, species: Tensor, mover: Tensor) -> tuple[Tensor, Tensor]:
        before, after = self.norm(torch.cat(self.fingerprints(species, mover))).chunk(2)
        return before, after


class _Dense(nn.Module):
    """Dense layers with ReLU and dropout, and one output, which starts at 0."""

    def __init__(self, inputs: int, options: FingerprintOptions) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((inputs, *options.hidden)):
            layers += [nn.Linear(n_in, n_out), nn.ReLU(), nn.Dropout(options.dropout)]
        self.layers = nn.Sequential(*layers)
        self.out = nn.Linear(options.hidden[-1], 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, features: Tensor) -> Tensor:
        return cast(Tensor, self.out(self.layers(features))[:, 0])
