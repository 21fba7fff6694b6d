"""The files of a run under way: which of them are whole and belong to it, and how new ones are added."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from pathlib import Path

from nnk.files import Fence, commit, remove_temporaries
from nnk.kmc.setup import RunSetup
from nnk.kmc.storage import DamagedFile, Stored, pack, read
from nnk.kmc.trajectory import all_segments, segment_name, write_bytes

_log = logging.getLogger(__name__)


class RunFolder:
    """Where a run's files are, and what may be trusted among them."""

    def __init__(
        self, final_path: Path, setup: RunSetup, fence: Fence | None, quarantine: Path | None
    ) -> None:
        if final_path.suffix != ".nc":
            raise ValueError(f"{final_path}: the file of a run is named *.nc, and its segments' folder *")
        self.final_path = final_path
        self.folder = final_path.with_suffix("")
        self.setup = setup
        self.header = setup.header()
        self.fence = fence
        self.quarantine = quarantine or final_path.parent / "quarantine"
        self.messages: list[str] = []

    def set_aside(self, path: Path, reason: str) -> None:
        """Move a file that cannot be used to the quarantine and say so."""
        if self.fence is not None:
            self.fence.check()
        self.quarantine.mkdir(parents=True, exist_ok=True)
        target = self.quarantine / f"{self.folder.name}-{path.name}-{time.time_ns()}"
        path.rename(target)
        message = f"{path}: {reason}; moved to {target}"
        self.messages.append(message)
        _log.warning(message)

    def read_own(self, path: Path, first_jump: int) -> Stored | None:
        """The file's content if it is whole and belongs here; otherwise it is set aside."""
        try:
            stored = read(path)
        except DamagedFile as error:
            self.set_aside(path, str(error).removeprefix(f"{path}: "))
            return None
        if stored.header != self.header or stored.first_jump != first_jump:
            self.set_aside(path, "belongs to a run with other inputs, or to another place in this one")
            return None
        return stored

    def finished(self) -> Stored | None:
        """The whole run, if its final file is there."""
        return self.read_own(self.final_path, 0) if self.final_path.is_file() else None

    def segments(self) -> list[Stored]:
        """Segments on disk that follow each other from the start; whatever comes after a gap is set aside."""
        usable: list[Stored] = []
        for number, path in enumerate(all_segments(self.folder)):
            first_jump = int(usable[-1].end.jump[0]) if usable else 0
            if number != len(usable) or path.name != segment_name(number):
                self.set_aside(path, "an earlier segment is missing")
                continue
            stored = self.read_own(path, first_jump)
            if stored is not None:
                usable.append(stored)
        return usable

    def write(self, path: Path, stored: Stored, kept: int, *, whole: bool) -> None:
        """Commit a file; `kept` jumps are safe whatever happens here."""
        blob = pack(stored, whole=whole)
        try:
            commit(path, lambda temporary: write_bytes(temporary, blob), fence=self.fence)
        except OSError as error:
            raise OSError(
                error.errno,
                f"cannot write {path} ({error.strerror}); the first {kept} jumps of {self.setup.jumps} are "
                f"on disk, and the run goes on from there when it is started again",
            ) from error

    def clean(self) -> None:
        """Remove the segments of a run whose final file is there, and their folder if it is empty then."""
        if not self.folder.is_dir():
            return
        if self.fence is not None:
            self.fence.check()
        remove_temporaries(self.folder)
        for path in all_segments(self.folder):
            path.unlink(missing_ok=True)
        with suppress(FileNotFoundError):  # another writer of the same run was faster
            if not any(self.folder.iterdir()):
                self.folder.rmdir()
