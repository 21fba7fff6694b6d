"""What Parsl's workers run: a unit's job as a process of its own, or inside the worker."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path

from jobs.stop import POLL_S, Stop

PYTHON = (sys.executable, "-P")
TAIL_LINES = 12
GPU_VARIABLE = "NNK_GPU_VARIABLE"
GPU_VARIABLES = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")


class JobFailed(RuntimeError):
    """A job has ended with an error.

    Attributes:
        code: exit code, or minus the number of the signal that has killed it.
        log: last lines of its log.
    """

    def __init__(self, code: int, log: str) -> None:
        super().__init__(code, log)
        self.code = code
        self.log = log

    def __str__(self) -> str:
        return f"{_shown(self.code)}\n{self.log}"


def run_command(command: Sequence[str], log_file: str, stop_file: str) -> int:
    """Run a job's command with its output in `log_file`; 0 when it is over.

    When the stop file appears, or this worker's parent is gone, the job gets SIGTERM once, on which it
    saves what it has.

    Raises:
        JobFailed: it has ended with another exit code.
    """
    keep_gpu_variable(os.environ)
    log = Path(log_file)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as out:
        process = subprocess.Popen(list(command), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        code = _wait(process, Stop(Path(stop_file)))
    if code:
        raise JobFailed(code, tail(log))
    return 0


def _wait(process: subprocess.Popen[bytes], stop: Stop) -> int:
    asked = False
    while True:
        try:
            return process.wait(timeout=POLL_S)
        except subprocess.TimeoutExpired:
            if not asked and stop():
                asked = True
                process.terminate()


def _shown(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def run_in_worker(module: str, unit_file: str) -> int:
    """Run the job `module` for a unit inside the worker, which keeps its imports and compiled code.

    `module.run` takes the path of the unit.
    """
    keep_gpu_variable(os.environ)
    return int(importlib.import_module(module).run(Path(unit_file)) or 0)


def keep_gpu_variable(environment: MutableMapping[str, str]) -> None:
    """Leave of the variables that bind a worker to its GPU the one that is this machine's.

    Parsl sets all three. AMD's runtime applies CUDA's after its own, to the GPUs that are left: a worker
    with another number than 0 would see none.
    """
    chosen = environment.get(GPU_VARIABLE)
    if chosen is not None:
        for name in set(GPU_VARIABLES) - {chosen}:
            environment.pop(name, None)
