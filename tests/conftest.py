"""Fixtures of the whole suite."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from nnk.lattice import Lattice

settings.register_profile("suite", deadline=None)  # two lanes and whatever else goes on share the machine
settings.load_profile("suite")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Who deals tests out to lanes, where they run in several."""
    from tests.lanes import Lanes

    return Lanes(config, log)


def pytest_terminal_summary(terminalreporter):
    """How many faults there were, of which kinds, and by which seed, in all lanes."""
    struck = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            struck.update(name for kind, name in report.user_properties if kind == "fault")
    if struck:
        seed = os.environ.get("NNK_FAULT_SEED", "1")
        kinds = ", ".join(f"{count} {name}" for name, count in sorted(struck.items()))
        terminalreporter.write_line(f"faults injected: {struck.total()}, seed {seed}: {kinds}")


@pytest.fixture(scope="session")
def nnk_data():
    """Published data outside the project: $NNK_DATA, or ../shared/data beside it."""
    default = Path(__file__).parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("NNK_DATA", default)).resolve()
    if not folder.is_dir():
        pytest.skip(f"published data: no folder {folder} (set NNK_DATA)")
    return folder


@pytest.fixture(scope="session")
def nkk_weights(nnk_data):
    """The published network's weights."""
    path = nnk_data / "nkk" / "weights.npy"
    if not path.is_file():
        pytest.skip(f"published network: no file {path}")
    return path


def _made_up_eV(species, neighbours, site, other):
    """A barrier that the moving species and the vacancy's neighbours decide."""
    return 0.5 + 0.1 * species[other] + 0.02 * species[neighbours[site]].sum()


@pytest.fixture(scope="session")
def write_dft():
    """Writes a folder of made-up barriers in the form of the published set by density functional theory.

    (root, name, atoms of each element, seed, changed barriers by row and column)
    """

    def write(root, name, counts, seed, changed=None):
        generator = np.random.default_rng(seed)
        lattice = Lattice.bcc((4, 4, 4), 3.2)
        order = generator.permutation(lattice.n_sites)  # atoms in another order than sites
        atom, species = np.argsort(order), np.empty(lattice.n_sites, dtype=int)
        species[order] = np.repeat(np.arange(len(counts)), list(counts.values()))
        rows = [sorted((int(atom[n]) + 1 for n in lattice.neighbours[site]), key=str) for site in order]
        energies = np.array(
            [
                [_made_up_eV(species, lattice.neighbours, site, order[one - 1]) for one in row]
                for site, row in zip(order, rows, strict=True)
            ]
        )
        for place, energy_eV in (changed or {}).items():
            energies[place] = energy_eV
        folder = root / name
        folder.mkdir(parents=True)
        positions = "\n".join(" ".join(f"{x / 8:.9f}" for x in lattice.coordinates[s]) for s in order)
        head = f"made up\n2.0\n6.4 0 0\n0 6.4 0\n0 0 6.4\n {' '.join(counts)}\n"
        numbers = " ".join(map(str, counts.values()))
        (folder / "POSCAR").write_text(f"{head} {numbers}\nDirect\n{positions}\n")
        (folder / "atomid_for_NN.txt").write_text("\n".join(" ".join(map(str, row)) for row in rows))
        np.savetxt(folder / "barrier_for_NN.txt", energies, fmt="%.9f")
        return folder

    return write
