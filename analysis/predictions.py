"""Barriers of labels with their predictions by one network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.csv_tables import read_columns
from analysis.inputs import Inputs, reading

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
_COLUMNS = ("split", "composition", "sample", "vacancy_site", "species", "E_eV", "E_predicted_eV")


@dataclass(frozen=True)
class Predictions:
    """Barriers, both directions, with their prediction.

    Attributes:
        model: name of the network.
        split, species, composition: str[m].
        vacancy: str[m], the vacancy a barrier belongs to.
        true_eV, predicted_eV: float64[m].
        elements: moving species in a fixed order.
    """

    model: str
    split: NDArray[np.str_]
    species: NDArray[np.str_]
    composition: NDArray[np.str_]
    vacancy: NDArray[np.str_]
    true_eV: NDArray[np.float64]
    predicted_eV: NDArray[np.float64]
    elements: tuple[str, ...]

    @property
    def splits(self) -> list[str]:
        """Splits that occur, in a fixed order."""
        return [split for split in SPLITS if (self.split == split).any()]

    @property
    def unseen(self) -> tuple[str, ...]:
        """Compositions that were held out whole."""
        return tuple(np.unique(self.composition[self.split == "test-composition"]).tolist())

    @property
    def tested(self) -> NDArray[np.bool_]:
        """Whether a barrier was neither trained on nor chose the epoch, bool[m]."""
        return np.isin(self.split, TESTS)

    @property
    def error_meV(self) -> NDArray[np.float64]:
        """Predicted minus computed, float64[m]."""
        return 1000 * (self.predicted_eV - self.true_eV)


def read_predictions(inputs: Inputs, model: str, elements: tuple[str, ...]) -> Predictions:
    """What training has written of one network.

    Raises:
        MissingInput: no such file.
        DamagedInput: a file that cannot be read.
    """
    path = inputs.note(inputs.workdir.model_dir(model) / "predictions.csv")
    with reading(path):
        columns = read_columns(path, _COLUMNS)
        energies = {name: columns[name].astype(np.float64) for name in ("E_eV", "E_predicted_eV")}
    vacancy = np.char.add(np.char.add(columns["sample"], ":"), columns["vacancy_site"])
    return Predictions(
        model=model,
        split=columns["split"],
        species=columns["species"],
        composition=columns["composition"],
        vacancy=vacancy,
        true_eV=energies["E_eV"],
        predicted_eV=energies["E_predicted_eV"],
        elements=elements,
    )
