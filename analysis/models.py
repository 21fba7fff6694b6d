"""Models judged: errors by species, composition and barrier, calibration, drift on loops, a card each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from analysis.command import run_analysis
from analysis.inputs import Inputs, reading
from analysis.model_antisymmetry import antisymmetry_figure, antisymmetry_words, told_both_ways
from analysis.model_cards import Card, card_numbers, card_table, training_time
from analysis.model_curve_figures import curve_figure, curve_table, curve_words
from analysis.model_curves import curves_of, share_of
from analysis.model_distance import distance_figure
from analysis.model_drift import (
    CELLS,
    ModelDrift,
    drift_figure,
    drift_numbers,
    drift_table,
    drift_words,
    model_drift,
)
from analysis.model_error_figures import error_figure, error_words
from analysis.model_errors import (
    NAME,
    RESAMPLES,
    ModelErrors,
    error_numbers,
    error_table,
    model_errors,
)
from analysis.model_parity import composition_figure, composition_table
from analysis.model_speed import speed_of
from analysis.model_spread import (
    JudgedSpread,
    judged_spreads,
    spread_figure,
    spread_numbers,
    spread_table,
    spread_words,
)
from analysis.model_table import (
    ranking_numbers,
    ranking_warnings,
    ranking_words,
    side_by_side,
    side_by_side_figure,
)
from analysis.options import ModelsOptions
from analysis.predictions import Judged, judged_networks
from analysis.products import Product
from analysis.style import paper_style
from nnk.observables.drift import check_length


def analyse(inputs: Inputs) -> Product:
    """Errors, calibration and drift of each model of the campaign, and its card."""
    campaign, options = inputs.campaign(), inputs.options(NAME, ModelsOptions)
    with reading(inputs.workdir.campaign_file):
        for length in options.loop_lengths or ():
            check_length(campaign["alloy"]["lattice"], length)
    found = judged_networks(inputs)
    cards = [_card(inputs, judged, options, campaign) for judged in found]
    whole = [j.predictions for j in found if j.network.trained and share_of(j.network) == 1]
    judged = [p for p in whole if p is not None]
    ensembles = [p for p in judged if p.spread_eV is not None]
    spreads = judged_spreads(ensembles, [p for p in judged if p.spread_eV is None])
    return _product(cards, spreads, campaign)


def _card(inputs: Inputs, judged: Judged, options: ModelsOptions, campaign: dict[str, Any]) -> Card:
    elements, seed = campaign["alloy"]["elements"], campaign["seed"]
    equal = {element: 1 / len(elements) for element in elements}
    network, predictions = judged.network, judged.predictions
    return Card(
        network,
        None if predictions is None else model_errors(predictions, seed),
        model_drift(network, options, equal, seed),
        speed_of(network.model),
        *training_time(inputs, network.name),
    )


def _product(cards: Sequence[Card], spreads: Sequence[JudgedSpread], campaign: dict[str, Any]) -> Product:
    errors = [card.errors for card in cards if card.errors is not None]
    drifts = [card.drift for card in cards]
    curves = curves_of([(card.network, card.errors) for card in cards if card.errors is not None])
    both_ways = told_both_ways(curves)
    elements = ", ".join(campaign["alloy"]["elements"])
    with paper_style():
        figures = [side_by_side_figure(cards)] if len(cards) > 1 else []
        figures += [figure for e in errors for figure in (error_figure(e), composition_figure(e))]
        figures += [figure for figure in (distance_figure(errors),) if figure is not None]
        figures += [drift_figure(drifts, f"equal shares of {elements}")]
        figures += [spread_figure(spreads)] if spreads else []
        figures += [curve_figure(curves)] if curves else []
        figures += [antisymmetry_figure(both_ways)] if both_ways else []
    tables = [side_by_side(cards), card_table(cards, "campaign.yaml"), drift_table(drifts)]
    tables += [error_table(errors), composition_table(errors)] if errors else []
    tables += [spread_table(spreads)] if spreads else []
    tables += [curve_table(curves)] if curves else []
    words = [ranking_words(cards), _summary(errors, drifts, spreads), curve_words(curves)]
    words += [antisymmetry_words(both_ways)] if both_ways else []
    numbers = ranking_numbers(cards)
    numbers += [number for e in errors for number in error_numbers(e)]
    numbers += [number for drift in drifts for number in drift_numbers(drift)]
    numbers += spread_numbers(spreads)
    return Product(
        name=NAME,
        title="Models",
        summary=" ".join(filter(None, words)),
        figures=tuple(figures),
        tables=tuple(tables),
        numbers=(*numbers, *(number for card in cards for number in card_numbers(card))),
        settings=_settings(elements, spreads),
        warnings=_warnings(cards),
    )


def _summary(
    errors: Sequence[ModelErrors], drifts: Sequence[ModelDrift], spreads: Sequence[JudgedSpread]
) -> str:
    parts = [error_words(e) for e in errors] if len(errors) == 1 else []  # of several: see the ranking
    parts.append(f"On closed loops {drift_words(drifts)}")
    return " ".join(filter(None, [*parts, spread_words(spreads)]))


def _settings(elements: str, spreads: Sequence[JudgedSpread]) -> dict[str, Any]:
    single = "none: a single network states none"
    return {
        "errors of errors": f"over vacancies; of slopes by bootstrap over vacancies, {RESAMPLES} resamples",
        "surroundings of loops": f"random solutions, equal shares of {elements}, {CELLS}^3 cells",
        "spreads judged": ", ".join(judged.model for judged in spreads) or single,
        "learning along the epochs": "see the analysis training",
        "curves": "of networks that differ in one key alone and are tested on the same labels",
        "time per barrier": "in a random state, best of three; on a core processor time, on a GPU wall time",
        "distance of compositions": "least share of atoms that would have to be of another element",
    }


def _warnings(cards: Sequence[Card]) -> tuple[str, ...]:
    said = []
    for card in cards:
        name = card.network.name
        if card.errors is None:
            said.append(
                f"{name}: no labels of this campaign to compare it with; its errors are unknown here."
            )
        elif abs(card.errors.slope.value - 1) > max(0.1, 3 * card.errors.slope.error):
            said.append(
                f"{name}: computed barriers change {card.errors.slope.value:.2f} times as much as predicted "
                "ones; its predictions are not calibrated."
            )
    return (*said, *ranking_warnings(cards))


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.models WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
