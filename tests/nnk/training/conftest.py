"""Labels with a known law: pair energies for the states, sums over near sites for the symmetric barrier."""

import numpy as np
import pytest

from nnk.alloy import composition_name, exact_counts, random_solution
from nnk.barriers import BarrierSet, Flag
from nnk.environment import EnvironmentSpec, gather_jumps
from nnk.lattice import Lattice
from nnk.models.linear import half_pair_difference
from nnk.models.program import linear_energy

ELEMENTS = ("Nb", "Mo", "Ta")
COMPOSITIONS = [(0.4, 0.3, 0.3), (0.2, 0.6, 0.2), (0.2, 0.2, 0.6), (0.6, 0.2, 0.2)]
SHELLS = 2


def states(vacancies, cells, seed):
    rng = np.random.default_rng(seed)
    n_sites = Lattice.bcc(cells, 1.0).n_sites
    occupancy = np.array([random_solution(exact_counts(x, n_sites), rng) for x in COMPOSITIONS])
    sites = np.array([rng.choice(n_sites, vacancies, replace=False) for _ in COMPOSITIONS])
    sample = np.repeat(np.arange(len(COMPOSITIONS)), vacancies * 8)
    jump = np.tile(np.arange(8), vacancies * len(COMPOSITIONS))
    return occupancy, sample, np.repeat(sites.reshape(-1), 8), jump


def law(seed):
    """Pair energies and KRA rows of the invented alloy, eV."""
    rng = np.random.default_rng(seed)
    pair = rng.normal(0, 0.02, (SHELLS, 4, 4))
    union = EnvironmentSpec("bcc", SHELLS, "union")
    kra = rng.normal(0, 0.02, (3, union.orbits.max() + 1, 3))
    return pair + pair.transpose(0, 2, 1), kra[:, union.orbits], np.array([1.0, 1.6, 1.2])


def make_labels(vacancies=12, cells=(4, 4, 4), seed=0, curvature=0.0):
    """Labels of the invented law; `curvature` bends KRA so that it is no longer linear."""
    occupancy, sample, site, jump = states(vacancies, cells, seed)
    lattice, union = Lattice.bcc(cells, 1.0), EnvironmentSpec("bcc", SHELLS, "union")
    species, mover = gather_jumps(union, lattice, occupancy, sample, site, jump)
    pair, rows, constant = law(99)
    linear = linear_energy(rows, mover, species)
    kra = constant[mover - 1] + linear + curvature * linear**2
    half = linear_energy(half_pair_difference("bcc", SHELLS, pair), mover, species)
    m = len(jump)
    flag = np.where(np.arange(m) % 37 == 5, Flag.FAILED, Flag.OK)
    failed = flag == Flag.FAILED
    names = [composition_name(dict(zip(ELEMENTS, x, strict=True))) for x in COMPOSITIONS]
    return BarrierSet(
        elements=ELEMENTS,
        structure="bcc",
        cells=cells,
        occupancy=occupancy,
        a_A=np.full(len(occupancy), 3.2),
        sample_key=tuple(f"{name}/s0000" for name in names),
        composition=np.array(COMPOSITIONS),
        sample=sample,
        vacancy_site=site,
        jump=jump,
        E_fwd_eV=np.where(failed, np.nan, kra + half),
        E_bwd_eV=np.where(failed, np.nan, kra - half),
        curvature_eV_A2=np.full(m, -1.0),
        residual_force_eV_A=np.full(m, 0.01),
        calls=np.full(m, 40.0),
        flag=flag,
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


@pytest.fixture(scope="session")
def invented_law():
    return law(99)
