"""Checks by what they need: a registry.

A check names the values that it needs by their key path and runs when all of them are valid by
themselves, so that one wrong value does not hide what is wrong elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launch.problems import KeyPath


@dataclass(frozen=True)
class Finding:
    """One thing a check found; `warning` when the campaign may run all the same."""

    key: KeyPath
    message: str
    warning: bool = False
    at_key: bool = False


Findings = Iterator[Finding]
_CHECKS: list[tuple[tuple[str, ...], Callable[..., Findings]]] = []


def needs(*paths: str) -> Callable[[Callable[..., Findings]], Callable[..., Findings]]:
    """Register a check that gets the values at `paths` as its arguments."""

    def register(check: Callable[..., Findings]) -> Callable[..., Findings]:
        _CHECKS.append((paths, check))
        return check

    return register


def check_values(values: Mapping[str, Any]) -> list[Finding]:
    """What all checks find.

    Args:
        values: valid values by dotted path; ``sections`` (names of the sections in the file),
            ``base_dir`` (folder that paths are relative to) and ``given_options`` (analyses with options in
            the file) and ``given_train`` (keys of its section train) are always there.
    """
    found: list[Finding] = []
    for paths, check in _CHECKS:
        if all(path in values for path in paths):
            found += check(*(values[path] for path in paths))
    return found


def file_exists(key: KeyPath, name: str, base_dir: Path) -> Findings:
    """Finds that the file `name`, relative to the campaign file, is not there."""
    path = base_dir / Path(name).expanduser()
    if not path.is_file():
        yield Finding(key, f"no file {path}; allowed: a path relative to the folder of the campaign file")
