"""YAML 1.2 text to plain data with the place of every key and value.

Only the core schema: mappings, sequences, strings, numbers, booleans and null, with anchors and aliases.
No tags, so nothing in the file can name a Python object. Duplicate keys are errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from nnk.files.problems import KeyPath, Position, Problem

MAX_BYTES = 4_000_000
MAX_VALUES = 200_000  # aliases multiply: a small text can stand for a huge document
MAX_DEPTH = 100

# What the composer gives untagged nodes; timestamps and the like are strings here.
_IMPLICIT_TAGS = {"map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value"}

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9][0-9_]*|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9][0-9_]*|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?")
_INF_NAN = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_CONFLICT = re.compile(r"^(<{7}( .*)?|={7}|>{7}( .*)?|\|{7}( .*)?)$")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass
class Document:
    """Plain data and where its parts stand.

    Attributes:
        data: dict, list, str, int, float, bool or None.
        keys: position of each key of a mapping (of the item itself in a list).
        values: position of each value.
        problems: what is wrong already as YAML.
    """

    file: str
    data: Any = None
    keys: dict[KeyPath, Position] = field(default_factory=dict)
    values: dict[KeyPath, Position] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def position(self, key: KeyPath, *, of_key: bool = False) -> Position:
        """Place of the value at `key`, or of the nearest part around it that exists."""
        places = self.keys if of_key else self.values
        while key and key not in places:
            key, places = key[:-1], self.keys
        return places.get(key, Position(1, 1))


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
        OSError: no such file, a folder, unreadable, or larger than any text of a user.
    """
    if path.is_dir():
        raise IsADirectoryError(path)
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise OSError(f"larger than {MAX_BYTES} bytes, which no such file is")
    return raw


def read(path: Path, keys: str = "") -> Document:
    """The document in a file, as `parse`; what is wrong with the text is in ``problems``.

    Raises:
        OSError: see `read_bytes`.
    """
    text = decode(read_bytes(path), str(path))
    return Document(str(path), problems=[text]) if isinstance(text, Problem) else parse(text, str(path), keys)


def decode(raw: bytes, file: str) -> str | Problem:
    """The text of UTF-8 bytes, or the place of the first that are none."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8; allowed: text encoded as UTF-8"
        return Problem(file, message, Position(line, column))


def parse(text: str, file: str, keys: str = "") -> Document:
    """The document of `text`; syntax errors are in ``problems`` (then ``data`` is None).

    Args:
        text: the text.
        file: its name in messages.
        keys: some that it is expected to have, for the message where it is no mapping.
    """
    document = Document(file)
    document.problems += _unusable_lines(text, file)
    if document.problems:
        return document
    try:
        node = YAML(typ="safe", pure=True).compose(text)
        document.data = _Builder(document).build(node, (), 0) if node is not None else None
    except (YAMLError, RecursionError, ValueError) as error:
        document.problems.append(_syntax_problem(error, file))
    if not document.problems and not isinstance(document.data, dict):
        allowed = "a mapping" + (f" with keys such as {keys}" if keys else "")
        message = f"got {_what(document.data)}; allowed: {allowed}"
        document.problems.append(Problem(file, message, document.position(())))
    return document


def _what(data: Any) -> str:
    return "nothing but comments" if data is None else "a list" if isinstance(data, list) else f'"{data}"'


def _unusable_lines(text: str, file: str) -> Iterator[Problem]:
    for number, line in enumerate(text.split("\n"), start=1):
        if _CONFLICT.match(line.rstrip("\r")):
            message = f'"{line[:7]}" is the mark of a merge conflict; resolve it and keep one version'
            yield Problem(file, message, Position(number, 1))
        if bad := _CONTROL.search(line):
            message = f"character U+{ord(bad.group()):04X} is not allowed in YAML"
            yield Problem(file, message, Position(number, bad.start() + 1))


def _syntax_problem(error: Exception, file: str) -> Problem:
    if isinstance(error, RecursionError):
        return Problem(file, f"nested deeper than the {MAX_DEPTH} levels allowed", Position(1, 1))
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    position = Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)
    if not isinstance(error, MarkedYAMLError):
        return Problem(file, " ".join(str(error).split()), position)
    problem = str(error.problem or error.context or "not YAML")
    if "'\\t'" in problem:
        return Problem(file, "a tab character; allowed: spaces for indentation", position)
    context = str(error.context) if error.context else ""
    begun = f" that begins on line {error.context_mark.line + 1}" if error.context_mark else ""
    text = f"{context}{begun}, {problem}" if context.startswith("while") else problem
    return Problem(file, f"not YAML: {text}", position)


class _Builder:
    """Plain data from composed nodes; keeps positions and problems in the document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.count = 0

    def build(self, node: Node, path: KeyPath, depth: int) -> Any:
        self.count += 1
        if self.count > MAX_VALUES:
            raise ValueError(f"more than {MAX_VALUES} values, aliases counted as often as they are used")
        if depth > MAX_DEPTH:
            raise RecursionError
        here = _position(node)
        self.document.values[path] = here
        self.document.keys.setdefault(path, here)
        if not _is_core(node):
            self.problem(f"tag {node.tag}; tags are not allowed, write the plain value", path, here)
            return None
        if isinstance(node, MappingNode):
            return self.mapping(node, path, depth)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*path, i), depth + 1) for i, item in enumerate(node.value)]
        plain = isinstance(node, ScalarNode) and node.style is None
        return _plain_value(str(node.value)) if plain else str(node.value)

    def mapping(self, node: MappingNode, path: KeyPath, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.key(key_node, path)
            if key is None:
                continue
            if key in data:
                first = self.document.keys[*path, key].line
                message = f"duplicate key; it stands on line {first} already"
                self.problem(message, (*path, key), _position(key_node))
                continue
            if key == "<<" and key_node.style is None:
                message = "merge keys are not in YAML 1.2; write out the keys that are meant"
                self.problem(message, (*path, key), _position(key_node))
            self.document.keys[*path, key] = _position(key_node)
            data[key] = self.build(value_node, (*path, key), depth + 1)
        return data

    def key(self, node: Node, path: KeyPath) -> str | None:
        if not isinstance(node, ScalarNode):
            self.problem("a mapping or list as a key; allowed: a word", path, _position(node))
            return None
        return str(node.value)

    def problem(self, message: str, path: KeyPath, position: Position) -> None:
        self.document.problems.append(Problem(self.document.file, message, position, path))


def _is_core(node: Node) -> bool:
    prefix, _, name = str(node.tag).partition("2002:")
    return prefix == "tag:yaml.org," and name in _IMPLICIT_TAGS


def _position(node: Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def _plain_value(text: str) -> Any:
    """An unquoted scalar by YAML 1.2's core schema; ``200_000`` is a number too."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return _integer(text.replace("_", ""))
    if _FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    if special := _INF_NAN.fullmatch(text):
        return float("nan") if special.group(3) else float(f"{special.group(1)}inf")
    return text


def _integer(digits: str) -> int | float:
    if digits.startswith("0x"):
        return int(digits, 16)
    if digits.startswith("0o"):
        return int(digits, 8)
    return int(digits) if len(digits) < 400 else float(digits)
