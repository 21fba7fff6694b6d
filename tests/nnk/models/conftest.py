"""Models with invented parameters: whatever must hold for them holds by construction."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from nnk.environment import EnvironmentSpec
from nnk.models import BalancedModel, MlpModel
from nnk.models.program import DenseStack


def random_stack(rng, n_sites, n_species, widths, reads_mover):
    def array(*shape):
        return rng.normal(0, 0.3, shape).astype(np.float32)

    mover = array(n_species, widths[0])
    return DenseStack(
        table=array(n_sites, n_species, widths[0]) / 3,
        mover=mover if reads_mover else np.zeros_like(mover),
        bias=array(widths[0]),
        hidden=tuple((array(a, b), array(b)) for a, b in pairwise(widths)),
        out_weight=array(widths[-1]) / 3,
        out_bias=float(rng.normal()),
    )


def random_balanced(structure="bcc", shells=8, elements=("Nb", "Mo", "Ta"), seed=0):
    rng, n = np.random.default_rng(seed), len(elements)
    union, one_direction = (EnvironmentSpec(structure, shells, kind) for kind in ("union", "initial"))
    s_vac = random_stack(rng, one_direction.orbits.max() + 1, n, (8,), False)
    pair = rng.normal(0, 0.05, (shells, n + 1, n + 1))
    n_orbits = union.orbits.max() + 1
    return BalancedModel(
        elements=elements,
        structure=structure,
        shells=shells,
        pair_eV=pair + pair.transpose(0, 2, 1),
        kra_mover_eV=rng.normal(1.5, 0.2, n),
        kra_linear_eV=rng.normal(0, 0.02, (n, n_orbits, n)),
        kra=random_stack(rng, union.n_env, n, (16, 8), True),
        s_vac=replace(s_vac, table=s_vac.table[one_direction.orbits]),
        description={"source": "invented"},
    )


def random_mlp(structure="bcc", shells=8, elements=("Nb", "Mo", "Ta"), seed=0):
    n_env = EnvironmentSpec(structure, shells, "initial").n_env
    network = random_stack(np.random.default_rng(seed), n_env, len(elements), (16, 8), False)
    return MlpModel(elements, structure, shells, network, {"source": "invented"})


@pytest.fixture(scope="session")
def make_balanced():
    return random_balanced


@pytest.fixture(params=["detailed-balance", "mlp"])
def make_model(request):
    return {"detailed-balance": random_balanced, "mlp": random_mlp}[request.param]
