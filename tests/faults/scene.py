"""A campaign of seconds on which faults are let loose, and what has to be left of it at the end."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import netCDF4
import numpy as np
import psutil

from launch.processes import tagged_processes, workdir_tag
from nnk.barriers import BarrierSet
from nnk.files import Workdir, read_epoch, read_records
from nnk.kmc.storage import DamagedFile, TrajectoryFile
from nnk.models import load

LAUNCH = [sys.executable, "-P", "-m", "launch.cli"]
DONE, SOME_FAILED, SITE_OR_LOCK, INTERRUPTED = 0, 1, 3, 4
N_VACANCIES = 4
SITE = """\
extends: local
description: without MPI
stages:
  prepare: {ranks: 1}
  label: {ranks: 1}
"""
CAMPAIGN = f"""\
schema_version: 1
name: faults
seed: 7
workdir: work
site: ./site.yaml
alloy: {{elements: [Nb, Ta], lattice: bcc}}
potential: {{builtin: zhou-eam}}
label:
  compositions: [equimolar]
  cells: [4, 4, 4]
  vacancies_per_composition: {N_VACANCIES}
  audit: {{fraction: 0.0, at_least: 0}}
train:
  models: [{{name: main, kind: detailed-balance, shells: 2}}]
  epochs: 2
  test_compositions: 0
kmc:
  model: main
  cells: [4, 4, 4]
  compositions: [equimolar]
  temperatures_K: [800, 2000]
  replicas: 1
  stop: {{jumps: 100_000}}
  checkpoint_s: 0.2
"""
PRODUCTS = ("labels", "models", "kmc")
_AGAIN = re.compile("run again|run the same command again|to try again: launch retry")
_PATH = re.compile(r"(/[^\s:;,()'\"]+)")


@dataclass
class Said:
    """How a command has ended.

    Attributes:
        code: its exit code.
        text: standard error.
    """

    code: int
    text: str


@dataclass
class Scene:
    """A folder with a campaign.

    Attributes:
        root: the folder; the workdir is ``work`` in it.
        story: what has happened, for the message of a test that fails.
    """

    root: Path
    story: list[str] = field(default_factory=list)

    @classmethod
    def new(cls, root: Path) -> Scene:
        """A campaign of which nothing is done."""
        root.mkdir(parents=True, exist_ok=True)
        (root / "site.yaml").write_text(SITE)
        (root / "campaign.yaml").write_text(CAMPAIGN)
        return cls(root)

    def copy(self, root: Path, *without: str) -> Scene:
        """The same somewhere else, but for some folders of the workdir."""
        made = Scene.new(root)
        shutil.copytree(self.workdir.root, made.workdir.root, symlinks=True)
        for name in without:
            shutil.rmtree(made.workdir.root / name, ignore_errors=True)
        return made

    @property
    def campaign(self) -> Path:
        return self.root / "campaign.yaml"

    @property
    def workdir(self) -> Workdir:
        return Workdir(self.root / "work")

    def files(self, *patterns: str) -> list[Path]:
        """Files of the workdir."""
        return sorted(path for p in patterns for path in self.workdir.root.glob(p) if path.is_file())

    def start(self, *words: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Run the campaign, or another verb, perhaps with more environment variables."""
        return subprocess.Popen(
            [*LAUNCH, *(words or (str(self.campaign),))],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, **(environment or {})},
        )

    def launch(self, *words: str, timeout_s: float = 1200.0) -> Said:
        """Run the campaign to its end, or another verb."""
        with self.start(*words) as driver:
            text = driver.communicate(timeout=timeout_s)[1]
        verb = " ".join(words[:1]) or "launch"
        self.story.append(f"{verb}: exit code {driver.returncode}: {text.strip()[-600:]}")
        return Said(driver.returncode, text)

    def finish(self) -> Said:
        """Run the campaign to its end, doing what it says where it ends with an error."""
        said = self.launch()
        for _ in range(3):
            if "to try again: launch retry" in said.text:
                said = self.launch("retry", str(self.campaign), "--failed")
            if said.code == 0 and not (damaged := self.unreadable()):
                return said
            self.follow(said.text if said.code else damaged)
            said = self.launch()
        raise AssertionError(f"the campaign cannot be finished:\n{self.told}")

    def unreadable(self) -> str:
        """What is told of a product that cannot be read, and what to do; empty if all can be."""
        try:
            BarrierSet.load(self.workdir.labels_file)
            for path in self.files("kmc/*/T*/r*.nc"):
                TrajectoryFile(path).check()
        except DamagedFile as error:
            return (
                f"{error}; remove {path}"  # a trajectory is not the campaign's alone: what to do is not told
            )
        except ValueError as error:
            return str(error)
        return ""

    def follow(self, text: str) -> None:
        """Do what a message says: ``remove <path>``, of the workdir alone, or just run again."""
        lines = [line for line in text.splitlines() if "remove" in line]
        named = {Path(match) for line in lines for match in _PATH.findall(line)}
        inside = [path for path in named if self.workdir.root in path.parents and path.is_file()]
        assert inside or _AGAIN.search(text), f"no cure in {text!r}\n{self.told}"
        for path in inside:
            self.story.append(f"as told, removed {path}")
            path.unlink()

    @property
    def told(self) -> str:
        """The story so far."""
        return "\n".join(f"  {number}. {line}" for number, line in enumerate(self.story, start=1))

    def processes(self, word: str = "") -> list[psutil.Process]:
        """Processes of the run whose command line holds `word`."""
        found = tagged_processes(workdir_tag(self.workdir.root))
        return [process for process in found if word in _command_line(process)]

    def wait_until_nothing_runs(self, seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while left := self.processes():
            assert time.monotonic() < end, f"{left} outlive their driver\n{self.told}"
            time.sleep(0.1)

    @property
    def epoch(self) -> int:
        return read_epoch(self.workdir.epoch_file)


def _command_line(process: psutil.Process) -> str:
    try:
        return f"{process.name()} {' '.join(process.cmdline())}"
    except psutil.NoSuchProcess:
        return ""


def by_identity(barriers: BarrierSet) -> dict:
    """Labels as {(sample, site, jump): (E_fwd, E_bwd, flag)}."""
    keys = [barriers.sample_key[s] for s in barriers.sample]
    identities = list(zip(keys, barriers.vacancy_site.tolist(), barriers.jump.tolist(), strict=True))
    assert len(set(identities)) == len(identities), "a label stands there twice"
    values = zip(barriers.E_fwd_eV, barriers.E_bwd_eV, barriers.flag, strict=True)
    return dict(zip(identities, values, strict=True))


def variables(path: Path) -> dict:
    """All variables of a NetCDF file."""
    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        groups = {"": file, **file.groups}
        return {f"{g}/{name}": v[:] for g, group in groups.items() for name, v in group.variables.items()}


def products(scene: Scene) -> set[Path]:
    """Files of the products, without checkpoints, which an ended training does not need."""
    root = scene.workdir.root
    found = {p.relative_to(root) for name in PRODUCTS for p in (root / name).rglob("*") if p.is_file()}
    return {path for path in found if "checkpoints" not in path.parts}


def check_same(scene: Scene, reference: Scene) -> None:
    """Nothing lost, nothing twice, nothing left over: the scene has ended as one without faults."""
    scene.wait_until_nothing_runs()
    _check_labels(scene, reference)
    _check_runs(scene, reference)
    mine, other = (load(s.workdir.model_dir("main")).tensors() for s in (scene, reference))
    for name, values in other.items():
        np.testing.assert_array_equal(mine[name], values, err_msg=f"{name}\n{scene.told}")
    assert products(scene) == products(reference), scene.told
    assert not list(scene.workdir.root.rglob(".*.part")), scene.told
    assert not scene.workdir.lock.exists(), scene.told
    for stage in ("label", "train", "kmc"):
        last = {record["key"]: record["state"] for record in read_records(scene.workdir, stage)}
        assert set(last.values()) <= {"done"}, f"{stage}: {last}\n{scene.told}"


def _check_labels(scene: Scene, reference: Scene) -> None:
    found, expected = (by_identity(BarrierSet.load(s.workdir.labels_file)) for s in (scene, reference))
    assert found.keys() == expected.keys(), scene.told
    assert len(found) == 8 * N_VACANCIES
    for identity, values in expected.items():
        message = f"{identity}\n{scene.told}"
        np.testing.assert_allclose(found[identity], values, atol=1e-9, rtol=0, err_msg=message)


def _check_runs(scene: Scene, reference: Scene) -> None:
    expected = reference.files("kmc/*/T*/r*.nc")
    assert len(expected) == 2
    for path in expected:
        there = scene.workdir.root / path.relative_to(reference.workdir.root)
        mine, other = variables(path), variables(there)
        assert mine.keys() == other.keys(), scene.told
        for name, values in mine.items():
            message = f"{there}: {name}\n{scene.told}"
            np.testing.assert_array_equal(values, other[name], err_msg=message)
