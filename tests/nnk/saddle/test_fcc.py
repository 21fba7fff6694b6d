"""Labels on the fcc lattice: Cu-Ni by the EAM that LAMMPS ships."""

from pathlib import Path

import numpy as np
import pytest

from nnk.alloy import exact_counts, random_solution, with_vacancy
from nnk.barriers import Flag
from nnk.lattice import Lattice, reverse_jump
from nnk.potentials import Lammps, make_force_field
from nnk.saddle import SearchParameters, fit_system, label_vacancy
from nnk.saddle.audit import audit_label

ELEMENTS = ("Cu", "Ni")
VEGARD_A = np.array([3.615, 3.52])
PARAMETERS = SearchParameters(max_force_eV_A=0.01)


@pytest.fixture(scope="module")
def cu_ni():
    lammps = pytest.importorskip("lammps", reason="Cu-Ni is evaluated by LAMMPS (extra `local`)")
    file = Path(lammps.__file__).parent / "share" / "lammps" / "potentials" / "CuNi.eam.alloy"
    if not file.is_file():
        pytest.skip(f"no {file}: this LAMMPS comes without its potentials")
    return Lammps("eam/alloy", ("* * CuNi.eam.alloy Cu Ni",), (file,), ELEMENTS)


@pytest.fixture(scope="module")
def engine(cu_ni):
    force_field = make_force_field(cu_ni)
    yield force_field
    force_field.close()


@pytest.fixture(scope="module")
def system(cu_ni):
    return fit_system(cu_ni, ELEMENTS, "fcc", seed=1)


def sample(fractions, cells=(4, 4, 4), seed=0):
    """A random alloy in a box by Vegard's rule."""
    lattice = Lattice.fcc(cells, float(VEGARD_A @ fractions))
    return lattice, random_solution(exact_counts(fractions, lattice.n_sites), np.random.default_rng(seed))


def reverse_differences_eV(engine, system, lattice, occupancy, site, jumps):
    """Backward barrier of each jump minus the forward one of its reverse, labelled from scratch."""
    state = with_vacancy(occupancy, site)
    labels = label_vacancy(engine, lattice, state, ELEMENTS, system, PARAMETERS)
    assert np.isin(labels.flag, (Flag.OK, Flag.SPLIT)).all()
    found = []
    for jump in jumps:
        target = int(lattice.neighbours[site, jump])
        after = state.copy()
        after[site], after[target] = state[target], 0
        back = label_vacancy(engine, lattice, after, ELEMENTS, system, PARAMETERS)
        found.append(back.E_fwd_eV[reverse_jump("fcc", jump)] - labels.E_bwd_eV[jump])
    return found


def test_twelve_jumps_of_pure_copper(engine, system):
    lattice = Lattice.fcc((4, 4, 4), 3.615)
    copper = with_vacancy(np.ones(lattice.n_sites, dtype=np.uint8), 17)
    labels = label_vacancy(engine, lattice, copper, ELEMENTS, system, PARAMETERS)
    assert labels.flag.tolist() == [Flag.OK] * 12
    assert np.ptp(labels.E_fwd_eV) < 1e-4
    np.testing.assert_allclose(labels.E_fwd_eV, labels.E_bwd_eV, atol=5e-4)
    assert labels.E_fwd_eV[0] == pytest.approx(0.7, abs=0.1)  # measured on copper: 0.70 eV
    assert np.median(labels.calls) < 38


def test_reverse_jumps_from_scratch(engine, system):
    lattice, occupancy = sample([0.5, 0.5])
    differences = reverse_differences_eV(engine, system, lattice, occupancy, 30, [0, 5, 10])
    assert np.abs(differences).max() < 2e-3


def test_an_elastic_band_agrees(engine, system):
    lattice, occupancy = sample([0.25, 0.75], (3, 3, 3), seed=2)
    state = with_vacancy(occupancy, 5)
    labels = label_vacancy(engine, lattice, state, ELEMENTS, system, PARAMETERS)
    audit = audit_label(engine, lattice, state, ELEMENTS, 3, system, PARAMETERS)
    assert audit.negative_modes == 1
    assert audit.E_fwd_eV == pytest.approx(labels.E_fwd_eV[3], abs=1e-3)
    assert audit.E_bwd_eV == pytest.approx(labels.E_bwd_eV[3], abs=1e-3)


@pytest.mark.physics
def test_fifty_reverse_jumps_from_scratch(engine, system):
    differences = []
    for seed, fractions in enumerate(([0.5, 0.5], [0.25, 0.75], [0.75, 0.25])):
        lattice, occupancy = sample(fractions, seed=seed)
        for site in (3, 200):
            differences += reverse_differences_eV(engine, system, lattice, occupancy, site, range(12))
    assert len(differences) >= 50
    assert np.abs(differences).max() < 2e-3
