"""What a user may choose about each analysis: ``analysis_options`` of the campaign file.

The defaults stand here, so that an analysis of a folder without a campaign file takes the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar


@dataclass(frozen=True)
class OrderOptions:
    """Of ``order``.

    Attributes:
        shells: neighbour shells; those that the runs have not counted are counted in their key frames.
        jumps: numbers of jumps whose order is drawn against temperature, and whose peak is sought; of the key
            frames those nearest are taken. None: seven from 1/1000 of the runs' jumps to all of them.
    """

    shells: int = 3
    jumps: tuple[int, ...] | None = None


@dataclass(frozen=True)
class RandomnessOptions:
    """Of ``randomness``.

    Attributes:
        temperatures_K: whose distributions are drawn; of the runs' temperatures those nearest are taken.
            The defaults are those of figure 4 of Xing et al. (2024).
        most_sites: vacancy sites per state; of a larger state so many are drawn at random.
    """

    temperatures_K: tuple[float, ...] = (400.0, 800.0, 3000.0)
    most_sites: int = 131_072


@dataclass(frozen=True)
class ModelsOptions:
    """Of ``models``.

    Attributes:
        loop_lengths: jumps of the closed loops on which models are tried for detailed balance; None: bcc 4,
            8, 16, 32, 64, 100; fcc 3, 6, 12, 25, 50, 100.
        loops: of each length.
    """

    loop_lengths: tuple[int, ...] | None = None
    loops: int = 100


@dataclass(frozen=True)
class CompareOptions:
    """Of ``compare``.

    Attributes:
        other: workdir of the other campaign, or a CSV file of somebody else's data whose columns are named as
            those of one of our tables; relative to the campaign file.
        label: what the other side is called; default: the other campaign's name, or that of the file.
        table: the table that is compared; default: all that both sides have, for a CSV file the one whose
            columns it has.
        cases: which case of the other side belongs to a case of this one; default: those of the same name,
            or the only one of each side.
    """

    other: str | None = None
    label: str | None = None
    table: str | None = None
    cases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ClustersOptions:
    """Of ``clusters``.

    Attributes:
        pair: the two elements of the B2 order; if none are given Mo and Ta where the alloy has both, else the
            pair most favoured as first neighbours at the ends of the runs.
        temperatures_K: which are drawn; of the runs' temperatures those nearest are taken.
        small_below: clusters of fewer centres are small; 8 as in figure 5 of Xing et al. (2024).
    """

    pair: tuple[str, ...] | None = None
    temperatures_K: tuple[float, ...] = (600.0, 800.0, 1000.0, 1500.0, 3000.0)
    small_below: int = 8


@dataclass(frozen=True)
class TransportOptions:
    """Of ``transport``.

    Attributes:
        skip_share: share of each run's jumps that is left out at its beginning; what is looked at begins at
            the last key frame not after it.
        blocks: at least so many blocks is the rest divided into.
        vacancy_formation_energy_eV: E_f; with it tracer diffusivities are those at the equilibrium
            concentration of vacancies, exp(S_f / k - E_f / kT), else those of the cell.
        vacancy_formation_entropy_kB: S_f / k.
        fit_range_K: lowest and highest temperature of the straight lines; None: of all sound points.
    """

    skip_share: float = 0.5
    blocks: int = 32
    vacancy_formation_energy_eV: float | None = None
    vacancy_formation_entropy_kB: float = 0.0
    fit_range_K: tuple[float, ...] | None = None


@dataclass(frozen=True)
class MapsOptions:
    """Of ``maps``.

    Attributes:
        model: name of the network, "published" for that of ``kmc.model``; None: the one that drives the kMC
            runs, or else the first that is trained.
        divisions: steps along an edge of the diagrams.
        random_cells: cells of 1,000 sites or more per composition, a vacancy on each of their sites in turn.
        fixed: content of all elements but three, for alloys of more; by default those after the third, in
            equal shares.
    """

    model: str | None = None
    divisions: int = 20
    random_cells: int = 8
    fixed: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SpectraOptions:
    """Of ``spectra``.

    Attributes:
        model: the network of the sweep and of the runs' states; as in `MapsOptions`.
        sweep: spectra of random cells in which one element's content changes and the others share the rest
            equally, as in figure 9 of Fan et al. (2022): ``element``, ``from_percent``, ``to_percent``,
            ``steps``, ``least_atoms`` of every species. None: no sweep.
    """

    model: str | None = None
    sweep: Mapping[str, Any] | None = None


Options = TypeVar("Options")


def options_from(kind: type[Options], given: Mapping[str, Any]) -> Options:
    """The options of one analysis from plain data, as the resolved campaign file holds them.

    Raises:
        ValueError: a name that is none of its options.
    """
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(given) - names)
    if unknown:
        raise ValueError(
            f"{kind.__name__}: unknown {', '.join(unknown)}; allowed: {', '.join(sorted(names))}"
        )
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return kind(**values)
