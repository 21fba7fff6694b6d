"""What a user writes for a machine: a site file, lines of a campaign; and what is submitted then."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from site_configs import Pool, Site, StageLayout
from site_configs.parts import StageName

SHOWN: tuple[StageName, ...] = ("label", "kmc")
ACCOUNT = "my-project"


def site_file(site: Site) -> str:
    """A file of one's own that extends a site, with what is most often changed."""
    lines = [f"extends: {site.name}"]
    if site.jobs is None:
        return "\n".join([*lines, "cores_per_node: 2                 # leave the others alone", ""])
    if site.cores_per_node == 1 and not site.nodes:  # any machine: nothing is known of its nodes
        lines.append("cores_per_node: 128")
    known = site.queue(site.jobs.queue)
    asked = {
        "queue": site.jobs.queue or "regular",
        "account": ACCOUNT,
        "walltime": f'"{site.jobs.walltime}"',
        "at_most": min(4, (known.jobs_at_a_time if known else None) or 4),
    }
    lines.append("jobs: {" + ", ".join(f"{name}: {value}" for name, value in asked.items()) + "}")
    lines += ["worker_init: |", *(f"  {line}" for line in site.worker_init.splitlines())]
    return "\n".join([*lines, "  export MY_VARIABLE=1               # whatever your jobs need", ""])


def campaign_lines(site: Site) -> str:
    """Lines of a campaign on a site."""
    if site.jobs is None:
        return f"site: {site.name}\nresources:\n  label: {{ranks_per_node: 2}}\n"
    lines = [f"site: {site.name}", "resources:", f"  account: {ACCOUNT}"]
    lines.append(f'  label: {{nodes: {site.stages["label"].nodes}, walltime: "{site.jobs.walltime}"}}')
    queue = next((name for name in site.queues if site.gpus_in(name)), None)
    if queue not in (None, site.jobs.queue):
        lines.append(f"  # kmc: {{queue: {queue}}}   where kmc has engine: {{batched: {{device: cuda}}}}")
    return "\n".join([*lines, ""])


def scripts(site: Site) -> Iterator[tuple[str, str]]:
    """What would be submitted for units of labels and of kMC: the stage, and the script below its command."""
    from site_configs.builder import worker_environment  # which imports parsl
    from site_configs.scripts import submit_script

    paid = site.paid_by(ACCOUNT)
    for stage, layout in _layouts(paid):
        made = submit_script(paid, layout.pool, worker_environment(Path("CACHES")))
        text = made.text.replace(str(Path(sys.executable).parent), "ENVIRONMENT/bin")
        units = " ".join(layout.mpi_command) or "a process without MPI"
        head = f"# {made.command}\n# each unit: {units}"
        yield stage, "\n".join([head, *(line.rstrip() for line in text.rstrip().splitlines())])


def _layouts(site: Site) -> Iterator[tuple[str, StageLayout]]:
    """Layouts of the stages shown, each kind of job once."""
    seen: dict[Pool, str] = {}
    for stage in SHOWN if site.jobs else ():
        layout = site.layout(stage)
        if layout.pool not in seen:
            seen[layout.pool] = stage
            yield stage, layout
