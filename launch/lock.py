"""One driver at a time: the lock of a workdir.

``lock`` names its holder; it is made with an exclusive link, which holds on network file systems where
flock does not. ``lock.beat`` holds a counter that the holder raises, because the clocks of two hosts need
not agree. A holder on this host that is dead is replaced; one on another host cannot be asked, so its lock
is only ever removed by hand.
"""

from __future__ import annotations

import errno
import fcntl
import getpass
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from launch.process_times import machine_start, process_start
from nnk.files import Workdir, commit, stable_hash

BEAT_S = 10.0
NO_FLOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


class LockHeld(RuntimeError):
    """Another driver runs this campaign."""


@dataclass(frozen=True)
class LockHolder:
    """Who runs a campaign.

    Attributes:
        host, pid, user: of the driver.
        process_start: when that process began (`launch.process_times`), since process ids are used again.
        since: when it took the lock, ISO 8601, UTC.
        boot: name of the time since that host was started last.
    """

    host: str
    pid: int
    user: str
    process_start: float
    since: str
    boot: str = ""

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is on another host than this process."""
        return self.host != socket.gethostname()

    @property
    def since_unix_s(self) -> float:
        """When it took the lock (s since the epoch)."""
        return datetime.fromisoformat(self.since).timestamp()

    def __str__(self) -> str:
        return f"process {self.pid} of {self.user} on {self.host}, since {self.since}"


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in some containers
        return str(os.getuid())


def _this_process() -> LockHolder:
    began = process_start(os.getpid())
    if began is None:
        raise RuntimeError(f"process {os.getpid()} does not find itself in /proc")
    return LockHolder(
        host=socket.gethostname(),
        pid=os.getpid(),
        user=_user_name(),
        process_start=began,
        since=datetime.now(UTC).isoformat(timespec="seconds"),
        boot=machine_start(),
    )


def is_dead(holder: LockHolder) -> bool:
    """True only if the holder is known to be gone."""
    if holder.is_elsewhere:
        return False
    if holder.boot != machine_start():
        return True
    began = process_start(holder.pid)
    return began is None or abs(began - holder.process_start) > 1.0


def lock_holder(path: Path) -> LockHolder | None:
    """Whom the lock `path` names, dead or alive; None if there is no such file.

    Raises:
        LockHeld: the file is not a lock.
    """
    try:
        return LockHolder(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise LockHeld(f"{path}: not a lock of this program ({error}); look at it, then remove it") from error


def read_holder(path: Path) -> LockHolder | None:
    """Who holds the lock `path`: None if nobody does, or if the holder is known to be dead.

    Raises:
        LockHeld: the file is not a lock.
    """
    holder = lock_holder(path)
    return None if holder is None or is_dead(holder) else holder


def _beat_file(lock: Path) -> Path:
    return lock.with_name("lock.beat")


def read_beat(lock: Path) -> str:
    """The counter that the holder of a lock raises; empty if there is none yet."""
    try:
        return _beat_file(lock).read_text().strip()
    except FileNotFoundError:
        return ""


def beat_age_s(lock: Path) -> float | None:
    """Time since the holder of a lock has last raised its counter, by this host's clock; None: never."""
    try:
        return max(0.0, time.time() - _beat_file(lock).stat().st_mtime)
    except FileNotFoundError:
        return None


def _refusal(lock: Path, holder: LockHolder) -> str:
    text = f"{lock}: the campaign is being run by {holder}; wait, or end it with: kill {holder.pid}"
    if holder.host == socket.gethostname():
        return text
    beat = _beat_file(lock)
    return (
        f"{text} on {holder.host}. If that host is gone, see whether the counter in {beat} "
        f"(now {read_beat(lock) or 'none'}) "
        f"still rises every {BEAT_S:.0f} s; if it does not, remove {lock} and run again"
    )


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Only one process of this host looks at a dead holder's lock, lest two replace it."""
    with ExitStack() as opened:
        guard = opened.enter_context(open(folder / "lock.guard", "w"))
        try:
            fcntl.flock(guard, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in NO_FLOCK:
                raise
            fcntl.flock(opened.enter_context(_guard_of_this_host(folder)), fcntl.LOCK_EX)
        yield


def _guard_of_this_host(folder: Path) -> IO[str]:
    """What serves where the workdir's file system has no flock: it need hold on this host only."""
    name = f"nnk-{os.getuid()}-{stable_hash(str(folder.resolve()))}.guard"
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW  # anybody may put a link there
    return open(os.open(Path(tempfile.gettempdir()) / name, flags, 0o600), "w")


def acquire(lock: Path) -> LockHolder | None:
    """Take the lock.

    Returns:
        The dead holder whose lock was replaced, None if there was none.

    Raises:
        LockHeld: by a living process, or by one on another host.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(_this_process()), indent=1) + "\n"
    with _one_at_a_time(lock.parent):
        dead = lock_holder(lock)
        if dead is not None:
            if not is_dead(dead):
                raise LockHeld(_refusal(lock, dead))
            lock.unlink()
        if not commit(lock, lambda path: _write(path, text), exclusive=True):
            holder = lock_holder(lock)
            raise LockHeld(
                _refusal(lock, holder) if holder else f"{lock}: another host was quicker; try again"
            )
    return dead


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def release(lock: Path) -> None:
    """Give the lock back; one that is not this process' own is left alone."""
    holder = lock_holder(lock)
    if holder is not None and (holder.pid, holder.host) == (os.getpid(), socket.gethostname()):
        lock.unlink()
        _beat_file(lock).unlink(missing_ok=True)


def _beat(path: Path, stop: threading.Event) -> None:
    count = 0
    while not stop.wait(BEAT_S):
        count += 1
        with suppress(OSError):  # a beat that a full disk does not take is left out, not the last one
            commit(path, lambda temporary, count=count: _write(temporary, f"{count}\n"))  # type: ignore[misc]


@contextmanager
def hold_lock(workdir: Workdir) -> Iterator[LockHolder | None]:
    """Hold the lock of `workdir`; yields the dead holder that was replaced, if any.

    Raises:
        LockHeld: another driver holds it.
    """
    dead = acquire(workdir.lock)
    stop = threading.Event()
    beat = threading.Thread(
        target=_beat, args=(_beat_file(workdir.lock), stop), name="lock-beat", daemon=True
    )
    beat.start()
    try:
        yield dead
    finally:
        stop.set()
        beat.join()
        release(workdir.lock)
