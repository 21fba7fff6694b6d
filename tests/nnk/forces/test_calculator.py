"""A trained model in use: ASE, the suite's force field, constant energy, and what is refused."""

import json

import ase
import numpy as np
import pytest

from nnk.forces import ForceModel, ForceSpec, ForceTraining
from nnk.forces.calculator import ForceCalculator, NoEnergy
from nnk.forces.drift import energy_drift
from nnk.forces.fit import train_forces
from nnk.potentials import AseCalculator, ForceFieldError, make_force_field

OPTIONS = {"cutoff_A": 4.2, "radial": 6, "degree": 1, "channels": 6, "hidden": (8,)}


@pytest.fixture(scope="module")
def local(snapshots, tmp_path_factory):
    folder = tmp_path_factory.mktemp("local")
    training = ForceTraining(epochs=8, batch_size=10, learning_rate=0.01, seed=1)
    train_forces(snapshots, ForceSpec("main", "local-density", OPTIONS), training, folder)
    return folder


@pytest.fixture(scope="module")
def linear(snapshots, tmp_path_factory):
    folder = tmp_path_factory.mktemp("linear")
    train_forces(snapshots, ForceSpec("main", "linear"), ForceTraining(), folder)
    return folder


def as_ase(snapshots, calculator):
    return ase.Atoms(
        snapshots.symbols,
        positions=snapshots.positions_A[7],
        cell=snapshots.cell_A,
        pbc=True,
        calculator=calculator,
    )


def test_the_calculator_gives_what_the_model_does(snapshots, local):
    atoms = as_ase(snapshots, ForceCalculator(local, largest_error_eV_A=2))
    model = ForceModel.load(local)
    own = model.take(snapshots.symbols, snapshots.cell_A)
    energies, forces = model.evaluate(own, snapshots.positions_A[7:8])
    assert atoms.get_potential_energy() == energies[0]
    np.testing.assert_array_equal(atoms.get_forces(), forces[0])
    error = atoms.get_potential_energy() - snapshots.energy_eV[7]
    assert abs(error) / len(atoms) < 5 * model.description["errors"]["train"]["energy_RMSE_eV_per_atom"]


def test_a_force_field_of_the_suite(snapshots, local):
    spec = AseCalculator(
        "nnk.forces.calculator.ForceCalculator",
        {"model": {"file": str(local / "model.json")}, "largest_error_eV_A": 2.0},
    )
    force_field = make_force_field(spec)
    force_field.set(snapshots.symbols * 2, snapshots.cell_A * [2, 1, 1])
    both = np.concatenate([snapshots.positions_A[7], snapshots.positions_A[7] + snapshots.cell_A * [1, 0, 0]])
    energy, forces = force_field.energy_forces(both)
    alone = as_ase(snapshots, ForceCalculator(local, largest_error_eV_A=2))
    assert energy == pytest.approx(2 * alone.get_potential_energy(), rel=1e-10)
    np.testing.assert_allclose(forces[:16], alone.get_forces(), atol=1e-8)


def test_a_model_that_is_too_far_off_is_refused(local):
    with pytest.raises(
        ValueError, match=r"off by .* eV/Å on its own tests, more than largest_error_eV_A=1e-06"
    ):
        ForceCalculator(local, largest_error_eV_A=1e-6)


def test_forces_without_an_energy_are_said_to_be_so(snapshots, linear):
    calculator = ForceCalculator(linear, largest_error_eV_A=5)
    atoms = as_ase(snapshots, calculator)
    assert atoms.get_forces().shape == (16, 3)
    with pytest.raises(NoEnergy, match="kind linear gives forces that belong to no energy"):
        atoms.get_potential_energy()
    spec = AseCalculator(
        "nnk.forces.calculator.ForceCalculator", {"model": str(linear), "largest_error_eV_A": 5.0}
    )
    force_field = make_force_field(spec)
    force_field.set(snapshots.symbols, snapshots.cell_A)
    with pytest.raises(ForceFieldError, match="belong to no energy; allowed where energies are needed"):
        force_field.energy_forces(snapshots.positions_A[0])
    model = ForceModel.load(linear)
    with pytest.raises(ValueError, match="no energy that could drift"):
        energy_drift(model, model.atoms, snapshots.positions_A[0])


def test_energy_is_kept_and_a_wrong_force_would_not_keep_it(snapshots, local):
    model = ForceModel.load(local)
    own = model.take(snapshots.symbols, snapshots.cell_A)
    found = energy_drift(model, own, snapshots.positions_A[0], temperature_K=300, steps=60)
    assert abs(found.drift_eV_per_atom_ps) < 2e-3
    assert found.fluctuation_eV_per_atom < 1e-3
    half = energy_drift(model, own, snapshots.positions_A[0], temperature_K=300, steps=120, step_fs=1.0)
    assert half.fluctuation_eV_per_atom < 0.5 * found.fluctuation_eV_per_atom  # Verlet: a quarter


@pytest.mark.parametrize(
    ("symbols", "cell", "text"),
    [
        (lambda own: [*own, "Ta"], 1.0, "the forces of 16 atoms, it was asked for 17; .* local-density"),
        (lambda own: own[::-1], 1.0, "the model knows that one arrangement alone"),
        (lambda own: own, 1.1, "the model was trained in"),
        (lambda own: ["W", *own[1:]], 1.0, "W: not known to the model; its elements are Ta, Nb, Mo"),
    ],
)
def test_bound_models_refuse_other_atoms(symbols, cell, text, snapshots, linear):
    model = ForceModel.load(linear)
    with pytest.raises(ValueError, match=text):
        model.take(symbols(snapshots.symbols), cell * snapshots.cell_A)


def test_positions_that_are_no_numbers_are_refused(snapshots, local):
    model = ForceModel.load(local)
    own = model.take(snapshots.symbols, snapshots.cell_A)
    with pytest.raises(ValueError, match="expected finite numbers"):
        model.evaluate(own, np.full((1, 16, 3), np.nan))
    with pytest.raises(ValueError, match=r"expected \[n, 16, 3\], got \(16, 3\)"):
        model.evaluate(own, snapshots.positions_A[0])


def test_slanted_cells_are_refused(snapshots, local):
    atoms = as_ase(snapshots, ForceCalculator(local, largest_error_eV_A=2))
    atoms.cell[0, 1] = 0.3
    with pytest.raises(ValueError, match="edges lie along x, y and z"):
        atoms.get_forces()


def damage(folder, name, change):
    path = folder / name
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("name", "change", "text"),
    [
        ("model.json", lambda raw: raw[:-40], "is damaged"),
        ("model.json", lambda raw: raw.replace(b'"linear"', b'"dense"'), "is damaged"),
        ("model.json", lambda raw: b"{}", "is not of a force model"),
        ("model.safetensors", lambda raw: raw[:-1] + b"x", "does not belong to model.json"),
    ],
)
def test_damaged_models_are_refused(name, change, text, linear, tmp_path):
    for file in ("model.json", "model.safetensors"):
        (tmp_path / file).write_bytes((linear / file).read_bytes())
    damage(tmp_path, name, change)
    with pytest.raises(ValueError, match=text):
        ForceModel.load(tmp_path)


def test_another_format_version_is_refused(linear, tmp_path):
    header = json.loads((linear / "model.json").read_text()) | {"format_version": 2}
    (tmp_path / "model.json").write_text(json.dumps(header))
    with pytest.raises(ValueError, match="expected format_version 1, got 2"):
        ForceModel.load(tmp_path / "model.json")
