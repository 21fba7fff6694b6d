"""What is wrong with a text file: where, which key, what is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]

# Line ends and what steers a terminal or turns the direction of text: a message is one line as it reads.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, order=True)
class Position:
    """A place in a text file; line and column count from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a file.

    Attributes:
        file: the path as the user gave it.
        message: what came, what is allowed, the nearest right word.
        position: None where the file as a whole is meant (it does not exist, say).
        key: path in the document, empty for its top.
    """

    file: str
    message: str
    position: Position | None = None
    key: KeyPath = ()

    def __str__(self) -> str:
        where = f"{self.file}:{self.position.line}:{self.position.column}" if self.position else self.file
        return printable(": ".join(part for part in (where, key_text(self.key), self.message) if part))


def printable(text: str) -> str:
    """`text` with control characters as ``\\x1b``, so that no file can steer the terminal."""
    return _UNPRINTABLE.sub(lambda found: ascii(found.group())[1:-1], text)


def key_text(key: KeyPath) -> str:
    """``("label", "cells", 2)`` as ``label.cells[2]``."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")
