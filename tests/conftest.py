"""Fixtures of the whole suite."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def nnk_data():
    """Published data outside the project: $NNK_DATA, or ../shared/data beside it."""
    default = Path(__file__).parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("NNK_DATA", default)).resolve()
    if not folder.is_dir():
        pytest.skip(f"published data: no folder {folder} (set NNK_DATA)")
    return folder


@pytest.fixture(scope="session")
def nkk_weights(nnk_data):
    """The published network's weights."""
    path = nnk_data / "nkk" / "weights.npy"
    if not path.is_file():
        pytest.skip(f"published network: no file {path}")
    return path
