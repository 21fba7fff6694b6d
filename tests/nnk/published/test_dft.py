"""The published barriers by density functional theory."""

import json
import shutil

import numpy as np
import pytest

from nnk.environment import EnvironmentSpec
from nnk.lattice import Lattice
from nnk.published import Flaw, read_dft, read_folds

pytestmark = pytest.mark.filterwarnings("ignore:cells=.*some sites count twice")


@pytest.fixture(scope="module")
def dft_root(nnk_data):
    root = nnk_data / "dft"
    if not root.is_dir():
        pytest.skip(f"{root} is not there")
    return root


@pytest.fixture(scope="module")
def published(dft_root):
    return read_dft(dft_root)


@pytest.fixture
def folder(tmp_path):
    """A made-up alloy of two elements, with every barrier a number that tells which it is."""
    generator = np.random.default_rng(1)
    lattice = Lattice.bcc((4, 4, 4), 3.2)
    order = generator.permutation(lattice.n_sites)  # atoms in another order than sites
    atom = np.argsort(order)
    rows = [sorted((int(atom[n]) + 1 for n in lattice.neighbours[site]), key=str) for site in order]
    place = tmp_path / "NbV"
    place.mkdir()
    positions = "\n".join(" ".join(f"{x / 8:.9f}" for x in lattice.coordinates[s]) for s in order)
    box = "6.4 0 0\n0 6.4 0\n0 0 6.4"
    (place / "POSCAR").write_text(f"made up\n2.0\n{box}\n V Nb\n 60 68\nDirect\n{positions}\n")
    (place / "atomid_for_NN.txt").write_text("\n".join(" ".join(map(str, row)) for row in rows))
    energies = 0.5 + 1e-6 * (8 * np.arange(128)[:, None] + np.arange(8))
    np.savetxt(place / "barrier_for_NN.txt", energies, fmt="%.9f")
    return place


def test_a_made_up_folder_comes_back(folder):
    found = read_dft(folder.parent, elements=("Nb", "V"))
    assert (len(found), found.folder, found.lattice.a_A) == (1024, ("NbV",), pytest.approx(3.2))
    ids = [line.split() for line in (folder / "atomid_for_NN.txt").read_text().splitlines()]
    positions = np.loadtxt(folder / "POSCAR", skiprows=8)
    for k in range(0, 1024, 7):
        row, column = divmod(k, 8)
        start, end = positions[row], positions[int(ids[row][column]) - 1]
        step = (end - start + 0.5) % 1 - 0.5
        np.testing.assert_array_equal(np.round(8 * step), found.lattice.jumps[found.jump[k]])
        assert found.vacancy_site[k] == found.lattice.site_at(np.round(8 * start).astype(int))
        assert found.moving_species[k] == (2 if int(ids[row][column]) <= 60 else 1)
        assert found.E_fwd_eV[k] == pytest.approx(0.5 + 1e-6 * k)
    np.testing.assert_allclose(found.composition, [[68 / 128, 60 / 128]])


def test_environments_are_those_of_a_plain_search(published):
    """By distances from the vacancy along, and across, the jump, which any frame leaves as they are."""
    spec = EnvironmentSpec("bcc", 2, "initial")
    some = published.select(np.arange(0, len(published), 997))
    species, mover = some.environments(spec)
    lattice = some.lattice
    for i in range(len(some)):
        occupancy, site = some.occupancy[some.sample[i]], some.vacancy_site[i]
        jump = lattice.jumps[some.jump[i]]
        expected, found = [], []
        for offset, of_it in zip(spec.canonical, species[i], strict=True):
            found.append((offset @ offset, offset @ [1, 1, 1], of_it))
        for other in range(lattice.n_sites):
            step = (lattice.coordinates[other] - lattice.coordinates[site] + 4) % 8 - 4
            if 0 < step @ step <= 4:
                expected.append((step @ step, step @ jump, occupancy[other]))
        assert sorted(found) == sorted(expected)
        assert mover[i] == occupancy[lattice.neighbours[site, some.jump[i]]]


def test_all_twenty_are_read(published):
    assert len(published.folder) == 20
    assert len(published) == 20 * 1024
    np.testing.assert_allclose(published.composition.sum(axis=1), 1)
    volume_A3 = np.abs(np.linalg.det(published.box_A)) / 128
    assert (volume_A3 > 14).all()
    assert (volume_A3 < 19).all()


def test_flaws_are_told_and_left_out(published):
    assert {flaw.name: int((published.flaw == flaw).sum()) for flaw in Flaw} == {
        "NONE": 20460,
        "TINY": 17,
        "INCONSISTENT": 3,
    }
    np.testing.assert_array_equal(published.flaw == Flaw.TINY, published.E_fwd_eV < 0.01)
    data = published.forward(EnvironmentSpec("bcc", 3, "initial"))
    assert len(data) == published.usable.sum()
    assert data.E_fwd_eV.min() >= 0.01
    assert len(np.unique(data.group)) == 20 * 128


def loop_misfit(published, number_of_folder, energies):
    """Root mean square of what a least-squares fit of state energies leaves of the differences."""
    there = (published.sample == number_of_folder) & (published.reverse >= 0)
    rows = np.flatnonzero(there & (published.reverse > np.arange(len(published))))
    incidence = np.zeros((len(rows), 128))
    incidence[np.arange(len(rows)), published.vacancy_site[rows]] = -1
    incidence[np.arange(len(rows)), published.vacancy_site[published.reverse[rows]]] = 1
    difference = energies[rows] - energies[published.reverse[rows]]
    fitted, *_ = np.linalg.lstsq(incidence, difference, rcond=None)
    return float(np.sqrt(np.mean((difference - incidence @ fitted) ** 2)))


def test_columns_are_in_the_order_of_the_ids_as_they_stand(published, dft_root):
    """There and back between alike atoms is one path: only with the right columns do loops close."""
    for i, name in enumerate(published.folder):
        if (published.flaw[published.sample == i] != Flaw.NONE).any():
            continue
        ids = np.loadtxt(dft_root / name / "atomid_for_NN.txt", dtype=int)
        as_numbers = published.E_fwd_eV.reshape(20, 128, 8).copy()
        order = np.argsort(np.argsort(ids, axis=1), axis=1)
        as_numbers[i] = np.take_along_axis(as_numbers[i], order, axis=1)
        right = loop_misfit(published, i, published.E_fwd_eV)
        assert right < 0.002
        assert loop_misfit(published, i, as_numbers.ravel()) > max(0.05, 50 * right)


def test_the_reverse_of_the_reverse_is_the_barrier_itself(published):
    there = np.flatnonzero(published.reverse >= 0)
    back = published.reverse[there]
    np.testing.assert_array_equal(published.reverse[back], there)
    np.testing.assert_array_equal(published.jump[back], 7 - published.jump[there])
    species = published.occupancy[published.sample[there], published.vacancy_site[there]]
    np.testing.assert_array_equal(species, published.moving_species[there])


def test_elements_are_matched_by_name(published, dft_root):
    other = read_dft(dft_root, elements=("V", "W", "Ta", "Mo", "Nb"))
    np.testing.assert_array_equal(other.occupancy, 6 - published.occupancy)
    with pytest.raises(ValueError, match="MoTaV/POSCAR: holds V; the elements are Nb, Mo, Ta, W"):
        read_dft(dft_root, elements=("Nb", "Mo", "Ta", "W"))


def test_folds(published, dft_root, tmp_path):
    folds = read_folds(dft_root / "folds.json", published.folder)
    assert sorted(name for fold in folds for name in fold) == sorted(published.folder)
    same = {"NbMoTaWV", "NbMoTaWV_2", "NbMoTaWV_3", "NbMoTaWV_4"}
    assert sum(bool(same & set(fold)) for fold in folds) == 1
    path = tmp_path / "folds.json"
    path.write_text(json.dumps({"folds": [["a", "b"], ["b"]]}))
    with pytest.raises(ValueError, match=r"folds.json: each folder must be in exactly one fold; not so b"):
        read_folds(path, ("a", "b"))
    with pytest.raises(ValueError, match="not so c"):
        read_folds(path, ("a", "b", "c"))
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"expected \{'folds'"):
        read_folds(path, ("a",))


def damage(folder, name, row, text):
    path = folder / name
    lines = path.read_text().splitlines()
    lines[row - 1] = text
    path.write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("name", "row", "text", "message"),
    [
        ("barrier_for_NN.txt", 5, "0.5 0.5", r"barrier_for_NN.txt:5: expected 8 numbers, got '0.5 0.5'"),
        ("barrier_for_NN.txt", 5, "0 0 0 0 0 0 0 x", "barrier_for_NN.txt:5: expected 8 numbers"),
        ("barrier_for_NN.txt", 5, "0 0 0 0 0 0 0 nan", "barrier_for_NN.txt:5: a number is not finite"),
        ("barrier_for_NN.txt", 128, "", "expected 128 rows, got 127"),
        (
            "atomid_for_NN.txt",
            3,
            "1 2 3 4 5 6 7 129",
            "atomid_for_NN.txt:3: expected atoms 1 to 128, got 129",
        ),
        (
            "atomid_for_NN.txt",
            3,
            "1 2 3 4 5 6 7 8",
            "atomid_for_NN.txt:3: expected the 8 neighbours of atom 3",
        ),
        ("POSCAR", 9, "0.1 0 0", "expected 128 atoms on the sites"),
        ("POSCAR", 9, "0.1 0", r"POSCAR:9: expected 3 numbers, got '0.1 0'"),
        ("POSCAR", 8, "Cartesian", "POSCAR:8: expected 'Direct' coordinates, got 'Cartesian'"),
        ("POSCAR", 7, "128", "POSCAR:6: expected elements and the number of atoms of each"),
        ("POSCAR", 7, "64 65", "expected 129 atoms, got 128"),
    ],
)
def test_what_is_wrong_is_named(folder, name, row, text, message):
    damage(folder, name, row, text)
    with pytest.raises(ValueError, match=message):
        read_dft(folder.parent)


def test_two_atoms_on_one_site(folder):
    line = (folder / "POSCAR").read_text().splitlines()[9]
    damage(folder, "POSCAR", 9, line)
    with pytest.raises(ValueError, match="two atoms on one site"):
        read_dft(folder.parent)


def test_no_folders_at_all(folder):
    shutil.rmtree(folder)
    with pytest.raises(ValueError, match="expected folders with POSCAR"):
        read_dft(folder.parent)


def test_a_tiny_barrier_and_a_wrong_loop_are_found(folder):
    energies = np.loadtxt(folder / "barrier_for_NN.txt")
    energies[:] = 0.5
    energies[2, 3] = -0.001
    np.savetxt(folder / "barrier_for_NN.txt", energies)
    found = read_dft(folder.parent)
    assert np.flatnonzero(found.flaw).tolist()[0] == 2 * 8 + 3
    assert found.flaw[2 * 8 + 3] == Flaw.TINY
    alike = np.flatnonzero(found.reverse >= 0)
    wrong = alike[alike > 400][0]
    energies.ravel()[wrong] = 0.9
    np.savetxt(folder / "barrier_for_NN.txt", energies)
    again = read_dft(folder.parent)
    assert again.flaw[[wrong, again.reverse[wrong]]].tolist() == [Flaw.INCONSISTENT] * 2
