"""Checks of cross-validation: folds there are, of labels there are, each label in one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from launch.findings import Finding, Findings, file_exists, needs
from launch.label_source_checks import facts_of
from launch.schema.alloy import fractions_of
from launch.schema.compositions import Compositions, listed
from launch.schema.folds import HELD_OUT_OTHERWISE, folds_of
from launch.schema.labels import Labels
from nnk.alloy import composition_name
from nnk.folds import wrong_names

Elements = tuple[str, ...]
KEY = ("train", "folds")
ANALYSIS = "folds"


@needs("train.folds", "given_train")
def _tests_are_said_once(folds: Any, given: frozenset[str]) -> Findings:
    for name in HELD_OUT_OTHERWISE:
        if folds is not None and name in given:
            message = "given with folds, which say what is tested; allowed: one of the two"
            yield Finding(("train", name), message, at_key=True)


@needs("train.folds", "base_dir")
def _fold_file_is_there(folds: Any, base_dir: Path) -> Findings:
    if isinstance(folds, str):
        yield from file_exists(KEY, folds, base_dir)


@needs("train.folds", "base_dir", "seed", "alloy.elements", "label.compositions")
def _folds_fit_compositions(
    folds: Any, base_dir: Path, seed: int, elements: Elements, compositions: Compositions
) -> Findings:
    try:
        rows = [fractions_of(row, elements) for row in listed(compositions, elements)]
        names = [composition_name(row) for row in rows]
    except ValueError:  # what is wrong with them is found by the checks of compositions
        return
    yield from _fit(folds, base_dir, seed, ((), tuple(names)))


@needs("train.folds", "base_dir", "seed", "alloy.elements", "labels")
def _folds_fit_labels(folds: Any, base_dir: Path, seed: int, elements: Elements, labels: Labels) -> Findings:
    facts = facts_of(labels, base_dir, elements) if folds is not None else None
    if facts is not None:
        yield from _fit(folds, base_dir, seed, (facts.samples, facts.compositions))


def _fit(choice: Any, base_dir: Path, seed: int, names: tuple[tuple[str, ...], tuple[str, ...]]) -> Findings:
    samples, compositions = names
    if choice is None:
        return
    try:
        folds = folds_of(choice, base_dir, lambda: compositions, seed)
    except OSError:  # no such file, which another check tells
        return
    except ValueError as error:
        yield Finding(KEY, f"{error}; allowed: a number of folds, a file or lists of names")
        return
    wrong = wrong_names(folds, samples, compositions)
    if wrong:
        more = f" (and {len(wrong) - 3} more)" if len(wrong) > 3 else ""
        known = ", ".join(sorted({*map(str, compositions)})[:5])
        message = f"{'; '.join(wrong[:3])}{more}; allowed: each composition or sample in one fold, such as"
        yield Finding(KEY, f"{message} {known}")


@needs("analysis", "train.folds")
def _analysis_has_folds(names: tuple[str, ...], folds: Any) -> Findings:
    if ANALYSIS in names and folds is None:
        message = f'"{ANALYSIS}" needs a cross-validation; allowed: with train.folds'
        yield Finding(("analysis", names.index(ANALYSIS)), message)
