"""The command ``launch``: its arguments, its exit codes, and how errors are shown.

Exit codes: 0 done, 1 some items failed, 2 usage or invalid file, 3 site, scheduler or lock,
4 interrupted (run again to continue).
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typer

from launch.commands import ExitCode, Output, UsageError, app, say
from launch.disk_trouble import disk_trouble
from launch.lock import LockHeld
from launch.private import denied
from launch.problems import CampaignErrors, did_you_mean
from site_configs.site import SiteError

# typer brings its own copy of click, or needs click, depending on its version.
ClickException: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
CLICK_INTERRUPTED = 130  # what click returns after Ctrl-C
PACKAGE = "neural-network-kinetics"
WATCH_S = "10"
FLAGS = {
    "-v": "verbose",
    "--verbose": "verbose",
    "-q": "quiet",
    "--quiet": "quiet",
    "--debug": "debug",
    "--no-color": "no_color",
}


@app.callback(epilog="Exit codes: 0 done, 1 some items failed, 2 invalid, 3 site or lock, 4 interrupted.")
def _options(
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Say more."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Say only what is wrong."),
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks of errors."),
    no_color: bool = typer.Option(False, "--no-color", help="No colours."),
    version: bool = typer.Option(False, "--version", help="Print the version."),
) -> None:
    """Global options; they may stand anywhere, see `main`."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its code."""
    _open_streams()
    code = run_command(list(sys.argv[1:] if arguments is None else arguments))
    _flush()
    sys.exit(code)


def run_command(arguments: list[str]) -> int:
    """Run the command; the exit code."""
    if "--version" in arguments:
        print(f"launch {version(PACKAGE)}")
        return ExitCode.DONE
    output, rest = _global_options(arguments)
    try:
        result = app(_with_seconds(_with_verb(rest)), prog_name="launch", standalone_mode=False, obj=output)
        if result == CLICK_INTERRUPTED:
            return _interrupted()
        return int(result) if isinstance(result, int) else ExitCode.DONE
    except CampaignErrors as errors:
        for problem in errors.problems:
            say(str(problem))
        _show_traceback(output)
        return ExitCode.INVALID
    except UsageError as error:
        say(f"launch: {error}")
        return ExitCode.INVALID
    except ClickException as error:
        message = error.format_message()
        say(message if message.startswith("Usage") else f"launch: {message}")
        return ExitCode.INVALID
    except (LockHeld, SiteError) as error:
        say(f"launch: {error}")
        return ExitCode.SITE_OR_LOCK
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except SystemExit:  # by click, when the reader of a pipe has gone (``launch schema | head``)
        return ExitCode.DONE
    except PermissionError as error:
        say(f"launch: {denied(error)}")
        _show_traceback(output)
        return ExitCode.SITE_OR_LOCK
    except Exception as error:
        known = disk_trouble(error) if isinstance(error, OSError) else None
        say(f"launch: {known or f'{type(error).__name__}: {error}'}")
        if not _show_traceback(output):
            say("launch: --debug shows where this comes from")
        return ExitCode.SITE_OR_LOCK


def _interrupted() -> int:
    say("launch: interrupted; run the same command again to continue")
    return ExitCode.INTERRUPTED


def _show_traceback(output: Output) -> bool:
    if output.debug:
        traceback.print_exc()
    return output.debug


def _global_options(arguments: list[str]) -> tuple[Output, list[str]]:
    """The options that may stand anywhere, and the other arguments."""
    chosen = {FLAGS[argument]: True for argument in arguments if argument in FLAGS}
    if os.environ.get("NO_COLOR"):
        chosen["no_color"] = True
    return replace(Output(), **chosen), [argument for argument in arguments if argument not in FLAGS]


def _with_verb(arguments: list[str]) -> list[str]:
    """``FILE`` as ``run FILE``; a word that is neither a verb nor a file is a mistyped verb.

    Raises:
        UsageError: no such verb.
    """
    verbs = sorted(
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    )
    first = next((argument for argument in arguments if not argument.startswith("-")), None)
    if first is None or first in verbs:
        return arguments
    if first.endswith((".yaml", ".yml")) or "/" in first or Path(first).exists():
        return ["run", *arguments]
    raise UsageError(
        f'no command "{first}"; allowed: {", ".join(verbs)}, or a campaign file' + did_you_mean(first, verbs)
    )


def _with_seconds(arguments: list[str]) -> list[str]:
    """``--watch`` without a number of seconds gets one."""
    if "--watch" not in arguments:
        return arguments
    after = arguments.index("--watch") + 1
    follows = arguments[after] if after < len(arguments) else ""
    is_given = follows.replace(".", "", 1).replace("-", "", 1).isdigit()
    return arguments if is_given else [*arguments[:after], WATCH_S, *arguments[after:]]


def _open_streams() -> None:
    """Closed streams (``>&-``) lead nowhere; characters that the locale lacks are escaped, no error."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _flush() -> None:
    """Write out what is left; a reader that has gone (``launch plan | head``) is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
