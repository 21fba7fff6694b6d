"""The stages of a campaign, in their order, and what each analysis reads."""

from __future__ import annotations

STAGES = ("prepare", "samples", "label", "audit", "train", "kmc", "snapshots", "forces", "analysis", "report")

ANALYSIS_READS: dict[str, tuple[str, ...]] = {
    "labels": ("label", "audit"),
    "farfield": ("label",),
    "training": ("train",),
    "parity": ("train",),
    "models": (),
    "folds": ("train",),
    "spectra": (),
    "maps": (),
    "order": ("kmc",),
    "clusters": ("kmc",),
    "randomness": ("kmc",),
    "transport": ("kmc",),
    "snapshots": ("snapshots",),
    "forces": ("forces",),
    "compare": (),
}
"""Stages whose products an analysis cannot do without."""

ALSO_READS: dict[str, tuple[str, ...]] = {
    "spectra": ("label", "train", "kmc"),
    "maps": ("label", "train", "kmc"),
    "models": ("label", "train", "kmc"),
}
"""Stages whose products an analysis reads where the campaign has them; any one of them will do."""

SECTION_OF_STAGE = {
    "samples": "label",
    "label": "label",
    "audit": "label",
    "train": "train",
    "kmc": "kmc",
    "snapshots": "snapshots",
    "forces": "forces",
}
"""Section of the campaign file that makes a stage's products."""

READS_STAGES: dict[str, tuple[str, ...]] = {
    "prepare": (),
    "samples": ("prepare",),
    "label": ("prepare", "samples"),
    "audit": ("label",),
    "train": ("label",),
    "kmc": ("prepare", "train"),
    "snapshots": ("prepare",),
    "forces": ("snapshots",),
    "analysis": ("label", "audit", "train", "kmc", "snapshots", "forces"),
    "report": ("analysis",),
}
"""Stages that come before a stage."""
