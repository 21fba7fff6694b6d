"""The verb ``sites``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from launch.commands.base import Json, UsageError, app
from site_configs import load_site


@app.command()
def sites(
    action: Annotated[
        str | None,
        typer.Argument(metavar="[show", help="show: all that is known of one.", show_default=False),
    ] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME]", help="Name or file of that site.", show_default=False)
    ] = None,
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As pages of docs/ instead.")] = False,
) -> None:
    """List the machines that are known, or show one: queues, nodes, and where each fact comes from."""
    from launch import sites as known
    from launch import sites_page

    if action not in (None, "show"):
        raise UsageError(f'no "sites {action}"; allowed: sites, sites show NAME')
    if action and name is None:
        raise UsageError("sites show: which? allowed: the name of a site (launch sites) or its file")
    if name is None and markdown:
        print(sites_page.index(), end="")
        return
    if name is None:
        print(json.dumps(known.sites_data(), indent=1) if as_json else known.sites_table())
        return
    site = load_site(name)
    if markdown:
        print(sites_page.page(site), end="")
        return
    print(
        json.dumps(known.site_data(site), indent=1, ensure_ascii=False) if as_json else known.site_text(site)
    )
