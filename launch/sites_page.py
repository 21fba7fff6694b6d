"""The sites that come with the suite as a page to read: Markdown made of their files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from launch.sites import Fact, facts
from site_configs import Site, load_site, shipped_site_names
from site_configs.queues import NodeKind, Queue
from site_configs.reading import FOLDER

HEAD = Path(__file__).parent / "templates" / "sites.md"


def page() -> str:
    """All sites with a scheduler, one section each."""
    sites = [load_site(str(FOLDER / f"{name}.yaml")) for name in shipped_site_names()]
    return "\n".join([HEAD.read_text(), *("\n".join(_section(site)) for site in sites if site.queues)])


def _section(site: Site) -> Iterator[str]:
    found = facts(site)
    yield f"## {site.name}\n\n{site.description}; scheduler: {site.scheduler}.\n"
    yield "| queue | nodes | takes | jobs at a time | remarks |\n|---|---|---|---|---|"
    for name, queue in site.queues.items():
        mark = " (default)" if name == site.default_queue else ""
        cells = (f"`{name}`{mark}", queue.node or "", str(queue), _jobs(queue), _remarks(queue))
        yield f"| {' | '.join(cells)} |"
    yield "\n| node | cores | memory | GPUs |\n|---|---|---|---|"
    for name, kind in site.nodes.items():
        yield f"| {name} | {kind.cores or 'not known'} | {_memory(kind)} | {_gpus(kind)} |"
    yield "\n" + "\n".join(_settings(found))
    yield "\nTo check on first use:\n\n" + "\n".join(f"* {line}" for line in site.to_check)
    yield "\nRead in:\n\n" + "\n".join(_documents(found)) + "\n"


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
    """What jobs are given, with the document that says so."""
    shown = {
        "jobs.account_needed": "account needed",
        "jobs.walltime": "walltime unless asked otherwise",
        "jobs.constraint": "constraint",
        "jobs.select": "select",
        "jobs.directives": "directives",
        "jobs.ask_gpus": "GPUs asked for by number",
        "mpi.command": "MPI",
        "interface": "network interface",
        "gpu_variable": "GPUs bound by",
        "worker_init": "before the workers",
    }
    by_key = {fact.key: fact for fact in found}
    for key, words in shown.items():
        if key in by_key and by_key[key].origin != "default":
            fact = by_key[key]
            yield f"* {words}: `{fact.text}`" + (f" ({fact.source})" if fact.source else "")


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
