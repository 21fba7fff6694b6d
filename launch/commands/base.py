"""What all verbs share: the app that they register on, exit codes, output, and reading the campaign."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Annotated

import typer

from launch.campaign import Campaign, load_campaign
from launch.problems import Problem, did_you_mean
from launch.requests import check_site
from launch.stages import STAGES


class ExitCode(IntEnum):
    """What the command's exit code means."""

    DONE = 0
    SOME_FAILED = 1
    INVALID = 2
    SITE_OR_LOCK = 3
    INTERRUPTED = 4


@dataclass(frozen=True)
class Output:
    """How much is said, and how."""

    verbose: bool = False
    quiet: bool = False
    debug: bool = False
    no_color: bool = False


class UsageError(Exception):
    """A command that cannot be carried out as given (exit code 2)."""


HELP = """Label vacancy-migration barriers, train networks on them, run kinetic Monte Carlo.

launch FILE is short for launch run FILE. Running again does only what is missing.
"""
app = typer.Typer(
    name="launch",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

YES_VARIABLE = "NNK_YES"
File = Annotated[Path, typer.Argument(metavar="FILE", help="Campaign file (YAML).", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=f"Do not ask; the same with {YES_VARIABLE}=1.")]


def say(text: str) -> None:
    """A message for the user, on standard error, unwrapped."""
    with suppress(BrokenPipeError):  # its reader has gone: nobody to tell
        print(text, file=sys.stderr, flush=True)


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether the user agrees: asked once on a terminal, unless that was said beforehand.

    Raises:
        UsageError: nobody can be asked, since standard input is no terminal.
    """
    if yes or os.environ.get(YES_VARIABLE) == "1":
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Standard input is no terminal: say --yes, or set {YES_VARIABLE}=1")
    return typer.confirm(question, err=True)


def load(ctx: typer.Context, file: Path) -> Campaign:
    """The campaign of a file; what looks wrong in it is said.

    Raises:
        CampaignErrors: it cannot be used.
    """
    campaign = load_campaign(file)
    return _warned(ctx, campaign, campaign.warnings)


def load_for_site(ctx: typer.Context, file: Path) -> Campaign:
    """The campaign, whose jobs its site will take."""
    campaign = load(ctx, file)
    return _warned(ctx, campaign, check_site(campaign))


def _warned(ctx: typer.Context, campaign: Campaign, warnings: Iterable[Problem]) -> Campaign:
    output: Output = ctx.obj
    if not output.quiet:
        for warning in warnings:
            say(f"warning: {warning}")
    return campaign


def known_stage(name: str | None) -> str | None:
    """A stage as given on the command line, None for all.

    Raises:
        UsageError: there is no such stage.
    """
    if name is not None and name not in STAGES:
        raise UsageError(f'no stage "{name}"; allowed: {", ".join(STAGES)}{did_you_mean(name, STAGES)}')
    return name
