"""Machines as data (YAML files), and the one module, `site_configs.builder`, that turns them into Parsl."""

from __future__ import annotations

from site_configs.site import Site, SiteError, StageLayout, load_site, site_names

__all__ = ["Site", "SiteError", "StageLayout", "load_site", "site_names"]
