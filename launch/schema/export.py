"""The JSON Schema of a campaign file, in the plain draft-07 constructs that editors understand."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """JSON Schema (draft 07) of `model`."""
    schema = _plain(model.model_json_schema(ref_template="#/definitions/{model}"))
    return {"$schema": "http://json-schema.org/draft-07/schema#", **schema}


def _plain(node: Any) -> Any:
    """`node` in draft 07: fixed-length arrays as ``items``, no OpenAPI words, no generated titles."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {}
    for word, value in node.items():
        if word in ("properties", "$defs"):
            plain["definitions" if word == "$defs" else word] = {k: _plain(v) for k, v in value.items()}
        elif word == "prefixItems":
            alike = all(item == value[0] for item in value)
            plain["items"] = _plain(value[0] if alike else value)
        elif word == "default":
            plain[word] = _given(value)
        elif word not in ("discriminator", "x-word") and not (word == "title" and isinstance(value, str)):
            plain[word] = _plain(value)
    return _without_null(_with_word(plain, node.get("x-word")))


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    """An optional key is left out, not given as null."""
    if {"type": "null"} not in node.get("anyOf", ()):
        return node
    choices = [choice for choice in node["anyOf"] if choice != {"type": "null"}]
    rest = {k: v for k, v in node.items() if k != "anyOf" and not (k == "default" and v is None)}
    return {**rest, **(choices[0] if len(choices) == 1 else {"anyOf": choices})}


def _given(value: Any) -> Any:
    """A default without the optional keys that it leaves out."""
    return {k: _given(v) for k, v in value.items() if v is not None} if isinstance(value, dict) else value


def _with_word(node: dict[str, Any], word: str | None) -> dict[str, Any]:
    """A list that may also be given as one word."""
    if word is None:
        return node
    outer: dict[str, Any] = {k: node.pop(k) for k in ("description", "default") if k in node}
    return {**outer, "anyOf": [{"const": word}, node]}
