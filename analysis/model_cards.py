"""A card for each model: what it is, its data, its errors, its limits, and how to use it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.inputs import Inputs
from analysis.model_drift import ModelDrift, amount_left
from analysis.model_errors import NAME, TESTED, ModelErrors
from analysis.model_speed import Speed
from analysis.networks import Network
from analysis.predictions import SPLIT_TITLES
from analysis.products import Cell, Number, TableProduct
from nnk.files import read_records
from nnk.models import EnsembleModel

TABLE = f"{NAME}-cards"
MOST_NAMED = 20  # compositions of a list


@dataclass(frozen=True)
class Card:
    """All that is known of one model.

    Attributes:
        network: the model.
        errors: of its predictions; None without labels.
        drift: on closed loops.
        speed: time of one barrier.
        training_s: wall time of training, of its last attempt; None if it is not recorded.
        attempts: how many attempts training took.
    """

    network: Network
    errors: ModelErrors | None
    drift: ModelDrift
    speed: Speed
    training_s: float | None
    attempts: int

    @property
    def kind(self) -> str:
        """Kind of network, and of how many the model is the mean."""
        model, known = self.network.model, self.network.description
        members = model.members if isinstance(model, EnsembleModel) else (model,)
        # networks of several kinds come down to the same arrays: what was trained says more
        kind = known.get("architecture", {}).get("kind", members[0].kind)
        return f"{kind} x {len(members)}" if isinstance(model, EnsembleModel) else str(kind)

    @property
    def training_labels(self) -> int | None:
        """Jumps that it has learnt from; None for a published one."""
        errors = self.network.description.get("errors", {})
        return errors["train"]["labels"] if self.network.trained and "train" in errors else None


def training_time(inputs: Inputs, name: str) -> tuple[float | None, int]:
    """Wall time (s) of the attempt that has ended training, and how many attempts were begun.

    None where nothing is recorded.
    """
    records = [record for record in read_records(inputs.workdir, "train") if record.get("key") == name]
    done = [record for record in records if record.get("state") == "done"]
    if not done:
        return None, 0
    mine = [record for record in records if record.get("hash") == done[-1].get("hash")]
    begun = sum(record.get("state") == "started" for record in mine)
    seconds = done[-1].get("seconds")
    return None if seconds is None else float(seconds), max(begun, 1)


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
    yield topic, "kind", card.kind
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
    how = "compiled engine" if card.speed.compiled else "its own evaluation in batches"
    yield topic, "time per barrier", f"{card.speed.core_us:.2g} µs on one core of the report's machine, {how}"
    gpu = card.speed.gpu
    measured = card.speed.gpu_us is not None
    yield topic, "time per barrier on a GPU", f"{card.speed.gpu_us:.2g} µs on {gpu}" if measured else gpu


def _data(card: Card) -> Rows:
    known, topic = card.network.description, "data"
    if not card.network.trained:
        yield topic, "file", f"{known.get('file', 'unknown')}, SHA-256 {known.get('file_sha256', 'unknown')}"
        return
    labels = known["labels"]
    yield topic, "labels", f"{known['labels_used']:,} used, {known['labels_left_out']:,} not"
    yield topic, "compositions", _listed(known["compositions"])
    if known["held_out_compositions"]:
        yield topic, "held out whole", _listed(known["held_out_compositions"])
    counts = [f"{SPLIT_TITLES[split]} {entry['labels']:,}" for split, entry in known["errors"].items()]
    yield topic, "splits", "; ".join(counts)
    yield (
        topic,
        "potential",
        f"{labels.get('potential', 'unknown')}, hash {labels.get('potential_hash', 'unknown')}",
    )
    yield topic, "hash of the labels", known["data_hash"]
    parameters = known["parameters"]
    yield (
        topic,
        "training",
        f"best epoch {known['best_epoch']} of {known['epochs']}, loss {parameters['loss']}",
    )
    yield topic, "seed", f"{parameters['seed']}: of splits, first weights, and the order of the labels"
    yield topic, "training time", _training_text(card)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _training_text(card: Card) -> str:
    if card.training_s is None:
        return "not recorded"
    tries = "" if card.attempts == 1 else f", the last of {card.attempts} attempts, each from where one ended"
    return f"{card.training_s:.0f} s{tries}"


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
                f"R² {e.R2:.3f}, bias {1000 * e.bias:+.1f} meV, 95 % within {1000 * e.q95:.0f} meV, "
                f"99 % within {1000 * e.q99:.0f} meV, worst {1000 * e.worst:.0f} meV ({e.n:,} barriers)",
            )
        for g in card.errors.of(TESTED, "distance"):
            value, error = (1000 * float(x) for x in g.MAE[:2])
            item = f"mean absolute error at a distance of {g.group} from the training compositions"
            yield topic, item, f"{value:.1f} ± {error:.1f} meV ({g.errors.n:,} barriers)"
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
    members = len(card.network.model.members) if isinstance(card.network.model, EnsembleModel) else 1
    yield (
        topic,
        "spread",
        "a single network states none: take the quantiles of its errors"
        if members == 1
        else f"standard deviation of {members} networks; see how it compares with the errors",
    )


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
        Number(f"{name}: time per barrier, one core", card.speed.core_us, "µs", TABLE),
    ]
