"""Which potential is asked for: plain data that a campaign file gives and a unit file carries.

A specification is text and paths; nothing of the potential is constructed before `make_force_field`. Its hash
covers what the files contain, never where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

from nnk.files import file_hash, stable_hash
from nnk.potentials import zhou
from nnk.potentials.base import ForceField
from nnk.potentials.headers import read_mtp_header
from nnk.potentials.lammps_input import PairInput

BUILTIN_POTENTIALS: tuple[str, ...] = ("zhou-eam",)


@lru_cache(maxsize=64)
def _hash_of(path: Path, changed_ns: int, size: int) -> str:
    return file_hash(path)


def content_hash(path: Path) -> str:
    """Hash of a file's bytes, read once per process as long as the file does not change."""
    state = path.stat()
    return _hash_of(path, state.st_mtime_ns, state.st_size)


@dataclass(frozen=True)
class Builtin:
    """A potential whose parameters stand in this package.

    Attributes:
        name: "zhou-eam", the embedded-atom potential of `nnk.potentials.zhou`.
    """

    name: str = "zhou-eam"
    kind: ClassVar[str] = "builtin"

    def __post_init__(self) -> None:
        if self.name not in BUILTIN_POTENTIALS:
            allowed = ", ".join(BUILTIN_POTENTIALS)
            raise ValueError(f"potential builtin {self.name!r}: allowed are {allowed}")

    @property
    def elements_available(self) -> tuple[str, ...]:
        """Elements that the potential describes."""
        return tuple(zhou.ELEMENTS)

    @property
    def cutoff_A(self) -> float:
        """Distance beyond which atoms do not interact."""
        return zhou.CUTOFF_A

    @property
    def hash(self) -> str:
        """Hash of everything that the energies depend on."""
        tabulation = [zhou.N_R, zhou.N_RHO, zhou.CUTOFF_A, zhou.SWITCH_A, zhou.RHO_MAX]
        parameters = {name: asdict(element) for name, element in zhou.ELEMENTS.items()}
        content = {"kind": self.kind, "name": self.name, "table": parameters, "grid": tabulation}
        return stable_hash(content)

    def to_json(self) -> dict[str, Any]:
        """Plain data for `spec_from_json`."""
        return {"kind": self.kind, "name": self.name, "hash": self.hash}


@dataclass(frozen=True)
class Mtp:
    """A moment tensor potential in an ``.mtp`` file.

    Attributes:
        file: the file.
        elements: species i of the file is elements[i].
    """

    file: Path
    elements: tuple[str, ...]
    kind: ClassVar[str] = "mtp"

    @property
    def name(self) -> str:
        """What it is called in files and messages."""
        return f"{self.file.name} ({' '.join(self.elements)})"

    @property
    def elements_available(self) -> tuple[str, ...]:
        """Elements that the potential describes."""
        return self.elements

    @property
    def cutoff_A(self) -> float:
        """Distance beyond which atoms do not interact."""
        return float(read_mtp_header(self.file).cutoff_A or 0.0)

    @property
    def hash(self) -> str:
        """Hash of everything that the energies depend on."""
        return stable_hash({"kind": self.kind, "file": content_hash(self.file), "elements": self.elements})

    def to_json(self) -> dict[str, Any]:
        """Plain data for `spec_from_json`."""
        return {"kind": self.kind, "file": str(self.file), "elements": self.elements, "hash": self.hash}


@dataclass(frozen=True)
class Lammps:
    """A LAMMPS potential by its pair style, in metal units.

    Attributes:
        pair_style: arguments of ``pair_style``.
        pair_coeff: arguments of each ``pair_coeff``; a file is named by its base name.
        files: the files.
        elements: element of each LAMMPS type.
    """

    pair_style: str
    pair_coeff: tuple[str, ...]
    files: tuple[Path, ...]
    elements: tuple[str, ...]
    kind: ClassVar[str] = "lammps"

    @property
    def name(self) -> str:
        """What it is called in files and messages."""
        return " ".join([self.pair_style, *(path.name for path in self.files)])

    @property
    def elements_available(self) -> tuple[str, ...]:
        """Elements that the potential describes."""
        return self.elements

    @property
    def pair_input(self) -> PairInput:
        """Its LAMMPS commands, checked.

        Raises:
            ValueError: something that is not plain arguments of ``pair_style`` or ``pair_coeff``.
        """
        return PairInput(self.pair_style, self.pair_coeff, self.files, self.elements)

    @property
    def cutoff_A(self) -> float | None:
        """Distance beyond which atoms do not interact, where the files say it in a known form."""
        return self.pair_input.cutoff_A

    @property
    def hash(self) -> str:
        """Hash of everything that the energies depend on; names of files are not among it."""
        files = {path.name: f"file {content_hash(path)}" for path in self.files}
        lines = [[files.get(word, word) for word in line] for line in self.pair_input.lines]
        return stable_hash({"kind": self.kind, "lines": lines, "elements": self.elements})

    def to_json(self) -> dict[str, Any]:
        """Plain data for `spec_from_json`."""
        content = {"kind": self.kind, "pair_style": self.pair_style, "pair_coeff": self.pair_coeff}
        files = [str(path) for path in self.files]
        return {**content, "files": files, "elements": self.elements, "hash": self.hash}


@dataclass(frozen=True)
class AseCalculator:
    """Any ASE calculator.

    Attributes:
        calculator: import path of its class, or of a function that returns one.
        options: its keyword arguments; a value ``{"file": path}`` stands for the path of a file.
        elements: what it describes; None if that shows only when it is constructed.
    """

    calculator: str
    options: Mapping[str, Any] = field(default_factory=dict)
    elements: tuple[str, ...] | None = None
    kind: ClassVar[str] = "ase"
    cutoff_A: ClassVar[None] = None

    @property
    def name(self) -> str:
        """What it is called in files and messages."""
        return self.calculator

    @property
    def elements_available(self) -> tuple[str, ...] | None:
        """Elements that the potential describes; None if not known before it is constructed."""
        return self.elements

    @property
    def arguments(self) -> dict[str, Any]:
        """The keyword arguments, with files as their paths."""
        return dict(with_files(self.options, str))

    @property
    def hash(self) -> str:
        """Hash of what the energies depend on: import path, options and their files, not its own version."""
        options = with_files(self.options, lambda path: f"file {content_hash(path)}")
        return stable_hash({"kind": self.kind, "calculator": self.calculator, "options": options})

    def to_json(self) -> dict[str, Any]:
        """Plain data for `spec_from_json`."""
        content = {"kind": self.kind, "calculator": self.calculator, "options": dict(self.options)}
        return {**content, "elements": self.elements, "hash": self.hash}


PotentialSpec = Builtin | Mtp | Lammps | AseCalculator


def with_files(value: Any, replace: Callable[[Path], Any]) -> Any:
    """`value` with every ``{"file": path}`` in it replaced by ``replace(path)``."""
    if isinstance(value, Mapping):
        if set(value) == {"file"} and isinstance(value["file"], str):
            return replace(Path(value["file"]))
        return {name: with_files(inner, replace) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [with_files(inner, replace) for inner in value]
    return value


_KINDS: dict[str, type] = {spec.kind: spec for spec in (Builtin, Mtp, Lammps, AseCalculator)}


def spec_from_json(content: Mapping[str, Any]) -> PotentialSpec:
    """Read what `to_json` of a specification has given.

    Raises:
        FileNotFoundError: a file of the potential is gone.
        ValueError: no such kind, or a file has changed since.
    """
    data = dict(content)
    kind, wanted = data.pop("kind"), data.pop("hash")
    if kind not in _KINDS:
        raise ValueError(f"potential of kind {kind!r}: allowed are {', '.join(_KINDS)}")
    for name in ("elements", "pair_coeff"):
        if data.get(name) is not None:
            data[name] = tuple(data[name])
    if "file" in data:
        data["file"] = Path(data["file"])
    if "files" in data:
        data["files"] = tuple(Path(path) for path in data["files"])
    spec: PotentialSpec = _KINDS[kind](**data)
    if spec.hash != wanted:
        raise ValueError(f"the potential {spec.name} is no longer what it was: a file of it has changed")
    return spec


def engine_versions(spec: PotentialSpec) -> dict[str, str]:
    """Versions of the packages that evaluate a potential, as far as the interpreter knows them by name."""
    module = {"mtp": "numba", "ase": "ase"}.get(spec.kind, "lammps")
    modules = {module, spec.calculator.split(".")[0]} if isinstance(spec, AseCalculator) else {module}
    known = metadata.packages_distributions()
    return {name: metadata.version(known[name][0]) for name in sorted(modules) if name in known}


def make_force_field(spec: PotentialSpec) -> ForceField:
    """A force engine for `spec`; one per process is enough, `set` changes its atoms.

    Raises:
        ImportError: LAMMPS or the calculator's package is not installed.
        ValueError: the potential cannot be constructed; the message says why.
    """
    if isinstance(spec, Mtp):
        from nnk.potentials.mtp import MtpForceField

        return MtpForceField(spec.file, spec.elements)
    if isinstance(spec, AseCalculator):
        from nnk.potentials.ase_calculator import AseForceField

        return AseForceField(spec.calculator, spec.arguments)
    from nnk.potentials.lammps import LammpsForceField, builtin_pair_commands, pair_commands

    if isinstance(spec, Lammps):
        return LammpsForceField(spec.elements, pair_commands(spec.pair_input))
    return LammpsForceField(spec.elements_available, builtin_pair_commands(spec.elements_available))
