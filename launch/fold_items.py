"""Which trainings a network takes: one on everything, and in cross-validation one for each fold."""

from __future__ import annotations

from launch.campaign import Campaign


def trainings(campaign: Campaign, model: str) -> dict[str, tuple[str, ...]]:
    """Names that are held out in each training of a network, by the key of its item."""
    folds = {f"{model}/fold{number}": names for number, names in enumerate(campaign.folds())}
    return {model: (), **folds}


def model_of(key: str) -> str:
    """Name of the network that an item trains."""
    return key.partition("/")[0]
