"""What is kept of each barrier and of each sample: outcomes, methods, and the columns of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Flag(IntEnum):
    """What became of a label."""

    OK = 0  #: one saddle, connected to both end states
    SPLIT = 1  #: intermediate minima on the path: the highest of several connected saddles is kept
    FALLBACK = 2  #: found by the climbing-image nudged elastic band after the search had failed
    FAILED = 3  #: no verified barrier; energies are NaN
    UNSTABLE = 4  #: an end state does not exist (atoms leave the lattice sites): no barrier; NaN
    TINY = 5  #: a verified barrier, forward or backward, below `TINY_EV`: no state to speak of
    MERGED = 6  #: the final state relaxes back into the initial one: no barrier; NaN
    MOVED = 7  #: the vacancy relaxes to another site than the jump's: no barrier; NaN
    ERROR = 8  #: the force field failed (an exception, energies that are no numbers, a crash); NaN


USABLE = (Flag.OK, Flag.SPLIT, Flag.FALLBACK)
TINY_EV = 0.01


class Method(IntEnum):
    """How a saddle was found."""

    SINGLE_IMAGE = 0  #: quasi-Newton search of one image
    NEB = 1  #: climbing-image nudged elastic band


FLAG_MEANINGS = " ".join(flag.name.lower() for flag in Flag)
METHOD_MEANINGS = " ".join(method.name.lower() for method in Method)


@dataclass(frozen=True)
class Column:
    """How an array is stored.

    Attributes:
        dtype, units, long_name: as NetCDF has them.
        per_pair: a value per pair of elements, instead of one.
    """

    dtype: str
    units: str
    long_name: str
    per_pair: bool = False


COLUMNS: dict[str, Column] = {
    "sample": Column("i4", "1", "index of the sample"),
    "vacancy_site": Column("i4", "1", "site of the vacancy in the initial state"),
    "jump": Column("u1", "1", "jump: direction from the vacancy to the atom that moves into it"),
    "E_fwd_eV": Column("f8", "eV", "forward barrier, saddle minus initial state"),
    "E_bwd_eV": Column("f8", "eV", "backward barrier, saddle minus final state"),
    "curvature_eV_A2": Column("f8", "eV angstrom-2", "lowest curvature at the saddle"),
    "residual_force_eV_A": Column("f8", "eV angstrom-1", "largest force on an atom at the saddle"),
    "calls": Column("f8", "1", "force calls, with the share of those spent on the initial state"),
    "flag": Column("u1", "1", "outcome"),
    "method": Column("u1", "1", "search method"),
    "n_saddles": Column("u1", "1", "saddles on the path"),
    "a_initial_A": Column("f8", "angstrom", "lattice parameter of the initial state's box"),
    "a_saddle_A": Column("f8", "angstrom", "lattice parameter of the saddle's box"),
    "a_final_A": Column("f8", "angstrom", "lattice parameter of the final state's box"),
}
"""Of each barrier."""

SAMPLE_COLUMNS: dict[str, Column] = {
    "degree": Column("i4", "1", "number of the state along its exchange run; 0 also for random samples"),
    "exchanges": Column("i8", "1", "exchanges of atoms tried before the state; 0: a random solution"),
    "alpha": Column("f4", "1", "Warren-Cowley parameter of first neighbours, NaN where not defined", True),
}
"""Of each sample, besides its atoms, box and composition."""
