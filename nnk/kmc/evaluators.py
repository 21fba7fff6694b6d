"""Barriers of all jumps of one vacancy from the species around it, for the two kinds of program.

`around` lists the sites that a program reads, once each; a program's tables hold columns into that list.
The last entry of the list is a filler. All results depend on the species alone, bit for bit. The members of
an ensemble share their columns and are averaged.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, cast

import numpy as np

from nnk.environment import find_columns
from nnk.kmc.compiled import compiled
from nnk.kmc.networks import (
    ROWS,
    Columns,
    Networks,
    Workspace,
    group_sites,
    group_table,
    make_workspace,
    member,
    network_energies,
    pack_networks,
    takes_pairs,
    whole_tiles,
    with_vacant_rows,
)
from nnk.lattice import IntArray, jumps
from nnk.models.program import (
    BalancedProgram,
    DenseStack,
    Float64Array,
    ForwardProgram,
    Program,
    members_of,
)


class ForwardEvaluator(NamedTuple):
    """Tables of `ForwardProgram`s, the mean of which is taken; see `network_energies`."""

    networks: Networks
    columns: Columns
    work: Workspace


class BalancedEvaluator(NamedTuple):
    """Tables of `BalancedProgram`s, the mean of which is taken.

    Attributes:
        kra: symmetric parts; their first z rows read each jump's union as it is, the next z in its second
            view, and so on.
        kra_columns: uint32[whole tiles of z views, n_groups, 2].
        kra_views: number of views.
        linear: float64[n_species, rows of kra's table], the linear part for each moving species, numbered
            like the table's rows.
        s_vac: energies of a vacancy's surroundings.
        state_views: number of their views.
        after_columns: uint32[whole tiles of z views, n_groups, 2], surroundings after each jump; the rows are
            ordered by view.
        before_columns: uint32[whole tiles of views, n_groups, 2], surroundings now.
        blocks_columns: as `after_columns`; row d reads surroundings as they are from the d-th of z lists of
            species that follow each other.
        mover: uint32[z], where each moving atom stands.
        work: buffers.
    """

    kra: Networks
    kra_columns: Columns
    kra_views: int
    linear: Float64Array
    s_vac: Networks
    state_views: int
    after_columns: Columns
    before_columns: Columns
    blocks_columns: Columns
    mover: Columns
    work: Workspace


Evaluator = ForwardEvaluator | BalancedEvaluator


def sites_read(program: Program) -> IntArray:
    """Offsets int64[n, 3] (a/2) of all sites that `program` reads around the vacancy."""
    nearest, first = jumps(program.structure), members_of(program)[0]
    if isinstance(first, ForwardProgram):
        read = [nearest, first.offsets.reshape(-1, 3)]
    else:
        # the surroundings of each jump's end, seen from the vacancy
        state = first.state_offsets.reshape(-1, 3)
        shifted = (nearest[:, None] + state).reshape(-1, 3)
        read = [nearest, first.union_offsets.reshape(-1, 3), state, shifted]
    return distinct_sites(read)


def distinct_sites(read: list[IntArray]) -> IntArray:
    """Offsets int64[n, 3] that occur in any of `read`, once each, the vacancy's own site left out."""
    offsets = np.unique(np.concatenate(read), axis=0)
    return offsets[(offsets != 0).any(axis=1)]


def make_evaluator(program: Program, around: IntArray, *, n_entries: int, several: bool) -> Evaluator:
    """Tables of `program`.

    Args:
        program: the model; members of an ensemble have networks of the same layers.
        around: int64[n, 3], the list of sites (see `sites_read`).
        n_entries: length of the lists of species, fillers included.
        several: there may be other vacancies around.
    """
    mover = find_columns(around, jumps(program.structure))
    members = members_of(program)
    if isinstance(members[0], ForwardProgram):
        return _forward_evaluator(cast(tuple[ForwardProgram, ...], members), around, mover, several)
    balanced = cast(tuple[BalancedProgram, ...], members)
    return _balanced_evaluator(balanced, around, mover, n_entries, several)


def _forward_evaluator(
    members: tuple[ForwardProgram, ...], around: IntArray, mover: IntArray, several: bool
) -> ForwardEvaluator:
    stack, networks = _packed([member.network for member in members], several)
    sites = np.stack([find_columns(around, offsets) for offsets in members[0].offsets])
    columns = _columns(stack, sites, mover, len(around))
    return ForwardEvaluator(networks, columns, make_workspace([networks], len(columns)))


def _balanced_evaluator(
    members: tuple[BalancedProgram, ...], around: IntArray, mover: IntArray, n_entries: int, several: bool
) -> BalancedEvaluator:
    filler, program = len(around), members[0]
    n_kra, n_state = len(program.views), len(program.state_offsets)
    union = np.stack([find_columns(around, offsets) for offsets in program.union_offsets])
    before = np.stack([find_columns(around, offsets) for offsets in program.state_offsets])
    after = np.stack([after_jump(program, around, d) for d in range(len(mover))], axis=1)
    kra_stack, kra = _packed([member.kra for member in members], several)
    # a state has no moving atom: group 0 gives the bias alone
    states = [replace(member.s_vac, mover=np.zeros_like(member.s_vac.mover)) for member in members]
    state_stack, s_vac = _packed(states, several)
    views = np.concatenate([union[:, view] for view in program.views])
    kra_columns = _columns(kra_stack, views, np.tile(mover, n_kra), filler)
    blocks = before[:, None] + np.arange(len(mover))[:, None] * n_entries
    after_columns, before_columns, blocks_columns = (
        _columns(state_stack, sites, np.full(len(sites), filler), filler)
        for sites in (after.reshape(-1, after.shape[2]), before, blocks.reshape(-1, blocks.shape[2]))
    )
    tables = [_linear_table(member, takes_pairs(kra_stack), several) for member in members]
    return BalancedEvaluator(
        kra=kra,
        kra_columns=kra_columns,
        kra_views=n_kra,
        linear=np.mean(tables, axis=0),
        s_vac=s_vac,
        state_views=n_state,
        after_columns=after_columns,
        before_columns=before_columns,
        blocks_columns=blocks_columns,
        mover=mover.astype(np.uint32),
        work=make_workspace([kra, s_vac], max(len(kra_columns), len(after_columns))),
    )


def _packed(stacks: list[DenseStack], several: bool) -> tuple[DenseStack, Networks]:
    """Networks laid out, and one of the stacks as it was packed: several vacancies give species 0 rows."""
    if several:
        stacks = [with_vacant_rows(stack) for stack in stacks]
    return stacks[0], pack_networks(stacks, 0 if several else 1)


def after_jump(program: BalancedProgram, around: IntArray, jump: int) -> IntArray:
    """Columns int64[n_state_views, n_state] of what is around after `jump`; the atom is at the old site."""
    step = jumps(program.structure)[jump]
    seen = step + program.state_offsets
    seen[(seen == 0).all(axis=2)] = step
    return np.stack([find_columns(around, view) for view in seen])


def _linear_table(program: BalancedProgram, pairs: bool, several: bool) -> Float64Array:
    """``linear`` with the rows of `kra`'s table, ``linear_mover`` in the rows of group 0."""
    linear = program.linear
    if several:
        linear = np.concatenate([program.linear_vacant[..., None], linear], axis=-1)
    tables = []
    for of_mover, constant in zip(linear, program.linear_mover, strict=True):
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
def _mean_energies(networks, columns, views, species, work, energies):  # type: ignore[no-untyped-def]
    """Mean output of `networks` over `views` blocks of rows of `columns` into `energies`, float64 (eV).

    A block has as many rows as there are energies.
    """
    n = energies.shape[0]
    energies[:] = 0.0
    for number in range(networks.table.shape[0]):
        network_energies(member(networks, number), columns, species, work)
        for view in range(views):
            for row in range(n):
                energies[row] += np.float64(work.energies[view * n + row])
    for row in range(n):
        energies[row] /= networks.table.shape[0] * views


@compiled
def forward_barriers(forward, species, barriers):  # type: ignore[no-untyped-def]
    """Barriers float64[z] (eV) of a `ForwardEvaluator` into `barriers`."""
    _mean_energies(forward.networks, forward.columns, 1, species, forward.work, barriers)


@compiled
def state_energy(balanced, species, energy):  # type: ignore[no-untyped-def]
    """S_vac (eV) of the vacancy's present surroundings into the first place of `energy` float64[n]."""
    _mean_energies(
        balanced.s_vac, balanced.before_columns, balanced.state_views, species, balanced.work, energy[:1]
    )


@compiled
def state_energies(balanced, blocks, energies):  # type: ignore[no-untyped-def]
    """S_vac (eV) of z surroundings, whose species follow each other in `blocks`, into float64[z]."""
    _mean_energies(
        balanced.s_vac, balanced.blocks_columns, balanced.state_views, blocks, balanced.work, energies
    )


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
    _mean_energies(balanced.s_vac, balanced.after_columns, balanced.state_views, species, work, after)
    _mean_energies(balanced.kra, balanced.kra_columns, balanced.kra_views, species, work, barriers)
    n_groups = balanced.kra_columns.shape[1]
    for jump in range(z):
        first = (jump // ROWS) * n_groups * ROWS + jump % ROWS
        mover = np.int64(species[balanced.mover[jump]]) - 1
        linear = 0.0
        for group in range(n_groups if mover >= 0 else 0):  # work.rows: the columns are those of every member
            linear += balanced.linear[mover, work.rows[first + group * ROWS]]
        barriers[jump] = barriers[jump] + linear + 0.5 * (after[jump] - before)
