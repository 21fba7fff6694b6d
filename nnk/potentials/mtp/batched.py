"""A moment tensor potential of many cells at once, as tensor operations (PyTorch).

All shapes are those of the neighbour tables, nothing waits for the device and the order of sums is fixed: an
evaluation can be recorded as a CUDA graph, and gives the same numbers again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.polynomial.chebyshev import chebder
from torch import Tensor

from nnk.potentials.mtp.parameters import MtpParameters
from nnk.potentials.mtp.program import Powers, Program, lowered, program_of
from nnk.potentials.mtp.reader import read_mtp
from nnk.potentials.mtp.tables import NeighbourTables, make_tables, nearest_images

SKIN_A = 0.6


@dataclass(frozen=True)
class _Level:
    """Products of moments that need only earlier ones, as matrices.

    Attributes:
        left: int64[rows], first factors.
        right: int64[rows], second factors.
        sums: [rows, products], which rows make up which products.
        back: [2 rows, moments so far], where derivatives by the left and the right factors go.
    """

    left: Tensor
    right: Tensor
    sums: Tensor
    back: Tensor


def _levels(program: Program) -> list[list[tuple[int, int, int, int]]]:
    """`Program.times` in groups, each of which needs only the groups before."""
    depth = dict.fromkeys(range(len(program.basic)), 0)
    for i, j, _, k in program.times:
        depth[k] = max(depth.get(k, 0), depth[i] + 1, depth[j] + 1)
    groups = range(1, max(depth.values()) + 1)
    return [[row for row in program.times if depth[row[3]] == group] for group in groups]


class BatchedMtp:
    """Energies and forces of many cells of the same or of different atoms.

    Attributes:
        path: the ``.mtp`` file.
        elements: species i of the file is elements[i].
        device: where to compute.
        dtype: torch.float64 or torch.float32; distances and the sums of energies are float64 anyway.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not understood (see `read_mtp`), or has another number of species.
    """

    def __init__(
        self,
        path: Path | str,
        elements: Sequence[str],
        *,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        parameters = read_mtp(path)
        self._numbers = {name: i for i, name in enumerate(elements)}
        if len(self._numbers) != parameters.n_species or len(elements) != parameters.n_species:
            given = ", ".join(elements)
            raise ValueError(f"{path}: expected {parameters.n_species} different elements, got {given}")
        self._like = torch.empty(0, dtype=dtype, device=device)
        self._cutoff_A = parameters.max_dist_A
        self._range = 2 / (parameters.max_dist_A - parameters.min_dist_A), parameters.min_dist_A
        self._program = program_of(parameters)
        self._prepare_radial(parameters)
        self._prepare_monomials()
        self._prepare_contraction(parameters)

    def _tensor(self, array: np.ndarray) -> Tensor:
        """An array on the device; numbers in the precision asked for."""
        tensor = torch.as_tensor(np.ascontiguousarray(array), device=self._like.device)
        return tensor.to(self._like.dtype) if tensor.is_floating_point() else tensor

    def _prepare_radial(self, parameters: MtpParameters) -> None:
        """Coefficients [species, species of neighbour x polynomials, functions and their derivatives]."""
        values = parameters.scaling * np.moveaxis(parameters.radial_coeffs, 2, 3)
        changes = np.zeros_like(values)
        if values.shape[2] > 1:
            changes[:, :, :-1] = self._range[0] * chebder(values, axis=2)
        both = np.concatenate([values, changes], axis=3)
        self._radial = self._tensor(both.reshape(len(both), -1, both.shape[3]))
        own_eV = torch.as_tensor(parameters.species_coeffs, device=self._like.device)
        self._own_eV = torch.cat([own_eV, own_eV.new_zeros(1)])  # the last for atoms that are not there

    def _prepare_monomials(self) -> None:
        """Of which monomial each is a derivative, by which factor; and which are in the basic moments."""
        listed = [(0, 0, 0), *(powers for powers, _, _ in self._program.monomials)]
        place = {powers: i for i, powers in enumerate(listed)}
        raised, factors = np.full((3, len(listed)), len(listed)), np.array(listed).T + 1.0
        for powers, i in place.items():
            for axis in (axis for axis in range(3) if powers[axis]):
                raised[axis, place[lowered(powers, axis)]] = i
        self._raised, self._factors = self._tensor(raised), self._tensor(factors)
        self._basic = self._tensor(np.array([mu * len(listed) + place[p] for mu, p in self._program.basic]))

    def _prepare_contraction(self, parameters: MtpParameters) -> None:
        column = {k: k for k in range(len(self._program.basic))}
        self._levels = []
        for rows in _levels(self._program):
            products = sorted({k for _, _, _, k in rows})
            sums = np.zeros((len(rows), len(products)))
            left, right = (np.array([column[row[side]] for row in rows]) for side in (0, 1))
            for r, (_, _, factor, k) in enumerate(rows):
                sums[r, products.index(k)] = factor
            back = np.eye(len(column))[np.concatenate([left, right])]
            self._levels.append(_Level(*(self._tensor(each) for each in (left, right, sums, back))))
            column |= {k: len(column) + i for i, k in enumerate(products)}
        linear = np.zeros(len(column))
        np.add.at(linear, [column[k] for k in self._program.mapping], parameters.moment_coeffs)
        self._linear = self._tensor(linear)

    def tables(
        self,
        species: Sequence[Sequence[str]],
        cells_A: Tensor,
        positions_A: Tensor,
        *,
        skin_A: float = SKIN_A,
        width: int | None = None,
    ) -> NeighbourTables:
        """Neighbour tables for `energies_forces`; see `make_tables`.

        Args:
            species: elements of the atoms of each of the b cells, up to n of them.
            cells_A: float64[b, 3], edges.
            positions_A: float64[b, n, 3], any images; rows behind the atoms of a smaller cell are ignored.
            skin_A: how much farther than the cutoff they reach.
            width: neighbours per atom that they have room for; by default the most that there are.

        Raises:
            KeyError: an element that the potential lacks.
            ValueError: an atom has more neighbours than `width`.
        """
        rows = [torch.tensor([self._numbers[name] for name in names]) for names in species]
        numbers = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1)
        device = self._like.device
        reach_A = self._cutoff_A, skin_A
        return make_tables(numbers.to(device), cells_A.to(device), positions_A.to(device), reach_A, width)

    def energies_forces(self, positions_A: Tensor, tables: NeighbourTables) -> tuple[Tensor, Tensor]:
        """Energies float64[b] in eV and forces [b, n, 3] in eV/Å of positions float64[b, n, 3] (any images).

        Right as long as the tables hold (`NeighbourTables.stale`). Atoms that are not there bear no force.
        """
        shape = tables.owners.shape
        difference, r = self._distances(positions_A, tables)
        unit = (difference / r[..., None]).flatten(0, 1)
        values, changes = (each.flatten(0, 1) for each in self._radial_functions(r, tables))
        monomials = self._monomials(unit)
        moments = values.mT @ monomials  # [atoms, functions, monomials]
        scalars_eV, adjoint = self._contracted(moments.flatten(1)[:, self._basic])
        slopes = torch.zeros_like(moments.flatten(1)).index_copy(1, self._basic, adjoint).view_as(moments)
        by_r, *by_unit = (monomials @ self._with_derivatives(slopes).mT).chunk(4, dim=2)
        along = (changes * by_r).sum(dim=2)
        across = torch.stack([(values * each).sum(dim=2) for each in by_unit], dim=2)
        inverse = 1 / r.flatten(0, 1)
        along = along - inverse * (across * unit).sum(dim=2)
        gradient = (along[..., None] * unit + inverse[..., None] * across).view(shape[0], -1, 3)
        back = gradient.gather(1, tables.reverse.view(shape[0], -1, 1).expand(-1, -1, 3))
        forces = torch.where(tables.present[..., None], (gradient - back).view(*shape, 3), 0.0).sum(dim=2)
        own_eV = self._own_eV[tables.species].sum(dim=1)
        return own_eV + scalars_eV.double().view(shape[:2]).sum(dim=1), forces

    def _distances(self, positions_A: Tensor, tables: NeighbourTables) -> tuple[Tensor, Tensor]:
        """Vectors [b, n, m, 3] to the neighbours and their lengths; at the cutoff where there is none."""
        followed_A = tables.followed(positions_A.to(self._like.device))
        b, n, m = tables.owners.shape
        others_A = followed_A.gather(1, tables.owners.view(b, -1, 1).expand(-1, -1, 3)).view(b, n, m, 3)
        difference = others_A + tables.shifts_A - followed_A[:, :, None]
        difference = nearest_images(difference, tables.wide_A[:, None, None])
        nothing = torch.zeros_like(difference[0, 0, 0])
        nothing[0] = self._cutoff_A
        difference = torch.where(tables.present[..., None], difference, nothing)
        r = torch.linalg.vector_norm(difference, dim=3)
        return difference.to(self._like.dtype), r.to(self._like.dtype)

    def _radial_functions(self, r: Tensor, tables: NeighbourTables) -> tuple[Tensor, Tensor]:
        """Radial functions [b, n, m, functions] and their derivatives."""
        slope, low = self._range
        xi = slope * (r - low) - 1
        chebyshev = [torch.ones_like(xi), xi]
        while len(chebyshev) < self._program.radial_size:
            chebyshev.append(2 * xi * chebyshev[-1] - chebyshev[-2])
        polynomials = torch.stack(chebyshev[: self._program.radial_size], dim=-1)
        own = tables.species.clamp(min=0)
        other = own.gather(1, tables.owners.flatten(1)).view_as(tables.owners)
        kinds = torch.arange(len(self._radial), device=other.device)
        sorted_out = (other[..., None] == kinds)[..., None] * polynomials[..., None, :]
        sums = sorted_out.flatten(3) @ self._radial[own]
        h = (r - self._cutoff_A).clamp(max=0.0)[..., None]
        values, changes = sums.chunk(2, dim=3)
        return h * h * values, h * h * changes + 2 * h * values

    def _monomials(self, unit: Tensor) -> Tensor:
        """Products of the components [atoms, m, 3] of unit vectors, [atoms, m, monomials]."""
        components = unit.unbind(dim=2)
        values: dict[Powers, Tensor] = {(0, 0, 0): torch.ones_like(components[0])}
        for powers, part, axis in self._program.monomials:
            values[powers] = values[part] * components[axis]
        return torch.stack(list(values.values()), dim=1).mT

    def _with_derivatives(self, slopes: Tensor) -> Tensor:
        """Polynomials as coefficients [atoms, functions, monomials], and behind them their derivatives."""
        padded = torch.nn.functional.pad(slopes, (0, 1))
        derivatives = [padded.index_select(2, self._raised[axis]) * self._factors[axis] for axis in range(3)]
        return torch.cat([slopes, *derivatives], dim=1)

    def _contracted(self, basic: Tensor) -> tuple[Tensor, Tensor]:
        """Energies [atoms] of the moments, and derivatives [atoms, n_basic] by the basic ones."""
        moments, before = basic, []
        for level in self._levels:
            before.append(moments)
            products = moments[:, level.left] * moments[:, level.right]
            moments = torch.cat([moments, products @ level.sums], dim=1)
        adjoint = self._linear.expand(len(basic), -1)
        for level, known in zip(reversed(self._levels), reversed(before), strict=True):
            count = known.shape[1]
            weights = adjoint[:, count:] @ level.sums.T
            factors = torch.cat([weights * known[:, level.right], weights * known[:, level.left]], dim=1)
            adjoint = adjoint[:, :count] + factors @ level.back
        return moments @ self._linear, adjoint
