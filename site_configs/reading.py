"""Site files: reading them, with what they extend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from site_configs.site import Site, SiteError

FOLDER = Path(__file__).parent


def site_names() -> list[str]:
    """Names of the sites that come with the suite."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_site(name_or_path: str, base_dir: Path | None = None) -> Site:
    """The site with this name, or in this file (relative to `base_dir`).

    Raises:
        SiteError: no such site, or a file that is not one; all its errors are in the message.
    """
    data = _extended(_site_file(name_or_path, base_dir or Path.cwd()), ())
    try:
        return Site.model_validate({"name": data.path.stem, **data.merged})
    except ValidationError as error:
        raise SiteError("\n".join(_located(data, detail) for detail in error.errors())) from error


@dataclass(frozen=True)
class _Data:
    """What a site file says.

    Attributes:
        path: the file.
        own: its own mapping, with line numbers.
        merged: the same with what it extends.
    """

    path: Path
    own: Mapping[str, Any]
    merged: dict[str, Any]


def _extended(path: Path, by: tuple[Path, ...]) -> _Data:
    """A site file with what it extends, of which it may change any key."""
    own = _mapping(path)
    if "extends" not in own:
        return _Data(path, own, dict(own))
    name, chain = own["extends"], (*by, path.resolve())
    if not isinstance(name, str):
        raise SiteError(f"{path}: extends: got {name}; allowed: the name of a site, or the path of its file")
    base = _site_file(name, path.parent)
    if base.resolve() in chain:
        raise SiteError(f"{path}: extends: {name} extends this file itself; allowed: another site")
    merged = _merged(_extended(base, chain).merged, own)
    del merged["extends"]
    return _Data(path, own, merged)


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `own` in their place, mapping by mapping."""
    merged = dict(base)
    for key, value in own.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _mapping(path: Path) -> Mapping[str, Any]:
    try:
        data = YAML(typ="rt").load(path.read_text())
    except OSError as error:
        raise SiteError(f"{path}: {error.strerror}") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise SiteError(f"{path}: not YAML: {error}") from error
    if not isinstance(data, dict):
        raise SiteError(f"{path}: expected a mapping with the keys of a site")
    return data


def _site_file(name_or_path: str, base_dir: Path) -> Path:
    if "/" in name_or_path or name_or_path.endswith((".yaml", ".yml")):
        return base_dir / Path(name_or_path).expanduser()
    if name_or_path not in site_names():
        known = ", ".join(site_names())
        raise SiteError(f'no site "{name_or_path}"; allowed: {known}, or the path of a site file')
    return FOLDER / f"{name_or_path}.yaml"


def _located(data: _Data, detail: Any) -> str:
    """An error of the model as ``file:line:column: key: what is wrong``."""
    node: Any = data.own
    place = (0, 0)
    for key in detail["loc"]:
        is_mapping = isinstance(node, dict)
        if not hasattr(node, "lc") or (is_mapping and key not in node):
            break
        place = node.lc.key(key) if is_mapping else node.lc.item(key)
        node = node[key]
    where = f"{data.path}:{place[0] + 1}:{place[1] + 1}"
    if not detail["loc"]:  # of several keys together
        return f"{where}: {detail['msg'].removeprefix('Value error, ')}"
    name = ".".join(map(str, detail["loc"]))
    return f"{where}: {name}: {detail['msg']} (got {str(detail['input'])[:60]})"
