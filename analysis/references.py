"""What to cite: the papers whose methods this suite implements, and what a campaign has used besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST = 200


@dataclass(frozen=True)
class Reference:
    """A paper; see also CITATION.cff.

    Attributes:
        authors: as they sign.
        title: as printed.
        place: journal or preprint server, volume, year.
        doi: empty if there is none.
        for_what: the part of the method that comes from it.
    """

    authors: str
    title: str
    place: str
    doi: str
    for_what: str


REFERENCES: tuple[Reference, ...] = (
    Reference(
        "Z. Fan, B. Xing, P. Cao",
        "Convolutional neural networks enable high-fidelity prediction of path-dependent diffusion barrier "
        "spectra in multi-principal element alloys",
        "preprint of the next paper (2022)",
        "",
        "spatial density maps, barrier spectra",
    ),
    Reference(
        "Z. Fan, B. Xing, P. Cao",
        "Predicting path-dependent diffusion barrier spectra in vast compositional space of multi-principal "
        "element alloys via convolutional neural networks",
        "Acta Materialia (2022)",
        "10.1016/j.actamat.2022.118159",
        "barrier spectra over compositions, representations of the environment",
    ),
    Reference(
        "B. Xing, T. J. Rupert, X. Pan, P. Cao",
        "Neural network kinetics for exploring diffusion multiplicity and chemical ordering in "
        "compositionally complex materials",
        "Nature Communications 15, 3879 (2024)",
        "10.1038/s41467-024-47927-9",
        "kinetic Monte Carlo driven by a network, pair order, jump randomness, the published network",
    ),
    Reference(
        "R. Singh, P. Singh, A. Sharma, O. R. Bingol, A. Balu, G. Balasubramanian, A. Krishnamurthy, "
        "S. Sarkar, D. D. Johnson",
        "Neural-network model for force prediction in multi-principal-element alloys",
        "arXiv:2101.05867 (2021)",
        "",
        "voxel representations of alloys",
    ),
    Reference(
        "A. A. Talapatra, A. Pandey, M. S. Wilson, Y. W. Li, G. Pilania, B. P. Uberuaga, D. Perez",
        "Best of both worlds: Enforcing detailed balance in machine learning models of transition rates",
        "Computer Physics Communications 316, 109752 (2025)",
        "10.1016/j.cpc.2025.109752",
        "networks with detailed balance, kinetically resolved barriers",
    ),
)

ZHOU = Reference(
    "X. W. Zhou, R. A. Johnson, H. N. G. Wadley",
    "Misfit-energy-increasing dislocations in vapor-deposited CoFe/NiFe multilayers",  # codespell:ignore nife
    "Physical Review B 69, 144113 (2004)",
    "10.1103/PhysRevB.69.144113",
    "the built-in potential zhou-eam: Mo, Ta, W",
)
WU = Reference(
    "Y. Wu et al.", "", "Materials & Design 230, 111999 (2023)", "", "the built-in potential zhou-eam: Nb"
)
MLIP = Reference(
    "I. S. Novikov, K. Gubaev, E. V. Podryabinkin, A. V. Shapeev",
    "The MLIP package: moment tensor potentials with MPI and active learning",
    "Machine Learning: Science and Technology 2, 025002 (2021)",
    "10.1088/2632-2153/abc9fe",
    "moment tensor potentials",
)
LAMMPS = Reference(
    "A. P. Thompson et al.",
    "LAMMPS - a flexible simulation tool for particle-based materials modeling at the atomic, meso, and "
    "continuum scales",
    "Computer Physics Communications 271, 108171 (2022)",
    "10.1016/j.cpc.2021.108171",
    "energies and forces",
)
ASE = Reference(
    "A. H. Larsen et al.",
    "The atomic simulation environment - a Python library for working with atoms",
    "Journal of Physics: Condensed Matter 29, 273002 (2017)",
    "10.1088/1361-648X/aa680e",
    "structures, elastic bands",
)
NEB = Reference(
    "G. Henkelman, B. P. Uberuaga, H. Jónsson",
    "A climbing image nudged elastic band method for finding saddle points and minimum energy paths",
    "The Journal of Chemical Physics 113, 9901 (2000)",
    "10.1063/1.1329672",
    "elastic bands of the audit and of searches that failed",
)
TORCH = Reference(
    "A. Paszke et al.",
    "PyTorch: An imperative style, high-performance deep learning library",
    "Advances in Neural Information Processing Systems 32 (2019)",
    "",
    "training",
)
PARSL = Reference(
    "Y. Babuji et al.",
    "Parsl: Pervasive parallel programming in Python",
    "HPDC '19: Proceedings of the 28th International Symposium on High-Performance Parallel and "
    "Distributed Computing (2019)",
    "10.1145/3307681.3325400",
    "running the campaign",
)
SAMPLING = Reference(
    "M. Athènes, V. V. Bulatov",
    "Path factorization approach to stochastic simulations",
    "Physical Review Letters 113, 230601 (2014)",
    "10.1103/PhysRevLett.113.230601",
    "ways out of traps (engine flicker)",
)


def used_references(campaign: Mapping[str, Any]) -> list[Reference]:
    """What a campaign has used and ought to cite, the methods first; see `potential_note` for the rest.

    Args:
        campaign: the resolved campaign file.
    """
    _, spectra, kinetics, _, balance = REFERENCES
    label, train, kmc = (campaign.get(name) or {} for name in ("label", "train", "kmc"))
    published = (campaign.get("labels") or {}).get("published") or {}
    potential = (campaign.get("potential") or {}) if label else {}
    kinds = {model.get("kind") for model in train.get("models", ())}
    audited = bool(label) and any((label.get("audit") or {"at_least": 1}).values())
    chosen = {
        spectra: bool(label or campaign.get("labels")),
        kinetics: bool(kmc) or published.get("format") == "npy46",
        balance: "detailed-balance" in kinds,
        SAMPLING: kmc.get("engine") == "flicker",
        ZHOU: "builtin" in potential,
        WU: "builtin" in potential and "Nb" in campaign["alloy"]["elements"],
        MLIP: "mtp" in potential,
        LAMMPS: "lammps" in potential or "builtin" in potential,  # which LAMMPS evaluates
        NEB: audited,
        ASE: bool(label),
        TORCH: bool(train),
        PARSL: True,
    }
    return [reference for reference, is_used in chosen.items() if is_used]


def potential_note(campaign: Mapping[str, Any]) -> str:
    """What to cite for a potential that the user has brought; empty for the built-in one, and for none."""
    potential = campaign.get("potential") or {}
    if not campaign.get("label") or "builtin" in potential:
        return ""
    if "mtp" in potential:
        return f"the potential {Path(potential['mtp']['file']).name}: see its authors"
    if "lammps" in potential:
        files = [Path(file) for file in potential["lammps"].get("files", ())]
        style = f"the potential of pair_style {potential['lammps']['pair_style']}"
        return (
            "; ".join([style, *(f"{file.name}{_first_line(file)}" for file in files)]) + ": see its authors"
        )
    return f"the calculator {potential['ase']['calculator']}: see its authors" if potential else ""


def _first_line(file: Path) -> str:
    """What a potential's file begins with, where its authors stand as a rule."""
    if not file.is_file():
        return ""
    with file.open(encoding="utf-8", errors="replace") as lines:
        text = lines.readline(LONGEST).strip(" #\n")
    return f' ("{text}")' if text.isprintable() and text else ""
