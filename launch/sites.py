"""Sites as text and as data: a table of all, and all that is known of one, with where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launch.show import table
from site_configs import Site, load_site, site_names
from site_configs.data import KeyPath
from site_configs.queues import Limit

LEFT_OUT = ("name", "description", "tested", "sources", "read_in", "to_check")
DEFAULT = "default"
OURS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Fact:
    """A value of a site.

    Attributes:
        key: dotted path of its key.
        value: the value.
        origin: file and line that set it; ``default`` if none did.
        source: name of the document in which it was read; empty for what is a choice.
        document: what that is.
        by: whose word it is.
        date: of the document; empty if it has none.
    """

    key: str
    value: Any
    origin: str
    source: str = ""
    document: str = ""
    by: str = ""
    date: str = ""

    @property
    def text(self) -> str:
        """The value on one line."""
        return _shown(self.value)

    def __str__(self) -> str:
        read = f"; read in {self.source}" if self.source else ""
        return f"{self.key}: {self.text}  [{self.origin}{read}]"


def facts(site: Site) -> list[Fact]:
    """Every value of a site, in the order of the schema; defaults too, but for those of stages and queues."""
    data = site.model_dump(mode="json", exclude=set(LEFT_OUT))
    found = [_fact(site, key, value) for key, value in _leaves(data)]
    return [fact for fact in found if fact.origin != DEFAULT or not fact.key.startswith(("stages", "queues"))]


def _leaves(node: dict[str, Any], key: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    for name, value in node.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*key, name))
        elif value not in (None, "", [], {}):
            yield (*key, name), value


def _fact(site: Site, key: KeyPath, value: Any) -> Fact:
    origin = site.origins.get(key)
    name = ".".join(key)
    if origin is None:
        return Fact(name, value, DEFAULT)
    place = f"{short(origin.file)}:{origin.line}"
    told = site.source_of(key)
    if told is None:
        return Fact(name, value, place)
    source = site.sources[told]
    date = source.date.isoformat() if source.date else ""
    return Fact(name, value, place, told, source.what, source.by, date)


def short(path: Path) -> str:
    """A file of the suite by its name in it, any other as it is."""
    return str(path.relative_to(OURS)) if path.is_relative_to(OURS) else str(path)


def _shown(value: Any) -> str:
    if isinstance(value, str) and "\n" in value:
        return "; ".join(value.strip().splitlines())
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return "; ".join(str(Limit.model_validate(item)) for item in value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(value) if not any(" " in item for item in value) else ", ".join(value)
    return str(value)


def sites_table() -> str:
    """A row for each site."""
    rows = [_row(load_site(name)) for name in site_names()]
    head = ("name", "scheduler", "cores and GPUs of nodes", "tested", "queues, * the default one")
    return table(head, rows)


def _row(site: Site) -> tuple[str, ...]:
    tested = site.tested.date.isoformat() if site.tested else "no"
    queues = [f"{name}*" if name == site.default_queue else name for name in site.queues]
    return (site.name, site.scheduler, _nodes(site), tested, " ".join(queues) or f"({site.description})")


def _nodes(site: Site) -> str:
    """Kinds of nodes in a few words."""
    kinds: list[tuple[object, object]] = [(kind.cores or "?", kind.gpus) for kind in site.nodes.values()]
    kinds = kinds or [(site.cores_per_node, site.gpus_per_node)]
    return ", ".join(dict.fromkeys(f"{cores}+{gpus}" if gpus else f"{cores}" for cores, gpus in kinds))


def site_text(site: Site) -> str:
    """Everything that is known of a site."""
    tested = "never tested on the machine"
    if site.tested:
        tested = f"tested on {site.tested.date}: {site.tested.how}"
    found = facts(site)
    lines = [f"{site.name}: {site.description}", tested, "", *map(str, found)]
    documents = {fact.source: fact for fact in found if fact.source}
    if documents:
        lines += ["", "read in:"]
        lines += [f"  {name}: {f.document} ({f.by}, {f.date or 'undated'})" for name, f in documents.items()]
    if site.to_check:
        lines += [
            "",
            "not known, or to be looked at on first use:",
            *(f"  - {line}" for line in site.to_check),
        ]
    return "\n".join(lines)


def own_values_text(site: Site) -> str:
    """What files of the user's say about a site in place of those of the suite, or beside them."""
    of: dict[str, list[str]] = {}
    for key, origin in site.origins.items():
        if not origin.file.is_relative_to(OURS) and key[0] not in (*LEFT_OUT, "extends"):
            of.setdefault(str(origin.file), []).append(".".join(key))
    return "\n".join(f"site {site.name}: {file} sets {', '.join(keys)}" for file, keys in of.items())


def site_data(site: Site) -> dict[str, Any]:
    """The same as plain data."""
    found = [{name: value for name, value in vars(fact).items() if value != ""} for fact in facts(site)]
    tested = site.tested.model_dump(mode="json") if site.tested else None
    about = {"name": site.name, "description": site.description, "tested": tested}
    return {**about, "facts": found, "to_check": list(site.to_check)}


def sites_data() -> list[dict[str, Any]]:
    """What the table of all sites says, as plain data."""
    return [
        {
            "name": site.name,
            "description": site.description,
            "scheduler": site.scheduler,
            "tested": site.tested.date.isoformat() if site.tested else None,
            "default_queue": site.default_queue,
            "nodes": {name: kind.model_dump(mode="json") for name, kind in site.nodes.items()},
            "queues": {name: str(queue) for name, queue in site.queues.items()},
        }
        for site in map(load_site, site_names())
    ]
