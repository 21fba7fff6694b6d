"""Published barriers as labels: the states they belong to, forward barriers, and what is wrong with some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnk.alloy import exact_counts, fractions_named, fractions_of
from nnk.barrier_columns import Flag, Method
from nnk.barriers import BarrierSet
from nnk.environment import EnvironmentSpec, canonical_jump, find_columns
from nnk.lattice import IntArray, Lattice
from nnk.published.dft import LOOP_TOLERANCE_EV, TINY_EV, DftBarriers, Flaw, read_dft
from nnk.published.nkk import SHELLS, SPECIES
from nnk.published.npy46 import Npy46, open_npy46, upright

UNKNOWN = 0
"""Stands in an occupancy for a site of which a published set says nothing."""

NPY46_CELLS = (5, 5, 5)  # the smallest block in which the 8 shells around a vacancy do not meet themselves
LATTICE_PARAMETER_A = 3.24  # of the block; the set gives none, and no barrier depends on it

_OF_FLAW = {Flaw.NONE: Flag.OK, Flaw.TINY: Flag.TINY, Flaw.INCONSISTENT: Flag.FAILED}
_REASONS = {
    Flaw.NONE: "",
    Flaw.TINY: f"published barrier below {TINY_EV} eV",
    Flaw.INCONSISTENT: f"published barrier off the closed loops of jumps by over {LOOP_TOLERANCE_EV} eV",
}


def dft_labels(root: Path | str, elements: Sequence[str]) -> BarrierSet:
    """The barriers of `nnk.published.read_dft` as labels, a sample for each folder, with its name.

    Only forward barriers are known: E_bwd is NaN. Flawed barriers are there as labels that are not usable,
    each with its reason.

    Raises:
        ValueError: a file is not what it should be, or holds an element that is not among `elements`.
    """
    found = read_dft(root, elements)
    flaws = [Flaw(flaw) for flaw in found.flaw.tolist()]
    inconsistent = found.flaw == Flaw.INCONSISTENT
    return BarrierSet(
        elements=tuple(elements),
        structure="bcc",
        cells=found.lattice.cells,
        occupancy=found.occupancy,
        a_A=_edges_A(found),
        sample_key=found.folder,
        composition=found.composition,
        sample=found.sample,
        vacancy_site=found.vacancy_site,
        jump=found.jump,
        E_fwd_eV=np.where(inconsistent, np.nan, found.E_fwd_eV),
        flag=np.array([_OF_FLAW[flaw] for flaw in flaws], dtype=np.uint8),
        reason=tuple(_REASONS[flaw] for flaw in flaws),
        **_not_published(len(found)),
        attrs={"source": "published set", "format": "dft"},
    )


def _edges_A(found: DftBarriers) -> NDArray[np.float64]:
    """Lattice parameter float64[n] of each folder's box, of its volume."""
    volumes = np.abs(np.linalg.det(found.box_A))
    return np.asarray(np.cbrt(volumes) / found.lattice.cells[0], dtype=np.float64)


def _not_published(m: int) -> dict[str, Any]:
    """The columns of labels that published sets do not have."""
    unknown = np.full(m, np.nan)
    return {
        **dict.fromkeys(("E_bwd_eV", "curvature_eV_A2", "residual_force_eV_A", "calls"), unknown),
        "method": np.full(m, Method.NEB, dtype=np.uint8),
        "n_saddles": np.ones(m, dtype=np.uint8),
        "item_hash": ("",) * m,
    }


def npy46_labels(root: Path | str, elements: Sequence[str]) -> BarrierSet:
    """The barriers of `nnk.published.open_npy46` as labels, a sample for each vacancy.

    The set tells the 112 sites around each vacancy and nothing else: all other sites of the block of
    `NPY46_CELLS` cells are `UNKNOWN`. E_bwd is NaN. Where a symmetric state shows one jump twice, the labels
    are one in all their names.

    Raises:
        ValueError: as `open_npy46` and its reading.
    """
    found = open_npy46(root)
    alloys = [_alloy(found, index, elements) for index in range(len(found))]
    first = np.cumsum([0, *(len(alloy.occupancy) for alloy in alloys)])
    m = sum(len(alloy.sample) for alloy in alloys)
    n_samples = [len(alloy.occupancy) for alloy in alloys]
    names = zip(found.names, n_samples, strict=True)
    return BarrierSet(
        elements=tuple(elements),
        structure="bcc",
        cells=NPY46_CELLS,
        occupancy=np.concatenate([alloy.occupancy for alloy in alloys]),
        a_A=np.full(first[-1], LATTICE_PARAMETER_A),
        sample_key=tuple(f"{name}/s{i:05d}" for name, count in names for i in range(count)),
        composition=np.repeat([alloy.composition for alloy in alloys], n_samples, axis=0),
        sample=np.concatenate([a.sample + start for a, start in zip(alloys, first, strict=False)]),
        vacancy_site=np.zeros(m, dtype=np.int32),
        jump=np.concatenate([alloy.jump for alloy in alloys]),
        E_fwd_eV=np.concatenate([alloy.E_fwd_eV for alloy in alloys]),
        flag=np.full(m, Flag.OK, dtype=np.uint8),
        **_not_published(m),
        attrs={"source": "published set", "format": "npy46", "known_shells": SHELLS},
    )


@dataclass(frozen=True)
class _Alloy:
    """The labels of one alloy of the set: occupancy uint8[n, n_sites], and per label its sample and jump."""

    occupancy: NDArray[np.uint8]
    composition: NDArray[np.float64]
    sample: IntArray
    jump: NDArray[np.uint8]
    E_fwd_eV: NDArray[np.float64]


def _alloy(found: Npy46, index: int, elements: Sequence[str]) -> _Alloy:
    barriers = found.read(index, elements)
    state, turned = upright(barriers.species)
    _, row, sample = np.unique(barriers.group, return_index=True, return_inverse=True)
    spec = EnvironmentSpec("bcc", SHELLS, "state")
    lattice = Lattice("bcc", NPY46_CELLS, 1.0)
    occupancy = np.full((len(row), lattice.n_sites), UNKNOWN, dtype=np.uint8)
    occupancy[:, lattice.sites_around(0, spec.canonical)] = state[row]
    return _Alloy(
        occupancy,
        _composition(found.names[index], barriers.species, elements),
        sample.reshape(-1).astype(np.int64),
        _directions(spec)[turned],
        barriers.E_fwd_eV,
    )


def _directions(state: EnvironmentSpec) -> NDArray[np.uint8]:
    """Number uint8[48] of the jump that each operation of `state.symmetry` makes of the canonical one."""
    column = find_columns(state.canonical, canonical_jump("bcc")[None])[0]
    places = np.argmax(state.symmetry == column, axis=1)  # where each operation puts the atom that moves
    jumps = Lattice("bcc", NPY46_CELLS, 1.0).jumps
    return find_columns(jumps, state.canonical[places]).astype(np.uint8)


def _composition(name: str, species: NDArray[np.uint8], elements: Sequence[str]) -> NDArray[np.float64]:
    """Fractions of an alloy: those of its name, such as Nb50Mo25Ta25, or else those around its vacancies."""
    named = named_fractions(name)
    if named is not None:
        return fractions_of(named, elements)
    counts = np.bincount(species.ravel(), minlength=len(elements) + 1)[1:]
    return np.asarray(exact_counts(counts / counts.sum(), 100) / 100, dtype=np.float64)


def named_fractions(name: str) -> dict[str, float] | None:
    """Fractions of the composition that an alloy's name spells, such as Nb50Mo25Ta25; None for others."""
    try:
        fractions = fractions_named(name, SPECIES).tolist()
    except ValueError:
        return None
    return dict(zip(SPECIES, fractions, strict=True))
