"""Vector instructions of eight double-precision numbers, written as LLVM code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba.core.cgutils import get_or_insert_function

from nnk.potentials.mtp.program import Powers, Program

LANES = 8
INT = ir.IntType(64)
_INT32 = ir.IntType(32)
_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_FUSED = ("contract",)  # a * b + c in one operation where the processor has it


class VectorCode:
    """Vector instructions on the rows of an array."""

    def __init__(self, builder: Any, base: Any, start: Any = None) -> None:
        self.builder, self._base, self._start = builder, base, start

    def _at(self, row: int) -> Any:
        index: Any = ir.Constant(INT, row * LANES)
        if self._start is not None:
            index = self.builder.add(self._start, index)
        return self.address(self._base, index)

    def address(self, base: Any, index: Any) -> Any:
        """Address of the vector that begins at a number of an array."""
        return self.builder.bitcast(self.builder.gep(base, [index]), _VECTOR.as_pointer())

    def load(self, row: int) -> Any:
        """The vector of a row."""
        return self.builder.load(self._at(row), align=8)

    def store(self, value: Any, row: int) -> None:
        """Write the vector of a row."""
        self.builder.store(value, self._at(row), align=8)

    def number(self, value: float) -> Any:
        """A constant in all lanes."""
        return ir.Constant(_VECTOR, [value] * LANES)

    def add(self, a: Any, b: Any) -> Any:
        """a + b."""
        return self.builder.fadd(a, b, flags=_FUSED)

    def sub(self, a: Any, b: Any) -> Any:
        """a - b."""
        return self.builder.fsub(a, b, flags=_FUSED)

    def mul(self, a: Any, b: Any) -> Any:
        """a b."""
        return self.builder.fmul(a, b, flags=_FUSED)

    def sum_of_products(self, pairs: Sequence[tuple[Any, Any]], start: Any = None) -> Any:
        """`start`, if given, and all products."""
        for a, b in pairs:
            product = self.mul(a, b)
            start = product if start is None else self.add(start, product)
        return start

    def sqrt(self, a: Any) -> Any:
        """Square roots."""
        kind = ir.FunctionType(_VECTOR, [_VECTOR])
        function = get_or_insert_function(self.builder.module, kind, f"llvm.sqrt.v{LANES}f64")
        return self.builder.call(function, [a])

    def pick(self, a: Any, b: Any, places: Sequence[int]) -> Any:
        """Elements of two vectors by their places: 0-7 of the first, 8-15 of the second."""
        mask = ir.Constant(ir.VectorType(_INT32, LANES), list(places))
        return self.builder.shuffle_vector(a, b, mask)

    def broadcast(self, pointer: Any) -> Any:
        """A number in memory in all lanes."""
        one = self.builder.insert_element(
            ir.Constant(_VECTOR, ir.Undefined), self.builder.load(pointer), ir.Constant(_INT32, 0)
        )
        return self.pick(one, one, [0] * LANES)

    def transposed(self, rows: Sequence[Any]) -> list[Any]:
        """Eight vectors, elements and vectors exchanged."""
        rows, lanes = list(rows), range(LANES)
        for step in (1, 2, 4):
            for i in (i for i in lanes if not i & step):
                a, b = rows[i], rows[i + step]
                rows[i] = self.pick(a, b, [e if not e & step else LANES + e - step for e in lanes])
                rows[i + step] = self.pick(a, b, [e + step if not e & step else LANES + e for e in lanes])
        return rows

    def monomials(self, program: Program, unit: Sequence[Any]) -> dict[Powers, Any]:
        """Products of the components of a vector."""
        values: dict[Powers, Any] = {(0, 0, 0): self.number(1.0)}
        for powers, part, axis in program.monomials:
            values[powers] = unit[axis] if sum(powers) == 1 else self.mul(values[part], unit[axis])
        return values
