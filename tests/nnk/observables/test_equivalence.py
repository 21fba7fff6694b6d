"""Barriers that must be equal, against a search that turns every cell in every way."""

import numpy as np
import pytest

from nnk.barriers import BarrierSet, Flag
from nnk.lattice import Lattice, point_group
from nnk.observables.equivalence import cell_operations, equivalents

ELEMENTS = ("Nb", "Mo", "Ta")


def labels(structure, cells, occupancy, a_A=None, flag=None):
    """Labels of every jump of every vacancy of the samples; energies are random numbers."""
    lattice, n = Lattice(structure, cells, 1.0), len(occupancy)
    per_sample = lattice.n_sites * lattice.z
    m = n * per_sample
    energy = np.random.default_rng(0).uniform(0.5, 2.0, (2, m))
    ones = np.ones(m)
    return BarrierSet(
        elements=ELEMENTS,
        structure=structure,
        cells=cells,
        occupancy=np.array(occupancy),
        a_A=np.full(n, 3.2) if a_A is None else a_A,
        sample_key=tuple(f"x/s{i}" for i in range(n)),
        composition=np.full((n, 3), 1 / 3),
        sample=np.repeat(np.arange(n), per_sample),
        vacancy_site=np.tile(np.repeat(np.arange(lattice.n_sites), lattice.z), n),
        jump=np.tile(np.arange(lattice.z), n * lattice.n_sites),
        E_fwd_eV=energy[0],
        E_bwd_eV=energy[1],
        curvature_eV_A2=-ones,
        residual_force_eV_A=0 * ones,
        calls=ones,
        flag=np.zeros(m) if flag is None else flag,
        method=0 * ones,
        n_saddles=ones,
        item_hash=("",) * m,
    )


def canonical(lattice, occupancy, site, jump):
    """The smallest description of a cell with a vacancy and a jump among all ways to turn it."""
    extent, found = 2 * np.array(lattice.cells), []
    for g in point_group():
        if not (np.abs(g) @ extent == extent).all():
            continue
        atoms = [
            (*((g @ (where - lattice.coordinates[site])) % extent).tolist(), int(species))
            for where, species in zip(lattice.coordinates, occupancy, strict=True)
        ]
        found.append((tuple((g @ lattice.jumps[jump]).tolist()), tuple(sorted(atoms))))
    return min(found)


def by_brute_force(barriers):
    """Sets of (label, backward) that are one jump."""
    lattice = Lattice(barriers.structure, barriers.cells, 1.0)
    groups = {}
    for i in np.flatnonzero(barriers.usable).tolist():
        occupancy, site, jump = barriers.states(i)
        end = lattice.neighbours[site, jump]
        after = occupancy.copy()
        after[site], after[end] = occupancy[end], 0
        box = round(float(barriers.a_A[barriers.sample[i]]), 6)
        there = (box, canonical(lattice, occupancy, site, jump))
        back = (box, canonical(lattice, after, end, lattice.z - 1 - jump))
        groups.setdefault(there, set()).add((i, False))
        groups.setdefault(back, set()).add((i, True))
    return {frozenset(group) for group in groups.values() if len(group) > 1}


def as_sets(found):
    groups = {}
    for label, backward, group in zip(found.label, found.backward, found.group, strict=True):
        groups.setdefault(int(group), set()).add((int(label), bool(backward)))
    assert sorted(groups) == list(range(found.n_groups))
    return {frozenset(group) for group in groups.values()}


CASES = [
    ("bcc", (2, 2, 2), 1),
    ("bcc", (2, 2, 2), 4),
    ("bcc", (3, 2, 2), 3),
    ("bcc", (1, 2, 3), 6),
    ("fcc", (2, 2, 2), 2),
    ("fcc", (2, 1, 1), 5),
]


@pytest.mark.parametrize(("structure", "cells", "solutes"), CASES)
def test_groups_are_those_of_brute_force(structure, cells, solutes):
    rng = np.random.default_rng(solutes)
    n_sites = Lattice(structure, cells, 1.0).n_sites
    cell = np.full(n_sites, 2)
    cell[rng.choice(n_sites, solutes, replace=False)] = rng.integers(1, 4, solutes)
    barriers = labels(structure, cells, [cell])
    barriers = barriers.select(rng.choice(len(barriers), min(len(barriers), 40), replace=False))
    found = equivalents(barriers)
    expected = by_brute_force(barriers)
    assert expected
    assert as_sets(found) == expected


def test_samples_that_are_shifted_and_turned_copies():
    lattice, rng = Lattice("bcc", (2, 2, 2), 1.0), np.random.default_rng(5)
    cell = rng.integers(1, 4, lattice.n_sites)
    g = point_group()[17]
    copy = np.empty_like(cell)
    copy[lattice.site_at(lattice.coordinates @ g.T + np.array([1, 1, 1]))] = cell
    barriers = labels("bcc", (2, 2, 2), [cell, copy])
    found = equivalents(barriers)
    assert as_sets(found) == by_brute_force(barriers)
    assert (np.bincount(barriers.sample[found.label]) == 2 * lattice.n_sites * 8).all()


def test_other_boxes_are_other_jumps():
    cell = np.random.default_rng(5).integers(1, 4, 16)
    same = equivalents(labels("bcc", (2, 2, 2), [cell, cell], a_A=np.array([3.2, 3.2 + 1e-9])))
    other = equivalents(labels("bcc", (2, 2, 2), [cell, cell], a_A=np.array([3.2, 3.21])))
    assert (same.size >= 2).all()
    assert len(same) == 2 * 2 * 16 * 8
    assert len(other) < len(same)


def test_in_a_pure_metal_all_barriers_are_one_group():
    barriers = labels("bcc", (3, 3, 3), [np.full(54, 1)])
    found = equivalents(barriers)
    assert found.n_groups == 1
    assert len(found) == 2 * 54 * 8
    both = np.concatenate([barriers.E_fwd_eV, barriers.E_bwd_eV])
    assert found.repeatability_eV == pytest.approx(both.std(ddof=1))
    assert found.spread_eV == pytest.approx([np.ptp(both)])
    assert found.mean_eV == pytest.approx([both.mean()])


def test_numbers_are_those_of_plain_loops():
    rng = np.random.default_rng(2)
    cell = np.full(16, 2)
    cell[[0, 5]] = 1, 3
    found = equivalents(labels("bcc", (2, 2, 2), [cell]).select(rng.choice(128, 60, replace=False)))
    deviations = []
    for g in range(found.n_groups):
        energies = [e for e, group in zip(found.E_eV, found.group, strict=True) if group == g]
        assert found.size[g] == len(energies)
        assert found.spread_eV[g] == pytest.approx(max(energies) - min(energies))
        deviations += [e - np.mean(energies) for e in energies]
    np.testing.assert_allclose(found.deviation_eV, deviations)
    expected = np.sqrt(np.sum(np.square(deviations)) / (len(deviations) - found.n_groups))
    assert found.repeatability_eV == pytest.approx(expected)


def test_labels_that_are_not_usable_do_not_count():
    flag = np.zeros(128)
    flag[:100] = Flag.FAILED
    found = equivalents(labels("bcc", (2, 2, 2), [np.full(16, 1)], flag=flag))
    assert found.label.min() == 100


def test_a_random_alloy_has_none():
    cell = np.random.default_rng(1).integers(1, 4, 54)
    found = equivalents(labels("bcc", (3, 3, 3), [cell]).select(np.arange(8)))
    assert (len(found), found.n_groups) == (0, 0)
    assert found.spread_eV.shape == (0,)
    assert np.isnan(found.repeatability_eV)


@pytest.mark.parametrize(("cells", "count"), [((2, 2, 2), 48), ((2, 2, 3), 16), ((1, 2, 3), 8)])
def test_operations_of_a_block(cells, count):
    assert len(cell_operations(Lattice("bcc", cells, 1.0))) == count
