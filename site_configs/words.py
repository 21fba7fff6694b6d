"""Texts of site and campaign files that end up in a submit script or on a scheduler's command line.

Parsl hands the name of a queue to a shell and writes the rest into a script, quoting nothing: only characters
that mean nothing to either are allowed. The one exception, by design, is `worker_init`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

WORD = r"^[A-Za-z0-9_][A-Za-z0-9_.@+:-]{0,127}$"
FEATURES = r"^[A-Za-z0-9_\[(][A-Za-z0-9_.&|*,\[\]()=:-]{0,255}$"
DIRECTIVE = r"^#(SBATCH|PBS) [ -~]{1,500}$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
WALLTIME = r"^[0-9]{1,5}:[0-5][0-9]:[0-5][0-9]$"

ALLOWED = {
    WORD: "letters, digits, _ . @ + : and -, at most 128",
    FEATURES: "letters, digits, _ . & | * , [ ] ( ) = : and -, at most 256",
    DIRECTIVE: "one line that begins with #SBATCH or #PBS",
    VARIABLE: "letters, digits and _",
    WALLTIME: "HH:MM:SS",
}
"""What each pattern means, for messages."""

Word = Annotated[str, StringConstraints(pattern=WORD)]
"""A queue, an account, a quality of service, a network interface or address."""

Features = Annotated[str, StringConstraints(pattern=FEATURES)]
"""A constraint of Slurm, or more of a chunk of PBS's select; written into the script only."""

Directive = Annotated[str, StringConstraints(pattern=DIRECTIVE)]
"""A line of the submit script that the scheduler reads and the shell does not."""

Variable = Annotated[str, StringConstraints(pattern=VARIABLE)]
"""Name of an environment variable."""

WallTime = Annotated[str, StringConstraints(pattern=WALLTIME)]
"""HH:MM:SS."""


def seconds_of(walltime: str) -> int:
    """Seconds of an HH:MM:SS."""
    hours, minutes, seconds = map(int, walltime.split(":"))
    return 3600 * hours + 60 * minutes + seconds
