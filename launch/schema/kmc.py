"""Section ``kmc``: kinetic Monte Carlo runs driven by a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, StringConstraints, Tag

from launch.schema.base import Cells, Name, PathText, PositiveFloat, Section, refuse
from launch.schema.label import CompositionList
from nnk.files import temperature_label
from nnk.run_terms import MOST_JUMPS, OrderReached, Schedule, StopWhen
from nnk.run_terms.schedule import Of
from nnk.run_terms.stop import ORDER_SHELLS

Temperature = Annotated[float, Field(ge=1, le=1e5)]
Frame = Annotated[
    Annotated[Literal["last"], Tag("(word)")] | Annotated[Annotated[int, Field(ge=0)], Tag("(number)")],
    Discriminator(lambda value: "(word)" if isinstance(value, str) else "(number)"),
]


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
    """LAMMPS dump, extended XYZ (.xyz, .extxyz) or a trajectory of a run (.nc), relative to the campaign
    file."""

    frame: Frame = "last"
    """Of a trajectory: last, or a number of jumps."""


class StartCase(Section):
    """Start where other runs of this campaign end: of the same replica, and of the same temperature if none
    is given."""

    case: Name
    """The case, as its folder in kmc/ is named: NbMoTa, NbMoTa-B2, ..."""

    temperature_K: Temperature | None = None
    """Temperature of the runs to go on from."""

    frame: Frame = "last"
    """last: where these runs end; or a number of jumps."""


class StartOrdered(Section):
    """Start from an ordered arrangement."""

    ordered: Literal["B2", "D0_3", "L1_0", "L1_2"]
    """bcc: B2 or D0_3; fcc: L1_0 or L1_2."""

    sublattices: (
        Annotated[
            tuple[Annotated[tuple[str, ...], Field(strict=False)], ...],
            Field(strict=False, min_length=2, max_length=2),
        ]
        | None
    ) = None
    """Elements of the first and of the second sublattice, such as [[Mo], [Ta, Nb]]; what is left over goes
    anywhere. Default: the rarest elements fill the first one."""


class Exchanges(Section):
    """Metropolis exchanges of atoms on the lattice."""

    trials_per_atom: Annotated[float, Field(gt=0, le=1e6)] = 100.0
    """Exchanges tried, divided by the number of sites."""

    temperature_K: Temperature | None = None
    """Temperature of the exchanges. Default: that of the run, or of a schedule's begin."""


class StartExchanged(Section):
    """Start from a state in equilibrium but for the vacancies: a random solution after exchanges of atoms."""

    exchanged: Exchanges
    """By the pair energies of the model, which must be of kind detailed-balance; {} for the defaults."""


class StopOrder(Section):
    """A run ends when the order of one pair reaches a value."""

    pair: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Z][a-z]?-[A-Z][a-z]?$"),
        Field(json_schema_extra={"$comment": "two elements with a hyphen between them, such as Mo-Ta"}),
    ]
    """a-b: b atoms around the a atoms, such as Mo-Ta."""

    shell: Annotated[int, Field(ge=1, le=ORDER_SHELLS)] = 1
    """Neighbour shell."""

    parameter: Literal["delta", "alpha"] = "delta"
    """delta: neighbours more than at random, per a atom (> 0: favoured); alpha: Warren-Cowley (< 0)."""

    at_least: float | None = None
    """The run ends at this value or above it."""

    at_most: float | None = None
    """The run ends at this value or below it."""

    every: Annotated[int, Field(ge=1)] = 10_000
    """Jumps between two looks."""

    def terms(self) -> OrderReached:
        """The condition as runs take it."""
        a, b = self.pair.split("-")
        return OrderReached((a, b), self.shell, self.parameter, self.at_least, self.at_most, self.every)


class Stop(Section):
    """When a run ends: at the first of these. A later end can be asked for at any time: the run goes on."""

    jumps: Annotated[int, Field(ge=1, le=10**12)] | None = None
    """After this many vacancy jumps; 1,000,000,000 where only time or order are given."""

    time_s: PositiveFloat | None = None
    """With the first jump at this physical time or later."""

    order: StopOrder | None = None
    """When an order is reached."""

    def terms(self) -> StopWhen:
        """The end as runs take it."""
        order = self.order.terms() if self.order else None
        return StopWhen(MOST_JUMPS if self.jumps is None else self.jumps, self.time_s, order)


def _no_count(value: Any) -> Any:
    if isinstance(value, dict) and "count" in value:
        raise refuse(
            "count is no longer a key: a run can be made longer, so that its key frames are not laid over "
            "all of it; allowed: spacing, per_decade (with log), every (with linear)"
        )
    return value


class KeyFrames(Section):
    """States stored whole, besides the first and the last; between them there is the list of jumps."""

    spacing: Literal["log", "linear"] = "log"
    """log: 1, ..., 10, ..., 100, ... jumps. linear: every so many jumps."""

    per_decade: Annotated[int, Field(ge=1, le=1000)] | None = None
    """With log: key frames from one power of ten to the next; default 10."""

    every: Annotated[int, Field(ge=1)] | None = None
    """With linear: jumps between two key frames."""


Points = Field(strict=False, min_length=1)


class TemperatureSchedule(Section):
    """Temperature as a function of jumps or of time, the same in all runs."""

    jumps: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Points] | None = None
    """Numbers of jumps, from 0 on, ascending."""

    time_s: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(strict=False, min_length=1)] | None = (
        None
    )
    """Physical times, from 0 on, ascending; in place of jumps."""

    temperatures_K: Annotated[tuple[Temperature, ...], Field(strict=False, min_length=1)]
    """Temperature at each of these."""

    shape: Literal["steps", "linear"] = "steps"
    """steps: each temperature holds until the next. linear: ramps between them, in steps of step_K."""

    step_K: PositiveFloat = 10.0
    """Largest step of a linear ramp."""

    def terms(self) -> Schedule:
        """The schedule as runs take it.

        Raises:
            ValueError: numbers that do not make a schedule.
        """
        of: Of = "jumps" if self.jumps is not None else "time_s"
        at = self.jumps if self.jumps is not None else self.time_s or ()
        if self.shape == "steps" or len(at) != len(self.temperatures_K):
            return Schedule(of, tuple(at), self.temperatures_K)
        Schedule(of, tuple(at), self.temperatures_K)  # the points themselves are in order
        return Schedule.ramps(of, at, self.temperatures_K, self.step_K)


class Batched(Section):
    """Many runs in step on one device, by PyTorch: for GPUs."""

    device: Literal["cuda", "cpu"] = "cuda"
    """cuda: the GPUs of the site, one job on each. cpu: the same code on one core, slower than compiled."""

    precision: Literal["float32", "float64"] = "float32"
    """Numbers of the network; rates and times are float64 always."""

    runs: Annotated[int, Field(ge=1, le=100_000)] = 4096
    """Runs of one job."""


class BatchedEngine(Section):
    """Which engine, with its options."""

    batched: Batched
    """Many runs in step on one device."""


def _kind_of_start(value: Any) -> str:
    if isinstance(value, Section):
        return f"({type(value).__name__.removeprefix('Start').lower()})"
    if not isinstance(value, dict):
        return "(word)"
    return next((f"({kind})" for kind in ("ordered", "case", "exchanged") if kind in value), "(file)")


def _word_or_mapping(word: str, mapping: str) -> Discriminator:
    return Discriminator(lambda value: f"({word})" if isinstance(value, str) else f"({mapping})")


ModelChoice = Annotated[
    Annotated[Name, Tag("(name)")] | Annotated[PublishedModel, Tag("(published)")],
    _word_or_mapping("name", "published"),
]
EngineChoice = Annotated[
    Annotated[Literal["compiled", "flicker"], Tag("(compiled)")] | Annotated[BatchedEngine, Tag("(batched)")],
    _word_or_mapping("compiled", "batched"),
]
OneStart = Annotated[
    Annotated[Literal["random", "ordered"], Tag("(word)")]
    | Annotated[StartOrdered, Tag("(ordered)")]
    | Annotated[StartFile, Tag("(file)")]
    | Annotated[StartCase, Tag("(case)")]
    | Annotated[StartExchanged, Tag("(exchanged)")],
    Discriminator(_kind_of_start),
]
Start = Annotated[
    Annotated[OneStart, Tag("(one)")]
    | Annotated[tuple[OneStart, ...], Field(strict=False, min_length=1), Tag("(list)")],
    Discriminator(lambda value: "(list)" if isinstance(value, list | tuple) else "(one)"),
]


def _told_apart(temperatures: tuple[float, ...]) -> tuple[float, ...]:
    labels = [temperature_label(t) for t in temperatures]
    for value, label in zip(temperatures, labels, strict=True):
        if labels.count(label) > 1:
            raise refuse(f"temperature {value:g} K given twice; allowed: temperatures at least 0.1 K apart")
    return temperatures


class Kmc(Section):
    """Kinetic Monte Carlo of vacancies: a run per composition, start, temperature and replica."""

    model: ModelChoice
    """Name of a model of the section train, or {published: {format: nkk, file: ...}}."""

    cells: Cells
    """Cubic cells along x, y and z (bcc: two sites per cell)."""

    compositions: CompositionList | None = None
    """Compositions of the runs; left out when every start brings its own atoms."""

    start: Start = "random"
    """One start or a list. random: a random solid solution. ordered, {ordered: B2}: an ordered arrangement.
    {file: ...}: given atoms. {case: ...}: the last states of other runs of this campaign. {exchanged: {}}:
    after Metropolis exchanges of atoms."""

    vacancies: Annotated[int, Field(ge=1, le=65_536)] = 1
    """Vacancies in the cell, at random sites at first (or as the start has them)."""

    temperatures_K: (
        Annotated[
            tuple[Temperature, ...],
            Field(strict=False, min_length=1),
            AfterValidator(_told_apart),
        ]
        | None
    ) = None
    """Temperatures, each of which is a run of its own."""

    schedule: TemperatureSchedule | None = None
    """A temperature that changes along the runs, in place of temperatures_K: annealing."""

    replicas: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Independent runs of each composition and temperature."""

    stop: Stop
    """When a run ends."""

    engine: EngineChoice = "compiled"
    """compiled: one run on a core. flicker: the same, but jumps to and fro within a trap are made at once;
    exits and their times are exact; jumps counts those recorded. {batched: ...}: many in step on a GPU."""

    attempt_frequency_Hz: PositiveFloat = 1.0e13
    """Prefactor k0 of the jump rates k0 exp(-E/kT)."""

    key_frames: Annotated[KeyFrames, BeforeValidator(_no_count)] = KeyFrames()
    """How many states are stored whole."""

    checkpoint_s: PositiveFloat = 60.0
    """Wall time between checkpoints of a run."""

    @property
    def batched(self) -> Batched | None:
        """Options of the runs in step; None if each run is made by itself."""
        return self.engine.batched if isinstance(self.engine, BatchedEngine) else None

    @property
    def starts(self) -> tuple[str | StartOrdered | StartFile | StartCase | StartExchanged, ...]:
        """Every start by itself."""
        return self.start if isinstance(self.start, tuple) else (self.start,)

    def temperatures(self) -> list[Schedule]:
        """The temperatures of each run of a case and replica.

        Raises:
            ValueError: a schedule whose numbers do not make one.
        """
        if self.schedule is not None:
            return [self.schedule.terms()]
        return [Schedule.constant(temperature_K) for temperature_K in self.temperatures_K or ()]
