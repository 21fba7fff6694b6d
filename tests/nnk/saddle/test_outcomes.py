"""What becomes of jumps without a proper barrier, and of the other ways to search."""

import dataclasses

import numpy as np
import pytest

from nnk.alloy import random_solution, with_vacancy
from nnk.barriers import Flag, Method
from nnk.lattice import Lattice
from nnk.potentials.base import ForceFieldError
from nnk.saddle import SearchParameters, SystemProduct, label_vacancy, unlabelled
from nnk.saddle.audit import audit_label
from nnk.saddle.hessian import Shell

PLAIN = SearchParameters()


@pytest.fixture(scope="module")
def alloy():
    """A random alloy of 128 sites with a vacancy."""
    lattice = Lattice.bcc((4, 4, 4), 3.243)
    occupancy = random_solution([43, 43, 42], np.random.default_rng(3))
    return lattice, with_vacancy(occupancy, 21)


@pytest.fixture(scope="module")
def labelled(force_field, alloy, elements, system):
    """Labels of the alloy's vacancy with changed parameters."""

    def label(engine=force_field, lattice=alloy[0], **changes):
        parameters = dataclasses.replace(PLAIN, **changes)
        return label_vacancy(engine, lattice, alloy[1], elements, system, parameters)

    return label


@pytest.fixture(scope="module")
def labels(labelled):
    return labelled()


class Failing:
    """A force field that cannot evaluate some of its calls."""

    def __init__(self, inner, bad):
        self._inner, self._bad, self._first = inner, bad, inner.calls
        self.n_set = 0

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def set(self, species, cell_A):
        self.n_set += 1
        self._inner.set(species, cell_A)

    def energy_forces(self, positions_A):
        result = self._inner.energy_forces(positions_A)
        if self.calls - self._first in self._bad:
            raise ForceFieldError("the energy is not finite: nan")
        return result


class Wandering:
    """Springs to the sites first seen; after a jump another atom follows into the site that was left."""

    def __init__(self, lattice, vacancy, off_lattice=False):
        self.calls, self._lattice, self._vacancy, self._off = 0, lattice, vacancy, off_lattice
        self.first = None

    def set(self, species, cell_A):
        pass

    def energy_forces(self, positions_A):
        self.calls += 1
        if self.first is None:
            self.first = positions_A.copy()
        moved = np.linalg.norm(positions_A - self.first, axis=1)
        sites = self.first.copy()
        if moved.max() > 1.0:
            jumper = int(np.argmax(moved))
            left = sites[jumper].copy()
            gaps = np.linalg.norm(self._image(sites - left), axis=1)
            follower = int(np.argmin(np.where(gaps > 0.1, gaps, np.inf)))
            sites[jumper] += self._image(self._lattice.positions_A[self._vacancy] - left)
            sites[follower] += (0.5 if self._off else 1.0) * self._image(left - sites[follower])
        u = positions_A - sites
        return float((u**2).sum()), -2 * u

    def _image(self, vector):
        box = self._lattice.box_A
        return vector - box * np.round(vector / box)


def test_a_jump_on_which_the_force_field_fails_is_an_error_and_no_other(force_field, labelled, labels):
    inside = labels.initial_calls + round(labels.calls[0] - labels.initial_calls / 8) + 3
    engine = Failing(force_field, {inside})
    found = labelled(engine)
    assert found.flag.tolist() == [*labels.flag[:1], Flag.ERROR, *labels.flag[2:]]
    assert found.reason[1] == "force field: the energy is not finite: nan"
    assert np.isnan(found.E_fwd_eV[1])
    others = np.arange(8) != 1
    np.testing.assert_array_equal(found.E_fwd_eV[others], labels.E_fwd_eV[others])
    assert engine.n_set == 1 + 8  # each jump begins with a force field without history


def test_without_an_initial_state_there_is_no_label(force_field, labelled):
    found = labelled(Failing(force_field, {2}))
    assert (found.flag == Flag.ERROR).all()
    assert found.calls.sum() == 2


@pytest.mark.parametrize(("off_lattice", "flag"), [(False, Flag.MOVED), (True, Flag.UNSTABLE)])
def test_where_the_atoms_went(off_lattice, flag):
    lattice = Lattice.bcc((3, 3, 3), 3.3)
    springs = (Shell(2.0, 0.1), Shell(1.0, 0.1), Shell(0.1, 0.0))
    system = SystemProduct("bcc", ("Nb",), "none", 0, 3.3, springs)
    occupancy = with_vacancy(np.ones(lattice.n_sites, dtype=np.uint8), 20)
    engine = Wandering(lattice, 20, off_lattice)
    found = label_vacancy(engine, lattice, occupancy, ["Nb"], system, PLAIN)
    assert (found.flag == flag).all()
    assert all("final state" in reason for reason in found.reason)


def test_tiny_barriers_keep_their_energies(monkeypatch, labelled, labels):
    limit = float(np.median(labels.E_fwd_eV))
    monkeypatch.setattr("nnk.saddle.label.TINY_EV", limit)
    found = labelled()
    tiny = (labels.E_fwd_eV < limit) | (labels.E_bwd_eV < limit)
    assert tiny.sum() > 0
    np.testing.assert_array_equal(found.flag == Flag.TINY, tiny)
    np.testing.assert_array_equal(found.E_fwd_eV, labels.E_fwd_eV)
    assert [reason != "" for reason in found.reason] == tiny.tolist()


def test_labels_of_a_crash():
    found = unlabelled(8, Flag.ERROR, "killed by signal 11")
    assert found.reason == ("killed by signal 11",) * 8
    assert np.isnan(found.E_fwd_eV).all()
    assert (found.flag == Flag.ERROR).all()


def test_forward_barriers_alone_cost_less(labelled, labels):
    found = labelled(connect=False)
    single = (labels.n_saddles == 1) & np.isnan(found.E_bwd_eV)
    assert single.sum() >= 3
    np.testing.assert_allclose(found.E_fwd_eV[single], labels.E_fwd_eV[single], atol=2e-3)
    assert np.median(found.calls[single]) < 0.6 * np.median(labels.calls[single])
    assert (found.flag[single] == Flag.OK).all()
    assert np.isnan(found.a_final_A[single]).all()  # no final state, no box of it
    both = ~np.isnan(found.E_bwd_eV)  # where the forward search found no saddle
    np.testing.assert_array_equal(found.flag[both], labels.flag[both])


def test_bands_alone_give_the_same_barriers(force_field, elements, system):
    lattice = Lattice.bcc((4, 4, 4), 3.3)
    occupancy = with_vacancy(np.ones(lattice.n_sites, dtype=np.uint8), 0)
    wanted = label_vacancy(force_field, lattice, occupancy, elements, system, PLAIN)
    bands = dataclasses.replace(PLAIN, method="neb")
    found = label_vacancy(force_field, lattice, occupancy, elements, system, bands)
    assert (found.flag == Flag.OK).all()
    assert (found.method == Method.NEB).all()
    np.testing.assert_allclose(found.E_fwd_eV, wanted.E_fwd_eV, atol=2e-3)
    audit = audit_label(force_field, lattice, occupancy, elements, 2, system, bands, method=Method.NEB)
    assert audit.negative_modes == 1
    assert audit.E_fwd_eV == pytest.approx(found.E_fwd_eV[2], abs=2e-3)


def test_a_band_whose_sides_are_one_state_is_no_audit(
    monkeypatch, force_field, alloy, elements, system, labels
):
    jump = int(np.flatnonzero(labels.n_saddles == 1)[0])
    arguments = (force_field, *alloy, elements, jump, system, PLAIN)
    assert audit_label(*arguments, method=Method.NEB).converged
    monkeypatch.setattr("nnk.saddle.audit.distance", lambda a, b: 0.0)
    found = audit_label(*arguments, method=Method.NEB)
    assert not found.converged
    assert np.isnan(found.E_fwd_eV)


def test_states_without_pressure_do_not_depend_on_the_box_given(
    force_field, labelled, alloy, elements, system
):
    wide = dataclasses.replace(alloy[0], a_A=3.265)
    here, there = (labelled(lattice=box, relax_boxes=True, max_force_eV_A=0.005) for box in (alloy[0], wide))
    same = (here.flag == there.flag) & (here.flag == Flag.OK)
    assert same.sum() >= 4
    for name in ("a_initial_A", "a_saddle_A", "a_final_A"):
        np.testing.assert_allclose(getattr(here, name)[same], getattr(there, name)[same], atol=2e-4)
    np.testing.assert_allclose(here.E_fwd_eV[same], there.E_fwd_eV[same], atol=1e-3)
    np.testing.assert_allclose(here.E_bwd_eV[same], there.E_bwd_eV[same], atol=1e-3)
    jump = int(np.flatnonzero(same)[0])
    parameters = dataclasses.replace(PLAIN, relax_boxes=True)
    audit = audit_label(force_field, *alloy, elements, jump, system, parameters)
    assert audit.E_fwd_eV == pytest.approx(here.E_fwd_eV[jump], abs=1e-3)
    assert audit.E_bwd_eV == pytest.approx(here.E_bwd_eV[jump], abs=1e-3)
    in_the_wide_box = labelled(lattice=wide)
    assert np.abs(in_the_wide_box.E_fwd_eV - here.E_fwd_eV)[same].max() > 2e-3  # the box does matter


@pytest.mark.parametrize("relax_boxes", [False, True])
def test_an_audit_that_fails_has_not_converged(
    force_field, alloy, elements, system, relax_boxes, monkeypatch, caplog
):
    engine = force_field if relax_boxes else Failing(force_field, bad={20})
    if relax_boxes:
        monkeypatch.setattr("nnk.saddle.zero_pressure._STEPS", 0)
    parameters = dataclasses.replace(PLAIN, relax_boxes=relax_boxes)
    audit = audit_label(engine, *alloy, elements, 0, system, parameters)
    assert np.isnan([audit.E_fwd_eV, audit.E_bwd_eV]).all()
    assert (audit.converged, audit.negative_modes) == (False, -1)
    assert audit.calls >= 19
    assert "audit of a jump of site 21" in caplog.text
