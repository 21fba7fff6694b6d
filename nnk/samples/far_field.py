"""Samples that share the surroundings of one jump and differ beyond a cutoff.

What no model with that cutoff can tell apart: around a jump all sites within some neighbour shells of either
end keep their atoms, and the atoms beyond change places at random. The spread of the jump's energies over
such samples is the least error of every model that reads those shells alone (Talapatra et al. 2025,
figure 11). Atoms beyond the cutoff are exchanged among each other, so that the composition of the cell stays
as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnk.alloy import random_solution
from nnk.environment import EnvironmentSpec
from nnk.files import rng
from nnk.lattice import IntArray, Lattice, reverse_jump

UInt8Array = NDArray[np.uint8]


@dataclass(frozen=True)
class FarFieldParameters:
    """Which samples there are.

    Attributes:
        shells: neighbour shells of either end of the jump that keep their atoms, one number per cutoff.
        jumps: independent jumps, each in a random solution of its own; movers alternate between the elements.
        resamples: samples per jump and cutoff.
    """

    shells: tuple[int, ...]
    jumps: int = 4
    resamples: int = 100

    def __post_init__(self) -> None:
        object.__setattr__(self, "shells", tuple(self.shells))
        if not self.shells or min(self.shells) < 1 or len(set(self.shells)) < len(self.shells):
            raise ValueError(f"shells={self.shells}: expected one or more different whole numbers >= 1")
        for name in ("jumps", "resamples"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)!r}: expected a whole number >= 1")

    @property
    def n_samples(self) -> int:
        """Samples per composition."""
        return len(self.shells) * self.jumps * self.resamples

    def place(self, sample: int) -> Place:
        """Which sample the one of this number is; more resamples leave the numbers of the others alone."""
        rest, cutoff = divmod(sample, len(self.shells))
        resample, jump = divmod(rest, self.jumps)
        return Place(jump, self.shells[cutoff], resample)


class Place(NamedTuple):
    """Place of a sample among those of a composition.

    Attributes:
        jump: number of its jump.
        shells: that keep their atoms.
        resample: number of the arrangement of the others.
    """

    jump: int
    shells: int
    resample: int


class FarFieldSample(NamedTuple):
    """A sample, and the jump that is labelled in it.

    Attributes:
        occupancy: uint8[n_sites], every site filled.
        site: the vacancy's.
        jump: its direction.
    """

    occupancy: UInt8Array
    site: int
    jump: int


def far_field_sample(
    place: Place, seed: int, name: str, lattice: Lattice, counts: NDArray[np.int64]
) -> FarFieldSample:
    """The sample at `place` among those of the alloy `name`.

    Args:
        place: which sample.
        seed: of the campaign.
        name: of the alloy.
        lattice: of the sample.
        counts: int64[n_elements], atoms of each element when every site is filled.

    Raises:
        ValueError: see `near_sites`.
    """
    kept_atoms = _around_a_jump(place.jump, seed, name, lattice, counts)
    far = sites_beyond(lattice, kept_atoms.site, kept_atoms.jump, place.shells)
    occupancy = kept_atoms.occupancy.copy()
    occupancy[far] = rng(seed, "far field", name, *place).permutation(occupancy[far])
    return kept_atoms._replace(occupancy=occupancy)


def _around_a_jump(
    number: int, seed: int, name: str, lattice: Lattice, counts: NDArray[np.int64]
) -> FarFieldSample:
    """The random solution of a jump: a random atom, of the elements in turn, moves in a random direction."""
    generator = rng(seed, "far field", "jump", name, number)
    occupancy = random_solution(counts, generator)
    present = np.flatnonzero(counts) + 1
    mover = generator.choice(np.flatnonzero(occupancy == present[number % len(present)]))
    jump = int(generator.integers(lattice.z))
    site = int(lattice.neighbours[mover, reverse_jump(lattice.structure, jump)])
    return FarFieldSample(occupancy, site, jump)


def sites_beyond(lattice: Lattice, site: int, jump: int, shells: int) -> IntArray:
    """Sites int64[n] that are not within `shells` of either end of a jump from `site`; see `near_sites`."""
    return np.setdiff1d(np.arange(lattice.n_sites), near_sites(lattice, site, jump, shells))


def near_sites(lattice: Lattice, site: int, jump: int, shells: int) -> IntArray:
    """Sites int64[n] within `shells` of either end of a jump from `site`, both ends among them.

    Raises:
        ValueError: they reach around the box, or leave fewer than two sites to exchange.
    """
    union = EnvironmentSpec(lattice.structure, shells, "union")
    ends = np.stack([np.zeros(3, dtype=np.int64), lattice.jumps[jump]])
    near = lattice.sites_around(site, np.concatenate([ends, union.offsets[jump]]))
    if len(np.unique(near)) < len(near):
        raise ValueError(f"cells={lattice.cells}: {shells} shells around a jump reach around the box")
    if lattice.n_sites - len(near) < 2:
        raise ValueError(f"cells={lattice.cells}: {shells} shells around a jump leave no sites beyond")
    return near
