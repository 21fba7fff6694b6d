"""The verbs of results: ``analyse``, ``explain``."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from analysis import ANALYSES
from launch.campaign import load_campaign
from launch.commands.base import Json, UsageError, app
from launch.problems import did_you_mean


@app.command()
def analyse(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(ANALYSES)}.", show_default=False)],
    where: Annotated[Path, typer.Argument(metavar="WORKDIR|FILE", show_default=False)],
) -> None:
    """Make the figures and tables of one analysis from the products that there are."""
    if name not in ANALYSES:
        hint = did_you_mean(name, list(ANALYSES))
        raise UsageError(f'no analysis "{name}"; allowed: {", ".join(ANALYSES)}{hint}')
    workdir = where if where.is_dir() else load_campaign(where).workdir_path
    module = importlib.import_module(f"analysis.{name}")
    raise typer.Exit(_exit_code(module.main, [str(workdir)]))


@app.command()
def explain(
    figure: Annotated[
        str, typer.Argument(help="A figure or CSV file of a workdir, or its name.", show_default=False)
    ],
    where: Annotated[
        Path | None,
        typer.Argument(
            metavar="[WORKDIR|FILE]",
            help="Workdir or campaign of a figure given by name.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say where a figure or table comes from: analysis, inputs, seeds, hashes, and what has changed since."""
    from launch.explain import NotExplained, explanation_text
    from launch.explain import explain as find_chain

    workdir = where if where is None or where.is_dir() else load_campaign(where).workdir_path
    try:
        found = find_chain(figure, workdir)
    except NotExplained as error:
        raise UsageError(str(error)) from error
    print(json.dumps(found.as_dict(), indent=1, ensure_ascii=False) if as_json else explanation_text(found))


def _exit_code(main: Callable[[list[str]], int | None], arguments: list[str]) -> int:
    """Exit code of a script's `main`, whether it returns it or leaves with it."""
    try:
        return int(main(arguments) or 0)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else int(leave.code is not None)
