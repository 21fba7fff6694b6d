"""No file that is read runs code: the doors through which Python lets one are shut, or named here."""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from nnk.atoms_file import read_atoms
from nnk.barriers import BarrierSet
from nnk.kmc import Trajectory
from nnk.label_sources import LabelSource
from nnk.models import load
from nnk.models.base import MODEL_FILE, WEIGHTS_FILE
from nnk.published import read_nkk_weights
from nnk.samples.ordered import Checkpoint
from nnk.training.checkpoint import load_checkpoint

ROOT = Path(__file__).parents[1]
ELEMENTS = ("Nb", "Mo", "Ta")


class Bomb:
    """Runs a program when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch pwned",)


def as_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.array([Bomb()], dtype=object), allow_pickle=True)


def as_arrays(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, inputs_hash=np.array([Bomb()], dtype=object))


def as_torch(path: Path) -> None:
    torch.save({"key": Bomb()}, path)


def as_old_torch(path: Path) -> None:
    torch.save({"key": Bomb()}, path, _use_new_zipfile_serialization=False)


def read_labels(path: Path) -> object:
    return LabelSource("labels", (path,)).read(ELEMENTS)


def read_model(path: Path) -> object:
    """A network whose weights are the file, with a header made for them."""
    blob = path.read_bytes()
    (path.parent / WEIGHTS_FILE).write_bytes(blob)
    header = {"format_version": 1, "kind": "mlp", "elements": ["Nb"], "structure": "bcc", "shells": 1}
    header |= {"description": {}, "details": {}, "weights_sha256": hashlib.sha256(blob).hexdigest()}
    (path.parent / MODEL_FILE).write_text(json.dumps(header))
    return load(path.parent)


READERS: dict[str, Callable[[Path], object]] = {
    "start.dump": lambda path: read_atoms(path, "bcc", 3.3, ELEMENTS),
    "start.xyz": lambda path: read_atoms(path, "bcc", 3.3, ELEMENTS),
    "start.traj": lambda path: read_atoms(path, "bcc", 3.3, ELEMENTS),
    "start.pickle": lambda path: read_atoms(path, "bcc", 3.3, ELEMENTS),
    "labels.nc": BarrierSet.load,
    "existing.nc": read_labels,
    "run.nc": Trajectory.load,
    "weights.npy": read_nkk_weights,
    "weights": read_model,
    "last.pt": lambda path: load_checkpoint(path, "key"),
}


@pytest.mark.parametrize("write", [as_array, as_arrays, as_torch, as_old_torch])
@pytest.mark.parametrize("name", READERS)
def test_a_pickle_is_refused_whatever_it_is_called(name: str, write, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / name)
    with pytest.raises((ValueError, OSError)):
        READERS[name](tmp_path / name)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("write", [as_array, as_arrays, as_torch])
def test_a_pickle_is_no_checkpoint_of_samples(write, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "state.npz")
    assert Checkpoint(tmp_path / "state.npz", "hash").load() is None
    assert not (tmp_path / "pwned").exists()


def test_a_bomb_goes_off_where_it_is_trusted(tmp_path: Path, monkeypatch):
    """Or else the tests above would show nothing."""
    monkeypatch.chdir(tmp_path)
    as_array(tmp_path / "weights.npy")
    with pytest.raises((ValueError, TypeError)):
        read_nkk_weights(tmp_path / "weights.npy", allow_pickle=True)
    assert (tmp_path / "pwned").exists()


DOORS = {
    "pickle.load",
    "pickle.loads",
    "eval",
    "exec",
    "__import__",
    "os.system",
    "os.popen",
    "torch.load",
    "np.load(allow_pickle)",
    "(shell)",
    "YAML(unsafe)",
}
KNOWN = {
    ("nnk/published/nkk.py", "np.load(allow_pickle)"),  # after the flag was asked for
    ("nnk/training/checkpoint.py", "torch.load"),  # with weights_only, see above
    ("site_configs/schedulers.py", "(shell)"),  # Parsl's command lines, of words that words.py lets through
}


def doors(path: Path) -> Iterator[str]:
    """The calls in a module through which a file or a text could become code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        yield name
        if "allow_pickle" in given and given["allow_pickle"] != "False":
            yield f"{name}(allow_pickle)"
        if given.get("shell") == "True":  # else a shell of neighbours
            yield "(shell)"
        if name == "YAML" and given.get("typ") != "'safe'":
            yield "YAML(unsafe)"


def test_no_other_door_is_open():
    folders = ("nnk", "jobs", "launch", "analysis", "site_configs")
    modules = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    found = {(str(path.relative_to(ROOT)), door) for path in modules for door in doors(path)}
    assert {(path, door) for path, door in found if door in DOORS} == KNOWN
