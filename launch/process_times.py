"""When a process began, by a clock that nobody sets: the time of day may be corrected while a run goes on."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

PROC = Path("/proc")
_STATE, _START = 0, 19  # fields of /proc/<pid>/stat after the name of the program, see proc(5)


def process_start(pid: int) -> float | None:
    """When a living process of this host began; None if there is none or a zombie.

    In seconds since the machine was started where there is a /proc, otherwise since the epoch.
    """
    if not (PROC / "self" / "stat").exists():
        return _start_by_the_clock(pid)
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[_STATE] in "ZX" else int(fields[_START]) / os.sysconf("SC_CLK_TCK")


def _start_by_the_clock(pid: int) -> float | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


def machine_start() -> str:
    """A name of the time since this machine was started last; empty where there is none."""
    path = PROC / "sys" / "kernel" / "random" / "boot_id"
    return path.read_text().strip() if path.exists() else ""
