"""The verb ``doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from launch.commands.base import ExitCode, UsageError, app, load
from nnk.files import Workdir
from site_configs import load_site


@app.command()
def doctor(
    ctx: typer.Context,
    site: Annotated[str, typer.Argument(help="Name or file of the site.")] = "local",
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Campaign, for its workdir.", show_default=False)
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Time a few of the campaign's items for launch plan.")
    ] = False,
) -> None:
    """Try what campaigns need of this machine; with --measure also what the items of FILE cost."""
    from launch.doctor import examine, job_environment

    campaign = load(ctx, file) if file is not None else None
    if measure and campaign is None:
        raise UsageError("--measure needs a campaign: launch doctor local campaign.yaml --measure")
    machine = load_site(site, campaign.base_dir if campaign else None)
    bad = 0
    for check in examine(machine, campaign.workdir_path if campaign else Path.cwd()):
        print(check, flush=True)
        bad += not check.fit
    if bad:
        raise typer.Exit(ExitCode.SITE_OR_LOCK)
    if measure and campaign is not None:
        from launch.measure import measure as measure_costs
        from launch.measure import write_costs

        costs = measure_costs(campaign, machine, job_environment(machine))
        for stage, cost in costs.items():
            print(f"{stage}: {cost['core_seconds']:.3g} core-s per {'jump' if stage == 'kmc' else 'vacancy'}")
        print(write_costs(Workdir(campaign.workdir_path), costs) if costs else "nothing to measure")
