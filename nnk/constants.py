"""Physical constants."""

from __future__ import annotations

K_B_eV_K = 8.617333262e-5
"""Boltzmann constant."""
