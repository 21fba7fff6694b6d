"""The verb ``doctor``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from launch.campaign import Campaign
from launch.commands.base import ExitCode, Json, UsageError, app, load, say
from launch.doctor import WAIT_S
from launch.layouts import stage_layout, used_stages
from nnk.files import Workdir
from site_configs import Pool, Site, load_site, pools_of


@app.command()
def doctor(
    ctx: typer.Context,
    site: Annotated[str, typer.Argument(help="Name or file of the site.")] = "local",
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Campaign, for its workdir and jobs.", show_default=False),
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Time a few of the campaign's items for launch plan.")
    ] = False,
    wait_s: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", help="How long a job may wait in the queue.")
    ] = WAIT_S,
    as_json: Json = False,
) -> None:
    """Try what campaigns need of a machine (run it on a login node); with --measure also what items cost."""
    from launch.doctor import examine

    campaign = load(ctx, file) if file is not None else None
    if measure and campaign is None:
        raise UsageError(f"--measure needs a campaign: launch doctor {site} campaign.yaml --measure")
    machine = load_site(site, campaign.base_dir if campaign else None)
    machine = machine.paid_by(campaign.resources.account) if campaign else machine
    folder = campaign.workdir_path if campaign else Path.cwd()
    found = []
    for check in examine(machine, folder, pools=_pools(machine, campaign), wait_s=wait_s):
        found.append(check)
        if not as_json:
            print(check, flush=True)
    fit = all(check.fit is not False for check in found)
    costs = _measured(campaign, machine, wait_s) if measure and campaign is not None and fit else {}
    if as_json:
        said = {"site": machine.name, "fit": fit, "checks": list(map(asdict, found)), "costs": costs}
        print(json.dumps(said, indent=1))
    else:
        for stage, cost in costs.items():
            per = "jump" if stage == "kmc" else "vacancy"
            print(f"{stage}: {cost['core_seconds']:.3g} core-s per {per}")
    if not fit:
        raise typer.Exit(ExitCode.SITE_OR_LOCK)


def _pools(machine: Site, campaign: Campaign | None) -> tuple[Pool, ...] | None:
    """The jobs that a campaign would ask for."""
    if campaign is None or machine.jobs is None:
        return None
    return pools_of(stage_layout(machine, campaign, stage) for stage in used_stages(campaign))


def _measured(campaign: Campaign, machine: Site, wait_s: float) -> dict[str, Any]:
    """What items cost, written where plans find it."""
    from launch.measure import measure, write_costs

    costs = measure(campaign, machine, wait_s=wait_s, say=say)
    say(str(write_costs(Workdir(campaign.workdir_path), costs)) if costs else "nothing to measure")
    return costs
