"""Register tiles for small dense layers: `ROWS` rows by `COLUMNS` columns of float32 at a time.

The rows of a tile are the jumps of one vacancy, so matrices are short and a library's sgemm spends its time
on packing. Here the accumulators of a tile stay in vector registers over the whole inner loop. The order of
the operations in every output element is fixed (ascending index, one fused multiply-add each), so a row's
result depends neither on the rows beside it nor on the width of the machine's vectors.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

ROWS = 8
COLUMNS = 32
LANES = 16

_FLOAT = ir.FloatType()
_LANES = ir.VectorType(_FLOAT, LANES)
_LANES_POINTER = ir.PointerType(_LANES)
_INT64 = ir.IntType(64)
_VECTORS = COLUMNS // LANES


def _data(context: Any, builder: Any, array_type: Any, value: Any) -> Any:
    """Pointer to the first element of a contiguous array."""
    return context.make_array(array_type)(context, builder, value).data


def _vector(builder: Any, base: Any, position: Any) -> Any:
    """Pointer to `LANES` floats starting at element `position` of `base`."""
    return builder.bitcast(builder.gep(base, [position]), _LANES_POINTER)


def _load(builder: Any, base: Any, position: Any) -> Any:
    return builder.load(_vector(builder, base, position), align=4)


def _int(value: int) -> Any:
    return ir.Constant(_INT64, value)


def _broadcast(builder: Any, scalar: Any) -> Any:
    single = builder.insert_element(ir.Constant(_LANES, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(single, ir.Constant(_LANES, ir.Undefined), mask)


def _fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(_LANES, [_LANES] * 3), f"llvm.fma.v{LANES}f32"
    )
    return builder.call(function, [a, b, c])


def _accumulators(builder: Any, initial: list[Any]) -> list[list[Any]]:
    """One stack slot per vector of the tile (promoted to registers), each row starting from `initial`."""
    slots = []
    for _ in range(ROWS):
        row = [cgutils.alloca_once(builder, _LANES) for _ in range(_VECTORS)]
        for slot, value in zip(row, initial, strict=True):
            builder.store(value, slot)
        slots.append(row)
    return slots


def _store_rectified(builder: Any, slots: list[list[Any]], out: Any, position: Any, stride: Any) -> None:
    """Write max(tile, 0) to rows of `out`, `stride` elements apart; what is not a number stays so."""
    zero = ir.Constant(_LANES, [0.0] * LANES)
    for r, row in enumerate(slots):
        start = builder.add(position, builder.mul(_int(r), stride))
        for v, slot in enumerate(row):
            value = builder.load(slot)
            positive = builder.select(builder.fcmp_ordered("<", value, zero), zero, value)
            target = _vector(builder, out, builder.add(start, _int(v * LANES)))
            builder.store(positive, target, align=4)


def _void(*arguments: Any) -> Any:
    return types.void(*arguments)


@intrinsic
def rectified_row_sums(
    typingctx: Any, table: Any, table_start: Any, index: Any, index_start: Any, n: Any, out: Any,
    out_start: Any, out_stride: Any,
) -> Any:  # fmt: skip
    """max(0, sum of `n` table rows) for each row of a tile.

    Row r, column c of the tile is
    ``sum_i table[table_start + COLUMNS * index[index_start + i * ROWS + r] + c]``.
    Arrays are flat: table float32, index int32, out float32.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        table_v, table_start_v, index_v, index_start_v, n_v, out_v, out_start_v, stride_v = args
        table_p = _data(context, builder, signature.args[0], table_v)
        index_p = _data(context, builder, signature.args[2], index_v)
        out_p = _data(context, builder, signature.args[5], out_v)
        slots = _accumulators(builder, [ir.Constant(_LANES, [0.0] * LANES)] * _VECTORS)
        with cgutils.for_range(builder, n_v) as loop:
            first = builder.add(index_start_v, builder.mul(loop.index, _int(ROWS)))
            for r, row in enumerate(slots):
                number = builder.load(builder.gep(index_p, [builder.add(first, _int(r))]))
                number = builder.sext(number, _INT64)
                start = builder.add(table_start_v, builder.mul(number, _int(COLUMNS)))
                for v, slot in enumerate(row):
                    values = _load(builder, table_p, builder.add(start, _int(v * LANES)))
                    builder.store(builder.fadd(builder.load(slot), values), slot)
        _store_rectified(builder, slots, out_p, out_start_v, stride_v)
        return context.get_dummy_value()

    i8 = types.int64
    return _void(table, i8, index, i8, i8, out, i8, i8), codegen


@intrinsic
def rectified_layer(
    typingctx: Any, rows: Any, rows_start: Any, rows_stride: Any, weight: Any, weight_start: Any, n: Any,
    bias: Any, bias_start: Any, out: Any, out_start: Any, out_stride: Any,
) -> Any:  # fmt: skip
    """max(0, bias + rows @ weight) for one tile: `ROWS` rows, `COLUMNS` output columns, inner length `n`.

    Weights of the tile's columns are contiguous: ``weight[weight_start + k * COLUMNS + c]``.
    All arrays are flat float32.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows_v, rows_start_v, rows_stride_v, weight_v, weight_start_v, n_v = args[:6]
        bias_v, bias_start_v, out_v, out_start_v, out_stride_v = args[6:]
        rows_p = _data(context, builder, signature.args[0], rows_v)
        weight_p = _data(context, builder, signature.args[3], weight_v)
        bias_p = _data(context, builder, signature.args[6], bias_v)
        out_p = _data(context, builder, signature.args[8], out_v)
        starts = [builder.add(bias_start_v, _int(v * LANES)) for v in range(_VECTORS)]
        slots = _accumulators(builder, [_load(builder, bias_p, start) for start in starts])
        with cgutils.for_range(builder, n_v) as loop:
            first = builder.add(weight_start_v, builder.mul(loop.index, _int(COLUMNS)))
            columns = [_load(builder, weight_p, builder.add(first, _int(v * LANES))) for v in range(_VECTORS)]
            for r, row in enumerate(slots):
                start = builder.add(rows_start_v, builder.mul(_int(r), rows_stride_v))
                scalar = builder.load(builder.gep(rows_p, [builder.add(start, loop.index)]))
                spread = _broadcast(builder, scalar)
                for slot, column in zip(row, columns, strict=True):
                    builder.store(_fma(builder, spread, column, builder.load(slot)), slot)
        _store_rectified(builder, slots, out_p, out_start_v, out_stride_v)
        return context.get_dummy_value()

    i8 = types.int64
    return _void(rows, i8, i8, weight, i8, i8, bias, i8, out, i8, i8), codegen


@intrinsic
def dot(typingctx: Any, rows: Any, rows_start: Any, weight: Any, n: Any, start: Any) -> Any:
    """start + sum over `n` elements (a multiple of `LANES`) of rows[rows_start + k] * weight[k], float32."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows_v, rows_start_v, weight_v, n_v, start_v = args
        rows_p = _data(context, builder, signature.args[0], rows_v)
        weight_p = _data(context, builder, signature.args[2], weight_v)
        slot = cgutils.alloca_once(builder, _LANES)
        builder.store(ir.Constant(_LANES, [0.0] * LANES), slot)
        with cgutils.for_range(builder, builder.sdiv(n_v, _int(LANES))) as loop:
            position = builder.mul(loop.index, _int(LANES))
            left = _load(builder, rows_p, builder.add(rows_start_v, position))
            right = _load(builder, weight_p, position)
            builder.store(_fma(builder, left, right, builder.load(slot)), slot)
        reduce = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_FLOAT, [_FLOAT, _LANES]), f"llvm.vector.reduce.fadd.v{LANES}f32"
        )
        return builder.call(reduce, [start_v, builder.load(slot)])

    return types.float32(rows, types.int64, weight, types.int64, types.float32), codegen
