"""Is this machine fit for campaigns? What can be tried on it, one line each, with the cure of what is wrong.

Everything is tried as campaigns do it: in processes of their own, in the environment of the workers; on a
machine with a scheduler by a job of ours, asked for by the scripts of campaigns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from launch.doctor.check import Check
from launch.doctor.here import examine_here, job_environment
from site_configs import Pool, Site, pools_of

__all__ = ["Check", "examine", "job_environment"]

WAIT_S = 900.0


def examine(
    site: Site, folder: Path, *, pools: Sequence[Pool] | None = None, wait_s: float = WAIT_S
) -> Iterator[Check]:
    """Try everything that campaigns on `site` need.

    Args:
        site: the machine that this process runs on, or of which it runs on a login node.
        folder: where campaigns are to be run; the nearest folder above it that exists is tried.
        pools: jobs that a campaign would ask for; None: those of the site's defaults.
        wait_s: how long a job of ours may wait in the queue (s).
    """
    if site.jobs is None:
        return examine_here(site, folder)
    from launch.doctor.cluster import examine_cluster  # which imports parsl

    if pools is None:
        pools = pools_of(site.layout(stage) for stage in site.stages)
    return examine_cluster(site, folder, pools, wait_s)
