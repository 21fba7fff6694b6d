"""Errors in a campaign file, and the words that were probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from nnk.files.problems import KeyPath, Position, Problem, key_text, printable

__all__ = ["CampaignErrors", "KeyPath", "Position", "Problem", "did_you_mean", "key_text", "printable"]


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
