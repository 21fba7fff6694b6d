"""Weak scaling of labelling over MPI ranks, and what it costs to keep labels safe.

`python -m benchmarks.farm [--json] [--vacancies 40] [--repeats 3]`: units of real labels (built-in EAM, 432
sites) run as the jobs of a campaign do, with 1 rank, with 2 ranks and twice as many vacancies, and as two
single ranks at the same time that know nothing of each other, which is what the machine allows. Rates are
force calls per second and rank from the begin of the first vacancy to the end of the last, the best of all
repeats: other work on the machine counts, so it wants an idle one. `cpu_efficiency` compares the processor's
time per call instead, the start of the job and waiting for messages included; `busy_share` is the part of
the time in which ranks were at work on a vacancy.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.core import sgemm_gflop_per_s
from jobs.apps import PYTHON
from jobs.unit import Unit, UnitItem
from nnk.alloy import composition_name
from nnk.barrier_columns import SAMPLE_COLUMNS
from nnk.barrier_journal import Journal, read_journal
from nnk.barriers import BarrierSet
from nnk.files import Workdir, read_records
from nnk.potentials import Builtin
from site_configs import load_site

ELEMENTS = ("Nb", "Mo", "Ta")
FRACTIONS = {"Nb": 0.34, "Mo": 0.33, "Ta": 0.33}
NAME = composition_name(FRACTIONS, ELEMENTS)
CELLS = (6, 6, 6)


@dataclass(frozen=True)
class Measured:
    """One unit, or two at the same time.

    Attributes:
        calls: force calls of all labels.
        span_s: from the begin of the first vacancy to the end of the last.
        cpu_s: time of the processor, all processes together.
        busy_s: of the ranks with items, summed.
    """

    calls: int
    span_s: float
    cpu_s: float
    busy_s: float


def unit_of(root: Path, stage: str, name: str, items: Sequence[UnitItem], ranks: int) -> Unit:
    """A unit as the command line cuts it."""
    settings = {
        "seed": 3,
        "elements": list(ELEMENTS),
        "structure": "bcc",
        "potential": Builtin().to_json(),
        "cells": list(CELLS),
        "compositions": {NAME: FRACTIONS},
        "search": {"max_force_eV_A": 0.01, "connect": True, "method": "search"},
        "box": "zero-pressure",
        "ranks_per_barrier": 1,
        "samples": None,
        "far_field": None,
        "sites": {},
    }
    unit = Unit(stage, name, root, 1, ranks, settings, tuple(items))
    unit.save()
    return unit


def vacancies(n: int) -> list[UnitItem]:
    """The first `n` vacancies, each in a sample of its own."""
    inputs = [{"composition": NAME, "sample": i, "vacancy": 0} for i in range(n)]
    return [UnitItem(f"{NAME}/s{i:04d}/v00000", f"{i:032x}", "g", inputs[i]) for i in range(n)]


def start(unit: Unit) -> subprocess.Popen[bytes]:
    """Start the job of a unit as a campaign does."""
    command = load_site("local").layout(unit.stage, unit.ranks).mpi_command
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # whose mpiexec fits its mpi4py
    environment = {**os.environ, "PATH": path, "NUMBA_NUM_THREADS": "1"}
    arguments = [*PYTHON, "-m", f"jobs.{unit.stage}", str(unit.path)]
    return subprocess.Popen([*command, *arguments], env=environment)


def finish(job: subprocess.Popen[bytes]) -> float:
    """Wait for a job; time of the processor (s) of all its processes."""
    _, status, usage = os.wait4(job.pid, 0)
    job.returncode = os.waitstatus_to_exitcode(status)
    if job.returncode:
        raise RuntimeError(f"the job ended with exit code {job.returncode}")
    return usage.ru_utime + usage.ru_stime


def prepare(root: Path) -> None:
    """What labels need."""
    (root / "epoch").write_text("1")
    inputs = {"composition": FRACTIONS}
    items = [UnitItem("system", "s" * 32, "g"), UnitItem(f"lattice/{NAME}", "l" * 32, "g", inputs)]
    finish(start(unit_of(root, "prepare", "prepare", items, 1)))


def run_units(root: Path, name: str, shares: Sequence[tuple[int, Sequence[UnitItem]]]) -> Measured:
    """Run units, each of some ranks and items, at the same time."""
    units = [unit_of(root, "label", f"{name}-{k}", items, ranks) for k, (ranks, items) in enumerate(shares)]
    cpu_s = sum(map(finish, [start(unit) for unit in units]))
    names = {unit.name for unit in units}
    records = [r for r in read_records(Workdir(root), "label") if r["unit"] in names]
    if len(records) != sum(len(items) for _, items in shares):
        raise RuntimeError(f"{len(records)} labels are recorded of unit {name}")
    seconds = [record["seconds"] for record in records]
    began = min(record["ended_unix_s"] - record["seconds"] for record in records)
    ended = max(record["ended_unix_s"] for record in records)
    return Measured(sum(r["calls"] for r in records), ended - began, cpu_s, sum(seconds))


def scaling(root: Path, n: int, repeats: int) -> dict[str, float]:
    """Efficiencies of 2 ranks beside 1."""
    items = vacancies(2 * n)
    shapes = {"one": [(1, items[:n])], "two": [(2, items)], "apart": [(1, items[:n]), (1, items[n:])]}
    runs: dict[str, list[Measured]] = {shape: [] for shape in shapes}
    for repeat in range(repeats):
        for shape, shares in shapes.items():
            runs[shape].append(run_units(root, f"{shape}-{repeat}", shares))
    rate = {shape: max(run.calls / run.span_s for run in found) for shape, found in runs.items()}
    cost = {shape: min(run.cpu_s / run.calls for run in found) for shape, found in runs.items()}
    busy = max(run.busy_s / (2 * run.span_s) for run in runs["two"])
    return {
        "calls_per_s_1_rank": rate["one"],
        "calls_per_s_2_ranks": rate["two"],
        "weak_scaling_2_ranks": rate["two"] / (2 * rate["one"]),
        "weak_scaling_2_processes_apart": rate["apart"] / (2 * rate["one"]),
        "ratio_to_processes_apart": rate["two"] / rate["apart"],
        "busy_share_2_ranks": busy,
        "cpu_efficiency_2_ranks": cost["one"] / cost["two"],
        "vacancies_per_rank": float(n),
        "seconds_per_vacancy": min(run.busy_s for run in runs["one"]) / n,
    }


def safety(root: Path, repeats: int) -> dict[str, float]:
    """Time to put the labels of a vacancy into a journal and onto the disk."""
    found = [read_journal(path) for path in root.glob("labels/two-0-*.journal")]
    (labels,) = [b for b in found if b is not None and b.sample_key[0].endswith("s0000")]
    one = with_own_samples(labels.select([digest == f"{0:032x}" for digest in labels.item_hash]))
    times = []
    for repeat in range(repeats):
        with Journal(root / f"{repeat}.journal") as journal:  # the first line is always forced to the disk
            began = time.perf_counter()
            journal.add(one)
            times.append(time.perf_counter() - began)
    return {"journal_ms_per_vacancy": 1e3 * median(times)}


def with_own_samples(barriers: BarrierSet) -> BarrierSet:
    """The labels of one sample, without the others."""
    (number,) = set(barriers.sample.tolist())
    names = ("occupancy", "a_A", "composition", *SAMPLE_COLUMNS)
    rows = {name: getattr(barriers, name)[number : number + 1] for name in names}
    key = barriers.sample_key[number : number + 1]
    return barriers.replaced(**rows, sample_key=key, sample=barriers.sample - number)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one flat JSON object")
    parser.add_argument("--vacancies", type=int, default=40, help="per rank")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        prepare(root)
        figures = scaling(root, asked.vacancies, asked.repeats) | safety(root, 21)
    share = 1e-3 * figures["journal_ms_per_vacancy"] / figures["seconds_per_vacancy"]
    figures |= {"journal_share_of_time": share, "sgemm_gflop_per_s": sgemm_gflop_per_s()}
    if asked.json:
        print(json.dumps(figures, indent=1))
    else:
        print("\n".join(f"{name:32} {value:.4g}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
