"""Two campaigns side by side, or a campaign and somebody else's data: what differs by how many errors."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.command import run_analysis
from analysis.compare_differences import Comparison, compare_tables, paired_cases
from analysis.compare_figures import compare_figures
from analysis.compare_tables import NotComparable, Table, named_as, read_table
from analysis.inputs import Inputs, MissingInput, reading
from analysis.options import CompareOptions
from analysis.products import Cell, Number, Product, TableProduct
from analysis.style import paper_style
from nnk.files import Workdir

NAME = "compare"
LONGEST = 60
USAGE = "analysis_options: {compare: {other: WORKDIR_OR_CSV}} in the campaign file"


@dataclass(frozen=True)
class Side:
    """Tables of one side.

    Attributes:
        name: what it is called.
        tables: by their names.
        left_out: tables without values to compare.
        warnings: tables that cannot be read.
        campaign: of a workdir; empty for somebody else's data.
    """

    name: str
    tables: Mapping[str, Table]
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    campaign: Mapping[str, Any] | None = None


def analyse(inputs: Inputs) -> Product:
    """All tables that both sides have.

    Raises:
        MissingInput: no other side is named, it is not there, or nothing is on both sides.
        DamagedInput: somebody else's data cannot be used; the message says where.
    """
    options = inputs.options(NAME, CompareOptions)
    this = _side(inputs, inputs.workdir)
    if not this.tables:
        raise MissingInput(f"{inputs.workdir.tables} holds no table to compare: make other analyses first")
    other = _other_side(inputs, options, this)
    found = _compared(this, other, options.cases)
    comparisons = [one for one in found if isinstance(one, Comparison)]
    notes = tuple(one for one in found if isinstance(one, str))
    if not comparisons:
        raise MissingInput(
            f"{this.name} and {other.name} have no row of a table in common: {' '.join(notes)}"
        )
    with paper_style():
        figures = tuple(compare_figures(comparisons, this.name, other.name))
    changed = _campaign_table(this, other)
    return Product(
        name=NAME,
        title="Comparison",
        summary=_summary(comparisons, this.name, other.name),
        figures=figures,
        tables=(_overview(comparisons), *map(_table, comparisons), *([changed] if changed else [])),
        numbers=tuple(number for one in comparisons for number in _numbers(one)),
        settings={
            "this side": this.name,
            "other side": f"{other.name} ({options.other})",
            "tables without values to compare": ", ".join(this.left_out) or "none",
            "errors": "those of the tables; the two sides are taken as independent",
        },
        warnings=(*this.warnings, *other.warnings, *notes),
    )


def _side(inputs: Inputs, workdir: Workdir, name: str | None = None) -> Side:
    """What the analyses of a workdir have left there."""
    tables, left_out, warnings = {}, [], []
    for path in sorted(workdir.tables.glob("*.csv")):
        if path.stem.startswith(NAME):
            continue
        try:
            tables[path.stem] = read_table(path)
        except NotComparable:
            left_out.append(path.stem)
            continue
        except (ValueError, OSError) as error:
            warnings.append(f"{error}. The table is left out.")
            continue
        inputs.note(path)
    campaign = Inputs(workdir, inputs.used).campaign()
    return Side(name or str(campaign["name"]), tables, tuple(left_out), tuple(warnings), campaign)


def _other_side(inputs: Inputs, options: CompareOptions, this: Side) -> Side:
    if options.other is None:
        raise MissingInput(f"no other side is named: {USAGE}")
    path = (inputs.workdir.root / Path(options.other).expanduser()).resolve()
    if path.is_dir():
        return _other_workdir(inputs, path, options, this)
    if not path.is_file():
        raise MissingInput(f"{path} is missing: expected the workdir of another campaign, or a CSV file")
    with reading(inputs.note(path)):
        ours, table = named_as(path, list(this.tables.values()), options.table)
    return Side(options.label or path.stem, {ours.name: table})


def _other_workdir(inputs: Inputs, path: Path, options: CompareOptions, this: Side) -> Side:
    workdir = Workdir(path)
    if not workdir.campaign_file.is_file():
        raise MissingInput(f"{path} is no workdir of a campaign: it has no campaign.yaml")
    side = _side(inputs, workdir, options.label)
    if not side.tables:
        raise MissingInput(f"{workdir.tables} holds no table to compare: run that campaign's analyses first")
    if options.table is not None:
        side = replace(side, tables={k: t for k, t in side.tables.items() if k == options.table})
    return side if side.name != this.name else replace(side, name=f"{side.name} (other)")


def _compared(this: Side, other: Side, cases: Mapping[str, str]) -> list[Comparison | str]:
    """What both sides have; a sentence for each table in which nothing belongs together."""
    found: list[Comparison | str] = []
    for name in (name for name in this.tables if name in other.tables):
        ours, theirs = this.tables[name], other.tables[name]
        if ours.keys != theirs.keys:
            found.append(f"{name}: other columns on the two sides: {ours.keys} and {theirs.keys}.")
            continue
        with reading(theirs.path):
            pairs = paired_cases(ours, theirs, cases)
        one = compare_tables(ours, theirs, pairs)
        if not one.differences:
            found.append(f"{name}: no rows in common{_say_cases(ours, theirs, pairs)}.")
            continue
        found.append(one)
        if ours.jumps and theirs.jumps and ours.jumps != theirs.jumps:
            found.append(f"{name}: after {ours.jumps} jumps here, after {theirs.jumps} on the other side.")
    if not found:
        names = ", ".join(this.tables), ", ".join(other.tables)
        found.append(f"tables of the one: {names[0]}; of the other: {names[1]}.")
    return found


def _say_cases(ours: Table, theirs: Table, pairs: Mapping[str, str]) -> str:
    if pairs:
        return ""
    return (
        f": cases here: {', '.join(ours.cases)}, there: {', '.join(theirs.cases)}; "
        "the option cases says which belong together"
    )


def _overview(comparisons: Iterable[Comparison]) -> TableProduct:
    rows: list[list[Cell]] = [
        [one.name, quantity, *one.statistics(quantity)] for one in comparisons for quantity in one.quantities
    ]
    columns = {
        "table": "table that both sides have",
        "quantity": "its column",
        "rows": "rows on both sides",
        "mean_difference": "mean of this minus other, in the unit of the quantity",
        "rms_difference": "root mean square of this minus other",
        "largest_difference": "this minus other where they differ most",
        "rms_sigma": "root mean square of differences divided by their standard errors; 1 by chance alone",
        "share_beyond_2_sigma": "share of the rows that differ by more than two errors; 0.05 by chance alone",
    }
    return TableProduct(NAME, "How far the two sides are from each other", columns, rows)


def _table(one: Comparison) -> TableProduct:
    rows: list[list[Cell]] = [
        [
            *found.key,
            *([one.cases[found.key[one.case_place]]] if one.case_place is not None else []),
            found.quantity,
            found.this.value,
            found.this.error,
            found.other.value,
            found.other.error,
            found.difference,
            found.error,
            found.sigma,
        ]
        for found in one.differences
    ]
    columns = {
        **dict.fromkeys(one.keys, "as in the table"),
        **({"other_case": "the case of the other side"} if one.case_place is not None else {}),
        "quantity": "column of the table",
        "this": "value of this campaign",
        "this_error": "its standard error, as the table has it",
        "other": "value of the other side",
        "other_error": "its standard error",
        "difference": "this minus other",
        "difference_error": "root of the sum of the squares of both errors",
        "sigma": "difference divided by its error",
    }
    return TableProduct(f"{NAME}-{one.name}", f"Both sides, table {one.name}", columns, rows)


def _campaign_table(this: Side, other: Side) -> TableProduct | None:
    """What the campaigns have been told otherwise."""
    if this.campaign is None or other.campaign is None:
        return None
    ours, theirs = _flat(this.campaign), _flat(other.campaign)
    keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
    rows: list[list[Cell]] = [[key, ours.get(key, ""), theirs.get(key, "")] for key in keys]
    columns = {"key": "of the campaign file", "this": "this campaign", "other": "the other"}
    return TableProduct(f"{NAME}-campaigns", "What the campaign files say otherwise", columns, rows)


def _flat(data: Any, prefix: str = "") -> dict[str, str]:
    if not isinstance(data, Mapping) or not data:
        text = str(data)
        return {prefix: text if len(text) <= LONGEST else f"{text[:LONGEST]}..."}
    flat: dict[str, str] = {}
    for key, value in data.items():
        flat |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
    return flat


def _summary(comparisons: Sequence[Comparison], this: str, other: str) -> str:
    parts = []
    for one in comparisons:
        for quantity in one.quantities:
            rows, _, _, largest, rms_sigma, beyond = one.statistics(quantity)
            text = f"{one.name} {quantity}: {rows} rows, largest difference {largest:.3g}"
            if not math.isnan(rms_sigma):
                text += f", {100 * beyond:.0f} % beyond two errors"
            parts.append(text)
    return f"{this} minus {other}. {'; '.join(parts)}."


def _numbers(one: Comparison) -> list[Number]:
    found = []
    for quantity in one.quantities:
        rows, _, rms, _, rms_sigma, _ = one.statistics(quantity)
        name = f"{one.name}, {quantity}"
        found.append(Number(f"{name}: rms difference", rms, "as the quantity", NAME, count=rows))
        if not math.isnan(rms_sigma):
            found.append(Number(f"{name}: rms difference in errors", rms_sigma, "1", NAME, count=rows))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.compare WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
