"""Atoms of a whole cell as voxel images, after a voxel force field for TaNbMo: boxes, tests, descriptor."""

from __future__ import annotations

from nnk.voxels.boxes import Boxes, BoxKind, boxes_of
from nnk.voxels.grid import Channels, VoxelGrid
from nnk.voxels.inside import voxel_numbers

__all__ = ["BoxKind", "Boxes", "Channels", "VoxelGrid", "boxes_of", "voxel_numbers"]
