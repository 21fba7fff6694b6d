"""Barriers of all jumps of one vacancy from the species around it, for the two kinds of program.

`around` lists the sites that a program reads, once each; a program's tables hold columns into that list.
The last entry of the list is a filler. All results depend on the species alone, bit for bit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from nnk.environment import find_columns
from nnk.kmc.compiled import compiled
from nnk.kmc.networks import (
    ROWS,
    Columns,
    Network,
    Workspace,
    group_sites,
    group_table,
    make_workspace,
    network_energies,
    pack_network,
    takes_pairs,
    whole_tiles,
)
from nnk.lattice import IntArray, jumps
from nnk.models.program import BalancedProgram, DenseStack, Float64Array, ForwardProgram, Program


class ForwardEvaluator(NamedTuple):
    """Tables of a `ForwardProgram`; see `network_energies`."""

    network: Network
    columns: Columns
    work: Workspace


class BalancedEvaluator(NamedTuple):
    """Tables of a `BalancedProgram`.

    Attributes:
        kra: symmetric part; its first z rows read each jump's union, the next z the inverted one.
        kra_columns: uint32[whole tiles of 2 z, n_groups, 2].
        linear: float64[n_species, rows of kra's table], the linear part for each moving species, numbered
            like the table's rows.
        s_vac: energy of a vacancy's surroundings.
        after_columns: uint32[whole tiles of z, n_groups, 2], surroundings after each jump.
        before_columns: uint32[ROWS, n_groups, 2], surroundings now, the same in every row.
        mover: uint32[z], where each moving atom stands.
        work: buffers.
    """

    kra: Network
    kra_columns: Columns
    linear: Float64Array
    s_vac: Network
    after_columns: Columns
    before_columns: Columns
    mover: Columns
    work: Workspace


Evaluator = ForwardEvaluator | BalancedEvaluator


def sites_read(program: Program) -> IntArray:
    """Offsets int64[n, 3] (a/2) of all sites that `program` reads around the vacancy."""
    nearest = jumps(program.structure)
    if isinstance(program, ForwardProgram):
        read = [nearest, program.offsets.reshape(-1, 3)]
    else:
        # the surroundings of each jump's end, seen from the vacancy
        shifted = (nearest[:, None] + program.state_offsets).reshape(-1, 3)
        read = [nearest, program.union_offsets.reshape(-1, 3), program.state_offsets, shifted]
    offsets = np.unique(np.concatenate(read), axis=0)
    return offsets[(offsets != 0).any(axis=1)]


def make_evaluator(program: Program, around: IntArray) -> Evaluator:
    """Tables of `program` for the list of sites `around` int64[n, 3] (see `sites_read`)."""
    mover = find_columns(around, jumps(program.structure))
    if isinstance(program, ForwardProgram):
        network = pack_network(program.network)
        sites = np.stack([find_columns(around, offsets) for offsets in program.offsets])
        columns = _columns(program.network, sites, mover, len(around))
        return ForwardEvaluator(network, columns, make_workspace([network], len(columns)))
    return _balanced_evaluator(program, around, mover)


def _balanced_evaluator(program: BalancedProgram, around: IntArray, mover: IntArray) -> BalancedEvaluator:
    filler = len(around)
    union = np.stack([find_columns(around, offsets) for offsets in program.union_offsets])
    both_ways = np.concatenate([union, union[:, program.inversion]])
    before = find_columns(around, program.state_offsets)
    after = np.stack([_after_jump(program, around, d) for d in range(len(mover))])
    kra = pack_network(program.kra)
    # a state has no moving atom: group 0 gives the bias alone
    s_vac = pack_network(replace(program.s_vac, mover=np.zeros_like(program.s_vac.mover)))
    kra_columns = _columns(program.kra, both_ways, np.concatenate([mover, mover]), filler)
    no_mover = np.full(len(after), filler)
    return BalancedEvaluator(
        kra=kra,
        kra_columns=kra_columns,
        linear=_linear_table(program),
        s_vac=s_vac,
        after_columns=_columns(program.s_vac, after, no_mover, filler),
        before_columns=_columns(program.s_vac, before[None], no_mover[:1], filler),
        mover=mover.astype(np.uint32),
        work=make_workspace([kra, s_vac], len(kra_columns)),
    )


def _after_jump(program: BalancedProgram, around: IntArray, jump: int) -> IntArray:
    """Columns int64[n_state] of the surroundings after `jump`; the atom is now at the vacancy's old site."""
    step = jumps(program.structure)[jump]
    seen = step + program.state_offsets
    seen[(seen == 0).all(axis=1)] = step
    return find_columns(around, seen)


def _linear_table(program: BalancedProgram) -> Float64Array:
    """``linear`` with the rows of `kra`'s table, ``linear_mover`` in the rows of group 0."""
    pairs = takes_pairs(program.kra)
    tables = []
    for of_mover, constant in zip(program.linear, program.linear_mover, strict=True):
        sites = group_table(of_mover, pairs)
        tables.append(np.concatenate([np.full((1, sites.shape[1]), constant), sites]).reshape(-1))
    return np.ascontiguousarray(tables)


def _columns(stack: DenseStack, sites: IntArray, mover: IntArray, filler: int) -> Columns:
    """Columns uint32[whole tiles, n_groups, 2]; rows that fill up the last tile repeat the first."""
    groups = group_sites(sites, filler, takes_pairs(stack))
    moving = np.stack([mover, np.full_like(mover, filler)], axis=-1)[:, None]
    columns = np.concatenate([moving, groups], axis=1)
    missing = whole_tiles(len(columns)) - len(columns)
    return np.concatenate([columns, np.repeat(columns[:1], missing, axis=0)]).astype(np.uint32)


@compiled
def forward_barriers(forward, species, barriers):  # type: ignore[no-untyped-def]
    """Barriers float64[z] (eV) of a `ForwardEvaluator` into `barriers`."""
    network_energies(forward.network, forward.columns, species, forward.work)
    for jump in range(barriers.shape[0]):
        barriers[jump] = forward.work.energies[jump]


@compiled
def state_energy(balanced, species):  # type: ignore[no-untyped-def]
    """S_vac (eV) of the vacancy's present surroundings."""
    network_energies(balanced.s_vac, balanced.before_columns, species, balanced.work)
    return np.float64(balanced.work.energies[0])


@compiled
def balanced_barriers(balanced, species, before, barriers, after):  # type: ignore[no-untyped-def]
    """Barriers of a `BalancedEvaluator`.

    Args:
        balanced: `BalancedEvaluator`.
        species: uint8, species of the sites around the vacancy.
        before: S_vac now, eV.
        barriers: float64[z], filled with barriers in eV.
        after: float64[z], filled with S_vac after each jump in eV.
    """
    z = barriers.shape[0]
    work = balanced.work
    network_energies(balanced.s_vac, balanced.after_columns, species, work)
    for jump in range(z):
        after[jump] = work.energies[jump]
    network_energies(balanced.kra, balanced.kra_columns, species, work)
    n_groups = balanced.kra.base.shape[0]
    for jump in range(z):
        symmetric = 0.5 * (np.float64(work.energies[jump]) + np.float64(work.energies[z + jump]))
        first = (jump // ROWS) * n_groups * ROWS + jump % ROWS
        mover = species[balanced.mover[jump]] - 1
        linear = 0.0
        for group in range(n_groups):
            linear += balanced.linear[mover, work.rows[first + group * ROWS]]
        barriers[jump] = symmetric + linear + 0.5 * (after[jump] - before)
