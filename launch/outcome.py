"""What has become of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

DONE, SOME_FAILED, INTERRUPTED = 0, 1, 4


@dataclass
class Outcome:
    """Counts of a run, kept up while it goes on.

    Attributes:
        done: items made by this run.
        failed: errors of the items that failed, by stage and key.
        held: items left alone since they have failed before.
        skipped: items not begun because something that they read is not there.
        interrupted: the user or the system has asked to stop.
    """

    done: int = 0
    failed: dict[tuple[str, str], str] = field(default_factory=dict)
    held: int = 0
    skipped: int = 0
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """0 all is done, 1 some items failed, 4 interrupted."""
        if self.interrupted:
            return INTERRUPTED
        return SOME_FAILED if self.failed or self.held or self.skipped else DONE
