"""Fencing: a process of an older run must not change the working directory any more.

Each run raises the number in the file ``epoch``. Whoever commits a file checks just before that the number
is still the one it was started with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class StaleEpoch(RuntimeError):
    """A newer run has taken over: nothing may be written any more."""


def read_epoch(epoch_file: Path) -> int:
    """Number of the latest run; 0 when there was none.

    Raises:
        ValueError: the file does not hold a number.
    """
    try:
        text = epoch_file.read_text()
    except FileNotFoundError:
        return 0
    try:
        return int(text)
    except ValueError:
        raise ValueError(
            f"{epoch_file}: expected the number of a run, got {text[:40]!r}; while nobody runs the campaign, "
            f"write {_last_run(epoch_file)}, that of the last one, into it"
        ) from None


def _last_run(epoch_file: Path) -> int:
    """The highest number of the folders of runs."""
    names = [path.name for path in epoch_file.parent.glob("run/[0-9]*")]
    return max((int(name) for name in names if name.isdigit()), default=0)


@dataclass(frozen=True)
class Fence:
    """The right to write, as long as no newer run has begun.

    Attributes:
        epoch_file: file with the number of the latest run.
        epoch: number of the run this process belongs to.
    """

    epoch_file: Path
    epoch: int

    def check(self) -> None:
        """Return if this process may still write.

        Raises:
            StaleEpoch: another run has begun, or the working directory is gone.
        """
        latest = read_epoch(self.epoch_file)
        if latest == self.epoch:
            return
        if not latest:
            raise StaleEpoch(f"{self.epoch_file} is gone: the working directory was removed under a run")
        raise StaleEpoch(
            f"{self.epoch_file}: run {latest} has taken over from run {self.epoch}, which writes no more; "
            "nothing is lost: see launch status"
        )
