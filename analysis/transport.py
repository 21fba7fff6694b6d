"""Diffusivities of vacancies and atoms, correlation factors, jump frequencies, Arrhenius fits."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from analysis.command import run_analysis
from analysis.inputs import Inputs
from analysis.options import TransportOptions
from analysis.products import Product
from analysis.style import paper_style
from analysis.transport_cases import FEWEST_POINTS, CaseTransport, cases_of, left_out, summary
from analysis.transport_figures import transport_figures
from analysis.transport_points import LEAST_ATOM_WAY, LEAST_GROWTH, LEAST_WAY, WORST_ERROR
from analysis.transport_runs import read_runs
from analysis.transport_tables import displacements_table, fits_table, numbers, points_table

NAME = "transport"


def analyse(inputs: Inputs) -> Product:
    """Transport in every case."""
    options = inputs.options(NAME, TransportOptions)
    cases = cases_of(read_runs(inputs, options), options)
    with paper_style():
        figures = tuple(figure for case in cases for figure in transport_figures(case))
    return Product(
        name=NAME,
        title="Diffusion",
        summary=" ".join(summary(case) for case in cases),
        figures=figures,
        tables=(points_table(cases), fits_table(cases), displacements_table(cases)),
        numbers=tuple(number for case in cases for number in numbers(case)),
        settings=_settings(cases[0]),
        warnings=tuple(text for case in cases for text in _warnings(case)),
    )


def _settings(case: CaseTransport) -> dict[str, object]:
    options = case.options
    return {
        "share of the jumps left out at the beginning": options.skip_share,
        "jumps of a block": case.first.record.block_jumps,
        "jumps of a stretch of the atoms": case.first.record.stretch_jumps,
        "vacancy formation energy (eV)": options.vacancy_formation_energy_eV,
        "vacancy formation entropy (k)": options.vacancy_formation_entropy_kB,
        "temperatures of the fits (K)": options.fit_range_K or "all sound points",
        "estimator": "mean squared displacement per jump times jumps per second of the whole part",
        "collective ratio": "single over collective diffusivity of a species; no Haven ratio, which compares "
        "with an electric conductivity and means nothing for a neutral alloy",
        "sound": {
            "growth exponent at least": LEAST_GROWTH,
            "way of the vacancy in a block, jump lengths, at least": LEAST_WAY,
            "way of an atom in a stretch, jump lengths, at least": LEAST_ATOM_WAY,
            "relative error at most": WORST_ERROR,
        },
    }


def _warnings(case: CaseTransport) -> list[str]:
    found = []
    for walker in case.walkers:
        name, reasons = f"{case.name}, {case.walker_name(walker)}", left_out(case, walker)
        if reasons:
            found.append(f"{name}: no diffusivity, drawn as open symbols and left out of the fit: {reasons}.")
        fit = case.fits.get(walker)
        if fit is None:
            count = len(case.fitted(walker))
            found.append(f"{name}: no Arrhenius fit: {count} sound points in its range, of {FEWEST_POINTS}.")
        elif case.bent(walker):
            found.append(
                f"{name}: the points stray from the Arrhenius line by more than their errors (chi squared "
                f"{fit.chi_squared:.3g} for {fit.degrees} degrees of freedom), so that these are scaled up; "
                "the activation energy changes with temperature, as order does."
            )
    if case.flickering:
        found.append(
            f"{case.name}: jumps to and fro within traps are counted, but not recorded one by one: where "
            "there are any, correlation factors, jump shares and frequencies of the species are not known."
        )
    if not case.replicated:
        found.append(
            f"{case.name}: one replica at a temperature: its errors are those of blocks within the run."
        )
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.transport WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
