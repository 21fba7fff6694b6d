"""One step of many runs: the residence-time algorithm without a decision on the host."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from nnk.kmc.batched.networks import Barriers, one_hot
from nnk.kmc.batched.random_numbers import two_uniforms

STEPS_PER_GRAPH = 32


@dataclass(frozen=True)
class Geometry:
    """Where a vacancy's surroundings stand, on the device.

    Attributes:
        around: int32[n_sites, n], sites that the model reads.
        neighbours: int64[n_sites, z], sites that the jumps lead to.
        vectors: int64[z, 3], jumps (a/2).
        movers: int64[z], columns of `around` with the moving atoms.
    """

    around: torch.Tensor
    neighbours: torch.Tensor
    vectors: torch.Tensor
    movers: torch.Tensor


@dataclass(frozen=True)
class Group:
    """State of `width` runs, changed in place.

    Attributes:
        occupancy: uint8[width, n_sites].
        vacancy: int64[width], site of each vacancy.
        displacement: int64[width, 3], the vacancy's way since the start, not folded back (a/2).
        clock: float64[2, width], time and its rest in s (`nnk.kmc.clock`).
        jumps: int64[width], jumps made.
        kT_eV: float64[width].
        log_frequency: float64[width], ln(k0 in 1/s).
        key: int64[2, width], keys of the random numbers.
        directions: uint8[STEPS_PER_GRAPH, width], the jumps of the last steps.
    """

    occupancy: torch.Tensor
    vacancy: torch.Tensor
    displacement: torch.Tensor
    clock: torch.Tensor
    jumps: torch.Tensor
    kT_eV: torch.Tensor
    log_frequency: torch.Tensor
    key: torch.Tensor
    directions: torch.Tensor


def choose(
    barriers_eV: torch.Tensor, kT_eV: torch.Tensor, log_frequency: torch.Tensor, u: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The jump int64[m] that `u` float64[m] picks, and the mean residence time float64[m] in s.

    Barriers float64[m, z]; relative rates as in `nnk.kmc.rates.residence`.
    """
    lowest = barriers_eV.min(dim=1).values
    cumulative = torch.exp((lowest[:, None] - barriers_eV) / kT_eV[:, None]).cumsum(dim=1)
    total = cumulative[:, -1]
    jump = (u[:, None] > cumulative[:, :-1] / total[:, None]).sum(dim=1)
    return jump, torch.exp(lowest / kT_eV - log_frequency - torch.log(total))


def add_time(clock: torch.Tensor, duration: torch.Tensor) -> None:
    """Add `duration` float64[m] to ``clock`` float64[2, m], time and rest, as `nnk.kmc.clock.add_time`."""
    time, step = clock[0], duration + clock[1]
    total = time + step
    shown = total - time
    rest = (time - (total - shown)) + (step - shown)
    clock[0].copy_(total)
    clock[1].copy_(rest)


@dataclass(frozen=True)
class Stepper:
    """What all runs share: the lattice and the model on the device."""

    geometry: Geometry
    barriers: Barriers
    n_species: int
    dtype: torch.dtype

    def look(self, group: Group) -> tuple[torch.Tensor, torch.Tensor]:
        """Species uint8[width, z] of the atoms that can move, and their barriers float64[width, z] in eV."""
        sites = self.geometry.around[group.vacancy]
        species = group.occupancy.gather(1, sites.to(torch.int64))
        moving = species[:, self.geometry.movers]
        around = one_hot(species, self.n_species, self.dtype)
        return moving, self.barriers(around, moving.to(torch.int64) - 1)

    def step(self, group: Group, number: int) -> None:
        """One jump of every run; its direction goes to row `number` of ``group.directions``."""
        moving, barriers_eV = self.look(group)
        u_jump, u_time = two_uniforms(group.key, group.jumps)
        jump, residence_s = choose(barriers_eV, group.kT_eV, group.log_frequency, u_jump)
        add_time(group.clock, -torch.log(u_time) * residence_s)
        here = group.vacancy[:, None]
        there = self.geometry.neighbours[group.vacancy].gather(1, jump[:, None])
        group.occupancy.scatter_(1, here, moving.gather(1, jump[:, None]))
        group.occupancy.scatter_(1, there, 0)
        group.vacancy.copy_(there[:, 0])
        group.displacement.add_(self.geometry.vectors[jump])
        group.jumps.add_(1)
        group.directions[number] = jump.to(torch.uint8)
