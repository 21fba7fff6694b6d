"""Hashes and random streams are the same everywhere and always."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnk.files import Workdir, file_hash, rng, stable_hash, stream_key

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_known_values():
    """Pinned: other values would redo every campaign."""
    assert stable_hash({"b": [1, 2.5], "a": "x"}) == hashlib.sha256(b'{"a":"x","b":[1,2.5]}').hexdigest()[:32]
    assert stream_key(1, "kmc", 0) == int.from_bytes(hashlib.sha256(b'[1,"kmc",0]').digest()[:8], "little")
    assert rng(1, "label", "x").integers(0, 1000, 4).tolist() == [746, 405, 200, 476]


@given(st.dictionaries(st.text(), plain, max_size=5))
def test_order_of_keys_does_not_matter(data):
    assert stable_hash(data) == stable_hash(dict(reversed(data.items())))


@given(plain, plain)
def test_different_data_hash_differently(a, b):
    assert (stable_hash(a) == stable_hash(b)) == (repr(a) == repr(b) or canonical_equal(a, b))


def canonical_equal(a, b):
    """Equal but for the order of keys."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(canonical_equal(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(canonical_equal, a, b))
    return repr(a) == repr(b)


@dataclass(frozen=True)
class Point:
    x: float
    y: int


def test_arrays_numbers_and_dataclasses_are_their_plain_selves():
    assert stable_hash(np.arange(3)) == stable_hash([0, 1, 2])
    assert stable_hash(np.float64(0.1)) == stable_hash(0.1)
    assert stable_hash(Point(0.5, 2)) == stable_hash({"x": 0.5, "y": 2})


def test_what_cannot_be_hashed_is_refused():
    with pytest.raises(TypeError, match="cannot hash a set"):
        stable_hash({1, 2})
    with pytest.raises(ValueError, match="JSON"):
        stable_hash(float("nan"))


def test_file_hash_is_of_the_content(tmp_path):
    content = bytes(range(256)) * 10_000
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "b").write_bytes(content + b"x")
    assert file_hash(tmp_path / "a") == hashlib.sha256(content).hexdigest()[:32]
    assert file_hash(tmp_path / "a") != file_hash(tmp_path / "b")


def test_streams_belong_to_their_keys():
    draws = {key: rng(3, "label", key).random(4).tolist() for key in ("a", "b")}
    assert draws["a"] != draws["b"]
    assert rng(3, "label", "a").random(4).tolist() == draws["a"]
    assert rng(4, "label", "a").random(4).tolist() != draws["a"]


def test_paths_of_the_workdir(tmp_path):
    workdir = Workdir(tmp_path)
    run = workdir.kmc_run("Nb50Ta50", 800, 3)
    assert run == tmp_path / "kmc" / "Nb50Ta50" / "T0800.0K" / "r003"
    assert workdir.trajectory("Nb50Ta50", 800, 3) == tmp_path / "kmc" / "Nb50Ta50" / "T0800.0K" / "r003.nc"
    assert workdir.run_dir(7) == tmp_path / "run" / "000007"
    assert not list(tmp_path.iterdir())
