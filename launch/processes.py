"""The processes of a run: all that it starts carry its tag in their environment and can be ended by it.

Parsl's interchange, worker pools and workers, mpiexec, its proxies and the ranks inherit the variable,
whoever their parent is by now. After a `kill -9` of the driver they would go on for minutes; the watchdog
ends them within seconds, and the next driver looks for survivors before it starts anything.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import psutil

from launch.process_times import process_start
from nnk.files import stable_hash

RUN_VARIABLE = "NNK_RUN"


def workdir_tag(root: Path) -> str:
    """What the tags of all runs of a workdir begin with."""
    return stable_hash([os.uname().nodename, str(root.resolve())])[:16]


def run_tag(root: Path, epoch: int) -> str:
    """Tag of one run."""
    return f"{workdir_tag(root)}:{epoch}:"


def tagged_processes(prefix: str) -> list[psutil.Process]:
    """Processes of this host and user whose tag begins with `prefix`; never the caller itself."""
    found = []
    for process in psutil.process_iter():
        try:
            tag = process.environ().get(RUN_VARIABLE, "")
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue  # of another user, or gone
        if tag.startswith(prefix) and process.pid != os.getpid():
            found.append(process)
    return found


def end_processes(prefix: str, grace_s: float = 0.0, patience_s: float = 10.0) -> int:
    """End every process whose tag begins with `prefix`.

    Args:
        prefix: `run_tag` or `workdir_tag`.
        grace_s: SIGTERM first and wait this long; 0: SIGKILL at once.
        patience_s: how long to wait after SIGKILL, while new ones may still appear.

    Returns:
        How many were ended.

    Raises:
        RuntimeError: some are still there; their ids are in the message.
    """
    ended: set[int] = set()
    if grace_s:
        asked = tagged_processes(prefix)
        for process in asked:
            _signal(process, force=False)
        psutil.wait_procs(asked, timeout=grace_s)
        ended |= {process.pid for process in asked}
    rounds = max(1, int(patience_s / 0.2))
    for _ in range(rounds):
        left = tagged_processes(prefix)
        if not left:
            return len(ended)
        for process in left:
            _signal(process, force=True)
        psutil.wait_procs(left, timeout=0.2)
        ended |= {process.pid for process in left}
    pids = ", ".join(str(process.pid) for process in tagged_processes(prefix))
    if pids:
        raise RuntimeError(f"processes {pids} of an earlier run cannot be ended; end them, then run again")
    return len(ended)


def _signal(process: psutil.Process, *, force: bool) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        if force:
            process.kill()
        else:
            process.terminate()


def start_watchdog(tag: str, log: Path) -> subprocess.Popen[bytes]:
    """Start the process that ends everything tagged `tag` once this one is gone.

    It runs in a session of its own, so that neither Ctrl-C nor a closed terminal reaches it, and untagged.
    """
    pid = os.getpid()
    environment = {name: value for name, value in os.environ.items() if name != RUN_VARIABLE}
    who = [str(pid), repr(process_start(pid)), tag]
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as out:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "launch.watchdog", *who],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment,
            start_new_session=True,
        )
