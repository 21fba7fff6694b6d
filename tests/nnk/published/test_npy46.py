"""The published set of 46 alloys, on a small copy made here."""

import numpy as np
import pytest

from nnk.environment import gather_jumps
from nnk.lattice import Lattice, jump_frames
from nnk.published import open_npy46
from nnk.published.labels import npy46_labels
from nnk.training import ModelSpec, TrainParameters
from nnk.training.problem import Problem

NAMES = ("Nb50Mo25Ta25", "Mo100")
VACANCIES = 3


def neuron_map(occupancy, lattice, site, jump):
    """A map [y, x, z] of the jump by plain loops, turned as in the published code."""
    frame, found = jump_frames("bcc")[jump], np.zeros((9, 9, 9))
    for other in range(lattice.n_sites):
        step = lattice.coordinates[other] - lattice.coordinates[site]
        step = (step + 6) % 12 - 6  # the nearest image, in half-edges of a block of 6 cells
        if 0 < step @ step <= 22 and other != site:  # shell 8 is at 20 (a/2)^2, shell 9 at 24
            x, y, z = frame @ step + 4
            found[y, x, z] = occupancy[other]
    return found


@pytest.fixture(scope="module")
def alloys():
    """Occupancy, lattice and vacancies of each alloy."""
    lattice, generator = Lattice.bcc((6, 6, 6), 3.24), np.random.default_rng(4)
    some = generator.choice([1, 2, 3], size=lattice.n_sites, p=[0.5, 0.25, 0.25]).astype(np.uint8)
    pure = np.full(lattice.n_sites, 2, dtype=np.uint8)
    sites = generator.choice(lattice.n_sites, VACANCIES, replace=False)
    return lattice, (some, pure), sites


def write(root, alloys, first=0, dtype=np.float64):
    lattice, occupancies, sites = alloys
    for folder in ("data", "labels"):
        (root / folder).mkdir(parents=True)
    for n, occupancy in enumerate(occupancies, start=first):
        maps = [neuron_map(occupancy, lattice, site, jump) for site in sites for jump in range(8)]
        np.save(root / "data" / f"{n}.npy", np.array(maps, dtype=dtype))
        np.save(root / "labels" / f"{n}.npy", 1.0 + 0.01 * np.arange(len(maps)))
    (root / "dirnames.txt").write_text("\n".join(NAMES) + "\n")
    return root


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("dtype", [np.float64, np.int8])
def test_environments_are_those_of_the_states(alloys, tmp_path, first, dtype):
    lattice, occupancies, sites = alloys
    found = open_npy46(write(tmp_path / "set", alloys, first, dtype))
    assert (len(found), found.names, found.first) == (2, NAMES, first)
    for index, (occupancy, barriers) in enumerate(zip(occupancies, found, strict=True)):
        which = (np.zeros(24, dtype=int), np.repeat(sites, 8), np.tile(np.arange(8), VACANCIES))
        species, mover = gather_jumps(barriers.environment, lattice, occupancy[None], *which)
        np.testing.assert_array_equal(barriers.species, species)
        np.testing.assert_array_equal(barriers.mover, mover)
        np.testing.assert_allclose(barriers.E_fwd_eV, 1.0 + 0.01 * np.arange(24))
        assert set(barriers.part) == {NAMES[index]}


def test_jumps_of_one_vacancy_are_one_group(alloys, tmp_path):
    found = open_npy46(write(tmp_path / "set", alloys))
    groups = found.read(0).group.reshape(VACANCIES, 8)
    assert (groups == groups[:, :1]).all()
    assert len(np.unique(groups)) == VACANCIES
    assert len(np.unique(found.read(1).group)) == 1  # in a pure metal all vacancies are the same


def test_elements_are_matched_by_name(alloys, tmp_path):
    found = open_npy46(write(tmp_path / "set", alloys))
    plain, other = found.read(0), found.read(0, elements=("W", "Ta", "Mo", "Nb"))
    np.testing.assert_array_equal(other.species, 5 - plain.species)
    np.testing.assert_array_equal(other.mover, 5 - plain.mover)
    with pytest.raises(ValueError, match="Ta not among"):
        found.read(0, elements=("Nb", "Mo"))


def test_the_published_network_reads_the_same_maps(alloys, tmp_path, nkk_weights):
    """Barriers by the published layers on the flattened maps against those of the environments."""
    from nnk.published import read_nkk_weights

    lattice, occupancies, sites = alloys
    model = read_nkk_weights(nkk_weights, allow_pickle=True)
    arrays = [np.asarray(a, dtype=np.float64) for a in np.load(nkk_weights, allow_pickle=True)]
    write(tmp_path / "set", alloys)
    values = np.load(tmp_path / "set" / "data" / "0.npy").reshape(24, -1)
    for i in range(0, len(arrays) - 2, 6):
        kernel, bias, gamma, beta, mean, variance = arrays[i : i + 6]
        values = np.maximum(gamma * (values @ kernel + bias - mean) / np.sqrt(variance + 1e-3) + beta, 0)
    expected = (values @ arrays[-2] + arrays[-1]).reshape(VACANCIES, 8)
    for site, barriers in zip(sites, expected, strict=True):
        vacant = occupancies[0].copy()
        vacant[site] = 0
        np.testing.assert_allclose(model.barriers(vacant, int(site), lattice), barriers, atol=1e-5)


def changed(root, name, change):
    path = root / name
    np.save(path, change(np.load(path)))
    return root


def put(index, value):
    def change(array):
        array[index] = value
        return array

    return change


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("data/0.npy", lambda a: a[:, :8], r"data/0.npy: expected maps \[m, 9, 9, 9\], got \[24, 8, 9, 9\]"),
        ("data/0.npy", put((5, 4, 4, 4), 1), "data/0.npy: map 5 does not hold a species"),
        ("data/0.npy", put((6, 5, 5, 5), 4), "map 6 does not hold a species 1 to 3"),
        ("data/0.npy", put((6, 5, 5, 5), 1.5), "map 6 does not hold a species 1 to 3"),
        ("data/0.npy", put((6, 5, 5, 5), 0), "map 6 does not hold a species 1 to 3"),
        (
            "labels/0.npy",
            lambda a: a[:-1],
            r"labels/0.npy: expected 24 barriers, as many as maps, got \[23\]",
        ),
        ("labels/0.npy", put(2, np.nan), "labels/0.npy: barrier 2 is not finite"),
    ],
)
def test_what_is_wrong_is_named(alloys, tmp_path, name, change, message):
    root = changed(write(tmp_path / "set", alloys), name, change)
    with pytest.raises(ValueError, match=message):
        open_npy46(root).read(0)


def test_a_pickle_is_refused(alloys, tmp_path):
    root = write(tmp_path / "set", alloys)
    np.save(root / "labels" / "0.npy", np.array([1, None] * 12, dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"labels/0.npy: expected an array of numbers"):
        open_npy46(root).read(0)


def test_files_that_are_missing_are_named(alloys, tmp_path):
    root = write(tmp_path / "set", alloys)
    (root / "labels" / "1.npy").unlink()
    with pytest.raises(ValueError, match=r"2 files in data for 2 names.*labels/1.npy is missing"):
        open_npy46(root)
    (root / "dirnames.txt").write_text("one\n")
    with pytest.raises(ValueError, match="2 files in data for 1 names"):
        open_npy46(root)
    (root / "dirnames.txt").unlink()
    with pytest.raises(ValueError, match=r"no dirnames.txt there"):
        open_npy46(root)


def test_as_labels_the_jumps_of_a_vacancy_share_a_state(alloys, tmp_path):
    """Each label sees what its map shows, turned by an operation that leaves its jump as it is."""
    root = write(tmp_path / "set", alloys)
    barriers, maps = npy46_labels(root, ("Ta", "Nb", "Mo")), open_npy46(root)
    assert len(barriers.sample_key) == VACANCIES + 1  # in a pure metal all vacancies are the same
    assert barriers.composition_name[0] == "Ta25Nb50Mo25"
    lattice = Lattice.bcc(barriers.cells, 1.0)
    spec = maps.read(0).environment
    where = (barriers.sample.astype(int), barriers.vacancy_site.astype(int), barriers.jump.astype(int))
    species, mover = gather_jumps(spec, lattice, barriers.occupancy, *where)
    assert species.all()
    read = [maps.read(index, ("Ta", "Nb", "Mo")) for index in range(2)]
    np.testing.assert_array_equal(mover, np.concatenate([part.mover for part in read]))
    np.testing.assert_array_equal(barriers.E_fwd_eV, np.concatenate([part.E_fwd_eV for part in read]))
    for found, shown in zip(species, np.concatenate([part.species for part in read]), strict=True):
        assert any((shown[turn] == found).all() for turn in spec.symmetry)
    first = barriers.jump[:24].reshape(VACANCIES, 8)
    assert all(sorted(jumps) == list(range(8)) for jumps in first.tolist())


def test_as_labels_only_the_sites_around_the_vacancy_are_known(alloys, tmp_path):
    barriers = npy46_labels(write(tmp_path / "set", alloys), ("Nb", "Mo", "Ta"))
    assert (barriers.occupancy > 0).sum(axis=1).tolist() == [112] * (VACANCIES + 1)
    assert np.isnan(barriers.E_bwd_eV).all()
    assert barriers.usable.all()
    barriers.save(tmp_path / "labels.nc")
    np.testing.assert_array_equal(type(barriers).load(tmp_path / "labels.nc").occupancy, barriers.occupancy)
    with pytest.raises(ValueError, match="every site must hold a species"):
        barriers.replaced(attrs={})


def test_alloys_without_a_composition_for_a_name_get_that_around_their_vacancies(alloys, tmp_path):
    root = write(tmp_path / "set", alloys)
    (root / "dirnames.txt").write_text("some alloy\nMo100\n")
    barriers = npy46_labels(root, ("Nb", "Mo", "Ta"))
    assert barriers.sample_key[0] == "some alloy/s00000"
    shares = np.bincount(open_npy46(root).read(0).species.ravel(), minlength=4)[1:] / (24 * 112)
    np.testing.assert_allclose(barriers.composition[0], shares, atol=0.01)
    assert barriers.composition[0].sum() == pytest.approx(1, abs=1e-12)


def test_networks_that_read_further_than_the_maps_show_are_refused(alloys, tmp_path):
    barriers = npy46_labels(write(tmp_path / "set", alloys), ("Nb", "Mo", "Ta"))
    parameters = TrainParameters(test_compositions=0, validation_fraction=0.4)
    with pytest.raises(ValueError, match="do not tell all 142 sites that a network of kind detailed-balance"):
        Problem.of(barriers, ModelSpec("far"), parameters)
    for spec in (ModelSpec("near", shells=3), ModelSpec("initial", kind="mlp")):
        with pytest.raises(ValueError, match="cannot be split"):  # by the one vacancy of the pure metal
            Problem.of(barriers, spec, parameters)
