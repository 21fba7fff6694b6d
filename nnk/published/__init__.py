"""Readers of published networks and data sets."""

from nnk.published.lammps_dump import read_lammps_dump
from nnk.published.nkk import read_nkk_weights

__all__ = ["read_lammps_dump", "read_nkk_weights"]
