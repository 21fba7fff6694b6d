"""Errors in a campaign file: where, which key, what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

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


class CampaignErrors(ValueError):
    """A campaign file that cannot be used, with everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: p.position or Position(0, 0)))
        super().__init__("\n".join(map(str, self.problems)))


def did_you_mean(word: object, allowed: Sequence[str]) -> str:
    """``; did you mean "cells"?`` for the nearest of `allowed`, or nothing."""
    by_folded = {name.lower().replace("-", "_"): name for name in allowed}
    folded = str(word).lower().replace("-", "_")
    near = get_close_matches(folded, list(by_folded), n=1, cutoff=0.6)
    near = near or [name for name in by_folded if len(folded) > 2 and name.startswith(folded)][:1]
    return f'; did you mean "{by_folded[near[0]]}"?' if near else ""
