"""Barrier spectra: of the labels, against predictions, against composition and against order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from analysis.command import run_analysis
from analysis.inputs import DamagedInput, Inputs, MissingInput
from analysis.options import SpectraOptions
from analysis.products import Product
from analysis.spectra_labels import labels_part
from analysis.spectra_order import order_part
from analysis.spectra_pairs import pairs_part
from analysis.spectra_sweep import sweep_part
from analysis.style import paper_style

NAME = "spectra"

Part = Callable[[Inputs, SpectraOptions], Product]
PARTS: tuple[Part, ...] = (labels_part, pairs_part, sweep_part, order_part)
SECTIONS: dict[Part, str] = {
    labels_part: "label",
    order_part: "kmc",
}  # that asks for the part


def analyse(inputs: Inputs) -> Product:
    """All parts that the campaign has the products for; a part whose products are damaged leaves a warning.

    Raises:
        MissingInput: there are neither labels nor runs nor a sweep.
        DamagedInput: what there is cannot be read.
    """
    options = inputs.options(NAME, SpectraOptions)
    found: list[Product] = []
    missing: list[MissingInput] = []
    damaged: list[DamagedInput] = []
    with paper_style():
        for part in PARTS:
            try:
                found.append(part(inputs, options))
            except MissingInput as error:  # a part that this campaign does not have, or not yet
                missing.append(error)
                if part in SECTIONS and inputs.campaign().get(SECTIONS[part]):
                    inputs.warn(f"{error}. What is made of it is left out.")
            except DamagedInput as error:
                damaged.append(error)
    if not found:
        raise (damaged or missing)[0]
    for reason in damaged:
        inputs.warn(f"{reason}. What is made of it is left out.")
    return _joined(found)


def _joined(parts: Sequence[Product]) -> Product:
    return Product(
        name=NAME,
        title="Barrier spectra",
        summary=" ".join(part.summary for part in parts if part.summary),
        figures=tuple(figure for part in parts for figure in part.figures),
        tables=tuple(table for part in parts for table in part.tables),
        numbers=tuple(number for part in parts for number in part.numbers),
        settings={name: value for part in parts for name, value in part.settings.items()},
        warnings=tuple(text for part in parts for text in part.warnings),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.spectra WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
