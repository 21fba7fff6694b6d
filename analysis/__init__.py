"""Post-processing: products of a campaign in, figures, tables and a report out.

Every analysis runs alone, ``python -m analysis.NAME WORKDIR``, and writes

* ``figures/NAME[-x].pdf`` and ``.png``,
* ``tables/NAME[-x].csv``,
* ``figures/NAME.json``: captions, headline numbers, and the hash of every file it read and wrote.
"""

from __future__ import annotations

ANALYSES: dict[str, str] = {
    "labels": "quality of the barrier labels and their audit by NEB",
    "farfield": "what a cutoff leaves open of the energies of jumps",
    "training": "losses, errors and learning rate along training",
    "parity": "predicted against computed barriers, per split and moving species",
    "models": "errors, calibration and drift of the models, and a card for each",
    "folds": "errors of the networks in cross-validation, side by side",
    "spectra": "barrier distributions per moving species, against composition and order",
    "maps": "mean and width of the barriers over all compositions",
    "order": "chemical pair order against temperature and jumps",
    "clusters": "ordered clusters: numbers, sizes, lineage, pictures",
    "randomness": "jump randomness and diffusion multiplicity against temperature",
    "transport": "diffusivities, correlation factors, jump frequencies, Arrhenius fits",
    "snapshots": "snapshots of molecular dynamics: energies, temperatures, forces, correlation times",
    "forces": "force models: losses, parity, quartiles, errors against temperature",
    "compare": "differences from another campaign, or from somebody else's data",
    "report": "one page with everything, report.html",
}
"""What each analysis shows, in the order of the report."""
