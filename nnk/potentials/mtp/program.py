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

        Each with one of the next lower order, and the axis by which that is to be multiplied. With a product
        all its derivatives are among them.
        """
        wanted = {powers for _, powers in self.basic}
        for order in range(max(sum(powers) for powers in wanted), 1, -1):
            highest = [powers for powers in wanted if sum(powers) == order]
            wanted |= {lowered(powers, axis) for powers in highest for axis in range(3) if powers[axis]}
        ordered = sorted(wanted - {(0, 0, 0)}, key=lambda powers: (sum(powers), powers))
        axes = [max(axis for axis in range(3) if powers[axis]) for powers in ordered]
        return tuple(zip(ordered, map(lowered, ordered, axes), axes, strict=True))


def lowered(powers: Powers, axis: int) -> Powers:
    """`powers` with one factor of an axis taken off."""
    a, b, c = powers
    return a - (axis == 0), b - (axis == 1), c - (axis == 2)


def program_of(parameters: MtpParameters) -> Program:
    """The structure of a potential."""
    return Program(
        functions=parameters.radial_coeffs.shape[2],
        radial_size=parameters.radial_coeffs.shape[3],
        basic=tuple((mu, (a, b, c)) for mu, a, b, c in parameters.basic.tolist()),
        times=tuple((i, j, factor, k) for i, j, factor, k in parameters.times.tolist()),
        mapping=tuple(parameters.mapping.tolist()),
    )
