"""Files of barriers merged part by part hold what merging in memory gives, in little memory."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from nnk.barrier_columns import COLUMNS, SAMPLE_COLUMNS
from nnk.barrier_merge import distinct_hashes, merge_files, rows_of
from nnk.barriers import BarrierSet, Flag, concatenate

Z = 8


def labels_of(vacancies, seed=0, cells=(3, 3, 3), **changes):
    """Labels of vacancies (sample, site); samples are the same in every set."""
    n_sites, n = 2 * int(np.prod(cells)), len(vacancies)
    samples = sorted({sample for sample, _ in vacancies})
    stream = np.random.default_rng(seed)
    flag = np.where(stream.random(n * Z) < 0.2, Flag.FAILED, Flag.OK)
    content = {
        "elements": ("Nb", "Ta"),
        "structure": "bcc",
        "cells": cells,
        "occupancy": np.array([np.random.default_rng(s).integers(1, 3, n_sites) for s in samples]),
        "a_A": 3.0 + 0.001 * np.array(samples),
        "sample_key": tuple(f"Nb50Ta50/s{s:05d}" for s in samples),
        "composition": np.full((len(samples), 2), 0.5),
        "degree": np.array(samples) % 7,
        "sample": np.repeat([samples.index(sample) for sample, _ in vacancies], Z),
        "vacancy_site": np.repeat([site for _, site in vacancies], Z),
        "jump": np.tile(np.arange(Z), n),
        "flag": flag,
        "method": np.zeros(n * Z),
        "n_saddles": np.ones(n * Z),
        "item_hash": tuple(f"{sample:016x}{site:016x}" for sample, site in vacancies for _ in range(Z)),
        "reason": tuple("" if f == Flag.OK else f"lost {seed}" for f in flag),
        "attrs": {"seed": 1, "made_by": seed},
    }
    for name in ("E_fwd_eV", "E_bwd_eV", "curvature_eV_A2", "residual_force_eV_A", "calls"):
        content[name] = stream.random(n * Z)
    return BarrierSet(**(content | changes))


@pytest.fixture
def files(tmp_path):
    """Three files; some labels stand in two of them, some samples in all."""
    vacancies = [[(s, s % 54) for s in range(20)], [(s, s % 54) for s in range(15, 30)], [(3, 50), (40, 1)]]
    sets = [labels_of(v, seed) for seed, v in enumerate(vacancies)]
    paths = [tmp_path / f"{k}.nc" for k in range(3)]
    for path, barriers in zip(paths, sets, strict=True):
        barriers.save(path)
    return paths, sets


def assert_equal(found, expected):
    for name in (*COLUMNS, *SAMPLE_COLUMNS, "a_A", "composition", "occupancy"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)
    for name in ("sample_key", "item_hash", "reason", "attrs"):
        assert getattr(found, name) == getattr(expected, name), name


@pytest.mark.parametrize("block", [1, 100, 1 << 20])
def test_as_merged_in_memory(files, tmp_path, block, monkeypatch):
    monkeypatch.setattr("nnk.barrier_merge.BLOCK_BYTES", block)
    paths, sets = files
    everything = set().union(*(s.item_hash for s in sets))
    sources = [(path, rows_of(path, everything)) for path in paths]
    assert merge_files(sources, tmp_path / "all.nc") == Z * (30 + 2)
    assert_equal(BarrierSet.load(tmp_path / "all.nc"), concatenate(sets))
    assert distinct_hashes(tmp_path / "all.nc") == everything


def test_some_labels_with_their_own_samples(files, tmp_path):
    paths, sets = files
    wanted = set(sets[0].item_hash[: 3 * Z]) | {sets[1].item_hash[0]}
    merge_files([(path, rows_of(path, wanted)) for path in paths[:2]], tmp_path / "some.nc")
    found = BarrierSet.load(tmp_path / "some.nc")
    assert set(found.item_hash) == wanted
    assert found.sample_key == tuple(f"Nb50Ta50/s{s:05d}" for s in (0, 1, 2, 15))
    rest = rows_of(paths[0], wanted, others=True)
    assert sorted([*rest, *rows_of(paths[0], wanted)]) == list(range(len(sets[0])))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"a_A": np.array([3.5])}, "sample Nb50Ta50/s00003: two sets hold different atoms or boxes"),
        ({"elements": ("Nb", "W")}, "elements differ: "),
        ({"structure": "fcc", "cells": (3, 3, 3), "occupancy": np.ones((1, 108))}, "structure differ: "),
    ],
)
def test_what_does_not_belong_together(files, tmp_path, changes, message):
    labels_of([(3, 1)], **changes).save(tmp_path / "other.nc")
    paths = [files[0][0], tmp_path / "other.nc"]
    everything = distinct_hashes(paths[0]) | distinct_hashes(paths[1])
    with pytest.raises(ValueError, match=message):
        merge_files([(path, rows_of(path, everything)) for path in paths], tmp_path / "all.nc")


MERGE = """
    import resource, sys
    from pathlib import Path
    from nnk.barrier_merge import distinct_hashes, merge_files, rows_of
    from nnk.open_barriers import open_barriers

    paths = sorted(Path(sys.argv[1]).glob("part*.nc"))[: int(sys.argv[2])]
    items = set().union(*map(distinct_hashes, paths))
    merge_files([(path, rows_of(path, items)) for path in paths], Path(sys.argv[1]) / "all.nc")
    with open_barriers(Path(sys.argv[1]) / "all.nc") as barriers:
        assert barriers.usable.mean() > 0.7
        for i in range(0, len(barriers), 97):
            barriers.states(i)
    print(len(barriers.flag), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def test_memory_stays_flat_while_the_set_grows(tmp_path):
    for part in range(32):
        vacancies = [(500 * part + k, k) for k in range(500)]
        labels_of(vacancies, part, cells=(10, 10, 10)).save(tmp_path / f"part{part:02d}.nc")

    def peak_MB(n_parts):
        command = [sys.executable, "-c", textwrap.dedent(MERGE), str(tmp_path), str(n_parts)]
        n, peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert int(n) == 4000 * n_parts
        return float(peak)

    assert peak_MB(32) - peak_MB(8) < 25  # in memory: twice 24 MB of atoms and twice 15 MB of the rest
