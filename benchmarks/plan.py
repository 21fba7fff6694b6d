"""What 736,000 barriers cost apart from computing them: ``python -m benchmarks.plan [--json]``.

A campaign of 46 compositions with 2,000 vacancies each (bcc, 8 barriers per vacancy, each in a sample of its
own with 2,000 sites) and synthetic but valid products. The labels of 45 compositions are merged, those of the
last one lie in journals, all recorded by 10,000 units: `merge_*`, `plan_*`, `status_*` measure that. Then
everything is merged: `nothing_*` is ``launch run`` with nothing to do, `open_*` a column, and the states of
1,000 labels. `*_s` is the processor's time of a process of its own, its imports included, `*_MB` the most
memory that it has held. `--share 0.1` makes everything a tenth as large.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import netCDF4
import numpy as np

from launch.campaign import load_campaign
from launch.campaign_items import all_items
from launch.items import Item
from nnk.barrier_journal import Journal
from nnk.barriers import BarrierSet
from nnk.files import Workdir

CAMPAIGN = """\
schema_version: 1
name: large
seed: 7
workdir: work
site: local
alloy: {{elements: [Nb, Mo, Ta], lattice: bcc}}
potential: {{builtin: zhou-eam}}
label:
  compositions: {{grid: paper46}}
  cells: [10, 10, 10]
  vacancies_per_composition: {vacancies}
"""
PACKAGE = Path(__file__).parents[1]
ELEMENTS, CELLS, N_SITES, Z = ("Nb", "Mo", "Ta"), (10, 10, 10), 2000, 8
VACANCIES, UNITS, IN_JOURNAL = 2000, 10_000, 9

MERGE = """
import sys
from pathlib import Path
from jobs.merge import merge_labels
from launch.campaign import load_campaign
from launch.campaign_items import all_items
from nnk.files import Fence, Workdir
campaign = load_campaign(Path(sys.argv[1]))
workdir = Workdir(campaign.workdir_path)
hashes = [item.hash for item in all_items(campaign)["label"]]
print(merge_labels(workdir, hashes, Fence(workdir.epoch_file, 1)).n_labels)
"""
OPEN = """
import sys
from nnk.open_barriers import open_barriers
with open_barriers(sys.argv[1]) as barriers:
    print(barriers.E_fwd_eV.mean(), barriers.usable.sum())
    for i in range(0, len(barriers), max(1, len(barriers) // 1000)):
        barriers.states(i)
"""


def barriers_of(items: Sequence[Item], first: int) -> BarrierSet:
    """Made-up labels of items of one composition, the `first` of which is that number of its composition."""
    n = len(items)
    stream = np.random.default_rng(first)
    energies = stream.normal(1.0, 0.2, (2, n * Z))
    site = stream.integers(0, N_SITES, n)
    small = np.zeros(n * Z)
    return BarrierSet(
        elements=ELEMENTS,
        structure="bcc",
        cells=CELLS,
        occupancy=stream.integers(1, 4, (n, N_SITES), dtype=np.uint8),
        a_A=np.full(n, 3.24),
        sample_key=tuple(item.key.rsplit("/", 1)[0] for item in items),
        composition=np.full((n, 3), 1 / 3),
        sample=np.repeat(np.arange(n), Z),
        vacancy_site=np.repeat(site, Z),
        jump=np.tile(np.arange(Z), n),
        E_fwd_eV=energies[0],
        E_bwd_eV=energies[1],
        curvature_eV_A2=-stream.random(n * Z),
        residual_force_eV_A=0.01 * stream.random(n * Z),
        calls=stream.integers(20, 60, n * Z),
        flag=small,
        method=small,
        n_saddles=small + 1,
        item_hash=tuple(item.hash for item in items for _ in range(Z)),
        attrs={"potential": "builtin zhou-eam", "seed": 7},
    )


def write_products(workdir: Workdir, items: dict[str, list[Item]], vacancies: int) -> None:
    """Everything but the report: prepared products, labels in parts and journals, the audit."""
    workdir.labels_dir.mkdir(parents=True)
    workdir.epoch_file.write_text("1")
    for item in items["prepare"]:
        path = workdir.labels_dir / f"{item.key}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"inputs_hash": item.hash}))
    labels = items["label"]
    for first in range(0, len(labels) - vacancies, vacancies):
        barriers = barriers_of(labels[first : first + vacancies], first)
        barriers.save(workdir.labels_dir / f"000001-label-{first:06d}.nc")
    write_journals(workdir, labels[-vacancies:])
    workdir.audit_file.parent.mkdir()
    with netCDF4.Dataset(workdir.audit_file, "w") as file:
        file.inputs_hash = items["audit"][0].hash


def write_journals(workdir: Workdir, items: Sequence[Item]) -> None:
    """The labels of items as killed units leave them."""
    for first in range(0, len(items), IN_JOURNAL):
        with Journal(workdir.labels_dir / f"000001-label-j{first:05d}-r00000.journal") as journal:
            for place, item in enumerate(items[first : first + IN_JOURNAL], start=first):
                journal.add(barriers_of([item], place))


def write_records(workdir: Workdir, items: dict[str, list[Item]], units: int) -> None:
    """Records of all items, those of the labels by many units."""
    for stage in ("prepare", "audit", "label"):
        batches = np.array_split(np.arange(len(items[stage])), units if stage == "label" else 1)
        workdir.records(stage).mkdir(parents=True)
        for number, batch in enumerate(batches):
            lines = "".join(record_line(items[stage][i], workdir, number) for i in batch)
            (workdir.records(stage) / f"000001-{stage}-{number:04d}.jsonl").write_text(lines)


def record_line(item: Item, workdir: Workdir, unit: int) -> str:
    """A record as units write it."""
    name = f"000001-{item.stage}-{unit:04d}"
    record = {"epoch": 1, "time_unix_s": 1.7e9 + unit, "key": item.key, "hash": item.hash}
    record |= {"group": item.group.hash, "state": "done", "seconds": 0.5, "error": ""}
    record |= {"log": str(workdir.logs(item.stage) / f"{name}.log"), "unit": name, "calls": 300}
    return json.dumps(record) + "\n"


def finish_report(workdir: Workdir, items: dict[str, list[Item]]) -> None:
    """A report, so that nothing is to do."""
    workdir.records("report").mkdir(parents=True)
    workdir.report.write_text("report")
    line = record_line(items["report"][0], workdir, 0)
    (workdir.records("report") / "000001-report-0000.jsonl").write_text(line)


def spent(name: str, command: Sequence[str]) -> dict[str, float]:
    """Time of the processor and the most memory of a Python process."""
    job = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, cwd=PACKAGE)
    print(job.stdout.read().decode() if job.stdout else "", end="", file=sys.stderr)
    _, status, usage = os.wait4(job.pid, 0)
    job.returncode = os.waitstatus_to_exitcode(status)
    if job.returncode:
        raise RuntimeError(f"{name}: exit code {job.returncode}")
    return {f"{name}_s": usage.ru_utime + usage.ru_stime, f"{name}_MB": usage.ru_maxrss / 1024}


def measure(folder: Path, share: float) -> dict[str, float]:
    """All figures."""
    path = folder / "large.yaml"
    vacancies = max(IN_JOURNAL, round(share * VACANCIES))
    path.write_text(CAMPAIGN.format(vacancies=vacancies))
    campaign = load_campaign(path)
    workdir, items = Workdir(campaign.workdir_path), all_items(campaign)
    write_products(workdir, items, vacancies)
    write_records(workdir, items, max(1, round(share * UNITS)))
    launch = ["-m", "launch.cli"]
    journals_aside = folder / "journals"
    journals_aside.mkdir()
    for journal in workdir.labels_dir.glob("*.journal"):
        journal.rename(journals_aside / journal.name)
    figures = {"barriers": float(Z * len(items["label"])), "units": float(max(1, round(share * UNITS)))}
    figures |= spent("merge", ["-c", MERGE, str(path)])
    for journal in journals_aside.glob("*.journal"):
        journal.rename(workdir.labels_dir / journal.name)
    figures |= spent("plan", [*launch, "plan", str(path)]) | spent("status", [*launch, "status", str(path)])
    figures |= spent("merge_again", ["-c", MERGE, str(path)])
    finish_report(workdir, items)
    figures |= spent("nothing", [*launch, "run", str(path)])
    figures |= spent("open", ["-c", OPEN, str(workdir.labels_file)])
    figures["labels_file_MB"] = workdir.labels_file.stat().st_size / 1e6
    return figures


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one flat JSON object")
    parser.add_argument("--share", type=float, default=1.0, help="of 736,000 barriers")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), asked.share)
    if asked.json:
        print(json.dumps(figures, indent=1))
    else:
        print("\n".join(f"{name:20} {value:.4g}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
