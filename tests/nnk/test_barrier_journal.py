"""Journals keep every whole line, whatever happens to the last ones."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from nnk.barrier_columns import COLUMNS, SAMPLE_COLUMNS
from nnk.barrier_journal import Journal, journal_hashes, read_journal
from nnk.barriers import BarrierSet, concatenate

Z = 8


def vacancy(number, sample=None):
    """Labels of a vacancy of a sample."""
    stream = np.random.default_rng(number)
    zeros = np.zeros(Z)
    sample = number if sample is None else sample
    return BarrierSet(
        elements=("Nb", "Ta"),
        structure="bcc",
        cells=(3, 3, 3),
        occupancy=np.random.default_rng(1000 + sample).integers(1, 3, (1, 54)),
        a_A=np.array([3.3]),
        sample_key=(f"Nb50Ta50/s{sample:04d}",),
        composition=np.full((1, 2), 0.5),
        sample=zeros,
        vacancy_site=np.full(Z, number),
        jump=np.arange(Z),
        E_fwd_eV=stream.random(Z),
        E_bwd_eV=np.where(np.arange(Z) == 3, np.nan, stream.random(Z)),
        curvature_eV_A2=-stream.random(Z),
        residual_force_eV_A=zeros,
        calls=zeros,
        flag=zeros,
        method=zeros,
        n_saddles=zeros,
        item_hash=(f"{number:032x}",) * Z,
        reason=("", "a reason, “quoted”") * 4,
        attrs={"seed": 1},
    )


def write(path, numbers):
    with Journal(path) as journal:
        for number in numbers:
            journal.add(vacancy(number, sample=number // 2))


def test_a_journal_gives_back_what_was_added(tmp_path):
    path = tmp_path / "a.journal"
    write(path, range(5))
    found, expected = read_journal(path), concatenate([vacancy(n, n // 2) for n in range(5)])
    for name in (*COLUMNS, *SAMPLE_COLUMNS, "occupancy", "a_A", "composition"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)
    for name in ("elements", "structure", "cells", "sample_key", "item_hash", "reason", "attrs"):
        assert getattr(found, name) == getattr(expected, name), name
    assert journal_hashes(path) == [f"{n:032x}" for n in range(5)]


def test_cut_anywhere_the_whole_lines_before_count(tmp_path):
    path, cut = tmp_path / "a.journal", tmp_path / "b.journal"
    write(path, range(3))
    content = path.read_bytes()
    for length in range(0, len(content) + 1, 97):
        cut.write_bytes(content[:length])
        n_lines = content[:length].count(b"\n")
        found = read_journal(cut)
        assert (len(found) if found is not None else 0) == Z * max(0, n_lines - 1)


@pytest.mark.parametrize("damage", [b"\0", b"7"])
def test_a_damaged_line_ends_what_is_read(tmp_path, damage):
    path = tmp_path / "a.journal"
    write(path, range(4))
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3][:50] + damage + lines[3][51:]
    path.write_bytes(b"".join(lines))
    assert journal_hashes(path) == [f"{n:032x}" for n in range(2)]


def test_a_journal_without_labels_is_no_file(tmp_path):
    with Journal(tmp_path / "a.journal"):
        pass
    assert not list(tmp_path.iterdir())


def test_two_writers_never_share_a_journal(tmp_path):
    write(tmp_path / "a.journal", [1])
    with pytest.raises(FileExistsError):
        write(tmp_path / "a.journal", [2])


def test_what_was_added_outlives_a_kill(tmp_path):
    program = """
        import os, signal, sys
        sys.path.insert(0, sys.argv[2])
        from pathlib import Path
        from test_barrier_journal import Journal, vacancy
        with Journal(Path(sys.argv[1])) as journal:
            for number in range(7):
                journal.add(vacancy(number))
            os.kill(os.getpid(), signal.SIGKILL)
    """
    path = tmp_path / "a.journal"
    command = [sys.executable, "-c", textwrap.dedent(program), str(path), str(Path(__file__).parent)]
    killed = subprocess.run(command, env=os.environ, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert len(journal_hashes(path)) == 7


def test_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    path = tmp_path / "a.journal"
    real = os.write
    with Journal(path) as journal:
        journal.add(vacancy(0))
        monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:20]))
        with pytest.raises(OSError, match="only 20 of"):
            journal.add(vacancy(1))
        monkeypatch.setattr(os, "write", real)
        journal.add(vacancy(2))
    assert journal_hashes(path) == [f"{n:032x}" for n in (0, 2)]
