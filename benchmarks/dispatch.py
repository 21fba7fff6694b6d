"""What campaigns cost apart from their work: ``python -m benchmarks.dispatch [--json]``.

`units_per_s`: trivial pieces of work, items that are but noted as done, through the local site, records and
all, as campaigns do them: items that last moments share the units that workers get. `ratio_to_parsl`: against
as many empty tasks through Parsl alone, with the same workers, in the same run. `single_*`: with a unit for
each item.

`plan_1e6_*` and `status_1e6_*` are ``launch plan`` and ``launch status``, as a user calls them, on a campaign
of a million labels, half of them done and 1 % failed: `*_s` is the processor's time with all imports,
`*_wall_s` what a clock shows, `*_GiB` the most memory that was held.

``--units`` and ``--items`` make everything smaller.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.large_campaign import write_campaign
from benchmarks.units import measure_units

PACKAGE = Path(__file__).parents[1]
UNITS, ITEMS = 10_000, 1_000_000


def spent(name: str, command: Sequence[str]) -> dict[str, float]:
    """Time and the most memory of a Python process."""
    began = time.perf_counter()
    job = subprocess.Popen([sys.executable, "-P", *command], stdout=subprocess.PIPE, cwd=PACKAGE)
    print(job.stdout.read().decode() if job.stdout else "", end="", file=sys.stderr)
    _, status, usage = os.wait4(job.pid, 0)
    wall_s = time.perf_counter() - began
    job.returncode = os.waitstatus_to_exitcode(status)
    if job.returncode:
        raise RuntimeError(f"{name}: exit code {job.returncode}")
    cpu_s = usage.ru_utime + usage.ru_stime
    return {f"{name}_s": cpu_s, f"{name}_wall_s": wall_s, f"{name}_GiB": usage.ru_maxrss / 1024**2}


def measure_large(folder: Path, items: int) -> dict[str, float]:
    """Plan and status of a large campaign."""
    path = str(write_campaign(folder, items))
    launch = ["-m", "launch.cli"]
    return spent("plan_1e6", [*launch, "plan", path]) | spent("status_1e6", [*launch, "status", path])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one flat JSON object")
    parser.add_argument("--units", type=int, default=UNITS, help="trivial units")
    parser.add_argument("--items", type=int, default=ITEMS, help="items of the large campaign")
    asked = parser.parse_args(arguments)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        figures |= measure_units(Path(folder), asked.units)
        figures |= measure_large(Path(folder), asked.items)
    if asked.json:
        print(json.dumps(figures, indent=1))
    else:
        print("\n".join(f"{name:20} {value:.4g}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
