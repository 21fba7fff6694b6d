"""Curves, tables and parity of force models, from models that were trained on a harmonic crystal."""

import csv

import numpy as np
import pytest

from analysis.command import make
from analysis.forces import analyse
from analysis.inputs import MissingInput
from nnk.alloy import composition_name
from nnk.files import Workdir
from nnk.forces import ForceSpec, ForceTraining
from nnk.forces.fit import train_forces
from nnk.snapshots import SnapshotSet

FRACTIONS = {"Ta": 0.5, "Nb": 0.5}
NAME = composition_name(FRACTIONS)
CAMPAIGN = """
seed: 1
snapshots: {compositions: [{Ta: 0.5, Nb: 0.5}]}
forces: {models: [{name: linear}, {name: dense}, {name: absent}]}
"""


def harmonic(n=60, n_atoms=4):
    generator = np.random.default_rng(0)
    moved = 0.1 * generator.normal(size=(n, n_atoms, 3))
    temperature = np.repeat([300.0, 900.0], n // 2)
    return SnapshotSet(
        elements=("Ta", "Nb"),
        species=np.array([1, 2, 1, 2], dtype=np.uint8),
        cell_A=np.full(3, 6.0),
        a_A=3.0,
        positions_A=generator.uniform(0, 6, (n_atoms, 3)) + moved,
        forces_eV_A=-3.0 * moved,
        energy_eV=1.5 * (moved**2).sum((1, 2)),
        temperature_K=temperature,
        kinetic_K=temperature,
        trajectory=np.arange(n) // 6,
        step=np.arange(n) % 6,
        time_ps=0.1 * (np.arange(n) % 6),
    )


@pytest.fixture
def workdir(tmp_path):
    found = Workdir(tmp_path)
    found.campaign_file.write_text(CAMPAIGN)
    return found


def rows(workdir, name):
    with (workdir.tables / name).open() as file:
        return list(csv.DictReader(file))


def test_models_side_by_side(workdir):
    for name, options in (("linear", {}), ("dense", {"hidden": (8,)})):
        training = ForceTraining(epochs=3, batch_size=8, split="random" if name == "dense" else "blocks")
        spec = ForceSpec(name, name, options)
        train_forces(harmonic(), spec, training, workdir.force_model_dir(f"{NAME}/{name}"))
    paths = {path.name for path in make(workdir, analyse)}
    figures = {f"forces-{NAME}-{what}.pdf" for what in ("losses", "temperature", "linear", "dense")}
    assert figures <= paths
    linear, dense = rows(workdir, f"forces-{NAME}.csv")
    assert float(linear["pearson"]) > 0.999  # the crystal is harmonic
    assert (linear["epochs"], dense["epochs"]) == ("0", "3")
    assert dense["split"] == "random"
    assert linear["drift_eV_per_atom_ps"] == ""
    assert len(rows(workdir, f"forces-{NAME}-history.csv")) == 3
    assert len(rows(workdir, f"forces-{NAME}-quartiles.csv")) == 2 * 3 * 3
    provenance = (workdir.figures / "forces.json").read_text()
    assert f"{NAME}/absent has not been trained yet" in provenance
    assert "dense were tested on neighbours in time" in provenance


def test_nothing_trained_is_said_to_be_so(workdir):
    with pytest.raises(MissingInput, match="holds no trained force model"):
        make(workdir, analyse)
