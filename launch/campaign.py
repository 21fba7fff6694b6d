"""The campaign file: its model, and how it is read with every error at its place."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, PrivateAttr, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from launch import (  # noqa: F401 (they register their checks)
    analysis_checks,
    checks,
    composition_checks,
    fold_checks,
    kmc_checks,
    label_source_checks,
    model_checks,
    potential_checks,
    sample_checks,
    spectra_checks,
)
from launch.findings import Finding, check_values
from launch.problems import CampaignErrors, KeyPath, Position, Problem, did_you_mean
from launch.schema.allowed import Allowed
from launch.schema.alloy import Alloy, fractions_of
from launch.schema.analysis import AnalysisOptions
from launch.schema.base import STRICT, Name, PathText, Section, refuse, unique
from launch.schema.compositions import Compositions, listed
from launch.schema.export import json_schema
from launch.schema.folds import HELD_OUT_OTHERWISE, folds_of
from launch.schema.kmc import Kmc, PublishedModel
from launch.schema.label import Amounts, Label
from launch.schema.labels import Labels
from launch.schema.potential import Potential
from launch.schema.resources import Resources
from launch.schema.samples import OrderedSamples
from launch.schema.train import Train
from launch.stages import ANALYSIS_READS
from launch.yaml_reader import read_text
from nnk.alloy import composition_name
from nnk.files import Workdir
from nnk.files.plain_yaml import Document, parse
from nnk.folds import Folds
from nnk.label_sources import LabelSource
from nnk.lattice import Lattice
from nnk.potentials import PotentialSpec

MAX_ERRORS = 200  # a file with more is something else
RESOLVED_HEADER = "# The campaign as it is run, with every default; written by launch, do not edit.\n"


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
        for section, named in (("label", self.label_compositions()), ("kmc", self.kmc_compositions())):
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


@cache
def campaign_schema() -> dict[str, Any]:
    """JSON Schema of the campaign file."""
    return json_schema(Campaign)


def load_campaign(path: Path | str) -> Campaign:
    """The campaign in the file `path`.

    Raises:
        CampaignErrors: everything that is wrong with the file, each error with its place.
    """
    path = Path(path)
    text = read_text(path)
    document = parse(text, str(path), keys="name, alloy, label")
    if not isinstance(document.data, dict):
        raise CampaignErrors(document.problems)
    reader = _Reader(document, path)
    problems = [*document.problems, *reader.problems()]
    if reader.campaign is None or problems:
        raise CampaignErrors(problems)
    _check_kept(reader.campaign, document)
    return reader.campaign


def _is_damaged(text: str) -> bool:
    """Whether a text can be the rest of a copy of ours that was cut, emptied or scribbled over."""
    return RESOLVED_HEADER.startswith(text) or "\0" in text or "\ufffd" in text


def _check_kept(campaign: Campaign, document: Document) -> None:
    """Look at the copy of the campaign that an earlier run has kept in the workdir.

    Raises:
        CampaignErrors: there is a file of that name that is not launch's own.
    """
    kept, place = campaign.workdir_path / "campaign.yaml", document.position(("workdir",))
    if not kept.is_file():
        return
    text = kept.read_text(encoding="utf-8", errors="replace")
    if not text.startswith(RESOLVED_HEADER):
        if Workdir(campaign.workdir_path).epoch_file.exists() and _is_damaged(text):
            return  # launch's own, before the machine crashed
        message = f"the copy that launch keeps there would overwrite {kept}; allowed: another folder"
        raise CampaignErrors([Problem(document.file, message, place, ("workdir",))])
    named = re.search(r"^name: '?([^'\n]*)", text, re.MULTILINE)
    if named and named.group(1) != campaign.name:
        message = (
            f'{kept.parent} holds the campaign "{named.group(1)}", whose products a run of '
            f'"{campaign.name}" replaces where they differ; another folder keeps them'
        )
        campaign._warnings += (Problem(document.file, message, place, ("workdir",)),)


class _Reader:
    """One document against the model and the checks."""

    def __init__(self, document: Document, path: Path) -> None:
        self.document = document
        self.path = path
        self.allowed = Allowed(campaign_schema())
        self.errors: list[ErrorDetails] = []
        self.campaign: Campaign | None = None
        try:
            self.campaign = Campaign.model_validate(document.data)
            self.campaign._file = path
            self.campaign._document = document
        except ValidationError as error:
            self.errors = _told(error.errors(include_url=False)[:MAX_ERRORS])
            if error.error_count() > MAX_ERRORS:
                message = f"{error.error_count()} errors, of which some are shown"
                document.problems.append(Problem(document.file, message, Position(1, 1)))

    def problems(self) -> list[Problem]:
        """What is wrong; warnings go to the campaign."""
        keys = [_key(error, self.document.data) for error in self.errors]
        meant = {self._nearest(key) for key, e in zip(keys, self.errors, strict=True) if _is_extra(e)}
        unreadable = {problem.key for problem in self.document.problems}
        problems = [
            self._problem(key, error)
            for key, error in zip(keys, self.errors, strict=True)
            if not (error["type"] == "missing" and key in meant) and key not in unreadable
        ]
        empty = [name for name in Campaign.model_fields if self.document.data.get(name, name) is None]
        problems += [self._empty(name) for name in empty if (name,) not in keys]
        findings = check_values(self._values(keys))
        problems += [self._finding(f) for f in findings if not f.warning]
        if self.campaign is not None:
            self.campaign._warnings = tuple(self._finding(f) for f in findings if f.warning)
        return problems

    def _empty(self, name: str) -> Problem:
        position = self.document.position((name,), of_key=True)
        message = f"empty; allowed: {self.allowed.text((name,))}"
        return Problem(self.document.file, message, position, (name,))

    def _nearest(self, key: KeyPath) -> KeyPath:
        """The key that an unknown key was probably meant to be."""
        hint = did_you_mean(key[-1], self.allowed.keys(key[:-1]))
        return (*key[:-1], hint.split('"')[1]) if hint else ()

    def _finding(self, finding: Finding) -> Problem:
        position = self.document.position(finding.key, of_key=finding.at_key)
        return Problem(self.document.file, finding.message, position, finding.key)

    def _problem(self, key: KeyPath, error: ErrorDetails) -> Problem:
        of_key = error["type"] in ("missing", "extra_forbidden") or error["input"] is None
        position = self.document.position(key, of_key=of_key)
        return Problem(self.document.file, self._message(key, error), position, key)

    def _message(self, key: KeyPath, error: ErrorDetails) -> str:
        if error["type"] == "refused":
            return error["msg"]
        if error["type"] == "missing":
            return f"missing; allowed: {self.allowed.text(key)}"
        if _is_extra(error):
            keys = self.allowed.keys(key[:-1])
            if key[-1] in keys:  # of another form of the same mapping
                return f"does not go with the other keys here; allowed: those that do of {', '.join(keys)}"
            return f"unknown key; allowed: {', '.join(keys)}{did_you_mean(key[-1], keys)}"
        value = error["input"]
        allowed = self.allowed.text(key) or error["msg"]
        return f"got {_shown(value)}; allowed: {allowed}{self.allowed.hint(key, value)}"

    def _values(self, wrong: list[KeyPath]) -> dict[str, Any]:
        """Every value that is valid by itself, by dotted path."""
        data = self.document.data
        values: dict[str, Any] = {
            "sections": frozenset(data),
            "base_dir": self.path.absolute().parent,
            "given_options": _names(data.get("analysis_options")),
            "given_train": _names(data.get("train")),
        }
        top = _valid_fields(Campaign, data, (), wrong)
        values |= {name: value for name, value in top.items() if value is not None}
        for name, section in _SECTIONS.items():
            if isinstance(data.get(name), dict) and (name,) not in wrong:
                values |= _valid_fields(section, data[name], (name,), wrong)
        return values


def _names(section: Any) -> frozenset[str]:
    """Keys of a mapping that need not be one."""
    return frozenset(map(str, section)) if isinstance(section, dict) else frozenset()


_SECTIONS: dict[str, type[BaseModel]] = {
    "alloy": Alloy,
    "label": Label,
    "train": Train,
    "kmc": Kmc,
    "analysis_options": AnalysisOptions,
}


@cache
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    info = model.model_fields[name]
    is_model = isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)
    annotation: Any = Annotated[info.annotation, info]
    return TypeAdapter(annotation, config=None if is_model else STRICT)


def _valid_fields(
    model: type[BaseModel], data: dict[str, Any], prefix: KeyPath, wrong: list[KeyPath]
) -> dict[str, Any]:
    """Values (defaults too) of the fields of `model` in which nothing is `wrong`."""
    valid = {}
    for name, info in model.model_fields.items():
        key = (*prefix, name)
        if any(bad[: len(key)] == key for bad in wrong):
            continue
        if name in data:
            valid[".".join(map(str, key))] = _adapter(model, name).validate_python(data[name])
        elif not info.is_required():
            valid[".".join(map(str, key))] = info.get_default()
    return valid


def _told(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without lists called too short because their items are wrong; fixed lengths as errors of the list."""
    told: list[ErrorDetails] = []
    for error in errors:
        loc = error["loc"]
        inner = any(other["loc"][: len(loc)] == loc and len(other["loc"]) > len(loc) for other in errors)
        if error["type"] == "missing" and isinstance(loc[-1], int):
            error = {**error, "loc": loc[:-1], "type": "too_short"}
        if not (error["type"] == "too_short" and inner):
            told.append(error)
    return told


def _is_extra(error: ErrorDetails) -> bool:
    return error["type"] == "extra_forbidden"


def _key(error: ErrorDetails, data: Any) -> KeyPath:
    """The path in the document: without the tags of alternatives, which stand in parentheses."""
    return tuple(part for part in error["loc"] if not str(part).startswith(("(", "[key]")))


def _shown(value: Any) -> str:
    """A value as one would write it in YAML, shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return f"a mapping with the keys {', '.join(map(str, value))}"[:80] if value else "an empty mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = str(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    return f'"{text}"' if isinstance(value, str) else text
