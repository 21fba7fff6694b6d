"""A card for each model: what it is, its data, its errors, its limits, and how to use it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.model_drift import ModelDrift, amount_left
from analysis.model_errors import NAME, ModelErrors
from analysis.networks import Network
from analysis.predictions import SPLIT_TITLES
from analysis.products import Cell, Number, TableProduct
from nnk.lattice import Lattice
from nnk.observables.site_barriers import site_barriers

TABLE = f"{NAME}-cards"
TIMED_CELLS = 10
REPEATS = 3


@dataclass(frozen=True)
class Card:
    """All that is known of one model.

    Attributes:
        network: the model.
        errors: of its predictions; None without labels.
        drift: on closed loops.
        barrier_us: time of one barrier on one core, microseconds.
    """

    network: Network
    errors: ModelErrors | None
    drift: ModelDrift
    barrier_us: float


def time_per_barrier_us(network: Network) -> float:
    """Time of one barrier, microseconds of one core: all sites of a random state, the best of a few times."""
    model = network.model
    lattice = Lattice(model.structure, (TIMED_CELLS,) * 3, 1.0)
    occupancy = np.random.default_rng(0).integers(1, len(model.elements) + 1, lattice.n_sites)
    state = occupancy.astype(np.uint8)
    site_barriers(model, lattice, state, [0])  # compiles
    times = []
    for _ in range(REPEATS):
        began = time.process_time()
        count = site_barriers(model, lattice, state).size
        times.append((time.process_time() - began) / count)
    return 1e6 * min(times)


def card_table(cards: Sequence[Card], campaign: str) -> TableProduct:
    """The cards, one row per item."""
    rows: list[list[Cell]] = [
        [card.network.name, topic, item, text]
        for card in cards
        for topic, item, text in (
            *_identity(card),
            *_data(card),
            *_errors(card),
            *_limits(card),
            *_use(card, campaign),
        )
    ]
    columns = {
        "model": "the network",
        "topic": "what it is, its data, its errors, its limits, its use",
        "item": "what is said",
        "value": "the value, with its unit",
    }
    return TableProduct(TABLE, "Model cards", columns, rows)


Rows = Iterator[tuple[str, str, str]]


def _identity(card: Card) -> Rows:
    model, known = card.network.model, card.network.description
    topic = "what it is"
    yield topic, "kind", model.kind
    yield (
        topic,
        "origin",
        "trained by this campaign" if card.network.trained else str(known.get("source", "published")),
    )
    yield topic, "elements", ", ".join(model.elements)
    yield (
        topic,
        "reads",
        f"{model.environment.n_env} sites of {model.structure}, {model.shells} neighbour shells",
    )
    yield topic, "parameters", f"{known['n_parameters']:,}"
    yield topic, "detailed balance", "by construction" if model.detailed_balance else "only as far as learnt"
    if "architecture" in known:
        for name, value in known["architecture"]["options"].items():
            yield topic, name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    yield topic, "time per barrier", f"{card.barrier_us:.2g} µs on one core of the machine of this report"


def _data(card: Card) -> Rows:
    known, topic = card.network.description, "data"
    if not card.network.trained:
        yield topic, "file", f"{known.get('file', 'unknown')}, SHA-256 {known.get('file_sha256', 'unknown')}"
        return
    labels = known["labels"]
    yield topic, "labels", f"{known['labels_used']:,} used, {known['labels_left_out']:,} not"
    yield topic, "compositions", ", ".join(known["compositions"])
    yield (
        topic,
        "potential",
        f"{labels.get('potential', 'unknown')}, hash {labels.get('potential_hash', 'unknown')}",
    )
    yield topic, "hash of the labels", known["data_hash"]
    yield (
        topic,
        "training",
        f"best epoch {known['best_epoch']} of {known['epochs']}, loss {known['parameters']['loss']}",
    )


def _errors(card: Card) -> Rows:
    topic = "errors"
    if card.errors is None:
        yield topic, "mean absolute error", "unknown: no labels to compare with"
    else:
        for split in card.errors.tests:
            (whole,) = card.errors.of(split, "all")
            e = whole.errors
            yield (
                topic,
                f"mean absolute error, {SPLIT_TITLES[split]}",
                f"{1000 * e.MAE:.1f} ± {1000 * whole.MAE.error:.1f} meV; RMSE {1000 * e.RMSE:.1f} meV, "
                f"bias {1000 * e.bias:+.1f} meV, 99 % within {1000 * e.q99:.0f} meV, "
                f"worst {1000 * e.worst:.0f} meV ({e.n:,} barriers)",
            )
        yield (
            topic,
            "slope of computed on predicted",
            f"{card.errors.slope.value:.3f} ± {card.errors.slope.error:.3f}",
        )
    last = card.drift.drifts[-1]
    yield topic, f"drift on loops of {last.length} jumps", amount_left(card.drift)
    spread = card.network.description.get("frame_spread_eV")
    if spread is not None:
        yield topic, "spread over equivalent frames", f"{1000 * spread:.2g} meV"


def _limits(card: Card) -> Rows:
    topic, known = "limits", card.network.description
    yield (
        topic,
        "crystal",
        f"perfect {card.network.model.structure}, no strain; barriers of static relaxations",
    )
    yield (
        topic,
        "vacancies",
        "learnt from single vacancies; what other vacancies do to a barrier is extrapolated",
    )
    if not card.network.model.detailed_balance:
        yield topic, "equilibrium", "not that of an energy: do not read energies of states from it"
    if not card.network.trained:
        yield topic, "labels", "those of this campaign may come from another potential than its own"
        return
    yield (
        topic,
        "compositions",
        "beyond the listed ones extrapolated; see the unseen composition's error"
        if known["held_out_compositions"]
        else "beyond the listed ones extrapolated, and none was held out to tell how well",
    )
    unseen = known["movers_unseen"]
    if unseen:
        yield topic, "moving species never seen", ", ".join(map(str, unseen))
    yield topic, "spread", "a single network states none: take the quantiles of its errors"


def _use(card: Card, campaign: str) -> Rows:
    topic, name = "use", card.network.name
    if card.network.trained:
        yield topic, "in Python", f'nnk.models.load("models/{name}")'
        yield topic, "in a campaign", f"kmc: {{model: {name}}}"
        yield topic, "made by", f"launch {campaign}"
    else:
        yield topic, "in Python", "nnk.published.read_nkk_weights(FILE, allow_pickle=True)"
        yield (
            topic,
            "in a campaign",
            "kmc: {model: {published: {format: nkk, file: FILE, allow_pickle: true}}}",
        )


def card_numbers(card: Card) -> list[Number]:
    """Size and speed."""
    name, known = card.network.name, card.network.description
    return [
        Number(f"{name}: parameters", known["n_parameters"], "1", TABLE),
        Number(f"{name}: time per barrier, one core", card.barrier_us, "µs", TABLE),
    ]
