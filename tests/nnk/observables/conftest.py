from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from nnk.environment import EnvironmentSpec
from nnk.models.balanced import BalancedModel
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


@pytest.fixture(scope="session")
def random_balanced() -> Callable[..., BalancedModel]:
    """A small model with random parameters that obeys detailed balance."""

    def stack(rng: np.random.Generator, n_sites: int) -> DenseStack:
        return DenseStack(
            table=rng.normal(0, 0.2, (n_sites, 3, 8)).astype(np.float32),
            mover=np.zeros((3, 8), dtype=np.float32),
            bias=rng.normal(0, 0.2, 8).astype(np.float32),
            hidden=(),
            out_weight=rng.normal(0, 0.2, 8).astype(np.float32),
            out_bias=0.1,
        )

    def make(seed: int, shells: int, structure: Literal["bcc", "fcc"] = "bcc") -> BalancedModel:
        rng = np.random.default_rng(seed)
        union, state = (EnvironmentSpec(structure, shells, kind) for kind in ("union", "state"))
        pair = rng.normal(0, 0.05, (shells, 4, 4))
        kra_mover_eV = rng.normal(1.5, 0.2, 3)
        kra_linear_eV = rng.normal(0, 0.02, (3, int(union.orbits.max()) + 1, 3))
        kra, s_vac = stack(rng, union.n_env), stack(rng, int(state.orbits.max()) + 1)
        return BalancedModel(
            ("Nb", "Mo", "Ta"),
            structure,
            shells,
            pair_eV=pair + pair.transpose(0, 2, 1),
            kra_mover_eV=kra_mover_eV,
            kra_linear_eV=kra_linear_eV,
            kra=kra,
            s_vac=replace(s_vac, table=s_vac.table[state.orbits]),
        )

    return make
