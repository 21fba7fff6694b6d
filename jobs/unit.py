"""A unit: a batch of items that one job works on, as a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.failure_class import class_of_error
from nnk.barrier_journal import SUFFIX
from nnk.files import Fence, Workdir, append_records, commit

TOLD_BY_PRODUCTS = ("prepare", "samples", "label", "audit", "kmc", "snapshots")
"""Stages whose products say themselves what they were made from: a power cut may take their records."""


@dataclass(frozen=True)
class UnitItem:
    """One item of a unit.

    Attributes:
        key, hash, group: its name, the hash of its inputs, and that of the inputs it shares.
        inputs: what the job needs to know of it.
    """

    key: str
    hash: str
    group: str
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Unit:
    """Work for one job.

    Attributes:
        stage: the stage of all its items.
        name: unique among all units of all runs; it names the files that the job writes.
        root: the working directory.
        epoch: number of the run.
        ranks: processes that the job is to have.
        settings: what its items have in common.
        items: the items.
    """

    stage: str
    name: str
    root: Path
    epoch: int
    ranks: int
    settings: Mapping[str, Any]
    items: tuple[UnitItem, ...]

    @property
    def workdir(self) -> Workdir:
        """The working directory."""
        return Workdir(self.root)

    @property
    def fence(self) -> Fence:
        """The right to write while this run is the latest."""
        return Fence(self.workdir.epoch_file, self.epoch)

    @property
    def stop_file(self) -> Path:
        """When this file is there, jobs save what they have and end."""
        return self.workdir.run_dir(self.epoch) / "stop"

    @property
    def log_file(self) -> Path:
        """What the job prints."""
        return self.workdir.logs(self.stage) / f"{self.name}.log"

    @property
    def path(self) -> Path:
        """Where the unit is kept."""
        return self.workdir.run_dir(self.epoch) / "units" / f"{self.name}.json"

    @property
    def work_dir(self) -> Path:
        """What its processes are working on."""
        return self.workdir.run_dir(self.epoch) / "work" / self.name

    def journals(self) -> list[Path]:
        """The journals of labels that its processes have written."""
        return sorted(self.workdir.labels_dir.glob(f"{self.name}-*{SUFFIX}"))

    def journal(self, rank: int) -> Path:
        """The journal of labels that one of its processes writes."""
        return self.workdir.labels_dir / f"{self.name}-r{rank:05d}{SUFFIX}"

    def save(self) -> Path:
        """Write the unit to its path."""
        content = {**vars(self), "root": str(self.root), "items": [vars(item) for item in self.items]}
        text = json.dumps(content, ensure_ascii=False) + "\n"
        # a unit does not outlive the machine that its run is on: no wait for the disk
        commit(self.path, lambda path: _write_text(path, text), fence=self.fence, durable=False)
        return self.path

    @classmethod
    def load(cls, path: Path) -> Unit:
        """Read the file of a unit."""
        content = json.loads(path.read_text())
        content["root"] = Path(content["root"])
        content["items"] = tuple(UnitItem(**item) for item in content["items"])
        return cls(**content)

    def record(self, *records: dict[str, Any]) -> None:
        """Note what has become of items; see `outcome`."""
        durable = self.stage not in TOLD_BY_PRODUCTS
        append_records(self.workdir, self.stage, self.name, records, self.fence, durable=durable)

    def outcome(
        self, item: UnitItem, state: str, *, seconds: float = 0.0, error: str = "", **more: Any
    ) -> dict[str, Any]:
        """The record of an event: `state` is "started", "done" or "failed"; an error gets its class."""
        names = {"key": item.key, "hash": item.hash, "group": item.group}
        details = {"seconds": round(seconds, 6), "error": error, "log": str(self.log_file)}
        if error:
            details["class"] = class_of_error(error)
        return {**names, "state": state, **details, "unit": self.name, **more}


def stage_of_unit(name: str) -> str:
    """Stage of a unit, from its name ``<epoch>-<stage>-<number>``."""
    return name.split("-")[1]


def describe(error: BaseException) -> str:
    """Class and message of an error, as records hold it."""
    return f"{type(error).__name__}: {error}"


def _write_text(path: Path, text: str) -> None:
    path.write_text(text)


def command_of(module: str, unit: Unit, python: Sequence[str]) -> list[str]:
    """Command line of the job `module` for a unit."""
    return [*python, "-m", module, str(unit.path)]
