"""Chemical order of pairs against temperature, the number of jumps and time; its peak and its relaxation."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from analysis.command import run_analysis
from analysis.inputs import Inputs
from analysis.options import OrderOptions
from analysis.order_drawing import NAME
from analysis.order_figures import order_figures
from analysis.order_kinetics import RESAMPLES, Kinetics, kinetics_of
from analysis.order_parameters import ARRANGEMENTS, NORMALISATION, Order, order_of, summary
from analysis.order_tables import order_numbers, order_tables
from analysis.products import Product
from analysis.runs import read_cases, start_of
from analysis.style import paper_style
from nnk.observables.relaxation import DEFINITION


def analyse(inputs: Inputs) -> Product:
    """Order parameters of every case."""
    options, campaign = inputs.options(NAME, OrderOptions), inputs.campaign()
    orders = [
        order_of(case, start_of(campaign, case.name)) for case in read_cases(inputs, shells=options.shells)
    ]
    found = [kinetics_of(order, options.jumps) for order in orders]
    with paper_style():
        drawn = [order_figures(kinetics, _static(kinetics.order, orders)) for kinetics in found]
    return Product(
        name=NAME,
        title="Chemical order",
        summary=" ".join(summary(order) for order in orders),
        figures=tuple(figure for figures in drawn for figure in figures),
        tables=order_tables(found),
        numbers=tuple(number for kinetics in found for number in order_numbers(kinetics)),
        settings={
            "normalisation": NORMALISATION,
            "neighbour shells": orders[0].case.first.shells,
            "random arrangements for the noise": ARRANGEMENTS,
            "resampled sets of replicas for the peak": RESAMPLES,
            "relaxation": DEFINITION,
        },
        warnings=tuple(text for kinetics in found for text in _warnings(kinetics)),
    )


def _static(order: Order, orders: Sequence[Order]) -> Order | None:
    """The same alloy after exchanges of atoms, where the campaign has it beside runs from a random start."""
    name = f"{order.case.name}-exchanged"
    return next((other for other in orders if other.case.name == name and not other.scheduled), None)


def _warnings(kinetics: Kinetics) -> list[str]:
    order = kinetics.order
    name = order.case.name
    found = []
    if order.single:
        found.append(f"{name}: one replica per temperature, so there are no error bars.")
    if not order.beyond_noise:
        found.append(f"{name}: no order beyond the noise of random cells of this size.")
    ends = sorted({int(run.jumps[-1]) for run in order.case.runs})
    if len(ends) > 1:
        found.append(
            f"{name}: the runs end after {ends[0]:,} to {ends[-1]:,} jumps; they are compared up to "
            f"{order.jumps[-1]:,}."
        )
    return [*found, *_relaxation_warnings(kinetics)]


def _relaxation_warnings(kinetics: Kinetics) -> list[str]:
    """How many temperatures have no relaxation of the leading pair, which is then undefined."""
    order = kinetics.order
    leading = [r for r in kinetics.relaxations if r.pair == order.leading]
    unrelaxed = [r.temperature_K for r in leading if 2 * r.relaxed < r.replicas]
    if not unrelaxed or not order.beyond_noise:
        return []
    listed = ", ".join(f"{t:g}" for t in unrelaxed)
    return [
        f"{order.case.name}: at {listed} K the order of {order.pair_name(order.leading)} has not relaxed in "
        "at least half of the runs, or is within noise: its relaxation is undefined there."
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.order WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
