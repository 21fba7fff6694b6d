"""A campaign file against the model and the checks: every error at its place, in the words of the file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from launch import (  # noqa: F401 (they register their checks)
    analysis_checks,
    checks,
    composition_checks,
    fold_checks,
    force_checks,
    kmc_checks,
    label_source_checks,
    model_checks,
    potential_checks,
    sample_checks,
    snapshot_checks,
    spectra_checks,
)
from launch.findings import Finding, check_values
from launch.problems import KeyPath, Position, Problem, did_you_mean
from launch.schema.allowed import Allowed
from launch.schema.alloy import Alloy
from launch.schema.analysis import AnalysisOptions
from launch.schema.base import STRICT
from launch.schema.campaign import Campaign
from launch.schema.export import json_schema
from launch.schema.forces import Forces
from launch.schema.kmc import Kmc
from launch.schema.label import Label
from launch.schema.snapshots import Snapshots
from launch.schema.train import Train
from nnk.files.plain_yaml import Document

MAX_ERRORS = 200  # a file with more is something else


@cache
def campaign_schema() -> dict[str, Any]:
    """JSON Schema of the campaign file."""
    return json_schema(Campaign)


class Reader:
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
    "snapshots": Snapshots,
    "forces": Forces,
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
