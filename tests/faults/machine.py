"""The machine under a campaign: its disks, which can be filled, and its clock, which can be set."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.faults.scene import Scene


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
        # the watchdog has its log there for a while
        subprocess.run(["umount", "--lazy", str(work)], check=True)
        work.rmdir()
        kept.rename(work)


def fill(path: Path) -> None:
    """Leave no byte free on a file system."""
    with open(path, "wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    subprocess.run(["sync", "-f", str(path)], check=True)


def without_compiler() -> bool:
    """Whether no clock can be made that can be set."""
    return shutil.which("cc") is None


class Clock:
    """The time of day of processes that get its environment variables, until then the true one.

    Args:
        folder: for its files.
    """

    def __init__(self, folder: Path) -> None:
        self._file, library = folder / "clock", folder / "clock.so"
        source = Path(__file__).with_name("clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
        self._file.write_bytes(struct.pack("l", 0))
        self.environment = {"LD_PRELOAD": str(library), "NNK_TEST_CLOCK": str(self._file)}

    def set_by(self, seconds: float) -> None:
        """Have it jump."""
        with open(self._file, "r+b", buffering=0) as file:
            file.write(struct.pack("l", round(seconds)))
