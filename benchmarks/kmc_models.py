"""A detailed-balance model with barriers like the published network's, for timing.

Its linear parts are fitted to the network's own barriers in random states; its small networks have the
default sizes of the suite and random weights, scaled to next to nothing: they cost what trained ones cost.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from nnk.environment import EnvironmentSpec, gather_jumps, initial_columns
from nnk.lattice import Lattice
from nnk.models import BalancedModel, MlpModel
from nnk.models.program import DenseStack
from nnk.networks.balanced import rows_of
from nnk.networks.options import BalancedOptions
from nnk.training.data import JumpData
from nnk.training.ridge import fit_linear_parts

_STATES, _RIDGE, _SCALE = 1500, 10.0, 1e-3


def random_labels(network: MlpModel, lattice: Lattice) -> JumpData:
    """Both barriers of all jumps of vacancies in random equimolar states."""
    rng, n, z = np.random.default_rng(0), len(network.elements), lattice.z
    occupancies = rng.integers(1, n + 1, (_STATES, lattice.n_sites)).astype(np.uint8)
    sample, jump = np.repeat(np.arange(_STATES), z), np.tile(np.arange(z), _STATES)
    site = np.repeat(rng.integers(lattice.n_sites, size=_STATES), z)
    union = EnvironmentSpec(network.structure, network.shells, "union")
    species, mover = gather_jumps(union, lattice, occupancies, sample, site, jump)
    with_mover = np.concatenate([species, mover[:, None]], axis=1)
    before, after = initial_columns(network.structure, network.shells)
    names = np.array([f"s{i}" for i in sample])
    return JumpData(
        elements=network.elements,
        structure=network.structure,
        shells=network.shells,
        species=species,
        mover=mover,
        jump=jump.astype(np.uint8),
        E_fwd_eV=network.predict(with_mover[:, before], mover),
        E_bwd_eV=network.predict(with_mover[:, after], mover),
        flag=np.zeros(len(mover), dtype=np.uint8),
        group=sample,
        composition=np.full(len(mover), "equimolar"),
        sample=names,
        vacancy_site=site,
        a_A=lattice.a_A,
        hash="",
    )


def random_stack(n_sites: int, n_species: int, widths: tuple[int, ...], *, reads_mover: bool) -> DenseStack:
    """A network with random weights and a small output."""
    rng = np.random.default_rng(1)

    def array(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32) / np.float32(np.sqrt(shape[0]))

    hidden = tuple((array(a, b), array(b)) for a, b in pairwise(widths))
    mover = array(n_species, widths[0]) * np.float32(reads_mover)
    out = np.float32(_SCALE) * array(widths[-1])
    return DenseStack(array(n_sites, n_species, widths[0]), mover, array(widths[0]), hidden, out, 0.0)


def balanced_like(network: MlpModel, lattice: Lattice) -> BalancedModel:
    """The model; see this module."""
    data, sizes, n = random_labels(network, lattice), BalancedOptions(), len(network.elements)
    linear = fit_linear_parts(data, np.arange(len(data)), _RIDGE)
    rows, state_rows = rows_of(data.setting)
    kra = random_stack(int(rows.max()) + 1, n, sizes.hidden, reads_mover=True)
    s_vac = random_stack(int(state_rows.max()) + 1, n, sizes.state_hidden, reads_mover=False)
    return BalancedModel(
        elements=network.elements,
        structure=network.structure,
        shells=network.shells,
        pair_eV=linear.pair_eV,
        kra_mover_eV=linear.kra_mover_eV,
        kra_linear_eV=linear.kra_linear_eV,
        kra=replace(kra, table=kra.table[rows]),
        s_vac=replace(s_vac, table=s_vac.table[state_rows]),
    )
