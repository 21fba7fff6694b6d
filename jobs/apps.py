"""What Parsl's workers run: a unit's job as a process of its own, or inside the worker."""

from __future__ import annotations

import importlib
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from jobs.block import note_block
from jobs.oom import oom_kills
from jobs.stop import POLL_S, Stop

PYTHON = (sys.executable, "-P")
TAIL_LINES = 12
GPU_VARIABLE = "NNK_GPU_VARIABLE"
GPU_VARIABLES = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")
_SIGNAL_BASE = 128  # shells and srun: exit code of a process that a signal has killed
_SIGNALS_OF_MPIEXEC = (4, 6, 7, 8, 9, 11)  # with whose bare numbers it ends; jobs of ours end with others
LIKE_CUDA = ("HIP_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL")
"""Further variables by which AMD's runtime chooses among the GPUs that ROCR_VISIBLE_DEVICES has left."""
PLACED_BY_PARSL = "$PARSL_MPI_PREFIX"
"""As a word of a command: those by which Parsl places MPI ranks on the nodes that it has given the unit."""
HOST = "{host}"
"""As a word of a command: the node of the worker, by the scheduler's name of it."""


class JobFailed(RuntimeError):
    """A job has ended with an error.

    Attributes:
        code: exit code, or minus the number of the signal that has killed it.
        log: last lines of its log.
        is_oom: it was killed, and meanwhile its node has killed processes for want of memory.
    """

    def __init__(self, code: int, log: str, is_oom: bool = False) -> None:
        super().__init__(code, log, is_oom)
        self.code = code
        self.log = log
        self.is_oom = is_oom

    def __str__(self) -> str:
        return f"{shown(self.code)}{', out of memory' if self.is_oom else ''}\n{self.log}"


def run_command(
    command: Sequence[str],
    log_file: str,
    stop_file: str,
    work_dir: str,
    *,
    parsl_resource_specification: Mapping[str, Any] | None = None,
) -> int:
    """Run a job's command with its output in `log_file`; 0 when it is over.

    When the stop file appears, or this worker's parent is gone, the job gets SIGTERM once, on which it
    saves what it has.

    Args:
        command: words, among them perhaps `PLACED_BY_PARSL` and `HOST`.
        log_file: takes its output.
        stop_file: see above.
        work_dir: where the block is noted (`jobs.block`).
        parsl_resource_specification: what Parsl's MPIExecutor has placed the unit by; read by Parsl alone.

    Raises:
        JobFailed: it has ended with another exit code.
    """
    keep_gpu_variable(os.environ)
    note_block(Path(work_dir))
    log = Path(log_file)
    log.parent.mkdir(parents=True, exist_ok=True)
    kills = oom_kills()
    with open(log, "ab") as out:
        process = subprocess.Popen(
            placed(command, os.environ), stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        code = _wait(process, Stop(Path(stop_file)))
    if code:
        is_oom = signal_of(code) == signal.SIGKILL and oom_kills() > kills
        raise JobFailed(code, tail(log), is_oom)
    return 0


def placed(command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The words of a command on this node, in this worker."""
    words: list[str] = []
    for word in command:
        if word == PLACED_BY_PARSL:
            words += shlex.split(environment[PLACED_BY_PARSL.removeprefix("$")])
        elif word == HOST:
            words.append(environment.get("SLURMD_NODENAME") or os.uname().nodename)
        else:
            words.append(word)
    return words


def _wait(process: subprocess.Popen[bytes], stop: Stop) -> int:
    asked = False
    while True:
        try:
            return process.wait(timeout=POLL_S)
        except subprocess.TimeoutExpired:
            if not asked and stop():
                asked = True
                process.terminate()


def signal_of(code: int) -> int:
    """Number of the signal behind an exit code (-9, 137, or 9 of mpiexec); 0 if there is none."""
    if code < 0:
        return -code
    if _SIGNAL_BASE < code < _SIGNAL_BASE + signal.NSIG:
        return code - _SIGNAL_BASE
    return code if code in _SIGNALS_OF_MPIEXEC else 0


def shown(code: int) -> str:
    """How a process has ended: ``killed by SIGKILL``, ``exit code 1``."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def run_in_worker(module: str, unit_file: str, work_dir: str) -> int:
    """Run the job `module` for a unit inside the worker, which keeps its imports and compiled code.

    `module.run` takes the path of the unit; the block is noted in `work_dir`.
    """
    keep_gpu_variable(os.environ)
    note_block(Path(work_dir))
    return int(importlib.import_module(module).run(Path(unit_file)) or 0)


def keep_gpu_variable(environment: MutableMapping[str, str]) -> None:
    """Leave of the variables that bind a worker to its GPU the one that is this machine's.

    Parsl sets all three, and Slurm those of its own. AMD's runtime applies CUDA's and HIP's after ROCR's, to
    the GPUs that are left: a worker with another number than 0 would see none.
    """
    chosen = environment.get(GPU_VARIABLE)
    if chosen is not None:
        for name in {*GPU_VARIABLES, *LIKE_CUDA} - {chosen}:
            environment.pop(name, None)
