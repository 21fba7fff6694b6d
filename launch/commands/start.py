"""The verbs for one who writes a campaign: ``init``, ``schema``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from launch.campaign import campaign_schema
from launch.commands.base import UsageError, app, say
from launch.schema import reference
from launch.template import write_template


@app.command()
def init(
    path: Annotated[Path, typer.Argument(metavar="[PATH]", help="File to write.")] = Path("campaign.yaml"),
) -> None:
    """Write a commented campaign that runs on a laptop in a few minutes."""
    target = path / "campaign.yaml" if path.is_dir() else path
    try:
        write_template(target)
    except FileExistsError as error:
        raise UsageError(f"{target} exists; give another name, such as launch init second.yaml") from error
    except FileNotFoundError as error:
        raise UsageError(f"no folder {target.parent}") from error
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from error
    print(target)
    say(f"next: launch {target}")


@app.command()
def schema(
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables of all keys to read instead.")] = False,
) -> None:
    """Print the JSON Schema of campaign files."""
    if markdown:
        print(reference.page(campaign_schema()), end="")
    else:
        print(json.dumps(campaign_schema(), indent=2, ensure_ascii=False))
