"""Labels of vacancies with the built-in potential."""

import dataclasses

import numpy as np
import pytest

from nnk.alloy import random_solution, with_vacancy
from nnk.barriers import BarrierSet, Flag, Method
from nnk.lattice import Lattice, reverse_jump
from nnk.potentials import Builtin, make_force_field
from nnk.saddle import SearchParameters, SystemProduct, label_vacancy
from nnk.saddle.audit import audit_label, choose_audit
from nnk.saddle.hessian import Shell

ENERGIES = ("E_fwd_eV", "E_bwd_eV", "curvature_eV_A2", "residual_force_eV_A")
ARRAYS = (*ENERGIES, "calls", "flag", "method", "n_saddles")
METALS = [("Mo", 3.150, 1.55), ("Ta", 3.303, 1.00), ("Nb", 3.298, 0.84)]  # name, a_A, migration energy
SMALL = SearchParameters()


class EinsteinCrystal:
    """Atoms tied by springs to the sites that they are first evaluated at: no other state is stable."""

    def __init__(self):
        self.calls = 0
        self.sites = None

    def set(self, species, cell_A):
        pass

    def energy_forces(self, positions):
        self.calls += 1
        self.sites = positions.copy() if self.sites is None else self.sites
        u = positions - self.sites
        return float((u**2).sum()), -2 * u


class RestlessCrystal(EinsteinCrystal):
    """The same with noise: atoms keep their sites and never settle."""

    def energy_forces(self, positions):
        energy, forces = super().energy_forces(positions)
        return energy, forces + np.random.default_rng(self.calls).normal(0, 0.1, forces.shape)


@pytest.fixture(scope="module")
def alloy():
    """A random alloy of 250 sites with a vacancy."""
    lattice = Lattice.bcc((5, 5, 5), 3.243)
    occupancy = random_solution([84, 83, 83], np.random.default_rng(11))
    return lattice, with_vacancy(occupancy, 37)


@pytest.fixture(scope="module")
def labels(force_field, alloy, elements, system):
    lattice, occupancy = alloy
    return label_vacancy(force_field, lattice, occupancy, elements, system, SMALL)


@pytest.mark.parametrize(("name", "a_A", "barrier_eV"), METALS)
def test_pure_metals(force_field, system, name, a_A, barrier_eV):
    lattice = Lattice.bcc((6, 6, 6), a_A)
    occupancy = with_vacancy(np.ones(lattice.n_sites, dtype=np.uint8), 100)
    labels = label_vacancy(force_field, lattice, occupancy, [name], system, SearchParameters())
    assert labels.E_fwd_eV == pytest.approx(np.full(8, barrier_eV), abs=0.01)
    assert np.ptp(labels.E_fwd_eV) < 1e-5  # the eight jumps are equivalent
    assert labels.E_bwd_eV == pytest.approx(labels.E_fwd_eV, abs=5e-4)
    assert np.isin(labels.flag, (Flag.OK, Flag.SPLIT)).all()


def test_labels_meet_their_tolerances(labels):
    assert np.isin(labels.flag, (Flag.OK, Flag.SPLIT, Flag.FALLBACK)).all()
    assert (labels.residual_force_eV_A <= SMALL.max_force_eV_A).all()
    assert (labels.curvature_eV_A2 < SMALL.saddle_curvature_eV_A2).all()
    assert (labels.E_fwd_eV > 0.3).all()
    assert (labels.E_fwd_eV < 2.0).all()
    assert ((labels.n_saddles > 1) == (labels.flag == Flag.SPLIT)).all()
    assert labels.calls.sum() == pytest.approx(round(labels.calls.sum()))
    assert labels.wall_s > 0


def test_the_same_item_gives_the_same_label(force_field, alloy, elements, system, labels):
    lattice, occupancy = alloy
    again = label_vacancy(force_field, lattice, occupancy, elements, system, SMALL)
    fresh_engine = make_force_field(Builtin())
    shared = system.lattice_hessian(lattice)
    fresh = label_vacancy(fresh_engine, lattice, occupancy, elements, shared, SMALL)
    fresh_engine.close()
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(again, name), getattr(labels, name), err_msg=name)
        np.testing.assert_array_equal(getattr(fresh, name), getattr(labels, name), err_msg=name)


@pytest.mark.parametrize("jump", [0, 6])
def test_the_reverse_jump_has_the_same_saddle(force_field, alloy, elements, system, labels, jump):
    lattice, occupancy = alloy
    site = int(np.flatnonzero(occupancy == 0)[0])
    target = int(lattice.neighbours[site, jump])
    after = occupancy.copy()
    after[site], after[target] = occupancy[target], 0
    reverse = label_vacancy(force_field, lattice, after, elements, system, SMALL)
    back = int(reverse_jump("bcc", jump))
    assert reverse.E_fwd_eV[back] == pytest.approx(labels.E_bwd_eV[jump], abs=1e-3)
    assert reverse.E_bwd_eV[back] == pytest.approx(labels.E_fwd_eV[jump], abs=1e-3)


def test_labels_do_not_depend_on_where_the_vacancy_is(force_field, alloy, elements, system, labels):
    lattice, occupancy = alloy
    shift = np.array([3, -1, 5])
    moved = np.empty_like(occupancy)
    moved[lattice.site_at(lattice.coordinates + shift)] = occupancy
    other = label_vacancy(force_field, lattice, moved, elements, system, SMALL)
    np.testing.assert_allclose(other.E_fwd_eV, labels.E_fwd_eV, atol=1e-6)
    np.testing.assert_allclose(other.E_bwd_eV, labels.E_bwd_eV, atol=1e-6)


def test_elements_are_told_apart_by_name(force_field, alloy, elements, system, labels):
    lattice, occupancy = alloy
    order = [2, 0, 1]
    renamed = np.array([0, *(1 + np.argsort(order))], dtype=np.uint8)[occupancy]
    other = label_vacancy(force_field, lattice, renamed, [elements[i] for i in order], system, SMALL)
    np.testing.assert_array_equal(other.E_fwd_eV, labels.E_fwd_eV)


def test_elastic_bands_agree(force_field, alloy, elements, system, labels):
    lattice, occupancy = alloy
    jumps = [int(np.argmin(labels.E_fwd_eV)), int(np.argmax(labels.n_saddles))]
    for jump in jumps:
        audit = audit_label(force_field, lattice, occupancy, elements, jump, system, SMALL)
        assert audit.converged
        assert audit.negative_modes == 1
        assert audit.E_fwd_eV == pytest.approx(labels.E_fwd_eV[jump], abs=2e-3)
        assert audit.E_bwd_eV == pytest.approx(labels.E_bwd_eV[jump], abs=2e-3)
        assert audit.calls > 3 * labels.calls[jump]


def test_the_fallback_gives_the_same_barrier(force_field, elements, system):
    lattice = Lattice.bcc((4, 4, 4), 3.3)
    occupancy = with_vacancy(np.ones(lattice.n_sites, dtype=np.uint8), 0)
    wanted = label_vacancy(force_field, lattice, occupancy, ["Nb"], system, SMALL)
    hurried = dataclasses.replace(SMALL, search_calls=1)
    got = label_vacancy(force_field, lattice, occupancy, ["Nb"], system, hurried)
    assert (got.flag == Flag.FALLBACK).all()
    assert (got.method == Method.NEB).all()
    np.testing.assert_allclose(got.E_fwd_eV, wanted.E_fwd_eV, atol=2e-3)


def test_no_number_is_made_up_when_everything_fails(force_field, elements, system):
    lattice = Lattice.bcc((3, 3, 3), 3.3)
    occupancy = with_vacancy(np.ones(lattice.n_sites, dtype=np.uint8), 0)
    hopeless = dataclasses.replace(SMALL, search_calls=1, neb_steps=1)
    labels = label_vacancy(force_field, lattice, occupancy, ["Nb"], system, hopeless)
    assert (labels.flag == Flag.FAILED).all()
    for name in ENERGIES:
        assert np.isnan(getattr(labels, name)).all()
    assert (labels.calls > 0).all()


@pytest.mark.parametrize(("crystal", "flag"), [(EinsteinCrystal, "MERGED"), (RestlessCrystal, "FAILED")])
def test_a_state_that_relaxes_back_or_never_settles_has_no_barrier(crystal, flag):
    lattice = Lattice.bcc((3, 3, 3), 3.3)
    system = SystemProduct(
        "bcc", ("Nb",), "none", 0, 3.3, (Shell(2.0, 0.1), Shell(1.0, 0.1), Shell(0.1, 0.0))
    )
    occupancy = with_vacancy(np.ones(lattice.n_sites, dtype=np.uint8), 0)
    labels = label_vacancy(crystal(), lattice, occupancy, ["Nb"], system, SMALL)
    assert (labels.flag == Flag[flag]).all()
    assert np.isnan(labels.E_fwd_eV).all()


def test_exactly_one_vacancy_is_demanded(force_field, elements, system):
    lattice = Lattice.bcc((3, 3, 3), 3.3)
    full = np.ones(lattice.n_sites, dtype=np.uint8)
    with pytest.raises(ValueError, match="one vacancy"):
        label_vacancy(force_field, lattice, full, elements, system, SMALL)
    with pytest.raises(ValueError, match="species 3, elements are Nb, Mo"):
        label_vacancy(force_field, lattice, with_vacancy(3 * full, 0), ["Nb", "Mo"], system, SMALL)
    fcc = Lattice.fcc((3, 3, 3), 4.0)
    with pytest.raises(ValueError, match="bcc"):
        label_vacancy(
            force_field, fcc, with_vacancy(np.ones(108, dtype=np.uint8), 0), elements, system, SMALL
        )


def labelled(flags):
    """A set of labels with the given flags in one sample."""
    m, lattice = len(flags), Lattice.bcc((4, 4, 4), 3.2)
    energies = np.where(np.isin(flags, (Flag.FAILED, Flag.UNSTABLE)), np.nan, 1.0)
    return BarrierSet(
        elements=("Nb",),
        structure="bcc",
        cells=lattice.cells,
        occupancy=np.ones((1, lattice.n_sites)),
        a_A=[3.2],
        sample_key=("Nb100/s0000",),
        composition=[[1.0]],
        sample=np.zeros(m),
        vacancy_site=np.arange(m) // 8,
        jump=np.arange(m) % 8,
        E_fwd_eV=energies,
        E_bwd_eV=energies,
        curvature_eV_A2=energies,
        residual_force_eV_A=energies,
        calls=energies,
        flag=flags,
        method=np.zeros(m),
        n_saddles=np.ones(m),
        item_hash=("",) * m,
    )


def test_the_choice_of_labels_to_audit():
    flags = np.random.default_rng(0).choice([0, 0, 0, 0, 0, 0, 0, 1, 3], 900)
    barriers = labelled(flags)
    chosen = choose_audit(barriers, 0.01, 30, seed=5)
    assert len(set(chosen.tolist())) == 30
    assert (flags[chosen] != Flag.FAILED).all()
    assert (flags[chosen] == Flag.SPLIT).sum() >= 6
    np.testing.assert_array_equal(chosen, choose_audit(barriers, 0.01, 30, seed=5))
    assert not np.array_equal(chosen, choose_audit(barriers, 0.01, 30, seed=6))
    assert len(choose_audit(barriers, 0.1, 30, seed=5)) == int(np.ceil(0.1 * (flags != 3).sum()))
    assert len(choose_audit(labelled(np.array([0, 3, 1])), 0.01, 30, seed=5)) == 2
    assert len(choose_audit(labelled(np.array([3, 4])), 0.5, 30, seed=5)) == 0
    with pytest.raises(ValueError, match="fraction"):
        choose_audit(barriers, 1.5, 30, seed=5)


def test_the_choice_does_not_depend_on_the_order_of_the_labels():
    barriers = labelled(np.random.default_rng(0).choice([0, 0, 0, 1, 3], 400))
    shuffled = barriers.select(np.random.default_rng(1).permutation(400))

    def names(found):
        chosen = choose_audit(found, 0.01, 30, seed=5)
        return set(zip(found.vacancy_site[chosen].tolist(), found.jump[chosen].tolist(), strict=True))

    assert names(shuffled) == names(barriers)


@pytest.mark.physics
def test_elastic_bands_agree_on_average(force_field, elements, system):
    """24 labels of a Mo-rich alloy, where intermediate minima are frequent, against ASE's band."""
    lattice = Lattice.bcc((6, 6, 6), 3.201)
    occupancy = random_solution([86, 260, 86], np.random.default_rng(2))
    differences, split = [], 0
    for site in (7, 150, 301):
        state = with_vacancy(occupancy, site)
        labels = label_vacancy(force_field, lattice, state, elements, system, SMALL)
        split += (labels.flag == Flag.SPLIT).sum()
        for jump in range(8):
            audit = audit_label(force_field, lattice, state, elements, jump, system, SMALL)
            differences.append(audit.E_fwd_eV - labels.E_fwd_eV[jump])
    assert split >= 3
    assert np.nanmean(np.abs(differences)) < 1e-3
    assert np.nanmax(np.abs(differences)) < 5e-3
    assert np.isnan(differences).sum() <= 1
