"""Labels: barriers of vacancy jumps from verified saddle points."""

from __future__ import annotations

from nnk.saddle.box import zero_pressure_lattice_parameter
from nnk.saddle.label import VacancyLabels, label_vacancy, unlabelled
from nnk.saddle.parameters import SearchParameters
from nnk.saddle.system import SystemProduct, fit_system

__all__ = [
    "SearchParameters",
    "SystemProduct",
    "VacancyLabels",
    "fit_system",
    "label_vacancy",
    "unlabelled",
    "zero_pressure_lattice_parameter",
]
