"""What a campaign file allows at a key, in words taken from its JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from launch.problems import KeyPath, did_you_mean

_UNITS = {
    "_eV_A": "eV/Å",
    "_A": "Å",
    "_K": "K",
    "_s": "s",
    "_Hz": "Hz",
}
Node = dict[str, Any]


class Allowed:
    """Answers questions about one JSON Schema."""

    def __init__(self, schema: Node) -> None:
        self._schema = schema

    def text(self, key: KeyPath) -> str:
        """What may stand at `key`: ``a whole number >= 1``; empty where the schema does not know."""
        nodes = list(self._nodes(key))
        texts = dict.fromkeys(filter(None, (self._words(node) for node in nodes)))
        return " or ".join(texts) + (f", in {self.unit(key)}" if self.unit(key) and texts else "")

    def keys(self, key: KeyPath) -> list[str]:
        """Keys of the mapping at `key`."""
        nodes = self._nodes(key)
        return list(dict.fromkeys(name for node in nodes for name in node.get("properties", {})))

    def words(self, key: KeyPath) -> list[str]:
        """Fixed words that may stand at `key`."""
        nodes = list(self._nodes(key))
        return [word for node in nodes for word in [*node.get("enum", []), node.get("const")] if word]

    @staticmethod
    def unit(key: KeyPath) -> str:
        """Unit that the key's own name ends in, if any."""
        names = [part for part in key if isinstance(part, str)]
        suffixes = (s for s in _UNITS if names and re.search(rf"{s}$", names[-1].removesuffix("_")))
        return _UNITS.get(next(suffixes, ""), "")

    def hint(self, key: KeyPath, value: Any) -> str:
        """``; did you mean ...?`` for a value that is nearly right, or nothing."""
        if isinstance(value, float) and value.is_integer() and self._takes(key, "integer"):
            return f"; did you mean {int(value)}?"
        if not isinstance(value, str):
            return ""
        number = re.fullmatch(r"\s*([-+]?[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?)\s*(\S*)\s*", value)
        if number and self._takes(key, "integer", "number"):
            return _number_hint(number.group(1), number.group(2), self.unit(key))
        return did_you_mean(value, [str(word) for word in self.words(key)])

    def _takes(self, key: KeyPath, *kinds: str) -> bool:
        return any(node.get("type") in kinds for node in self._nodes(key))

    def _nodes(self, key: KeyPath) -> Iterator[Node]:
        nodes = list(self._alternatives(self._schema))
        for part in key:
            nodes = [
                n for node in nodes for child in _children(node, part) for n in self._alternatives(child)
            ]
        yield from nodes

    def _alternatives(self, node: Node) -> Iterator[Node]:
        if "$ref" in node:
            node = self._schema["definitions"][node["$ref"].rsplit("/", 1)[1]]
        choices = node.get("anyOf", node.get("oneOf"))
        if choices is None:
            yield node
            return
        for choice in choices:
            yield from self._alternatives(choice)

    def _words(self, node: Node) -> str:
        if "$comment" in node:
            return str(node["$comment"])
        if "const" in node or "enum" in node:
            return ", ".join(str(word) for word in node.get("enum", [node.get("const")]))
        kind = node.get("type")
        if kind in ("integer", "number"):
            return ("a whole number" if kind == "integer" else "a number") + _bounds(node)
        if kind == "string":
            return "text"
        if kind == "array":
            items = [self._words(item) for item in self._alternatives(node.get("items", {}))]
            return _list_words(node, items)
        if kind == "object":
            keys = ", ".join(node.get("properties", {}))
            return f"a mapping with the keys {keys}" if keys else "a mapping of elements to atomic fractions"
        return {"boolean": "true or false"}.get(str(kind), "")


def _children(node: Node, part: str | int) -> Iterator[Node]:
    if isinstance(part, int):
        items = node.get("items", {})
        yield items[part] if isinstance(items, list) and part < len(items) else items
    elif part in node.get("properties", {}):
        yield node["properties"][part]
    elif isinstance(node.get("additionalProperties"), dict):
        yield node["additionalProperties"]


def _plain_number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _bounds(node: Node) -> str:
    signs = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
    bounds = [f"{sign} {_plain_number(node[name])}" for name, sign in signs.items() if name in node]
    return f" {' and '.join(bounds)}" if bounds else ""


def _list_words(node: Node, items: list[str]) -> str:
    low, high = node.get("minItems", 0), node.get("maxItems")
    count = f"{low} " if low == high else "at least one " if low else ""
    if len(items) > 1:
        return f"a list of {count}of: {', '.join(items)}"
    text = items[0]
    for article in ("a ", "at least one "):
        text = text.removeprefix(article)
    return f"a list of {count}x {text}" if low == high else f"a list of {count}{text}"


def _number_hint(number: str, unit: str, wanted: str) -> str:
    if not unit:
        return f"; did you mean {number}, without quotes?"
    if unit in ("C", "°C") and wanted == "K":
        return f"; did you mean {float(number) + 273.15:g}, which is {number} °C in K?"
    return f"; did you mean {number}, without the unit?" if unit == wanted else ""
