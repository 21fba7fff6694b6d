"""Calculators of ASE as force engines, well-behaved and not."""

import numpy as np
import pytest

from nnk.lattice import Lattice
from nnk.potentials import AseCalculator, ForceFieldError, make_force_field
from nnk.potentials.probe import ProbeError, probe

MODULE = '''
import sys

import numpy as np
from ase.calculators.emt import EMT


class Counted(EMT):
    """EMT that does something else at the 5th evaluation of its life."""

    made = 0

    def __init__(self, what="nothing", **options):
        super().__init__(**options)
        type(self).made += 1
        self.what, self.evaluations = what, 0

    def calculate(self, *arguments):
        super().calculate(*arguments)
        self.evaluations += 1
        if self.evaluations == 5 and self.what == "nan energy":
            self.results["energy"] = self.results["free_energy"] = np.nan
        if self.evaluations == 5 and self.what == "inf force":
            self.results["forces"][3, 1] = np.inf
        if self.evaluations == 5 and self.what == "error":
            raise RuntimeError("no convergence in 100 steps")
        if self.evaluations == 5 and self.what == "exit":
            sys.exit("licence expired")


class Stressless(EMT):
    implemented_properties = ["energy", "forces"]

    def calculate(self, *arguments):
        super().calculate(*arguments)
        del self.results["stress"]


class Wrong(EMT):
    """A potential with a fault."""

    def __init__(self, fault):
        super().__init__()
        self.fault = fault

    def calculate(self, atoms, properties, changes):
        super().calculate(atoms, properties, changes)
        if self.fault == "forces":
            self.results["forces"][:, 2] = 0.0
        if self.fault == "no periods":
            alone = atoms.copy()
            alone.pbc = False
            super().calculate(alone, properties, changes)
'''


@pytest.fixture
def module(tmp_path, monkeypatch, request):
    """Name of a module with calculators that the test has written."""
    name = "calculators_of_a_test_" + request.node.name.split("[")[0]
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


@pytest.fixture
def copper():
    lattice = Lattice.fcc((2, 2, 2), 3.6)
    rattle = np.random.default_rng(2).normal(0, 0.05, (32, 3))
    return ["Cu"] * 32, lattice.box_A, lattice.positions_A + rattle


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("nan energy", "the energy is not finite: nan"),
        ("inf force", "the force on atom 3 is not finite"),
        ("error", "Counted: RuntimeError: no convergence in 100 steps"),
        ("exit", "Counted: SystemExit: licence expired"),
    ],
)
def test_one_bad_evaluation_harms_no_other(what, message, module, copper):
    species, box, positions = copper
    engine = make_force_field(AseCalculator(f"{module}.Counted", {"what": what}))
    engine.set(species, box)
    good = [engine.energy_forces(positions + 1e-3 * i) for i in range(4)]
    with pytest.raises(ForceFieldError, match=message):
        engine.energy_forces(positions + 4e-3)
    for i, (energy, forces) in enumerate(good):  # with a calculator made anew
        again, forces_again = engine.energy_forces(positions + 1e-3 * i)
        assert again == energy
        np.testing.assert_array_equal(forces_again, forces)
    assert engine.calls == 9


def test_the_calculator_is_made_once(module, copper):
    species, box, positions = copper
    engine = make_force_field(AseCalculator(f"{module}.Counted"))
    for _ in range(3):
        engine.set(species, box)
        engine.energy_forces(positions)
    assert __import__(module).Counted.made == 1


def test_stress_of_a_calculator_that_has_none(module, copper):
    species, box, positions = copper
    results = []
    for path in ("ase.calculators.emt.EMT", f"{module}.Stressless"):
        engine = make_force_field(AseCalculator(path))
        engine.set(species, box)
        results.append(engine.energy_forces_stress(positions))
        after = engine.energy_forces(positions)[0]
        assert after == pytest.approx(results[0][0], abs=1e-10)
    np.testing.assert_allclose(results[1][2], results[0][2], atol=1e-7)
    assert np.abs(results[0][2][3:]).max() > 1e-4


@pytest.mark.parametrize(
    ("calculator", "options", "message"),
    [
        ("no_such_package.Calculator", {}, "No module named 'no_such_package'"),
        ("ase.calculators.emt.EMTT", {}, "the module ase.calculators.emt has no EMTT"),
        ("ase.calculators.eam.EAM", {"potential": "none.eam"}, "cannot be constructed"),
        ("ase.calculators.emt.EMT", {}, "fails on a crystal of Cu, W: .*No EMT-potential for W"),
    ],
)
def test_the_probe_says_what_is_wrong(calculator, options, message):
    with pytest.raises(ProbeError, match=message):
        probe(AseCalculator(calculator, options), ["Cu", "W"], "fcc")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("forces", "the forces differ from the slope of the energy by"),
        ("no periods", "the energy changes by .* when the crystal moves through its cell"),
    ],
)
def test_the_probe_sees_wrong_physics(fault, message, module):
    with pytest.raises(ProbeError, match=message):
        probe(AseCalculator(f"{module}.Wrong", {"fault": fault}), ["Cu", "Ni"], "fcc")


@pytest.mark.parametrize("name", ["builtin", "mtp", "snap", "snap-zbl", "cu-ni", "emt"])
def test_the_probe_lets_good_ones_pass(name, make_spec):
    fcc = name in ("cu-ni", "emt")
    spec = make_spec(name)
    found = probe(spec, ["Cu", "Ni"] if fcc else ["Nb", "Mo", "Ta"], "fcc" if fcc else "bcc")
    assert found.slope_error < 1e-3
    assert found.image_error_eV < 1e-12
    assert found.potential_hash == spec.hash
    assert 0 < found.seconds_per_call < 1
