"""kMC runs as analyses want them: cases, temperatures, replicas, with what was counted along the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial, reduce
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.inputs import DamagedInput, Inputs, MissingInput, RunFile
from nnk.lattice import Lattice
from nnk.observables.pair_order import pair_counts, species_numbers
from nnk.run_terms import case_names

if TYPE_CHECKING:
    from nnk.kmc import Trajectory

STARTS = ("random", "ordered", "exchanged", "case", "file")  # of kmc.start

Result = TypeVar("Result")
Substance = tuple[tuple[str, ...], str, tuple[int, ...]]


@dataclass(frozen=True)
class Run:
    """One finished run.

    Attributes:
        file: case, temperature, replica.
        lattice: its lattice.
        elements: species i of an occupancy is ``elements[i - 1]``.
        jumps: int64[n_frames], jump number of each key frame.
        time_s: float64[n_frames], time since the start.
        temperature_K: float64[n_frames], temperature of the jump after the frame.
        pair_counts: int64[n_frames, shells, n, n], see `nnk.observables.pair_order.pair_counts`.
        initial, final: uint8[n_sites], first and last state.
    """

    file: RunFile
    lattice: Lattice
    elements: tuple[str, ...]
    jumps: NDArray[np.int64]
    time_s: NDArray[np.float64]
    temperature_K: NDArray[np.float64]
    pair_counts: NDArray[np.int64]
    initial: NDArray[np.uint8]
    final: NDArray[np.uint8]

    @property
    def shells(self) -> int:
        """Neighbour shells that were counted."""
        return self.pair_counts.shape[1]

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Atoms of each species, int64[n]."""
        return species_numbers(self.final, len(self.elements))


@dataclass(frozen=True)
class Case:
    """All runs of one case.

    Attributes:
        name: of the case.
        runs: sorted by temperature and replica.
    """

    name: str
    runs: tuple[Run, ...]

    @cached_property
    def jumps(self) -> NDArray[np.int64]:
        """Jump numbers of the key frames that all runs have, int64[n]; the shortest run ends them."""
        return np.asarray(reduce(np.intersect1d, [run.jumps for run in self.runs]))

    @property
    def temperatures_K(self) -> list[float]:
        """The temperatures, ascending."""
        return sorted({run.file.temperature_K for run in self.runs})

    def at(self, temperature_K: float) -> list[Run]:
        """The replicas at one temperature."""
        return [run for run in self.runs if run.file.temperature_K == temperature_K]

    @property
    def first(self) -> Run:
        """Any run, for what all of them share."""
        return self.runs[0]

    @property
    def replicas_text(self) -> str:
        """How many replicas, for captions."""
        counts = sorted({len(self.at(t)) for t in self.temperatures_K})
        low, high = counts[0], counts[-1]
        return f"{low} replica{'s' if low > 1 else ''}" if low == high else f"{low} to {high} replicas"


def sound_runs(inputs: Inputs, read: Callable[[RunFile, Trajectory], Result]) -> Iterator[Result]:
    """What `read` makes of every finished run, in their order, with one run in memory at a time.

    A run whose file cannot be read, at first or by what `read` asks of it, is left out with a warning
    (`Inputs.warnings`).

    Args:
        inputs: the workdir.
        read: what is wanted of a run; it may raise `DamagedInput` for contents that contradict each other.

    Raises:
        MissingInput: there is no run.
        DamagedInput: none of them can be read; raised at the end.
    """
    files, wanted = inputs.run_files(), _substance(inputs.campaign())
    reasons: list[str] = []
    for file in files:
        try:
            found = _read_run(inputs, file, wanted, read)
        except (MissingInput, DamagedInput) as error:
            inputs.leave_out(file.path, error)
            reasons.append(str(error))
        else:
            yield found
    if reasons and len(reasons) == len(files):
        raise DamagedInput(f"none of the {len(reasons)} runs can be used; the first: {reasons[0]}")


def _substance(campaign: Mapping[str, Any]) -> Substance:
    """Elements, lattice and cells of the campaign's runs."""
    alloy = campaign["alloy"]
    return tuple(alloy["elements"]), alloy["lattice"], tuple(campaign["kmc"]["cells"])


def _read_run(
    inputs: Inputs, file: RunFile, wanted: Substance, read: Callable[[RunFile, Trajectory], Result]
) -> Result:
    from nnk.kmc.storage import DamagedFile

    trajectory = inputs.trajectory(file)
    found = tuple(trajectory.elements), trajectory.lattice.structure, tuple(trajectory.lattice.cells)
    if found != wanted:
        raise DamagedInput(f"{file.path} cannot be used: it is of {found}, the campaign of {wanted}")
    try:
        return read(file, trajectory)
    except (OSError, DamagedFile) as error:
        raise DamagedInput(f"{file.path} cannot be used: {' '.join(str(error).split())}") from error


def warn_of_vacancies(inputs: Inputs, trajectory: Trajectory) -> None:
    """Say that one of several vacancies is looked at alone (`nnk.observables.site_barriers`)."""
    others = len(trajectory.vacancies) - 1
    if others > 0:
        inputs.warn(
            f"The runs have {others + 1} vacancies. In the states whose barriers are taken {others} of them "
            "hold an atom drawn from the alloy's: the barriers are those of a vacancy alone."
        )


def read_cases(inputs: Inputs, *, shells: int | None = None) -> list[Case]:
    """All finished runs that can be read, by case.

    Args:
        inputs: the workdir.
        shells: neighbour shells whose pairs are wanted; those that the runs have counted if None.

    Raises:
        MissingInput: there is none.
        DamagedInput: none can be read.
        ValueError: runs of one case without key frames in common.
    """
    return cases_of(list(sound_runs(inputs, partial(run_of, shells=shells))))


def cases_of(runs: Sequence[Run]) -> list[Case]:
    """Runs by case; see `read_cases`."""
    names = list(dict.fromkeys(run.file.case for run in runs))
    cases = [Case(name, tuple(run for run in runs if run.file.case == name)) for name in names]
    for case in cases:
        if len(case.jumps) < min(2, *(len(run.jumps) for run in case.runs)):
            paths = ", ".join(str(run.file.path) for run in case.runs[:2])
            raise ValueError(f"{paths}: runs of one case without key frames in common")
    return cases


def run_of(file: RunFile, trajectory: Trajectory, *, shells: int | None = None) -> Run:
    """What analyses need of one trajectory; see `read_cases` for `shells`.

    Raises:
        DamagedInput: the pairs counted along the run are not those of its last state.
    """
    frames, lattice, elements = trajectory.frames(), trajectory.lattice, tuple(trajectory.elements)
    counted = frames.pair_counts
    recounted = pair_counts(lattice, frames.occupancy[-1], counted.shape[1], len(elements))
    if not np.array_equal(recounted, counted[-1]):
        reason = "the pairs counted along the run are not those of its last state"
        raise DamagedInput(f"{file.path} cannot be used: {reason}")
    if shells is not None and shells > counted.shape[1]:
        counted = np.stack([pair_counts(lattice, state, shells, len(elements)) for state in frames.occupancy])
    return Run(
        file=file,
        lattice=lattice,
        elements=elements,
        jumps=frames.jump,
        time_s=frames.time_s,
        temperature_K=frames.temperature_K,
        pair_counts=counted[:, :shells],
        initial=frames.occupancy[0].copy(),  # not a view, which would keep all frames in memory
        final=frames.occupancy[-1].copy(),
    )


def start_of(campaign: Mapping[str, Any], case: str) -> str:
    """How the runs of a case begin, one of `STARTS`; empty for a case that the campaign does not have."""
    starts = campaign["kmc"].get("start", "random")
    for start in starts if isinstance(starts, list) else [starts]:
        if case in case_names({**campaign["kmc"], "start": start}, campaign["alloy"]):
            return start if isinstance(start, str) else next(kind for kind in STARTS if kind in start)
    return ""
