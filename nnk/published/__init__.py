"""Readers of published networks and data sets."""

from nnk.published.dft import DftBarriers, Flaw, read_dft, read_folds
from nnk.published.forward import ForwardBarriers
from nnk.published.lammps_dump import read_lammps_dump
from nnk.published.nkk import read_nkk_weights
from nnk.published.npy46 import Npy46, open_npy46

__all__ = [
    "DftBarriers",
    "Flaw",
    "ForwardBarriers",
    "Npy46",
    "open_npy46",
    "read_dft",
    "read_folds",
    "read_lammps_dump",
    "read_nkk_weights",
]
