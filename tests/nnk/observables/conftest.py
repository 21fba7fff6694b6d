from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nnk.environment import EnvironmentSpec
from nnk.models.mlp import MlpModel
from nnk.models.program import DenseStack


@pytest.fixture(scope="session")
def random_mlp() -> Callable[..., MlpModel]:
    """A small network with random weights, barriers around 1.5 eV."""

    def make(seed: int, shells: int, elements: tuple[str, ...] = ("Nb", "Mo", "Ta")) -> MlpModel:
        rng = np.random.default_rng(seed)
        n_env = EnvironmentSpec("bcc", shells, "initial").n_env
        shape = (n_env, len(elements), 16)
        stack = DenseStack(
            table=rng.normal(0, 0.2, shape).astype(np.float32),
            mover=np.zeros((len(elements), 16), dtype=np.float32),
            bias=np.zeros(16, dtype=np.float32),
            hidden=((rng.normal(0, 0.3, (16, 16)).astype(np.float32), np.zeros(16, dtype=np.float32)),),
            out_weight=rng.normal(0, 0.3, 16).astype(np.float32),
            out_bias=1.5,
        )
        return MlpModel(elements, "bcc", shells, stack)

    return make
