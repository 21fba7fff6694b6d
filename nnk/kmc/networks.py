"""Dense networks laid out for the register tiles of `nnk.kmc.tiles`.

The first layer of a network on species is a sum of table rows, one per site. Sites are taken in pairs where
the table of all pairs of species stays small: half as many rows to add. The rows stand once, in the canonical
order of the environment, and so stay in the core's cache; every jump brings its own columns, that is where
each canonical site stands in the list of sites around the vacancy.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnk.kmc.compiled import compiled, inlined
from nnk.kmc.tiles import COLUMNS, LANES, ROWS, dot, rectified_layer, rectified_row_sums
from nnk.lattice import IntArray
from nnk.models.program import DenseStack, Float32Array

PAIR_TABLE_BYTES = 400_000  # sites are paired only where the table leaves room in a core's L2 cache
FILLER = 1  # species read by a column that stands for no site

Columns = NDArray[np.uint32]


class Network(NamedTuple):
    """A `DenseStack` as flat arrays; widths are padded to whole tiles with zeros.

    The first layer is the sum over groups g of ``table[base[g] + step * first + second]``, with first and
    second the species of the group's two columns. Group 0 is the moving species (and the bias), the others
    are the sites, two to a group or one with a filler.

    Attributes:
        base: int32[n_groups].
        step: factor of the first column's species.
        table: float32, the rows in blocks of COLUMNS columns.
        n_rows: rows in a block.
        widths: int64[n_layers], padded width of each layer.
        weights: float32, hidden layers one after the other, each in blocks of COLUMNS columns.
        biases: float32, of the hidden layers.
        out_weight: float32[last width].
        out_bias: float32.
    """

    base: NDArray[np.int32]
    step: int
    table: Float32Array
    n_rows: int
    widths: IntArray
    weights: Float32Array
    biases: Float32Array
    out_weight: Float32Array
    out_bias: np.float32


class Networks(NamedTuple):
    """Several `Network`s of one shape: the arrays that differ have a leading axis."""

    base: NDArray[np.int32]
    step: int
    table: Float32Array
    n_rows: int
    widths: IntArray
    weights: Float32Array
    biases: Float32Array
    out_weight: Float32Array
    out_bias: Float32Array


class Workspace(NamedTuple):
    """Buffers of one evaluation: row numbers int32, two layers float32, energies float32[rows]."""

    rows: NDArray[np.int32]
    layer: Float32Array
    next_layer: Float32Array
    energies: Float32Array


def aligned(shape: tuple[int, ...] | int, dtype: type) -> NDArray:
    """Zeros that start on a cache line, so that no vector load straddles two."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    buffer = np.zeros(count + 64, dtype=np.uint8)
    start = -buffer.ctypes.data % 64
    return buffer[start : start + count].view(dtype).reshape(shape)


def whole_tiles(rows: int, tile: int = ROWS) -> int:
    """`rows` rounded up to whole tiles."""
    return -(-rows // tile) * tile


def takes_pairs(stack: DenseStack) -> bool:
    """Whether the sites of `stack` are taken in pairs."""
    n_env, n_species, width = stack.table.shape
    return (n_env + 1) // 2 * n_species**2 * width * 4 <= PAIR_TABLE_BYTES


def group_sites(sites: NDArray, filler: int, pairs: bool) -> NDArray:
    """Groups int[..., n_groups, 2] of the entries of `sites` int[..., n_env]."""
    missing = sites.shape[-1] % 2 if pairs else 0
    pad = [(0, 0)] * (sites.ndim - 1)
    if pairs:
        full = np.pad(sites, [*pad, (0, missing)], constant_values=filler)
        return full.reshape(*sites.shape[:-1], -1, 2)
    return np.stack([sites, np.full_like(sites, filler)], axis=-1)


def group_table(rows: NDArray, pairs: bool) -> NDArray:
    """Table [n_groups, combinations, ...] of sums of rows [n_env, n_species, ...], in the rows' own type."""
    if not pairs:
        return rows
    if len(rows) % 2:
        rows = np.concatenate([rows, np.zeros_like(rows[:1])])
    sums = rows[0::2, :, None] + rows[1::2, None, :]
    return sums.reshape(len(sums), -1, *rows.shape[2:])


def with_vacant_rows(stack: DenseStack) -> DenseStack:
    """`stack` for species numbered from 0, the vacancy: its rows are zeros."""
    return replace(
        stack,
        table=np.pad(stack.table, ((0, 0), (1, 0), (0, 0))),
        mover=np.pad(stack.mover, ((1, 0), (0, 0))),
    )


def pack_network(stack: DenseStack, lowest: int = 1) -> Network:
    """Lay `stack` out for the tiles; the first rows of its tables are those of species `lowest`."""
    pairs = takes_pairs(stack)
    n_species = stack.n_species
    sites = group_table(stack.table, pairs)
    moving = np.repeat(stack.bias + stack.mover, sites.shape[1] // n_species, axis=0)
    step = n_species if pairs else 1
    table = _pad_columns(np.concatenate([moving[None], sites]).reshape(-1, stack.table.shape[2]))
    weights = [_pad_columns(_pad_rows(weight)) for weight, _ in stack.hidden]
    biases = [_pad_columns(bias[None])[0] for _, bias in stack.hidden]
    groups = np.arange(len(sites) + 1)
    return Network(
        base=(groups * sites.shape[1] - step * lowest - (lowest if pairs else FILLER)).astype(np.int32),
        step=step,
        table=_blocks([table]),
        n_rows=len(table),
        widths=np.array([table.shape[1], *map(len, biases)], dtype=np.int64),
        weights=_blocks(weights),
        biases=_on_line(np.concatenate([*biases, np.zeros(1)])),
        out_weight=_on_line(_pad_columns(stack.out_weight[None])[0]),
        out_bias=np.float32(stack.out_bias),
    )


def pack_networks(stacks: list[DenseStack], lowest: int = 1) -> Networks:
    """Lay out several stacks; see `pack_network`.

    Raises:
        ValueError: stacks of different shapes.
    """
    networks = [pack_network(stack, lowest) for stack in stacks]
    first = networks[0]
    if any(not np.array_equal(network.widths, first.widths) for network in networks):
        raise ValueError("networks of one ensemble must have the same layers")
    return Networks(
        first.base,
        first.step,
        _stacked([network.table for network in networks]),
        first.n_rows,
        first.widths,
        _stacked([network.weights for network in networks]),
        _stacked([network.biases for network in networks]),
        _stacked([network.out_weight for network in networks]),
        np.array([network.out_bias for network in networks], dtype=np.float32),
    )


def _stacked(arrays: list[Float32Array]) -> Float32Array:
    """Flat arrays one below the other, each of them from a cache line on."""
    stacked = aligned((len(arrays), whole_tiles(len(arrays[0]), LANES)), np.float32)
    for row, array in zip(stacked, arrays, strict=True):
        row[: len(array)] = array
    return stacked


def _pad_columns(matrix: Float32Array) -> Float32Array:
    return np.pad(matrix, ((0, 0), (0, -matrix.shape[1] % COLUMNS)))


def _pad_rows(matrix: Float32Array) -> Float32Array:
    return np.pad(matrix, ((0, -matrix.shape[0] % COLUMNS), (0, 0)))


def _on_line(values: NDArray) -> Float32Array:
    copy = aligned(values.shape, np.float32)
    copy[...] = values
    return copy


def _blocks(matrices: list[Float32Array]) -> Float32Array:
    """Matrices one after the other, each cut into blocks of COLUMNS columns; flat."""
    cut = [m.reshape(len(m), -1, COLUMNS).transpose(1, 0, 2).reshape(-1) for m in matrices]
    return _on_line(np.concatenate([*cut, np.zeros(1, dtype=np.float32)]))


def make_workspace(networks: list[Networks], rows: int) -> Workspace:
    """Buffers for `rows` rows (whole tiles) of any of `networks`."""
    groups = max(len(network.base) for network in networks)
    width = max(int(network.widths.max()) for network in networks)
    return Workspace(
        aligned(groups * rows, np.int32),
        aligned(rows * width, np.float32),
        aligned(rows * width, np.float32),
        aligned(rows, np.float32),
    )


@inlined
def member(networks, number):  # type: ignore[no-untyped-def]
    """One of several networks."""
    return Network(
        networks.base,
        networks.step,
        networks.table[number],
        networks.n_rows,
        networks.widths,
        networks.weights[number],
        networks.biases[number],
        networks.out_weight[number],
        networks.out_bias[number],
    )


@compiled
def _number_rows(network, columns, species, rows):  # type: ignore[no-untyped-def]
    n_groups = network.base.shape[0]
    for row in range(columns.shape[0]):
        start = (row // ROWS) * n_groups * ROWS + row % ROWS
        for group in range(n_groups):
            first = np.int32(species[columns[row, group, 0]])
            second = np.int32(species[columns[row, group, 1]])
            rows[start + group * ROWS] = network.base[group] + network.step * first + second


@compiled
def network_energies(network, columns, species, work):  # type: ignore[no-untyped-def]
    """Outputs of the network for all rows of `columns`, left in ``work.energies`` (float32, eV).

    Args:
        network: `Network`.
        columns: uint32[rows, n_groups, 2], whole tiles of rows; where each row's sites stand in `species`.
        species: uint8, species of the sites around the vacancy.
        work: `Workspace`.
    """
    _number_rows(network, columns, species, work.rows)
    n_groups = network.base.shape[0]
    n_rows = columns.shape[0]
    width = network.widths[0]
    for block in range(width // COLUMNS):
        table_start = block * network.n_rows * COLUMNS
        for row in range(0, n_rows, ROWS):
            rectified_row_sums(
                network.table, table_start, work.rows, row * n_groups, n_groups,
                work.layer, row * width + block * COLUMNS, width,
            )  # fmt: skip
    layer, next_layer = work.layer, work.next_layer
    weight_start = bias_start = 0
    for number in range(1, network.widths.shape[0]):
        next_width = network.widths[number]
        for block in range(next_width // COLUMNS):
            for row in range(0, n_rows, ROWS):
                rectified_layer(
                    layer, row * width, width, network.weights, weight_start, width,
                    network.biases, bias_start, next_layer, row * next_width + block * COLUMNS, next_width,
                )  # fmt: skip
            weight_start += width * COLUMNS
            bias_start += COLUMNS
        layer, next_layer = next_layer, layer
        width = next_width
    for row in range(n_rows):
        work.energies[row] = dot(layer, row * width, network.out_weight, width, network.out_bias)
