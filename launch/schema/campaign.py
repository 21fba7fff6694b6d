"""The campaign file as a whole: its sections, and what follows from them together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PrivateAttr

from launch.problems import KeyPath, Problem, did_you_mean
from launch.schema.alloy import Alloy, fractions_of
from launch.schema.analysis import AnalysisOptions
from launch.schema.base import Name, PathText, Section, refuse, unique
from launch.schema.compositions import Compositions, listed
from launch.schema.folds import HELD_OUT_OTHERWISE, folds_of
from launch.schema.forces import Forces
from launch.schema.kmc import Kmc, PublishedModel
from launch.schema.label import Amounts, Label
from launch.schema.labels import Labels
from launch.schema.potential import Potential
from launch.schema.resources import Resources
from launch.schema.samples import OrderedSamples
from launch.schema.snapshots import Snapshots
from launch.schema.train import Train
from launch.stages import ANALYSIS_READS
from nnk.alloy import composition_name
from nnk.files.plain_yaml import Document
from nnk.folds import Folds
from nnk.label_sources import LabelSource
from nnk.lattice import Lattice
from nnk.potentials import PotentialSpec


def _analysis(name: str) -> str:
    if name not in ANALYSIS_READS:
        raise refuse(
            f'got "{name}"; allowed: {", ".join(ANALYSIS_READS)}' + did_you_mean(name, list(ANALYSIS_READS))
        )
    return name


AnalysisName = Annotated[
    str, AfterValidator(_analysis), Field(json_schema_extra={"enum": list(ANALYSIS_READS)})
]


class Campaign(Section):
    """A campaign: what to label, train, run and plot, in which folder and on which machine."""

    schema_version: Literal[1]
    """Version of this file format."""

    name: Name
    """Name of the campaign, for reports and job names."""

    seed: Annotated[int, Field(ge=0, lt=2**63)]
    """Every random number of the campaign follows from it."""

    workdir: PathText
    """Folder of all products, relative to the campaign file; made when missing."""

    site: PathText = "local"
    """Name of a machine in site_configs/, or the path of a site file."""

    resources: Resources = Resources()
    """Per stage, where the site's defaults are not wanted."""

    alloy: Alloy
    """Elements and lattice."""

    potential: Potential | None = None
    """Forces of the barrier searches."""

    label: Label | None = None
    """Barriers to compute."""

    labels: Labels | None = None
    """Barriers that exist already, in place of label."""

    train: Train | None = None
    """Networks to train on them."""

    kmc: Kmc | None = None
    """Kinetic Monte Carlo runs."""

    snapshots: Snapshots | None = None
    """Snapshots of molecular dynamics."""

    forces: Forces | None = None
    """Models of the snapshots' forces."""

    analysis: Annotated[
        tuple[AnalysisName, ...],
        Field(strict=False),
        AfterValidator(lambda names: unique(names, "analysis")),
    ] = ()
    """Figures and tables to make; the report holds them all."""

    analysis_options: AnalysisOptions = AnalysisOptions()
    """Choices about them."""

    _file: Path = PrivateAttr(default=Path("campaign.yaml"))
    _document: Document | None = PrivateAttr(default=None)
    _warnings: tuple[Problem, ...] = PrivateAttr(default=())
    _folds: Folds = PrivateAttr(default=())

    @property
    def file(self) -> Path:
        """The campaign file."""
        return self._file

    @property
    def base_dir(self) -> Path:
        """Absolute folder of the campaign file, which its paths are relative to."""
        return self._file.absolute().parent

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is allowed but probably not meant."""
        return self._warnings

    def path(self, text: str) -> Path:
        """A path of the campaign file as an absolute path."""
        return (self.base_dir / Path(text).expanduser()).resolve()

    def problem(self, key: KeyPath, message: str) -> Problem:
        """Something that is wrong with the value at `key`, found after the file was read."""
        position = self._document.position(key) if self._document else None
        return Problem(str(self._file), message, position, key)

    def potential_spec(self) -> PotentialSpec:
        """The potential, with absolute paths.

        Raises:
            ValueError: the campaign has none.
        """
        if self.potential is None:
            raise ValueError("the campaign has no potential")
        return self.potential.located(self.base_dir).spec()

    @property
    def workdir_path(self) -> Path:
        """Absolute path of the folder of all products."""
        return self.path(self.workdir)

    def label_compositions(self) -> dict[str, dict[str, float]]:
        """Fractions of each labelled composition by its name."""
        return self._named(self.label.compositions if self.label else ())

    def label_amounts(self) -> Amounts:
        """How many samples and vacancies there are per labelled composition; none without labels."""
        if self.label is None:
            return Amounts(0, 0, 0)
        return self.label.amounts(Lattice(self.alloy.lattice, self.label.cells, 1.0).n_sites)

    def label_source(self) -> LabelSource | None:
        """Where labels that exist already are, with absolute paths."""
        return self.labels.located(self.base_dir).source() if self.labels else None

    def folds(self) -> Folds:
        """Names that each fold of the cross-validation tests; none without one.

        Raises:
            ValueError, OSError: folds that the compositions do not fill, or a file that holds none.
        """
        choice = self.train.folds if self.train else None
        if choice is not None and not self._folds:
            self._folds = folds_of(choice, self.base_dir, self._compositions_of_labels, self.seed)
        return self._folds

    def _compositions_of_labels(self) -> tuple[str, ...]:
        source = self.label_source()
        if source is None:
            return tuple(self.label_compositions())
        return source.facts(self.alloy.elements).compositions

    def kmc_compositions(self) -> dict[str, dict[str, float]]:
        """Fractions of each simulated composition by its name; empty with a start file."""
        return self._named((self.kmc.compositions if self.kmc else None) or ())

    def snapshot_compositions(self) -> dict[str, dict[str, float]]:
        """Fractions of each composition of which there are snapshots, by its name."""
        return self._named(self.snapshots.compositions if self.snapshots else ())

    def _named(self, compositions: Compositions) -> dict[str, dict[str, float]]:
        elements = self.alloy.elements
        fractions = [fractions_of(composition, elements) for composition in listed(compositions, elements)]
        return {composition_name(row): row for row in fractions}

    def resolved(self) -> dict[str, Any]:
        """Plain data with every default and absolute paths, valid as a campaign file in the workdir."""
        data = self.model_dump(mode="json", exclude_none=True)
        data["workdir"] = "."
        if "/" in self.site or self.site.endswith((".yaml", ".yml")):
            data["site"] = str(self.path(self.site))
        of_sections = {
            "label": self.label_compositions(),
            "kmc": self.kmc_compositions(),
            "snapshots": self.snapshot_compositions(),
        }
        for section, named in of_sections.items():
            if named:
                data[section]["compositions"] = list(named.values())
        if self.label:
            data["label"]["vacancies_per_composition"] = self.label_amounts().vacancies
            if isinstance(self.label.samples, OrderedSamples):
                data["label"]["samples"] = self.label.samples.resolved()
        if self.potential:
            located = self.potential.located(self.base_dir)
            data["potential"] = located.model_dump(mode="json", exclude_none=True)
        if self.labels:
            data["labels"] = self.labels.located(self.base_dir).model_dump(mode="json", exclude_none=True)
        if self.train:
            for model, written in zip(self.train.models, data["train"]["models"], strict=True):
                written["training"] = self.train.recipe(model) | written["training"]
        if self.train and self.train.folds is not None:
            data["train"]["folds"] = [list(fold) for fold in self.folds()]
            for name in HELD_OUT_OTHERWISE:
                del data["train"][name]
        if self.kmc and isinstance(self.kmc.model, PublishedModel):
            data["kmc"]["model"]["published"]["file"] = str(self.path(self.kmc.model.published.file))
        if self.kmc:
            starts = data["kmc"]["start"]
            for start in starts if isinstance(starts, list) else [starts]:
                if isinstance(start, dict) and "file" in start:
                    start["file"] = str(self.path(start["file"]))
        compared = data["analysis_options"]["compare"]
        if "other" in compared:
            compared["other"] = str(self.path(compared["other"]))
        return data
