"""The models of a campaign: those it has trained, and the published one that drives its runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.inputs import DamagedInput, Inputs, MissingInput, reading
from analysis.networks import PUBLISHED
from analysis.predictions import OWN_LABELS, Predictions, read_predictions

if TYPE_CHECKING:
    from nnk.barriers import BarrierSet
    from nnk.models import BarrierModel


@dataclass(frozen=True)
class Subject:
    """A model and what it has predicted.

    Attributes:
        name: in figures and tables.
        model: the network, for species numbered as in the campaign.
        trained: by this campaign; otherwise published.
        predictions: of labels; None without labels.
    """

    name: str
    model: BarrierModel
    trained: bool
    predictions: Predictions | None

    @property
    def description(self) -> dict[str, Any]:
        """What is known of it."""
        return self.model.describe()


def read_subjects(inputs: Inputs) -> list[Subject]:
    """All models of the campaign, the trained ones first.

    A model that cannot be read is left out with a warning.

    Raises:
        MissingInput: the campaign has no model, or none is trained yet.
        DamagedInput: none of them can be read.
    """
    campaign = inputs.campaign()
    elements = tuple(campaign["alloy"]["elements"])
    published = isinstance((campaign.get("kmc") or {}).get("model"), dict)
    names = inputs.model_names() if campaign.get("train") or not published else []
    found: list[Subject] = []
    reasons: list[str] = []
    for name in names:
        try:
            found.append(_trained(inputs, name, elements))
        except (MissingInput, DamagedInput) as error:
            inputs.leave_out(inputs.workdir.model_dir(name), error)
            reasons.append(str(error))
    found += [_published(inputs, elements)] if published else []
    if not found:
        raise DamagedInput(f"none of the models {', '.join(names)} can be used; the first: {reasons[0]}")
    return found


def _trained(inputs: Inputs, name: str, elements: tuple[str, ...]) -> Subject:
    return Subject(name, inputs.model(name, elements), True, read_predictions(inputs, name, elements))


def _published(inputs: Inputs, elements: tuple[str, ...]) -> Subject:
    campaign = inputs.campaign()
    model = inputs.kmc_model(elements)
    name = PUBLISHED
    if not campaign.get("label"):
        return Subject(name, model, False, None)
    try:
        labels = inputs.labels()
    except MissingInput as error:
        inputs.warn(f"{name} is not compared with labels: {error}")
        return Subject(name, model, False, None)
    with reading(inputs.workdir.labels_file):
        return Subject(name, model, False, predicted_labels(name, model, labels))


def predicted_labels(name: str, model: BarrierModel, labels: BarrierSet) -> Predictions:
    """Both directions of all usable labels, on none of which the model was trained.

    Raises:
        ValueError: no usable label, or cells too small for the model.
    """
    from nnk.training.data import jump_data
    from nnk.training.products import predict_both

    data = jump_data(labels, model.shells)
    forward, backward = predict_both(model.remap(data.elements), data)
    vacancy = np.char.add(np.char.add(data.sample, ":"), data.vacancy_site.astype(np.str_))
    return Predictions(
        model=name,
        split=np.full(2 * len(data), OWN_LABELS),
        species=np.tile(np.array(data.elements)[data.mover - 1], 2),
        composition=np.tile(data.composition, 2),
        vacancy=np.tile(vacancy, 2),
        true_eV=np.concatenate([data.E_fwd_eV, data.E_bwd_eV]),
        predicted_eV=np.concatenate([forward, backward]),
        elements=data.elements,
    )
