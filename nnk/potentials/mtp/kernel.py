"""Energy, forces and virial of a moment tensor potential, compiled: eight atoms at a time (`lanes`)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial.chebyshev import chebder
from numpy.typing import NDArray

from nnk.potentials.base import FloatArray
from nnk.potentials.mtp.compiled import compiled
from nnk.potentials.mtp.lanes import PAIRED, Layout, stages
from nnk.potentials.mtp.neighbours import Neighbours, fold, is_stale, make_lists, nearest_image
from nnk.potentials.mtp.parameters import MtpParameters
from nnk.potentials.mtp.program import Program, program_of
from nnk.potentials.mtp.vectors import LANES


class Atoms(NamedTuple):
    """What is fixed with the atoms.

    Attributes:
        owner: int32[n_sources], the atom that each source is an image of.
        own_row: int64[n], where the radial coefficients of an atom's pairs begin, in numbers.
        pair_row: int64[n], where those with an atom as the neighbour begin, further on.
        own_eV: float64[n], energy of the atom by itself.
    """

    owner: NDArray[np.int32]
    own_row: NDArray[np.int64]
    pair_row: NDArray[np.int64]
    own_eV: FloatArray


class Work(NamedTuple):
    """Scratch of an evaluation.

    Attributes:
        numbers: float64, rows of eight (`lanes.Layout`).
        sources: int32[slots, 8], atom in each slot.
        rows: int64[slots * 8], its radial coefficients.
        counts: int64[8], slots in use by each lane.
    """

    numbers: FloatArray
    sources: NDArray[np.int32]
    rows: NDArray[np.int64]
    counts: NDArray[np.int64]


class Tables(NamedTuple):
    """The coefficients of a potential.

    Attributes:
        radial: float64[species * species * polynomials * width], for every Chebyshev polynomial the
            coefficients of all radial functions and of their derivatives.
        linear: float64[n_scalars] in eV.
    """

    radial: FloatArray
    linear: FloatArray


def tables(parameters: MtpParameters) -> Tables:
    """The coefficients of a potential as the kernel reads them."""
    slope = 2 / (parameters.max_dist_A - parameters.min_dist_A)
    values = parameters.scaling * np.moveaxis(parameters.radial_coeffs, 2, 3)  # species, species, q, mu
    functions, size = values.shape[3], values.shape[2]
    radial = np.zeros((*values.shape[:3], Layout(program_of(parameters)).radial_width))
    radial[..., :functions] = values
    if size > 1:
        radial[:, :, : size - 1, functions : 2 * functions] = slope * chebder(values, axis=2)
    return Tables(radial.ravel(), parameters.moment_coeffs)


def atoms(parameters: MtpParameters, species: NDArray[np.int64], n_sources: int) -> Atoms:
    """What is fixed with the species int64[n]."""
    block = Layout(program_of(parameters)).radial_width * parameters.radial_coeffs.shape[3]
    owner = np.arange(n_sources, dtype=np.int32) % np.int32(len(species))
    own_eV = parameters.species_coeffs[species]
    return Atoms(owner, species * parameters.n_species * block, species * block, own_eV)


def work(parameters: MtpParameters, width: int) -> Work:
    """Scratch for neighbour lists of a width."""
    layout, slots = Layout(program_of(parameters)), width + PAIRED
    rows = np.zeros((layout.slots + slots * layout.slot_rows, LANES))
    low, high = parameters.min_dist_A, parameters.max_dist_A
    rows[layout.slope] = 2 / (high - low)
    rows[layout.offset] = -(high + low) / (high - low)
    rows[layout.cutoff] = high
    sources, places = np.zeros((slots, LANES), np.int32), np.zeros(slots * LANES, np.int64)
    return Work(rows.ravel(), sources, places, np.zeros(LANES, np.int64))


@lru_cache(maxsize=8)
def kernel(program: Program) -> Any:
    """The compiled evaluation of all potentials of one structure.

    It takes positions float64[n, 3], `Neighbours`, `Atoms`, `Tables`, `Work`, forces float64[n, 3] and the
    virial float64[6] (written), and returns the energy; NaN if the lists are too narrow (`widened`).
    """
    layout = Layout(program)
    code = stages(layout)
    radial_and_moments, contract, gradients = code.radial_and_moments, code.contract, code.gradients
    n_basic, slot, first = len(program.basic), layout.slot_rows * LANES, layout.slots * LANES
    moments, virial_row, energy_row = layout.moments * LANES, layout.virial * LANES, layout.energy * LANES
    gradient = layout.gradient * LANES

    def gather(start: int, neighbours: Neighbours, atoms: Atoms, work: Work) -> int:
        """Write the neighbours of eight atoms into slots, those within the cutoff; how many slots."""
        wrapped, numbers, square_cutoff = neighbours.wrapped_A, work.numbers, neighbours.reach_A[0] ** 2
        edge_x = neighbours.copies[0] * neighbours.cell_A[0]
        edge_y = neighbours.copies[1] * neighbours.cell_A[1]
        edge_z = neighbours.copies[2] * neighbours.cell_A[2]
        n, most = len(neighbours.counts), 0
        for lane in range(LANES):
            i, count = start + lane, 0
            if i < n:
                x, y, z = wrapped[i, 0], wrapped[i, 1], wrapped[i, 2]
                for k in range(neighbours.counts[i]):
                    source = neighbours.lists[i, k]
                    dx = nearest_image(wrapped[source, 0] - x, edge_x)
                    dy = nearest_image(wrapped[source, 1] - y, edge_y)
                    dz = nearest_image(wrapped[source, 2] - z, edge_z)
                    at, owner = first + count * slot + lane, atoms.owner[source]
                    numbers[at], numbers[at + LANES], numbers[at + 2 * LANES] = dx, dy, dz
                    work.sources[count, lane] = owner
                    work.rows[count * LANES + lane] = atoms.own_row[i] + atoms.pair_row[owner]
                    if dx * dx + dy * dy + dz * dz < square_cutoff:
                        count += 1
            work.counts[lane] = count
            most = max(most, count)
        most += -most % PAIRED
        for lane in range(LANES):  # the rest are at the cutoff, where nothing acts
            for k in range(work.counts[lane], most):
                at = first + k * slot + lane
                numbers[at], numbers[at + LANES], numbers[at + 2 * LANES] = neighbours.reach_A[0], 0.0, 0.0
                work.rows[k * LANES + lane] = 0
        return most

    gather_compiled = compiled(gather, program.hash)

    def scatter(start: int, neighbours: Neighbours, work: Work, forces: FloatArray) -> None:
        """Add the gradients in the slots to the forces."""
        numbers = work.numbers
        for lane in range(min(LANES, len(forces) - start)):
            x, y, z = 0.0, 0.0, 0.0
            for k in range(work.counts[lane]):
                at, owner = first + k * slot + gradient + lane, work.sources[k, lane]
                gx, gy, gz = numbers[at], numbers[at + LANES], numbers[at + 2 * LANES]
                x, y, z = x + gx, y + gy, z + gz
                forces[owner, 0] -= gx
                forces[owner, 1] -= gy
                forces[owner, 2] -= gz
            forces[start + lane, 0] += x
            forces[start + lane, 1] += y
            forces[start + lane, 2] += z

    scatter_compiled = compiled(scatter, program.hash)

    def evaluate(
        positions_A: FloatArray,
        neighbours: Neighbours,
        atoms: Atoms,
        tables: Tables,
        work: Work,
        forces: FloatArray,
        virial: FloatArray,
    ) -> float:
        fold(positions_A, neighbours)
        if is_stale(neighbours) and not make_lists(neighbours):
            return np.nan
        numbers, energy = work.numbers, 0.0
        forces[:] = 0.0
        numbers[virial_row : virial_row + 6 * LANES] = 0.0
        for start in range(0, len(positions_A), LANES):
            most = gather_compiled(start, neighbours, atoms, work)
            numbers[moments : moments + n_basic * LANES] = 0.0
            for k in range(0, most, PAIRED):
                radial_and_moments(numbers, first + k * slot, tables.radial, work.rows, k * LANES)
            contract(numbers, tables.linear)
            for k in range(most):
                gradients(numbers, first + k * slot)
            scatter_compiled(start, neighbours, work, forces)
            for lane in range(min(LANES, len(positions_A) - start)):
                energy += atoms.own_eV[start + lane] + numbers[energy_row + lane]
        for k in range(6):
            virial[k] = 0.0
            for lane in range(LANES):
                virial[k] += numbers[virial_row + k * LANES + lane]
        return energy

    return compiled(evaluate, program.hash)
