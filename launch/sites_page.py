"""The sites that come with the suite as pages to read: Markdown made of their files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from launch.site_examples import campaign_lines, scripts, site_file
from launch.sites import Fact, facts
from site_configs import Site, load_site, shipped_site_names
from site_configs.parts import StageDefaults
from site_configs.queues import NodeKind, Queue
from site_configs.reading import FOLDER

HEAD = Path(__file__).parent / "templates" / "sites.md"
SETTINGS = {
    "jobs.account_needed": "account needed",
    "jobs.walltime": "walltime unless asked otherwise",
    "jobs.at_most": "jobs at a time, of each kind, unless asked otherwise",
    "jobs.mpi_units": "units of MPI ranks have",
    "jobs.constraint": "constraint",
    "jobs.select": "select",
    "jobs.directives": "directives",
    "jobs.ask_gpus": "GPUs asked for by number",
    "mpi.command": "MPI programs are started by",
    "mpi.options": "further words where Parsl places MPI programs",
    "mpi.shared_command": "where several units share a node, by",
    "mpi.workers_command": "workers on every node of a job are started by",
    "mpi.host_lists": "nodes may be named to MPI",
    "address": "the driver's address for the workers",
    "interface": "the driver's network interface for the workers",
    "gpu_variable": "GPUs are bound by",
    "worker_init": "before the workers",
}


def shipped(name: str) -> Site:
    """A site as it comes with the suite, whatever the user's files say."""
    return load_site(str(FOLDER / f"{name}.yaml"))


def index() -> str:
    """What sites are and how to have one of one's own, and a table of those that come with the suite."""
    rows = ["| site | scheduler | nodes: cores, GPUs | default queue | facts of | tested |", "|" + "---|" * 6]
    rows += [_row(shipped(name)) for name in shipped_site_names()]
    return "\n".join([HEAD.read_text(), *rows, ""])


def _row(site: Site) -> str:
    kinds = site.nodes.items()
    nodes = [f"{name} {kind.cores or '?'}" + (f", {kind.gpus}" if kind.gpus else "") for name, kind in kinds]
    dates = sorted({source.date.isoformat() for source in site.sources.values() if source.date})
    cells = (
        f"[{site.name}](sites/{site.name}.md): {site.description}",
        site.scheduler,
        "; ".join(nodes) or "any",
        f"`{site.default_queue}`" if site.default_queue else "",
        " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else "",
        site.tested.date.isoformat() if site.tested else "no",
    )
    return f"| {' | '.join(cells)} |"


def page(site: Site) -> str:
    """All about one site."""
    return "\n".join(_parts(site, facts(site)))


def _parts(site: Site, found: list[Fact]) -> Iterator[str]:
    tested = "never tested on the machine"
    if site.tested:
        tested = f"tested on {site.tested.date}: {site.tested.how}"
    yield f"# {site.name}\n\n{site.description}; scheduler: {site.scheduler}; **{tested}**.\n"
    yield "Made by `make schema` from `site_configs/`; of sites in general: [sites](../sites.md).\n"
    if site.queues:
        yield from _queues(site)
    if site.nodes:
        yield from _nodes(site)
    yield "## What jobs are given\n"
    yield "In parentheses the document that says so (see the end), or the file that chose it.\n"
    yield "\n".join(_settings(found)) + "\n"
    yield from _stages(site)
    yield from _to_copy(site)
    yield from _scripts(site)
    if site.to_check:
        yield "## To check on first use\n\n" + "\n".join(f"* {line}" for line in site.to_check) + "\n"
    if any(fact.source for fact in found):
        yield "## Read in\n\n" + "\n".join(_documents(found)) + "\n"


def _queues(site: Site) -> Iterator[str]:
    yield "## Queues\n\n| queue | nodes | takes | jobs at a time | remarks |\n|---|---|---|---|---|"
    for name, queue in site.queues.items():
        mark = " (default)" if name == site.default_queue else ""
        cells = (f"`{name}`{mark}", queue.node or "", str(queue), _jobs(queue), _remarks(queue))
        yield f"| {' | '.join(cells)} |"
    yield ""


def _nodes(site: Site) -> Iterator[str]:
    yield "## Nodes\n\n| node | cores | threads per core | memory | GPUs | their ids |\n|" + "---|" * 6
    for name, kind in site.nodes.items():
        ids = " ".join(kind.gpu_ids or map(str, range(kind.gpus)))
        cells = (name, kind.cores or "not known", kind.threads_per_core, _memory(kind), _gpus(kind), ids)
        yield f"| {' | '.join(map(str, cells))} |"
    yield ""


def _stages(site: Site) -> Iterator[str]:
    """How each stage uses a node, unless the campaign asks otherwise."""
    yield "## What each stage uses\n\nUnless the campaign says otherwise in `resources`.\n"
    yield "| stage | on a node | nodes of a unit | queue | walltime |\n|---|---|---|---|---|"
    for name, stage in site.stages.items():
        queue, walltime = site.asked(name, None, None)
        yield f"| {name} | {_share(stage)} | {stage.nodes} | {queue or ''} | {walltime or ''} |"
    yield ""


def _share(stage: StageDefaults) -> str:
    if stage.ranks is None:
        return "a unit on every core" if stage.workers == "all" else _counted(stage.workers, "unit")
    return "a rank of a unit on every core" if stage.ranks == "all" else _counted(stage.ranks, "rank")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count > 1)}"


def _to_copy(site: Site) -> Iterator[str]:
    folder = "~/.config/neural-network-kinetics/sites"
    yield f"## To copy\n\nLines of a campaign on this site:\n\n```yaml\n{campaign_lines(site)}```\n"
    yield f"Or a file of your own, `{folder}/mine.yaml` for `site: mine`,"
    yield "or beside the campaign for `site: ./mine.yaml`:\n"
    yield f"```yaml\n{site_file(site)}```\n"
    plan = "launch plan campaign.yaml" + (" --scripts" if site.jobs else "")
    yield f"`launch doctor {site.name}` tries what campaigns need of the machine,"
    yield f"`{plan}` says what a campaign will take of it.\n"


def _scripts(site: Site) -> Iterator[str]:
    for stage, text in scripts(site):
        yield f"## Submitted for {stage}\n\n```bash\n{text}\n```\n"


def _jobs(queue: Queue) -> str:
    limits = {
        "per user": (queue.running_per_user, queue.submitted_per_user),
        "per project": (queue.running_per_project, queue.submitted_per_project),
    }
    words = []
    for whose, (running, submitted) in limits.items():
        both = [f"{running} running" if running else "", f"{submitted} submitted" if submitted else ""]
        if any(both):
            words.append(f"{', '.join(filter(None, both))} {whose}")
    return "; ".join(words) or "not known"


def _remarks(queue: Queue) -> str:
    asked = {"partition": queue.partition, "qos": queue.qos, "constraint": queue.constraint}
    words = [f"{name} {value}" for name, value in asked.items() if value]
    return "; ".join(filter(None, [f"asks for {', '.join(words)}" if words else "", queue.note]))


def _memory(kind: NodeKind) -> str:
    return f"{kind.memory_GB:g} GB" if kind.memory_GB else "not known"


def _gpus(kind: NodeKind) -> str:
    return f"{kind.gpus} x {kind.gpu}" if kind.gpus else "none"


def _settings(found: Iterable[Fact]) -> Iterator[str]:
    """What jobs are given, with the document that says so, or the file that chose it."""
    for fact in found:
        section, _, name = fact.key.partition(".")
        words = f"variable {name}" if section == "environment" else SETTINGS.get(fact.key)
        if words is not None:
            yield f"* {words}: `{fact.text}` ({fact.source or fact.origin.rsplit(':', 1)[0]})"


def _documents(found: Iterable[Fact]) -> Iterator[str]:
    """The documents, each with the date of its version and what it is the source of."""
    of: dict[str, list[Fact]] = {}
    for fact in found:
        if fact.source:
            of.setdefault(fact.source, []).append(fact)
    for name, some in of.items():
        keys = dict.fromkeys(_subject(fact.key) for fact in some)
        one = some[0]
        yield f"* {name}: {one.document} ({one.by}, {one.date or 'undated'}): {', '.join(keys)}"


def _subject(key: str) -> str:
    parts = key.split(".")
    return ".".join(parts[:2]) if parts[0] in ("jobs", "mpi") else parts[0]
