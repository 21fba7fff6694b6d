"""A teacher for the networks of `nnk.networks.balanced`: kernel regression of KRA and S, in closed form.

On few labels, or compositions far from those that were labelled, smooth functions of the surroundings say
more than a network fitted to the labels. The regression is too slow for kinetics; the network learns it from
surroundings in invented alloys (`imagined`), of which there are as many as one likes.

    E_fwd = linear + quadratic in the mean composition + f(u, mover) + [g(B) - g(A)] / 2

with linear parts as in `nnk.training.ridge`. f and g are Gaussian processes of numbers of atoms: f of those
on the equivalent sites around the jump, in either direction alike, g of those in the shells around the
vacancy. The distance of two elements in their kernels is in equal parts the same for all and that of their
linear shares. All centres of the kernels are labels, so the regression is one linear system (Nystroem).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnk.barrier_columns import Flag
from nnk.environment import EnvironmentSpec, canonical_jump, state_columns
from nnk.files import rng
from nnk.lattice import IntArray
from nnk.models.program import Float32Array
from nnk.training.data import Float64Array, JumpData
from nnk.training.parameters import TrainParameters
from nnk.training.ridge import LinearParts, fit_linear_parts, forward_design, kra_design

CENTRES = 1500  # labels on which the kernels stand
# in variances of the labels; far more than each label errs, as what the model cannot tell of an alloy is the
# same for all labels of that alloy
NOISE = 0.1
_ROWS_AT_ONCE = 4096

# of the kernels: variance of the function, for all movers and for each by itself; reach (a/2) over which
# sites lose their weight; weight of the nearest sites; share of the mean composition taken off the numbers
_NEAR, _FAR, _STATE = (0.33, 0.05, 0.5, 0.115, 0.5), (0.6, 0.1, 0.7, 0.025, 1.0), (1.6, 0.0, 0.4, 0.029, 0.0)
_COMPOSITION = 0.4  # weight of the mean composition among the numbers of f
# variances of the linear coefficients, in those of the labels: one per block of `_linear`
_MOVER, _SHARE, _MEAN, _MEAN_MOVER, _QUADRATIC = 1e2, 3e-3, 0.2, 7.5e-3, 0.075


KernelShape = tuple[float, ...]


@dataclass(frozen=True)
class KernelRegression:
    """A fitted teacher; see the module.

    Attributes:
        roots: float64[n_species, n_species] of f and of g, whose squares are the metrics of elements.
        centres: the labels on which the kernels stand.
        linear: float64[p], coefficients of the linear and quadratic parts.
        weights: float64[n_centres], eV.
        mean_eV: what all is counted from.
    """

    roots: tuple[Float64Array, Float64Array]
    centres: JumpData
    linear: Float64Array
    weights: Float64Array
    mean_eV: float

    def predict(self, data: JumpData) -> tuple[Float64Array, Float64Array]:
        """Forward and backward barriers float64[m] in eV."""
        E_fwd_eV, E_bwd_eV = np.empty(len(data)), np.empty(len(data))
        standing = _numbers(self.centres, np.arange(len(self.centres)), self.roots)
        for rows in np.array_split(np.arange(len(data)), len(data) // _ROWS_AT_ONCE + 1):
            shared, odd = _kernels(_numbers(data, rows, self.roots), standing)
            forward, backward = _linear(data, rows)
            E_fwd_eV[rows] = self.mean_eV + forward @ self.linear + (shared + odd) @ self.weights
            E_bwd_eV[rows] = self.mean_eV + backward @ self.linear + (shared - odd) @ self.weights
        return E_fwd_eV, E_bwd_eV


def fit_kernel(data: JumpData, rows: IntArray, ridge: float, seed: int) -> KernelRegression:
    """The regression on the labels `rows` int64[...].

    Args:
        data: the labels.
        rows: which of them to fit.
        ridge: of the linear regression that tells how much alike elements are.
        seed: of the choice of centres.
    """
    mean_eV = float(data.E_fwd_eV[rows].mean())
    chosen = rng(seed, "centres").permutation(rows)[:CENTRES]
    centres = data.select(np.isin(np.arange(len(data)), chosen))
    roots = _roots(fit_linear_parts(data, rows, ridge), len(data.elements))
    standing = _numbers(centres, np.arange(len(centres)), roots)
    shared, odd = _kernels(standing, standing)
    covariance = (shared + odd).astype(np.float64) + 1e-2 * np.eye(len(centres))
    triangle = np.linalg.inv(np.linalg.cholesky(covariance)).T
    normal, right = _sums(data, rows, roots, standing, triangle, mean_eV)
    variances = np.concatenate([_variances(data), np.ones(len(centres))])
    solution = np.linalg.solve(normal + np.diag(NOISE / variances), right)
    n = len(solution) - len(centres)
    return KernelRegression(roots, centres, solution[:n], triangle @ solution[n:], mean_eV)


def imagined(data: JumpData, count: int, seed: int) -> JumpData:
    """Jumps in random alloys of all compositions, barriers unknown; `data` says of which elements."""
    generator = rng(seed, "imagined")
    n = len(data.elements)
    # from nearly pure metals to nearly equal parts
    evenness = 10 ** generator.uniform(-0.7, 0.7, (count, 1))
    composition = generator.gamma(np.broadcast_to(evenness, (count, n))) + 1e-12
    edges = np.cumsum(composition / composition.sum(axis=1, keepdims=True), axis=1)[:, None, :-1]
    drawn = generator.random((count, data.species.shape[1], 1), dtype=np.float32)
    unknown = np.full(count, np.nan)
    return replace(
        data,
        species=(1 + (drawn > edges).sum(axis=2)).astype(np.uint8),
        mover=generator.integers(1, n + 1, count).astype(np.uint8),
        jump=np.zeros(count, dtype=np.uint8),
        E_fwd_eV=unknown,
        E_bwd_eV=unknown,
        flag=np.full(count, Flag.OK, dtype=data.flag.dtype),
        group=np.full(count, -1),
        composition=np.full(count, "imagined"),
        sample=np.full(count, "imagined"),
        vacancy_site=np.zeros(count, dtype=np.int64),
    )


def _sums(
    data: JumpData,
    rows: IntArray,
    roots: tuple[Float64Array, Float64Array],
    standing: Numbers,
    triangle: Float64Array,
    mean_eV: float,
) -> tuple[NDArray, NDArray]:
    """design^T design and design^T target over all known barriers of `rows`."""
    p = len(_variances(data)) + len(triangle)
    normal, right = np.zeros((p, p)), np.zeros(p)
    for part in np.array_split(rows, len(rows) // _ROWS_AT_ONCE + 1):
        shared, odd = _kernels(_numbers(data, part, roots), standing)
        for linear, kernel, E_eV in zip(
            _linear(data, part), (shared + odd, shared - odd), (data.E_fwd_eV, data.E_bwd_eV), strict=True
        ):
            known = np.isfinite(E_eV[part])
            if not known.any():
                continue
            design = np.concatenate([linear, kernel @ triangle], axis=1)[known].astype(np.float32)
            target = E_eV[part][known] - mean_eV
            normal += design.T @ design
            right += design.T @ target
    return normal, right


def _linear(data: JumpData, rows: IntArray) -> tuple[Float64Array, Float64Array]:
    """Design of the linear and quadratic parts, forward and backward, float64[m, p]."""
    n = len(data.elements)
    ridge = forward_design(data, rows)
    mean = (data.species[rows][:, :, None] == np.arange(1, n + 1)).mean(axis=1)
    mover = np.eye(n)[data.mover[rows] - 1]
    first, second = np.triu_indices(n)
    by_mover = (mover[:, :, None] * mean[:, None]).reshape(len(rows), n * n)
    forward = np.concatenate([ridge, mean, by_mover, mean[:, first] * mean[:, second]], axis=1)
    backward = forward.copy()
    n_kra = n + n * n * (int(data.environment.orbits.max()) + 1)
    backward[:, n_kra : ridge.shape[1]] *= -1
    return forward, backward


def _variances(data: JumpData) -> Float64Array:
    """Of the coefficients of `_linear`, in variances of the labels."""
    n = len(data.elements)
    first = np.zeros(1, dtype=np.int64)
    n_kra, n_all = kra_design(data, first).shape[1], forward_design(data, first).shape[1]
    blocks = [(n, _MOVER), (n_kra - n, _SHARE), (n_all - n_kra, 3 * _SHARE), (n, _MEAN), (n * n, _MEAN_MOVER)]
    blocks += [(n * (n + 1) // 2, _QUADRATIC)]
    return np.concatenate([np.full(size, value) for size, value in blocks])


@dataclass(frozen=True)
class Numbers:
    """Weighted numbers of atoms float32[m, ...] that the kernels compare, and movers uint8[m]."""

    near: Float32Array
    near_inverted: Float32Array
    far: Float32Array
    before: Float32Array
    after: Float32Array
    mover: NDArray[np.uint8]


def _numbers(data: JumpData, rows: IntArray, roots: tuple[Float64Array, Float64Array]) -> Numbers:
    union, state = data.environment, EnvironmentSpec(data.structure, data.shells, "state")
    sided, n = union.sided_orbits, len(data.elements)
    around = np.concatenate([data.species[rows], data.mover[rows, None]], axis=1)
    atoms = (around[:, :, None] == np.arange(1, n + 1)).astype(np.float32)
    mean = atoms[:, :-1].mean(axis=1)
    opposite = np.empty(int(sided.max()) + 1, dtype=np.int64)
    opposite[sided] = sided[union.inversion]
    before, after = (columns[0] for columns in state_columns(data.structure, data.shells))
    from_midpoint = np.linalg.norm(union.canonical - canonical_jump(data.structure) / 2, axis=1)
    from_vacancy = np.linalg.norm(state.canonical, axis=1)

    def weighted(
        columns: IntArray, orbits: IntArray, distance: Float64Array, kind: tuple[float, ...]
    ) -> NDArray:
        _, _, reach, weight, centred = kind
        sums = np.zeros((int(orbits.max()) + 1, atoms.shape[1]), dtype=np.float32)
        np.add.at(sums, (orbits, columns), 1)
        counts = np.einsum("os,msn->mon", sums, atoms, optimize=True)
        counts -= centred * sums.sum(axis=1)[:, None] * mean[:, None]
        nearest = np.full(len(sums), np.inf)
        np.minimum.at(nearest, orbits, distance)
        scale = np.sqrt(weight * np.exp(-(nearest - nearest.min()) / reach))
        return counts @ roots[kind is _STATE].astype(np.float32) * scale[:, None].astype(np.float32)

    def flat(counts: NDArray, *more: NDArray) -> Float32Array:
        return np.concatenate([counts.reshape(len(rows), -1), *more], axis=1).astype(np.float32)

    every = np.arange(union.n_env)
    near = weighted(every, sided, from_midpoint, _NEAR)
    far = weighted(every, sided, from_midpoint, _FAR)
    far = 0.5 * (far + far[:, opposite])
    composition = _COMPOSITION * mean
    return Numbers(
        near=flat(near, composition),
        near_inverted=flat(near[:, opposite], composition),
        far=flat(far, composition),
        before=flat(weighted(before, state.orbits, from_vacancy, _STATE)),
        after=flat(weighted(after, state.orbits, from_vacancy, _STATE)),
        mover=data.mover[rows],
    )


def _kernels(a: Numbers, b: Numbers) -> tuple[Float32Array, Float32Array]:
    """Covariances float32[m, n] over the variance: what forward and reverse share, and what is opposite."""
    same = (a.mover[:, None] == b.mover).astype(np.float32)
    near = _gaussian(a.near, b.near) + _gaussian(a.near, b.near_inverted)
    shared = (_NEAR[0] + _NEAR[1] * same) * near + (_FAR[0] + _FAR[1] * same) * _gaussian(a.far, b.far)
    odd = _gaussian(a.before, b.before) + _gaussian(a.after, b.after)
    odd -= _gaussian(a.before, b.after) + _gaussian(a.after, b.before)
    return shared, _STATE[0] * odd


def _gaussian(a: Float32Array, b: Float32Array) -> Float32Array:
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.exp(-0.5 * np.maximum(squared, 0, out=squared), dtype=np.float32)


def _roots(parts: LinearParts, n: int) -> tuple[Float64Array, Float64Array]:
    """Square roots of the metrics of elements for f and for g, of trace 1."""
    shares = parts.kra_linear_eV.mean(axis=0)
    return _root(shares, n), _root(parts.pair_eV[:, 0, 1:], n)


def _root(shares: Float64Array, n: int) -> Float64Array:
    centred = shares - shares.mean(axis=1, keepdims=True)
    alike = np.eye(n) - 1 / n
    own = centred.T @ centred
    metric = 0.5 * alike / max(n - 1, 1) + 0.5 * own / max(float(np.trace(own)), 1e-12)
    values, vectors = np.linalg.eigh(metric)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)), dtype=np.float64)


def with_lessons(data: JumpData, rows: IntArray, parameters: TrainParameters, count: int) -> JumpData:
    """The labels, followed by `count` imagined jumps with the barriers that a regression of `rows` gives."""
    teacher = fit_kernel(data, rows, parameters.ridge, parameters.seed)
    lessons = imagined(data, count, parameters.own_seed)
    E_fwd_eV, E_bwd_eV = teacher.predict(lessons)
    lessons = replace(lessons, E_fwd_eV=E_fwd_eV, E_bwd_eV=E_bwd_eV)
    joined: dict[str, Any] = {}
    for name in (f.name for f in fields(data)):
        if isinstance(getattr(data, name), np.ndarray):
            joined[name] = np.concatenate([getattr(data, name), getattr(lessons, name)])
    return replace(data, **joined)
