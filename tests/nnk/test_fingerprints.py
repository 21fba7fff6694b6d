"""Fingerprints against the formulas written as loops over atoms, and their invariances."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.aev import AevParameters, make_tables
from nnk.environment import EnvironmentSpec, gather
from nnk.fingerprints import Fingerprints
from nnk.lattice import Lattice

CASES = pytest.mark.parametrize(
    ("structure", "shells", "a_A", "cutoff_A"),
    [("bcc", 2, 3.24, 3.5), ("fcc", 2, 3.6, 4.0), ("bcc", 5, 3.24, 6.0), ("fcc", 5, 3.57, 6.0)],
)
KINDS = pytest.mark.parametrize("surroundings", ["state", "transition"])
FEW = {"radial_shifts": 3, "angular_shifts": 2, "angles": 3, "zeta": 8.0}


def f_C(R, R_C):
    return 0.5 * math.cos(math.pi * R / R_C) + 0.5 if R <= R_C else 0.0


def by_loops(atoms, n_species, R_C, parameters):
    """Equations 17 to 19 for `atoms`, a list of (species, vector from the vacancy)."""
    p = parameters
    step = {
        kind: (R_C - p.first_shift_A) / count
        for kind, count in (("R", p.radial_shifts), ("A", p.angular_shifts))
    }
    radial = np.zeros((n_species, p.radial_shifts))
    for X, r in atoms:
        R = math.dist(r, (0, 0, 0))
        for m in range(p.radial_shifts):
            R_s = p.first_shift_A + m * step["R"]
            radial[X - 1, m] += math.exp(-p.radial_eta_per_A2 * (R - R_s) ** 2) * f_C(R, R_C)
    pairs = [(X, Y) for X in range(1, n_species + 1) for Y in range(X, n_species + 1)]
    angular = np.zeros((len(pairs), p.angles, p.angular_shifts))
    for j, (X, r) in enumerate(atoms):
        for Y, s in atoms[j + 1 :]:
            R, S = math.dist(r, (0, 0, 0)), math.dist(s, (0, 0, 0))
            theta = math.acos(max(-1.0, min(1.0, float(np.dot(r, s)) / (R * S))))
            for t in range(p.angles):
                theta_s = (t + 0.5) * math.pi / p.angles
                lobe = 2 ** (1 - p.zeta) * (1 + math.cos(theta - theta_s)) ** p.zeta
                for m in range(p.angular_shifts):
                    R_s = p.first_shift_A + m * step["A"]
                    peak = math.exp(-p.angular_eta_per_A2 * ((R + S) / 2 - R_s) ** 2)
                    pair = pairs.index((min(X, Y), max(X, Y)))
                    angular[pair, t, m] += lobe * peak * f_C(R, R_C) * f_C(S, R_C)
    return np.concatenate([radial.ravel(), angular.ravel()])


def atoms_around(lattice, occupancy, vacancy, ends, cutoff_A):
    """Atoms within the cutoff of any of the sites `ends`, seen from `vacancy`."""
    found = []
    for site in np.flatnonzero(occupancy):
        relative = [lattice.positions_A[site] - lattice.positions_A[end] for end in (vacancy, *ends)]
        relative = [r - lattice.box_A * np.round(r / lattice.box_A) for r in relative]
        if min(np.linalg.norm(r) for r in relative[1:]) <= cutoff_A:
            found.append((int(occupancy[site]), relative[0]))
    return found


def random_jump(structure, shells, seed, n_species=3, cells=(6, 6, 6), a_A=3.5):
    """A lattice, the occupancy before a jump, its ends and direction, and the union environment and mover."""
    rng, lattice = np.random.default_rng(seed), Lattice(structure, cells, a_A)
    occupancy = rng.integers(1, n_species + 1, lattice.n_sites).astype(np.uint8)
    start, jump = int(rng.integers(lattice.n_sites)), int(rng.integers(lattice.z))
    occupancy[start] = 0
    species, mover = gather(EnvironmentSpec(structure, shells, "union"), lattice, occupancy, start)
    return lattice, occupancy, start, jump, torch.from_numpy(species), torch.from_numpy(mover)


def random_batch(structure, shells, n_species, seed, lowest=1):
    generator = torch.Generator().manual_seed(seed)
    shape = (4, EnvironmentSpec(structure, shells, "union").n_env)
    species = torch.randint(lowest, n_species + 1, shape, dtype=torch.uint8, generator=generator)
    return species, torch.randint(1, n_species + 1, (4,), dtype=torch.uint8, generator=generator)


@CASES
@KINDS
def test_fingerprints_of_both_states_in_a_crystal(structure, shells, a_A, cutoff_A, surroundings):
    lattice, occupancy, start, jump, species, mover = random_jump(structure, shells, 1, a_A=a_A)
    end = int(lattice.neighbours[start, jump])
    parameters = AevParameters(cutoff_A=cutoff_A, **FEW)
    R_C = cutoff_A
    if surroundings == "transition":
        R_C += a_A * (math.sqrt(3) / 2 if structure == "bcc" else math.sqrt(0.5))
    fingerprints = Fingerprints(
        structure, shells, a_A, n_species=3, surroundings=surroundings, parameters=parameters
    )
    found = fingerprints(species, mover)
    for vacancy, state in zip((start, end), found, strict=True):
        assert state.shape == (lattice.z, fingerprints.n_features)
        ends = (start, end) if surroundings == "transition" else (vacancy,)
        atoms = atoms_around(lattice, occupancy, vacancy, ends, cutoff_A)
        np.testing.assert_allclose(state[jump], by_loops(atoms, 3, R_C, parameters), rtol=2e-6, atol=1e-9)
        occupancy[start], occupancy[end] = occupancy[end], 0


@KINDS
@settings(deadline=None, max_examples=10)
@given(n_species=st.integers(1, 5), seed=st.integers(0, 2**31))
def test_counts_and_matrix_products_agree(surroundings, n_species, seed):
    """With empty sites too: those that are no atom add nothing."""
    fingerprints = Fingerprints(
        "fcc", 3, 3.6, n_species=n_species, surroundings=surroundings, parameters=AevParameters(4.5)
    )
    species, mover = random_batch("fcc", 3, n_species, seed, lowest=0)
    sites = torch.cat([species, mover[:, None]], dim=1)[:, fingerprints.before]
    for counted, contracted in zip(fingerprints.counted(sites), fingerprints.contracted(sites), strict=True):
        torch.testing.assert_close(counted, contracted, rtol=1e-5, atol=1e-6)


@CASES
def test_a_state_is_the_same_from_every_jump(structure, shells, a_A, cutoff_A):
    """Kolmogorov fingerprints of the initial state: one vector to the last bit, whatever the jump's frame."""
    *_, species, mover = random_jump(structure, shells, 2)
    fingerprints = Fingerprints(
        structure, shells, a_A, n_species=3, surroundings="state", parameters=AevParameters(cutoff_A)
    )
    before, after = fingerprints(species, mover)
    assert (before == before[0]).all()
    assert len(torch.unique(after, dim=0)) == len(after)


@CASES
@KINDS
def test_the_reverse_jump_exchanges_the_two(structure, shells, a_A, cutoff_A, surroundings):
    fingerprints = Fingerprints(
        structure, shells, a_A, n_species=3, surroundings=surroundings, parameters=AevParameters(cutoff_A)
    )
    species, mover = random_batch(structure, shells, 3, seed=3)
    before, after = fingerprints(species, mover)
    inversion = EnvironmentSpec(structure, shells, "union").inversion
    again_after, again_before = fingerprints(species[:, inversion], mover)
    assert torch.equal(before, again_before)
    assert torch.equal(after, again_after)
    assert not torch.equal(before, after)


@CASES
@KINDS
def test_symmetric_surroundings_have_the_same_fingerprints(structure, shells, a_A, cutoff_A, surroundings):
    fingerprints = Fingerprints(
        structure, shells, a_A, n_species=3, surroundings=surroundings, parameters=AevParameters(cutoff_A)
    )
    species, mover = random_batch(structure, shells, 3, seed=4)
    plain = fingerprints(species, mover)
    for columns in EnvironmentSpec(structure, shells, "union").symmetry:
        for one, other in zip(plain, fingerprints(species[:, columns], mover), strict=True):
            assert torch.equal(one, other)
    elsewhere = fingerprints(species.roll(1, dims=1), mover)
    assert not torch.equal(plain[0], elsewhere[0])


@KINDS
def test_the_order_of_the_sites_does_not_matter(surroundings):
    """Tables of shuffled sites count the same."""
    fingerprints = Fingerprints(
        "bcc", 3, 3.24, n_species=2, surroundings=surroundings, parameters=AevParameters(4.6)
    )
    species, mover = random_batch("bcc", 3, 2, seed=5)
    plain, _ = fingerprints(species, mover)
    order = torch.randperm(len(fingerprints.before), generator=torch.Generator().manual_seed(6))
    tables, place = fingerprints.tables, torch.argsort(order).numpy()
    for name in ("first", "second"):
        getattr(tables, name)[:] = place[getattr(tables, name)]
    tables.site_class[:] = tables.site_class[order.numpy()]
    sites = torch.cat([species, mover[:, None]], dim=1)[:, fingerprints.before]
    assert torch.equal(fingerprints.of_sites(sites[:, order]), plain)


def test_one_pair_of_atoms():
    """Two atoms of the first bcc shell, opposite each other: theta = pi."""
    parameters = AevParameters(
        cutoff_A=4.0, first_shift_A=0.5, radial_shifts=1, angular_shifts=1, angles=1, zeta=2.0
    )
    fingerprints = Fingerprints("bcc", 3, 4.0, n_species=2, surroundings="state", parameters=parameters)
    offsets = EnvironmentSpec("bcc", 3, "initial").canonical[: len(fingerprints.before)].tolist()
    sites = torch.zeros((1, len(offsets)), dtype=torch.uint8)
    sites[0, offsets.index([1, 1, 1])], sites[0, offsets.index([-1, -1, -1])] = 2, 1
    R = 2 * math.sqrt(3)
    cutoff = 0.5 * (1 + math.cos(math.pi * R / 4))
    radial = math.exp(-16 * (R - 0.5) ** 2) * cutoff
    angular = 0.5 * math.exp(-4 * (R - 0.5) ** 2) * cutoff**2  # 2^-1 (1 + cos(pi - pi/2))^2
    expected = torch.tensor([[radial, radial, 0, angular, 0]])
    torch.testing.assert_close(fingerprints.of_sites(sites), expected, rtol=1e-5, atol=0)


def test_moments_are_those_of_random_surroundings():
    fingerprints = Fingerprints("fcc", 5, 3.57, n_species=2, surroundings="state")
    mean, deviation = fingerprints.moments()
    species, mover = (
        torch.cat(parts) for parts in zip(*[random_batch("fcc", 5, 2, s) for s in range(250)], strict=True)
    )
    features = torch.cat(fingerprints(species, mover))
    used = deviation > 0
    error = (features.mean(0) - mean)[used] / deviation[used]
    assert error.abs().max() < 0.15
    assert ((features.std(0)[used] / deviation[used]).log().abs() < 0.15).all()


def test_classes_are_few():
    tables = make_tables("fcc", 5, 3.57, surroundings="state", parameters=AevParameters())
    assert len(tables.site_class) == 78
    assert len(tables.first) == 78 * 77 // 2
    assert (len(tables.radial), len(tables.angular)) == (5, 93)


def test_refused_input():
    with pytest.raises(ValueError, match=r"shell 6 of fcc with a_A=3.4 is at 5.889 Å, but only 5"):
        Fingerprints("fcc", 5, 3.4, n_species=2, surroundings="state")
    with pytest.raises(ValueError, match="surroundings 'both': allowed are state, transition"):
        Fingerprints("fcc", 5, 3.6, n_species=2, surroundings="both")
    with pytest.raises(ValueError, match="no pair of atoms of bcc"):
        Fingerprints("bcc", 1, 3.0, n_species=2, surroundings="state", parameters=AevParameters(2.5))
    sites = torch.full((1, 78), 3, dtype=torch.uint8)
    with pytest.raises(ValueError, match="species 3: expected numbers up to 2"):
        Fingerprints("fcc", 5, 3.6, n_species=2, surroundings="state").of_sites(sites)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cutoff_A": -1.0}, "cutoff_A=-1.0: expected a positive number"),
        ({"zeta": math.nan}, "zeta=nan: expected a positive number"),
        ({"angles": 0}, "angles=0: expected 1 or more"),
        ({"first_shift_A": 6.0}, "first_shift_A=6.0: expected 0 to cutoff_A=6.0"),
    ],
)
def test_refused_parameters(change, message):
    with pytest.raises(ValueError, match=message):
        AevParameters(**change)
