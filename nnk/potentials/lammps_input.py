"""The part of LAMMPS's input language that a user may write: arguments of ``pair_style`` and ``pair_coeff``.

LAMMPS's language expands variables, continues lines, runs shells and reads any file. Here it gets words of
letters, digits and a few signs, and paths of files that were named as such; nothing that it could expand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ase.data import chemical_symbols

from nnk.potentials.headers import (
    SETFL_STYLES,
    Header,
    read_setfl_header,
    read_snap_cutoff_A,
    read_snapcoeff_header,
)

Found = Iterator[tuple[tuple[str | int, ...], str]]
"""Places below the potential, as ``("pair_coeff", 0)``, and what is wrong there."""

_WORD = re.compile(r"[A-Za-z0-9_.+*/:=-]+")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_STYLE = re.compile(r"[a-z][a-z0-9]*(/[a-z0-9]+)*")
_TYPES = re.compile(r"\d+|\d*\*\d*")
_REFERENCE = re.compile(r"[vcf]_")
_SYMBOLS = frozenset(chemical_symbols[1:])
_RUNS_PYTHON = {"python", "mliappy", "unified"}
_PLAIN = "words of letters, digits and _ . + * / : = -, and the names of files"
_ACCELERATED = re.compile(r"/(opt|omp|gpu|intel|kk)$")


def words(text: str, files: Sequence[str]) -> list[str]:
    """`text` split at blanks, but for those in the names of `files`."""
    names = [re.escape(name) for name in sorted(files, key=len, reverse=True)]
    return re.findall("|".join([*(rf"(?<!\S){name}(?!\S)" for name in names), r"\S+"]), text)


def named_elements(pair_coeff: Sequence[str], files: Sequence[str]) -> tuple[str, ...] | None:
    """Elements of the LAMMPS types, as the lines ``* * file Cu Ni`` name them; None if no line does."""
    found: list[str] = []
    for line in pair_coeff:
        for i, name in enumerate(_trailing_elements(words(line, files), files)):
            if i == len(found):
                found.append(name)
            elif found[i] == "NULL":
                found[i] = name
    return tuple(found) if found and "NULL" not in found else None


def _trailing_elements(line: Sequence[str], files: Sequence[str]) -> list[str]:
    """The elements at the end of a line for all types, after its last file."""
    if list(line[:2]) != ["*", "*"]:
        return []
    names: list[str] = []
    for word in reversed(line[2:]):
        if word in files or (word != "NULL" and word not in _SYMBOLS):
            break
        names.insert(0, word)
    return names


def problems(
    pair_style: str, pair_coeff: Sequence[str], files: Sequence[str], elements: Sequence[str]
) -> Found:
    """What in these words LAMMPS may not be given, or cannot be right; `files` by their base names."""
    for i, name in enumerate(files):
        if name in files[:i]:
            yield ("files", i), f'a second file named "{name}"; allowed: files of different names'
    style = words(pair_style, files)
    yield from ((("pair_style",), text) for text in _wrong_words(pair_style, style, files))
    yield from ((("pair_style",), text) for text in _wrong_style(style))
    for i, line in enumerate(pair_coeff):
        split = words(line, files)
        yield from ((("pair_coeff", i), text) for text in _wrong_words(line, split, files))
        yield from ((("pair_coeff", i), text) for text in _wrong_types(split, files, elements))
    for name in dict.fromkeys(elements):
        if elements.count(name) > 1:
            yield ("pair_coeff", 0), f'"{name}" for {elements.count(name)} types; allowed: each element once'
    used = {word for line in (pair_style, *pair_coeff) for word in words(line, files)}
    for i, name in enumerate(files):
        if name not in used:
            yield ("files", i), f'"{name}" stands in no pair_coeff; allowed: files that one of them names'


def _wrong_words(text: str, split: Sequence[str], files: Sequence[str]) -> Iterator[str]:
    if not split:
        yield "empty; allowed: the arguments as LAMMPS's manual has them"
    if any(ord(character) < 32 for character in text):
        yield f"a line end or a tab; allowed: one line of {_PLAIN}"
    for word in split:
        if word in files:
            continue
        if not _WORD.fullmatch(word) or _REFERENCE.match(word):
            yield f'got "{word}"; allowed: {_PLAIN}, no variables and no commands'
        elif _looks_like_file(word):
            allowed = ", ".join(files) or "none is given"
            yield f'"{word}" is not among files; allowed: {allowed}'


def _looks_like_file(word: str) -> bool:
    has_sign = "." in word or "/" in word
    return has_sign and not _NUMBER.fullmatch(word) and not _STYLE.fullmatch(word)


def _wrong_style(style: Sequence[str]) -> Iterator[str]:
    for word in style:
        if word in _RUNS_PYTHON:
            yield f'"{word}" runs Python code from within LAMMPS; allowed: {{ase: ...}} for such a potential'
        elif "coul" in word.split("/") or "reaxff" in word or "dipole" in word.split("/"):
            yield f'"{word}" needs charges; allowed: pair styles for atoms without charges'


def _wrong_types(line: Sequence[str], files: Sequence[str], elements: Sequence[str]) -> Iterator[str]:
    for word in line[:2]:
        numbers = [int(number) for number in re.findall(r"\d+", word)]
        if not _TYPES.fullmatch(word) or not all(1 <= number <= len(elements) for number in numbers):
            yield f'got "{word}" for a type; allowed: *, or numbers from 1 to {len(elements)}'
    named = len(_trailing_elements(line, files))
    if named and any(word in files for word in line) and named != len(elements):
        yield f"names {named} elements for {len(elements)} types; allowed: one for each, or NULL"


@dataclass(frozen=True)
class PairInput:
    """Arguments of ``pair_style`` and ``pair_coeff`` that are safe to give to LAMMPS.

    Attributes:
        pair_style, pair_coeff: as in LAMMPS; a file is named by its base name.
        files: the files.
        elements: element of each type.

    Raises:
        ValueError: something else than plain arguments.
    """

    pair_style: str
    pair_coeff: tuple[str, ...]
    files: tuple[Path, ...]
    elements: tuple[str, ...]

    def __post_init__(self) -> None:
        names = [path.name for path in self.files]
        for place, text in problems(self.pair_style, self.pair_coeff, names, self.elements):
            where = "".join(f"[{part}]" if isinstance(part, int) else part for part in place)
            raise ValueError(f"{where}: {text}")

    @cached_property
    def file_of(self) -> dict[str, Path]:
        """Each file by its base name."""
        return {path.name: path for path in self.files}

    @cached_property
    def lines(self) -> list[list[str]]:
        """Words of each command; files by their base names."""
        names = list(self.file_of)
        coefficients = [["pair_coeff", *words(line, names)] for line in self.pair_coeff]
        return [["pair_style", *words(self.pair_style, names)], *coefficients]

    def _style_of(self, line: Sequence[str]) -> str:
        """The pair style that a ``pair_coeff`` belongs to."""
        style = self.lines[0][1]
        style = line[3] if style.split("/")[0] == "hybrid" and len(line) > 3 else style
        return _ACCELERATED.sub("", style)

    def headers(self) -> Iterator[tuple[int, list[str], Header]]:
        """Number of the ``pair_coeff``, element names in it, header of its file, where the form is known.

        Raises:
            ValueError: a file is not what the pair style reads.
        """
        for i, line in enumerate(self.lines[1:]):
            files = [self.file_of[word] for word in line if word in self.file_of]
            if files:
                header = _header(self._style_of(line), files)
                if header is not None:
                    yield i, line[-len(self.elements) :], header

    @property
    def cutoff_A(self) -> float | None:
        """Distance beyond which atoms do not interact, where the files have it in a known form."""
        known = [header.cutoff_A for _, _, header in self.headers() if header.cutoff_A is not None]
        return max(known) if known else None

    def wrong_elements(self) -> Found:
        """Elements that are not in the files, and files that are not of their pair style's form."""
        try:
            for i, names, header in self.headers():
                described = header.elements or ()
                for name in names:
                    if name != "NULL" and name not in described:
                        text = f'the file has no "{name}"; allowed: {", ".join(described)}, NULL'
                        yield ("pair_coeff", i), text
        except ValueError as error:
            yield ("pair_coeff",), f"{error}; allowed: a file of the form that the pair style reads"


def _header(style: str, files: Sequence[Path]) -> Header | None:
    if style in SETFL_STYLES:
        return read_setfl_header(files[0])
    if style == "snap" and len(files) == 2:
        header = read_snapcoeff_header(files[0])
        return Header(header.elements, header.n_species, read_snap_cutoff_A(files[0], files[1]))
    return None
