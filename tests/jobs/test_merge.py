"""Segments of labels become one file: each label once."""

from dataclasses import replace

import numpy as np
import pytest

from jobs.merge import ASIDE, merge_labels
from nnk.barrier_files import DamagedBarriers
from nnk.barrier_merge import distinct_hashes
from nnk.barriers import BarrierSet
from nnk.files import Fence, StaleEpoch, Workdir

CELLS, N_SITES, Z = (3, 3, 3), 54, 8


def labels_of(items, shift_eV=0.0):
    """Barriers of items named by (sample, hash), one vacancy each."""
    n = len(items)
    samples = sorted({sample for sample, _ in items})
    m = n * Z
    occupancy = [np.random.default_rng(s).integers(1, 3, N_SITES) for s in samples]
    energies = (
        np.repeat([float(sample) for sample, _ in items], Z) + 0.1 * np.tile(np.arange(Z), n) + shift_eV
    )
    zeros = np.zeros(m)
    return BarrierSet(
        elements=("Nb", "Ta"),
        structure="bcc",
        cells=CELLS,
        occupancy=np.array(occupancy, dtype=np.uint8),
        a_A=np.full(len(samples), 3.3),
        sample_key=tuple(f"Nb50Ta50/s{s:04d}" for s in samples),
        composition=np.full((len(samples), 2), 0.5),
        sample=np.repeat([samples.index(sample) for sample, _ in items], Z),
        vacancy_site=np.repeat([sample % N_SITES for sample, _ in items], Z),
        jump=np.tile(np.arange(Z), n),
        E_fwd_eV=1.0 + energies,
        E_bwd_eV=1.0 + energies,
        curvature_eV_A2=zeros - 1,
        residual_force_eV_A=zeros,
        calls=zeros,
        flag=zeros,
        method=zeros,
        n_saddles=zeros + 1,
        item_hash=tuple(digest for _, digest in items for _ in range(Z)),
    )


@pytest.fixture
def workdir(tmp_path):
    workdir = Workdir(tmp_path)
    workdir.labels_dir.mkdir()
    workdir.epoch_file.write_text("1")
    return workdir


@pytest.fixture
def fence(workdir):
    return Fence(workdir.epoch_file, 1)


def put(workdir, name, barriers):
    barriers.save(workdir.labels_dir / f"{name}.nc")


def merged_hashes(workdir):
    return sorted(set(BarrierSet.load(workdir.labels_file).item_hash))


def files(workdir):
    return sorted(p.relative_to(workdir.labels_dir).as_posix() for p in workdir.labels_dir.rglob("*.nc"))


def test_segments_are_merged_and_removed(workdir, fence):
    put(workdir, "a", labels_of([(0, "h0"), (1, "h1")]))
    put(workdir, "b", labels_of([(2, "h2")]))
    merged = merge_labels(workdir, ["h0", "h1", "h2"], fence)
    assert (merged.n_labels, merged.n_aside) == (3 * Z, 0)
    assert files(workdir) == ["labels.nc"]
    assert merged_hashes(workdir) == ["h0", "h1", "h2"]


def test_a_kill_between_merging_and_removing_doubles_nothing(workdir, fence):
    put(workdir, "a", labels_of([(0, "h0"), (1, "h1")]))
    merge_labels(workdir, ["h0", "h1", "h2"], fence)
    put(workdir, "a", labels_of([(0, "h0"), (1, "h1")]))
    put(workdir, "b", labels_of([(2, "h2")]))
    assert merge_labels(workdir, ["h0", "h1", "h2"], fence).n_labels == 3 * Z
    loaded = BarrierSet.load(workdir.labels_file)
    identities = set(zip(loaded.sample.tolist(), loaded.jump.tolist(), strict=True))
    assert len(identities) == 3 * Z


def test_merging_again_leaves_the_file_alone(workdir, fence):
    put(workdir, "a", labels_of([(0, "h0")]))
    merge_labels(workdir, ["h0"], fence)
    before = workdir.labels_file.stat().st_mtime_ns
    merge_labels(workdir, ["h0"], fence)
    assert workdir.labels_file.stat().st_mtime_ns == before


def test_labels_of_other_inputs_are_kept_aside_and_come_back(workdir, fence):
    put(workdir, "a", labels_of([(0, "old0"), (1, "old1")]))
    merge_labels(workdir, ["old0", "old1"], fence)
    put(workdir, "b", labels_of([(0, "new0"), (1, "new1")], shift_eV=0.5))
    assert merge_labels(workdir, ["new0", "new1"], fence).n_aside == 2 * Z
    assert merged_hashes(workdir) == ["new0", "new1"]
    assert BarrierSet.load(workdir.labels_file).E_fwd_eV.min() == 1.5
    merge_labels(workdir, ["old0", "old1"], fence)
    assert merged_hashes(workdir) == ["old0", "old1"]
    assert BarrierSet.load(workdir.labels_file).E_fwd_eV.min() == 1.0
    assert len(files(workdir)) == 2


def test_labels_of_another_potential_have_other_boxes_under_the_same_names(workdir, fence):
    old = labels_of([(0, "old0")])
    put(workdir, "a", replace(old, a_A=old.a_A + 0.1))
    put(workdir, "b", labels_of([(0, "new0")]))
    assert merge_labels(workdir, ["new0"], fence).n_labels == Z


def test_nothing_wanted_leaves_no_merged_file(workdir, fence):
    put(workdir, "a", labels_of([(0, "old0")]))
    merge_labels(workdir, ["old0"], fence)
    merged = merge_labels(workdir, ["new0"], fence)
    assert (merged.n_labels, merged.n_aside) == (0, Z)
    assert [name.split("/")[0] for name in files(workdir)] == [ASIDE]


def test_a_stale_run_merges_nothing(workdir):
    put(workdir, "a", labels_of([(0, "h0")]))
    with pytest.raises(StaleEpoch):
        merge_labels(workdir, ["h0"], Fence(workdir.epoch_file, 7))
    assert files(workdir) == ["a.nc"]


def test_a_damaged_file_is_put_aside_and_named(workdir, fence):
    put(workdir, "a", labels_of([(0, "h0")]))
    (workdir.labels_dir / "b.nc").write_bytes(b"CDF rubbish")
    merged = merge_labels(workdir, ["h0", "h1"], fence)
    assert (merged.n_labels, merged.damaged) == (Z, (workdir.quarantine / "000001-b.nc",))
    assert merged.damaged[0].read_bytes() == b"CDF rubbish"
    assert files(workdir) == ["labels.nc"]


def damage_a_column(path):
    """Damage a file so that its hashes can be read and something else cannot."""
    good = path.read_bytes()
    for place in range(len(good) // 2, len(good), 16):
        path.write_bytes(
            good[:place] + bytes(byte ^ 0xFF for byte in good[place : place + 8]) + good[place + 8 :]
        )
        try:
            distinct_hashes(path)
        except ValueError:
            continue
        try:
            BarrierSet.load(path)
        except DamagedBarriers as error:
            return str(error)
    pytest.fail("no such place")


def test_columns_that_a_merge_cannot_read_are_set_aside(workdir, fence):
    put(workdir, "a", labels_of([(0, "h0")]))
    put(workdir, "b", labels_of([(1, "h1")]))
    told = damage_a_column(workdir.labels_dir / "b.nc")
    assert "b.nc is damaged" in told
    assert "remove it and run again: its labels are made anew" in told
    merged = merge_labels(workdir, ["h0", "h1"], fence)
    assert [place.name for place in merged.damaged] == ["000001-b.nc"]
    assert (merged.n_labels, merged_hashes(workdir)) == (Z, ["h0"])
