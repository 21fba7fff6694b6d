"""What can be tried on the machine that this process runs on, without a scheduler."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.apps import PYTHON
from jobs.examine import FILES, GREETING, LAMMPS, MPI, NODE, TRIAL, read_ranks, save
from launch.doctor import node
from launch.doctor.check import Check
from launch.doctor.mpi import mpi_checks
from site_configs import Site

MPI_RANKS = 2
PATIENCE_S = 120.0
WHERE = """
import importlib.util, sys
for name in sys.argv[1:]:
    spec = importlib.util.find_spec(name)
    print(spec.origin if spec else "not found")
"""


def job_environment(site: Site) -> dict[str, str]:
    """Environment of jobs: that of the workers, nearly."""
    from site_configs.builder import worker_environment  # which imports parsl

    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    plain = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    return {**plain, **worker_environment(caches()), "PATH": path, **site.environment}


def caches() -> Path:
    """Where the caches of jobs of this user go."""
    return Path(tempfile.gettempdir()) / f"nnk-{os.getuid()}"


def existing(folder: Path) -> Path:
    """The nearest folder above that exists, or itself."""
    return next(path for path in (folder, *folder.resolve().parents) if path.is_dir())


def examine_here(site: Site, folder: Path) -> Iterator[Check]:
    """Try what a machine without scheduler needs.

    Args:
        site: this machine.
        folder: where campaigns are to be run; the nearest folder above it that exists is tried.
    """
    environment = job_environment(site)
    yield Check("cores", True, f"{site.cores} to use")
    packages = node.packages(origins(environment))
    yield packages
    if not packages.fit:
        yield Check.left_out("the rest", "it would be tried with those packages")
        return
    command = site.mpi.words(per_node=MPI_RANKS, nodes=1, cores=MPI_RANKS, threads_per_core=1)
    try:
        with tempfile.TemporaryDirectory(dir=existing(folder), prefix=".nnk-doctor-") as scratch:
            yield from _looked_at(Path(scratch), environment, command)
    except OSError as error:
        text = f"{existing(folder)}: cannot be written: {error.strerror}"
        yield Check("file system", False, text, "put the workdir on another file system")


def _looked_at(scratch: Path, environment: Mapping[str, str], command: Sequence[str]) -> Iterator[Check]:
    error = look(scratch, environment, mpi=command)
    if not (scratch / FILES).exists():
        cure = "install the suite where jobs find it: see packages in docs/install.md"
        yield Check("a process of its own", False, error, cure)
        return
    found = read(scratch / NODE)
    started, lammps = read(scratch / MPI), read(scratch / LAMMPS)
    yield from mpi_checks(
        started, read_ranks(scratch), lammps or None, command=command, nodes=1, per_node=MPI_RANKS
    )
    yield from node.file_system(read(scratch / FILES), str(scratch.parent))
    yield node.room(found)
    yield node.sockets(found)


def origins(environment: Mapping[str, str]) -> dict[str, str]:
    """Files of our own packages as jobs here find them."""
    done = subprocess.run(
        [*PYTHON, "-c", WHERE, *node.OURS], capture_output=True, text=True, env=dict(environment), check=True
    )
    return dict(zip(node.OURS, done.stdout.splitlines(), strict=True))


def look(
    scratch: Path, environment: Mapping[str, str], *, mpi: Sequence[str], addresses: Sequence[str] = ()
) -> str:
    """Run the program that looks at a node in a process of this machine; what it says if that fails."""
    (scratch / GREETING).write_text("hello")
    save(scratch / TRIAL, {"port": 0, "addresses": [*addresses], "mpi": [*mpi], "patience_s": PATIENCE_S})
    done = subprocess.run(
        [*PYTHON, "-m", "jobs.examine", "node", str(scratch)],
        capture_output=True,
        text=True,
        env=dict(environment),
        check=False,
    )
    lines = done.stderr.split("\n")
    return next((line for line in reversed(lines) if line.strip()), f"exit code {done.returncode}")


def read(path: Path) -> dict[str, Any]:
    """What the program has left in a file; empty if there is none."""
    content: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return content
