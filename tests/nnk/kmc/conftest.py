"""Small random models, starts, and a slow engine that is right at a glance."""

import itertools
import math

import numpy as np
import pytest

from nnk.environment import EnvironmentSpec
from nnk.files import stream_key
from nnk.lattice import Lattice
from nnk.models.mlp import MlpModel
from nnk.models.program import BalancedProgram, DenseStack, evaluate

ELEMENTS = ("Nb", "Mo", "Ta")
K_B_eV_K = 8.617333262e-5


def random_stack(rng, n_sites, n_species, widths, scale=0.5):
    def array(*shape):
        return (scale * rng.standard_normal(shape)).astype(np.float32)

    hidden = tuple((array(a, b) / np.float32(a**0.5), array(b)) for a, b in itertools.pairwise(widths))
    table, mover = (
        array(n_sites, n_species, widths[0]) / np.float32(n_sites**0.5),
        array(n_species, widths[0]),
    )
    return DenseStack(table, mover, array(widths[0]), hidden, array(widths[-1]), 1.0)


def forward_model(structure="bcc", shells=8, n_species=3, widths=(24, 40), seed=0):
    rng = np.random.default_rng(seed)
    n_env = EnvironmentSpec(structure, shells, "initial").n_env
    elements = tuple(f"E{i}" for i in range(n_species)) if n_species != 3 else ELEMENTS
    return MlpModel(elements, structure, shells, random_stack(rng, n_env, n_species, widths))


class ProgramModel:
    """A program as the engine's model; the reference is `nnk.models.program.evaluate`."""

    detailed_balance = True

    def __init__(self, program, environment, elements):
        self.program, self.environment, self.elements = program, environment, elements

    def compiled(self):
        return self.program


def balanced_model(structure="bcc", shells=8, n_species=3, widths=(24, 16), seed=0):
    rng = np.random.default_rng(seed)
    union = EnvironmentSpec(structure, shells, "union")
    state = EnvironmentSpec(structure, shells, "state")
    program = BalancedProgram(
        structure,
        union.offsets,
        np.stack([np.arange(union.n_env), union.inversion, union.symmetry[-1]]),
        random_stack(rng, union.n_env, n_species, widths),
        0.01 * rng.standard_normal((n_species, union.n_env, n_species)),
        0.1 * rng.standard_normal(n_species),
        state.offsets[state.symmetry[[0, 5]]],
        random_stack(rng, state.n_env, n_species, widths[::-1]),
        0.01 * rng.standard_normal((n_species, union.n_env)),
    )
    return ProgramModel(program, union, tuple(f"E{i}" for i in range(n_species)))


def random_start(lattice, n_species=3, seed=1):
    rng = np.random.default_rng(seed)
    occupancy = rng.integers(1, n_species + 1, lattice.n_sites).astype(np.uint8)
    occupancy[rng.integers(lattice.n_sites)] = 0
    return occupancy


def philox4x32(counter, key):
    """Philox4x32-10 in Python's integers (Salmon et al. 2011)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c[0], 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c[2], 2**32)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return c


def naive_run(lattice, occupancy, model, *, temperature_K, jumps, seed, replica=0, first=0):
    """Directions, final occupancy and time, with nothing clever."""
    key = stream_key(seed, "kmc", float(temperature_K), replica)
    occupancy = occupancy.copy()
    time_s, directions = 0.0, []
    for number in range(first, first + jumps):
        site = int(np.flatnonzero(occupancy == 0)[0])
        barriers = evaluate(model.compiled(), lattice, occupancy, site)
        words = philox4x32((number % 2**32, number >> 32, 0, 0), (key % 2**32, key >> 32))
        u_jump, u_time = ((((a << 32 | b) >> 11) + 1) * 2.0**-53 for a, b in (words[:2], words[2:]))
        rates = 1e13 * np.exp(-barriers / (K_B_eV_K * temperature_K))
        jump = int(np.searchsorted(np.cumsum(rates) / rates.sum(), u_jump))
        time_s -= math.log(u_time) / rates.sum()
        target = lattice.neighbours[site, jump]
        occupancy[site], occupancy[target] = occupancy[target], 0
        directions.append(jump)
    return np.array(directions), occupancy, time_s


@pytest.fixture(scope="session")
def make_forward():
    return forward_model


@pytest.fixture(scope="session")
def make_balanced_program():
    return balanced_model


@pytest.fixture(scope="session")
def make_start():
    return random_start


@pytest.fixture(scope="session")
def slow_run():
    return naive_run


@pytest.fixture(scope="session")
def philox_reference():
    return philox4x32


@pytest.fixture
def small():
    """A lattice, a start and a model that runs fast: fcc, two shells."""
    lattice = Lattice.fcc((4, 4, 4), 3.6)
    return lattice, random_start(lattice, 2), forward_model("fcc", 2, 2, (8, 8))
