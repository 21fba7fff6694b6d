"""What has to be computed for a kind of moment tensor potential, independent of its coefficients."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from nnk.potentials.mtp.parameters import MtpParameters

Powers = tuple[int, int, int]


@dataclass(frozen=True)
class Program:
    """The structure of a potential: code is compiled once for all potentials that share it.

    Attributes:
        functions: number of radial functions.
        radial_size: number of Chebyshev polynomials.
        basic: (mu, powers of x, y, z) of each basic moment.
        times: (i, j, factor, k) of each product.
        mapping: the scalar moments.
    """

    functions: int
    radial_size: int
    basic: tuple[tuple[int, Powers], ...]
    times: tuple[tuple[int, int, int, int], ...]
    mapping: tuple[int, ...]

    @cached_property
    def hash(self) -> str:
        """Hash of all of it."""
        return hashlib.sha256(repr(self).encode()).hexdigest()

    @cached_property
    def monomials(self) -> tuple[tuple[Powers, Powers, int], ...]:
        """Products x^a y^b z^c of first and higher order that are needed, lower orders first.

        Each with the one it is made of and the axis by which that is multiplied.
        """
        wanted = {powers for _, powers in self.basic}
        for order in range(max(sum(powers) for powers in wanted), 1, -1):
            wanted |= {_part(powers)[0] for powers in wanted if sum(powers) == order}
        ordered = sorted(wanted - {(0, 0, 0)}, key=lambda powers: (sum(powers), powers))
        return tuple((powers, *_part(powers)) for powers in ordered)


def _part(powers: Powers) -> tuple[Powers, int]:
    """`powers` with its last factor taken off, and which axis that was."""
    axis = max(axis for axis in range(3) if powers[axis])
    lowered = list(powers)
    lowered[axis] -= 1
    return (lowered[0], lowered[1], lowered[2]), axis


def program_of(parameters: MtpParameters) -> Program:
    """The structure of a potential."""
    return Program(
        functions=parameters.radial_coeffs.shape[2],
        radial_size=parameters.radial_coeffs.shape[3],
        basic=tuple((mu, (a, b, c)) for mu, a, b, c in parameters.basic.tolist()),
        times=tuple((i, j, factor, k) for i, j, factor, k in parameters.times.tolist()),
        mapping=tuple(parameters.mapping.tolist()),
    )
