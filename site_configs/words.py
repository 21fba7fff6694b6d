"""Texts of site and campaign files that end up in a submit script or on a scheduler's command line.

Parsl hands the name of a queue to a shell and writes the rest into a script, quoting nothing: only characters
that mean nothing to either are allowed. The one exception, by design, is `worker_init`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@+:-]{0,127}$")]
"""A queue, an account, a quality of service, a network interface or address."""

Features = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_\[(][A-Za-z0-9_.&|*,\[\]()=:-]{0,255}$")]
"""A constraint of Slurm, or more of a chunk of PBS's select; written into the script only."""

Directive = Annotated[str, StringConstraints(pattern=r"^#(SBATCH|PBS) [ -~]{1,500}$")]
"""A line of the submit script that the scheduler reads and the shell does not."""

Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
"""Name of an environment variable."""

WallTime = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}:[0-5][0-9]:[0-5][0-9]$")]
"""HH:MM:SS."""


def seconds_of(walltime: str) -> int:
    """Seconds of an HH:MM:SS."""
    hours, minutes, seconds = map(int, walltime.split(":"))
    return 3600 * hours + 60 * minutes + seconds
