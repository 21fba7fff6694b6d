"""Cross-validation: errors on labels that the networks were not trained on, folder by folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from analysis.command import run_analysis
from analysis.fold_errors import ModelFolds, read_model_folds
from analysis.fold_figures import folder_figure, parity_figure
from analysis.fold_tables import fold_numbers, folder_table, model_table
from analysis.inputs import Inputs, MissingInput
from analysis.products import Product
from analysis.style import paper_style

NAME = "folds"


def analyse(inputs: Inputs) -> Product:
    """All networks of a cross-validation side by side, best first."""
    train = inputs.campaign().get("train") or {}
    folds = train.get("folds")
    if not folds:
        raise MissingInput(f"{inputs.workdir.campaign_file} has no cross-validation: train.folds")
    names = [model["name"] for model in train["models"]]
    found = [read_model_folds(inputs, name) for name in names]
    models = sorted((model for model in found if model is not None), key=lambda model: model.mean_eV)
    if not models:
        raise MissingInput("no network has been trained on all folds: the train stage has not ended")
    with paper_style():
        figures = (folder_figure(models), parity_figure(models[0]))
    return Product(
        name=NAME,
        title="Cross-validation",
        summary=_summary(models),
        figures=figures,
        tables=(model_table(models), folder_table(models)),
        numbers=fold_numbers(models),
        settings={
            "folds": len(folds),
            **{f"fold {k} tests": ", ".join(fold) for k, fold in enumerate(folds)},
            "labels left out": _left_out(inputs),
        },
        warnings=_warnings(models),
    )


def _summary(models: Sequence[ModelFolds]) -> str:
    best = models[0]
    text = (
        f"Of {len(models)} networks, {best.name} has the lowest mean absolute error on barriers of folders "
        f"that it was not trained on: {best.mean_eV:.3f} ± {best.mean_error_eV:.3f} eV on average over "
        f"{len(best.groups)} folders, median {best.median_eV:.3f} eV; it is largest for {best.worst.name}, "
        f"{best.worst.MAE_eV:.3f} eV."
    )
    if len(models) > 1:
        others = ", ".join(f"{model.name} {model.mean_eV:.3f}" for model in models[1:])
        text += f" Means of the others, in eV: {others}."
    return text


def _left_out(inputs: Inputs) -> str:
    """How many labels are not used, and why."""
    labels = inputs.labels()
    reasons = [reason or "no reason given" for reason in labels.select(~labels.usable).reason]
    if not reasons:
        return "none"
    counts = {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
    return f"{len(reasons)} of {len(labels)}: " + "; ".join(f"{n} {reason}" for reason, n in counts.items())


def _warnings(models: Sequence[ModelFolds]) -> tuple[str, ...]:
    seen = sorted({name for model in models for name in model.trained_compositions})
    if not seen:
        return ()
    text = ", ".join(seen)
    return (f"Tested on samples of compositions that other samples were trained on: {text}.",)


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.folds WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
