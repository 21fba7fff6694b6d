"""A small campaign with real products: labels from a random network, a trained model, kMC runs."""

import csv
import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from analysis import ANALYSES
from analysis.inputs import RunFile
from analysis.runs import run_of
from nnk.alloy import exact_counts, random_solution
from nnk.audit import AuditSet
from nnk.barriers import BarrierSet, Flag
from nnk.environment import EnvironmentSpec
from nnk.files import Workdir, append_record, rng
from nnk.kmc import KeyFrames, run
from nnk.lattice import Lattice
from nnk.models.mlp import MlpModel
from nnk.models.program import DenseStack

ELEMENTS = ("Nb", "Mo", "Ta")
CELLS = (5, 5, 5)
COMPOSITIONS = ({"Nb": 0.34, "Mo": 0.33, "Ta": 0.33}, {"Nb": 0.2, "Mo": 0.6, "Ta": 0.2})
NAMES = ("Nb34Mo33Ta33", "Nb20Mo60Ta20")
VACANCIES = 10
CASE = "Nb30Mo30Ta40"

CAMPAIGN = """\
schema_version: 1
name: small <campaign> & more
seed: 7
workdir: .
site: local
alloy: {elements: [Nb, Mo, Ta], lattice: bcc}
potential: {builtin: zhou-eam}
label:
  compositions: [{Nb: 0.34, Mo: 0.33, Ta: 0.33}, {Nb: 0.2, Mo: 0.6, Ta: 0.2}]
  cells: [5, 5, 5]
  vacancies_per_composition: 10
  max_force_eV_A: 0.02
train:
  models: [{name: main, kind: mlp, shells: 2}]
kmc:
  model: main
  cells: [5, 5, 5]
  compositions: [{Nb: 0.3, Mo: 0.3, Ta: 0.4}]
  start: random
  temperatures_K: [800.0, 2000.0]
  replicas: 2
  stop: {jumps: 400}
  attempt_frequency_Hz: 1.0e+13
  key_frames: {spacing: log, per_decade: 3}
analysis: [labels, training, parity, spectra, order, randomness, compare]
analysis_options:
  compare: {other: published.csv, label: read off a figure}
"""

PUBLISHED = """\
temperature_K,shell,a,b,delta_ab,delta_ab_error
800,1,Mo,Ta,1.5,0.1
800.0,1,Ta,Mo,1.1,
2000,1,Mo,Ta,0.25,0.05
3000,1,Mo,Ta,0.1,0.05
"""

OF_OTHER_CAMPAIGNS = ("farfield", "folds", "snapshots", "forces")  # of special labels, folds, or dynamics


def make_network(seed=3, shells=2, scale=0.25):
    """A small network with random weights, barriers around 1.5 eV."""
    generator = np.random.default_rng(seed)
    n_env = EnvironmentSpec("bcc", shells, "initial").n_env
    stack = DenseStack(
        table=generator.normal(0, scale, (n_env, 3, 16)).astype(np.float32),
        mover=np.zeros((3, 16), dtype=np.float32),
        bias=np.zeros(16, dtype=np.float32),
        hidden=(),
        out_weight=generator.normal(0, scale, 16).astype(np.float32),
        out_bias=1.5,
    )
    return MlpModel(ELEMENTS, "bcc", shells, stack)


def make_labels(network):
    """Labels of `VACANCIES` vacancies per composition, every outcome among them."""
    lattice = Lattice.bcc(CELLS, 3.3)
    generator = rng(1, "labels")
    occupancy, keys, forward, backward, site = [], [], [], [], []
    for name, composition in zip(NAMES, COMPOSITIONS, strict=True):
        counts = exact_counts([composition[e] for e in ELEMENTS], lattice.n_sites)
        for s in range(VACANCIES):
            state, vacancy = random_solution(counts, generator), int(generator.integers(lattice.n_sites))
            occupancy.append(state)
            keys.append(f"{name}/s{s:04d}")
            site.append(vacancy)
            forward.append(vacant(network, state, vacancy, lattice))
            backward.append(reversed_barriers(network, state, vacancy, lattice))
    m = 8 * len(keys)
    flag = np.zeros(m, dtype=np.uint8)
    flag[5::7], flag[20], flag[40] = Flag.SPLIT, Flag.FALLBACK, Flag.FAILED
    energies = np.where(flag == Flag.FAILED, np.nan, [np.ravel(forward), np.ravel(backward)])
    return BarrierSet(
        elements=ELEMENTS,
        structure="bcc",
        cells=CELLS,
        occupancy=np.array(occupancy),
        a_A=np.full(len(keys), 3.3),
        sample_key=tuple(keys),
        composition=np.repeat([[c[e] for e in ELEMENTS] for c in COMPOSITIONS], VACANCIES, axis=0),
        sample=np.repeat(np.arange(len(keys)), 8),
        vacancy_site=np.repeat(site, 8),
        jump=np.tile(np.arange(8), len(keys)),
        E_fwd_eV=energies[0],
        E_bwd_eV=energies[1],
        curvature_eV_A2=-1 - generator.random(m),
        residual_force_eV_A=0.02 * generator.random(m),
        calls=generator.integers(30, 70, m).astype(float),
        flag=flag,
        method=(flag == Flag.FALLBACK).astype(np.uint8),
        n_saddles=1 + (flag == Flag.SPLIT),
        item_hash=("0" * 32,) * m,
    )


def vacant(network, occupancy, site, lattice):
    state = occupancy.copy()
    state[site] = 0
    return network.barriers(state, site, lattice)


def reversed_barriers(network, occupancy, site, lattice):
    values = []
    for jump, other in enumerate(lattice.neighbours[site]):
        moved = occupancy.copy()
        moved[site], moved[other] = occupancy[other], 0
        values.append(network.barriers(moved, int(other), lattice)[7 - jump])
    return values


def make_audit(labels):
    chosen = np.flatnonzero(labels.usable)[::9]
    generator = np.random.default_rng(2)
    shift = generator.normal(0, 1e-3, (2, len(chosen)))
    neb = labels.E_fwd_eV[chosen] + shift[0]
    neb[2] = np.nan
    return AuditSet(
        tuple(labels.sample_key[s] for s in labels.sample[chosen]),
        labels.vacancy_site[chosen],
        labels.jump[chosen],
        labels.flag[chosen],
        labels.E_fwd_eV[chosen],
        labels.E_bwd_eV[chosen],
        neb,
        labels.E_bwd_eV[chosen] + shift[1],
        np.full(len(chosen), 300),
        np.ones(len(chosen)),
    )


def make_trajectories(network):
    """Runs in memory by their files: two temperatures, two replicas."""
    lattice = Lattice.bcc(CELLS, 3.3)
    made = {}
    for temperature_K in (800.0, 2000.0):
        for replica in range(2):
            counts = exact_counts([0.3, 0.3, 0.4], lattice.n_sites)
            start = random_solution(counts, rng(7, "start", replica))
            start[11] = 0
            trajectory = run(
                lattice, start, network, temperature_K=temperature_K, jumps=400, seed=7,
                replica=replica, key_frames=KeyFrames("log", 3),
            )  # fmt: skip
            made[temperature_K, replica] = trajectory
    return made


@pytest.fixture(scope="session")
def network():
    return make_network()


@pytest.fixture(scope="session")
def labels(network):
    return make_labels(network)


@pytest.fixture(scope="session")
def audit(labels):
    return make_audit(labels)


@pytest.fixture(scope="session")
def trajectories(network):
    return make_trajectories(network)


@pytest.fixture(scope="session")
def runs(trajectories):
    return [
        run_of(RunFile(CASE, temperature_K, replica, Path("run.nc")), trajectory)
        for (temperature_K, replica), trajectory in trajectories.items()
    ]


@pytest.fixture(scope="session")
def save_runs(trajectories):
    """Writes the runs' files into a workdir."""

    def save(workdir):
        for (temperature_K, replica), trajectory in trajectories.items():
            trajectory.save(workdir.trajectory(CASE, temperature_K, replica))

    return save


@pytest.fixture(scope="session")
def trained(labels, tmp_path_factory):
    """Folder of a model trained for two epochs."""
    from nnk.training import ModelSpec, TrainParameters, train

    folder = tmp_path_factory.mktemp("models") / "main"
    parameters = TrainParameters(epochs=2, test_compositions=1, seed=7, test_fraction=0.2)
    train(labels, ModelSpec("main", "mlp", shells=2, options={"hidden": (8,)}), parameters, folder)
    return folder


def fill_workdir(root, labels, audit, trained):
    found = Workdir(root)
    found.labels_dir.mkdir(parents=True)
    found.campaign_file.write_text(CAMPAIGN)
    (root / "published.csv").write_text(PUBLISHED)
    labels.save(found.labels_file)
    found.audit_file.parent.mkdir()
    audit.save(found.audit_file)
    found.model_dir("main").mkdir(parents=True)
    for file in trained.iterdir():
        if file.is_file():
            (found.model_dir("main") / file.name).write_bytes(file.read_bytes())
    append_record(found, "label", "w", {"key": "a/s0/v1", "state": "done", "seconds": 3.5, "hash": "h"})
    error = "ValueError: no <state>\nmore"
    failed = {"key": "a/s0/v2", "state": "failed", "seconds": 1.0, "error": error, "log": "l"}
    append_record(found, "label", "w", failed)
    return found


@pytest.fixture(scope="session")
def make_workdir(labels, audit, trained):
    """Makes a workdir with labels, audit and a trained model; no analysis yet."""
    return lambda root: fill_workdir(root, labels, audit, trained)


@pytest.fixture
def workdir(tmp_path, make_workdir):
    return make_workdir(tmp_path / "work")


@pytest.fixture
def with_runs(workdir, save_runs):
    save_runs(workdir)
    return workdir


@pytest.fixture(scope="session")
def rows_of():
    """Rows of a table of a product, as a reader of its CSV gets them."""

    def read(product, name):
        table = next(table for table in product.tables if table.name == name)
        return list(csv.DictReader(table.csv_text().splitlines()))

    return read


@pytest.fixture(scope="session")
def provenance():
    def read(workdir, name):
        return json.loads((workdir.figures / f"{name}.json").read_text())

    return read


@pytest.fixture(scope="session")
def finished(tmp_path_factory, make_workdir, save_runs):
    """A workdir with every analysis and the report made."""
    workdir = make_workdir(tmp_path_factory.mktemp("finished"))
    save_runs(workdir)
    for name in ANALYSES:
        if name not in OF_OTHER_CAMPAIGNS:
            assert importlib.import_module(f"analysis.{name}").main([str(workdir.root)]) == 0
    return workdir
