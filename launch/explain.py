"""``launch explain``: where a figure or table comes from, back to seeds and hashes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from shlex import quote
from typing import Any

from launch.origins import NETWORK, RUN, Facts, origin
from launch.problems import did_you_mean
from nnk.files import Workdir, file_hash

UNCHANGED, CHANGED, MISSING, NOT_READ = "unchanged", "changed", "missing", "not read by the analysis"
FOLDERS = ("figures", "tables")
SUFFIXES = (".pdf", ".png", ".csv")


class NotExplained(ValueError):
    """What was asked for is no figure or table of an analysis; the message says what there is."""


@dataclass(frozen=True)
class FileState:
    """A file that an analysis has read or written.

    Attributes:
        path: relative to the workdir, absolute outside it.
        hash: of its content when the analysis was made.
        state: ``unchanged``, ``changed`` or ``missing`` since; of files further back, which the analysis has
            not read, their hash is that of now.
        kind: what it is.
        facts: what it says about itself, if it is there.
    """

    path: str
    hash: str
    state: str
    kind: str
    facts: Facts


@dataclass(frozen=True)
class Explanation:
    """The chain behind a figure or table.

    Attributes:
        product: the file.
        workdir: where it was made.
        analysis: name of the analysis that made it.
        title, command: of the figure or table; what makes it again, in the workdir.
        seed: of the campaign.
        options: what the campaign file chose about the analysis.
        settings, warnings, versions: as the analysis recorded them.
        inputs: the files that it was made from.
        behind: what those come from: the network that drove the runs, the labels that it was trained on.
        belongs_to: figures drawn from the table, or the table behind the figure.
    """

    product: FileState
    workdir: str
    analysis: str
    title: str
    command: str
    seed: int | None
    options: Facts
    settings: Facts
    warnings: tuple[str, ...]
    versions: dict[str, str]
    inputs: tuple[FileState, ...]
    behind: tuple[FileState, ...]
    belongs_to: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)


def explain(what: str, workdir: Path | None = None) -> Explanation:
    """The chain behind the figure or table `what`: its path, or its name in a workdir.

    Raises:
        NotExplained: there is no such product, or nothing tells where it comes from.
    """
    path = Path(what)
    root = workdir.absolute() if workdir is not None else _root_of(path)
    damaged: list[str] = []
    provenances = list(_provenances(Workdir(root), damaged))
    if not provenances:
        nothing = f"no analysis has been made in {root} (no figures/*.json): launch analyse NAME {root}"
        raise NotExplained("\n".join(damaged) or nothing)
    for provenance in provenances:
        written = {file["path"]: file["hash"] for file in provenance["outputs"]}
        for name in _names(path, written):
            return _explanation(root, provenance, name, written[name])
    known = sorted({Path(file["path"]).stem for one in provenances for file in one["outputs"]})
    raise NotExplained("\n".join([_unknown(path, root, known), *damaged]))


def _root_of(path: Path) -> Path:
    """The workdir of a path like ``runs/x/figures/order.png``."""
    folder = path.absolute().parent
    if folder.name not in FOLDERS:
        there = "is no figure or table" if path.exists() else "is not there"
        raise NotExplained(
            f"{path} {there}; allowed: a file in figures/ or tables/ of a workdir, or its name followed by "
            "the workdir: launch explain order-NbMoTa WORKDIR"
        )
    return folder.parent


def _provenances(workdir: Workdir, damaged: list[str]) -> Iterator[dict[str, Any]]:
    """Records of the analyses; what cannot be read is told in `damaged`."""
    for path in sorted(workdir.figures.glob("*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            damaged.append(f"{path} cannot be read: {error}; make its analysis again")
            continue
        if isinstance(data, dict) and "outputs" in data:
            yield data


def _names(path: Path, written: Mapping[str, str]) -> list[str]:
    """Which of the files that were written `path` means: by folder and name, by name, or without suffix."""
    if path.parent.name in FOLDERS:
        wanted = [f"{path.parent.name}/{path.name}"]
    elif path.suffix in SUFFIXES:
        wanted = [f"{folder}/{path.name}" for folder in FOLDERS]
    else:
        wanted = [f"{folder}/{path.name}{suffix}" for folder in FOLDERS for suffix in SUFFIXES]
    return [name for name in wanted if name in written]


def _unknown(path: Path, root: Path, known: Sequence[str]) -> str:
    if path.suffix == ".json":
        record = f"{path} is the record of an analysis itself"
        return f"{record}; allowed: one of the figures and tables: {', '.join(known)}"
    hint = did_you_mean(path.stem if path.suffix in SUFFIXES else path.name, known)
    return f'no figure or table "{path.name}" in {root}; there is {", ".join(known)}{hint}'


def _explanation(root: Path, provenance: Mapping[str, Any], name: str, digest: str) -> Explanation:
    figures = [f for f in provenance["figures"] if name in (f["png"], f["pdf"])]
    tables = [t for t in provenance["tables"] if t["csv"] == name]
    drawn = [f["pdf"] for f in provenance["figures"] if f["table"] == name]
    campaign = _campaign(root)
    inputs = tuple(_state(root, file["path"], file["hash"]) for file in provenance["inputs"])
    return Explanation(
        product=_state(root, name, digest, look_inside=False),
        workdir=str(root),
        analysis=provenance["analysis"],
        title=(figures or tables)[0]["title"],
        command=provenance["command"],
        seed=provenance.get("seed"),
        options=(campaign.get("analysis_options") or {}).get(provenance["analysis"]) or {},
        settings=dict(provenance["settings"]),
        warnings=tuple(provenance["warnings"]),
        versions=dict(provenance["versions"]),
        inputs=inputs,
        behind=tuple(_behind(Workdir(root), inputs, (campaign.get("kmc") or {}).get("model"))),
        belongs_to=(figures[0]["table"],) if figures else tuple(drawn),
    )


def _behind(workdir: Workdir, inputs: Sequence[FileState], driver: Any) -> Iterator[FileState]:
    """The network that drove the runs, and the labels of networks, unless the analysis has read them."""
    kinds, read = {file.kind for file in inputs}, {file.path for file in inputs}
    models = [workdir.model_dir(driver) / "model.json"] if RUN in kinds and isinstance(driver, str) else []
    labels = [workdir.labels_file] if models or NETWORK in kinds else []
    for path in (*models, *labels):
        name = path.relative_to(workdir.root).as_posix()
        if name not in read and path.is_file():
            yield FileState(name, file_hash(path), NOT_READ, *origin(path))


def _campaign(root: Path) -> Mapping[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    path = Workdir(root).campaign_file
    try:
        data = YAML(typ="safe", pure=True).load(path) if path.is_file() else None
    except (YAMLError, UnicodeDecodeError) as error:
        raise NotExplained(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    return data if isinstance(data, Mapping) else {}


def _state(root: Path, name: str, digest: str, *, look_inside: bool = True) -> FileState:
    path = root / name
    if not path.is_file():
        kind, _ = origin(path) if look_inside else ("product", {})
        return FileState(name, digest, MISSING, kind, {})
    state = UNCHANGED if file_hash(path) == digest else CHANGED
    kind, facts = origin(path) if look_inside else ("product", {})
    return FileState(name, digest, state, kind, facts)


def explanation_text(found: Explanation) -> str:
    """The chain for a reader."""
    return "\n".join(_lines(found))


def _lines(found: Explanation) -> Iterator[str]:
    product = found.product
    yield f"{product.path}: {found.title}"
    yield f"  in        {found.workdir}"
    yield f"  hash      {product.hash} ({_said(product)})"
    yield f"  made by   analysis {found.analysis}; again: cd {quote(found.workdir)} && {found.command}"
    if found.belongs_to:
        yield f"  beside    {', '.join(found.belongs_to)}"
    yield f"  seed      {found.seed} (of the campaign)"
    for title, facts in (
        ("options", found.options),
        ("settings", found.settings),
        ("versions", found.versions),
    ):
        if facts:
            yield f"  {title:9s} {_facts(facts)}"
    for warning in found.warnings:
        yield f"  note      {warning}"
    yield "made from"
    for kind, files in groupby(sorted(found.inputs, key=_kind), key=_kind):
        yield from _group(kind, list(files))
    if found.behind:
        yield "further back"
        for file in found.behind:
            yield from _group(file.kind, [file])


def _kind(file: FileState) -> str:
    return file.kind


def _said(file: FileState) -> str:
    now = {
        UNCHANGED: "still so on disk",
        CHANGED: "the file has CHANGED since",
        MISSING: "the file is MISSING",
    }
    return now[file.state]


def _group(kind: str, files: Sequence[FileState]) -> Iterator[str]:
    """Files of one kind: first what all of them say, then each with what it says alone."""
    common = _common([file.facts for file in files if file.state != MISSING])
    yield f"  {kind}" + (f", {len(files)} files" if len(files) > 1 else "")
    for name, value in common.items():
        yield f"    {name}: {_value(value)}"
    for file in files:
        own = {name: value for name, value in file.facts.items() if name not in common}
        yield f"    {file.path}  {file.hash}  {_state_word(file)}" + (f"  {_facts(own)}" if own else "")


def _state_word(file: FileState) -> str:
    return file.state.upper() if file.state in (CHANGED, MISSING) else file.state


def _common(facts: Sequence[Facts]) -> Facts:
    if not facts:
        return {}
    return {k: v for k, v in facts[0].items() if all(k in other and other[k] == v for other in facts)}


def _facts(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in facts.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "(" + _facts(value) + ")"
    if isinstance(value, list | tuple):
        return " ".join(map(_value, value))
    return str(value)
