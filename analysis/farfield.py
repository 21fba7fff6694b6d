"""How much of a jump's energies is decided beyond a cutoff: the error that no network with it can avoid."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.command import run_analysis
from analysis.inputs import Inputs, MissingInput, reading
from analysis.products import FigureProduct, Number, Product, TableProduct
from analysis.style import DOUBLE_COLUMN_IN, letter_panels, new_figure, paper_style, series_style
from nnk.barriers import BarrierSet
from nnk.files import rng
from nnk.lattice import Structure, shell_offsets
from nnk.observables.spread import Spread, pooled_spread
from nnk.samples import FarFieldParameters

NAME = "farfield"
FEWEST = 2
QUANTITIES = {
    "dE": ("energy difference of the states", r"$\Delta E$"),
    "KRA": ("kinetically resolved barrier", "KRA"),
    "E_fwd": ("forward barrier", r"$E_\mathrm{fwd}$"),
}
EVERY = "all"

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Jump:
    """Labels of one jump among samples that are alike up to a cutoff.

    Attributes:
        composition: name of the alloy.
        number: of the jump.
        mover: element that moves.
        shells: that are alike.
        values_eV: float64[n] of each of `QUANTITIES`.
    """

    composition: str
    number: int
    mover: str
    shells: int
    values_eV: Mapping[str, FloatArray]


@dataclass(frozen=True)
class Floor:
    """What is left open by a cutoff.

    Attributes:
        composition: name of the alloy.
        mover: element that moves, or `EVERY`.
        shells: that are alike around either end of the jump.
        cutoff_A: radius of the last of them.
        spreads: of each of `QUANTITIES`, eV.
    """

    composition: str
    mover: str
    shells: int
    cutoff_A: float
    spreads: Mapping[str, Spread]


def _samples_of(inputs: Inputs) -> FarFieldParameters:
    """How the labels' samples were made."""
    asked = (inputs.campaign().get("label") or {}).get("samples") or {}
    if not isinstance(asked, Mapping) or asked.get("kind") != "far-field":
        raise MissingInput("the labels are not of far-field samples: those of label.samples.kind: far-field")
    with reading(inputs.workdir.campaign_file):
        return FarFieldParameters(asked["shells"], asked["jumps"], asked["resamples"])


def analyse(inputs: Inputs) -> Product:
    """Spread of the labels' energies over what lies beyond each cutoff."""
    campaign = inputs.campaign()
    barriers, how = inputs.labels(), _samples_of(inputs)
    with reading(inputs.workdir.labels_file):
        found = floors(barriers, jumps_of(barriers, how), campaign["seed"])
    if not found:
        raise MissingInput("no jump and cutoff has two usable labels: the spread is of two or more")
    tables = (floor_table(found),)
    with paper_style():
        figures = (floor_figure(found, how),)
    return Product(
        name=NAME,
        title="Far field",
        summary=floor_words(found),
        figures=figures,
        tables=tables,
        numbers=tuple(floor_numbers(found)),
        settings={
            "jumps": f"{how.jumps} per composition, the moving atoms of all elements in turn",
            "samples of each jump and cutoff": how.resamples,
            "cutoff": "radius of the last neighbour shell, of either end, whose atoms are kept",
            "error bars": "standard error over jumps; of a single one over its samples",
        },
        warnings=_warnings(barriers),
    )


def _warnings(barriers: BarrierSet) -> tuple[str, ...]:
    lost = int((~barriers.usable).sum())
    return (f"{lost} of {len(barriers)} labels have no verified barrier and are left out.",) if lost else ()


def jumps_of(barriers: BarrierSet, how: FarFieldParameters) -> list[Jump]:
    """Usable labels by composition, jump and cutoff; those of fewer than two are left out.

    Raises:
        ValueError: a sample whose key is none of a campaign's.
    """
    usable = barriers.select(barriers.usable & np.isfinite(barriers.E_bwd_eV))
    keys = np.array(usable.sample_key, dtype=np.str_)[usable.sample]
    places = [how.place(int(key.rpartition("/s")[2])) for key in keys.tolist()]
    rows: dict[tuple[str, int, int], list[int]] = {}
    for i, (name, place) in enumerate(zip(usable.composition_name.tolist(), places, strict=True)):
        rows.setdefault((name, place.jump, place.shells), []).append(i)
    energies = {"dE": usable.E_fwd_eV - usable.E_bwd_eV, "E_fwd": usable.E_fwd_eV}
    energies["KRA"] = 0.5 * (usable.E_fwd_eV + usable.E_bwd_eV)
    return [
        Jump(
            composition=name,
            number=number,
            mover=usable.elements[int(usable.moving_species[chosen[0]]) - 1],
            shells=shells,
            values_eV={quantity: values[chosen] for quantity, values in energies.items()},
        )
        for (name, number, shells), chosen in sorted(rows.items())
        if len(chosen) >= FEWEST
    ]


def floors(barriers: BarrierSet, jumps: Sequence[Jump], seed: int) -> list[Floor]:
    """The floor of every composition and cutoff, of all movers and of each."""
    names = barriers.composition_name
    found = []
    for composition, shells in sorted({(jump.composition, jump.shells) for jump in jumps}):
        here = [jump for jump in jumps if (jump.composition, jump.shells) == (composition, shells)]
        a_A = float(barriers.a_A[barriers.sample[names == composition]].mean())
        cutoff_A = shell_radius_A(barriers.structure, shells, a_A)
        for mover in (EVERY, *sorted({jump.mover for jump in here})):
            chosen = [jump for jump in here if mover in (EVERY, jump.mover)]
            spreads = {
                name: pooled_spread(
                    [jump.values_eV[name] for jump in chosen],
                    rng(seed, NAME, composition, shells, mover, name),
                )
                for name in QUANTITIES
            }
            found.append(Floor(composition, mover, shells, cutoff_A, spreads))
    return found


def shell_radius_A(structure: Structure, shell: int, a_A: float) -> float:
    """Distance of the sites of a neighbour shell."""
    return float(np.linalg.norm(shell_offsets(structure, shell)[0]) * 0.5 * a_A)


def floor_figure(found: Sequence[Floor], how: FarFieldParameters) -> FigureProduct:
    """Spread against cutoff, a panel per quantity, a line per composition."""
    figure, axes = new_figure(1, 3, width_in=DOUBLE_COLUMN_IN, height_in=2.6, share_y=True)
    whole = [floor for floor in found if floor.mover == EVERY]
    compositions = list(dict.fromkeys(floor.composition for floor in whole))
    for panel, (name, (_, symbol)) in zip(axes[0], QUANTITIES.items(), strict=True):
        for i, composition in enumerate(compositions):
            mine = [floor for floor in whole if floor.composition == composition]
            panel.errorbar(
                [floor.cutoff_A for floor in mine],
                [1000 * floor.spreads[name].deviation for floor in mine],
                [1000 * floor.spreads[name].deviation_error for floor in mine],
                label=composition,
                **series_style(i),
            )
        panel.set_title(symbol)
        panel.set(xlabel="cutoff (Å)")
    axes[0, 0].set(ylabel="standard deviation (meV)")
    axes[0, 0].set_ylim(0, None)
    letter_panels(axes.ravel())
    if len(compositions) > 1:
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return FigureProduct(
        name=NAME,
        title="What lies beyond a cutoff",
        caption=(
            "Standard deviation of (a) the energy difference of a jump's states, (b) its kinetically "
            "resolved barrier and (c) its forward barrier over samples in which all atoms within the cutoff "
            "of either end of the jump are the same, and the others have changed places at random: the least "
            f"root mean square error of any network with this cutoff. {how.jumps} jumps per composition, "
            f"{how.resamples} samples of each at every cutoff; root mean square over the jumps. Error bars: "
            "standard error over jumps."
        ),
        alt=f"Curves that fall with the cutoff. {floor_words(found)}",
        figure=figure,
        table=NAME,
    )


def floor_words(found: Sequence[Floor]) -> str:
    """The spreads at the shortest and at the longest cutoff of each composition."""
    parts = []
    for composition in dict.fromkeys(floor.composition for floor in found):
        mine = [f for f in found if (f.composition, f.mover) == (composition, EVERY)]
        ends = (mine[0], mine[-1])
        said = ", ".join(
            f"{name} {' to '.join(f'{1000 * floor.spreads[name].deviation:.0f}' for floor in ends)} meV"
            for name in QUANTITIES
        )
        parts.append(
            f"{composition}: atoms beyond {ends[0].cutoff_A:.1f} to {ends[1].cutoff_A:.1f} Å of a jump's "
            f"ends leave open (standard deviation) {said}."
        )
    return " ".join(parts)


def floor_table(found: Sequence[Floor]) -> TableProduct:
    """A row per composition, cutoff, moving element and quantity."""
    rows: list[list[Any]] = [
        [
            *(floor.composition, floor.mover, floor.shells, floor.cutoff_A, name),
            *(spread.groups, spread.values, spread.deviation, spread.deviation_error),
            *(spread.absolute, spread.absolute_error),
        ]
        for floor in found
        for name, spread in floor.spreads.items()
    ]
    columns = {
        "composition": "of the samples",
        "mover": f"element that moves; {EVERY}: every one",
        "shells": "neighbour shells, of either end of the jump, whose atoms are the same",
        "cutoff_A": "radius of the last of them, Å",
        "quantity": "; ".join(f"{name}: {what}" for name, (what, _) in QUANTITIES.items()),
        "jumps": "number of jumps",
        "labels": "number of labels",
        "deviation_eV": "standard deviation over what lies beyond, root mean square over jumps: the least "
        "root mean square error of a network with this cutoff, eV",
        "deviation_error_eV": "its standard error over jumps (of a single one over samples), eV",
        "absolute_eV": "mean distance from each jump's median: the least mean absolute error, eV",
        "absolute_error_eV": "its standard error over jumps (of a single one over samples), eV",
    }
    return TableProduct(NAME, "Errors that a cutoff makes unavoidable", columns, rows)


def floor_numbers(found: Sequence[Floor]) -> list[Number]:
    """The floors of all movers."""
    return [
        Number(
            f"{floor.composition}: {name} left open beyond {floor.cutoff_A:.1f} Å ({floor.shells} shells)",
            1000 * spread.deviation,
            "meV",
            NAME,
            1000 * spread.deviation_error,
            spread.values,
        )
        for floor in found
        if floor.mover == EVERY
        for name, spread in floor.spreads.items()
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.farfield WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
