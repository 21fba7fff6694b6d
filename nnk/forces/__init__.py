"""Force models of a cell's atoms from voxel images, displacements or local densities.

`ForceSpec`, `ForceTraining` and `ForceModel` import nothing heavy; training and evaluation bring in torch.
"""

from __future__ import annotations

from nnk.forces.model import ForceModel
from nnk.forces.parameters import ForceSpec, ForceTraining

__all__ = ["ForceModel", "ForceSpec", "ForceTraining"]
