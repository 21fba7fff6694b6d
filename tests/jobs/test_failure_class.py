"""Which class the words of errors and logs stand for; the words are real ones."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest

from jobs.failure_class import FailureClass, class_of_error, class_of_log
from jobs.unit import describe
from nnk.potentials import ForceFieldError
from nnk.saddle.box import NotConverged

ERRORS = {
    "MemoryError: ": "memory",
    "_ArrayMemoryError: Unable to allocate 7.28 TiB for an array with shape (1000000, 1000000)": "memory",
    "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total": "memory",
    "RuntimeError: [enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory": "memory",
    "OSError: [Errno 12] Cannot allocate memory": "memory",
    "ForceFieldError: LAMMPS: ERROR on proc 0: Failed to allocate 1600000000 bytes for array": "memory",
    "OSError: [Errno 28] No space left on device: '/scratch/x'": "disk",
    "OSError: only 10 of 4096 bytes of records could be written": "disk",
    "OSError: labels/a.journal: only 3 of 900 bytes could be written": "disk",
    "OSError: [Errno 122] Disk quota exceeded": "disk",
    "OSError: [Errno 116] Stale file handle": "node",
    "OSError: [Errno 5] Input/output error": "node",
    "RankLost: rank 0 of 2: Connection closed by peer": "node",
    "ManagerLost: Task failure due to loss of manager a1b2 on host node2": "node",
    "WorkerLost: Task failure due to loss of worker 0 on host node2": "crash",
    "killed by SIGKILL": "crash",
    "ForceFieldError: the energy is not finite: nan": "numerical",
    "ForceFieldError: LAMMPS: ERROR: Lost atoms: original 128 current 127": "numerical",
    "TrainingDiverged: the loss is nan after epoch 3": "numerical",
    "LinAlgError: SVD did not converge": "numerical",
    "3 of 30 audits failed, the first with ForceFieldError: the energy is not finite: nan": "numerical",
    "ValueError: w.npy is a pickle: set kmc.model.published.allow_pickle if you trust it": "user",
    "FileNotFoundError: [Errno 2] No such file or directory: 'weights.npy'": "user",
    "PermissionError: [Errno 13] Permission denied: 'kmc'": "user",
    "OSError: [Errno 30] Read-only file system: 'kmc'": "user",
    "ModuleNotFoundError: No module named 'mace'": "user",
    "DamagedFile: r000.nc: cannot be read as a trajectory": "user",
    "DamagedSnapshots: r000.nc is damaged (its content is not what its hash says)": "user",
    "KeyError: 'shells'": "program",
    "AttributeError: 'NoneType' object has no attribute 'run'": "program",
    "": "program",
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors_of_jobs(text):
    assert class_of_error(text) == ERRORS[text]


def refused_file(path):
    return os.open(path / "none" / "x", os.O_RDONLY)


RAISED = {
    "memory": lambda path: np.empty((10**7, 10**7)),
    "user": refused_file,
    "numerical": lambda path: np.linalg.inv(np.zeros((2, 2))),
    "disk": lambda path: (_ for _ in ()).throw(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))),
    "program": lambda path: {}["x"],
}


@pytest.mark.parametrize("kind", RAISED)
def test_errors_that_python_and_numpy_raise(kind, tmp_path):
    with pytest.raises(Exception) as caught:  # noqa: PT011  (of which kind is what is asked)
        RAISED[kind](tmp_path)
    assert class_of_error(describe(caught.value)) == kind


@pytest.mark.parametrize("error", [ForceFieldError("x"), NotConverged("x")])
def test_own_errors_of_numbers(error):
    assert class_of_error(describe(error)) is FailureClass.NUMERICAL


LOGS = {
    "slurmstepd: error: Detected 1 oom_kill event in StepId=12.0. Some of the step tasks have been OOM Kil"
    "led.\nsrun: error: node1: task 3: Out Of Memory": "memory",
    "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc": "memory",
    "=>> PBS: job killed: walltime 3622 exceeded limit 3600": "walltime",
    "slurmstepd: error: *** JOB 7 ON node1 CANCELLED AT 2026-11-21T22:50 DUE TO TIME LIMIT ***": "walltime",
    "slurmstepd: error: *** JOB 7 ON node1 CANCELLED AT 2026-11-21T22:50 DUE TO NODE FAILURE, SEE": "node",
    "slurmstepd: error: *** STEP 7.0 ON node1 CANCELLED AT 2026-11-21T22:50 ***": "node",
    "srun: Job step aborted: Waiting up to 7 seconds for job step to finish.\n"
    "slurmstepd-node1: error: *** STEP 1.0 ON node1 CANCELLED AT 2026-11-21T23:38:29 DUE TO TIME LIMIT ***\n"
    "srun: error: node1: task 0: Terminated": "walltime",
    "slurmstepd-node1: error: *** STEP 2.0 ON node1 CANCELLED AT 2026-11-21T23:37:48 ***\n"
    "srun: error: node1: task 0: Terminated\nsrun: forcing job termination": "node",
    "=   KILLED BY SIGNAL: 9 (Killed)": "crash",
    "Fatal Python error: Segmentation fault": "crash",
    'Traceback (most recent call last):\n  File "x"\nnnk.potentials.base.ForceFieldError: no': "numerical",
    "[rank0]: ModuleNotFoundError: No module named 'mace'": "user",
    "KeyError: 'a'\nAbort(87) on node 0 (rank 0 in comm 0): application called MPI_Abort": "program",
    "Note: nothing\nall is well": None,
    "": None,
}


@pytest.mark.parametrize("text", LOGS)
def test_last_lines_of_logs(text):
    assert class_of_log(text) == LOGS[text]


def test_a_limit_of_memory_really_reached():
    script = "import sys; sys.stderr.reconfigure(line_buffering=True); bytearray(10**12)"
    command = f"ulimit -v 2000000; exec {sys.executable} -c '{script}'"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 1
    assert class_of_log(done.stderr) is FailureClass.MEMORY


def test_classes_of_another_version_are_unknown():
    assert FailureClass("not yet thought of") is FailureClass.UNKNOWN
    assert FailureClass("memory") is FailureClass.MEMORY
