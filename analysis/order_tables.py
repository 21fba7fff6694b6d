"""Tables and headline numbers of chemical order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from analysis.order_drawing import NAME
from analysis.order_kinetics import Kinetics, PairRelaxation, Peak
from analysis.order_parameters import Order
from analysis.products import Number, TableProduct
from nnk.observables.statistics import Estimate

PAIR_COLUMNS = {
    "shell": "neighbour shell, 1: nearest",
    "a": "element of the central atom",
    "b": "element of the neighbour",
}
PARAMETER_COLUMNS = {
    "delta_ab": "N_ab minus its mean over random arrangements, per a atom",
    "delta_ab_error": "standard error over replicas",
    "alpha_ab": "Warren-Cowley parameter",
    "alpha_ab_error": "standard error over replicas",
}
CASE_COLUMNS = {
    "case": "composition or start of the runs",
    "temperature_K": "temperature (of a schedule the last), K",
}


def order_tables(found: Sequence[Kinetics]) -> tuple[TableProduct, ...]:
    """At the end, along jumps, along time; peaks and relaxations."""
    return (
        _final_table(found),
        _jumps_table(found),
        _time_table(found),
        _peak_table(found),
        _relaxation_table(found),
    )


def _final_table(found: Sequence[Kinetics]) -> TableProduct:
    rows: list[list[Any]] = []
    for order in (kinetics.order for kinetics in found):
        n = len(order.elements)
        for t, temperature_K in enumerate(order.temperature_K):
            for shell, a, b in np.ndindex(order.case.first.shells, n, n):
                place = (t, -1, shell, a, b)
                rows.append(
                    [
                        *(order.case.name, float(temperature_K), int(order.jumps[-1])),
                        *(int(order.delta.n[place]), shell + 1, order.elements[a], order.elements[b]),
                        *(float(order.neighbours.mean[place]), *_values(order.delta, order.alpha, place)),
                        float(order.delta.mean[t, 0, shell, a, b]),
                    ]
                )
    columns = {
        **CASE_COLUMNS,
        "jumps": "vacancy jumps since the start",
        "replicas": "number of runs",
        **PAIR_COLUMNS,
        "N_ab": "mean number of b atoms in the shell of an a atom",
        **PARAMETER_COLUMNS,
        "delta_ab_start": "delta_ab of the first states",
    }
    return TableProduct(NAME, "Order parameters at the end of the runs", columns, rows)


def _values(delta: Estimate, alpha: Estimate, place: tuple[int, ...]) -> list[float]:
    return [float(values[place]) for e in (delta, alpha) for values in (e.mean, e.error)]


def _places(order: Order) -> Iterator[tuple[int, int, int]]:
    """Shells and pairs."""
    return ((shell, a, b) for shell in range(order.case.first.shells) for a, b in order.pairs)


def _jumps_table(found: Sequence[Kinetics]) -> TableProduct:
    rows: list[list[Any]] = []
    for order in (kinetics.order for kinetics in found):
        for t, f in np.ndindex(len(order.temperature_K), len(order.jumps)):
            head = [order.case.name, float(order.temperature_K[t]), int(order.jumps[f])]
            for shell, a, b in _places(order):
                place = (t, f, shell, a, b)
                names = [shell + 1, order.elements[a], order.elements[b]]
                rows.append(
                    [*head, int(order.delta.n[place]), *names, *_values(order.delta, order.alpha, place)]
                )
    columns = {
        **CASE_COLUMNS,
        "jumps": "vacancy jumps since the start",
        "replicas": "number of runs",
        **PAIR_COLUMNS,
        **PARAMETER_COLUMNS,
    }
    return TableProduct(f"{NAME}-jumps", "Order against jumps", columns, rows)


def _time_table(found: Sequence[Kinetics]) -> TableProduct:
    rows: list[list[Any]] = []
    for kinetics in found:
        order = kinetics.order
        for temperature_K, row in zip(order.case.temperatures_K, kinetics.times, strict=True):
            for i, time_s in enumerate(row.time_s):
                for shell, a, b in _places(order):
                    place = (i, shell, a, b)
                    names = [int(row.delta.n[place]), shell + 1, order.elements[a], order.elements[b]]
                    values = _values(row.delta, row.alpha, place)
                    rows.append([order.case.name, temperature_K, float(time_s), *names, *values])
    columns = {
        **CASE_COLUMNS,
        "time_s": "time since the start, of the one simulated vacancy, s",
        "replicas": "number of runs",
        **PAIR_COLUMNS,
        **PARAMETER_COLUMNS,
    }
    return TableProduct(f"{NAME}-time", "Order against physical time", columns, rows)


def _peak_table(found: Sequence[Kinetics]) -> TableProduct:
    rows = [_peak_row(kinetics.order, peak) for kinetics in found for peak in kinetics.peaks]
    columns = {
        "case": "composition or start of the runs",
        "a": "element of the central atom",
        "b": "element of the neighbour",
        "jumps": "vacancy jumps since the start",
        "peak_temperature_K": "temperature of the highest delta_ab, K; empty where it is undefined",
        "error_K": "standard error by resampling the replicas, K",
        "low_K": "lower end of the 95 % interval, K",
        "high_K": "upper end of the 95 % interval, K",
        "undefined": "why there is no peak temperature",
    }
    return TableProduct(f"{NAME}-peak", "Temperature of the highest order", columns, rows)


def _peak_row(order: Order, peak: Peak) -> list[Any]:
    a, b = order.leading
    return [order.case.name, order.elements[a], order.elements[b], peak.jumps, *peak.temperature_K, peak.why]


def _relaxation_table(found: Sequence[Kinetics]) -> TableProduct:
    rows = [_relaxation_row(kinetics.order, r) for kinetics in found for r in kinetics.relaxations]
    columns = {
        **CASE_COLUMNS,
        "a": "element of the central atom",
        "b": "element of the neighbour",
        "replicas": "number of runs",
        "relaxed": "how many of them have relaxed",
        "relaxation_jumps": "jumps for 1 - 1/e of the way to the plateau, geometric mean over the relaxed",
        "relaxation_jumps_relative_error": "standard error of its natural logarithm over replicas",
        "relaxation_time_s": "the same in physical time of the one simulated vacancy, s",
        "relaxation_time_relative_error": "standard error of its natural logarithm over replicas",
    }
    return TableProduct(f"{NAME}-relaxation", "Relaxation of first-shell order", columns, rows)


def _relaxation_row(order: Order, r: PairRelaxation) -> list[Any]:
    names = [order.elements[species] for species in r.pair]
    values = [r.jumps, r.jumps_error, r.time_s, r.time_error]
    return [order.case.name, r.temperature_K, *names, r.replicas, r.relaxed, *values]


def order_numbers(kinetics: Kinetics) -> list[Number]:
    """The favoured pair where it is strongest, and the temperature of its peak after most jumps."""
    order = kinetics.order
    a, b = order.leading
    top = int(order.delta.mean[:, -1, 0, a, b].argmax())
    place = (top, -1, 0, a, b)
    where = f"{order.case.name}: {order.pair_name((a, b))}, shell 1, strongest"
    found = [Number(f"{where} at", float(order.temperature_K[top]), "K", NAME)]
    for text, unit, values in (
        ("δ there", f"per {order.elements[a]} atom", order.delta),
        ("Warren-Cowley α there", "1", order.alpha),
    ):
        count, value = int(values.n[place]), float(values.mean[place])
        found.append(Number(f"{where}: {text}", value, unit, NAME, _error(values.error[place]), count))
    return [*found, *(_peak_number(order, peak) for peak in kinetics.peaks if not peak.why)]


def _peak_number(order: Order, peak: Peak) -> Number:
    text = f"{order.case.name}: {order.pair_name(order.leading)}, peak after {peak.jumps:,} jumps"
    value = peak.temperature_K
    return Number(text, value.value, "K", f"{NAME}-peak", _error(value.error))


def _error(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
