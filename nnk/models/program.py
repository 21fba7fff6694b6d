"""What a barrier model comes down to: tables of rows and small dense layers.

A program is a model ready to run, free of any framework: arrays that an engine copies into its own kernel.
`evaluate` here is the plain NumPy rendition in float64, the reference that engines are tested against.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from nnk.environment import SpeciesArray, check_vacancy
from nnk.lattice import IntArray, Lattice, Structure

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]

_AT_ONCE = 4096  # jumps whose one-hot species are in memory together


@dataclass(frozen=True)
class DenseStack:
    """A dense network on the species of n_env sites; ReLU after every layer but the output.

    Attributes:
        table: float32[n_env, n_species, h0], the first layer: the row of species s at site i is
            ``table[i, s - 1]``; a vacancy (0) adds nothing.
        mover: float32[n_species, h0], the row of the moving species; zeros when it is not read.
        bias: float32[h0].
        hidden: further layers, each (weight float32[h_in, h_out], bias float32[h_out]).
        out_weight: float32[h_last].
        out_bias: eV.
    """

    table: Float32Array
    mover: Float32Array
    bias: Float32Array
    hidden: tuple[tuple[Float32Array, Float32Array], ...]
    out_weight: Float32Array
    out_bias: float

    def __post_init__(self) -> None:
        _, n_species, width = self.table.shape
        expected: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = [
            ("mover", self.mover.shape, (n_species, width)),
            ("bias", self.bias.shape, (width,)),
        ]
        for i, (weight, bias) in enumerate(self.hidden):
            expected += [(f"hidden[{i}] weight", weight.shape, (width, *weight.shape[1:]))]
            width = weight.shape[-1]
            expected += [(f"hidden[{i}] bias", bias.shape, (width,))]
        expected += [("out_weight", self.out_weight.shape, (width,))]
        for name, got, wanted in expected:
            if got != wanted:
                raise ValueError(f"{name}: expected shape {wanted}, got {got}")

    @property
    def n_species(self) -> int:
        """Number of elements."""
        return self.table.shape[1]

    def __call__(self, species: SpeciesArray, mover: SpeciesArray) -> Float64Array:
        """Output float64[m] (eV) for `species` uint8[m, n_env] and `mover` uint8[m], in float64."""
        parts = (slice(first, first + _AT_ONCE) for first in range(0, max(1, len(species)), _AT_ONCE))
        return np.concatenate([self._outputs(species[part], mover[part]) for part in parts])

    def _outputs(self, species: SpeciesArray, mover: SpeciesArray) -> Float64Array:
        one_hot = species[:, :, None] == np.arange(1, self.n_species + 1)
        rows = self.table.reshape(-1, self.table.shape[2]).astype(np.float64)
        mover_rows = np.pad(self.mover, ((1, 0), (0, 0))).astype(np.float64)
        layer = self.bias + mover_rows[mover] + one_hot.reshape(len(species), -1).astype(np.float64) @ rows
        for weight, bias in self.hidden:
            layer = np.maximum(layer, 0) @ weight.astype(np.float64) + bias
        return np.maximum(layer, 0) @ self.out_weight.astype(np.float64) + self.out_bias

    def mean(self, species: SpeciesArray, mover: SpeciesArray, views: IntArray) -> Float64Array:
        """Mean float64[m] (eV) of the outputs for the columns `views` int64[n_views, n_env] of `species`."""
        total = np.zeros(len(species))
        for view in views:
            total += self(species[:, view], mover)
        return total / len(views)


@dataclass(frozen=True)
class ForwardProgram:
    """Forward barriers read from the initial state: E_i = network(environment of jump i).

    Attributes:
        structure: "bcc" or "fcc".
        offsets: int64[z, n_env, 3] (a/2) from the vacancy.
        network: reads the n_env sites.
    """

    structure: Structure
    offsets: IntArray
    network: DenseStack


@dataclass(frozen=True)
class BalancedProgram:
    """Barriers that obey detailed balance: E_fwd = KRA + (S(B) - S(A)) / 2.

    With u the union environment of the jump A -> B and m its moving species,

        E_fwd = mean over `views` v of kra(u[v], m) + linear_mover[m]
                + sum over sites i of linear[m, i, u_i] + [S_vac(B) - S_vac(A)] / 2,

    and S_vac the mean of s_vac over the rows of `state_offsets`. Networks that are read in all ways that the
    lattice makes equal are exactly as symmetric as it is.

    Attributes:
        structure: "bcc" or "fcc".
        union_offsets: int64[z, n_union, 3] (a/2) from the vacancy.
        views: int64[n_views, n_union], the columns that kra reads; the first view is all of them in order.
        kra: symmetric part, reads union and mover.
        linear: float64[n_species (mover), n_union, n_species], eV: KRA's linear part plus half the change of
            the pair energy of the whole state; species and mover count from 0.
        linear_mover: float64[n_species], eV.
        state_offsets: int64[n_state_views, n_state, 3] (a/2), crystal frame.
        s_vac: energy of a vacancy's surroundings; read at A's vacancy and, the atom moved, at B's.
        linear_vacant: float64[n_species (mover), n_union], eV: as `linear` for another vacancy on the site;
            zeros if not given.

    With several vacancies S counts S_vac once for each of them, so S_vac(B) - S_vac(A) above is the change
    of that sum: the jump is also seen by the other vacancies nearby.
    """

    structure: Structure
    union_offsets: IntArray
    views: IntArray
    kra: DenseStack
    linear: Float64Array
    linear_mover: Float64Array
    state_offsets: IntArray
    s_vac: DenseStack
    linear_vacant: Float64Array = None  # type: ignore[assignment]  # __post_init__ puts an array there

    def __post_init__(self) -> None:
        if self.linear_vacant is None:
            object.__setattr__(self, "linear_vacant", np.zeros(self.linear.shape[:2]))


@dataclass(frozen=True)
class EnsembleProgram:
    """The mean of several programs of one kind that read the same sites.

    Attributes:
        members: ForwardPrograms or BalancedPrograms, one at least.
    """

    members: tuple[ForwardProgram, ...] | tuple[BalancedProgram, ...]

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError("members: expected one program at least")
        first = self.members[0]
        for number, member in enumerate(self.members):
            if type(member) is not type(first) or not _same_sites(member, first):
                raise ValueError(f"members[{number}]: not of the kind of members[0], or reads other sites")

    @property
    def structure(self) -> Structure:
        """ "bcc" or "fcc"."""
        return self.members[0].structure


SingleProgram = ForwardProgram | BalancedProgram
Program = SingleProgram | EnsembleProgram


def members_of(program: Program) -> tuple[ForwardProgram, ...] | tuple[BalancedProgram, ...]:
    """The programs whose mean `program` is: itself, unless it is an ensemble."""
    return program.members if isinstance(program, EnsembleProgram) else (program,)  # type: ignore[return-value]


def _same_sites(a: SingleProgram, b: SingleProgram) -> bool:
    if isinstance(a, ForwardProgram) and isinstance(b, ForwardProgram):
        return a.structure == b.structure and np.array_equal(a.offsets, b.offsets)
    names = ("union_offsets", "views", "state_offsets")
    same = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)
    return a.structure == b.structure and same


def arrays_of(part: Program | DenseStack) -> Iterator[tuple[str, NDArray]]:
    """Every array and number of a program by its name, such as ``kra.hidden[0].weight``."""
    for name in (field.name for field in fields(part)):
        value = getattr(part, name)
        if name == "members":
            for i, member in enumerate(value):
                yield from ((f"members[{i}].{inner}", array) for inner, array in arrays_of(member))
        elif isinstance(value, DenseStack):
            yield from ((f"{name}.{inner}", array) for inner, array in arrays_of(value))
        elif name == "hidden":
            for i, (weight, bias) in enumerate(value):
                yield from ((f"hidden[{i}].weight", weight), (f"hidden[{i}].bias", bias))
        elif name != "structure":
            yield name, np.asarray(value)


def program_hash(program: Program) -> str:
    """SHA-256 of everything that a program computes with."""
    total = hashlib.sha256(f"{type(program).__name__} {program.structure}".encode())
    for name, array in arrays_of(program):
        total.update(f"{name} {array.dtype.str} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()


def linear_energy(
    linear: Float64Array, mover: SpeciesArray, species: SpeciesArray, vacant: Float64Array | None = None
) -> Float64Array:
    """Sum over sites of ``linear[mover, site, species]``, float64[m] in eV.

    Args:
        linear: float64[n_species, n_env, n_species]; species and mover count from 0.
        mover: uint8[m], from 1.
        species: uint8[m, n_env], from 1; 0 is a vacancy.
        vacant: float64[n_species, n_env], what a vacancy adds; nothing if not given.
    """
    padded = np.pad(linear, ((1, 0), (0, 0), (1, 0)))
    if vacant is not None:
        padded[1:, :, 0] = vacant
    return padded[mover[:, None], np.arange(species.shape[1]), species].sum(axis=1)


def evaluate(program: Program, lattice: Lattice, occupancy: SpeciesArray, vacancy_site: int) -> Float64Array:
    """Forward barriers float64[z] (eV) of one vacancy, without any shortcut.

    A jump into another vacancy is impossible: its barrier is infinite.

    Args:
        program: the model.
        lattice: the lattice.
        occupancy: uint8[n_sites], 0 at the vacancy.
        vacancy_site: the vacancy's site.

    Raises:
        ValueError: the site is not vacant, or the lattice is of another structure.
    """
    if lattice.structure != program.structure:
        raise ValueError(f"the model is for {program.structure}, the lattice is {lattice.structure}")
    check_vacancy(lattice, occupancy, vacancy_site)
    if isinstance(program, EnsembleProgram):
        members = [evaluate(member, lattice, occupancy, vacancy_site) for member in program.members]
        return np.mean(members, axis=0)
    mover = occupancy[lattice.neighbours[vacancy_site]]
    if isinstance(program, ForwardProgram):
        species = occupancy[lattice.sites_around(vacancy_site, program.offsets)]
        barriers = program.network(species, mover)
    else:
        barriers = _balanced(program, lattice, occupancy, vacancy_site)
    return np.where(mover == 0, np.inf, barriers)


def _balanced(
    program: BalancedProgram, lattice: Lattice, occupancy: SpeciesArray, vacancy_site: int
) -> Float64Array:
    mover = occupancy[lattice.neighbours[vacancy_site]]
    union = occupancy[lattice.sites_around(vacancy_site, program.union_offsets)]
    kra = program.kra.mean(union, mover, program.views)
    linear = linear_energy(program.linear, mover, union, program.linear_vacant)
    linear += np.pad(program.linear_mover, (1, 0))[mover]
    before = state_energy(program, lattice, occupancy)
    after = np.empty(lattice.z)
    for jump, site in enumerate(lattice.neighbours[vacancy_site]):
        moved = occupancy.copy()
        moved[vacancy_site], moved[site] = occupancy[site], 0
        after[jump] = state_energy(program, lattice, moved)
    return kra + linear + 0.5 * (after - before)


def state_energy(program: BalancedProgram, lattice: Lattice, occupancy: SpeciesArray) -> float:
    """S_vac (eV) of the surroundings of every vacancy, added up."""
    vacancies = np.flatnonzero(occupancy == 0)
    views = occupancy[lattice.sites_around(vacancies, program.state_offsets)]  # [vacancies, views, n_state]
    nobody = np.zeros(len(vacancies), dtype=np.uint8)
    return float(np.mean([program.s_vac(view, nobody) for view in views.swapaxes(0, 1)], axis=0).sum())
