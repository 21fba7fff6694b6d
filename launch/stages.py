"""The stages of a campaign, in their order, and what each analysis reads."""

from __future__ import annotations

STAGES = ("prepare", "samples", "label", "audit", "train", "kmc", "analysis", "report")

ANALYSIS_READS: dict[str, tuple[str, ...]] = {
    "labels": ("label", "audit"),
    "training": ("train",),
    "parity": ("train",),
    "spectra": ("label",),
    "order": ("kmc",),
    "clusters": ("kmc",),
    "randomness": ("kmc",),
    "compare": (),
}
"""Stages whose products an analysis cannot do without."""

SECTION_OF_STAGE = {"samples": "label", "label": "label", "audit": "label", "train": "train", "kmc": "kmc"}
"""Section of the campaign file that makes a stage's products."""

READS_STAGES: dict[str, tuple[str, ...]] = {
    "prepare": (),
    "samples": ("prepare",),
    "label": ("prepare", "samples"),
    "audit": ("label",),
    "train": ("label",),
    "kmc": ("prepare", "train"),
    "analysis": ("label", "audit", "train", "kmc"),
    "report": ("analysis",),
}
"""Stages that come before a stage."""
