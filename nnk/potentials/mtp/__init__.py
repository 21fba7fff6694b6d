"""Moment tensor potentials: the files and their compiled evaluation.

Source: Shapeev, Multiscale Model. Simul. 14, 1153 (2016); Novikov, Gubaev, Podryabinkin and Shapeev, Mach.
Learn.: Sci. Technol. 2, 025002 (2021).
"""

from __future__ import annotations

from nnk.potentials.mtp.force_field import MtpForceField
from nnk.potentials.mtp.parameters import MtpParameters
from nnk.potentials.mtp.reader import read_mtp

__all__ = ["MtpForceField", "MtpParameters", "read_mtp"]
