"""The machine under a campaign: its disks, which can be filled, and its clock, which can be set."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.faults.scene import Scene

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
"""What sets the time of day for a process and its children; time that passes and times of files stay true."""


def mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")


@contextmanager
def on_a_small_disk(scene: Scene) -> Iterator[Path]:
    """The workdir on a file system of its own; what is there at the end stays."""
    work = scene.workdir.root
    kept = work.with_name("kept")
    work.rename(kept)
    work.mkdir()
    mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", str(work))
    try:
        subprocess.run(["cp", "-a", f"{kept}/.", str(work)], check=True)
        yield work
    finally:
        shutil.rmtree(kept)
        subprocess.run(["cp", "-a", str(work), str(kept)], check=True)
        subprocess.run(["umount", str(work)], check=True)
        work.rmdir()
        kept.rename(work)


def fill(path: Path) -> None:
    """Leave no byte free on a file system."""
    with open(path, "wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    subprocess.run(["sync", "-f", str(path)], check=True)


def with_clock(file: Path) -> Mapping[str, str]:
    """Environment of processes whose time of day is off by what `file` says (``+3600``: an hour)."""
    file.write_text("+0\n")
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def set_clock(file: Path, shift_s: float) -> None:
    """Have the clock jump."""
    new = file.with_name("new-clock")
    new.write_text(f"{shift_s:+.0f}\n")
    new.replace(file)
