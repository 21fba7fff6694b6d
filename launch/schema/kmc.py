"""Section ``kmc``: kinetic Monte Carlo runs driven by a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from launch.schema.base import Cells, Name, PathText, PositiveFloat, Section, refuse
from launch.schema.label import CompositionList
from nnk.files import temperature_label


@dataclass(frozen=True)
class PublishedFormat:
    """What a published network was made for."""

    elements: tuple[str, ...]
    structure: str
    shells: int
    lattice_parameter_A: float


PUBLISHED_FORMATS = {
    # Xing et al., Nature Communications 15, 3879 (2024); 3.24 Å is the cell of the published start.
    "nkk": PublishedFormat(elements=("Nb", "Mo", "Ta"), structure="bcc", shells=8, lattice_parameter_A=3.24),
}


class Published(Section):
    """A network published with a paper, read from its authors' file."""

    format: Literal["nkk"]
    """nkk: weights of Xing, Rupert, Pan and Cao (2024) for Nb-Mo-Ta, bcc."""

    file: PathText
    """Path of the weights, relative to the campaign file."""

    allow_pickle: bool = False
    """The file is a Python pickle, which can run code when read: true for a file that you trust."""


class PublishedModel(Section):
    """A published network in place of a trained one."""

    published: Published
    """Which network, from which file."""


class StartFile(Section):
    """Start from given atoms."""

    file: PathText
    """LAMMPS dump with one vacancy or none, relative to the campaign file."""


class Stop(Section):
    """When a run ends."""

    jumps: Annotated[int, Field(ge=1, le=10**12)]
    """After this many vacancy jumps."""


class KeyFrames(Section):
    """States stored whole; between them the trajectory is the list of jumps."""

    count: Annotated[int, Field(ge=2)] = 40
    """Key frames per run, the first and the last state among them."""

    spacing: Literal["log", "linear"] = "log"
    """Spacing in the number of jumps."""


def _word_or_mapping(word: str, mapping: str) -> Discriminator:
    return Discriminator(lambda value: f"({word})" if isinstance(value, str) else f"({mapping})")


ModelChoice = Annotated[
    Annotated[Name, Tag("(name)")] | Annotated[PublishedModel, Tag("(published)")],
    _word_or_mapping("name", "published"),
]
Start = Annotated[
    Annotated[Literal["random"], Tag("(random)")] | Annotated[StartFile, Tag("(file)")],
    _word_or_mapping("random", "file"),
]


def _told_apart(temperatures: tuple[float, ...]) -> tuple[float, ...]:
    labels = [temperature_label(t) for t in temperatures]
    for value, label in zip(temperatures, labels, strict=True):
        if labels.count(label) > 1:
            raise refuse(f"temperature {value:g} K given twice; allowed: temperatures at least 0.1 K apart")
    return temperatures


class Kmc(Section):
    """Kinetic Monte Carlo of one vacancy: a run per composition, temperature and replica."""

    model: ModelChoice
    """Name of a model of the section train, or {published: {format: nkk, file: ...}}."""

    cells: Cells
    """Cubic cells along x, y and z (bcc: two sites per cell)."""

    compositions: CompositionList | None = None
    """Compositions of the runs; left out when start is a file."""

    start: Start = "random"
    """random: a random solid solution. {file: ...}: the atoms of a LAMMPS dump."""

    temperatures_K: Annotated[
        tuple[Annotated[float, Field(ge=1, le=1e5)], ...],
        Field(strict=False, min_length=1),
        AfterValidator(_told_apart),
    ]
    """Temperatures."""

    replicas: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Independent runs of each composition and temperature."""

    stop: Stop
    """When a run ends."""

    attempt_frequency_Hz: PositiveFloat = 1.0e13
    """Prefactor k0 of the jump rates k0 exp(-E/kT)."""

    key_frames: KeyFrames = KeyFrames()
    """How many states are stored whole."""

    checkpoint_s: PositiveFloat = 60.0
    """Wall time between checkpoints of a run."""
