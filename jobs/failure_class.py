"""Classes of failures: what has to be done about one, told from the words of an error or of a log."""

from __future__ import annotations

import re
from enum import StrEnum


class FailureClass(StrEnum):
    """What a failure is owed to."""

    WALLTIME = "walltime"  # the scheduler's time was over
    NODE = "node"  # the node, its worker or the scheduler's job was lost
    MEMORY = "memory"  # of a node or of a GPU
    DISK = "disk"  # full, or over the quota
    CRASH = "crash"  # a process has died of a signal
    NUMERICAL = "numerical"  # numbers that are not finite, no convergence
    USER = "user"  # files, packages or settings that only the user can mend
    PROGRAM = "program"  # another exception: a mistake in a program, most likely
    UNKNOWN = "unknown"  # nothing tells

    @classmethod
    def _missing_(cls, value: object) -> FailureClass:
        return cls.UNKNOWN  # records of before there were classes, or of a later version


_MEMORY = (
    r"MemoryError|bad_alloc|out[ -]?of[ -]?memory|oom[-_ ]?kill|cannot allocate memory|\[Errno 12\]|"
    r"can't allocate memory|unable to allocate|failed to (re)?allocate|ALLOC_FAILED|memory limit|"
    r"mem \d+\w+ exceeded limit"
)
_DISK = (
    r"no space left on device|disk quota exceeded|file too large|\[Errno (27|28|122)\]|"
    r"bytes (of records )?could be written"
)
_WALLTIME = r"due to time limit|walltime \d+ exceeded limit|job killed: walltime"
_NODE = (
    r"ManagerLost|RankLost|node failure|stale file handle|input/output error|remote i/o error|"
    r"transport endpoint|due to preemption|\*\*\* (job|step) \S+ on \S+ cancelled|uncorrectable ECC"
)
_CRASH = r"killed by SIG|fatal python error|segmentation fault|bus error|WorkerLost"
_NUMERICAL = (
    r"TrainingDiverged|ForceFieldError|AtomLeft|NotConverged|NoLabel|FloatingPointError|ZeroDivisionError|"
    r"LinAlgError|not finite|no convergence|not converge|lost atoms|non-numeric"
)
_USER = (
    r"ProbeError|FileNotFoundError|PermissionError|NotADirectoryError|IsADirectoryError|ModuleNotFoundError|"
    r"ImportError|ValueError|WrongWorld|WrongRanks|MissingInput|DamagedInput|DamagedFile|NotComparable|"
    r"DamagedSnapshots|UnpicklingError|SafetensorError|read-only file system|unrecognized pair style"
)
_TOLD = (
    (FailureClass.MEMORY, _MEMORY),
    (FailureClass.DISK, _DISK),
    (FailureClass.WALLTIME, _WALLTIME),
    (FailureClass.NODE, _NODE),
    (FailureClass.CRASH, _CRASH),
)
_OF_JOBS = ((FailureClass.NUMERICAL, _NUMERICAL), (FailureClass.USER, _USER))


def _compiled(table: tuple[tuple[FailureClass, str], ...]) -> list[tuple[FailureClass, re.Pattern[str]]]:
    return [(kind, re.compile(words, re.IGNORECASE)) for kind, words in table]


_MACHINE, _ALL = _compiled(_TOLD), _compiled(_TOLD + _OF_JOBS)
_RAISED = re.compile(
    r"^(?:\[\w+\]: ?)?(?:\w+\.)*[A-Z]\w*"
    r"(?:Error|Exception|Lost|Left|Diverged|Converged|Input|File|World|Ranks)(?:: .*)?$",
    re.MULTILINE,
)


def class_of_error(text: str) -> FailureClass:
    """Class of an exception of a job, given as ``Class: message``."""
    return next((kind for kind, words in _ALL if words.search(text)), FailureClass.PROGRAM)


def class_of_log(text: str) -> FailureClass | None:
    """What the last lines of a log say of how the job has ended; None if they do not."""
    of_machine = next((kind for kind, words in _MACHINE if words.search(text)), None)
    if of_machine is not None:
        return of_machine
    raised = _RAISED.findall(text)
    return class_of_error(raised[-1]) if raised else None
