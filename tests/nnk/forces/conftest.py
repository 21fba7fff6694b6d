"""Snapshots of a small bcc cell in the built-in potential: sites and random displacements."""

import numpy as np
import pytest

from nnk.lattice import Lattice
from nnk.potentials import Builtin, make_force_field
from nnk.snapshots import SnapshotSet

ELEMENTS = ("Ta", "Nb", "Mo")
WIDTH_A = {300.0: 0.08, 900.0: 0.16}


def make_snapshots(per_trajectory=10, trajectories=5, seed=0):
    generator = np.random.default_rng(seed)
    lattice = Lattice("bcc", (2, 2, 2), 3.25)
    species = generator.permutation(np.arange(lattice.n_sites) % 3 + 1).astype(np.uint8)
    temperature = np.repeat(list(WIDTH_A), trajectories * per_trajectory)
    width = np.repeat(list(WIDTH_A.values()), trajectories * per_trajectory)
    n = len(temperature)
    positions = lattice.positions_A + width[:, None, None] * generator.normal(size=(n, lattice.n_sites, 3))
    force_field = make_force_field(Builtin())
    force_field.set([ELEMENTS[i - 1] for i in species], lattice.box_A)
    found = [force_field.energy_forces(at) for at in positions]
    step = np.tile(np.arange(per_trajectory), 2 * trajectories)
    return SnapshotSet(
        elements=ELEMENTS,
        species=species,
        cell_A=lattice.box_A,
        a_A=3.25,
        positions_A=positions,
        forces_eV_A=np.array([forces for _, forces in found]),
        energy_eV=np.array([energy for energy, _ in found]),
        temperature_K=temperature,
        kinetic_K=temperature,
        trajectory=np.arange(n) // per_trajectory,
        step=step,
        time_ps=0.1 * step,
        attrs={"potential": "zhou-eam"},
    )


@pytest.fixture(scope="session")
def snapshots():
    """A hundred snapshots of 16 atoms, displaced at random: ten trajectories of two temperatures."""
    return make_snapshots()
