"""The papers whose methods this suite implements, and what each is to be cited for."""

from __future__ import annotations

from dataclasses import dataclass


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
