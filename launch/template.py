"""The campaign file that ``launch init`` writes."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path


def write_template(path: Path) -> None:
    """Write a commented campaign to `path`.

    Raises:
        FileExistsError: there is a file already; it is left as it is.
    """
    text = (files("launch") / "templates" / "campaign.yaml").read_text(encoding="utf-8")
    with as_file(files("launch") / "campaign.schema.json") as schema:
        text = text.replace("@schema@", str(schema)).replace("@file@", path.name)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
