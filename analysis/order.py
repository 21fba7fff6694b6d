"""Chemical order of pairs against temperature and against the number of jumps."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.command import run_analysis
from analysis.inputs import Inputs
from analysis.order_figures import order_figures
from analysis.order_parameters import ARRANGEMENTS, NORMALISATION, Order, order_of, summary
from analysis.products import Number, Product, TableProduct
from analysis.runs import read_cases
from analysis.style import paper_style

NAME = "order"


def analyse(inputs: Inputs) -> Product:
    """Order parameters of every case."""
    orders = [order_of(case) for case in read_cases(inputs)]
    with paper_style():
        figures = tuple(figure for order in orders for figure in order_figures(order))
    return Product(
        name=NAME,
        title="Chemical order",
        summary=" ".join(summary(order) for order in orders),
        figures=figures,
        tables=(_final_table(orders), _jumps_table(orders)),
        numbers=tuple(number for order in orders for number in _numbers(order)),
        settings={
            "normalisation": NORMALISATION,
            "neighbour shells": orders[0].case.first.shells,
            "random arrangements for the noise": ARRANGEMENTS,
        },
        warnings=tuple(text for order in orders for text in _warnings(order)),
    )


def _warnings(order: Order) -> list[str]:
    name = order.case.name
    found = []
    if order.single:
        found.append(f"{name}: one replica per temperature, so there are no error bars.")
    if not order.beyond_noise:
        found.append(f"{name}: no order beyond the noise of random cells of this size.")
    return found


def _final_table(orders: Sequence[Order]) -> TableProduct:
    rows: list[list[Any]] = []
    for order in orders:
        n = len(order.elements)
        for t, temperature_K in enumerate(order.temperature_K):
            for shell, a, b in np.ndindex(order.case.first.shells, n, n):
                place = (t, -1, shell, a, b)
                rows.append(
                    [
                        *(order.case.name, float(temperature_K), int(order.jumps[-1])),
                        *(int(order.delta.n[place]), shell + 1, order.elements[a], order.elements[b]),
                        *(float(order.neighbours.mean[place]), float(order.delta.mean[place])),
                        *(float(order.delta.error[place]), float(order.alpha.mean[place])),
                        float(order.alpha.error[place]),
                    ]
                )
    columns = {
        **_place_columns(),
        "shell": "neighbour shell, 1: nearest",
        "a": "element of the central atom",
        "b": "element of the neighbour",
        "N_ab": "mean number of b atoms in the shell of an a atom",
        "delta_ab": "N_ab minus its mean over random arrangements, per a atom",
        "delta_ab_error": "standard error over replicas",
        "alpha_ab": "Warren-Cowley parameter",
        "alpha_ab_error": "standard error over replicas",
    }
    return TableProduct(NAME, "Order parameters at the end of the runs", columns, rows)


def _place_columns() -> dict[str, str]:
    return {
        "case": "composition or start of the runs",
        "temperature_K": "temperature, K",
        "jumps": "vacancy jumps since the start",
        "replicas": "number of runs",
    }


def _jumps_table(orders: Sequence[Order]) -> TableProduct:
    rows: list[list[Any]] = []
    for order in orders:
        for t, f in np.ndindex(len(order.temperature_K), len(order.jumps)):
            for a, b in order.pairs:
                place = (t, f, 0, a, b)
                rows.append(
                    [
                        *(order.case.name, float(order.temperature_K[t]), int(order.jumps[f])),
                        *(int(order.delta.n[place]), order.elements[a], order.elements[b]),
                        *(float(order.delta.mean[place]), float(order.delta.error[place])),
                    ]
                )
    columns = {
        **_place_columns(),
        "a": "element of the central atom",
        "b": "element of the neighbour",
        "delta_ab": "first-shell N_ab minus its mean over random arrangements, per a atom",
        "delta_ab_error": "standard error over replicas",
    }
    return TableProduct(f"{NAME}-jumps", "First-shell order along the runs", columns, rows)


def _numbers(order: Order) -> list[Number]:
    """The favoured pair where it is strongest."""
    a, b = order.leading
    top = int(order.delta.mean[:, -1, 0, a, b].argmax())
    place = (top, -1, 0, a, b)
    where = f"{order.case.name}: {order.pair_name((a, b))}, shell 1, strongest"
    found = [Number(f"{where} at", float(order.temperature_K[top]), "K", NAME)]
    for text, unit, values in (
        ("δ there", f"per {order.elements[a]} atom", order.delta),
        ("Warren-Cowley α there", "1", order.alpha),
    ):
        error, count = float(values.error[place]), int(values.n[place])
        shown = None if np.isnan(error) else error
        found.append(Number(f"{where}: {text}", float(values.mean[place]), unit, NAME, shown, count))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.order WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
