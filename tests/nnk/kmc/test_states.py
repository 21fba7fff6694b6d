"""States of runs by replay, in bounded memory, and in the formats of other programs."""

import io
import tracemalloc

import numpy as np
import pytest
from ase.io import read as ase_read

from nnk.atoms_file import read_atoms
from nnk.kmc import KeyFrames, Trajectory, replay, run
from nnk.kmc.convert import write_states
from nnk.kmc.storage import Jumped


@pytest.fixture
def trajectory(small):
    lattice, occupancy, model = small
    occupancy = occupancy.copy()
    occupancy[[9, 33]] = 0
    return run(
        lattice, occupancy, model, temperature_K=900.0, jumps=1500, seed=3, key_frames=KeyFrames(every=500)
    )


def test_any_stride_gives_the_states_of_a_plain_replay(trajectory, tmp_path):
    trajectory.save(tmp_path / "r.nc")
    for found in (trajectory, Trajectory.load(tmp_path / "r.nc")):
        states = list(found.states(every=123))
        assert [state.jump for state in states] == list(range(0, 1501, 123))
        for state in states:
            expected = replay(
                trajectory.lattice, trajectory.initial_occupancy, trajectory.directions[: state.jump],
                trajectory.movers[: state.jump],
            )  # fmt: skip
            for name in ("occupancy", "vacancies", "vacancy_displacement", "atom_displacement", "atom_at"):
                np.testing.assert_array_equal(getattr(state.replayed, name), getattr(expected, name))
            np.testing.assert_array_equal(found.state_after(state.jump), expected.occupancy)


def test_key_frames_have_their_time_others_none(trajectory):
    times = {state.jump: state.time_s for state in trajectory.states(at=[0, 250, 500, 1500])}
    assert (times[0], times[1500]) == (0.0, trajectory.time_s)
    assert times[500] == trajectory.frames().time_s[1]
    assert np.isnan(times[250])


def test_displacements_and_places_agree(trajectory):
    """Where an atom is, is where it was plus its way, folded back."""
    lattice = trajectory.lattice
    *_, last = trajectory.states()
    now = last.replayed
    sites = np.flatnonzero(now.occupancy)
    origin = now.atom_at[sites]
    reached = lattice.coordinates[origin] + now.atom_displacement[origin]
    np.testing.assert_array_equal(lattice.site_at(reached), sites)
    np.testing.assert_array_equal(now.atom_displacement.sum(axis=0), -now.vacancy_displacement.sum(axis=0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every": 0}, "every=0"),
        ({"every": 5, "at": [1]}, "got both"),
        ({"at": [5, 4]}, "ascending"),
        ({"at": [1501]}, "from 0 to 1500"),
    ],
)
def test_states_that_are_not_there(trajectory, arguments, message):
    with pytest.raises(ValueError, match=message):
        list(trajectory.states(**arguments))
    with pytest.raises(ValueError, match="from 0 to 1500"):
        trajectory.state_after(1501)


def test_a_long_run_is_read_in_bounded_memory(small, tmp_path):
    """Ten million jumps take ten megabytes; no more than a few blocks of a million are ever in memory."""
    lattice, occupancy, model = small
    short = run(lattice, occupancy, model, temperature_K=900.0, jumps=10, seed=1)
    there = np.tile(np.array([0, lattice.z - 1], dtype=np.uint8), 500_000)  # back and forth
    blocks = 10

    def read_jumps(first, last):
        return (Jumped(there, None) for _ in range(blocks))

    end = short.key_frames.select(slice(0, 1))
    end.jump[0] = blocks * len(there)
    frames = short.key_frames.select(slice(0, 1))
    long = Trajectory(
        lattice, short.elements, short.conditions, occupancy, 0, end, frames, read_jumps, "jumps"
    )
    long.save(tmp_path / "long.nc")
    loaded = Trajectory.load(tmp_path / "long.nc")
    tracemalloc.start()
    jumps = [state.jump for state in loaded.states(every=2_500_000)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert jumps == [0, 2_500_000, 5_000_000, 7_500_000, 10_000_000]
    assert peak < 5e6


def test_lammps_dumps_are_read_back(trajectory, tmp_path):
    path = tmp_path / "states.dump"
    assert write_states(trajectory, trajectory.states(at=[1500]), path, "lammps") == 1
    lattice, occupancy = read_atoms(path, "fcc", 3.6, trajectory.elements)
    assert lattice.cells == trajectory.lattice.cells
    np.testing.assert_array_equal(occupancy, trajectory.occupancy)


def test_the_last_snapshot_of_a_dump_is_read_and_elements_go_by_name(trajectory, tmp_path):
    path = tmp_path / "states.dump"
    write_states(trajectory, trajectory.states(), path, "lammps")
    _, occupancy = read_atoms(path, "fcc", 3.6, trajectory.elements)
    np.testing.assert_array_equal(occupancy, trajectory.occupancy)
    _, swapped = read_atoms(path, "fcc", 3.6, trajectory.elements[::-1])
    np.testing.assert_array_equal(swapped, np.array([0, 2, 1], dtype=np.uint8)[trajectory.occupancy])
    with pytest.raises(ValueError, match="atoms of E0, E1; the elements are Nb, Mo"):
        read_atoms(path, "fcc", 3.6, ("Nb", "Mo"))


def test_a_dump_that_ends_early_is_refused(trajectory, tmp_path):
    path = tmp_path / "states.dump"
    write_states(trajectory, trajectory.states(at=[0]), path, "lammps")
    path.write_text(path.read_text()[:-200])
    with pytest.raises(ValueError, match="the file ends early"):
        read_atoms(path, "fcc", 3.6, trajectory.elements)


def test_atoms_keep_their_numbers_and_ways_in_extended_xyz(trajectory, tmp_path):
    path = tmp_path / "states.extxyz"
    assert write_states(trajectory, trajectory.states(), path, "extxyz") == 4
    text = path.read_text().replace("E0 ", "Nb ").replace("E1 ", "Mo ")
    frames = ase_read(io.StringIO(text), index=":", format="extxyz")
    assert [frame.info["jump"] for frame in frames] == [0, 500, 1000, 1500]
    assert frames[-1].info["time_s"] == trajectory.time_s
    for frame in frames:
        np.testing.assert_array_equal(frame.arrays["id"], frames[0].arrays["id"])
        assert frame.get_chemical_symbols() == frames[0].get_chemical_symbols()
        way = frame.arrays["unfolded"] - frames[0].arrays["unfolded"]
        folded = frame.positions - frames[0].positions - way
        np.testing.assert_allclose(
            folded / trajectory.lattice.box_A, np.rint(folded / trajectory.lattice.box_A), atol=1e-5
        )
    path.write_text(text)
    _, occupancy = read_atoms(path, "fcc", 3.6, ("Nb", "Mo"))
    np.testing.assert_array_equal(occupancy, trajectory.occupancy)


def test_other_formats_are_refused(trajectory, tmp_path):
    with pytest.raises(ValueError, match="allowed are extxyz, lammps"):
        write_states(trajectory, [], tmp_path / "x", "pdb")


def test_given_atoms_of_other_elements_or_boxes_are_refused(trajectory, tmp_path):
    path = tmp_path / "states.extxyz"
    write_states(trajectory, trajectory.states(at=[0]), path, "extxyz")
    path.write_text(path.read_text().replace("E0 ", "Nb ").replace("E1 ", "Mo "))
    with pytest.raises(ValueError, match="atoms of Mo; the elements are Nb, Ta"):
        read_atoms(path, "fcc", 3.6, ("Nb", "Ta"))
    with pytest.raises(ValueError, match="no whole number of cells"):
        read_atoms(path, "fcc", 3.7, ("Nb", "Mo"))
    path.write_text(path.read_text().replace("14.4 0 0 0 14.4", "14.4 1 0 0 14.4"))
    with pytest.raises(ValueError, match="orthogonal"):
        read_atoms(path, "fcc", 3.6, ("Nb", "Mo"))
