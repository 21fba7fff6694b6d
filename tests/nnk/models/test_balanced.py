"""The balanced model: one energy of the state, exactly; a symmetric barrier; a naive reference."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.environment import EnvironmentSpec, gather, state_columns
from nnk.lattice import Lattice, offsets_within, reverse_jump
from nnk.models import frame_spread_eV
from nnk.models.linear import end_shells, half_pair_difference, pair_energy
from nnk.models.program import evaluate

CASES = {"bcc": (8, (5, 5, 5)), "fcc": (5, (4, 4, 4))}


def random_state(lattice, seed, n_species=3):
    rng = np.random.default_rng(seed)
    occupancy = rng.integers(1, n_species + 1, lattice.n_sites).astype(np.uint8)
    site = int(rng.integers(lattice.n_sites))
    occupancy[site] = 0
    return occupancy, site


def jump(lattice, occupancy, site, direction):
    end = int(lattice.neighbours[site, direction])
    moved = occupancy.copy()
    moved[site], moved[end] = occupancy[end], 0
    return moved, end


def naive_pair_energy(lattice, occupancy, pair_eV):
    """Every pair, by squared distance, images one by one."""
    offsets = offsets_within(lattice.structure, len(pair_eV))
    squared = sorted({int(x) for x in (offsets**2).sum(axis=1)})
    total = 0.0
    for site in range(lattice.n_sites):
        for offset in offsets:
            other = int(lattice.site_at(lattice.coordinates[site] + offset))
            total += pair_eV[squared.index(int(offset @ offset)), occupancy[site], occupancy[other]]
    return total / 2


@pytest.mark.parametrize("structure", CASES)
def test_pair_energy_is_the_sum_over_pairs(structure, make_balanced):
    shells, cells = CASES[structure]
    lattice = Lattice(structure, cells, 3.2)
    model = make_balanced(structure, shells)
    occupancy, _ = random_state(lattice, 1)
    expected = naive_pair_energy(lattice, occupancy, model.pair_eV)
    assert pair_energy(lattice, occupancy, model.pair_eV) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("structure", CASES)
@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**31))
def test_difference_of_barriers_is_the_difference_of_one_state_function(structure, make_balanced, seed):
    shells, cells = CASES[structure]
    lattice = Lattice(structure, cells, 3.2)
    model = make_balanced(structure, shells, seed=seed % 7)
    occupancy, site = random_state(lattice, seed)
    forward = model.barriers(occupancy, site, lattice)
    before = model.energy(occupancy, lattice)
    for direction in range(lattice.z):
        moved, end = jump(lattice, occupancy, site, direction)
        backward = model.barriers(moved, end, lattice)[reverse_jump(structure, direction)]
        change = model.energy(moved, lattice) - before
        assert forward[direction] - backward == pytest.approx(change, abs=1e-9)


@pytest.mark.filterwarnings("ignore:.*wrap around:UserWarning")
@pytest.mark.parametrize(("structure", "shells", "cells"), [("bcc", 2, (3, 3, 4)), ("fcc", 2, (3, 3, 3))])
@pytest.mark.parametrize("n_vacancies", [2, 4])
def test_several_vacancies_share_one_energy(structure, shells, cells, n_vacancies, make_balanced):
    """Near each other or not, every jump and its way back differ by the energies of the two states."""
    lattice, model = Lattice(structure, cells, 3.2), make_balanced(structure, shells)
    occupancy, site = random_state(lattice, n_vacancies)
    others = np.random.default_rng(1).permutation(np.flatnonzero(occupancy))[: n_vacancies - 2]
    occupancy[[lattice.neighbours[site, 3], *others]] = 0
    for vacancy in np.flatnonzero(occupancy == 0):
        forward = model.barriers(occupancy, vacancy, lattice)
        for direction in range(lattice.z):
            moved, end = jump(lattice, occupancy, vacancy, direction)
            if occupancy[end] == 0:
                assert forward[direction] == np.inf
                continue
            backward = model.barriers(moved, end, lattice)[reverse_jump(structure, direction)]
            change = model.energy(moved, lattice) - model.energy(occupancy, lattice)
            assert forward[direction] - backward == pytest.approx(change, abs=1e-9)


@pytest.mark.filterwarnings("ignore:.*wrap around:UserWarning")
@pytest.mark.parametrize("cells", [(3, 3, 3), (3, 4, 5), (4, 4, 4)])
def test_balance_survives_wrapping(cells, make_balanced):
    lattice, model = Lattice.bcc(cells, 3.2), make_balanced()
    occupancy, site = random_state(lattice, 4)
    forward = model.barriers(occupancy, site, lattice)
    for direction in range(8):
        moved, end = jump(lattice, occupancy, site, direction)
        backward = model.barriers(moved, end, lattice)[7 - direction]
        change = model.energy(moved, lattice) - model.energy(occupancy, lattice)
        assert forward[direction] - backward == pytest.approx(change, abs=1e-9)


@pytest.mark.parametrize("structure", CASES)
@pytest.mark.parametrize("seed", range(5))
def test_closed_loops_of_50_hops_do_not_drift(structure, make_balanced, seed, closed_loop):
    shells, _ = CASES[structure]
    lattice = Lattice(structure, (8, 8, 8), 3.2)
    model = make_balanced(structure, shells, seed=seed)
    occupancy, site, directions = closed_loop(lattice, hops=50, seed=seed)
    start, drift = occupancy.copy(), 0.0
    for direction in directions:
        forward = model.barriers(occupancy, site, lattice)[direction]
        occupancy, site = jump(lattice, occupancy, site, direction)
        drift += forward - model.barriers(occupancy, site, lattice)[reverse_jump(structure, direction)]
    assert len(directions) == 50
    np.testing.assert_array_equal(occupancy, start)
    assert abs(drift) < 1e-9


def test_program_and_prediction_agree(make_balanced):
    for structure, (shells, cells) in CASES.items():
        lattice, model = Lattice(structure, cells, 3.2), make_balanced(structure, shells)
        occupancy, site = random_state(lattice, 3)
        expected = evaluate(model.compiled(), lattice, occupancy, site)
        np.testing.assert_allclose(model.barriers(occupancy, site, lattice), expected, atol=1e-9)


def test_kra_is_the_same_under_inversion(make_balanced):
    lattice, model = Lattice.bcc((5, 5, 5), 3.2), make_balanced()
    program = model.compiled()
    occupancy, site = random_state(lattice, 9)
    species, mover = gather(model.environment, lattice, occupancy, site)
    forward = program.kra(species, mover) + program.kra(species[:, program.inversion], mover)
    inverted = species[:, program.inversion]
    again = program.kra(inverted, mover) + program.kra(inverted[:, program.inversion], mover)
    np.testing.assert_array_equal(forward, again)


def test_linear_parts_and_s_vac_do_not_depend_on_the_frame(make_balanced):
    lattice, model = Lattice.bcc((5, 5, 5), 3.2), make_balanced()
    occupancy, site = random_state(lattice, 2)
    species, mover = gather(model.environment, lattice, occupancy, site)
    assert frame_spread_eV(model, species, mover) > 1e-3  # the KRA network has no symmetry of its own
    silent = replace(model.kra, out_weight=model.kra.out_weight * 0)
    quiet = replace(model, kra=silent)
    assert frame_spread_eV(quiet, species, mover) < 1e-9


def test_state_columns_find_the_surroundings_of_both_states():
    lattice = Lattice.bcc((5, 5, 5), 3.2)
    union, state = (EnvironmentSpec("bcc", 8, kind) for kind in ("union", "state"))
    occupancy, site = random_state(lattice, 6)
    species, mover = gather(union, lattice, occupancy, site)
    before, after = state_columns("bcc", 8)
    for direction in range(8):
        row = np.append(species[direction], mover[direction])
        np.testing.assert_array_equal(row[before[direction]], gather(state, lattice, occupancy, site)[0])
        moved, end = jump(lattice, occupancy, site, direction)
        np.testing.assert_array_equal(row[after[direction]], gather(state, lattice, moved, end)[0])


def test_a_bond_within_both_ranges_counts_with_both_shells():
    pair = np.zeros((8, 2, 2))
    pair[:, 1, 1] = np.arange(1, 9)
    table = half_pair_difference("bcc", 8, pair)[0, :, 0]
    start, end = end_shells("bcc", 8)
    values = np.append(np.arange(1, 9), 0)
    np.testing.assert_array_equal(table, 0.5 * (values[start] - values[end]))
    assert table.sum() == 0


def test_asymmetric_pairs_are_refused(make_balanced):
    model = make_balanced()
    pair = model.pair_eV.copy()
    pair[0, 1, 2] += 0.1
    with pytest.raises(ValueError, match="V_k"):
        replace(model, pair_eV=pair)
    with pytest.raises(ValueError, match="kra_linear_eV"):
        replace(model, kra_linear_eV=model.kra_linear_eV[:, 1:])
