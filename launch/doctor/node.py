"""What a node has found of itself, compared with what the driver's machine is like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jobs.facts import OURS
from launch.doctor.check import Check

ROOT = Path(__file__).resolve().parents[2]
LEAST_GB = 1.0


def packages(origins: Mapping[str, str]) -> Check:
    """Our own packages, whose names are not rare: others of these names must not come before them."""
    wrong = [
        f"{name} is {origins[name]}"
        for name in OURS
        if not Path(origins[name]).resolve().is_relative_to(ROOT)
    ]
    cure = f"remove it, or install in an environment of its own: jobs must find {ROOT}/*"
    return Check("packages", not wrong, "; ".join(wrong) or f"all of {ROOT}", cure)


def same_versions(here: Mapping[str, str], there: Mapping[str, str], host: str) -> Check:
    """Versions on both ends."""
    other = [
        f"{name} {here.get(name, 'missing')} here, {there.get(name, 'missing')} on {host}"
        for name in sorted({*here, *there})
        if here.get(name) != there.get(name)
    ]
    cure = "let jobs use this environment: see what worker_init and environment of the site put before it"
    same = ", ".join(f"{name} {version}" for name, version in here.items())
    return Check("versions", not other, "; ".join(other) or f"{same} on both ends", cure)


def room(found: Mapping[str, Any]) -> Check:
    """Free space."""
    free = found["free_GB"]
    little = {folder: GB for folder, GB in free.items() if GB < LEAST_GB}
    text = ", ".join(f"{GB:,.2g} GB in {folder}" for folder, GB in (little or free).items())
    return Check("free space", not little, text, f"make room there: at least {LEAST_GB:g} GB")


def sockets(found: Mapping[str, Any]) -> Check:
    """Sockets of the workers, whose paths may not be long."""
    cure = "export TMPDIR=/tmp in worker_init of the site: paths of sockets have at most 107 characters"
    wrong = found["socket"]
    folder = found["temporary"]
    return Check("temporary folder", not wrong, f"{folder}: {wrong}" if wrong else f"{folder}", cure)


def file_system(found: Mapping[str, Any], where: str) -> Iterator[Check]:
    """What the file system under the workdir can do, from one machine."""
    wrong = found["wrong"]
    said = "; ".join(f"{name}: {text}" for name, text in wrong.items()) or "link, rename, fence, append work"
    yield Check("file system", not wrong, f"{where}: {said}", "put the workdir on another file system")
    locking = found["locking"]
    yield Check("file locks", None, f"{where}: {f'flock: {locking}' if locking else 'flock works'}")


def both_see(found: Mapping[str, Any], greeting: str, host: str, holder: str) -> Check:
    """Whether the driver's machine and a node see the same files, and cannot both take a lock.

    Args:
        found: what the node has seen.
        greeting: what the file that it has read says; it was replaced before the job was asked for.
        host: the node.
        holder: whom the lock that the driver has taken names.
    """
    cure = "put the workdir on a file system that all nodes share"
    if found["greeting"] != greeting:
        return Check("shared files", False, f"{host} sees an old content of a file that was replaced", cure)
    if found["took_lock"] or holder != "driver":
        return Check("shared files", False, f"{host} could take a lock that the driver holds", cure)
    return Check("shared files", True, f"{host} sees what was replaced here, and a lock that is held")
