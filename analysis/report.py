"""The report: one HTML page with every figure and table, what was run, and where each number comes from."""

from __future__ import annotations

import base64
import csv
import json
import struct
import sys
from collections.abc import Mapping, Sequence
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import Any

from analysis import ANALYSES, state
from analysis.command import run
from analysis.inputs import DamagedInput, Inputs, MissingInput, reading
from analysis.number_text import value_and_error
from analysis.products import commit_bytes, hashes, versions
from analysis.references import potential_note, used_references
from analysis.report_words import facts, network_note, purpose
from analysis.style import PNG_DPI
from nnk.files import Fence, Workdir

NAME = "report"
ROWS_SHOWN, ROWS_PRINTED, ROWS_WITHOUT_FOLDING = 200, 40, 12
CSS_PIXELS_PER_INCH = 110  # a little larger than in print
WIDE_IN = 5.0


def make_report(workdir: Workdir, fence: Fence | None = None) -> list[Path]:
    """Write ``report.html`` of the workdir from what its analyses left there; returns its path.

    Raises:
        MissingInput: the workdir holds no campaign file.
        DamagedInput: the campaign file, or what an analysis wrote about itself, cannot be read.
    """
    commit_bytes(workdir.report, _page(workdir).encode(), fence)
    return [workdir.report]


def _page(workdir: Workdir) -> str:
    import jinja2

    inputs = Inputs(workdir)
    campaign = inputs.campaign()
    provenances = _provenances(workdir)
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=False, keep_trailing_newline=True
    )
    template = environment.from_string(_part("report.html.j2"))
    return template.render(
        css=_markup(_part("report.css")),
        js=_markup(_part("report.js")),
        name=campaign["name"],
        what=purpose(campaign),
        problems=[
            *state.failures(workdir),
            *state.missing(workdir, campaign),
            *state.stale(workdir, provenances),
        ],
        numbers=_numbers(provenances),
        sections=_sections(workdir, provenances),
        seed=campaign["seed"],
        versions=versions(),
        facts=facts(campaign),
        costs=_costs(workdir),
        campaign_text=workdir.campaign_file.read_text(encoding="utf-8"),
        report_command=f"launch analyse {NAME} .",
        files=_files(workdir, provenances, inputs.used),
        references=used_references(campaign),
        potential_note=potential_note(campaign),
        network_note=network_note(campaign),
        notes=[
            (section["analysis"], section["title"], text)
            for section in provenances
            for text in section["warnings"]
        ],
    )


def _part(name: str) -> str:
    return resources.files("analysis").joinpath("templates", name).read_text(encoding="utf-8")


def _markup(text: str) -> Any:
    import markupsafe

    return markupsafe.Markup(text)  # our own style and script, not data


def _provenances(workdir: Workdir) -> list[dict[str, Any]]:
    """What the analyses wrote about themselves, in the order of the report."""
    paths = [workdir.figures / f"{name}.json" for name in ANALYSES]
    return [_provenance(path) for path in paths if path.is_file()]


def _provenance(path: Path) -> dict[str, Any]:
    with reading(path):
        return dict(json.loads(path.read_text(encoding="utf-8")))


def _numbers(provenances: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    rows = [_number_row(number) for provenance in provenances for number in provenance["numbers"]]
    columns = ("quantity", "value", "±", "unit", "n", "file")
    return _table("Key results", columns, rows) if rows else None


def _number_row(number: Mapping[str, Any]) -> list[str]:
    count = number["count"]
    unit = "" if number["unit"] == "1" else number["unit"]
    count_text = "" if count is None else str(count)
    return [
        number["label"],
        *value_and_error(number["value"], number["error"]),
        unit,
        count_text,
        number["table"],
    ]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    numeric = [all(_is_number(row[i]) for row in rows) for i in range(len(columns))]
    return {"title": title, "columns": list(columns), "rows": rows, "numeric": numeric, "printed": 0}


def _is_number(text: str) -> bool:
    try:
        float(text or 0)
    except ValueError:
        return False
    return True


def _sections(workdir: Workdir, provenances: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    sections, number = [], 0
    for provenance in provenances:
        written = {file["path"]: file["hash"] for file in provenance["outputs"]}
        figures = []
        for figure in provenance["figures"]:
            number += 1
            figures.append(_figure(workdir, figure, number, written))
        sections.append(
            {
                **{key: provenance[key] for key in ("title", "summary", "warnings", "command", "inputs")},
                **{key: provenance[key] for key in ("seed", "versions")},
                "id": provenance["analysis"],
                "settings": provenance["settings"],
                "figures": figures,
                "tables": [_shown_table(workdir, table, written) for table in provenance["tables"]],
            }
        )
    return sections


def _figure(
    workdir: Workdir, figure: Mapping[str, str], number: int, written: Mapping[str, str]
) -> dict[str, Any]:
    content = _read(workdir, figure["png"])
    width, height = struct.unpack(">II", content[16:24])  # the header of every PNG
    scale = CSS_PIXELS_PER_INCH / PNG_DPI
    return {
        **figure,
        "number": number,
        "png": base64.b64encode(with_palette(content)).decode(),
        "table_hash": written[figure["table"]],
        "width": round(width * scale),
        "height": round(height * scale),
        "wide": width / PNG_DPI > WIDE_IN,
    }


def with_palette(content: bytes) -> bytes:
    """A PNG with at most 256 colours: a third of the size, and the eye sees no difference."""
    from PIL import Image

    small = BytesIO()
    with Image.open(BytesIO(content)) as image:
        palette = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    palette.save(small, "PNG", optimize=True)
    return min(small.getvalue(), content, key=len)


def _shown_table(workdir: Workdir, table: Mapping[str, Any], written: Mapping[str, str]) -> dict[str, Any]:
    rows = list(csv.reader(_read(workdir, table["csv"]).decode().splitlines()))[1:]
    shown = [[_short(cell) for cell in row] for row in rows[:ROWS_SHOWN]]
    return _table(table["title"], list(table["columns"]), shown) | {
        "columns": table["columns"],
        "file": table["csv"],
        "hash": written[table["csv"]],
        "total": len(rows),
        "open": len(rows) <= ROWS_WITHOUT_FOLDING,
        "printed": ROWS_PRINTED,
    }


def _short(cell: str) -> str:
    """A number to six digits; the file has more."""
    if not _is_number(cell) or not cell or cell.lstrip("-").isdigit():
        return cell
    return f"{float(cell):.6g}"


def _read(workdir: Workdir, path: str) -> bytes:
    """A product; the record that names it may have come with the workdir, so no path leads out of it."""
    place = workdir.root / path
    if not place.resolve().is_relative_to(workdir.root.resolve()):
        raise DamagedInput(f"{place} is not in {workdir.root}: remove the record in figures/ that names it")
    if not place.is_file():
        raise MissingInput(f"{place} is gone: make its analysis again")
    return place.read_bytes()


def _costs(workdir: Workdir) -> dict[str, Any] | None:
    rows = [
        [stage, str(done), str(failed), f"{seconds:.1f}"]
        for stage, done, failed, seconds in state.costs(workdir)
    ]
    columns = ("stage", "items done", "items failed", "seconds of all items together")
    return _table("Work, as recorded", columns, rows) if rows else None


def _files(
    workdir: Workdir, provenances: Sequence[Mapping[str, Any]], used: Sequence[Path]
) -> dict[str, Any]:
    roles: dict[tuple[str, str], list[str]] = {}
    for file in hashes(workdir, used):
        roles.setdefault((file["path"], file["hash"]), []).append("read by report")
    for provenance in provenances:
        for role, verb in (("inputs", "read by"), ("outputs", "made by")):
            for file in provenance[role]:
                roles.setdefault((file["path"], file["hash"]), []).append(f"{verb} {provenance['analysis']}")
    rows = [[path, digest, ", ".join(who)] for (path, digest), who in sorted(roles.items())]
    return _table("Files", ("file", "hash", "what for"), rows)


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.report WORKDIR``; returns the exit code."""
    return run(NAME, make_report, argv)


if __name__ == "__main__":
    sys.exit(main())
