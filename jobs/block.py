"""The job that a unit's worker is in: noted before the work begins, for when the worker is lost."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from jobs.stop import BLOCK_END, MARGIN_S

_FILE = "block.json"
_JOB_VARIABLES = ("SLURM_JOB_ID", "PBS_JOBID")


@dataclass(frozen=True)
class Block:
    """Nodes that a unit was on.

    Attributes:
        id: Parsl's number of the block; empty outside of Parsl.
        job: the scheduler's name of the job; empty without a scheduler.
        host: name of the node whose worker has started the unit.
        end_unix_s: when the scheduler takes the nodes back (s since the epoch); None: never.
    """

    id: str
    job: str
    host: str
    end_unix_s: float | None

    @classmethod
    def here(cls, environment: Mapping[str, str] = os.environ) -> Block:
        """The block of this process."""
        end = environment.get(BLOCK_END)
        return cls(
            id=environment.get("PARSL_WORKER_BLOCK_ID", ""),
            job=next((environment[name] for name in _JOB_VARIABLES if name in environment), ""),
            host=os.uname().nodename,
            end_unix_s=float(end) if end else None,
        )

    def has_ended(self, now_unix_s: float | None = None) -> bool:
        """Whether its walltime is over, or so nearly that what was lost then was lost to it."""
        now_unix_s = time.time() if now_unix_s is None else now_unix_s
        return self.end_unix_s is not None and now_unix_s > self.end_unix_s - MARGIN_S


def note_block(folder: Path) -> None:
    """Write down the block of this process in the folder of a unit's work."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(Block.here())) + "\n"
    temporary = folder / f".{_FILE}.{os.getpid()}"
    temporary.write_text(text)
    temporary.replace(folder / _FILE)


def noted_block(folder: Path) -> Block | None:
    """The block that a unit was last begun in; None if no worker has begun it."""
    path = folder / _FILE
    return Block(**json.loads(path.read_text())) if path.is_file() else None
