"""Site files: reading them, with what they extend, and where each value was set.

A name is looked for among the user's own files first (`user_folder`), then among those that come with the
suite; a file of the user may extend the one whose name it takes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nnk.files.plain_yaml import Document, read
from nnk.files.problems import printable
from site_configs.data import KeyPath, Origin
from site_configs.site import Site, SiteError
from site_configs.words import ALLOWED

FOLDER = Path(__file__).parent
NOT_TAKEN_OVER = ("extends", "tested")


def user_folder() -> Path:
    """Where a user keeps site files of his or her own."""
    base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "neural-network-kinetics" / "sites"


def shipped_site_names() -> list[str]:
    """Names of the sites that come with the suite."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def site_names() -> list[str]:
    """Names of all sites: the user's own, and those that come with the suite."""
    return sorted({path.stem for path in user_folder().glob("*.yaml")} | {*shipped_site_names()})


def load_site(name_or_path: str, base_dir: Path | None = None) -> Site:
    """The site with this name, or in this file (relative to `base_dir`).

    Raises:
        SiteError: no such site, or a file that is not one; all its errors are in the message.
    """
    data = _extended(_site_file(name_or_path, base_dir or Path.cwd()), ())
    try:
        site = Site.model_validate({"name": data.path.stem, **data.merged})
    except ValidationError as error:
        raise SiteError("\n".join(_located(data, detail) for detail in error.errors())) from error
    site._origins.update(data.origins)
    return site


@dataclass(frozen=True)
class _Data:
    """What a site file says.

    Attributes:
        path: the file.
        own: what stands in it itself, and where.
        merged: the same with what it extends.
        origins: where each value of `merged` was set.
    """

    path: Path
    own: Document
    merged: dict[str, Any]
    origins: dict[KeyPath, Origin]


def _extended(path: Path, by: tuple[Path, ...]) -> _Data:
    """A site file with what it extends, of which it may change any key."""
    document, chain = _document(path), (*by, path.resolve())
    own = document.data
    origins = {key: Origin(path, document.keys[key].line) for key in _leaves(own)}
    if "extends" not in own:
        return _Data(path, document, dict(own), origins)
    name = own["extends"]
    if not isinstance(name, str):
        raise SiteError(f"{path}: extends: got {name}; allowed: the name of a site, or the path of its file")
    base = _site_file(name, path.parent, but=chain)
    if base.resolve() in chain:
        raise SiteError(f"{path}: extends: {name} extends this file itself; allowed: another site")
    below = _extended(base, chain)
    taken = {key: value for key, value in below.merged.items() if key not in NOT_TAKEN_OVER}
    merged = _merged(taken, own)
    del merged["extends"]
    return _Data(path, document, merged, below.origins | origins)


def _leaves(node: Mapping[str, Any], key: KeyPath = ()) -> Iterator[KeyPath]:
    """Key of each value that is no mapping."""
    for name, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*key, name))
        else:
            yield (*key, name)


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `own` in their place, mapping by mapping."""
    merged = dict(base)
    for key, value in own.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _document(path: Path) -> Document:
    """A site file as text: plain values alone, so that nothing in it can name or run code."""
    try:
        document = read(path, keys="extends, scheduler, jobs")
    except OSError as error:
        raise SiteError(f"{path}: {error.strerror or error}") from error
    if document.problems:
        raise SiteError("\n".join(map(str, document.problems)))
    return document


def _site_file(name_or_path: str, base_dir: Path, but: tuple[Path, ...] = ()) -> Path:
    """The file of a site; a name leads to none of the files in `but` if there is another."""
    if "/" in name_or_path or name_or_path.endswith((".yaml", ".yml")):
        return base_dir / Path(name_or_path).expanduser()
    if name_or_path not in site_names():
        known = ", ".join(site_names())
        raise SiteError(f'no site "{name_or_path}"; allowed: {known}, or the path of a site file')
    users = user_folder() / f"{name_or_path}.yaml"
    shipped = FOLDER / f"{name_or_path}.yaml"
    is_users = users.is_file() and not (users.resolve() in but and shipped.is_file())
    return users if is_users else shipped


def _located(data: _Data, detail: Any) -> str:
    """An error of the model as ``file:line:column: key: what is wrong``."""
    at = data.own.position(detail["loc"], of_key=True)
    where = f"{data.path}:{at.line}:{at.column}"
    if not detail["loc"]:  # of several keys together
        return f"{where}: {detail['msg'].removeprefix('Value error, ')}"
    key = ".".join(map(str, detail["loc"]))
    if detail["type"] == "value_error":  # our own words, which say what came
        return printable(f"{where}: {key}: {detail['msg'].removeprefix('Value error, ')}")
    allowed = ALLOWED.get(detail.get("ctx", {}).get("pattern"))
    if allowed:
        return printable(f"{where}: {key}: got {str(detail['input'])[:60]!r}; allowed: {allowed}")
    return printable(f"{where}: {key}: {detail['msg']} (got {str(detail['input'])[:60]})")
