"""Labels of an invented alloy, on either lattice, of any number of elements."""

import numpy as np
import pytest

from nnk.alloy import composition_name
from nnk.barriers import BarrierSet
from nnk.environment import EnvironmentSpec, gather_jumps
from nnk.lattice import Lattice
from nnk.models.linear import half_pair_difference
from nnk.models.program import linear_energy

ELEMENTS = ("Nb", "Mo", "Ta", "W", "V")
SHELLS = 2
CELLS = {"bcc": (4, 4, 4), "fcc": (3, 3, 3)}
A_A = {"bcc": 3.2, "fcc": 3.6}


def make_labels(structure="bcc", n_species=3, vacancies=6, seed=0, backward=True):
    """Pair energies for the states and sums over near sites for the symmetric barrier, in two samples."""
    rng = np.random.default_rng(seed)
    lattice = Lattice(structure, CELLS[structure], A_A[structure])
    occupancy = rng.integers(1, n_species + 1, (2, lattice.n_sites)).astype(np.uint8)
    site = np.concatenate([rng.choice(lattice.n_sites, vacancies, replace=False) for _ in occupancy])
    sample, site = np.repeat([0, 1], vacancies * lattice.z), np.repeat(site, lattice.z)
    m, jump = len(sample), np.tile(np.arange(lattice.z), 2 * vacancies)
    union = EnvironmentSpec(structure, SHELLS, "union")
    species, mover = gather_jumps(union, lattice, occupancy, sample, site, jump)
    law = np.random.default_rng(99)
    rows = law.normal(0, 0.02, (n_species, union.orbits.max() + 1, n_species))[:, union.orbits]
    pair = law.normal(0, 0.02, (SHELLS, n_species + 1, n_species + 1))
    kra = law.normal(1.2, 0.2, n_species)[mover - 1] + linear_energy(rows, mover, species)
    half = half_pair_difference(structure, SHELLS, pair + pair.transpose(0, 2, 1))
    change = linear_energy(half, mover, species)
    fractions = (
        np.stack([np.bincount(row, minlength=n_species + 1)[1:] for row in occupancy]) / lattice.n_sites
    )
    names = [composition_name(dict(zip(ELEMENTS, row, strict=False))) for row in fractions]
    return BarrierSet(
        elements=ELEMENTS[:n_species],
        structure=structure,
        cells=lattice.cells,
        occupancy=occupancy,
        a_A=np.full(2, lattice.a_A),
        sample_key=tuple(f"{name}/s{i:04d}" for i, name in enumerate(names)),
        composition=fractions,
        sample=sample,
        vacancy_site=site,
        jump=jump,
        E_fwd_eV=kra + change,
        E_bwd_eV=kra - change if backward else np.full(m, np.nan),
        curvature_eV_A2=np.full(m, -1.0),
        residual_force_eV_A=np.full(m, 0.01),
        calls=np.full(m, 40.0),
        flag=np.zeros(m),
        method=np.zeros(m),
        n_saddles=np.ones(m),
        item_hash=("0" * 32,) * m,
        attrs={"potential": "invented"},
    )


@pytest.fixture(scope="session")
def labels():
    return make_labels


@pytest.fixture(scope="session")
def shells():
    return SHELLS
