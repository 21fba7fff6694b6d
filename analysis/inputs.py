"""What analyses read from a workdir, with a note of every file that was read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from analysis.options import Options, options_from
from nnk.barrier_journal import SUFFIX, read_journal
from nnk.barriers import BarrierSet, concatenate
from nnk.files import Workdir
from nnk.open_barriers import open_barriers
from nnk.run_terms import case_names, label_temperature_K, run_labels
from nnk.run_terms.names import SCHEDULE_MARK

if TYPE_CHECKING:
    from nnk.kmc import Trajectory
    from nnk.models import BarrierModel


FEW = 5  # missing runs that are named, of many


class MissingInput(Exception):
    """A product that the analysis needs is not there; the message says which, and what makes it."""


class DamagedInput(Exception):
    """A product that the analysis needs is there and cannot be read; the message says which, and why."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever a reader of `path` finds wrong with it is a `DamagedInput`."""
    try:
        yield
    except (OSError, RuntimeError, ValueError, LookupError, AttributeError, YAMLError) as error:
        reason = " ".join(str(error).split()).removeprefix(f"{path}: ")
        raise DamagedInput(f"{path} cannot be used: {reason}") from error


@dataclass(frozen=True, order=True)
class RunFile:
    """The file of one finished kMC run.

    Attributes:
        case: name of the case (its composition, or its start).
        temperature_K: temperature; of a run with a schedule the last one.
        replica: its number.
        path: the NetCDF file.
    """

    case: str
    temperature_K: float
    replica: int
    path: Path

    @property
    def key(self) -> str:
        """``<case>/T0800.0K/r003``."""
        return f"{self.case}/{self.path.parent.name}/{self.path.stem}"

    @property
    def scheduled(self) -> bool:
        """Whether the temperature changes along the run."""
        return SCHEDULE_MARK in self.path.parent.name


@dataclass
class Inputs:
    """Reader of a workdir.

    Attributes:
        workdir: where from.
        used: files read so far.
        warnings: what a reader of the product must know of them: what is missing or left out, and why. They
            go into every product (`analysis.command.make`).
    """

    workdir: Workdir
    used: list[Path] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def note(self, path: Path) -> Path:
        """Note that `path` is read; returns it.

        Raises:
            MissingInput: there is no such file.
        """
        if not path.is_file():
            raise MissingInput(f"{path} is missing: run the campaign first")
        if path not in self.used:
            self.used.append(path)
        return path

    def warn(self, text: str) -> None:
        """Add a warning, once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def leave_out(self, path: Path, error: Exception) -> None:
        """Warn that `path` is not read further, and why; it does not count as read."""
        if path in self.used:
            self.used.remove(path)
        place = path.relative_to(self.workdir.root) if path.is_relative_to(self.workdir.root) else path
        reason = str(error).removeprefix(f"{path} ").removeprefix("cannot be used: ")
        self.warn(
            f"{place} is left out: {reason}. Remove it and run the campaign again to have it made anew."
        )

    def campaign(self) -> dict[str, Any]:
        """The campaign as run, every default resolved."""
        path = self.note(self.workdir.campaign_file)
        with reading(path):
            found = YAML(typ="safe", pure=True).load(path)
            if not isinstance(found, dict):
                raise ValueError(f"expected the sections of a campaign, got {type(found).__name__}")
        return found

    def options(self, name: str, kind: type[Options]) -> Options:
        """What the campaign has chosen about the analysis `name`; the defaults where it says nothing.

        Raises:
            DamagedInput: options that the analysis does not have.
        """
        if not self.workdir.campaign_file.is_file():
            return kind()
        given = (self.campaign().get("analysis_options") or {}).get(name) or {}
        with reading(self.workdir.campaign_file):
            return options_from(kind, given)

    def labels(self) -> BarrierSet:
        """All labels: the merged file, read as far as needed, or the parts of a run under way."""
        folder, merged = self.workdir.labels_dir, self.workdir.labels_file
        if merged.is_file():
            with reading(self.note(merged)):
                return open_barriers(merged)
        found = [self._part(path) for path in sorted([*folder.glob("*.nc"), *folder.glob(f"*{SUFFIX}")])]
        sets = [barriers for barriers in found if barriers is not None]
        if not sets:
            raise MissingInput(
                f"{merged} is missing: the campaign has no labels (a published model needs none), "
                "or its label stage has not run yet"
            )
        return concatenate(sets)

    def _part(self, path: Path) -> BarrierSet | None:
        with reading(self.note(path)):
            return read_journal(path) if path.suffix == SUFFIX else BarrierSet.load(path)

    def model_names(self) -> list[str]:
        """Names of the campaign's models that are trained, in its order."""
        asked = [model["name"] for model in (self.campaign().get("train") or {}).get("models", [])]
        names = [name for name in asked if (self.workdir.model_dir(name) / "model.json").is_file()]
        if not names:
            raise MissingInput(
                f"{self.workdir.root / 'models'} holds no trained model: the campaign trains none "
                "(a published model needs none), or its train stage has not run yet"
            )
        missing = [name for name in asked if name not in names]
        if missing:
            self.warn(f"Networks that have not been trained yet are left out: {', '.join(missing)}.")
        return names

    def model(self, name: str, elements: Sequence[str]) -> BarrierModel:
        """A trained model, for species numbered as in `elements`."""
        from nnk.models import load

        folder = self.workdir.model_dir(name)
        for file in ("model.json", "model.safetensors"):
            self.note(folder / file)
        with reading(folder):
            return load(folder).remap(elements)

    def run_files(self) -> list[RunFile]:
        """Finished kMC runs that the campaign asks for, sorted by case, temperature and replica.

        Those that are not there are counted in a warning. Whether a file can be read is seen when it is:
        `analysis.runs.sound_runs`.

        Raises:
            MissingInput: there is none.
        """
        campaign = self.campaign()
        if not campaign.get("kmc"):
            raise MissingInput(f"{self.workdir.campaign_file} has no section kmc: there are no runs")
        folder = self.workdir.root / "kmc"
        found = (_run_file(path) for path in folder.glob("*/T*K/r*.nc"))
        runs = [run for run in found if run is not None and _asked(run, campaign)]
        if not runs:
            raise MissingInput(f"{folder} holds no finished run: the kmc stage has not run yet")
        self._warn_of_runs(campaign, {run.key for run in runs})
        return sorted(runs)

    def _warn_of_runs(self, campaign: Mapping[str, Any], found: set[str]) -> None:
        asked = _asked_keys(campaign)
        missing = [key for key in asked if key not in found]
        if missing:
            more = f" and {len(missing) - FEW} more" if len(missing) > FEW else ""
            self.warn(
                f"{len(missing)} of the {len(asked)} runs that the campaign asks for have not ended and are "
                f"left out: {', '.join(missing[:FEW])}{more}."
            )
        if campaign["kmc"].get("engine") == "flicker":
            self.warn(
                "Jumps to and fro within traps are made at once (engine: flicker) and are not among the "
                "jumps that are counted here."
            )
        schedule = campaign["kmc"].get("schedule")
        if schedule:
            passed = ", ".join(f"{t:g}" for t in schedule["temperatures_K"])
            self.warn(
                f"The temperature changes along the runs ({passed} K): where a run stands under one "
                "temperature, it is the last."
            )

    def trajectory(self, run: RunFile) -> Trajectory:
        """One finished kMC run."""
        from nnk.kmc import Trajectory

        with reading(self.note(run.path)):
            return Trajectory.load(run.path)

    def kmc_model(self, elements: Sequence[str]) -> BarrierModel:
        """The network that drove the kMC runs, for species numbered as in `elements`."""
        choice = (self.campaign().get("kmc") or {}).get("model")
        if isinstance(choice, dict):
            from nnk.published.nkk import read_nkk_weights

            published = choice["published"]
            path = self.note(Path(published["file"]))
            with reading(path):
                return read_nkk_weights(path, allow_pickle=published["allow_pickle"], elements=elements)
        if not choice:
            raise MissingInput(f"{self.workdir.campaign_file} names no kmc.model")
        return self.model(choice, elements)


def _asked_keys(campaign: Mapping[str, Any]) -> list[str]:
    """Keys of all runs that the campaign asks for."""
    kmc = campaign["kmc"]
    return [
        f"{case}/{label}/r{replica:03d}"
        for case in case_names(kmc, campaign["alloy"])
        for label in run_labels(kmc)
        for replica in range(kmc["replicas"])
    ]


def _asked(run: RunFile, campaign: Mapping[str, Any]) -> bool:
    """Whether the campaign still asks for a run that is on disk."""
    kmc = campaign["kmc"]
    cases, here = case_names(kmc, campaign["alloy"]), run.path.parent.name
    return run.case in cases and here in run_labels(kmc) and run.replica < kmc["replicas"]


_RUN_PATH = re.compile(r"(?P<case>[^/]+)/(?P<label>T[^/]+K)/r(?P<replica>[0-9]+)\.nc$")


def _run_file(path: Path) -> RunFile | None:
    """What the path ``kmc/<case>/T0800.0K/r003.nc`` says; None for a file that is not a run's."""
    found = _RUN_PATH.search(path.as_posix())
    temperature_K = label_temperature_K(found["label"]) if found else None
    if found is None or temperature_K is None:
        return None
    return RunFile(found["case"], temperature_K, int(found["replica"]), path)
