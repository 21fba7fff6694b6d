"""The cells that barriers are computed in: how atoms are placed, and which of them give way to a vacancy."""

from __future__ import annotations

from nnk.samples.far_field import FarFieldParameters, far_field_sample
from nnk.samples.parameters import OrderedParameters
from nnk.samples.product import OrderedRun
from nnk.samples.sites import SiteChoice, site_order
from nnk.samples.solid_solutions import random_sample, vacancy_stream

__all__ = [
    "FarFieldParameters",
    "OrderedParameters",
    "OrderedRun",
    "SiteChoice",
    "far_field_sample",
    "random_sample",
    "site_order",
    "vacancy_stream",
]
