"""Machines as data (YAML files), and the one module, `site_configs.builder`, that turns them into Parsl."""

from __future__ import annotations

from site_configs.layout import Pool, StageLayout, pools_of
from site_configs.reading import load_site, site_names
from site_configs.site import Site, SiteError

__all__ = ["Pool", "Site", "SiteError", "StageLayout", "load_site", "pools_of", "site_names"]
