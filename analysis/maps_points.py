"""Barrier spectra over compositions: predicted for random cells by a network, and those of the labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.options import MapsOptions
from nnk.alloy import composition_name, exact_counts, fractions_of, random_solution, simplex_grid
from nnk.files import rng
from nnk.lattice import Lattice, Structure
from nnk.observables.site_barriers import site_barriers
from nnk.observables.spectra import Spectrum, SpectrumCounter

if TYPE_CHECKING:
    from analysis.networks import Network
    from nnk.barriers import BarrierSet

LEAST_SITES = 1000  # of a random cell
AXES = 3  # elements of a ternary diagram
_DIGITS = 6  # compositions that agree to so many digits are one

Composition = Mapping[str, float]


@dataclass(frozen=True)
class Point:
    """Spectra of one composition.

    Attributes:
        fractions: of each element of the alloy.
        source: "labels", or the name of a network.
        spectra: of all jumps together, then of those of each element.
    """

    fractions: tuple[float, ...]
    source: str
    spectra: tuple[Spectrum, ...]

    def percent(self, element: int) -> float:
        """Content in at.%."""
        return 100 * self.fractions[element]


@dataclass(frozen=True)
class Plane:
    """The compositions of a ternary diagram: three elements change, the others are fixed.

    Attributes:
        axes: the three elements' numbers, from 0.
        fixed: fraction of each other element by its number.
    """

    axes: tuple[int, ...]
    fixed: Mapping[int, float]

    @property
    def rest(self) -> float:
        """Fraction that the three share."""
        return 1 - sum(self.fixed.values())

    def holds(self, point: Point) -> bool:
        """Whether a point lies in the plane, to half a percent."""
        return all(abs(point.fractions[e] - content) < 0.005 for e, content in self.fixed.items())

    def percents(self, points: Sequence[Point]) -> np.ndarray:
        """Contents float64[3, n] in at.% of the three elements."""
        return np.array([[point.percent(e) for point in points] for e in self.axes])


def plane_of(elements: Sequence[str], fixed: Mapping[str, float]) -> Plane | None:
    """The plane that is drawn; None for a binary alloy.

    Args:
        elements: of the alloy.
        fixed: content of all but three elements; by default those after the third, in equal shares.

    Raises:
        ValueError: not exactly three elements are left to change.
    """
    if len(elements) < AXES:
        return None
    contents = dict(fixed) or {name: 1 / len(elements) for name in elements[AXES:]}
    axes = tuple(i for i, name in enumerate(elements) if name not in contents)
    if len(axes) != AXES or set(contents) - set(elements):
        raise ValueError(
            f"fixed: {', '.join(contents)} of {', '.join(elements)} does not leave three elements"
        )
    return Plane(axes, {elements.index(name): content for name, content in contents.items()})


def wanted_compositions(elements: Sequence[str], plane: Plane | None, divisions: int) -> list[Composition]:
    """The plane, every binary alloy and the equimolar one, each composition once."""
    found: list[dict[str, float]] = []
    if plane is not None:
        fixed = {elements[e]: content for e, content in plane.fixed.items()}
        grid = simplex_grid([elements[e] for e in plane.axes], divisions)
        found += [{name: plane.rest * x for name, x in point.items()} | fixed for point in grid]
    for pair in combinations(elements, 2):
        found += simplex_grid(pair, divisions)
    found.append({name: 1 / len(elements) for name in elements})
    keys = [tuple(np.round(fractions_of(c, elements), _DIGITS)) for c in found]
    return [found[keys.index(key)] for key in dict.fromkeys(keys)]


def predicted(
    network: Network,
    compositions: Iterable[Composition],
    options: MapsOptions,
    seed: int,
) -> list[Point]:
    """Spectra of random cells of each composition, a vacancy put on every site in turn.

    The atoms of all compositions are shuffled alike, so that differences between neighbouring compositions
    are known better than each by itself.
    """
    model = network.model
    lattice = cell_of(model.structure)
    points = []
    for composition in compositions:
        fractions = fractions_of(composition, model.elements)
        counter = SpectrumCounter(options.random_cells, len(model.elements))
        for cell in range(options.random_cells):
            occupancy = random_solution(exact_counts(fractions, lattice.n_sites), rng(seed, "maps", cell))
            movers = occupancy[lattice.neighbours]
            counter.add(site_barriers(model, lattice, occupancy), movers, np.full(movers.shape, cell))
        spectra = (counter.spectrum(), *counter.spectra())
        points.append(Point(tuple(fractions.tolist()), network.name, spectra))
    return points


def cell_of(structure: Structure) -> Lattice:
    """The smallest cube of cells with at least `LEAST_SITES` sites."""
    edge = 1
    while Lattice(structure, (edge,) * 3, 1.0).n_sites < LEAST_SITES:
        edge += 1
    return Lattice(structure, (edge,) * 3, 1.0)


def labelled(labels: BarrierSet, elements: Sequence[str]) -> list[Point]:
    """Spectra of the labels' forward barriers per composition; errors over vacancies.

    Args:
        labels: the labels.
        elements: order of the elements in the points.
    """
    order = [labels.elements.index(name) for name in elements]
    points = []
    for name in dict.fromkeys(labels.composition_name.tolist()):
        chosen = labels.usable & (labels.composition_name == name)
        if not chosen.any():
            continue
        vacancy = np.stack([labels.sample[chosen], labels.vacancy_site[chosen]])
        blocks = np.unique(vacancy, axis=1, return_inverse=True)[1].ravel()
        counter = SpectrumCounter(int(blocks.max()) + 1, len(labels.elements))
        counter.add(labels.E_fwd_eV[chosen], labels.moving_species[chosen], blocks)
        fractions = labels.composition[labels.sample[chosen][0]][order]
        spectra = (counter.spectrum(), *(counter.spectrum(s + 1) for s in order))
        points.append(Point(tuple(float(x) for x in fractions), "labels", spectra))
    return points


def name_of(point: Point, elements: Sequence[str]) -> str:
    """Name of a point's composition."""
    return composition_name(dict(zip(elements, point.fractions, strict=True)), elements)


def rows_of(points: Sequence[Point], elements: Sequence[str]) -> list[list[Any]]:
    """A row per point and moving species; see `columns_of`."""
    return [
        [
            *(name_of(point, elements), point.source, *(100 * x for x in point.fractions), moving, s.count),
            *(s.mean_eV, s.error_eV, s.std_eV, s.std_error_eV),
        ]
        for point in points
        for moving, s in zip(("all", *elements), point.spectra, strict=True)
    ]


def columns_of(elements: Sequence[str]) -> dict[str, str]:
    """Columns of `rows_of`."""
    return {
        "composition": "atomic percent; equimolar without numbers",
        "source": "labels, or the name of a network",
        **{f"{name}_percent": f"content of {name}, at.%" for name in elements},
        "moving_species": "element of the atom that jumps, or all",
        "barriers": "number of barriers",
        "mean_eV": "mean barrier, eV",
        "error_eV": "standard error of the mean, eV: over random cells (network) or vacancies (labels)",
        "std_eV": "standard deviation of the spectrum, eV",
        "std_error_eV": "standard error of the standard deviation, eV",
    }
