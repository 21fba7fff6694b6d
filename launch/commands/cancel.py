"""The verb ``cancel``."""

from __future__ import annotations

import typer

from launch.commands.base import ExitCode, File, Yes, app, confirmed, load, say
from nnk.files import Workdir


@app.command()
def cancel(ctx: typer.Context, file: File, yes: Yes = False) -> None:
    """End what the campaign has started: its driver, processes and scheduler jobs, after showing them."""
    from launch.cancel import cancel as end
    from launch.cancel import what_lives

    workdir = Workdir(load(ctx, file).workdir_path)
    started = what_lives(workdir)
    lines = list(started.lines())
    if not lines:
        say(f"nothing of {file} is running")
        return
    print("\n".join(lines))
    if not confirmed("end these?", yes=yes):
        say("nothing was ended")
        raise typer.Exit(ExitCode.INVALID)
    left = end(workdir, started, say)
    for text in left:
        say(text)
    if left:
        raise typer.Exit(ExitCode.SITE_OR_LOCK)
    say(f"ended; launch {file} goes on from what is saved")
