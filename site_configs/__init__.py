"""Machines as data (YAML files), and the one module, `site_configs.builder`, that turns them into Parsl."""

from __future__ import annotations

from site_configs.layout import Pool, StageLayout, pools_of
from site_configs.queues import Request, Verdict, verdict
from site_configs.reading import load_site, shipped_site_names, site_names
from site_configs.site import Site, SiteError

__all__ = [
    "Pool",
    "Request",
    "Site",
    "SiteError",
    "StageLayout",
    "Verdict",
    "load_site",
    "pools_of",
    "shipped_site_names",
    "site_names",
    "verdict",
]
