"""The campaign file's keys as a page to read: Markdown made of its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Node = Mapping[str, Any]

_NUMBERS = {"integer": "whole number", "number": "number"}
_PLURALS = {"whole number": "whole numbers", "number": "numbers", "text": "texts", "mapping": "mappings"}
_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
_TITLE = """# Keys of a campaign file

Made by `make schema`. A heading with a dot is a mapping inside another. `launch validate` checks all of this
and what depends on several keys at once.

"""
_HEADER = "| key | takes | default | meaning |\n|---|---|---|---|\n"


def page(schema: Node) -> str:
    """A page with tables of all keys of `schema` (`launch.schema.export.json_schema`), section by section."""
    definitions = schema["definitions"]
    places: dict[str, dict[str, None]] = {}
    for path, name in _sections(schema, definitions, ()):
        places.setdefault(name, {})[f"`{path}`"] = None
    parts = [_TITLE + _table(schema)]
    for name, paths in places.items():
        node = definitions[name]
        heading = ", ".join(paths) + _kind(node)
        parts.append(f"## {heading}\n\n{node.get('description', '')}\n\n{_table(node)}")
    return "\n".join(parts)


def _kind(node: Node) -> str:
    """What tells mappings at one place apart: the one kind that they are of."""
    kind = node.get("properties", {}).get("kind", {}).get("const")
    return f" of kind `{kind}`" if kind else ""


def _sections(node: Node, definitions: Node, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The key path that leads to every mapping below `node` and the mapping's name, outer ones first."""
    for key, value in node.get("properties", {}).items():
        for name in _referred(value):
            below = (*path, key)
            yield ".".join(below), name
            yield from _sections(definitions[name], definitions, below)


def _referred(value: Any) -> Iterator[str]:
    """Names of the mappings that `value` may hold, each once."""
    found: dict[str, None] = {}
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack += reversed(node)
        elif isinstance(node, dict):
            if "$ref" in node:
                found[node["$ref"].rpartition("/")[2]] = None
            stack += reversed([child for word, child in node.items() if word != "default"])
    yield from found


def _table(node: Node) -> str:
    required = node.get("required", ())
    rows = [_row(key, value, key in required) for key, value in node.get("properties", {}).items()]
    return _HEADER + "".join(rows)


def _row(key: str, value: Node, required: bool) -> str:
    default = "**required**" if required else _default(value)
    meaning = " ".join(value.get("description", "").split())
    cells = (f"`{key}`", _takes(value), default, meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _default(value: Node) -> str:
    if "default" not in value:
        return "none"
    if isinstance(value["default"], dict):
        return "see below"
    default = value["default"]
    if isinstance(default, float):
        return f"`{default:g}`"
    return f"`{json.dumps(default, ensure_ascii=False)}`".replace('"', "")


def _takes(node: Node) -> str:
    """What may stand for a value, in words."""
    if "$ref" in node:
        return "mapping"
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        return ", ".join(f"`{word}`" for word in node["enum"])
    choices = node.get("anyOf") or node.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(_takes(choice) for choice in choices))
    return _typed(node)


def _typed(node: Node) -> str:
    kind = node.get("type")
    if kind == "array":
        return _list(node)
    if kind in _NUMBERS:
        bounds = [f"{sign} {node[word]:g}" for word, sign in _BOUNDS.items() if word in node]
        return " ".join([_NUMBERS[kind], ", ".join(bounds)]).strip()
    if kind == "object" and isinstance(node.get("additionalProperties"), dict):
        return f"mapping of name to {_takes(node['additionalProperties'])}"
    return {"boolean": "`true`, `false`", "string": "text"}.get(str(kind), "mapping")


def _list(node: Node) -> str:
    items = node.get("items", {})
    each = _takes(items) if isinstance(items, dict) else "values"
    word, _, rest = each.partition(" ") if each.startswith("mapping") else (each, "", "")
    for singular, plural in _PLURALS.items():
        if word.startswith(singular):
            word = plural + word[len(singular) :]
            break
    length = f"{node['minItems']} " if node.get("minItems") == node.get("maxItems", -1) else ""
    return " ".join(filter(None, [f"list of {length}{word}", rest]))
