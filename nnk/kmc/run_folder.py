"""The files of a run under way: which of them are whole and belong to it, and how new ones are added."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from nnk.files import Fence, commit, remove_temporaries
from nnk.kmc.frames import Frames
from nnk.kmc.setup import RunSetup
from nnk.kmc.storage import Content, DamagedFile, TrajectoryFile, joined, pack, write
from nnk.kmc.trajectory import all_segments, segment_name, write_bytes

_log = logging.getLogger(__name__)


class RunFolder:
    """Where a run's files are, and what may be trusted among them.

    Files of the run that follow each other from its start: the final file of an earlier, shorter stop if
    there is one, and then segments.
    """

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
        self.parts: list[TrajectoryFile] = []
        self._n_segments = 0

    def say(self, message: str) -> None:
        """Keep a message for the summary, and log it."""
        self.messages.append(message)
        _log.warning(message)

    def look(self) -> None:
        """Find out what is there; what cannot be used is set aside."""
        whole = self._own(self.final_path, 0) if self.final_path.is_file() else None
        self.parts = [whole] if whole is not None else []
        self._n_segments = 0
        for path in all_segments(self.folder):
            if self._is_merged(path):
                path.unlink()
            elif path.name != segment_name(self._n_segments):
                self._set_aside(path, "an earlier segment is missing")
            else:
                segment = self._own(path, self.jumps)
                if segment is not None:
                    self.parts.append(segment)
                    self._n_segments += 1

    @property
    def jumps(self) -> int:
        """Jumps on disk."""
        return self.parts[-1].last_jump if self.parts else 0

    @property
    def end(self) -> Frames | None:
        """The last state on disk."""
        return self.parts[-1].end if self.parts else None

    @property
    def whole(self) -> TrajectoryFile | None:
        """The final file, if all that is on disk stands in it and the run is long enough."""
        if len(self.parts) != 1 or self.parts[0].path != self.final_path:
            return None
        part = self.parts[0]
        met = self.setup.stop.is_met(part.last_jump, float(part.end.time_s[0]), part.ended_by)
        return part if met else None

    def _is_merged(self, path: Path) -> bool:
        """Whether a segment stands in the final file: a kill came before it was removed."""
        if not self.parts or self.parts[0].path != self.final_path:
            return False
        try:
            segment = TrajectoryFile(path)
        except DamagedFile:
            return False
        return segment.header == self.header and segment.last_jump <= self.parts[0].last_jump

    def _set_aside(self, path: Path, reason: str) -> None:
        """Move a file that cannot be used to the quarantine and say so."""
        if self.fence is not None:
            self.fence.check()
        self.quarantine.mkdir(parents=True, exist_ok=True)
        target = self.quarantine / f"{self.folder.name}-{path.name}-{time.time_ns()}"
        path.rename(target)
        self.say(f"{path}: {reason}; moved to {target}")

    def _own(self, path: Path, first_jump: int) -> TrajectoryFile | None:
        """The file if it is whole and belongs here; otherwise it is set aside."""
        try:
            file = TrajectoryFile(path)
            file.check()
        except DamagedFile as error:
            self._set_aside(path, str(error).removeprefix(f"{path}: "))
            return None
        if file.header != self.header or file.first_jump != first_jump:
            self._set_aside(path, "belongs to a run with other inputs, or to another place in this one")
            return None
        return file

    def add_segment(self, content: Content) -> None:
        """Put a stretch that follows what is on disk there too."""
        path = self.folder / segment_name(self._n_segments)
        blob = pack(content)
        self._commit(path, lambda temporary: write_bytes(temporary, blob))
        self.parts.append(TrajectoryFile(path))
        self._n_segments += 1

    def finish(self, content: Content) -> None:
        """Write the whole run, `content` being its last stretch; only then remove its segments."""
        whole = joined(self.parts, self.setup.key_frames.holds, content)
        self._commit(self.final_path, lambda temporary: write(temporary, whole, whole=True))
        self.parts = [TrajectoryFile(self.final_path)]
        self.clean()

    def _commit(self, path: Path, write_to: Callable[[Path], None]) -> None:
        try:
            commit(path, write_to, fence=self.fence)
        except OSError as error:
            raise OSError(
                error.errno,
                f"cannot write {path} ({error.strerror or error}); the first {self.jumps} jumps of "
                f"{self.setup.stop.jumps} are on disk, and the run goes on from there when it is started "
                f"again",
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
