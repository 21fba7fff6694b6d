"""``python -m jobs.analyse UNIT``: run one analysis, or the report, as a process of its own.

The analysis is started by name, so that nothing here depends on what analyses there are.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from jobs.apps import PYTHON, shown, tail
from jobs.unit import Unit


def main(arguments: list[str]) -> int:
    """Run the analysis and record what has become of it; its exit code."""
    unit = Unit.load(Path(arguments[0]))
    (item,), began = unit.items, time.perf_counter()
    unit.record(unit.outcome(item, "started"))
    command = [*PYTHON, "-m", f"analysis.{item.key}", str(unit.root), "--epoch", str(unit.epoch)]
    code = subprocess.run(command, stdin=subprocess.DEVNULL).returncode
    seconds = time.perf_counter() - began
    unit.fence.check()
    if code == 0:
        unit.record(unit.outcome(item, "done", seconds=seconds))
    else:
        last = tail(unit.log_file, 1) if code > 0 else ""  # a signal leaves no words
        unit.record(unit.outcome(item, "failed", seconds=seconds, error=last or shown(code)))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
