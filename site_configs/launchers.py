"""Workers on every node of a job."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from parsl.launchers.base import Launcher


class NodeLauncher(Launcher):
    """Starts the workers' command once on each node of a job, by words of the site.

    Parsl's own launchers for srun and mpiexec fix what sites differ in: binding, ranks per node, and whether
    other programs may be started beside the workers.

    Args:
        words: of a command that starts the words after them on every node.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        super().__init__(debug=False)

    def __call__(self, command: str, tasks_per_node: int, nodes_per_block: int, script_dir: str = "") -> str:
        """The shell's line for the workers' command."""
        return f"{shlex.join(self.words)} {command}"
