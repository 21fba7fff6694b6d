"""Names of runs: ``<case>/T0800.0K/r003``, the case by composition and start, the label by temperature."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnk.alloy import composition_name, fractions_of
from nnk.files import temperature_label
from nnk.ordered import default_prototype

SCHEDULE_MARK = "-"  # between the first and the last temperature of a scheduled run
_LABEL = re.compile(r"(?:T[0-9.]+K-)?T(?P<temperature>[0-9.]+)K")


def run_label(temperatures_K: Sequence[float]) -> str:
    """``T0800.0K``; of a run through several temperatures ``T3000.0K-T0300.0K``, the first and the last."""
    ends = dict.fromkeys((temperature_label(temperatures_K[0]), temperature_label(temperatures_K[-1])))
    if len(set(temperatures_K)) > 1 and len(ends) == 1:
        ends_there = temperature_label(temperatures_K[-1])
        return f"{ends_there}{SCHEDULE_MARK}{ends_there}"
    return SCHEDULE_MARK.join(ends)


def label_temperature_K(label: str) -> float | None:
    """Temperature (of a schedule: the last) of a label; None if it is none."""
    found = _LABEL.fullmatch(label)
    return float(found["temperature"]) if found else None


def case_of_file(path: Path | str) -> str:
    """Name of the case that starts from the atoms in the file `path`."""
    stem = Path(path).stem
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in stem).lstrip(".") or "start"


def case_of_start(start: Any, composition: Mapping[str, float] | None) -> str:
    """Name of a case.

    Args:
        start: as in a resolved campaign: "random", {"ordered": prototype, ...}, {"file": path, ...} or
            {"case": name, "temperature_K": number or None, ...} or {"exchanged": {"temperature_K": ...}}.
        composition: fractions by element; None where the start brings its own atoms.
    """
    if isinstance(start, Mapping) and "file" in start:
        return case_of_file(start["file"])
    if isinstance(start, Mapping) and "case" in start:
        at = start.get("temperature_K")
        return f"from-{start['case']}" + (f"-{temperature_label(at)}" if at is not None else "")
    name = composition_name(composition or {})
    if isinstance(start, Mapping) and "exchanged" in start:
        at = start["exchanged"].get("temperature_K")
        return f"{name}-exchanged" + (f"-{temperature_label(at)}" if at is not None else "")
    return name if start == "random" else f"{name}-{start['ordered']}"


def case_names(kmc: Mapping[str, Any], alloy: Mapping[str, Any]) -> list[str]:
    """Names of all cases that the sections kmc and alloy of a resolved campaign ask for."""
    starts = kmc.get("start", "random")
    names = []
    for start in starts if isinstance(starts, list) else [starts]:
        if isinstance(start, Mapping) and not (start.get("ordered") or "exchanged" in start):
            names.append(case_of_start(start, None))
            continue
        for composition in kmc.get("compositions") or ():
            fractions = fractions_of(composition, alloy["elements"])
            known = (
                {"ordered": default_prototype(alloy["lattice"], fractions)} if start == "ordered" else start
            )
            names.append(case_of_start(known, composition))
    return names


def run_labels(kmc: Mapping[str, Any]) -> list[str]:
    """Labels of all temperatures, or of the schedule, of the section kmc of a resolved campaign."""
    if kmc.get("schedule"):
        return [run_label(kmc["schedule"]["temperatures_K"])]
    return [temperature_label(temperature_K) for temperature_K in kmc["temperatures_K"]]
