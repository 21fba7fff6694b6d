"""The balanced model: one energy of the state, exactly; a symmetric barrier; a naive reference."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.environment import EnvironmentSpec, gather, state_columns
from nnk.lattice import Lattice, offsets_within, reverse_jump
from nnk.models import frame_spread_eV, load
from nnk.models.linear import end_shells, half_pair_difference, pair_energy
from nnk.models.program import evaluate
from nnk.models.views import views_of

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


def naive_mean(stack, species, mover, operations):
    """By every operation, one site after the other, one jump at a time."""
    rows = np.pad(stack.table, ((0, 0), (1, 0), (0, 0))).astype(np.float64)
    outputs = []
    for columns in operations:
        layer = stack.bias.astype(np.float64) + (stack.mover[mover - 1] if mover else 0)
        for site, column in enumerate(columns):
            layer = layer + rows[site, species[column]]
        for weight, bias in stack.hidden:
            layer = np.maximum(layer, 0) @ weight.astype(np.float64) + bias
        outputs.append(np.maximum(layer, 0) @ stack.out_weight.astype(np.float64) + stack.out_bias)
    return np.mean(outputs)


@pytest.mark.parametrize("structure", CASES)
def test_barriers_are_means_over_the_whole_group(structure, make_balanced):
    """Whatever views the program takes: KRA's over D3d or D2h, S_vac's over all 48 operations."""
    shells, cells = CASES[structure]
    lattice, model = Lattice(structure, cells, 3.2), make_balanced(structure, shells)
    occupancy, site = random_state(lattice, 9)
    species, mover = gather(model.environment, lattice, occupancy, site)
    union, state = model.environment, EnvironmentSpec(structure, shells, "state")
    both_ways = np.concatenate([union.symmetry, union.inversion[union.symmetry]])
    found = model.barriers(occupancy, site, lattice)
    for direction in (0, 3):
        here, who = species[direction], int(mover[direction])
        moved, end = jump(lattice, occupancy, site, direction)
        vacant = [gather(state, lattice, *where)[0] for where in ((occupancy, site), (moved, end))]
        before, after = (naive_mean(model.s_vac, around, 0, state.symmetry) for around in vacant)
        change = pair_energy(lattice, moved, model.pair_eV) - pair_energy(lattice, occupancy, model.pair_eV)
        expected = naive_mean(model.kra, here, who, both_ways) + model.kra_mover_eV[who - 1]
        expected += model.kra_linear_eV[who - 1][union.orbits, here - 1].sum()
        expected += 0.5 * (change + after - before)
        assert found[direction] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("structure", CASES)
def test_a_model_does_not_depend_on_the_frame(structure, make_balanced):
    shells, cells = CASES[structure]
    lattice, model = Lattice(structure, cells, 3.2), make_balanced(structure, shells)
    occupancy, site = random_state(lattice, 2)
    species, mover = gather(model.environment, lattice, occupancy, site)
    assert frame_spread_eV(model, species, mover) < 1e-9
    one_view = [model.kra(species[:, columns], mover) for columns in model.environment.symmetry]
    assert np.std(one_view, axis=0).max() > 1e-3  # the network has no symmetry of its own


@pytest.mark.parametrize(("structure", "n_kra", "n_state"), [("bcc", 12, 8), ("fcc", 8, 12)])
def test_as_many_views_as_the_rows_of_a_network_need(structure, n_kra, n_state, make_balanced):
    model, state = make_balanced(structure, 2), EnvironmentSpec(structure, 2, "state")
    assert len(model.compiled().views) == n_kra
    assert len(model.compiled().state_offsets) == n_state  # rows shared as seen along one direction
    for rows, n in ((state.orbits, 1), (np.arange(state.n_env), 48), (np.zeros(state.n_env), 1)):
        assert len(views_of(state, rows)) == n
    union = model.environment
    sided = np.unique(union.symmetry.min(axis=0), return_inverse=True)[1]  # without the inversion
    for rows, n in ((union.orbits, 1), (sided, 2)):
        views = views_of(union, rows)
        assert len(views) == n
        np.testing.assert_array_equal(views[0], np.arange(union.n_env))


def test_a_model_saved_with_a_row_per_set_of_sites_says_the_same(make_balanced, tmp_path):
    model, state = make_balanced("fcc", 2), EnvironmentSpec("fcc", 2, "state")
    per_set = replace(model.s_vac, table=model.s_vac.table[: state.orbits.max() + 1])
    model = replace(model, s_vac=replace(per_set, table=per_set.table[state.orbits]))
    model.save(tmp_path / "now")
    object.__setattr__(model, "s_vac", per_set)
    model.save(tmp_path / "then")
    now, then = load(tmp_path / "now"), load(tmp_path / "then")
    assert len(then.compiled().state_offsets) == 1
    np.testing.assert_array_equal(then.s_vac.table, now.s_vac.table)


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
