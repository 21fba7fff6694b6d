"""Barriers with their states: the product of labelling and the input of training.

A label belongs to a jump of one vacancy in one sample. Its energies are differences between verified
stationary points: E_fwd = E_saddle - E_initial, E_bwd = E_saddle - E_final, dE = E_final - E_initial and the
kinetically resolved activation barrier KRA = (E_fwd + E_bwd) / 2. A label without a verified barrier is kept
with its flag, the reason, and what energies there are; it is not `BarrierSet.usable`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.alloy import composition_name
from nnk.barrier_columns import COLUMNS, SAMPLE_COLUMNS, USABLE, Flag, Method
from nnk.barrier_files import BarrierFile
from nnk.barrier_rows import (
    BarrierRows,
    Header,
    SampleRows,
    Sizes,
    encoded,
    numbered,
    texts_of,
)
from nnk.barrier_writer import BarrierWriter
from nnk.lattice import Lattice, Structure
from nnk.occupancy_rows import OccupancyRows

_STATE_BOXES = ("a_initial_A", "a_saddle_A", "a_final_A")


def _of_the_sample() -> NDArray[np.float64]:
    """Stands for the lattice parameters of the samples, where none are given for the states."""
    return np.empty(0)


def _not_given() -> Any:
    """Stands for what random samples have."""
    return np.empty(0)


@dataclass(frozen=True)
class BarrierSet:
    """Labels of m jumps in n_samples samples on one lattice.

    Attributes:
        elements: species i of an occupancy is ``elements[i - 1]``.
        structure: "bcc" or "fcc".
        cells: cubic cells along x, y, z.
        occupancy: uint8[n_samples, n_sites], every site filled; with the attribute ``known_shells``, 0 where
            a published set says nothing of a site.
        a_A: float64[n_samples], lattice parameter of each sample's box.
        sample_key: n_samples names, ``"<composition name>/s0003"``.
        composition: float64[n_samples, n_elements], the fractions asked for.
        sample, vacancy_site, jump: int32[m], int32[m], uint8[m]: whose label it is.
        E_fwd_eV, E_bwd_eV: float64[m]; NaN where there is no barrier. E_bwd is NaN also where the label was
            made from the initial state alone (unconnected).
        curvature_eV_A2, residual_force_eV_A: float64[m], at the (highest) saddle.
        calls: float64[m], force calls; the initial state's are shared by its jumps.
        flag, method: uint8[m], see `Flag` and `Method`.
        n_saddles: uint8[m], saddles on the path (more than one: SPLIT).
        item_hash: m strings, the hash of the inputs each label was made from.
        a_initial_A, a_saddle_A, a_final_A: float64[m], lattice parameter of the box of each state; all are
            the sample's (the default) unless each state has been brought to zero pressure.
        reason: m strings, why a label is not usable; empty (the default) for one that is.
        degree: int32[n_samples], which state of its exchange run a sample is; 0 by default.
        exchanges: int64[n_samples], exchanges tried before it; 0, a random solution, by default.
        alpha: float32[n_samples, n_elements, n_elements], Warren-Cowley parameter of first neighbours; NaN by
            default.
        attrs: what was run (potential and its hash, tolerances, seed, versions): str or number.
    """

    elements: tuple[str, ...]
    structure: Structure
    cells: tuple[int, int, int]
    occupancy: NDArray[np.uint8]
    a_A: NDArray[np.float64]
    sample_key: tuple[str, ...]
    composition: NDArray[np.float64]
    sample: NDArray[np.int32]
    vacancy_site: NDArray[np.int32]
    jump: NDArray[np.uint8]
    E_fwd_eV: NDArray[np.float64]
    E_bwd_eV: NDArray[np.float64]
    curvature_eV_A2: NDArray[np.float64]
    residual_force_eV_A: NDArray[np.float64]
    calls: NDArray[np.float64]
    flag: NDArray[np.uint8]
    method: NDArray[np.uint8]
    n_saddles: NDArray[np.uint8]
    item_hash: tuple[str, ...]
    a_initial_A: NDArray[np.float64] = field(default_factory=_of_the_sample)
    a_saddle_A: NDArray[np.float64] = field(default_factory=_of_the_sample)
    a_final_A: NDArray[np.float64] = field(default_factory=_of_the_sample)
    reason: tuple[str, ...] = ()
    degree: NDArray[np.int32] = field(default_factory=_not_given)
    exchanges: NDArray[np.int64] = field(default_factory=_not_given)
    alpha: NDArray[np.float32] = field(default_factory=_not_given)
    attrs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "elements", tuple(self.elements))
        object.__setattr__(self, "cells", tuple(int(n) for n in self.cells))
        object.__setattr__(self, "sample_key", tuple(self.sample_key))
        object.__setattr__(self, "item_hash", tuple(self.item_hash))
        if not isinstance(self.occupancy, OccupancyRows):
            object.__setattr__(self, "occupancy", np.asarray(self.occupancy, dtype=np.uint8))
        object.__setattr__(self, "a_A", np.asarray(self.a_A, dtype=np.float64))
        object.__setattr__(self, "composition", np.asarray(self.composition, dtype=np.float64))
        self._fill_in()
        for name, column in (COLUMNS | SAMPLE_COLUMNS).items():
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=column.dtype))
        self._check_samples()
        self._check_barriers()

    def _fill_in(self) -> None:
        sample, n_samples = np.asarray(self.sample, dtype=np.int64), len(self.sample_key)
        pairs = (n_samples, len(self.elements), len(self.elements))
        for name in SAMPLE_COLUMNS:
            if not np.size(getattr(self, name)):
                filled = np.full(pairs, np.nan) if name == "alpha" else np.zeros(n_samples)
                object.__setattr__(self, name, filled)
        object.__setattr__(self, "reason", tuple(self.reason) or ("",) * len(sample))
        fits = len(sample) and 0 <= sample.min() <= sample.max() < len(self.a_A)
        for name in _STATE_BOXES:
            if fits and not np.size(getattr(self, name)):
                object.__setattr__(self, name, self.a_A[sample])

    def _check_samples(self) -> None:
        n_samples = len(self.sample_key)
        n_sites = Lattice(self.structure, self.cells, 1.0).n_sites
        expected = {
            "occupancy": (n_samples, n_sites),
            "a_A": (n_samples,),
            "composition": (n_samples, len(self.elements)),
            "degree": (n_samples,),
            "exchanges": (n_samples,),
            "alpha": (n_samples, len(self.elements), len(self.elements)),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name}: expected shape {shape}, got {getattr(self, name).shape}")
        if not (np.isfinite(self.a_A) & (self.a_A > 0)).all():
            raise ValueError(f"a_A={self.a_A.tolist()}: expected positive lengths in Å")
        if len(set(self.elements)) != len(self.elements):
            raise ValueError(f"elements {', '.join(self.elements)}: each may be named once")
        if len(set(self.sample_key)) != n_samples:
            raise ValueError("sample_key: the names of the samples are not unique")
        n_species = len(self.elements)
        in_memory = isinstance(self.occupancy, np.ndarray) and self.occupancy.size
        least = 0 if "known_shells" in self.attrs else 1
        if in_memory and not least <= self.occupancy.min() <= self.occupancy.max() <= n_species:
            raise ValueError(f"occupancy: every site must hold a species 1 to {n_species}")

    def _check_barriers(self) -> None:
        m = len(self.sample)
        for name in COLUMNS:
            if getattr(self, name).shape != (m,):
                raise ValueError(f"{name}: expected shape ({m},), got {getattr(self, name).shape}")
        for name in ("item_hash", "reason"):
            if len(getattr(self, name)) != m:
                raise ValueError(f"{name}: expected {m} entries, got {len(getattr(self, name))}")
        lattice = Lattice(self.structure, self.cells, 1.0)
        limits = {"sample": len(self.sample_key), "vacancy_site": lattice.n_sites, "jump": lattice.z}
        limits |= {"flag": len(Flag), "method": len(Method)}
        for name, limit in limits.items():
            values = getattr(self, name)
            if m and not (values.min() >= 0 and values.max() < limit):
                raise ValueError(f"{name}: expected 0 to {limit - 1}, got {values.min()} to {values.max()}")
        if (self.usable & ~np.isfinite(self.E_fwd_eV)).any():
            raise ValueError("E_fwd_eV: a usable label must have a finite barrier")

    def __len__(self) -> int:
        return len(self.sample)

    @property
    def dE_eV(self) -> NDArray[np.float64]:
        """Energy of the final minus the initial state, float64[m]."""
        return self.E_fwd_eV - self.E_bwd_eV

    @property
    def KRA_eV(self) -> NDArray[np.float64]:
        """Kinetically resolved activation barrier, float64[m]: the mean of both directions."""
        return 0.5 * (self.E_fwd_eV + self.E_bwd_eV)

    @property
    def usable(self) -> NDArray[np.bool_]:
        """bool[m]: the label has a verified barrier between two states worth the name."""
        return np.isin(self.flag, USABLE)

    @cached_property
    def moving_species(self) -> NDArray[np.uint8]:
        """Species uint8[m] of the atom that jumps."""
        neighbours = Lattice(self.structure, self.cells, 1.0).neighbours
        return self.occupancy[self.sample, neighbours[self.vacancy_site, self.jump]]

    @property
    def composition_name(self) -> NDArray[np.str_]:
        """Name of each label's composition, str[m]."""
        names = [composition_name(dict(zip(self.elements, row, strict=True))) for row in self.composition]
        return np.array(names, dtype=np.str_)[self.sample]

    def lattice(self, sample: int) -> Lattice:
        """The lattice, with its lattice parameter, of one sample."""
        return Lattice(self.structure, self.cells, float(self.a_A[sample]))

    def states(self, i: int) -> tuple[NDArray[np.uint8], int, int]:
        """Initial state of label `i`: occupancy uint8[n_sites] with the vacancy, its site, the jump."""
        site = int(self.vacancy_site[i])
        occupancy = self.occupancy[self.sample[i]].copy()
        occupancy[site] = 0
        return occupancy, site, int(self.jump[i])

    def select(self, which: ArrayLike) -> BarrierSet:
        """The labels of a mask bool[m] or of indices int[...]; all samples are kept."""
        index = np.atleast_1d(np.asarray(which))
        if index.dtype == bool:
            if index.shape != (len(self),):
                raise ValueError(f"mask: expected shape ({len(self)},), got {index.shape}")
            index = np.flatnonzero(index)
        if not len(index):
            index = index.astype(np.int64)
        columns = {name: getattr(self, name)[index] for name in COLUMNS}
        rows = index.tolist()
        hashes, reasons = (tuple(texts[i] for i in rows) for texts in (self.item_hash, self.reason))
        return self.replaced(**columns, item_hash=hashes, reason=reasons)

    def replaced(self, **changes: Any) -> BarrierSet:
        """The same labels with other values of some attributes."""
        return BarrierSet(**{entry.name: getattr(self, entry.name) for entry in fields(BarrierSet)} | changes)

    def save(self, path: Path) -> None:
        """Write to a NetCDF-4 file (variables with CF-style units and names)."""
        keys, hashes = encoded(self.sample_key), encoded(self.item_hash)
        texts, numbers = numbered(self.reason)
        sizes = Sizes(len(keys), len(self), keys.dtype.itemsize, hashes.dtype.itemsize)
        with BarrierWriter(path, self.header, sizes, texts) as writer:
            of_samples = {name: getattr(self, name) for name in SAMPLE_COLUMNS}
            rows = SampleRows(self.occupancy[:], self.a_A, keys, self.composition, of_samples)
            writer.put_samples(0, rows)
            columns = {name: getattr(self, name) for name in COLUMNS}
            writer.put_barriers(0, BarrierRows(columns, hashes, numbers))

    @property
    def header(self) -> Header:
        """What all labels share."""
        return Header(self.elements, self.structure, self.cells, self.attrs)

    @classmethod
    def load(cls, path: Path) -> BarrierSet:
        """Read a file of `save` whole; `nnk.open_barriers` reads what is asked for.

        Raises:
            ValueError: not a file of labels, or one of another format version.
        """
        with BarrierFile(path) as file:
            everything = slice(0, file.n_samples), slice(0, file.n_barriers)
            samples, barriers = file.samples(everything[0]), file.barriers(everything[1])
            return cls.of_rows(file.header, samples, barriers, file.reasons)

    @classmethod
    def of_rows(
        cls, header: Header, samples: SampleRows, barriers: BarrierRows, reasons: Sequence[str]
    ) -> BarrierSet:
        """The labels of rows of a file whose distinct reasons are `reasons`."""
        return cls(
            elements=header.elements,
            structure=header.structure,
            cells=header.cells,
            occupancy=samples.occupancy,
            a_A=samples.a_A,
            sample_key=texts_of(samples.sample_key),
            composition=samples.composition,
            item_hash=texts_of(barriers.item_hash),
            reason=tuple(reasons[i] for i in barriers.reason.tolist()),
            attrs=header.attrs,
            **samples.columns,
            **barriers.columns,
        )


def _merge_samples(sets: Sequence[BarrierSet]) -> tuple[list[tuple[int, int]], list[NDArray[np.int32]]]:
    """Where each distinct sample stands (set, row), and per set the new number of each of its samples."""
    places: dict[str, tuple[int, int]] = {}
    numbers: dict[str, int] = {}
    renumbered = []
    for s, barriers in enumerate(sets):
        for row, key in enumerate(barriers.sample_key):
            t, known = places.setdefault(key, (s, row))
            numbers.setdefault(key, len(numbers))
            same_box = sets[t].a_A[known] == barriers.a_A[row]
            if not same_box or not np.array_equal(sets[t].occupancy[known], barriers.occupancy[row]):
                raise ValueError(f"sample {key}: two sets hold different atoms or boxes under this name")
        renumbered.append(np.array([numbers[key] for key in barriers.sample_key], dtype=np.int32))
    return list(places.values()), renumbered


def _last_of_each(sample: NDArray, site: NDArray, jump: NDArray) -> NDArray[np.int64]:
    """Rows of the last occurrence of each label, in the order of the rows."""
    identity = np.stack([sample, site, jump.astype(np.int64)], axis=1)[::-1]
    _, first = np.unique(identity, axis=0, return_index=True)
    return np.sort(len(sample) - 1 - first)


def concatenate(sets: Sequence[BarrierSet]) -> BarrierSet:
    """One set of all labels; a label that stands in several sets is taken from the last of them.

    Samples are told apart by their key. Attributes that differ between the sets are dropped.

    Raises:
        ValueError: no set, other elements or lattices, or two samples under one key.
    """
    if not sets:
        raise ValueError("concatenate: expected at least one set of barriers")
    for other in sets[1:]:
        sets[0].header.check_like(other.header)
    places, numbers = _merge_samples(sets)
    columns: dict[str, Any] = {name: np.concatenate([getattr(b, name) for b in sets]) for name in COLUMNS}
    of_samples: dict[str, Any] = {
        name: np.array([getattr(sets[s], name)[row] for s, row in places]) for name in SAMPLE_COLUMNS
    }
    columns["sample"] = np.concatenate([n[b.sample] for n, b in zip(numbers, sets, strict=True)])
    hashes = [item for barriers in sets for item in barriers.item_hash]
    reasons = [reason for barriers in sets for reason in barriers.reason]
    last = _last_of_each(columns["sample"], columns["vacancy_site"], columns["jump"])
    common = {k: v for k, v in sets[0].attrs.items() if all(b.attrs.get(k) == v for b in sets[1:])}
    return replace(
        sets[0],
        occupancy=np.array([sets[s].occupancy[row] for s, row in places]).reshape(len(places), -1),
        a_A=np.array([sets[s].a_A[row] for s, row in places]),
        sample_key=tuple(sets[s].sample_key[row] for s, row in places),
        composition=np.array([sets[s].composition[row] for s, row in places]),
        **of_samples,
        item_hash=tuple(hashes[i] for i in last),
        reason=tuple(reasons[i] for i in last),
        attrs=common,
        **{name: values[last] for name, values in columns.items()},
    )
