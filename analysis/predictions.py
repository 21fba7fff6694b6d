"""Barriers of labels with their predictions by the networks of a campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.csv_tables import Columns, Texts, joined, read_columns
from analysis.inputs import DamagedInput, Inputs, MissingInput, reading
from analysis.networks import PUBLISHED, Network, alloy_elements, driving_network, network
from nnk.lattice import IntArray

if TYPE_CHECKING:
    from nnk.barriers import BarrierSet

OWN_LABELS = "labels"  # all of a campaign's, for a model that was not trained on them
SPLITS = ("train", "validation", "test", "test-composition", OWN_LABELS)
SPLIT_TITLES = {
    "train": "training",
    "validation": "validation",
    "test": "test, known compositions",
    "test-composition": "test, unseen composition",
    OWN_LABELS: "labels of this campaign",
}
TESTS = ("test", "test-composition", OWN_LABELS)
HELD_OUT = "test-composition"  # whole, by the seed or by a fold
_TEXTS = ("split", "composition", "sample", "vacancy_site", "species")
SPREAD = "E_spread_eV"  # a column that models with a spread have


@dataclass(frozen=True)
class Predictions:
    """Barriers, in both directions where both are known, with their prediction.

    Attributes:
        model: name of the network.
        split, species, composition: of each barrier, m.
        vacancy: int64[m], number of the vacancy a barrier belongs to.
        true_eV, predicted_eV: float64[m].
        elements: moving species in a fixed order.
        spread_eV: float64[m], standard deviation that the model states; None for one that states none.
        trained_on: compositions that were trained on when one was held out, by its name; in cross-validation
            alone, otherwise those of the split "train" were.
    """

    model: str
    split: Texts
    species: Texts
    composition: Texts
    vacancy: IntArray
    true_eV: NDArray[np.float64]
    predicted_eV: NDArray[np.float64]
    elements: tuple[str, ...]
    spread_eV: NDArray[np.float64] | None = None
    trained_on: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.true_eV)

    def select(self, rows: NDArray[np.bool_] | IntArray) -> Predictions:
        """Some of the barriers."""
        names = [f.name for f in fields(self) if isinstance(getattr(self, f.name), np.ndarray | Texts)]
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    @property
    def splits(self) -> list[str]:
        """Splits that occur, in a fixed order."""
        present = self.split.present()
        return [split for split in SPLITS if split in present]

    @property
    def unseen(self) -> tuple[str, ...]:
        """Compositions that were held out whole."""
        return tuple(self.composition[self.split.among("test-composition")].present())

    @property
    def tested(self) -> NDArray[np.bool_]:
        """Whether a barrier was neither trained on nor chose the epoch, bool[m]."""
        return self.split.among(*TESTS)

    @property
    def error_meV(self) -> NDArray[np.float64]:
        """Predicted minus computed, float64[m]."""
        return 1000 * (self.predicted_eV - self.true_eV)


def read_predictions(inputs: Inputs, model: str, elements: tuple[str, ...]) -> Predictions:
    """What training has written of one network.

    In cross-validation, where the network itself is trained on everything, those of its trainings on the
    folds are there as well: each of the labels that it had held out.

    Raises:
        MissingInput: no such file.
        DamagedInput: a file that cannot be read.
    """
    of_folds = read_fold_tables(inputs, model)
    held_out = [table.select(table.texts["split"].among(HELD_OUT)) for table in of_folds]
    found = predictions_of(model, joined([read_table(inputs, model), *held_out]), elements)
    return replace(found, trained_on=_trained_on(of_folds))


def _trained_on(of_folds: Sequence[Columns]) -> dict[str, frozenset[str]]:
    """Compositions that were trained on when each was held out; in all such folds, if there are several."""
    known: dict[str, frozenset[str]] = {}
    for table in of_folds:
        split, composition = table.texts["split"], table.texts["composition"]
        trained = frozenset(composition[split.among("train")].present())
        for name in composition[split.among(HELD_OUT)].present():
            known[name] = known.get(name, trained) & trained
    return known


def predictions_of(model: str, table: Columns, elements: tuple[str, ...]) -> Predictions:
    """The barriers of a table of predictions."""
    texts, numbers = table.texts, table.numbers
    strange = sorted({*texts["split"].present()} - {*SPLITS})
    if strange:
        raise DamagedInput(
            f"predictions of {model} are of the splits {', '.join(strange)}; known are {', '.join(SPLITS)}"
        )
    return Predictions(
        model=model,
        split=texts["split"],
        species=texts["species"],
        composition=texts["composition"],
        vacancy=_pairs(texts["sample"], texts["vacancy_site"]),
        true_eV=numbers["E_eV"],
        predicted_eV=numbers["E_predicted_eV"],
        elements=elements,
        spread_eV=numbers.get(SPREAD),
    )


def read_table(inputs: Inputs, training: str) -> Columns:
    """The predictions of one training, ``<model>`` or ``<model>/fold<number>``, all columns that are used."""
    path = inputs.note(inputs.workdir.model_dir(training) / "predictions.csv")
    with reading(path):
        return read_columns(path, texts=_TEXTS, numbers=("E_eV", "E_predicted_eV"), optional=(SPREAD,))


def read_fold_tables(inputs: Inputs, model: str) -> list[Columns]:
    """The predictions of a network's trainings on all folds; none, with a warning, while one is missing."""
    folds = (inputs.campaign().get("train") or {}).get("folds") or ()
    names = [f"{model}/fold{number}" for number in range(len(folds))]
    missing = [name for name in names if not (inputs.workdir.model_dir(name) / "predictions.csv").is_file()]
    if missing:
        inputs.warn(f"Cross-validation of {model} is left out: {', '.join(missing)} not trained yet.")
        return []
    return [read_table(inputs, name) for name in names]


def _pairs(sample: Texts, site: Texts) -> IntArray:
    """A number int64[m] for each vacancy, that is each pair of a sample and a site of it."""
    return sample.codes * len(site.names) + site.codes


def predicted_labels(network: Network, labels: BarrierSet) -> Predictions:
    """All usable labels, on none of which the network was trained.

    Raises:
        ValueError: no usable label, or cells too small for the model.
    """
    from nnk.training.data import jump_data
    from nnk.training.products import predict_both

    model = network.model
    data = jump_data(labels, model.shells)
    predicted = predict_both(model.remap(data.elements), data)
    both = Predictions(
        model=network.name,
        split=Texts.of([OWN_LABELS] * 2 * len(data)),
        species=Texts(data.elements, np.tile(data.mover.astype(np.int64) - 1, 2)),
        composition=Texts.of(np.tile(data.composition, 2)),
        vacancy=np.tile(_pairs(Texts.of(data.sample), Texts.of(data.vacancy_site)), 2),
        true_eV=np.concatenate([data.E_fwd_eV, data.E_bwd_eV]),
        predicted_eV=np.concatenate([predicted.forward, predicted.backward]),
        elements=data.elements,
    )
    return both.select(np.isfinite(both.true_eV))


@dataclass(frozen=True)
class Judged:
    """A network and what it has predicted of labels; None without labels."""

    network: Network
    predictions: Predictions | None


def judged_networks(inputs: Inputs) -> list[Judged]:
    """All networks of the campaign, the trained ones first.

    One that cannot be read is left out with a warning.

    Raises:
        MissingInput: the campaign has no network, or none is trained yet.
        DamagedInput: none of them can be read.
    """
    elements, published = alloy_elements(inputs), driving_network(inputs) == PUBLISHED
    names = inputs.model_names() if inputs.campaign().get("train") or not published else []
    found: list[Judged] = []
    reasons: list[str] = []
    for name in names:
        try:
            trained = network(inputs, name, elements)
            found.append(Judged(trained, read_predictions(inputs, name, elements)))
        except (MissingInput, DamagedInput) as error:
            inputs.leave_out(inputs.workdir.model_dir(name), error)
            reasons.append(str(error))
    found += [_published(inputs, elements)] if published else []
    if not found:
        raise DamagedInput(f"none of the models {', '.join(names)} can be used; the first: {reasons[0]}")
    return found


def _published(inputs: Inputs, elements: tuple[str, ...]) -> Judged:
    found = network(inputs, PUBLISHED, elements)
    if not {"label", "labels"} & inputs.campaign().keys():
        return Judged(found, None)
    try:
        labels = inputs.labels()
    except MissingInput as error:
        inputs.warn(f"{PUBLISHED} is not compared with labels: {error}")
        return Judged(found, None)
    with reading(inputs.workdir.labels_file):
        return Judged(found, predicted_labels(found, labels))
