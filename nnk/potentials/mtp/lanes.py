"""The arithmetic of a moment tensor potential as straight-line vector code, eight atoms at a time.

`Stages.radial_and_moments`, `contract` and `gradients` are numba intrinsics written out for one `Program`:
every vector holds one quantity of eight atoms, or of one neighbour of each. They work on rows of eight
numbers in one array, of which `Layout` says what is where.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from nnk.potentials.mtp.program import Powers, Program
from nnk.potentials.mtp.vectors import INT, LANES, VectorCode

PAIRED = 2  # slots that go into the moments together: half the traffic of the moments to memory


@dataclass(frozen=True)
class Layout:
    """Rows of the work array: what all neighbours share, then a slot for every neighbour.

    Attributes:
        program: what is computed.
    """

    program: Program
    slope: ClassVar[int] = 0  # xi = slope r + offset
    offset: ClassVar[int] = 1
    cutoff: ClassVar[int] = 2
    energy: ClassVar[int] = 3
    virial: ClassVar[int] = 4  # xx, yy, zz, yz, xz, xy
    moments: ClassVar[int] = 10
    # rows of a slot
    difference: ClassVar[int] = 0  # x, y, z to the neighbour
    gradient: ClassVar[int] = 3  # of the energy of the atom by the neighbour's position
    unit: ClassVar[int] = 6
    inverse: ClassVar[int] = 9  # 1/r
    value: ClassVar[int] = 10  # of the radial functions

    @property
    def adjoint(self) -> int:
        """First of the derivatives of the energy by the basic moments."""
        return self.moments + len(self.program.basic)

    @property
    def slots(self) -> int:
        """First row of the first slot."""
        return self.adjoint + len(self.program.basic)

    @property
    def change(self) -> int:
        """First of the derivatives of the radial functions."""
        return self.value + self.program.functions

    @property
    def slot_rows(self) -> int:
        """Rows per slot."""
        return self.change + self.program.functions

    @property
    def radial_width(self) -> int:
        """Columns of the radial tables: values, derivatives, and zeros up to whole vectors."""
        return -(-2 * self.program.functions // LANES) * LANES


def _chebyshev(code: VectorCode, xi: Any, count: int) -> list[Any]:
    """T_0..T_(count-1) of xi."""
    values, twice = [code.number(1.0), xi], code.add(xi, xi)
    while len(values) < count:
        values.append(code.sub(code.mul(twice, values[-1]), values[-2]))
    return values[:count]


def _radial_sums(code: VectorCode, layout: Layout, xi: Any, table: Any, rows: Sequence[Any]) -> list[Any]:
    """Chebyshev sums of all radial functions and their derivatives: every lane has its own coefficients.

    A lane at a time, for all functions at once; then lanes and functions change places.
    """
    polynomials = _chebyshev(code, xi, layout.program.radial_size)
    sums: list[Any] = []
    for group in range(0, layout.radial_width, LANES):
        columns = []
        for lane, row in enumerate(rows):
            total = None
            for q, polynomial in enumerate(polynomials):
                place = code.builder.add(row, ir.Constant(INT, q * layout.radial_width + group))
                coefficients = code.builder.load(code.address(table, place), align=8)
                if total is None:
                    total = coefficients
                else:
                    factor = code.pick(polynomial, polynomial, [lane] * LANES)
                    total = code.add(total, code.mul(factor, coefficients))
            columns.append(total)
        sums += code.transposed(columns)
    return sums


def _radial_functions(
    layout: Layout, slot: VectorCode, shared: VectorCode, table: Any, rows: list[Any]
) -> tuple[list[Any], dict[Powers, Any]]:
    """Values of the radial functions and the monomials of a slot; writes what `_write_gradients` needs."""
    functions = range(layout.program.functions)
    d = [slot.load(layout.difference + axis) for axis in range(3)]
    square = slot.sum_of_products([(x, x) for x in d])
    inverse = slot.builder.fdiv(slot.number(1.0), slot.sqrt(square))
    r = slot.mul(square, inverse)
    unit = [slot.mul(x, inverse) for x in d]
    xi = slot.add(slot.mul(shared.load(layout.slope), r), shared.load(layout.offset))
    sums = _radial_sums(slot, layout, xi, table, rows)
    h = slot.sub(r, shared.load(layout.cutoff))
    h2, twice = slot.mul(h, h), slot.add(h, h)
    values = [slot.mul(h2, sums[f]) for f in functions]
    for f in functions:
        change = slot.mul(h2, sums[layout.program.functions + f])
        slot.store(slot.add(change, slot.mul(twice, sums[f])), layout.change + f)
        slot.store(values[f], layout.value + f)
    for axis in range(3):
        slot.store(unit[axis], layout.unit + axis)
    slot.store(inverse, layout.inverse)
    return values, slot.monomials(layout.program, unit)


def _write_moments(
    layout: Layout, slots: list[VectorCode], shared: VectorCode, table: Any, rows: list[Any]
) -> None:
    found = [
        _radial_functions(layout, slot, shared, table, rows[k * LANES : (k + 1) * LANES])
        for k, slot in enumerate(slots)
    ]
    for q, (mu, powers) in enumerate(layout.program.basic):
        terms = [(values[mu], monomials[powers]) for values, monomials in found]
        shared.store(shared.sum_of_products(terms, shared.load(layout.moments + q)), layout.moments + q)


def _write_contraction(layout: Layout, code: VectorCode, linear: Any) -> None:
    program = layout.program
    moments = {q: code.load(layout.moments + q) for q in range(len(program.basic))}
    for i, j, factor, k in program.times:
        product = code.mul(code.mul(moments[i], code.number(factor)), moments[j])
        moments[k] = code.add(moments[k], product) if k in moments else product
    adjoint: dict[int, Any] = {}
    terms = []
    for place, k in enumerate(program.mapping):
        weight = code.broadcast(code.builder.gep(linear, [ir.Constant(INT, place)]))
        adjoint[k] = code.add(adjoint[k], weight) if k in adjoint else weight
        terms.append((weight, moments.get(k, code.number(0.0))))
    code.store(code.sum_of_products(terms), layout.energy)
    for i, j, factor, k in reversed(program.times):
        if k in adjoint:
            weight = code.mul(adjoint[k], code.number(factor))
            for one, other in ((i, j), (j, i)):
                adjoint[one] = code.sum_of_products([(weight, moments[other])], adjoint.get(one))
    for q in range(len(program.basic)):
        code.store(adjoint.get(q, code.number(0.0)), layout.adjoint + q)


def _write_gradients(layout: Layout, slot: VectorCode, shared: VectorCode) -> None:
    program, axes = layout.program, range(3)
    unit = [slot.load(layout.unit + axis) for axis in axes]
    monomials = slot.monomials(program, unit)
    along: Any = None  # derivative by the distance
    slopes: dict[Powers, Any] = {}  # by the monomials
    for mu in range(program.functions):
        value, total = slot.load(layout.value + mu), None
        for q, (function, powers) in enumerate(program.basic):
            if function == mu:
                weight = shared.load(layout.adjoint + q)
                total = slot.sum_of_products([(weight, monomials[powers])], total)
                slopes[powers] = slot.sum_of_products([(weight, value)], slopes.get(powers))
        if total is not None:
            along = slot.sum_of_products([(slot.load(layout.change + mu), total)], along)
    across: list[Any] = [slot.number(0.0)] * 3  # derivatives by the unit vector
    for powers, part, axis in reversed(program.monomials):
        slope = slopes.get(powers)
        if slope is not None and sum(powers) == 1:
            across[axis] = slot.add(across[axis], slope)
        elif slope is not None:
            across[axis] = slot.sum_of_products([(slope, monomials[part])], across[axis])
            slopes[part] = slot.sum_of_products([(slope, unit[axis])], slopes.get(part))
    inverse = slot.load(layout.inverse)
    radial = slot.sum_of_products(list(zip(unit, across, strict=True)))
    along = slot.sub(along, slot.mul(radial, inverse))
    gradient = [slot.add(slot.mul(across[axis], inverse), slot.mul(along, unit[axis])) for axis in axes]
    difference = [slot.load(layout.difference + axis) for axis in axes]
    for axis in axes:
        slot.store(gradient[axis], layout.gradient + axis)
    for row, (i, j) in enumerate(((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)), layout.virial):
        shared.store(shared.add(shared.load(row), shared.mul(difference[i], gradient[j])), row)


def _data(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    """Address of an array's numbers."""
    return make_array(array_type)(context, builder, array).data


@dataclass(frozen=True)
class Stages:
    """Three numba intrinsics.

    Attributes:
        radial_and_moments: (work, start, table, rows, first): the radial functions of the two slots whose
            numbers begin at `start`, and their share of the moments; lane l takes its coefficients from the
            numbers of `table` that begin at rows[first + l], in the second slot at rows[first + 8 + l].
        contract: (work, linear): energies, and the derivatives by the basic moments.
        gradients: (work, start): gradients of the slot, and its share of the virial.
    """

    radial_and_moments: Any
    contract: Any
    gradients: Any


def stages(layout: Layout) -> Stages:
    """The vector code of a program."""

    @intrinsic
    def radial_and_moments(context, work, start, table, rows, first):  # type: ignore[no-untyped-def]
        def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            work, table, rows = (_data(context, builder, signature.args[k], arguments[k]) for k in (0, 2, 3))
            steps = [ir.Constant(INT, k * layout.slot_rows * LANES) for k in range(PAIRED)]
            slots = [VectorCode(builder, work, builder.add(arguments[1], step)) for step in steps]
            places = [builder.add(arguments[4], ir.Constant(INT, lane)) for lane in range(PAIRED * LANES)]
            offsets = [builder.load(builder.gep(rows, [place])) for place in places]
            _write_moments(layout, slots, VectorCode(builder, work), table, offsets)
            return context.get_dummy_value()

        return types.void(work, types.int64, table, rows, types.int64), write

    @intrinsic
    def contract(context, work, linear):  # type: ignore[no-untyped-def]
        def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            work, linear = (_data(context, builder, signature.args[k], arguments[k]) for k in (0, 1))
            _write_contraction(layout, VectorCode(builder, work), linear)
            return context.get_dummy_value()

        return types.void(work, linear), write

    @intrinsic
    def gradients(context, work, start):  # type: ignore[no-untyped-def]
        def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            work = _data(context, builder, signature.args[0], arguments[0])
            _write_gradients(layout, VectorCode(builder, work, arguments[1]), VectorCode(builder, work))
            return context.get_dummy_value()

        return types.void(work, types.int64), write

    return Stages(radial_and_moments, contract, gradients)
