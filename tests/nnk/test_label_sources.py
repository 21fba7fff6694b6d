"""Labels that exist already: files of labels, and the published set by density functional theory."""

import numpy as np
import pytest

from nnk.barriers import BarrierSet, Flag
from nnk.label_sources import PART_BYTES, PARTS, WHOLE_BYTES, LabelSource, renumbered
from nnk.published import read_dft

ELEMENTS = ("Nb", "Mo", "V")


@pytest.fixture
def labels():
    """Makes labels of Nb, Mo, Ta: three samples, of two compositions."""

    def make():
        generator = np.random.default_rng(1)
        occupancy = generator.integers(1, 4, size=(3, 54)).astype(np.uint8)
        sample, m = np.repeat([0, 1, 2], 16), 48
        return BarrierSet(
            elements=("Nb", "Mo", "Ta"),
            structure="bcc",
            cells=(3, 3, 3),
            occupancy=occupancy,
            a_A=[3.2, 3.2, 3.3],
            sample_key=("Nb20Mo30Ta50/s0000", "Nb20Mo30Ta50/s0001", "NbMoTa/s0000"),
            composition=[[0.2, 0.3, 0.5], [0.2, 0.3, 0.5], [1 / 3, 1 / 3, 1 / 3]],
            sample=sample,
            vacancy_site=np.tile(np.repeat([4, 31], 8), 3),
            jump=np.tile(np.arange(8), 6),
            E_fwd_eV=generator.uniform(0.5, 1, m),
            E_bwd_eV=generator.uniform(0.5, 1, m),
            curvature_eV_A2=np.full(m, -1.0),
            residual_force_eV_A=np.full(m, 0.01),
            calls=np.full(m, 20.0),
            flag=np.zeros(m),
            method=np.zeros(m),
            n_saddles=np.ones(m),
            item_hash=("x",) * m,
        )

    return make


@pytest.fixture
def saved(labels, tmp_path):
    """A file of labels of Nb, Mo, Ta and what it holds."""
    barriers = labels()
    barriers.save(tmp_path / "a.nc")
    return tmp_path / "a.nc", barriers


def moving_elements(barriers):
    return np.array(barriers.elements)[barriers.moving_species - 1].tolist()


def test_labels_of_a_file_come_back_with_other_numbers_for_the_elements(saved):
    path, before = saved
    after = LabelSource("labels", (path,)).read(("W", "Ta", "Nb", "Mo"), "abc")
    assert after.elements == ("W", "Ta", "Nb", "Mo")
    assert moving_elements(after) == moving_elements(before)
    np.testing.assert_allclose(after.composition[:, [2, 3, 1]], before.composition)
    assert not after.composition[:, 0].any()
    np.testing.assert_array_equal(after.E_bwd_eV, before.E_bwd_eV)
    assert set(after.item_hash) == {"abc"}
    assert after.alpha.shape == (len(after.sample_key), 4, 4)


def test_order_parameters_follow_their_pairs(labels):
    barriers = labels()
    alpha = np.arange(9 * len(barriers.sample_key), dtype=np.float32).reshape(-1, 3, 3)
    after = renumbered(barriers.replaced(alpha=alpha), ("Ta", "Nb", "Mo"))
    for i, first in enumerate(after.elements):
        for j, second in enumerate(after.elements):
            row, column = barriers.elements.index(first), barriers.elements.index(second)
            np.testing.assert_array_equal(after.alpha[:, i, j], alpha[:, row, column])


def test_an_element_that_is_not_asked_for_is_refused(saved):
    with pytest.raises(ValueError, match="the labels hold Ta; the elements are Nb, Mo, W"):
        LabelSource("labels", (saved[0],)).read(("Nb", "Mo", "W"))


def test_facts_are_those_of_the_labels(saved):
    path, barriers = saved
    facts = LabelSource("labels", (path,)).facts(("Ta", "Nb", "Mo"))
    read = LabelSource("labels", (path,)).read(("Ta", "Nb", "Mo"))
    assert (facts.structure, facts.cells, facts.elements) == ("bcc", barriers.cells, barriers.elements)
    assert facts.n_labels == len(barriers)
    names = dict(zip(facts.samples, facts.compositions, strict=True))
    assert [names[read.sample_key[s]] for s in read.sample] == read.composition_name.tolist()


def test_samples_of_one_name_and_other_atoms_are_told_apart(labels, tmp_path):
    first = labels()
    other = first.replaced(occupancy=first.occupancy[:, ::-1])
    same = first.select([0])
    for name, barriers in (("a", first), ("b", other), ("c", same)):
        barriers.save(tmp_path / f"{name}.nc")
    paths = tuple(tmp_path / f"{name}.nc" for name in "abc")
    both = LabelSource("labels", paths).read(first.elements)
    assert len(both) == 2 * len(first)  # those of the third file are in the first
    assert set(both.sample_key) == {*first.sample_key, *(f"{name}@2" for name in first.sample_key)}
    row = both.sample_key.index(f"{first.sample_key[1]}@2")
    np.testing.assert_array_equal(both.occupancy[row], other.occupancy[1])


def test_files_of_other_lattices_are_refused(saved, labels, tmp_path):
    path, barriers = saved
    n = len(barriers.sample_key)
    cells = tuple(2 * n for n in barriers.cells)
    small = barriers.select(barriers.vacancy_site < 0)
    wide = np.ones((n, 8 * barriers.occupancy.shape[1]), dtype=np.uint8)
    small.replaced(cells=cells, occupancy=wide).save(tmp_path / "b.nc")
    with pytest.raises(ValueError, match=r"b\.nc: its samples are bcc .*, those of .*a\.nc bcc"):
        LabelSource("labels", (path, tmp_path / "b.nc")).facts(barriers.elements)


def test_the_hash_is_that_of_the_contents(saved, tmp_path):
    path, barriers = saved
    before = LabelSource("labels", (path,)).hash
    copy = tmp_path / "elsewhere.nc"
    copy.write_bytes(path.read_bytes())
    assert LabelSource("labels", (copy,)).hash == before
    barriers.select(np.arange(1, len(barriers))).save(copy)
    assert LabelSource("labels", (copy,)).hash != before


def test_of_a_large_file_size_and_parts_count(tmp_path):
    path = tmp_path / "large.nc"
    with path.open("wb") as file:
        file.truncate(WHOLE_BYTES + 1)
    before = LabelSource("labels", (path,)).hash
    for place in (0, WHOLE_BYTES):
        with path.open("r+b") as file:
            file.seek(place)
            file.write(b"x")
        after = LabelSource("labels", (path,)).hash
        assert after != before
        before = after
    assert PARTS * PART_BYTES <= WHOLE_BYTES


@pytest.mark.parametrize(
    ("format", "n", "message"), [("csv", 1, "format 'csv'"), ("dft", 2, "got 2"), ("labels", 0, "got 0")]
)
def test_odd_sources_are_refused(format, n, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        LabelSource(format, (tmp_path,) * n)


@pytest.fixture
def dft(write_dft, tmp_path):
    """Two folders, one with a barrier that is no barrier."""
    root = tmp_path / "dft"
    write_dft(root, "NbV", {"V": 60, "Nb": 68}, seed=1)
    write_dft(root, "NbMoV_2", {"Nb": 42, "V": 43, "Mo": 43}, seed=2, changed={(5, 3): -0.2})
    return root


def test_dft_folders_become_samples(dft):
    barriers, published = LabelSource("dft", (dft,)).read(ELEMENTS, "abc"), read_dft(dft, ELEMENTS)
    assert barriers.sample_key == ("NbMoV_2", "NbV")
    assert set(barriers.composition_name) == {"Nb32.81Mo33.59V33.59", "Nb53.12V46.88"}
    np.testing.assert_array_equal(barriers.occupancy, published.occupancy)
    np.testing.assert_array_equal(barriers.moving_species, published.moving_species)
    good = barriers.usable
    np.testing.assert_array_equal(barriers.E_fwd_eV[good], published.E_fwd_eV[published.usable])
    assert np.isnan(barriers.E_bwd_eV).all()
    assert isinstance(barriers, BarrierSet)


def test_flawed_dft_barriers_are_there_with_their_reason(dft):
    barriers = LabelSource("dft", (dft,)).read(ELEMENTS)
    (row,) = np.flatnonzero(barriers.flag == Flag.TINY)
    assert barriers.reason[row] == "published barrier below 0.01 eV"
    assert not barriers.usable[row]
    assert barriers.usable.sum() == len(barriers) - 1 - (barriers.flag == Flag.FAILED).sum()


def test_dft_facts_are_those_of_the_labels(dft):
    source = LabelSource("dft", (dft,))
    facts, barriers = source.facts(ELEMENTS), source.read(ELEMENTS)
    assert set(facts.elements) == set(ELEMENTS)
    assert (facts.samples, facts.n_labels, facts.cells) == (barriers.sample_key, 2048, (4, 4, 4))
    of_samples = barriers.replaced(sample=np.arange(2), **columns_of(barriers, [0, 1024]))
    assert facts.compositions == tuple(of_samples.composition_name)


def columns_of(barriers, rows):
    some = barriers.select(rows)
    names = ("vacancy_site", "jump", "E_fwd_eV", "E_bwd_eV", "curvature_eV_A2", "residual_force_eV_A")
    names += ("calls", "flag", "method", "n_saddles", "a_initial_A", "a_saddle_A", "a_final_A")
    return {name: getattr(some, name) for name in (*names, "item_hash", "reason")}


def test_what_a_dft_folder_lacks_is_named(dft):
    (dft / "NbV" / "atomid_for_NN.txt").unlink()
    with pytest.raises(ValueError, match=r"NbV/atomid_for_NN.txt is missing"):
        LabelSource("dft", (dft,)).facts(ELEMENTS)
    with pytest.raises(ValueError, match="expected folders with POSCAR"):
        LabelSource("dft", (dft / "NbV",)).facts(ELEMENTS)


def test_the_published_barriers_are_seventeen_compositions(nnk_data):
    root = nnk_data / "dft"
    if not root.is_dir():
        pytest.skip(f"{root} is not there")
    barriers = LabelSource("dft", (root,)).read(("Nb", "Mo", "Ta", "W", "V"))
    assert (len(barriers), int(barriers.usable.sum())) == (20480, 20460)
    assert len(set(barriers.composition_name)) == 17
    alike = [barriers.sample_key.index(f"NbMoTaWV{i}") for i in ("", "_2", "_3", "_4")]
    assert len(set(barriers.composition_name[np.isin(barriers.sample, alike)])) == 1
